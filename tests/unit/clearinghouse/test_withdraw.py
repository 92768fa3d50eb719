"""`withdraw`: quote out, past zero where collateral carries it, never below initial margin."""

from __future__ import annotations

import pytest

from keeper.publish.reports import Entry
from tests.unit.clearinghouse.house import WITHDRAW, soon
from tests.unit.system import BTC, ETH, UNITS, WAD, wad


def test_withdraw__own_cash__goes_to_the_receiver(house, quote, taker, attacker, alice):
    before = quote.balanceOf(attacker)
    house.clearinghouse.withdraw(alice, 4_000 * UNITS, attacker, sender=taker)
    assert quote.balanceOf(attacker) == before + 4_000 * UNITS
    assert house.cash(alice) == 6_000 * WAD


def test_withdraw__all__leaves_nothing(house, taker, alice):
    house.clearinghouse.withdraw(alice, 10_000 * UNITS, taker, sender=taker)
    assert house.clearinghouse.header(alice) == 0


def test_withdraw__any__takes_from_totals_and_tokens_held(house, taker, alice):
    totals, custody = house.totals, house.custody
    house.clearinghouse.withdraw(alice, 4_000 * UNITS, taker, sender=taker)
    assert house.totals.positive == totals.positive - 4_000 * WAD
    assert house.custody.held == custody.held - 4_000 * WAD


def test_withdraw__by_an_operator__goes_to_the_owner_whatever_the_receiver(
    house, quote, taker, operator, attacker, alice
):
    house.clearinghouse.approve_operator(operator, True, sender=taker)
    before = quote.balanceOf(taker)
    house.clearinghouse.withdraw(alice, UNITS, attacker, sender=operator)
    assert quote.balanceOf(taker) == before + UNITS
    assert quote.balanceOf(operator) == 0


def test_withdraw__past_zero_with_collateral__borrows(house, quote, taker, alice, pool):
    house.fund_spot(taker, ETH, 10)
    house.prices()
    before = quote.balanceOf(taker)
    house.clearinghouse.withdraw(alice, 12_000 * UNITS, taker, sender=taker)
    assert quote.balanceOf(taker) == before + 12_000 * UNITS
    assert house.stored(alice) == -2_000 * WAD
    assert house.totals.negative == 2_000 * WAD


def test_withdraw__to_the_edge_of_initial_margin__is_allowed_and_one_unit_more_refused(house, taker, alice, bob):
    house.trade(alice, bob, 10, 1600)
    im = house.clearinghouse.assess(alice).im
    most = (house.cash(alice) - im) // 10**12
    with house.refuses("clearinghouse: below initial margin", alice):
        house.clearinghouse.withdraw(alice, most + 1, taker, sender=taker)
    house.clearinghouse.withdraw(alice, most, taker, sender=taker)


def test_withdraw__with_profit_not_settled__does_not_count_it(house, taker, alice, bob):
    house.trade(alice, bob, 10, 1600)
    house.prices({ETH: 1664})
    im = house.clearinghouse.assess(alice).im
    most = (house.cash(alice) - im) // 10**12
    with house.refuses("clearinghouse: below initial margin", alice):
        house.clearinghouse.withdraw(alice, most + 1, taker, sender=taker)
    house.settle(bob, alice)
    house.clearinghouse.withdraw(alice, most + 640 * UNITS, taker, sender=taker)


def test_withdraw__inside_the_price_interval__is_refused(house, taker, alice, bob):
    house.trade(alice, bob, 10, 1600)
    house.prices(confidence=1_000)
    assessment = house.clearinghouse.assess(alice)
    assert assessment.down == 160 * WAD
    most = (house.cash(alice) - assessment.im - assessment.down) // 10**12
    with house.refuses("clearinghouse: below initial margin", alice):
        house.clearinghouse.withdraw(alice, most + 1, taker, sender=taker)
    house.clearinghouse.withdraw(alice, most, taker, sender=taker)


def test_withdraw__at_a_late_price__is_refused(house, taker, alice, bob):
    house.trade(alice, bob, 1, 1600)
    house.pass_time(20)
    with house.refuses("clearinghouse: price is late", alice):
        house.clearinghouse.withdraw(alice, UNITS, taker, sender=taker)


def test_withdraw__in_a_dead_market__is_refused(house, taker, alice, bob):
    house.trade(alice, bob, 1, 1600)
    house.pass_time(100_000)
    with house.refuses("clearinghouse: market is dead", alice):
        house.clearinghouse.withdraw(alice, UNITS, taker, sender=taker)


def test_withdraw__owing_nothing__needs_no_price(house, taker, alice):
    house.fund_spot(taker, BTC, 1)
    house.pass_time(100_000)
    house.clearinghouse.withdraw(alice, 10_000 * UNITS, taker, sender=taker)
    with house.refuses("clearinghouse: market is dead", alice):
        house.clearinghouse.withdraw(alice, 1, taker, sender=taker)


def test_withdraw__other_markets_live__does_not_help_a_late_one(house, taker, alice, bob):
    house.trade(alice, bob, 1, 1600)
    house.pass_time(20)
    house.update([Entry(BTC, wad(51_200), 0, 0)], soon(house))
    with house.refuses("clearinghouse: price is late", alice):
        house.clearinghouse.withdraw(alice, UNITS, taker, sender=taker)


def test_withdraw__any__logs_the_account_as_it_is(house, taker, alice):
    receipt = house.clearinghouse.withdraw(alice, UNITS, taker, sender=taker)
    (log,) = receipt.decode_logs(house.clearinghouse.AccountChanged)
    assert (log.account, log.act, log.changed, list(log.words)) == (alice, WITHDRAW, 0, [])
    house.check_logged(receipt)


def test_withdraw__by_a_stranger__reverts(house, attacker, alice):
    with house.refuses("clearinghouse: not allowed", alice):
        house.clearinghouse.withdraw(alice, UNITS, attacker, sender=attacker)


def test_withdraw__by_a_revoked_operator__reverts(house, taker, operator, alice):
    house.clearinghouse.approve_operator(operator, True, sender=taker)
    house.clearinghouse.approve_operator(operator, False, sender=taker)
    with house.refuses("clearinghouse: not allowed", alice):
        house.clearinghouse.withdraw(alice, UNITS, operator, sender=operator)


def test_withdraw__nothing__reverts(house, taker, alice):
    with house.refuses("clearinghouse: nothing to move", alice):
        house.clearinghouse.withdraw(alice, 0, taker, sender=taker)


def test_withdraw__account_of_nobody__reverts(house, taker):
    with house.refuses("clearinghouse: owner is zero"):
        house.clearinghouse.withdraw(5, UNITS, taker, sender=taker)


@pytest.mark.parametrize("amount", [10**18 + 1, 2**256 - 1])
def test_withdraw__above_the_bound_of_cash__reverts(house, taker, alice, amount):
    with house.refuses("clearinghouse: cash out of bounds", alice):
        house.clearinghouse.withdraw(alice, amount, taker, sender=taker)


def test_withdraw__more_than_is_held__reverts(house, quote, taker, lender, alice, pool):
    house.fund_spot(taker, ETH, 1000)
    house.prices()
    # 120,000 are held, of which 10,000 are the account's own; a donation does not help.
    quote.mint(house.clearinghouse, 1_000_000 * UNITS, sender=taker)
    with house.refuses("clearinghouse: not enough tokens", alice):
        house.clearinghouse.withdraw(alice, 120_000 * UNITS + 1, taker, sender=taker)
    house.clearinghouse.withdraw(alice, 120_000 * UNITS, taker, sender=taker)
    with house.refuses("clearinghouse: not enough tokens", pool):
        house.clearinghouse.withdraw(pool, 1, lender, sender=lender)


def test_withdraw__more_than_own_cash_without_collateral__reverts(house, taker, alice):
    with house.refuses("clearinghouse: below initial margin", alice):
        house.clearinghouse.withdraw(alice, 10_000 * UNITS + 1, taker, sender=taker)
