"""The tables, and an engine whose commits are on the disk when they return, unless their maker can wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import DatabaseError

from keeper.watch import metrics

LOCKED = 2.0
"""Seconds to wait for whoever else writes. The loop waits too, so no longer than a block: the next head tries again."""

metadata = MetaData()

# Each change of a table below is a step of keeper/store/upgrade.py too.
schema = Table("schema", metadata, Column("version", Integer, primary_key=True))

decisions = Table(
    "decisions",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("sender", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("block", Integer, nullable=False),
    Column("time", Integer, nullable=False),
    Column("accounts", Text, nullable=False),
    Column("target", String, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("gas", Integer, nullable=False),
    Column("reserved", Text, nullable=False),
    Column("profit", Text, nullable=False),
    Column("nonce", Integer),
    # A nonce is spent once by the chain: that is what keeps a decision from being carried out twice.
    Index("one_decision_a_nonce", "sender", "nonce", unique=True),
    Index("by_state", "sender", "state"),
)

transactions = Table(
    "transactions",
    metadata,
    Column("hash", String, primary_key=True),
    Column("decision", String, ForeignKey("decisions.id"), nullable=False, index=True),
    Column("place", Integer, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("max_fee", Text, nullable=False),
    Column("tip", Text, nullable=False),
    Column("cancels", Integer, nullable=False, default=0),
    Column("state", String, nullable=False),
    Column("sent_block", Integer),
    Column("mined_block", Integer, index=True),
    Column("mined_hash", String),
    # From the receipt, which is read once there is time for it: wei as text, as they outgrow an integer of the store.
    Column("gas_used", Integer),
    Column("gas_price", Text),
    Column("fee", Text),
    Column("native_price", Text),
    Column("mined_time", Integer),
    # Asked for at nearly every head, however long the history is.
    Index("receipt_owed", "mined_block", sqlite_where=text("gas_used IS NULL AND mined_block IS NOT NULL")),
)

sales = Table(
    "sales",
    metadata,
    Column("hash", String, ForeignKey("transactions.hash"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("taker", Text, nullable=False),
    Column("fraction", Text, nullable=False),
    Column("equity", Text, nullable=False),
    Column("requirement", Text, nullable=False),
    Column("lambda_account", Text, nullable=False),
    Column("lambda_taker", Text, nullable=False),
    Column("taker_paid", Text, nullable=False),
    Column("account_got", Text, nullable=False),
    Column("opener_got", Text, nullable=False),
    Column("vault_got", Text, nullable=False),
)

opportunities = Table(
    "opportunities",
    metadata,
    Column("block", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("time", Integer, nullable=False, index=True),
    Column("account", Text, nullable=False),
    Column("taker", Text, nullable=False),
    Column("label", String, nullable=False),
    Column("fraction", Text, nullable=False),
    Column("requirement", Text, nullable=False),
    Column("lambda_taker", Text, nullable=False),
    Column("seen_block", Integer),
    Column("seen_seconds", Float),
    Column("sent_block", Integer),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("hash", String, nullable=False),
    Column("deployment", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
)


class StoreError(Exception):
    """The store cannot be used as it is; says what to do."""


def engine_of(path: Path) -> Engine:
    """An engine for the store at `path`; nothing in it is made or changed."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": LOCKED})

    @event.listens_for(engine, "connect")
    def durable(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "handle_error")
    def count(_: Any) -> None:
        metrics.STORE_FAILURES.inc()

    return engine


def reader_of(path: Path) -> Engine:
    """An engine that cannot write, for whoever looks at a store that may be another's."""
    return create_engine(f"sqlite:///file:{path}?mode=ro&uri=true", connect_args={"timeout": LOCKED})


def attach(path: Path) -> Engine | None:
    """The store of a keeper that may be running, for looking; None if it is not there or of another schema."""
    from keeper.store.upgrade import VERSION, version_of

    if not path.is_file():
        return None
    engine = engine_of(path)
    try:
        with engine.connect() as connection:
            known = version_of(connection) == VERSION
    except DatabaseError:
        known = False
    return engine if known else None


def open_database(path: Path) -> Engine:
    """The store at `path`: made if it is not there, brought to the present schema if it is of an older one.

    Raises StoreError if it is of a newer one, or no store.
    """
    from keeper.store.upgrade import bring_up_to_date

    path.parent.mkdir(parents=True, exist_ok=True)
    engine = engine_of(path)
    try:
        bring_up_to_date(engine, path)
    except DatabaseError as error:
        engine.dispose()
        raise StoreError(f"{path}: {error.orig}: restore a backup (`keeper restore FILE`), or move it away") from error
    return engine
