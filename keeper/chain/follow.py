"""From heads to steps: which blocks to undo and which to apply, by hash, whatever was missed or reorganised."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple, Protocol

import structlog

from keeper.chain.logs import Logs, read_logs
from keeper.chain.source import DifferError
from keeper.chain.types import Header, LinkError, RpcError, header_of

log = structlog.get_logger(__name__)

WALK = 32
"""Blocks that are walked back by parent hash; more are read in ranges first, which know no hash in between."""
SETTLED = 16
"""Blocks below the head that ranges leave to the walk, as a reorg there is likely enough."""
FIRST_RANGE = 64
"""Blocks of the first range: how many logs a block has is not known yet."""
SMALL, LARGE = 2 * 2**20, 8 * 2**20
"""Bytes of an answer below which the next range may be larger, and above which it is smaller: what an endpoint can give
in the time allowed, and the loop can read without being away for long.
"""


class Requests(Protocol):
    """As much of a node as following needs."""

    async def call(self, method: str, params: list[Any]) -> Any:
        """The result. Raises LinkError or RpcError."""
        ...


class Told(Protocol):
    """As much of a source of logs as following needs."""

    wrong: set[str]

    async def of_block(self, block_hash: str) -> bytes:
        """The logs of a block, as JSON. Raises LinkError or RpcError."""
        ...

    async def of_range(self, first: int, last: int) -> bytes:
        """The logs of a range, as JSON. Raises DifferError, LinkError or RpcError."""
        ...


class Undo(NamedTuple):
    """Everything after block `number` did not happen."""

    number: int


class Apply(NamedTuple):
    """The logs up to and with block `header`, since the block before it that was applied."""

    header: Header
    logs: Logs


Step = Undo | Apply


class LostError(Exception):
    """The chain has no block in common with what is known: the book must be read anew."""


class Follower:
    """What of the chain has been applied, by number and hash, and how to get from there to a head."""

    def __init__(self, node: Requests, source: Told, *, start: int, log_range: int, history: int) -> None:
        self._node = node
        self._source = source
        self._start = start
        self._range = log_range
        self._history = history
        self._known: OrderedDict[str, int] = OrderedDict()

    @property
    def tip(self) -> tuple[int, str] | None:
        """The newest applied block."""
        if not self._known:
            return None
        block_hash = next(reversed(self._known))
        return self._known[block_hash], block_hash

    def anchor(self, number: int, block_hash: str) -> None:
        """Begin after this block: the book holds everything up to it."""
        self._known = OrderedDict({block_hash: number})

    async def is_canonical(self, number: int, block_hash: str) -> bool:
        """Whether the chain still has this block."""
        block = await self._node.call("eth_getBlockByNumber", [hex(number), False])
        return block is not None and block["hash"] == block_hash

    async def steps(self, head: Header) -> AsyncIterator[Step]:
        """What leads from the tip to `head`; each step counts as done when the next one is asked for.

        Raises LostError when the history kept does not reach back far enough, LinkError when the node's answers do not
        fit together, as when another reorg came in between: then the next head starts where this one broke off.
        """
        for step in self._taken_back():
            yield step
        if head.hash in self._known:
            return
        async for step in self._in_ranges(head):
            yield step
        path = await self._path(head)
        ancestor = self._known[path[-1].parent] if self._known else self._start - 1
        if self.tip is not None and ancestor != self.tip[0]:
            yield Undo(ancestor)
            self._forget_after(ancestor)
        for header in reversed(path):
            yield Apply(header, read_logs(await self._source.of_block(header.hash)))
            self._remember(header)

    def _taken_back(self) -> Iterator[Step]:
        """Blocks whose logs were found to be wrong did not happen, until they are read again."""
        wrong = [number for block_hash, number in self._known.items() if block_hash in self._source.wrong]
        if not wrong:
            return
        before = min(wrong) - 1
        if len(self._known) == len(wrong) or next(iter(self._known.values())) > before:
            raise LostError(f"logs of block {min(wrong)} were wrong, and nothing before it is known")
        yield Undo(before)
        self._forget_after(before)

    async def _path(self, head: Header) -> list[Header]:
        """From `head` down to the block after the newest known one."""
        path = [head]
        while not self._reaches(path[-1]):
            oldest = next(iter(self._known.values())) if self._known else self._start
            if path[-1].number <= oldest:
                raise LostError(f"block {path[-1].number} {path[-1].hash} is not on what is known since block {oldest}")
            path.append(await self._header(path[-1].parent))
        return path

    def _reaches(self, header: Header) -> bool:
        """Whether the block before `header` is applied, or before the first there is anything to apply in."""
        return header.parent in self._known if self._known else header.number <= self._start

    async def _in_ranges(self, head: Header) -> AsyncIterator[Step]:
        """Blocks far below the head, many in one request."""
        number = self.tip[0] if self.tip else self._start - 1
        if head.number - number <= WALK:
            return
        async for step in self._back_to_canonical():
            yield step
        number = self.tip[0] if self.tip else self._start - 1
        size = min(self._range, FIRST_RANGE)
        while number < head.number - SETTLED:
            last = min(number + size, head.number - SETTLED)
            header = await self._header_at(last)
            try:
                logs = await self._source.of_range(number + 1, last)
            except DifferError as differ:
                # Block by block, where each one's hash says what is true of it.
                log.warning("a range is read block by block", error=str(differ))
                async for step in self._one_by_one(number + 1, last):
                    yield step
                number = last
                continue
            except (RpcError, LinkError) as error:
                # Nodes limit what one answer may hold, each by its own words, or fail over it without any.
                if size == 1:
                    raise LinkError(str(error)) from error
                size = max(1, size // 4)
                log.info("smaller ranges of logs", blocks=size, error=str(error))
                continue
            told = read_logs(logs)
            log.debug("read a range", first=number + 1, last=last, logs=told.known, bytes=len(logs))
            yield Apply(header, told)
            self._remember(header)
            number = last
            if len(logs) > LARGE:
                size = max(1, size // 2)
            elif len(logs) < SMALL:
                size = min(self._range, size * 2)

    async def _one_by_one(self, first: int, last: int) -> AsyncIterator[Step]:
        for number in range(first, last + 1):
            header = await self._header_at(number)
            yield Apply(header, read_logs(await self._source.of_block(header.hash)))
            self._remember(header)

    async def _back_to_canonical(self) -> AsyncIterator[Step]:
        for block_hash, number in reversed(list(self._known.items())):
            if await self.is_canonical(number, block_hash):
                if self.tip is not None and number != self.tip[0]:
                    yield Undo(number)
                    self._forget_after(number)
                return
        if self._known:
            raise LostError("none of the known blocks is on the chain")

    async def _header(self, block_hash: str) -> Header:
        return self._existing(await self._node.call("eth_getBlockByHash", [block_hash, False]), block_hash)

    async def _header_at(self, number: int) -> Header:
        return self._existing(await self._node.call("eth_getBlockByNumber", [hex(number), False]), hex(number))

    @staticmethod
    def _existing(block: dict[str, object] | None, name: str) -> Header:
        if block is None:
            raise LinkError(f"block {name} is not there any more")
        return header_of(block)

    def _remember(self, header: Header) -> None:
        self._known[header.hash] = header.number
        while len(self._known) > self._history:
            self._known.popitem(last=False)

    def _forget_after(self, number: int) -> None:
        while self._known and next(reversed(self._known.values())) > number:
            self._known.popitem(last=True)
