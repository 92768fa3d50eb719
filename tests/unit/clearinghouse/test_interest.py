"""Interest: what borrowers pay, lenders get and the vault keeps; nothing is made of nothing."""

from __future__ import annotations

import pytest
from ape import chain

from keeper.model.words import Settings
from tests.unit.clearinghouse.house import COLLECT
from tests.unit.system import ETH, SETTINGS, UNITS, WAD

YEAR = 31_536_000
DAY = 86_400


@pytest.fixture
def debtor(house, attacker, pool, known):
    """100 ETH behind a debt of 60,000: half of the 120,000 that all have lent."""
    account = house.fund_spot(attacker, ETH, 100)
    known.append(account)
    house.prices()
    house.clearinghouse.withdraw(account, 60_000 * UNITS, attacker, sender=attacker)
    return account


def touch(house):
    """An act that changes nothing of its own: interest to now is stored."""
    return house.clearinghouse.collect(sender=house.owner)


def test_interest__nothing_lent__costs_and_earns_nothing(house, alice):
    assert (house.indices.supply_rate, house.indices.borrow_rate) == (0, 0)
    house.pass_time(YEAR)
    assert house.cash(alice) == 10_000 * WAD


def test_interest__more_held_than_anybody_owns__costs_and_earns_nothing(house, alice, bob, pool):
    # What a loser has paid in is nobody's cash until a winner takes it.
    house.trade(alice, bob, 10, 1600)
    house.prices({ETH: 1500})
    house.settle(alice)
    assert house.custody.held > house.totals.positive
    assert (house.indices.supply_rate, house.indices.borrow_rate) == (0, 0)


def test_interest__below_the_kink__is_in_proportion(house, debtor):
    # 50% of use on the way to 6% at 80%; lenders get half of that less a tenth.
    indices = house.indices
    assert indices.borrow_rate == 37_500_000
    assert indices.supply_rate == 37_500_000 * 9 // 20


def test_interest__above_the_kink__is_steeper(house, attacker, debtor):
    house.clearinghouse.withdraw(debtor, 48_000 * UNITS, attacker, sender=attacker)
    # 90% of use, but for the interest of the seconds between: half way from 6% to 100%.
    assert house.indices.borrow_rate == pytest.approx(530_000_000, rel=1e-5)


def test_interest__at_full_use__is_the_highest(house, attacker, debtor):
    house.clearinghouse.withdraw(debtor, 60_000 * UNITS, attacker, sender=attacker)
    assert house.indices.borrow_rate == pytest.approx(1_000_000_000, rel=1e-5)
    assert house.custody.held == 0


def test_interest__a_day__accrues_by_the_indices(house, pool, debtor):
    before = house.indices
    house.pass_time(DAY)
    touch(house)
    after = house.indices
    elapsed = after.time - before.time
    assert elapsed >= DAY
    assert after.supply == WAD + WAD * before.supply_rate * elapsed // (10**9 * YEAR)
    assert after.borrow == WAD - -WAD * before.borrow_rate * elapsed // (10**9 * YEAR)
    assert house.stored(debtor) == -60_000 * after.borrow
    assert house.stored(pool) == 100_000 * after.supply


def test_interest__between_acts__views_show_it(house, pool, debtor):
    before = house.cash(pool), house.cash(debtor), house.clearinghouse.assess(debtor).equity
    house.pass_time(DAY)
    chain.mine()
    assert house.cash(pool) > before[0]
    assert house.cash(debtor) < before[1]
    indices, _, custody = house.accrued()
    assert indices.borrow > house.indices.borrow
    assert custody.reserve > house.custody.reserve
    house.prices()
    assert house.clearinghouse.assess(debtor).equity < before[2]


def test_interest__what_borrowers_pay__is_what_lenders_and_the_vault_get(house, alice, bob, pool, debtor):
    lenders = (alice, bob, pool)
    before = sum(house.stored(account) for account in lenders), house.stored(debtor)
    house.pass_time(30 * DAY)
    touch(house)
    paid = before[1] - house.stored(debtor)
    got = sum(house.stored(account) for account in lenders) - before[0] + house.stored(house.vault_account)
    assert 0 <= paid - got < 1_000
    # A tenth is the vault's.
    assert house.stored(house.vault_account) == pytest.approx(paid // 10, rel=1e-6)


def test_interest__over_many_acts__never_leaves_less_than_is_owed(house, debtor):
    # Each act rounds; the custody identity, checked after the test, must still hold.
    for step in range(12):
        house.pass_time(1 + 7 * step)
        touch(house)


def test_interest__an_act_that_changes_no_sum__keeps_the_rates(house, debtor):
    before = house.indices
    house.pass_time(DAY)
    house.prices()
    house.settle(debtor)
    after = house.indices
    assert after.time > before.time
    assert (after.supply_rate, after.borrow_rate) == (before.supply_rate, before.borrow_rate)


def test_collect__moves_the_reserve_to_the_vault(house, debtor):
    house.pass_time(30 * DAY)
    chain.mine()
    before = house.cash(house.vault_account)
    receipt = touch(house)
    assert house.custody.reserve == 0
    assert house.cash(house.vault_account) > before
    assert house.changes(receipt) == [(house.vault_account, COLLECT)]
    house.check_logged(receipt)


def test_collect__without_a_reserve__changes_no_account(house):
    receipt = touch(house)
    assert house.changes(receipt) == []
    assert house.cash(house.vault_account) == 0


def test_collect__by_anybody__is_allowed(house, attacker, debtor):
    house.pass_time(DAY)
    house.clearinghouse.collect(sender=attacker)
    assert house.cash(house.vault_account) > 0


def test_set_settings__accrues_at_the_old_rates_then_sets_new_ones(house, owner, debtor):
    before = house.indices
    house.pass_time(DAY)
    steeper = Settings(kink=8_000, at_kink=160_000_000, at_full=1_000_000_000, reserve=2_000, band=500, max_fee=100)
    house.clearinghouse.set_settings(steeper.pack(), sender=owner)
    after = house.indices
    elapsed = after.time - before.time
    assert after.borrow == WAD - -WAD * before.borrow_rate * elapsed // (10**9 * YEAR)
    assert after.borrow_rate == pytest.approx(100_000_000, rel=1e-3)
    assert after.supply_rate == pytest.approx(100_000_000 * 8 // 20, rel=1e-3)


def test_rounding__debt_repaid_exactly__is_gone(house, quote, attacker, debtor):
    house.pass_time(DAY)
    touch(house)
    owed = -house.cash(debtor) // 10**12 + 1_000_000
    quote.mint(attacker, owed, sender=attacker)
    quote.approve(house.clearinghouse, owed, sender=attacker)
    house.clearinghouse.deposit(debtor, owed, sender=attacker)
    assert house.totals.negative == 0
    assert 0 <= house.stored(debtor) < WAD


def test_rounding__of_an_accounts_cash__is_against_it(house, quote, attacker, debtor, known):
    house.pass_time(DAY)
    touch(house)
    account = house.account(attacker, 1)
    known.append(account)
    quote.mint(attacker, 7, sender=attacker)
    quote.approve(house.clearinghouse, 7, sender=attacker)
    house.clearinghouse.deposit(account, 7, sender=attacker)
    # Principal is rounded down, and what it is worth is too.
    assert house.header(account).principal == 7 * 10**12 * WAD // house.indices.supply
    assert 7 * 10**12 - 2 <= house.stored(account) <= 7 * 10**12


def test_rounding__of_an_accounts_debt__is_against_it(house, attacker, debtor):
    house.pass_time(DAY)
    house.prices()
    before = house.header(debtor).principal
    house.clearinghouse.withdraw(debtor, 7, attacker, sender=attacker)
    borrow, principal = house.indices.borrow, house.header(debtor).principal
    owed = -(before * borrow // WAD) + 7 * 10**12
    # What is owed is rounded up, and its principal is too.
    assert owed * WAD % borrow != 0
    assert principal == -owed * WAD // borrow
    now = house.accrued()[0].borrow
    assert principal * now % WAD != 0
    assert house.cash(debtor) == principal * now // WAD


def test_settings__defaults__are_what_was_deployed(house):
    assert house.clearinghouse.settings() == SETTINGS.pack()
