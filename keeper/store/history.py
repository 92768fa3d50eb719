"""What the journal tells an operator: decisions with what became of them, transactions with their costs, sales."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, func, select

from keeper.store.database import decisions, sales, transactions

WAD = 10**18
STATES = ("planned", "dry", "given_up", "signed", "sent", "mined", "reverted", "dropped")
PIECE = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions; None: whatever it is. `owner` stands for all its accounts, `since` is in chain seconds."""

    kind: str | None = None
    state: str | None = None
    account: int | None = None
    owner: int | None = None
    since: int | None = None
    limit: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """As the store asks."""
        found: list[ColumnElement[bool]] = []
        if self.kind is not None:
            found.append(decisions.c.kind == self.kind)
        if self.state is not None:
            found.append(decisions.c.state == self.state)
        if self.since is not None:
            found.append(decisions.c.time >= self.since)
        # Accounts stand in a JSON list of hexadecimal words; an owner is the upper 160 bits of its accounts.
        if self.account is not None:
            found.append(decisions.c.accounts.like(f'%"{self.account:#x}"%'))
        if self.owner is not None:
            found.append(decisions.c.accounts.like(f'%"{self.owner:#x}{"_" * 24}"%'))
        return found


def rows_of(engine: Engine, wanted: Wanted) -> list[dict[str, Any]]:
    """Decisions, the newest first, each with the transaction that decided its fate, or else its last one."""
    return list(each_of(engine, wanted, newest_first=True))


def each_of(engine: Engine, wanted: Wanted, *, newest_first: bool = False) -> Iterator[dict[str, Any]]:
    """The same one after the other, the oldest first unless said otherwise."""
    order = [decisions.c.time, decisions.c.block, decisions.c.nonce, decisions.c.id]
    chosen = select(decisions).where(*wanted.conditions())
    chosen = chosen.order_by(*[column.desc() if newest_first else column for column in order]).limit(wanted.limit)
    with engine.connect() as connection:
        for piece in connection.execute(chosen).partitions(PIECE):
            names = [row.id for row in piece]
            sent = _by(connection, select(transactions).where(transactions.c.decision.in_(names)), "decision")
            hashes = [row.hash for rows in sent.values() for row in rows]
            sold = _by(connection, select(sales).where(sales.c.hash.in_(hashes)), "hash")
            for row in piece:
                yield _decision(row, sent.get(row.id, []), sold)


def count_of(engine: Engine, wanted: Wanted) -> int:
    """How many decisions there are, whatever the limit."""
    with engine.connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(decisions).where(*wanted.conditions())) or 0)


def transactions_of(engine: Engine, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Every signed transaction of these decisions, replaced ones too, without its bytes."""
    fields = [column for column in transactions.c if column.name != "raw"]
    chosen = (
        select(decisions.c.kind, decisions.c.sender, decisions.c.nonce, *fields)
        .join(decisions, decisions.c.id == transactions.c.decision)
        .where(*wanted.conditions())
        .order_by(decisions.c.time, decisions.c.nonce, transactions.c.place)
    )
    with engine.connect() as connection:
        for row in connection.execute(chosen):
            yield dict(row._mapping)


def sales_of(engine: Engine, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Every lot that these decisions bought: quote units."""
    chosen = (
        select(transactions.c.mined_block, transactions.c.mined_time, transactions.c.decision, sales)
        .join(transactions, transactions.c.hash == sales.c.hash)
        .join(decisions, decisions.c.id == transactions.c.decision)
        .where(*wanted.conditions())
        .order_by(transactions.c.mined_block, sales.c.hash, sales.c.place)
    )
    with engine.connect() as connection:
        for row in connection.execute(chosen):
            read = dict(row._mapping)
            told = {name: read[name] for name in ("mined_block", "mined_time", "decision", "hash", "place")}
            told["account"], told["taker"] = hex(int(read["account"])), hex(int(read["taker"]))
            for name in list(read)[list(read).index("fraction") :]:
                told[name] = plain(Decimal(read[name]) / WAD)
            told["discount"] = plain(discount_of(row) / WAD)
            yield told


def discount_of(sale: Row[Any]) -> Decimal:
    """λ_t·f·MM of a lot, WAD quote: what it came cheaper than its equity."""
    return Decimal(int(sale.lambda_taker) * int(sale.fraction) // WAD * int(sale.requirement) // WAD)


def plain(amount: Decimal) -> str:
    """All its digits, never an exponent."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _by(connection: Connection, chosen: Any, name: str) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(chosen.order_by("place")):
        found.setdefault(getattr(row, name), []).append(row)
    return found


def _decision(row: Row[Any], sent: list[Row[Any]], sold: dict[str, list[Row[Any]]]) -> dict[str, Any]:
    last = next((one for one in sent if one.mined_block is not None), sent[-1] if sent else None)
    counted = last is not None and last.gas_used is not None
    fee = Decimal(last.fee) / WAD if last is not None and counted else None
    fee_quote = None if last is None or fee is None else fee * Decimal(last.native_price)
    bought = sold.get(last.hash, []) if last is not None else []
    discount = sum((discount_of(sale) for sale in bought), Decimal(0)) / WAD
    return {
        "id": row.id,
        "time": row.time,
        "block": row.block,
        "kind": row.kind,
        "state": "cancelled" if last is not None and last.cancels and row.state == "mined" else row.state,
        "reason": row.reason,
        "accounts": json.loads(row.accounts),
        "sender": row.sender,
        "nonce": row.nonce,
        "reserved": plain(Decimal(row.reserved) / WAD),
        "expected_profit": plain(Decimal(row.profit) / WAD),
        "transactions": len(sent),
        "hash": None if last is None else last.hash,
        "mined_block": None if last is None else last.mined_block,
        "mined_time": None if last is None else last.mined_time,
        "gas_used": None if last is None else last.gas_used,
        "gas_price_wei": None if last is None else last.gas_price,
        "fee_native": None if fee is None else plain(fee),
        "fee_quote": None if fee_quote is None else plain(fee_quote),
        "taker_paid": plain(sum((Decimal(sale.taker_paid) for sale in bought), Decimal(0)) / WAD) if bought else None,
        "discount": plain(discount) if bought else None,
        "gain": None if fee_quote is None else plain(discount - fee_quote),
    }
