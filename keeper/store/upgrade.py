"""Brings a store to the present schema, step after step, each whole or not at all; a copy is made before the first."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine, insert, inspect, select, update

from keeper.store.database import StoreError, metadata, schema

log = structlog.get_logger(__name__)

Progress = Callable[[int, int, int], object]
"""Told of sqlite's status, the pages left, and all pages."""

VERSION = 3
"""Of the schema in keeper/store/database.py."""

STEPS: dict[int, tuple[str, ...]] = {
    2: (
        "CREATE TABLE schema (version INTEGER NOT NULL, PRIMARY KEY (version))",
        "INSERT INTO schema (version) VALUES (1)",
        "ALTER TABLE transactions ADD COLUMN gas_used INTEGER",
        "ALTER TABLE transactions ADD COLUMN gas_price TEXT",
        "ALTER TABLE transactions ADD COLUMN fee TEXT",
        "ALTER TABLE transactions ADD COLUMN native_price TEXT",
        "ALTER TABLE transactions ADD COLUMN mined_time INTEGER",
        "CREATE INDEX receipt_owed ON transactions (mined_block) WHERE gas_used IS NULL AND mined_block IS NOT NULL",
        """CREATE TABLE sales (
            hash VARCHAR NOT NULL, place INTEGER NOT NULL, account TEXT NOT NULL, taker TEXT NOT NULL,
            fraction TEXT NOT NULL, equity TEXT NOT NULL, requirement TEXT NOT NULL, lambda_account TEXT NOT NULL,
            lambda_taker TEXT NOT NULL, taker_paid TEXT NOT NULL, account_got TEXT NOT NULL, opener_got TEXT NOT NULL,
            vault_got TEXT NOT NULL, PRIMARY KEY (hash, place), FOREIGN KEY(hash) REFERENCES transactions (hash))""",
    ),
    3: (
        """CREATE TABLE opportunities (
            block INTEGER NOT NULL, place INTEGER NOT NULL, time INTEGER NOT NULL, account TEXT NOT NULL,
            taker TEXT NOT NULL, label VARCHAR NOT NULL, fraction TEXT NOT NULL, requirement TEXT NOT NULL,
            lambda_taker TEXT NOT NULL, seen_block INTEGER, seen_seconds FLOAT, sent_block INTEGER,
            PRIMARY KEY (block, place))""",
        "CREATE INDEX ix_opportunities_time ON opportunities (time)",
    ),
}
"""What leads to each version from the one before it. A step that was released is never changed, only followed."""


def version_of(connection: Connection) -> int:
    """Of the store's schema; 0 for an empty file. The first schema had no table that says so."""
    names = set(inspect(connection).get_table_names())
    if "schema" in names:
        return int(connection.scalar(select(schema.c.version)) or 0)
    return 1 if "decisions" in names else 0


def check_version(path: Path, version: int) -> None:
    """StoreError for a schema that only a newer keeper knows."""
    if version > VERSION:
        raise StoreError(
            f"{path}: written by a newer keeper (schema {version}, this one knows up to {VERSION}): run that keeper, "
            f"or `keeper restore` a backup made before its upgrade ({path.name}.before-{version})"
        )


def bring_up_to_date(engine: Engine, path: Path) -> None:
    """Make an empty store's tables, or upgrade an older one. Raises StoreError for a newer one."""
    with engine.connect() as connection:
        version = version_of(connection)
    check_version(path, version)
    if version == VERSION:
        return
    if version:
        copy = path.with_name(f"{path.name}.before-{VERSION}")
        copy_store(path, copy)
        log.info("upgrading the store", schema=version, to=VERSION, backup=str(copy))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while version < VERSION:
            version = _one_step(connection, path)


def _one_step(connection: Connection, path: Path) -> int:
    """The next step in a transaction of its own; the version after it. Another process may have been faster."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        version = version_of(connection)
        check_version(path, version)
        if version == 0:
            metadata.create_all(connection)
            connection.execute(insert(schema).values(version=VERSION))
            version = VERSION
        elif version < VERSION:
            version += 1
            for statement in STEPS[version]:
                connection.exec_driver_sql(statement)
            connection.execute(update(schema).values(version=version))
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")
    return version


def copy_store(source: Path, target: Path, progress: Progress | None = None) -> None:
    """A consistent copy of a store that may be written meanwhile, as one file; whole or not there at all."""
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        _copy(source, part, progress)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _copy(source: Path, target: Path, progress: Progress | None) -> None:
    reading = sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30, isolation_level=None)
    writing = sqlite3.connect(target)
    try:
        # One reading transaction for all parts: what is written meanwhile neither gets in nor makes it start anew.
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        reading.backup(writing, pages=2_000, progress=progress, sleep=0)
        writing.execute("PRAGMA journal_mode=DELETE")
        writing.commit()
    finally:
        writing.close()
        reading.close()
