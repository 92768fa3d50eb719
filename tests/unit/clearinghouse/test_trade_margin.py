"""`trade` and margin: after a fill a side has initial margin, or less risk than before for what its health allows."""

from __future__ import annotations

import pytest

from keeper.publish.reports import Entry
from tests.unit.clearinghouse.house import soon
from tests.unit.system import BTC, ETH, UNITS, WAD, wad


@pytest.fixture
def small(house, attacker, known):
    """An account of the attacker's with 150 of cash: enough for 1 ETH (144.7) and no more."""
    account = house.fund(attacker, 150)
    known.append(account)
    return account


@pytest.fixture
def called(house, attacker, bob, known):
    """Long 10 ETH at 1,600 on 2,400; at 1,472 its equity of 1,120 is above maintenance and below initial margin."""
    account = house.fund(attacker, 2_400)
    known.append(account)
    house.trade(account, bob, 10, 1600)
    house.prices({ETH: 1472})
    assessment = house.clearinghouse.assess(account)
    assert assessment.mm < assessment.equity < assessment.im
    return account


@pytest.fixture
def breached(house, attacker, bob, known):
    """Long 10 ETH at 1,600 on 2,000; at 1,472 its equity is 720 against a maintenance requirement of 887."""
    account = house.fund(attacker, 2_000)
    known.append(account)
    house.trade(account, bob, 10, 1600)
    house.prices({ETH: 1472})
    assessment = house.clearinghouse.assess(account)
    assert 0 < assessment.equity < assessment.mm
    return account


@pytest.fixture
def insolvent(house, attacker, bob, known):
    """Short 10 ETH at 1,600 on 1,600; at 1,824 its equity is −640."""
    account = house.fund(attacker, 1_600)
    known.append(account)
    house.trade(account, bob, -10, 1600)
    house.prices({ETH: 1824})
    assert house.clearinghouse.assess(account).equity == -640 * WAD
    return account


def health(assessment):
    return assessment.equity * WAD // assessment.mm


def test_trade__with_initial_margin__is_allowed(house, bob, small):
    house.trade(small, bob, 1, 1600)
    house.clearinghouse.require_initial(small)


@pytest.mark.parametrize("as_taker", [True, False])
def test_trade__without_initial_margin__reverts(house, bob, small, as_taker):
    size, sides = (1.1, (small, bob)) if as_taker else (-1.1, (bob, small))
    with house.refuses("clearinghouse: below initial margin", bob, small):
        house.trade(*sides, size, 1600)


def test_trade__fee_that_eats_the_margin__reverts(house, bob, small):
    with house.refuses("clearinghouse: below initial margin", bob, small):
        house.trade(small, bob, 1, 1600, fees=(6, 0))
    house.trade(small, bob, 1, 1600, fees=(5, 0))


def test_trade__at_a_loss_that_eats_the_margin__reverts(house, bob, small):
    with house.refuses("clearinghouse: below initial margin", bob, small):
        house.trade(small, bob, 1, 1606)


def test_trade__inside_the_price_interval__reverts(house, bob, small):
    house.prices(confidence=1_000)
    with house.refuses("clearinghouse: below initial margin", bob, small):
        house.trade(small, bob, 1, 1600)


def test_trade__of_an_account_with_a_late_price_elsewhere__reverts(house, bob, alice):
    house.trade(alice, bob, 0.1, 51_200, market=BTC)
    house.pass_time(20)
    house.update([Entry(ETH, wad(1600), 0, 0)], soon(house))
    with house.refuses("clearinghouse: price is late", bob, alice):
        house.trade(alice, bob, 1, 1600)


def test_trade__of_profit_that_nobody_has_paid__reverts(house, attacker, bob, known):
    # 2,400 of its own, 2,400 that bob owes and has not settled; each trade at the edges of the band loses 502.
    account = house.fund(attacker, 2_400)
    known.append(account)
    house.trade(account, bob, 10, 1600)
    house.prices({ETH: 1840})
    for size, price in [(0.2, 53_709), (-0.2, 48_691)] * 2:
        house.trade(account, bob, size, price, market=BTC)
    after = house.clearinghouse.assess(account)
    assert after.claims == pytest.approx(2_400 * WAD, abs=10**12)
    assert after.claims < after.equity < after.claims + 401 * WAD
    with house.refuses("clearinghouse: below initial margin", bob, account):
        house.trade(account, bob, 0.16, 53_709, market=BTC)
    house.settle(bob, account)
    house.trade(account, bob, 0.16, 53_709, market=BTC)


def test_trade__in_breach_with_nothing_but_unpaid_profit__may_reduce_and_lose_nothing(
    house, venue, attacker, bob, known
):
    account = house.fund(attacker, 3_400)
    known.append(account)
    house.trade(account, bob, 10, 1600)
    house.trade(account, bob, 0.5, 51_200, market=BTC)
    house.prices({ETH: 1664, BTC: 44_200})
    before = house.clearinghouse.assess(account)
    assert before.equity < before.claims
    assert 0 < before.equity < before.mm
    with house.refuses("clearinghouse: below initial margin", bob, account):
        house.clearinghouse.trade(BTC, account, bob, -WAD // 10, 44_200 * WAD - 10**12, 0, 0, sender=venue)
    house.clearinghouse.trade(BTC, account, bob, -WAD // 10, 44_200 * WAD + 10**12, 0, 0, sender=venue)
    assert house.clearinghouse.assess(account).mm < before.mm


def test_trade__below_initial_margin__may_reduce_at_the_mark(house, bob, called):
    before = house.clearinghouse.assess(called)
    house.trade(called, bob, -2, 1472)
    after = house.clearinghouse.assess(called)
    assert after.mm < before.mm
    assert after.equity == before.equity


def test_trade__below_initial_margin__may_not_trade_for_nothing(house, bob, called):
    # Turned round the position needs what it needed: no requirement is released, and none may be paid for.
    before = house.clearinghouse.assess(called)
    with house.refuses("clearinghouse: below initial margin", bob, called):
        house.trade(called, bob, -20, 1472)
    house.trade(called, bob, -19.9, 1472)
    assert house.clearinghouse.assess(called).mm < before.mm


def test_trade__below_initial_margin__may_cost_no_more_than_it_releases(house, bob, attacker, known):
    # Half of 1 BTC releases 1,164 and costs 1,260 at the edge of the band: less than health of 1.2 would bear.
    account = house.fund(attacker, 3_600)
    known.append(account)
    house.trade(account, bob, 1, 51_200, market=BTC)
    house.prices({BTC: 50_400})
    before = house.clearinghouse.assess(account)
    assert before.mm * 11 // 10 < before.equity < before.im
    with house.refuses("clearinghouse: below initial margin", bob, account):
        house.trade(account, bob, -0.5, 47_880, market=BTC)
    house.trade(account, bob, -0.5, 48_100, market=BTC)
    after = house.clearinghouse.assess(account)
    assert after.mm < after.equity < after.im


def test_trade__below_initial_margin__may_not_add(house, bob, called):
    with house.refuses("clearinghouse: below initial margin", bob, called):
        house.trade(called, bob, 0.1, 1472)


def test_trade__in_breach__may_reduce_at_a_cost_within_its_health(house, venue, bob, breached):
    before = house.clearinghouse.assess(breached)
    # Selling 1 ETH releases a tenth of the requirement; health times that is what it may cost.
    released = before.mm - before.mm * 9 // 10
    allowed = health(before) * released // WAD
    trade = house.clearinghouse.trade
    with house.refuses("clearinghouse: below initial margin", bob, breached):
        trade(ETH, breached, bob, -WAD, 1472 * WAD - allowed - 10**12, 0, 0, sender=venue)
    trade(ETH, breached, bob, -WAD, 1472 * WAD - allowed + 10**12, 0, 0, sender=venue)
    assert health(house.clearinghouse.assess(breached)) >= health(before)


def test_trade__in_breach__counts_the_fee_as_cost(house, venue, bob, breached):
    before = house.clearinghouse.assess(breached)
    allowed = health(before) * (before.mm - before.mm * 9 // 10) // WAD
    trade = house.clearinghouse.trade
    # The price takes all but 10 of what is allowed, the fee of 11 the rest and more.
    price = 1472 * WAD - allowed + 10 * WAD
    with house.refuses("clearinghouse: below initial margin", bob, breached):
        trade(ETH, breached, bob, -WAD, price, 11 * WAD, 0, sender=venue)
    trade(ETH, breached, bob, -WAD, price, 9 * WAD, 0, sender=venue)


def test_trade__in_breach__as_maker_is_held_to_the_same(house, venue, bob, breached):
    before = house.clearinghouse.assess(breached)
    allowed = health(before) * (before.mm - before.mm * 9 // 10) // WAD
    trade = house.clearinghouse.trade
    with house.refuses("clearinghouse: below initial margin", bob, breached):
        trade(ETH, bob, breached, WAD, 1472 * WAD - allowed - 10**12, 0, 0, sender=venue)
    trade(ETH, bob, breached, WAD, 1472 * WAD - allowed + 10**12, 0, 0, sender=venue)


def test_trade__in_breach__may_not_add_a_market_even_as_a_hedge(house, bob, breached):
    with house.refuses("clearinghouse: in breach", bob, breached):
        house.trade(breached, bob, -0.1, 51_200, market=BTC)


def test_trade__below_initial_margin_but_not_in_breach__may_add_a_hedge(house, bob, called):
    before = house.clearinghouse.assess(called)
    house.trade(called, bob, -0.1, 51_200, market=BTC)
    assert house.clearinghouse.assess(called).mm < before.mm


def test_trade__in_breach__may_hedge_where_it_holds_spot(house, attacker, bob, pool, known):
    account = house.fund_spot(attacker, ETH, 10)
    known.append(account)
    house.prices()
    house.clearinghouse.withdraw(account, 14_000 * UNITS, attacker, sender=attacker)
    house.prices({ETH: 1472})
    before = house.clearinghouse.assess(account)
    assert before.equity < before.mm
    house.trade(account, bob, -5, 1472)
    assert house.clearinghouse.assess(account).mm < before.mm


def test_trade__insolvent__may_close_at_the_mark_and_keeps_its_loss(house, bob, insolvent):
    before = house.clearinghouse.assess(insolvent)
    house.trade(insolvent, bob, 10, 1824)
    # Its loss of 2,240 stays as cost: bob's profit is not paid out of what is not there.
    assert house.position(insolvent, ETH) == (0, 2_240 * WAD)
    assert house.cash(insolvent) == 1_600 * WAD
    assert house.clearinghouse.assess(insolvent).equity == before.equity
    assert house.cash(bob) == 10_000 * WAD
    assert house.book() == (0, 0)


def test_trade__insolvent__may_not_lose_a_wei_more(house, venue, bob, insolvent):
    with house.refuses("clearinghouse: below initial margin", bob, insolvent):
        house.clearinghouse.trade(ETH, insolvent, bob, WAD, 1824 * WAD + 1, 0, 0, sender=venue)
    house.clearinghouse.trade(ETH, insolvent, bob, WAD, 1824 * WAD, 0, 0, sender=venue)


def test_trade__insolvent_partly__logs_what_is_stored(house, bob, insolvent):
    receipt = house.trade(insolvent, bob, 5, 1824)
    house.check_logged(receipt)
    size, cost = house.position(insolvent, ETH)
    assert size == -5 * WAD
    assert house.cash(insolvent) == 1_600 * WAD
    assert 5 * 1824 * WAD * -1 - cost == -2_240 * WAD
