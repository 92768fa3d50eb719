from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from keeper.book.exact import Exact
from keeper.chain.events import PricesUpdated, StandingChanged, StandingPosted
from keeper.config.schema import FeesSection, SweepSection
from keeper.decide.sweep import Sweep, fitting, on_book, sweep_gas
from keeper.decide.sweep import sweep_of as sweep_of_book
from keeper.model.requirement import Holding
from keeper.model.standing import Standing
from tests.keeper.books import AUCTION, WAD, changed, exact_of, price_word, running, set_up

VICTIM, POSTER = 1 << 96, 3 << 96
LONG = {0: Holding(0, WAD, 2_000 * WAD)}
"""One unit long at the price: MM is 120.48, IM 180.72."""
FEES = FeesSection(native_price=Decimal(3_000))
FREE = FeesSection(native_price=Decimal(0))
OPENER = 1


def posted(number: int, tick: int = 20, **fields: int) -> StandingPosted:
    """A bid that accepts market 0 and any interval."""
    made = {"interval": 10**6, "markets": 1, "capacity": 1_000 * WAD, "minimum": WAD, "posted": 0} | fields
    bid = Standing(tick=tick, id=number, **made)
    return StandingPosted(number, POSTER, bid.minimum, bid.pack())


def book(*more: Any, age: int = 60, cash: int = 100) -> Exact:
    """A victim whose run is so old; λ is 35% after 60 seconds, 17.5% after 30."""
    return exact_of(
        *set_up({0: 2_000 * WAD, 1: 50_000 * WAD}), changed(VICTIM, cash * WAD, LONG), running(VICTIM, age), *more
    )


def sweep_of(exact: Exact, account: int, sender: int, section: SweepSection, fees: FeesSection) -> Sweep | None:
    return sweep_of_book(exact, account, sender, section, fees, on_book(exact))


def ids(exact: Exact) -> list[int]:
    return [bid.id for bid in fitting(exact, VICTIM, on_book(exact))]


def test_fitting__several_bids__lowest_tick_first_then_oldest_as_far_as_the_auction_takes_them() -> None:
    assert ids(book(posted(1, 35), posted(2, 5), posted(3, 20), posted(4, 5))) == [2, 4, 3, 1]


@pytest.mark.parametrize(("age", "found"), [(0, []), (29, []), (30, [1]), (300, [1])])
def test_fitting__tick_is_what_the_run_has_reached(age: int, found: list[int]) -> None:
    assert ids(book(posted(1, 17), age=age)) == found


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({}, True),
        ({"markets": 0b11}, True),
        ({"markets": 0b10}, False),
        ({"minimum": 119 * WAD, "capacity": 119 * WAD}, True),
        ({"interval": 0}, True),
    ],
)
def test_fitting__what_a_bid_accepts__counts(fields: dict[str, int], fits: bool) -> None:
    assert ids(book(posted(1, **fields))) == [1] * fits


def test_fitting__minimum_above_what_is_for_sale__all_that_is_for_sale_is_enough() -> None:
    """As the Auction has it: a part that is all the target wants may be less than the minimum."""
    exact = book(posted(1, minimum=10**6 * WAD, capacity=10**6 * WAD))
    assert 0 < exact.quote(VICTIM).fraction_max < WAD
    assert ids(exact) == [1]


def test_fitting__wide_interval__only_bids_that_accept_it() -> None:
    wide = PricesUpdated(1, 1, (price_word(1_990 * WAD, confidence=200).pack(),))
    exact = book(posted(1, interval=10**3), posted(2, interval=10**6), wide, cash=90)
    assert exact.assess(VICTIM).sighted
    assert exact.assess(VICTIM).down > 0
    assert ids(exact) == [2]


def test_fitting__healthy_account_or_the_bid_s_own__nothing() -> None:
    assert ids(book(posted(1), cash=500)) == []
    own = AUCTION << 96 | 1
    exact = exact_of(
        *set_up({0: 2_000 * WAD}), changed(own, 100 * WAD, LONG), running(own, 60), posted(1), posted(2, 30)
    )
    assert [bid.id for bid in fitting(exact, own, on_book(exact))] == [2]


def test_on_book__changed_and_taken_off__as_the_log_says() -> None:
    smaller = Standing(20, 1, 10**6, 1, 7 * WAD, WAD, 0).pack()
    exact = book(posted(1), posted(2), StandingChanged(1, smaller), StandingChanged(2, 0))
    assert [(bid.id, bid.capacity, bid.minimum, bid.markets) for bid in on_book(exact)] == [(1, 7 * WAD, WAD, 1)]


def test_sweep_of__our_own_run__pays_the_opener_s_share_less_gas() -> None:
    exact = book(posted(1))
    free = sweep_of(exact, VICTIM, OPENER, SweepSection(), FREE)
    paid = sweep_of(exact, VICTIM, OPENER, SweepSection(max_cost=Decimal(10)), FEES)
    assert free is not None
    assert paid is not None
    assert free.bids == paid.bids == (1,)
    quote = exact.quote(VICTIM, WAD, 20)
    assert 0 < free.gain <= quote.penalty_paid
    assert 0 < free.gain - paid.gain < 10 * WAD


def test_sweep_of__small_bid__the_opener_s_share_of_its_part_alone() -> None:
    small = sweep_of(book(posted(1, capacity=2 * WAD)), VICTIM, OPENER, SweepSection(), FREE)
    whole = sweep_of(book(posted(1)), VICTIM, OPENER, SweepSection(), FREE)
    assert small is not None
    assert whole is not None
    assert 0 < small.gain * 20 < whole.gain


def test_sweep_of__somebody_else_s_run__costs_gas_as_far_as_allowed() -> None:
    exact = book(posted(1))
    other = OPENER + 1
    assert sweep_of(exact, VICTIM, other, SweepSection(), FEES) is None
    spent = sweep_of(exact, VICTIM, other, SweepSection(max_cost=Decimal(5)), FEES)
    assert spent is not None
    assert -5 * WAD < spent.gain < 0
    assert sweep_of(exact, VICTIM, other, SweepSection(), FREE) is not None


def test_sweep_of__more_bids_than_one_sweep_tries__eight_or_what_gas_allows() -> None:
    exact = book(*(posted(number) for number in range(1, 13)))
    most = sweep_of(exact, VICTIM, OPENER, SweepSection(), FREE)
    assert most is not None
    assert most.bids == tuple(range(1, 9))
    tight = FeesSection(native_price=Decimal(0), max_gas=1_500_000)
    few = sweep_of(exact, VICTIM, OPENER, SweepSection(), tight)
    assert few is not None
    assert 0 < len(few.bids) < 8
    assert few.gas == sweep_gas(1, 12, len(few.bids)) <= 1_500_000


def test_sweep_of__not_sighted_yet_or_nothing_on_the_book__none() -> None:
    unsighted = exact_of(*set_up({0: 2_000 * WAD}), changed(VICTIM, 100 * WAD, LONG), posted(1, 0))
    assert sweep_of(unsighted, VICTIM, OPENER, SweepSection(), FREE) is None
    assert sweep_of(book(), VICTIM, OPENER, SweepSection(), FREE) is None
