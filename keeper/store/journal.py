"""The write-ahead journal: what was decided, the bytes that were signed for it, and what became of them.

A decision is `planned` before anything else; then it is `given_up` (or `dry`), or its bytes are `signed`, and only
then sent: `sent`, and at last `mined`, `reverted` or `dropped`. All its transactions share one nonce, so the chain
carries out at most one of them. Signed bytes are on the disk when `sign` returns, and all that was written before
them; whatever else is written survives the end of the process at once, and the end of the machine with the next bytes
that are signed: a decision without bytes was not sent, and what became of sent bytes the chain tells again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, case, delete, func, insert, or_, select, update

from keeper.store.database import decisions, sales, transactions

OPEN_STATES = ("signed", "sent")
SOON, AT_ONCE = "PRAGMA synchronous=NORMAL", "PRAGMA synchronous=FULL"
"""When SQLite has a transaction on the disk: with a later one, or before the commit returns."""
COUNTED = 16
"""Receipts owed that are looked up at once."""
COSTS = ("gas_used", "gas_price", "fee", "native_price", "mined_time")

# What is written while a head waits, made once: making a statement takes longer than carrying it out.
_AT = decisions.c.id == bindparam("decision_")
_OF = transactions.c.decision == bindparam("decision_")
_FIRST = decisions.c.nonce.is_(None)
_PLAN = insert(decisions)
_TAKE_NONCE = (
    update(decisions)
    .where(_AT, or_(_FIRST, decisions.c.nonce == bindparam("nonce_")))
    .values(state=case((_FIRST, "signed"), else_=decisions.c.state), nonce=bindparam("nonce_"))
)
_KEEP_BYTES = insert(transactions).values(
    place=select(func.count()).select_from(transactions).where(_OF).scalar_subquery(),
    decision=bindparam("decision_"),
    **{name: bindparam(f"{name}_") for name in ("hash", "raw", "max_fee", "tip", "cancels")},
    state="signed",
)
_ADVANCE = update(decisions).where(_AT).values(state=bindparam("state_"))
_END = update(decisions).where(_AT).values(state=bindparam("state_"), reason=bindparam("reason_"))
_DROP = update(transactions).where(_OF).values(state="dropped")
_REPLACE = update(transactions).where(_OF).values(state="replaced")
_SEND = (
    update(transactions)
    .where(transactions.c.hash == bindparam("hash_"))
    .values(state="sent", sent_block=bindparam("block_"))
)
_MINE = (
    update(transactions)
    .where(transactions.c.hash == bindparam("hash_"))
    .values(state=bindparam("state_"), mined_block=bindparam("block_"), mined_hash=bindparam("block_hash_"))
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What one transaction is to do, and why it may: block and chain time it was decided at, margin it binds."""

    id: str
    kind: str
    sender: str
    block: int
    time: int
    accounts: tuple[int, ...]
    target: str
    data: bytes
    gas: int
    reserved: int = 0
    profit: int = 0


@dataclass(frozen=True, slots=True)
class Signed:
    """Signed bytes; fees in wei a unit of gas. `cancels`: they only use up the nonce."""

    hash: str
    raw: bytes
    max_fee: int
    tip: int
    cancels: bool = False
    sent_block: int | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a mined transaction cost, from its receipt: wei; `native_price`: quote for 1.0 of the chain's own coin."""

    gas_used: int
    gas_price: int
    fee: int
    native_price: str


@dataclass(frozen=True, slots=True)
class Sale:
    """What one lot of a bid came to, as the Auction's Taken event tells it: WAD, WAD quote."""

    account: int
    taker: int
    fraction: int
    equity: int
    requirement: int
    lambda_account: int
    lambda_taker: int
    taker_paid: int
    account_got: int
    opener_got: int
    vault_got: int


@dataclass(slots=True)
class Pending:
    """A decision with signed bytes whose fate is not known, oldest bytes first."""

    decision: Decision
    nonce: int
    signed: list[Signed] = field(default_factory=list)
    forgotten: bool = False
    """A node may have let go of it, as it paid less than a block asked for."""

    @property
    def newest(self) -> Signed:
        """The bytes that count, unless earlier ones are mined after all."""
        return self.signed[-1]


class Journal:
    """The journal of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _writing(self, level: str = SOON) -> Iterator[Connection]:
        """A transaction; only what must not be lost waits for the disk."""
        with self._engine.begin() as connection:
            connection.exec_driver_sql(level)
            yield connection

    def plan(self, decision: Decision) -> None:
        """Write a decision down."""
        row = {
            "id": decision.id,
            "kind": decision.kind,
            "sender": decision.sender,
            "state": "planned",
            "reason": "",
            "block": decision.block,
            "time": decision.time,
            "accounts": json.dumps([hex(account) for account in decision.accounts]),
            "target": decision.target,
            "data": decision.data,
            "gas": decision.gas,
            "reserved": str(decision.reserved),
            "profit": str(decision.profit),
        }
        with self._writing() as connection:
            connection.execute(_PLAN, row)

    def end(self, decision: str, state: str, reason: str) -> None:
        """A decision that comes to nothing: `given_up`, `dry` or `dropped`."""
        with self._writing() as connection:
            connection.execute(_END, {"decision_": decision, "state_": state, "reason_": reason})
            connection.execute(_DROP, {"decision_": decision})

    def sign(self, decision: str, nonce: int, signed: Signed) -> None:
        """Write signed bytes down, the first of a decision or a replacement, before anybody else gets them."""
        with self._writing(AT_ONCE) as connection:
            if connection.execute(_TAKE_NONCE, {"decision_": decision, "nonce_": nonce}).rowcount != 1:
                raise ValueError(f"decision {decision} is not there, or has another nonce than {nonce}")
            connection.execute(
                _KEEP_BYTES,
                {
                    "decision_": decision,
                    "hash_": signed.hash,
                    "raw_": signed.raw,
                    "max_fee_": str(signed.max_fee),
                    "tip_": str(signed.tip),
                    "cancels_": int(signed.cancels),
                },
            )

    def sent(self, decision: str, tx_hash: str, block: int) -> None:
        """An endpoint took the bytes when `block` was the head."""
        with self._writing() as connection:
            connection.execute(_ADVANCE, {"decision_": decision, "state_": "sent"})
            connection.execute(_SEND, {"hash_": tx_hash, "block_": block})

    def mined(self, decision: str, tx_hash: str, block: int, block_hash: str, *, succeeded: bool) -> None:
        """One of the decision's transactions is in a block; the others are replaced."""
        state = "mined" if succeeded else "reverted"
        with self._writing() as connection:
            connection.execute(_ADVANCE, {"decision_": decision, "state_": state})
            connection.execute(_REPLACE, {"decision_": decision})
            connection.execute(_MINE, {"hash_": tx_hash, "state_": state, "block_": block, "block_hash_": block_hash})

    def unmine(self, sender: str, after: int) -> int:
        """Blocks after `after` did not happen: their transactions are pending again. How many decisions that is."""
        gone = (
            select(transactions.c.decision)
            .join(decisions, decisions.c.id == transactions.c.decision)
            .where(transactions.c.mined_block > after, decisions.c.sender == sender)
        )
        with self._writing() as connection:
            names = list(connection.scalars(gone))
            connection.execute(update(decisions).where(decisions.c.id.in_(names)).values(state="sent"))
            connection.execute(
                update(transactions)
                .where(transactions.c.decision.in_(names))
                .values(state="sent", mined_block=None, mined_hash=None, **dict.fromkeys(COSTS))
            )
            hashes = select(transactions.c.hash).where(transactions.c.decision.in_(names))
            connection.execute(delete(sales).where(sales.c.hash.in_(hashes)))
        return len(names)

    def uncounted(self) -> list[tuple[str, str, int]]:
        """Mined transactions whose receipt was not read yet: kind, hash, block, the oldest of them first."""
        chosen = (
            select(decisions.c.kind, transactions.c.hash, transactions.c.mined_block)
            .join(decisions, decisions.c.id == transactions.c.decision)
            .where(transactions.c.mined_block.is_not(None), transactions.c.gas_used.is_(None))
            .order_by(transactions.c.mined_block, transactions.c.hash)
            .limit(COUNTED)
        )
        with self._engine.connect() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(chosen)]

    def count(self, tx_hash: str, cost: Cost, time: int | None, found: Sequence[Sale]) -> None:
        """What a mined transaction cost, the time of its block, and what its bids bought."""
        values = {
            "gas_used": cost.gas_used,
            "gas_price": str(cost.gas_price),
            "fee": str(cost.fee),
            "native_price": cost.native_price,
            "mined_time": time,
        }
        rows = [
            {"hash": tx_hash, "place": place, **{name: str(value) for name, value in asdict(sale).items()}}
            for place, sale in enumerate(found)
        ]
        with self._writing() as connection:
            # A reorg may have come in between: then its receipt is read again.
            mined = transactions.c.mined_block.is_not(None)
            done = connection.execute(update(transactions).where(transactions.c.hash == tx_hash, mined).values(values))
            connection.execute(delete(sales).where(sales.c.hash == tx_hash))
            if done.rowcount and rows:
                connection.execute(insert(sales), rows)

    def abandon_planned(self, sender: str) -> int:
        """Decisions that never got as far as bytes are of another time: given up. How many that is."""
        with self._writing() as connection:
            found = connection.execute(
                update(decisions)
                .where(decisions.c.sender == sender, decisions.c.state == "planned")
                .values(state="given_up", reason="the keeper stopped before it was signed")
            )
        return int(found.rowcount)

    def pending(self, sender: str) -> list[Pending]:
        """Decisions whose bytes may still be mined, in the order of their nonces."""
        chosen = (
            select(decisions)
            .where(decisions.c.sender == sender, decisions.c.state.in_(OPEN_STATES))
            .order_by(decisions.c.nonce)
        )
        with self._engine.connect() as connection:
            found = [Pending(_decision(row), row.nonce) for row in connection.execute(chosen)]
            for pending in found:
                pending.signed = _bytes_of(connection, pending.decision.id)
        return found

    def last_mined(self, sender: str, after: int) -> list[tuple[int, str]]:
        """Blocks after `after` in which transactions of `sender` were seen mined."""
        chosen = (
            select(transactions.c.mined_block, transactions.c.mined_hash)
            .join(decisions, decisions.c.id == transactions.c.decision)
            .where(decisions.c.sender == sender, transactions.c.mined_block > after)
            .order_by(transactions.c.mined_block)
            .distinct()
        )
        with self._engine.connect() as connection:
            return [(row[0], row[1]) for row in connection.execute(chosen)]

    def next_nonce(self, sender: str) -> int:
        """One above the highest nonce that was ever signed for; 0 if none was."""
        with self._engine.connect() as connection:
            highest = connection.scalar(select(func.max(decisions.c.nonce)).where(decisions.c.sender == sender))
        return 0 if highest is None else int(highest) + 1

    def states(self, sender: str) -> list[tuple[str, str, str]]:
        """Kind, state and reason of every decision, oldest first."""
        chosen = (
            select(decisions.c.kind, decisions.c.state, decisions.c.reason)
            .where(decisions.c.sender == sender)
            .order_by(decisions.c.block, decisions.c.id)
        )
        with self._engine.connect() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(chosen)]


def _bytes_of(connection: Connection, decision: str) -> list[Signed]:
    chosen = select(transactions).where(transactions.c.decision == decision).order_by(transactions.c.place)
    return [
        Signed(row.hash, row.raw, int(row.max_fee), int(row.tip), bool(row.cancels), row.sent_block)
        for row in connection.execute(chosen)
    ]


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        id=row.id,
        kind=row.kind,
        sender=row.sender,
        block=row.block,
        time=row.time,
        accounts=tuple(int(account, 16) for account in json.loads(row.accounts)),
        target=row.target,
        data=row.data,
        gas=row.gas,
        reserved=int(row.reserved),
        profit=int(row.profit),
    )
