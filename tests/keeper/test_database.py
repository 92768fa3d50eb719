"""The store's schema and its upgrades, copies of it, and what is read from the journal."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, insert, inspect, update
from sqlalchemy.exc import OperationalError

from keeper.execution.lock import HeldError, KeyLock
from keeper.run.receipts import TAKEN, sales_in
from keeper.store import upgrade
from keeper.store.backup import back_up, contents_of, loss, nobody_running, put_back
from keeper.store.database import StoreError, attach, metadata, open_database, schema, snapshots
from keeper.store.history import Wanted, count_of, each_of, rows_of, sales_of, transactions_of
from keeper.store.journal import Cost, Journal, Sale, Signed
from keeper.watch.monitor import store_failures
from tests.keeper.lanes import KEY, decision
from tests.keeper.ledger_chain import LedgerChain

FIRST = Path(__file__).with_name("store_v1.sql")
WAD = 10**18
SALE = Sale(5 << 96, 6 << 96, WAD // 2, 9 * WAD, 10 * WAD, WAD // 10, WAD // 5, 3 * WAD, WAD, 0, 0)


def first_schema(directory: Path) -> Path:
    """A store as the first schema's keeper left it: a mined bid that was replaced once, a mined one, one under way."""
    path = directory / "keeper.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST.read_text())
    return path


def shape(path: Path) -> dict[str, object]:
    """Tables, columns and indices."""
    found = inspect(open_database(path))
    return {
        name: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(name)],
            sorted((index["name"], tuple(index["column_names"])) for index in found.get_indexes(name)),
            found.get_pk_constraint(name)["constrained_columns"],
        )
        for name in sorted(found.get_table_names())
    }


def journal_with(path: Path, *names: str) -> Journal:
    """Each of the decisions signed, the first at nonce 0."""
    journal = Journal(open_database(path))
    head = LedgerChain().head
    for nonce, name in enumerate(names, journal.next_nonce(KEY.address)):
        journal.plan(decision(name, head))
        journal.sign(name, nonce, Signed(f"0x{name}", b"raw", 10, 1))
    return journal


def test_open__store_of_the_first_schema__upgraded_with_all_it_held(tmp_path: Path) -> None:
    path = first_schema(tmp_path)
    before = contents_of(path)
    journal = Journal(open_database(path))
    after = contents_of(path)
    assert (before.version, after.version) == (1, upgrade.VERSION)
    assert (after.decisions, after.transactions, after.pending) == (
        {"first", "second", "third"},
        before.transactions,
        {"third"},
    )
    (pending,) = journal.pending(KEY.address)
    assert (pending.decision.id, pending.nonce, len(pending.signed)) == ("third", 2, 1)
    assert journal.next_nonce(KEY.address) == 3
    # What it lacks is read from receipts as of any other.
    assert [block for _, _, block in journal.uncounted()] == [4, 8]


def test_journal__only_signed_bytes__wait_for_the_disk(tmp_path: Path) -> None:
    """FULL (2) syncs before a commit returns, and with it all that was committed before; NORMAL (1) does not."""
    engine = open_database(tmp_path / "keeper.sqlite")
    levels: list[int] = []

    @event.listens_for(engine, "commit")
    def seen(connection: Connection) -> None:
        levels.append(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())

    journal = Journal(engine)
    journal.plan(decision("first", LedgerChain().head))
    journal.sign("first", 0, Signed("0x01", b"raw", 10, 1))
    journal.sent("first", "0x01", 5)
    journal.mined("first", "0x01", 6, "0xb6", succeeded=True)
    journal.plan(decision("second", LedgerChain().head))
    journal.end("second", "given_up", "no")
    assert levels == [1, 2, 1, 1, 1, 1]


def test_uncounted__long_history__found_by_an_index(tmp_path: Path) -> None:
    engine = open_database(first_schema(tmp_path))
    query = "SELECT hash FROM transactions WHERE mined_block IS NOT NULL AND gas_used IS NULL ORDER BY mined_block"
    with engine.connect() as connection:
        plan = " ".join(str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}"))
    assert "USING INDEX receipt_owed" in plan


def test_open__upgraded__the_same_schema_as_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    assert shape(first_schema(tmp_path)) == shape(tmp_path / "new" / "keeper.sqlite")
    assert set(shape(tmp_path / "keeper.sqlite")) == set(metadata.tables)


def test_open__to_be_upgraded__a_copy_of_before_is_kept(tmp_path: Path) -> None:
    path = first_schema(tmp_path)
    open_database(path)
    kept = contents_of(tmp_path / f"keeper.sqlite.before-{upgrade.VERSION}")
    assert (kept.version, len(kept.decisions)) == (1, 3)


def test_open__a_step_fails_half_way__nothing_of_it_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = first_schema(tmp_path)
    steps = {**upgrade.STEPS, 2: (*upgrade.STEPS[2][:4], "ALTER TABLE missing ADD COLUMN x")}
    with monkeypatch.context() as patched:
        patched.setattr(upgrade, "STEPS", steps)
        with pytest.raises(StoreError, match="no such table: missing"):
            open_database(path)
    assert contents_of(path).version == 1
    with closing(sqlite3.connect(path)) as connection:
        assert "gas_used" not in [row[1] for row in connection.execute("PRAGMA table_info(transactions)")]
    assert len(Journal(open_database(path)).pending(KEY.address)) == 1


def test_open__newer_schema__refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "keeper.sqlite"
    with open_database(path).begin() as connection:
        connection.execute(update(schema).values(version=9))
    with pytest.raises(
        StoreError, match=rf"newer keeper \(schema 9, this one knows up to {upgrade.VERSION}\): run that keeper"
    ):
        open_database(path)
    assert attach(path) is None
    with pytest.raises(StoreError, match="of a newer keeper"):
        contents_of(path)


@pytest.mark.parametrize("content", [b"no store at all" * 100, b"SQLite format 3\0" + b"\1" * 4_096])
def test_open__no_store__says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keeper.sqlite"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"keeper\.sqlite: .*restore a backup"):
        open_database(path)
    assert attach(path) is None


def test_engine__the_store_fails__counted(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "keeper.sqlite")
    before = store_failures()
    with pytest.raises(OperationalError), engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")
    assert store_failures() == before + 1


def test_back_up__while_somebody_writes__whole_and_of_one_moment(tmp_path: Path) -> None:
    """Two entries are always written together: no copy has one of them."""
    path = tmp_path / "keeper.sqlite"
    journal_with(path, "a")
    engine = open_database(path)
    stop, started = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            rows = [{"number": number + i, "hash": "0x", "deployment": "d", "body": b"x" * 20_000} for i in (0, 1)]
            with engine.begin() as connection:
                connection.execute(insert(snapshots), rows)
            number += 2
            started.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert started.wait(20)
        for number in range(5):
            target = tmp_path / f"copy{number}"
            assert back_up(path, target).decisions == {"a"}
            with closing(sqlite3.connect(target)) as connection:
                count = connection.execute("SELECT count(*) FROM snapshots").fetchone()[0]
            assert count % 2 == 0
    finally:
        stop.set()
        writer.join()
    assert not list(tmp_path.glob("*.part"))


def test_back_up__file_is_there__only_with_force(tmp_path: Path) -> None:
    path, target = tmp_path / "keeper.sqlite", tmp_path / "copy"
    journal_with(path, "a")
    target.write_text("mine")
    with pytest.raises(StoreError, match="exists already; --force replaces it"):
        back_up(path, target)
    assert target.read_text() == "mine"
    assert back_up(path, target, force=True).decisions == {"a"}
    with pytest.raises(StoreError, match="is the store itself"):
        back_up(path, path, force=True)


def test_loss__journal_went_on_since_the_copy__counted(tmp_path: Path) -> None:
    path = tmp_path / "keeper.sqlite"
    journal = journal_with(path, "a")
    copy = back_up(path, tmp_path / "copy")
    assert not loss(path, copy)
    journal.sign("a", 0, Signed("0xa2", b"raw", 12, 2))
    assert (loss(path, copy).decisions, loss(path, copy).transactions) == (0, 1)
    journal_with(path, "b", "c")
    journal.end("c", "dropped", "")
    found = loss(path, copy)
    assert (found.decisions, found.transactions, found.pending) == (2, 3, 1)
    (tmp_path / "spoiled").write_bytes(b"spoiled" * 1_000)
    assert "file is not a database" in loss(tmp_path / "spoiled", copy).unreadable
    assert not loss(tmp_path / "gone", copy)


def test_put_back__a_store_is_there__kept_beside_with_its_write_ahead_log(tmp_path: Path) -> None:
    path = tmp_path / "keeper.sqlite"
    journal_with(path, "a")
    copy = back_up(path, tmp_path / "copy")
    # Held open, so that what was written is still in the log beside the file.
    journal = journal_with(path, "b")
    aside = put_back(path, copy)
    assert aside == tmp_path / "keeper.sqlite.replaced-1"
    assert contents_of(path).decisions == {"a"}
    assert Journal(open_database(path)).next_nonce(KEY.address) == 1
    assert contents_of(aside).decisions == {"a", "b"}
    assert journal.next_nonce(KEY.address) == 2
    assert put_back(path, copy) == tmp_path / "keeper.sqlite.replaced-2"


def test_put_back__copy_of_the_first_schema__upgraded_when_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    copy = contents_of(first_schema(tmp_path / "old"))
    path = tmp_path / "keeper.sqlite"
    assert put_back(path, copy) is None
    assert (contents_of(path).version, contents_of(path).decisions) == (1, copy.decisions)
    assert Journal(open_database(path)).next_nonce(KEY.address) == 3
    assert contents_of(path).version == upgrade.VERSION


def test_nobody_running__a_keeper_holds_any_key__refused(tmp_path: Path) -> None:
    with KeyLock(tmp_path, "0xAb"), pytest.raises(HeldError, match="held by process"), nobody_running(tmp_path):
        raise AssertionError("not reached")
    with nobody_running(tmp_path):
        pass


def counted(path: Path) -> Journal:
    """A bid that was mined and counted, a sighting that was given up, a bid under way."""
    journal = journal_with(path, "won", "lost", "waits")
    journal.mined("won", "0xwon", 12, "0xb12", succeeded=True)
    journal.end("lost", "given_up", "auction: healthy")
    journal.sent("waits", "0xwaits", 13)
    journal.count("0xwon", Cost(210_000, 2 * 10**9, 420_000 * 10**9, "2000"), 1_234, [SALE])
    return journal


def test_history__mined_bid__fee_discount_and_gain(tmp_path: Path) -> None:
    path = tmp_path / "keeper.sqlite"
    counted(path)
    engine = open_database(path)
    (row,) = rows_of(engine, Wanted(state="mined"))
    assert (row["id"], row["hash"], row["mined_block"], row["mined_time"]) == ("won", "0xwon", 12, 1_234)
    assert (row["gas_used"], row["fee_native"], row["fee_quote"]) == (210_000, "0.00042", "0.84")
    # λ_t · f · MM = 0.2 · 0.5 · 10
    assert (row["discount"], row["taker_paid"], row["gain"]) == ("1", "3", "0.16")
    (sale,) = sales_of(engine, Wanted())
    assert (sale["fraction"], sale["discount"], sale["decision"], sale["account"]) == ("0.5", "1", "won", hex(5 << 96))


def test_history__filters__each_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "keeper.sqlite"
    counted(path)
    engine = open_database(path)

    def names(wanted: Wanted) -> list[str]:
        return [row["id"] for row in each_of(engine, wanted)]

    assert names(Wanted()) == ["won", "lost", "waits"]
    assert [row["id"] for row in rows_of(engine, Wanted(limit=2))] == ["waits", "lost"]
    assert names(Wanted(state="given_up")) == ["lost"]
    assert names(Wanted(kind="open")) == []
    assert names(Wanted(account=1 << 96)) == names(Wanted(owner=1)) == ["won", "lost", "waits"]
    assert names(Wanted(account=1 << 96 | 1)) == names(Wanted(owner=2)) == []
    assert names(Wanted(since=10**12)) == []
    assert count_of(engine, Wanted(state="mined", limit=1)) == 1
    assert [row["hash"] for row in transactions_of(engine, Wanted())] == ["0xwon", "0xlost", "0xwaits"]
    assert all("raw" not in row for row in transactions_of(engine, Wanted()))


def test_unmine__counted_transaction__costs_are_forgotten_and_owed_again(tmp_path: Path) -> None:
    path = tmp_path / "keeper.sqlite"
    journal = counted(path)
    assert journal.uncounted() == []
    assert journal.unmine(KEY.address, 11) == 1
    engine = open_database(path)
    assert list(sales_of(engine, Wanted())) == []
    assert rows_of(engine, Wanted(state="mined")) == []
    # A receipt of the block that is gone comes too late.
    journal.count("0xwon", Cost(1, 1, 1, "1"), 1, [SALE])
    assert list(sales_of(engine, Wanted())) == []
    journal.mined("won", "0xwon", 14, "0xb14", succeeded=True)
    assert journal.uncounted() == [("bid", "0xwon", 14)]


def test_sales_in__receipt_with_other_logs__lots_with_their_signs() -> None:
    words = [WAD // 2, 0, -9 * WAD, 10 * WAD, 1, 2, -3 * WAD, 4, 5, -6]
    data = "0x" + "".join(f"{word % 2**256:064x}" for word in words)
    taken = {"topics": [TAKEN, hex(7 << 96), hex(8 << 96)], "data": data}
    (sale,) = sales_in({"logs": [{"topics": ["0x01"], "data": "0x"}, {"topics": [], "data": "0x"}, taken]})
    assert (sale.account, sale.taker, sale.equity, sale.taker_paid) == (7 << 96, 8 << 96, -9 * WAD, -3 * WAD)
    assert (sale.requirement, sale.account_got, sale.vault_got) == (10 * WAD, 4, -6)
