from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from keeper.book.exact import Exact, joined, part_of
from keeper.chain.events import InterestChanged, MarketSet, PricesUpdated
from keeper.config import ConfigError
from keeper.config.schema import BidSection, FeesSection
from keeper.decide.backing import Backing
from keeper.decide.bids import Bid, Bidder
from keeper.decide.models import bid_model
from keeper.decide.offer import Offer, offer_of
from keeper.model.margin import spare
from keeper.model.prices import DEAD, LATE
from keeper.model.requirement import Holding
from keeper.model.rounding import ceil_div
from keeper.model.trading import FLOOR
from keeper.model.words import LISTED, RETIRED, RETIRING, Custody, Indices, Parameters, Totals
from tests.keeper.books import NOW, VAULT, WAD, changed, exact_of, price_word, running, set_up

VICTIM, OTHER, TAKER = 1 << 96, 2 << 96, 3 << 96
PRICE = 2_000
FEES = FeesSection(native_price=Decimal(0))
FREE = {"unwind_bps_of_requirement": 0, "unwind_bps_of_notional": 0, "min_profit": Decimal(0), "min_return_bps": 0}
LONG = {0: Holding(0, WAD, 2_000 * WAD)}
"""One unit long at the price: MM is 120.48, IM 180.72."""


def book(age: int = 120, *, cash: int = 100, taker: int = 1_000, holdings: Any = None, more: Any = ()) -> Exact:
    """A victim whose run is `age` seconds old, and a taker with cash."""
    return exact_of(
        *set_up({0: PRICE * WAD, 1: 50_000 * WAD}),
        changed(VICTIM, cash * WAD, LONG if holdings is None else holdings),
        changed(TAKER, taker * WAD, {}),
        running(VICTIM, age, last=10),
        *more,
    )


def bidder(**fields: Any) -> Bidder:
    section = BidSection.model_validate(FREE | fields)
    return Bidder(section, FEES, bid_model(section), TAKER)


def bid_on(exact: Exact, *accounts: int, free: int | None = None, **fields: Any) -> Bid | None:
    chosen = bidder(**fields)
    return chosen.choose(exact, chosen.offers(exact, accounts or (VICTIM,)), 10**30 if free is None else free)


def after(exact: Exact, bid: Bid) -> Any:
    """The taker as the contracts would have it after the bid, if what is asked for is not clipped."""
    cash, holdings = exact.cash(TAKER), exact.holdings(TAKER)
    for lot in bid.lots:
        quote = exact.quote(lot.account, lot.fraction)
        part_cash, part = part_of(exact.cash(lot.account), exact.holdings(lot.account), lot.fraction)
        cash += part_cash + -lot.fraction * (quote.equity * WAD - quote.lambda_taker * quote.mm) // WAD**2
        holdings = joined([holdings, part])
    return exact.measure(cash, holdings)


def unpriced(market: int, age: int) -> PricesUpdated:
    """The market's price is so many seconds old, and no slow feed counts."""
    return PricesUpdated(NOW // 2, 1 << market, (price_word(50_000 * WAD, time=NOW - age, slow_for=0).pack(),))


def flagged(flags: int) -> MarketSet:
    """The second market's parameters, on their way to what they are when it ends."""
    word = Parameters(4600, 470, 1400, 2**16 - 1, 2**16 - 1, 1400, NOW, NOW + 86_400, bucket=1, flags=LISTED | flags)
    return MarketSet(1, word.pack())


def offered(exact: Exact) -> Offer:
    """The victim's offer, with what unwinding costs only where nobody stands behind a price."""
    offer = offer_of(exact, VICTIM, BidSection.model_validate(FREE), FEES)
    assert offer is not None
    return offer


def test_choose__whole_account_carried__asks_for_it_at_the_current_numbers() -> None:
    """What may be taken is less, and the contract clips it: no move of a price leaves it short of its target."""
    exact = book()
    bid = bid_on(exact)
    assert bid is not None
    (lot,) = bid.lots
    quote = exact.quote(VICTIM)
    assert 0 < quote.fraction < WAD
    assert lot.fraction == WAD
    assert 0 < lot.min_fraction < quote.fraction
    assert lot.nonce == exact.run(VICTIM).nonce
    assert lot.markets == 1
    assert quote.unit_cost + quote.mm // 11 < lot.max_cost <= quote.unit_cost + quote.mm // 10
    assert quote.mm * 95 // 100 <= lot.min_release < quote.mm * 96 // 100
    assert bid.profit == quote.fraction * (quote.lambda_taker * quote.mm // WAD) // WAD
    assert bid.margin == spare(exact.assess(TAKER)) - spare(after(exact, bid))


@pytest.mark.parametrize("taker", [40, 60, 90])
def test_choose__margin_for_a_part_only__takes_the_largest_part_that_it_can_carry(taker: int) -> None:
    exact = book(taker=taker, cash=10)
    bid = bid_on(exact, margin_buffer_bps=0)
    assert bid is not None
    fraction = bid.lots[0].fraction
    assert fraction < exact.quote(VICTIM).fraction
    assert spare(after(exact, bid)) >= 0
    more = Bid(TAKER, (bid.lots[0].__class__(VICTIM, fraction + WAD // 500, 0, 0, 0, 0, 0),), 0, 0, 0)
    assert spare(after(exact, more)) < 0


def test_choose__whole_account_too_large__asks_for_what_may_be_taken_now() -> None:
    exact = book(taker=110)
    bid = bid_on(exact)
    assert bid is not None
    assert bid.lots[0].fraction == exact.quote(VICTIM).fraction < WAD


def test_choose__less_margin_free_than_there_is__bound_by_what_is_free() -> None:
    exact = book(cash=10, taker=1_000)
    bid = bid_on(exact, free=60 * WAD)
    assert bid is not None
    assert 59 * WAD < bid.margin <= 60 * WAD


def test_choose__nothing_free__no_bid() -> None:
    assert bid_on(book(cash=10), free=0) is None


def test_choose__all_or_nothing_too_large__no_bid() -> None:
    """MM stands on its floor of 20, so no part may be taken, and the taker cannot carry the whole."""
    small = {0: Holding(0, WAD // 10, 200 * WAD)}
    assert bid_on(book(cash=1, holdings=small, taker=10)) is None
    whole = bid_on(book(cash=1, holdings=small, taker=100))
    assert whole is not None
    assert whole.lots[0].fraction == WAD


def test_choose__more_requirement_than_allowed__takes_up_to_it() -> None:
    exact = book(cash=10)
    bid = bid_on(exact, max_requirement=Decimal(50))
    assert bid is not None
    assert 49 * WAD < after(exact, bid).mm <= 50 * WAD


def test_choose__first_lot_uses_the_margin__second_gets_what_is_left() -> None:
    more = [changed(OTHER, 10 * WAD, LONG), running(OTHER, 100, last=10)]
    exact = book(cash=10, taker=200, more=more)
    bid = bid_on(exact, VICTIM, OTHER, margin_buffer_bps=0)
    assert bid is not None
    assert [lot.account for lot in bid.lots] == [VICTIM, OTHER]
    assert bid.lots[1].fraction < exact.quote(OTHER).fraction
    assert 0 <= spare(after(exact, bid)) < WAD


def test_choose__as_many_lots_as_configured__no_more() -> None:
    more = [
        event for n in range(10, 20) for event in (changed(n << 96, 100 * WAD, LONG), running(n << 96, 100, last=5))
    ]
    bid = bid_on(book(more=more, taker=100_000), *[n << 96 for n in range(10, 20)], lots=4)
    assert bid is not None
    assert len(bid.lots) == 4


def insolvent(*, lent: int, vault: int = 0, reserve: int = 0, more: Any = ()) -> Exact:
    """A victim that owes 50 more than it has, a taker with 1,000, others' `lent`; totals are what the accounts are."""
    custody = Custody(1_000 * WAD, reserve * WAD)
    totals = Totals(positive=(1_000 + lent + vault) * WAD, negative=50 * WAD)
    return book(
        age=300,
        cash=-50,
        more=[
            changed(VAULT << 96, vault * WAD, {}),
            InterestChanged(Indices(WAD, WAD, NOW).pack(), totals.pack(), custody.pack()),
            *more,
        ],
    )


def shared_in(exact: Exact, pays: int, fund: int, lent: int) -> int:
    """What is left of 1.0 of cash when the vault pays what it has of the price and all cash shares the rest, WAD."""
    owned = (1_000 + lent) * WAD + (-50 * WAD + pays)
    loss = pays - fund
    return WAD * (owned - loss) // owned


@pytest.mark.parametrize(("vault", "reserve"), [(0, 0), (60, 0), (0, 60), (30, 30)])
def test_choose__insolvent_account__bid_for_whole_though_the_vault_cannot_pay(vault: int, reserve: int) -> None:
    """What the vault lacks all cash shares; the taker's falls by its part, and its margin with it."""
    exact = insolvent(lent=100_000, vault=vault, reserve=reserve)
    pays = -exact.quote(VICTIM).taker_pays
    assert pays > (vault + reserve) * WAD
    bid = bid_on(exact)
    assert bid is not None
    assert [(lot.account, lot.fraction) for lot in bid.lots] == [(VICTIM, WAD)]
    left = shared_in(exact, pays, (vault + reserve) * WAD, 100_000)
    cash = (1_000 * WAD - 50 * WAD + pays) * left // WAD
    after_loss = exact.measure(cash, exact.holdings(VICTIM))
    assert bid.margin == pytest.approx(spare(exact.assess(TAKER)) - spare(after_loss), abs=10**6)
    assert left < WAD


def test_choose__insolvent_account__covered_by_reserve_and_vault__no_cash_is_shared() -> None:
    exact = insolvent(lent=0, vault=100, reserve=100)
    bid = bid_on(exact)
    assert bid is not None
    pays = -exact.quote(VICTIM).taker_pays
    assert pays < 200 * WAD
    full = exact.measure(1_000 * WAD - 50 * WAD + pays, exact.holdings(VICTIM))
    assert bid.margin == spare(exact.assess(TAKER)) - spare(full)


def test_choose__insolvent_account__share_of_the_loss_is_more_than_margin_allows__takes_a_part() -> None:
    """The taker's is the only cash: nearly all that it is paid it pays itself, and so it can carry less."""
    whole = bid_on(insolvent(lent=0, vault=200), free=80 * WAD)
    assert whole is not None
    part = bid_on(insolvent(lent=0), free=80 * WAD)
    assert part is not None
    assert WAD // 10 < part.lots[0].fraction < whole.lots[0].fraction // 2
    assert part.margin <= 80 * WAD


def test_backing__reserve_first_then_vault_then_all_cash() -> None:
    start = Backing(reserve=30, vault=20, owned=1_000, supply=WAD)
    assert start.after(30, 0) == Backing(0, 20, 1_000, WAD)
    assert start.after(50, 0) == Backing(0, 0, 980, WAD)
    assert start.after(148, 0) == Backing(0, 0, 882, WAD * 882 // 980)
    assert start.after(148, 20) == Backing(0, 0, 902, WAD * 902 // 1_000)
    assert start.after(-5, -7) == Backing(35, 20, 993, WAD)


def test_backing__loss_beyond_the_floor_of_the_index__refused() -> None:
    start = Backing(reserve=0, vault=0, owned=10**6, supply=WAD)
    assert start.after(10**6 - 1, 0) == Backing(0, 0, 1, FLOOR)
    assert start.after(10**6, 0) is None
    assert Backing(0, 0, 10**6 + 1, WAD).after(10**6, 0) is None


def test_choose__two_insolvent_accounts__the_second_finds_what_the_first_left() -> None:
    other = [changed(OTHER, -50 * WAD, LONG), running(OTHER, 300, last=10)]
    exact = insolvent(lent=100_000, vault=100, more=other)
    both = bid_on(exact, VICTIM, OTHER)
    assert both is not None
    assert [lot.account for lot in both.lots] == [VICTIM, OTHER]
    lone = bid_on(exact)
    assert lone is not None
    # The taker bears its part of what the vault's 100 do not cover of both, which is more than of one alone.
    assert both.margin > 2 * lone.margin


def test_choose__taker_below_its_margin__no_bid_that_leaves_it_there() -> None:
    short = {0: Holding(0, 2 * WAD, 4_000 * WAD)}
    assert bid_on(book(more=[changed(TAKER, 100 * WAD, short)])) is None


def test_offers__accounts_that_may_not_be_bid_for__left_out() -> None:
    exact = book(more=[changed(OTHER, 100 * WAD, LONG)])
    assert [offer.account for offer in bidder().offers(exact, [VICTIM, OTHER, TAKER])] == [VICTIM]
    assert bidder(deny=[hex(VICTIM)]).offers(exact, [VICTIM]) == []
    assert bidder(deny=[hex(VICTIM >> 96)]).offers(exact, [VICTIM]) == []
    assert bidder(allow=[hex(OTHER)]).offers(exact, [VICTIM]) == []
    assert len(bidder(allow=[hex(VICTIM >> 96)]).offers(exact, [VICTIM])) == 1
    assert bidder(markets=[1]).offers(exact, [VICTIM]) == []
    assert len(bidder(markets=[0, 1]).offers(exact, [VICTIM])) == 1


def test_threshold__profit_at_and_below_it() -> None:
    exact = book()
    free = bid_on(exact)
    assert free is not None
    profit = Decimal(free.profit) / WAD
    assert bid_on(exact, min_profit=profit) is not None
    assert bid_on(exact, min_profit=profit + Decimal(1) / WAD) is None


def test_threshold__return_on_requirement_at_and_below_it() -> None:
    exact = book(age=36)  # λ is 0.21
    assert exact.quote(VICTIM).lambda_taker == 21 * WAD // 100
    assert bid_on(exact, min_return_bps=2_099) is not None
    assert bid_on(exact, min_return_bps=2_101) is None


def test_offer__unwinding_and_gas__count_against_it() -> None:
    exact = book()
    section = BidSection.model_validate(FREE | {"unwind_bps_of_requirement": 500, "unwind_bps_of_notional": 10})
    offer = offer_of(exact, VICTIM, section, FeesSection(native_price=Decimal(3_000), tip_gwei=Decimal(1)))
    assert offer is not None
    mm = exact.assess(VICTIM).mm
    assert offer.unwind == (500 * mm + 10 * exact.reading(0).index) // 10_000
    # 1 gwei of base fee and 1 gwei of tip, 140,000 gas, 3,000 quote a coin.
    assert offer.gas_cost == 140_000 * 2 * 10**9 * 3_000
    assert offer.profit(WAD) == offer.discount - offer.unwind - offer.gas_cost
    least = offer.least(WAD)
    assert least is not None
    assert offer.profit(least) >= WAD > offer.profit(least - 10**6)


@pytest.mark.parametrize("size", [WAD // 1_000, -WAD // 1_000])
def test_offer__position_in_a_dead_market__reckoned_at_the_far_end_of_its_interval(size: int) -> None:
    """Nobody stands behind its last price: a fifth of what it is counted for, by the oracle's word, may be missing."""
    holdings = {**LONG, 1: Holding(0, size, 50_000 * size)}
    live, dead = book(holdings=holdings), book(holdings=holdings, more=[unpriced(1, 61)])
    assert dead.assess(VICTIM).state == DEAD
    assert dead.quote(VICTIM).mm == live.quote(VICTIM).mm
    assert offered(dead).unwind - offered(live).unwind == ceil_div(dead.reading(1).index, 5_000)
    assert bid_on(dead) is not None


def test_offer__collateral_of_a_market_at_its_end__worth_nothing_to_us() -> None:
    """Its price is frozen, its token worth what nobody knows; a position of it settles at that price, and is not."""
    spot, perp = ({**LONG, 1: held} for held in (Holding(spot=WAD // 10_000), Holding(0, WAD // 10_000, 5 * WAD)))
    for holdings, lost in ((spot, True), (perp, False)):
        exact = book(holdings=holdings, more=[flagged(RETIRED)])
        assert offered(exact).unwind == (ceil_div(exact.reading(1).index, 10_000) if lost else 0)


@pytest.mark.parametrize("held", [Holding(0, -WAD // 10_000, -5 * WAD), Holding(spot=WAD // 10_000)])
def test_offer__market_about_to_end__as_far_off_as_it_will_charge_for(held: Holding) -> None:
    exact = book(holdings={**LONG, 1: held}, more=[flagged(RETIRING)])
    assert offered(exact).unwind == ceil_div(exact.reading(1).index * 65_535, 100_000 * 10_000)


@pytest.mark.parametrize("held", [Holding(spot=WAD // 10_000), Holding(0, WAD // 10_000, 5 * WAD)])
def test_choose__collateral_of_a_dead_market__its_owner_cannot_sell_us_more_than_the_lot_brings(held: Holding) -> None:
    """It counts at a price that nobody stands behind, and may be added until the block: that is a dearer lot."""
    exact = book(age=14, holdings={**LONG, 1: held}, more=[unpriced(1, 61)])
    bid = bid_on(exact)
    assert bid is not None
    quote = exact.quote(VICTIM)
    slack, brings = bid.lots[0].max_cost - quote.unit_cost, offered(exact).profit(WAD)
    assert 0 < brings < quote.mm // 10
    assert slack == brings


def test_choose__taker_with_a_dead_market__bids_with_a_late_one__does_not() -> None:
    """The Auction counts a dead market at its widest interval, and refuses a taker whose price is only late."""
    own = {1: Holding(0, WAD // 1_000, 50 * WAD)}
    late, dead = (book(more=[changed(TAKER, 1_000 * WAD, own), unpriced(1, age)]) for age in (60, 61))
    assert (late.assess(TAKER).state, dead.assess(TAKER).state) == (LATE, DEAD)
    assert bid_on(late) is None
    assert bid_on(dead) is not None


def test_target_lambda__before_and_at_its_height() -> None:
    assert bid_on(book(age=34), model="target_lambda", target_lambda_bps=2_000) is None
    assert bid_on(book(age=35), model="target_lambda", target_lambda_bps=2_000) is not None


def test_target_lambda__account_cannot_give_more__not_waited_for() -> None:
    """Health is 0.083: λ_a cannot rise above it, however long one waits."""
    exact = book(age=35, cash=10)
    assert exact.quote(VICTIM).lambda_taker < 9 * WAD // 100
    assert bid_on(exact, model="target_lambda", target_lambda_bps=2_000) is not None


def test_hazard__many_rivals_bid_early_few_wait() -> None:
    """λ = t·0.35/60 without costs: profit'/profit = 1/t, so with η a bid is due at t = 1/η."""
    for rate, first in ((0.1, 10), (0.05, 20)):
        assert bid_on(book(age=first - 2), model="hazard", hazard_per_second=rate) is None
        assert bid_on(book(age=first + 1), model="hazard", hazard_per_second=rate) is not None


def test_bid_model__unknown__names_those_there_are() -> None:
    with pytest.raises(
        ConfigError, match=r"bid\.model: 'greedy' is unknown; allowed: hazard, target_lambda, threshold"
    ):
        bid_model(BidSection(model="greedy"))
