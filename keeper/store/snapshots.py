"""Snapshots of the mirror, so that a restart reads only the logs since the last one."""

from __future__ import annotations

import json
import zlib
from typing import NamedTuple

from sqlalchemy import Engine, delete, insert, select

from keeper.book.mirror import Entry, Mirror
from keeper.store.database import snapshots

KEPT = 3
"""A snapshot whose block was reorganised away is of no use; the ones before it may be."""
_TABLES = ("runs", "prices", "parameters", "slow_feeds", "books", "curves")


class Snapshot(NamedTuple):
    """A mirror's state after a block."""

    number: int
    hash: str
    body: bytes


def save_snapshot(engine: Engine, deployment: str, mirror: Mirror) -> None:
    """Write the mirror down, and forget what is older than the last few."""
    row = {"number": mirror.number, "hash": mirror.block_hash, "deployment": deployment, "body": pack(mirror)}
    with engine.begin() as connection:
        connection.execute(delete(snapshots).where(snapshots.c.number >= mirror.number))
        connection.execute(insert(snapshots).values(row))
        kept = select(snapshots.c.number).order_by(snapshots.c.number.desc()).limit(KEPT)
        connection.execute(delete(snapshots).where(snapshots.c.number.not_in(kept)))


def snapshots_of(engine: Engine, deployment: str) -> list[Snapshot]:
    """Snapshots of this deployment, the newest first."""
    chosen = (
        select(snapshots.c.number, snapshots.c.hash, snapshots.c.body)
        .where(snapshots.c.deployment == deployment)
        .order_by(snapshots.c.number.desc())
    )
    with engine.connect() as connection:
        return [Snapshot(*row) for row in connection.execute(chosen)]


def drop_snapshot(engine: Engine, number: int) -> None:
    """Forget one."""
    with engine.begin() as connection:
        connection.execute(delete(snapshots).where(snapshots.c.number == number))


def pack(mirror: Mirror) -> bytes:
    """The mirror's tables as compressed JSON, numbers in hexadecimal."""
    body = {
        "number": mirror.number,
        "hash": mirror.block_hash,
        "time": mirror.time,
        "base_fee": mirror.base_fee,
        "accounts": {
            f"{key:x}": [f"{word:x}" for word in (entry.header, *entry.words)] for key, entry in mirror.accounts.items()
        },
        "tokens": {f"{key:x}": list(value) for key, value in mirror.tokens.items()},
        "operators": [
            [f"{owner:x}", f"{operator:x}"] for (owner, operator), is_set in mirror.operators.items() if is_set
        ],
        "scalars": {key: f"{value:x}" for key, value in mirror.scalars.items()},
        **{name: {f"{key:x}": f"{value:x}" for key, value in getattr(mirror, name).items()} for name in _TABLES},
    }
    return zlib.compress(json.dumps(body, separators=(",", ":")).encode(), 1)


def unpack(body: bytes, history: int) -> Mirror:
    """The mirror that was packed; it cannot be rolled back past its block."""
    read = json.loads(zlib.decompress(body))
    mirror = Mirror(history)
    mirror.number, mirror.block_hash = read["number"], read["hash"]
    mirror.time, mirror.base_fee = read["time"], read["base_fee"]
    for key, (header, *words) in read["accounts"].items():
        mirror.accounts[int(key, 16)] = Entry(int(header, 16), tuple(int(word, 16) for word in words))
    mirror.tokens.update({int(key, 16): (token, decimals) for key, (token, decimals) in read["tokens"].items()})
    mirror.operators.update({(int(owner, 16), int(operator, 16)): True for owner, operator in read["operators"]})
    mirror.scalars.update({key: int(value, 16) for key, value in read["scalars"].items()})
    for name in _TABLES:
        getattr(mirror, name).update({int(key, 16): int(value, 16) for key, value in read[name].items()})
    mirror.changed.update(mirror.accounts)
    return mirror
