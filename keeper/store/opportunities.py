"""What others took that this keeper might have, in the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, func, insert, select

from keeper.decide.rivals import Opportunity
from keeper.store.database import opportunities
from keeper.store.history import Wanted, discount_of, plain

WAD = 10**18
_TEXTS = ("account", "taker", "fraction", "requirement", "lambda_taker")


def note(engine: Engine, found: Sequence[Opportunity], times: dict[int, int]) -> None:
    """Write them down, with the time of each one's block; what is there of the same block and place is replaced."""
    rows = []
    for one in found:
        row = asdict(one)
        rows.append(row | {name: str(row[name]) for name in _TEXTS} | {"time": times[one.block]})
    with engine.begin() as connection:
        connection.execute(insert(opportunities).prefix_with("OR REPLACE"), rows)


def forget(engine: Engine, after: int) -> None:
    """Blocks after `after` did not happen."""
    with engine.begin() as connection:
        connection.execute(delete(opportunities).where(opportunities.c.block > after))


def _conditions(wanted: Wanted, label: str | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if label is not None:
        found.append(opportunities.c.label == label)
    if wanted.account is not None:
        found.append(opportunities.c.account == str(wanted.account))
    if wanted.since is not None:
        found.append(opportunities.c.time >= wanted.since)
    return found


def opportunities_of(engine: Engine, wanted: Wanted, label: str | None = None) -> Iterator[dict[str, Any]]:
    """Those wanted, the newest first: quote units, blocks, seconds."""
    table = opportunities.c
    chosen = select(opportunities).where(*_conditions(wanted, label)).order_by(table.block.desc(), table.place.desc())
    with engine.connect() as connection:
        for row in connection.execute(chosen.limit(wanted.limit)):
            amounts = {name: int(getattr(row, name)) for name in _TEXTS}
            yield {
                "time": row.time,
                "block": row.block,
                "account": hex(amounts["account"]),
                "taker": hex(amounts["taker"]),
                "label": row.label,
                "fraction": plain(Decimal(amounts["fraction"]) / WAD),
                "requirement": plain(Decimal(amounts["requirement"]) / WAD),
                "lambda": plain(Decimal(amounts["lambda_taker"]) / WAD),
                "discount": plain(discount_of(row) / WAD),
                "seen_block": row.seen_block,
                "seen_seconds": row.seen_seconds,
                "sent_block": row.sent_block,
                "blocks_seen_before": None if row.seen_block is None else row.block - row.seen_block,
            }


def labels_of(engine: Engine, wanted: Wanted) -> Counter[str]:
    """How many there are of each label."""
    chosen = select(opportunities.c.label, func.count()).where(*_conditions(wanted, None))
    with engine.connect() as connection:
        return Counter({row[0]: row[1] for row in connection.execute(chosen.group_by(opportunities.c.label))})
