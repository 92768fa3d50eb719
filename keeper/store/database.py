"""The tables, and an engine whose commits are on the disk when they return."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Engine,
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
)

metadata = MetaData()

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
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("hash", String, nullable=False),
    Column("deployment", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
)


def open_database(path: Path) -> Engine:
    """The store at `path`, made if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def durable(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    metadata.create_all(engine)
    return engine
