"""Copies of the store: made while a keeper runs, checked, and put back without forgetting what was sent since."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from keeper.execution.lock import FileLock
from keeper.store.database import StoreError
from keeper.store.upgrade import VERSION, Progress, copy_store

OPEN = ("signed", "sent")


@dataclass(frozen=True, slots=True)
class Contents:
    """What a store holds."""

    path: Path
    version: int
    bytes: int
    decisions: frozenset[str]
    transactions: frozenset[str]
    pending: frozenset[str]
    """Decisions whose bytes may still be mined."""
    newest: int | None
    """Chain time of the newest decision."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What the journal would not know of any more."""

    decisions: int
    transactions: int
    pending: int
    unreadable: str = ""

    def __bool__(self) -> bool:
        return bool(self.transactions or self.decisions or self.unreadable)


def contents_of(path: Path) -> Contents:
    """What is in the store at `path`, after a check of the whole file. Raises StoreError where it is no sound store."""
    if not path.is_file():
        raise StoreError(f"{path}: no such file")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
            found = connection.execute("PRAGMA integrity_check").fetchone()[0]
            if found != "ok":
                raise StoreError(f"{path}: damaged: {found}")
            return _read(path, connection)
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: {error}") from error


def _read(path: Path, connection: sqlite3.Connection) -> Contents:
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"decisions", "transactions", "snapshots"} <= names:
        raise StoreError(f"{path}: not a keeper's store")
    version = connection.execute("SELECT version FROM schema").fetchone()[0] if "schema" in names else 1
    if version > VERSION:
        raise StoreError(f"{path}: of a newer keeper (schema {version}, this one knows up to {VERSION})")

    def column(query: str) -> frozenset[str]:
        return frozenset(row[0] for row in connection.execute(query))

    return Contents(
        path=path,
        version=version,
        bytes=path.stat().st_size,
        decisions=column("SELECT id FROM decisions"),
        transactions=column("SELECT hash FROM transactions"),
        pending=column(f"SELECT id FROM decisions WHERE state IN {OPEN}"),  # noqa: S608 - a constant
        newest=connection.execute("SELECT max(time) FROM decisions").fetchone()[0],
    )


def back_up(store: Path, target: Path, *, force: bool = False, progress: Progress | None = None) -> Contents:
    """Copy the store to `target` and check the copy; a keeper may be writing meanwhile."""
    if target.resolve() == store.resolve():
        raise StoreError(f"{target}: is the store itself")
    if target.exists() and not force:
        raise StoreError(f"{target}: exists already; --force replaces it")
    if not store.is_file():
        raise StoreError(f"{store}: no such file: nothing to back up")
    try:
        copy_store(store, target, progress)
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{store}: {error}") from error
    except OSError as error:
        raise StoreError(f"{target}: {error.strerror}") from error
    return contents_of(target)


@contextmanager
def nobody_running(directory: Path) -> Iterator[None]:
    """Holds the lock of every key that a keeper of this store ever used. Raises HeldError while one runs."""
    with ExitStack() as held:
        for path in sorted(directory.glob("keeper-*.lock")):
            held.enter_context(FileLock(path))
        yield


def loss(store: Path, backup: Contents) -> Loss:
    """What the store has and the backup lacks."""
    if not store.exists():
        return Loss(0, 0, 0)
    try:
        present = contents_of(store)
    except StoreError as error:
        return Loss(0, 0, 0, unreadable=str(error))
    lacking = present.decisions - backup.decisions
    return Loss(len(lacking), len(present.transactions - backup.transactions), len(present.pending & lacking))


def put_back(store: Path, backup: Contents) -> Path | None:
    """Make the backup the store. The former one is kept beside it: its path, or None if there was none."""
    store.parent.mkdir(parents=True, exist_ok=True)
    part = store.with_name(f"{store.name}.restoring")
    try:
        copy_store(backup.path, part)
        aside = _aside(store)
        part.replace(store)
    except OSError as error:
        raise StoreError(f"{store}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return aside


def _aside(store: Path) -> Path | None:
    """Moved away with what SQLite has beside it: its write-ahead log belongs to it and to nothing else."""
    beside = [Path(f"{store}{ending}") for ending in ("", "-wal", "-shm")]
    if not any(path.exists() for path in beside):
        return None
    number = 1
    while (kept := store.with_name(f"{store.name}.replaced-{number}")).exists():
        number += 1
    for path, ending in zip(beside, ("", "-wal", "-shm"), strict=True):
        if path.exists():
            path.rename(f"{kept}{ending}")
    return kept
