from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from keeper.chain.events import Taken
from keeper.chain.types import Header
from keeper.decide.rivals import LABELS, Rivals
from keeper.run.rivals import RivalWatch
from keeper.run.session import Changes
from keeper.store.database import open_database
from keeper.store.history import Wanted
from keeper.store.journal import Pending, Signed
from keeper.store.opportunities import labels_of, opportunities_of
from tests.keeper.books import WAD
from tests.keeper.lanes import decision
from tests.keeper.ledger_chain import LedgerChain
from tests.keeper.test_decide import OTHER, TAKER, VICTIM, bidder, book

RIVAL = 9 << 96


def header(number: int) -> Header:
    return Header(number, f"0x{number:x}", f"0x{number - 1:x}", 1_000 + 2 * number, 0)


def sale(account: int, taker: int = RIVAL) -> Taken:
    """Half of it, at λ 20% of a requirement of 120."""
    return Taken(account, taker, WAD // 2, False, 100 * WAD, 120 * WAD, WAD // 10, WAD // 5, 0, 0, 0, 0)


def changes(*sold: tuple[int, Taken], undone: int | None = None) -> Changes:
    by_block: dict[int, list[Taken]] = {}
    for number, one in sold:
        by_block.setdefault(number, []).append(one)
    return Changes(taken=[(header(number), found) for number, found in by_block.items()], undone=undone)


def pending(account: int, sent: int) -> Pending:
    made = decision("ours", LedgerChain().head)
    made = type(made)(**{**{name: getattr(made, name) for name in made.__slots__}, "accounts": (account,)})
    return Pending(made, 0, [Signed("0x1", b"raw", 1, 1, sent_block=sent)])


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_database(tmp_path / "keeper.sqlite")


@pytest.fixture
def watch(engine: Engine) -> RivalWatch:
    """One that has seen its first head, block 10."""
    made = RivalWatch(engine, TAKER)
    made.judge(changes((9, sale(VICTIM))), 10, ())
    return made


def rows(engine: Engine, label: str | None = None, **wanted: Any) -> list[dict[str, Any]]:
    return list(opportunities_of(engine, Wanted(**wanted), label))


def test_judge__taken_in_the_block_of_its_breach_or_never_seen__unseen(watch: RivalWatch, engine: Engine) -> None:
    watch.observe(11, [VICTIM], {}, "busy", 0.01, ())
    watch.judge(changes((11, sale(VICTIM)), (12, sale(OTHER))), 12, ())
    watch.write()
    assert [(row["block"], row["label"], row["seen_block"]) for row in rows(engine)] == [
        (12, "unseen", None),
        (11, "unseen", None),
    ]


@pytest.mark.parametrize("why", ["outbid", "unprofitable", "capital", "excluded", "busy", "off"])
def test_judge__seen_before__the_reason_of_the_last_head_with_how_long_ago(
    watch: RivalWatch, engine: Engine, why: Any
) -> None:
    watch.observe(11, [VICTIM], {VICTIM: "busy"}, "off", 0.25, ())
    watch.observe(12, [VICTIM], {VICTIM: why}, "off", 0.5, ())
    watch.judge(changes((14, sale(VICTIM))), 14, ())
    watch.write()
    assert rows(engine) == [
        {
            "time": 1_028,
            "block": 14,
            "account": hex(VICTIM),
            "taker": hex(RIVAL),
            "label": why,
            "fraction": "0.5",
            "requirement": "120",
            "lambda": "0.2",
            "discount": "12",
            "seen_block": 11,
            "seen_seconds": 0.25,
            "sent_block": None,
            "blocks_seen_before": 3,
        }
    ]
    assert why in LABELS


def test_judge__our_bid_under_way__late_then_reverted_once_it_was(watch: RivalWatch, engine: Engine) -> None:
    bid = pending(VICTIM, 12)
    watch.observe(11, [VICTIM], {VICTIM: "outbid"}, "off", 0.1, ())
    watch.observe(12, [VICTIM], {}, "busy", 0.1, [bid])
    watch.judge(changes((13, sale(VICTIM))), 13, ())
    watch.ended(bid.decision, reverted=True)
    watch.observe(13, [VICTIM], {VICTIM: "outbid"}, "off", 0.1, ())
    watch.judge(changes((14, sale(VICTIM))), 14, ())
    watch.write()
    assert [(row["label"], row["sent_block"]) for row in rows(engine)] == [("reverted", 12), ("late", 12)]


def test_judge__above_the_line_in_between__what_was_before_is_forgotten(watch: RivalWatch, engine: Engine) -> None:
    watch.observe(11, [VICTIM], {VICTIM: "outbid"}, "off", 0.1, ())
    watch.observe(12, [], {}, "off", 0.1, ())
    watch.judge(changes((13, sale(VICTIM))), 13, ())
    watch.write()
    assert [row["label"] for row in rows(engine)] == ["unseen"]


def test_judge__our_own_bids_sweeps_and_what_was_before__not_noted(watch: RivalWatch, engine: Engine) -> None:
    watch.judge(changes((11, sale(VICTIM, TAKER)), (11, sale(OTHER)), (10, sale(OTHER))), 11, {OTHER})
    watch.write()
    assert rows(engine) == []


def test_judge__reorg__sales_that_did_not_happen_are_forgotten(watch: RivalWatch, engine: Engine) -> None:
    watch.judge(changes((11, sale(VICTIM)), (12, sale(OTHER))), 12, ())
    watch.write()
    watch.judge(changes((13, sale(VICTIM))), 13, ())
    watch.judge(changes((12, sale(VICTIM)), undone=11), 12, ())
    watch.write()
    assert [(row["block"], row["account"]) for row in rows(engine)] == [(12, hex(VICTIM)), (11, hex(VICTIM))]


def test_write__the_store_fails__told_again_with_a_later_head(
    watch: RivalWatch, engine: Engine, tmp_path: Path
) -> None:
    watch.judge(changes((11, sale(VICTIM))), 11, ())
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE opportunities RENAME TO away")
    watch.write()
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO opportunities")
    watch.write()
    watch.write()
    assert [row["block"] for row in rows(engine)] == [11]


def test_opportunities_of__filters__each_by_itself(watch: RivalWatch, engine: Engine) -> None:
    watch.observe(11, [VICTIM], {VICTIM: "outbid"}, "off", 0.1, ())
    watch.judge(changes((12, sale(VICTIM)), (12, sale(OTHER)), (13, sale(OTHER))), 13, ())
    watch.write()
    assert [row["label"] for row in rows(engine, "outbid")] == ["outbid"]
    assert [row["block"] for row in rows(engine, account=OTHER)] == [13, 12]
    assert [row["block"] for row in rows(engine, since=1_026)] == [13]
    assert len(rows(engine, limit=2)) == 2
    assert labels_of(engine, Wanted()) == {"outbid": 1, "unseen": 2}


def test_label__head_not_handled_between__not_of_the_future() -> None:
    """A block that is seen again after a reorg: what was known at it is not from before it."""
    rivals = Rivals()
    rivals.observe(20, [VICTIM], {}, "busy", 0.1)
    assert rivals.label(VICTIM, 20) == ("unseen", None)
    assert rivals.label(VICTIM, 21)[0] == "busy"


@pytest.mark.parametrize(
    ("made", "fields", "why"),
    [
        ({"age": 120}, {}, None),
        ({"age": 120}, {"deny": [hex(VICTIM)]}, "excluded"),
        ({"age": 120}, {"markets": [1]}, "excluded"),
        ({"age": 120}, {"min_profit": Decimal(10**6)}, "unprofitable"),
        ({"age": 0}, {"min_profit": Decimal(1)}, "unprofitable"),
        ({"age": 120, "taker": 0}, {}, "capital"),
        ({"age": 120}, {"model": "target_lambda", "target_lambda_bps": 9_000}, "outbid"),
        ({"age": 120}, {"model": "hazard", "hazard_per_second": 0.0}, "outbid"),
    ],
)
def test_choose__no_bid__says_why(made: dict[str, int], fields: dict[str, Any], why: str | None) -> None:
    exact = book(**made)
    chosen = bidder(**fields)
    bid = chosen.choose(exact, chosen.offers(exact, [VICTIM]), 10**30)
    assert (bid is None) == (why is not None)
    assert chosen.whys.get(VICTIM) == why
