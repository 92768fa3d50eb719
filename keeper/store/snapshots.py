"""Snapshots of the mirror, so that a restart reads only the logs since the last one."""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import msgspec
import numpy as np
from sqlalchemy import Engine, delete, insert, select

from keeper.book.mirror import TABLES, Mirror
from keeper.book.rows import U64, Columns
from keeper.book.store import Book, UnreadableError, packed
from keeper.store.database import snapshots

KEPT = 3
"""A snapshot whose block was reorganised away is of no use; the ones before it may be."""
_TABLES = ("runs", "prices", "parameters", "slow_feeds", "books", "curves", "standing", "minimums")


class Snapshot(NamedTuple):
    """The block whose state one holds."""

    number: int
    hash: str


class Frozen(NamedTuple):
    """A mirror at one block, which nobody changes."""

    number: int
    hash: str
    time: int
    base_fee: int
    tables: dict[str, dict[Any, Any]]
    columns: Columns


class _Body(msgspec.Struct):
    """A snapshot's bytes; numbers are hexadecimal."""

    number: int
    hash: str
    time: int
    base_fee: int
    tables: dict[str, dict[str, str]]
    tokens: dict[str, tuple[str, int]]
    operators: list[tuple[str, str]]
    scalars: dict[str, str]
    accounts: list[list[bytes]]
    """Numbers, headers and words, four limbs each."""


def save_snapshot(engine: Engine, deployment: str, mirror: Frozen) -> None:
    """Write it down, and forget what is older than the last few."""
    row = {"number": mirror.number, "hash": mirror.hash, "deployment": deployment, "body": pack(mirror)}
    with engine.begin() as connection:
        connection.execute(delete(snapshots).where(snapshots.c.number >= mirror.number))
        connection.execute(insert(snapshots).values(row))
        kept = select(snapshots.c.number).order_by(snapshots.c.number.desc()).limit(KEPT)
        connection.execute(delete(snapshots).where(snapshots.c.number.not_in(kept)))


def snapshots_of(engine: Engine, deployment: str) -> list[Snapshot]:
    """Snapshots of this deployment, the newest first."""
    chosen = (
        select(snapshots.c.number, snapshots.c.hash)
        .where(snapshots.c.deployment == deployment)
        .order_by(snapshots.c.number.desc())
    )
    with engine.connect() as connection:
        return [Snapshot(*row) for row in connection.execute(chosen)]


def load_snapshot(engine: Engine, number: int, history: int) -> Mirror:
    """The mirror of one. Raises UnreadableError if it cannot be read."""
    with engine.connect() as connection:
        body = connection.execute(select(snapshots.c.body).where(snapshots.c.number == number)).scalar_one()
    return unpack(body, history)


def drop_snapshot(engine: Engine, number: int) -> None:
    """Forget one."""
    with engine.begin() as connection:
        connection.execute(delete(snapshots).where(snapshots.c.number == number))


def freeze(mirror: Mirror) -> Frozen:
    """A copy of what is to be written, so that the mirror can go on."""
    tables = {name: dict(getattr(mirror, name)) for name in TABLES}
    return Frozen(mirror.number, mirror.block_hash, mirror.time, mirror.base_fee, tables, mirror.book.copied())


def pack(frozen: Frozen) -> bytes:
    """All of it as compressed bytes."""
    tables = frozen.tables
    body = _Body(
        number=frozen.number,
        hash=frozen.hash,
        time=frozen.time,
        base_fee=frozen.base_fee,
        tables={name: {f"{key:x}": f"{value:x}" for key, value in tables[name].items()} for name in _TABLES},
        tokens={f"{key:x}": (f"{token:x}", decimals) for key, (token, decimals) in tables["tokens"].items()},
        operators=[
            (f"{owner:x}", f"{operator:x}") for (owner, operator), is_set in tables["operators"].items() if is_set
        ],
        scalars={key: f"{value:x}" for key, value in tables["scalars"].items()},
        accounts=[_squeezed(part) for part in packed(frozen.columns)],
    )
    return msgspec.msgpack.encode(body)


def unpack(body: bytes, history: int) -> Mirror:
    """The mirror that was packed; it cannot be rolled back past its block. Raises UnreadableError if it is none."""
    try:
        read = msgspec.msgpack.decode(body, type=_Body)
        mirror = Mirror(history, Book.unpacked(*(_loosened(part) for part in read.accounts)))
    except (msgspec.MsgspecError, zlib.error, TypeError, ValueError) as error:
        raise UnreadableError(f"a snapshot cannot be read: {error!r}") from error
    mirror.number, mirror.block_hash, mirror.time, mirror.base_fee = read.number, read.hash, read.time, read.base_fee
    mirror.tokens.update({int(key, 16): (int(token, 16), decimals) for key, (token, decimals) in read.tokens.items()})
    mirror.operators.update({(int(owner, 16), int(operator, 16)): True for owner, operator in read.operators})
    mirror.scalars.update({key: int(value, 16) for key, value in read.scalars.items()})
    for name in _TABLES:
        getattr(mirror, name).update({int(key, 16): int(value, 16) for key, value in read.tables[name].items()})
    return mirror


def _squeezed(words: U64) -> list[bytes]:
    """Each limb apart from the others: the high ones are nearly all the same, and cost nothing so."""
    return [zlib.compress(np.ascontiguousarray(words[:, limb]).astype("<u8").data, 1) for limb in range(4)]


def _loosened(parts: list[bytes]) -> U64:
    columns = [np.frombuffer(zlib.decompress(part), dtype="<u8") for part in parts]
    words = np.empty((len(columns[0]), 4), np.uint64)
    for limb, column in enumerate(columns):
        words[:, limb] = column
    return words
