"""Signed orders from where the operator says: files and HTTP addresses, read again and again, and checked before use.

Shape and signature are checked as they are read, in a thread of their own; whether the signer may trade for the account
when a match is made; how much is filled, once a match would use an order. Contract wallets sign in ways that only the
chain can check: their orders are left out.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import structlog
from eth_account import Account
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError as InvalidError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from keeper.chain.links import name_of
from keeper.chain.types import LinkError
from keeper.decide.match import Signed
from keeper.execution.calls import lowest_nonce_call, maker_fee_call, slot_call
from keeper.execution.simulation import Requests
from keeper.model.orders import SLOTS, Order, Slot, filled_of, slot_refusal
from keeper.orders import order_hash

log = structlog.get_logger(__name__)

MOST_BYTES = 8 * 2**20
MOST_ORDERS = 2_000
MOST_WORDS = 200
"""Letters of a reason: what is told may stand in it."""
TOO_LONG = f"more than {MOST_BYTES >> 20} MiB"
SECONDS = 5.0
"""In which an address must answer."""


WORD = re.compile("0x[0-9a-fA-F]{64}")


def _number(value: object) -> object:
    return int(value, 0) if isinstance(value, str) else value


Word = Annotated[int, BeforeValidator(_number), Field(strict=True, ge=0, lt=2**256)]
Size = Annotated[int, BeforeValidator(_number), Field(strict=True, ge=-(2**127), lt=2**127)]


class _Order(BaseModel):
    """An order as JSON: numbers as such, or as decimal or 0x strings."""

    model_config = ConfigDict(extra="forbid")

    account: Word
    market: Annotated[Word, Field(lt=64)]
    size: Size
    price: Word
    max_fee: Word
    expiry: Word
    nonce: Annotated[Word, Field(lt=2**64)]
    reduce_only: Annotated[bool, Field(strict=True)] = False
    taker: Word = 0


class _Signed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    order: _Order
    signature: Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{130}$")]


class _Told(BaseModel):
    orders: list[Any]


_told = TypeAdapter(_Told)


def orders_in(text: bytes, source: str, signer_of: Callable[[Order, bytes], int]) -> list[Signed]:
    """The orders that a source tells of; those that are none, or that nobody signed, are left out and counted.

    Raises ValueError where it is no JSON object with a list `orders`, or one that is too long.
    """
    listed = _told.validate_json(text).orders
    if len(listed) > MOST_ORDERS:
        raise ValueError(f"{len(listed)} orders are more than {MOST_ORDERS}")
    found, wrong = [], []
    for place, entry in enumerate(listed):
        try:
            read = _Signed.model_validate(entry)
        except (ValidationError, ValueError) as error:
            wrong.append(f"orders.{place}: {_why(error)}")
            continue
        order, signature = Order(**read.order.model_dump()), bytes.fromhex(read.signature[2:])
        signer = signer_of(order, signature)
        if signer:
            found.append(Signed(order, signature, signer))
        else:
            wrong.append(f"orders.{place}: the signature is none")
    if wrong:
        log.warning("orders are left out", source=source, count=len(wrong), first=wrong[0])
    return found


def _why(error: Exception) -> str:
    """In words that hold no address: what stands in it may be a key."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'the answer'}: {first['msg']}"[:MOST_WORDS]
    if isinstance(error, aiohttp.ClientResponseError):
        return f"HTTP {error.status}"
    if isinstance(error, aiohttp.ClientError | TimeoutError):
        return type(error).__name__
    return (error.strerror or repr(error) if isinstance(error, OSError) else str(error))[:MOST_WORDS]


class Sources:
    """Where orders are told of, and what they said last."""

    def __init__(self, names: Sequence[str], chain_id: int, exchange: str) -> None:
        self.failures: dict[str, str] = {}
        """Those that could not be read the last time, and why."""
        self._names = list(names)
        self._told: dict[str, list[Signed]] = {}
        self._chain_id = chain_id
        self._exchange = exchange
        self._signers: dict[tuple[Order, bytes], int] = {}

    def __bool__(self) -> bool:
        return bool(self._names)

    @property
    def orders(self) -> list[Signed]:
        """All of them."""
        return [signed for told in self._told.values() for signed in told]

    async def read(self) -> None:
        """Read all now; one that cannot be read keeps what it said last, with a word in the log."""
        for source in self._names:
            name = name_of(source) if "://" in source else source
            try:
                found = await asyncio.to_thread(orders_in, await _text(source), name, self._signer)
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                # What it said last may still be good: the chain decides.
                self.failures[name] = _why(error)
                log.warning("orders cannot be read", source=name, error=self.failures[name])
                continue
            self.failures.pop(name, None)
            self._told[source] = found
        known = {(signed.order, signed.signature) for signed in self.orders}
        self._signers = {key: signer for key, signer in self._signers.items() if key in known}

    def _signer(self, order: Order, signature: bytes) -> int:
        """The address that signed, as the Exchange would find it; 0: none."""
        key = order, signature
        if key not in self._signers:
            try:
                digest = order_hash(order, self._chain_id, self._exchange)
                # Libraries read other forms of v too; the contract does not.
                good = signature[64] in (27, 28)
                self._signers[key] = int(Account._recover_hash(digest, signature=signature), 16) if good else 0
            except (BadSignature, InvalidError, ValueError, TypeError):
                self._signers[key] = 0
        return self._signers[key]


async def _text(source: str) -> bytes:
    if "://" not in source:
        return await asyncio.to_thread(_file, Path(source))
    limit = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(timeout=limit) as session, session.get(source) as answer:
        answer.raise_for_status()
        text = b""
        while len(text) <= MOST_BYTES and (more := await answer.content.read(MOST_BYTES)):
            text += more
    if len(text) > MOST_BYTES:
        raise ValueError(TOO_LONG)
    return text


def _file(path: Path) -> bytes:
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(TOO_LONG)
    return path.read_bytes()


class Resting:
    """All orders that are known of now, and what has been found out about them."""

    def __init__(self, sources: Sources, seconds: float, node: Requests, chain_id: int, exchange: str) -> None:
        self.filled: dict[Order, int] = {}
        """How much of an order is filled, of those that were asked for; all of one that can be used no more."""
        self.exchange = exchange
        self.sources = sources
        self._seconds = seconds
        self._node = node
        self._chain_id = chain_id
        self.skip = 0
        """Of the orders that fit an account, how many a match leaves out."""
        self._fresh: set[Order] = set()
        self._fee: int | None = None
        self._suspects: dict[Order, int] = {}
        self._read = -seconds
        self._reading: asyncio.Task[None] | None = None

    @property
    def known(self) -> list[Signed]:
        """The orders that a match may use."""
        return [signed for signed in self.sources.orders if signed.order not in self._suspects]

    def at(self, block: int) -> list[Signed]:
        """The same, at a new head: what was known of their fills is asked for again before it is relied on."""
        self._fresh.clear()
        self._fee = None
        self._suspects = {order: until for order, until in self._suspects.items() if until > block}
        return self.known

    def suspect(self, orders: Iterable[Order], until: int) -> None:
        """A match with these was refused: they are not used before a block."""
        self._suspects.update(dict.fromkeys(orders, until))

    def turn(self, count: int) -> None:
        """So many orders led to no match: begin with those after them the next time."""
        self.skip = self.skip + count if self.skip + count < len(self.known) else 0

    async def check(self, chosen: Iterable[Signed]) -> bool:
        """Ask the chain about orders that a match would use; whether it says anything against them.

        Raises LinkError or RpcError where it cannot be asked.
        """
        asked = [signed.order for signed in chosen if signed.order not in self._fresh]
        if asked and self._fee is None:
            self._fee = await self._ask(maker_fee_call())
        found = await asyncio.gather(*(self._filled(order) for order in asked))
        worse = False
        for order, filled in zip(asked, found, strict=True):
            worse = worse or filled > self.filled.get(order, 0)
            self.filled[order] = filled
            self._fresh.add(order)
        return worse

    async def refresh(self) -> None:
        """Begin to read all sources anew if it is time; what they say counts from a later head on."""
        if not self.sources or time.monotonic() - self._read < self._seconds:
            return
        if self._reading is None or self._reading.done():
            self._read = time.monotonic()
            self._reading = asyncio.create_task(self.read())

    async def close(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def read(self) -> None:
        """Read all sources now, and forget what is known of orders that nobody tells of any more."""
        await self.sources.read()
        known = {signed.order for signed in self.sources.orders}
        self.filled = {order: amount for order, amount in self.filled.items() if order in known}

    async def _filled(self, order: Order) -> int:
        """What of it is filled; all of it if it may be filled no more, or not at the Exchange's fee."""
        word, lowest = await asyncio.gather(
            self._ask(slot_call(order.account, order.nonce % SLOTS)), self._ask(lowest_nonce_call(order.account))
        )
        slot = Slot.unpack(word)
        digest = int.from_bytes(order_hash(order, self._chain_id, self.exchange), "big")
        refused = slot_refusal(slot, order, digest, lowest) or order.max_fee < (self._fee or 0)
        return abs(order.size) if refused else filled_of(slot, order)

    async def _ask(self, data: bytes) -> int:
        told = await self._node.call("eth_call", [{"to": self.exchange, "data": "0x" + data.hex()}, "latest"])
        if not isinstance(told, str) or not WORD.fullmatch(told):
            raise LinkError("eth_call: the Exchange's answer is no word")
        return int(told, 16)
