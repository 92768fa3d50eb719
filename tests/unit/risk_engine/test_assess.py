"""`assess` and `appraise`: accounts worked out by hand, to the wei."""

from __future__ import annotations

from decimal import Decimal

import ape
import pytest

from keeper.model.words import Position
from keeper.publish.reports import Entry
from tests.unit.risk_engine.conftest import DELISTED, FAST_LIFE, FED, FEEDLESS, GONE, LATE, LIVE, OTHER, PRICE_AGE
from tests.unit.system import WAD, wad

NOTHING = (0, 0, 0, 0, 0, 0)


def act(engine, cash, held, how="assess"):
    """Assess cash (quote) and `{market: (spot, size, cost)}` in base and quote; strings are exact."""
    spots = perps = 0
    words = []
    for market, (spot, size, cost) in sorted(held.items()):
        if spot:
            spots |= 1 << market
            words.append(wad(spot))
        if size or cost:
            perps |= 1 << market
            words.append(Position(wad(size), wad(cost)).pack())
    return getattr(engine, how)(wad(cash), spots | perps << 64, words)


def require(assessment, **expected):
    """Compare the named fields, given in quote."""
    named = {name: Decimal(getattr(assessment, name)) / WAD for name in expected}
    assert named == {name: Decimal(amount) for name, amount in expected.items()}


@pytest.fixture
def priced(desk, begin):
    """100 in every listed market, with a confidence of 0.03% where there is a slow feed and 1% where there is none."""
    for market in (FED, OTHER):
        desk.push(100, begin - 1, market)
    desk.publish(begin, [Entry(market, 100 * WAD, 30) for market in (FED, FEEDLESS, OTHER)])
    return desk


@pytest.fixture
def engine_now(priced):
    return priced.engine


def test_assess__one_long__has_risk_and_gross(engine_now):
    # 1,000 of exposure: 5% systematic, 1% idiosyncratic, 1% gross. R = √(50² + 10²), G = 10.
    result = act(engine_now, 50, {FED: (0, 10, 900)})
    require(result, equity="150", mm="60.990195135928", im="91.485292703892", floor="20", claims="100")
    require(result, down="0.3", up="0.3")
    assert result.state == LIVE


def test_assess__one_short__is_its_mirror(engine_now):
    result = act(engine_now, 50, {FED: (0, -10, -1100)})
    require(result, equity="150", mm="60.990195135928", claims="100", down="0.3", up="0.3")


def test_assess__loss__is_no_claim(engine_now):
    require(act(engine_now, 500, {FED: (0, 10, 1300)}), equity="200", claims="0")


def test_assess__equity_below_zero__is_said(engine_now):
    require(act(engine_now, 50, {FED: (0, 10, 1300)}), equity="-250")


def test_assess__spot_behind_a_loan__is_worth_its_index(engine_now):
    result = act(engine_now, "-500", {FED: (10, 0, 0)})
    require(result, equity="500", mm="60.990195135928", claims="0")


def test_assess__hedge_within_a_bucket__only_own_risk_and_gross_remain(engine_now):
    # 5% of 1,000 against 4% of 1,250: the bucket is flat. R = 10; G = 10 + 1.25; the floor is 20 a market.
    held = {FED: (0, 100, 10_000), FEEDLESS: (0, -125, -12_500)}
    result = act(engine_now, 1_000, held)
    require(result, equity="1000", mm="212.5", floor="40")
    # 10,000 at 0.03% and 12,500 at 1%.
    require(result, down="128", up="128")


def test_assess__opposite_buckets__hedge_by_their_correlation_less_kappa(engine_now):
    # S = (50, −30), ρ 84%, κ 25%: 0.75 · (50² + 30² − 2·0.84·50·30) + 0.25 · (50² + 30²) = 660 + 850; own 10² + 10².
    held = {FED: (0, 10, 1_000), OTHER: (0, -5, -500)}
    require(act(engine_now, 100, held), equity="100", mm="56.352146256271", floor="40")


def test_assess__buckets_of_one_sign__add_by_their_correlation(engine_now):
    # S = (50, 30): 0.75 · (3,400 + 2,520) + 0.25 · 80² = 4,440 + 1,600; own 200: √6,240.
    held = {FED: (0, 10, 1_000), OTHER: (0, 5, 500)}
    require(act(engine_now, 100, held), mm="93.993670632526")


def test_assess__two_longs_of_a_bucket__add_up(engine_now):
    # S = 50 + 40: R = √(90² + 10²), G = 10 + 1.
    held = {FED: (0, 10, 1_000), FEEDLESS: (0, 10, 1_000)}
    require(act(engine_now, 100, held), mm="101.553851381375")


def test_assess__spot_and_short_perp__net_but_for_gross(engine_now):
    result = act(engine_now, 10, {FED: (20, -20, -2_000)})
    require(result, equity="2010", mm="40", floor="20", down="0", up="0", claims="0")


def test_assess__small_positions__need_the_floor_of_each_market_held(engine_now):
    held = {FED: ("0.001", 0, 0), FEEDLESS: (0, "0.001", "0.1"), OTHER: (0, "-0.001", "-0.1")}
    result = act(engine_now, "-1", held)
    require(result, mm="60", im="90", floor="60")


def test_assess__a_wei_of_everything__is_rounded_against_the_account(engine_now):
    size = Decimal(1) / WAD
    result = act(engine_now, 0, {FED: (0, "-0.000000000000000001", 0)})
    # −100 wei exactly; 0.03 wei of possible loss is a wei, of possible gain nothing.
    assert (result.equity, result.down, result.up) == (-100, 1, 0)
    result = act(engine_now, "-0.000000000000000001", {FED: (size, 0, 0)})
    assert (result.equity, result.down, result.up) == (99, 1, 0)


def test_assess__value_of_a_fraction_of_a_wei__rounds_down(desk, begin):
    desk.push(1, begin - 1)
    desk.quote(begin, Decimal("0.3"))
    index = desk.engine.price(FED).index
    assert 7 * index % WAD
    assert act(desk.engine, "-1", {FED: ("0.000000000000000007", 0, 0)}).equity == -WAD + 7 * index // WAD
    result = act(desk.engine, 0, {FED: (0, "-0.000000000000000007", 0)})
    assert result.equity == -7 * index // WAD
    result = act(desk.engine, 0, {FED: (0, "-0.000000000000000007", "-1")})
    assert result.claims == -7 * index // WAD + WAD


def test_assess__basis_and_funding__move_the_perp_not_the_spot(desk, begin):
    desk.quote(begin, 100, basis=9_000)
    desk.quote(begin + 10, 100, basis=9_000)
    price = desk.engine.price(FED)
    assert price.mark > price.index
    assert price.funding > 0
    perp = act(desk.engine, 0, {FED: (0, 10, 0)})
    assert perp.equity == 10 * (price.mark - price.funding)
    spot = act(desk.engine, "-1", {FED: (10, 0, 0)})
    assert spot.equity == 10 * price.index - WAD
    assert spot.mm == perp.mm


def test_assess__gap__loss_counts_all_of_it_and_gain_what_has_not_faded(desk, begin):
    desk.push(110, begin - 1)
    desk.quote(begin, 100, confidence=30)
    desk.seen_at(begin + 15)
    # 10% less 0.5% up; at 15 s of 60 three quarters of it are left.
    long = act(desk.engine, 0, {FED: (0, 10, 0)})
    require(long, down="0.3", up="71.55")
    short = act(desk.engine, 0, {FED: (0, -10, 0)})
    require(short, down="95.3", up="0.3")


def test_assess__gap_below__is_the_mirror(desk, begin):
    desk.push(90, begin - 1)
    desk.quote(begin, 100, confidence=30)
    desk.seen_at(begin + 15)
    require(act(desk.engine, 0, {FED: (0, 10, 0)}), down="95.3", up="0.3")
    require(act(desk.engine, 0, {FED: (0, -10, 0)}), down="0.3", up="71.55")


# Accounts that owe nothing


@pytest.mark.parametrize("how", ["assess", "appraise"])
def test_assess__nothing_at_all__is_nothing(engine_now, how):
    assert tuple(act(engine_now, 0, {}, how)) == (0, *NOTHING, LIVE)


def test_assess__cash_alone__has_no_requirement(engine_now):
    assert tuple(act(engine_now, 7, {})) == (7 * WAD, *NOTHING, LIVE)


def test_assess__debt_alone__needs_the_floor_of_one_market(engine_now):
    require(act(engine_now, "-7", {}), equity="-7", mm="20", im="30", floor="20")


@pytest.mark.parametrize("market", [FED, DELISTED])
def test_assess__spot_and_no_debt__reads_no_price(desk, market):
    # No market has a price yet: one that is read would show as dead.
    assert tuple(act(desk.engine, 7, {market: (10, 0, 0)})) == (7 * WAD, *NOTHING, LIVE)


def test_assess__claims__are_equity_without_a_price(desk):
    result = act(desk.engine, 7, {FED: (3, 0, -70), OTHER: (0, 0, -30)})
    require(result, equity="107", claims="100", mm="0", im="0", floor="0", down="0", up="0")
    assert result.state == LIVE


def test_assess__claim_in_a_dead_market_beside_a_position__does_not_kill_it(priced):
    result = act(priced.engine, 50, {FED: (0, 10, 1_000), DELISTED: (0, 0, -30)})
    require(result, equity="80", claims="30", floor="20", mm="60.990195135928")
    assert result.state == LIVE


def test_assess__claim_beside_spot_of_the_market__counts_with_the_spot(engine_now):
    result = act(engine_now, "-100", {FED: (10, 0, -30)})
    require(result, equity="930", claims="30", mm="60.990195135928")


def test_assess__cost_without_size__is_a_debt_and_holds_its_market(priced):
    result = act(priced.engine, 50, {FED: (0, 0, 30)})
    require(result, equity="20", claims="0", mm="20", floor="20")
    result = act(priced.engine, 50, {DELISTED: (0, 0, 30)})
    assert (result.equity, result.state) == (20 * WAD, GONE)


def test_assess__claim_seen_before_a_debt__account_owes(engine_now):
    result = act(engine_now, 50, {FED: (0, 0, -30), FEEDLESS: (5, 0, 0), OTHER: (0, 0, 10)})
    require(result, equity="570", claims="30", floor="40")


# States


@pytest.mark.parametrize(("age", "state"), [(PRICE_AGE, LIVE), (PRICE_AGE + 1, LATE), (FAST_LIFE + 1, GONE)])
def test_assess__states_of_its_markets__the_worst_counts(priced, begin, age, state):
    priced.seen_at(begin + age)
    held = {FED: (0, 1, 100), FEEDLESS: (0, 1, 100), OTHER: (1, 0, 0)}
    assert act(priced.engine, 0, held).state == state
    del held[FEEDLESS]
    assert act(priced.engine, 0, held).state == min(state, LATE)


def test_assess__dead_market__widest_interval_counts_both_ways(priced, begin):
    priced.seen_at(begin + FAST_LIFE + 1)
    require(act(priced.engine, 0, {FEEDLESS: (0, 10, 0)}), equity="1000", down="200", up="200")


# Bounds


def held_in(count, holding):
    return dict.fromkeys(range(count), holding)


@pytest.mark.parametrize("how", ["assess", "appraise"])
@pytest.mark.parametrize(
    ("cash", "holding"),
    [(0, (0, 1, 0)), (0, (0, 0, -1)), (-1, (1, 0, 0)), (-1, (0, 0, -1))],
    ids=["positions", "claims", "spot and a debt", "claims and a debt"],
)
def test_assess__17_markets__reverts(engine_now, how, cash, holding):
    with ape.reverts("risk_engine: too many markets"):
        act(engine_now, cash, held_in(17, holding), how)


def test_assess__16_markets_of_spot_and_perp__are_all_counted(engine_now):
    held = held_in(16, (0, 1, 5)) | {FED: (2, 1, 5), OTHER: (2, 1, 5)}
    result = act(engine_now, 0, held)
    # Three markets have a price; 13 do not, and count with their cost and the floor.
    require(result, equity="620", floor="320")
    assert result.state == GONE


def test_assess__market_63__is_read(engine_now):
    assert act(engine_now, 0, {63: (0, 1, 5)}).state == GONE


# Appraise


def test_appraise__account_that_owes__is_assessed(engine_now):
    held = {FED: (3, 10, 900), OTHER: (0, -5, -500)}
    assert act(engine_now, 50, held, "appraise") == act(engine_now, 50, held)


def test_appraise__spot_and_no_debt__is_priced_without_a_requirement(engine_now):
    result = act(engine_now, 7, {FED: (3, 0, -70), FEEDLESS: (2, 0, 0)}, "appraise")
    require(result, equity="577", claims="70")
    assert tuple(result)[1:6] == (0, 0, 0, 0, 0)
    assert result.state == LIVE


@pytest.mark.parametrize(("age", "state"), [(PRICE_AGE, LIVE), (PRICE_AGE + 1, LATE), (FAST_LIFE + 1, GONE)])
def test_appraise__spot_and_no_debt__says_the_worst_state(priced, begin, age, state):
    priced.seen_at(begin + age)
    assert act(priced.engine, 7, {FED: (3, 0, 0), FEEDLESS: (2, 0, 0)}, "appraise").state == state


def test_appraise__claim_in_a_dead_market__needs_no_price(priced):
    assert act(priced.engine, 7, {FED: (3, 0, 0), DELISTED: (0, 0, -1)}, "appraise").state == LIVE
