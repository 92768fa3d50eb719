"""`deposit`: quote from anybody into any account, exact to the unit."""

from __future__ import annotations

import ape
import pytest

from tests.unit.clearinghouse.house import DEPOSIT, QUOTE_UNIT
from tests.unit.system import ETH, UNITS, WAD


@pytest.fixture
def purse(house, quote, attacker):
    """A wallet with 500 of quote that lets the house take it."""
    quote.mint(attacker, 500 * UNITS, sender=attacker)
    quote.approve(house.clearinghouse, 2**256 - 1, sender=attacker)
    return attacker


def test_deposit__own_account__credits_it_and_takes_the_tokens(house, quote, purse, known):
    account = house.account(purse, 7)
    known.append(account)
    held = quote.balanceOf(house.clearinghouse)
    house.clearinghouse.deposit(account, 500 * UNITS, sender=purse)
    assert house.cash(account) == 500 * WAD
    assert quote.balanceOf(purse) == 0
    assert quote.balanceOf(house.clearinghouse) == held + 500 * UNITS


def test_deposit__one_unit__counts_whole(house, purse, known):
    account = house.account(purse)
    known.append(account)
    house.clearinghouse.deposit(account, 1, sender=purse)
    assert house.cash(account) == QUOTE_UNIT


def test_deposit__to_another_wallets_account__is_the_others(house, purse, alice):
    before = house.cash(alice)
    house.clearinghouse.deposit(alice, 3 * UNITS, sender=purse)
    assert house.cash(alice) == before + 3 * WAD
    assert house.header(house.account(purse)).principal == 0


def test_deposit__any__adds_to_totals_and_tokens_held(house, purse, alice):
    totals, custody = house.totals, house.custody
    house.clearinghouse.deposit(alice, 3 * UNITS, sender=purse)
    assert house.totals.positive == totals.positive + 3 * WAD
    assert house.custody.held == custody.held + 3 * WAD


def test_deposit__into_debt__repays_it(house, taker, purse, alice):
    house.fund_spot(taker, ETH, 10)
    house.prices()
    house.clearinghouse.withdraw(alice, 10_100 * UNITS, taker, sender=taker)
    assert house.stored(alice) == -100 * WAD
    assert house.totals.negative == 100 * WAD
    house.clearinghouse.deposit(alice, 400 * UNITS, sender=purse)
    # A few seconds of interest, rounded against the account.
    assert 300 * WAD - 10**14 < house.cash(alice) < 300 * WAD
    assert house.totals.negative == 0


def test_deposit__any__logs_the_account_as_it_is(house, purse, alice):
    receipt = house.clearinghouse.deposit(alice, UNITS, sender=purse)
    (log,) = receipt.decode_logs(house.clearinghouse.AccountChanged)
    assert (log.account, log.act, log.changed, list(log.words)) == (alice, DEPOSIT, 0, [])
    assert len(receipt.decode_logs(house.clearinghouse.InterestChanged)) == 1
    house.check_logged(receipt)


def test_deposit__tokens_sent_without_it__count_for_nothing(house, quote, purse):
    before = house.custody.held
    quote.transfer(house.clearinghouse, 500 * UNITS, sender=purse)
    assert house.custody.held == before


def test_deposit__nothing__reverts(house, purse, alice):
    with house.refuses("clearinghouse: nothing to move", alice):
        house.clearinghouse.deposit(alice, 0, sender=purse)


def test_deposit__account_of_nobody__reverts(house, purse):
    nobody = 5
    with house.refuses("clearinghouse: owner is zero", nobody):
        house.clearinghouse.deposit(nobody, UNITS, sender=purse)


@pytest.mark.parametrize("amount", [10**18 + 1, 2**255, 2**256 - 1])
def test_deposit__above_the_bound_of_cash__reverts(house, purse, alice, amount):
    with house.refuses("clearinghouse: cash out of bounds", alice):
        house.clearinghouse.deposit(alice, amount, sender=purse)


def test_deposit__that_brings_cash_above_its_bound__reverts(house, quote, purse, alice):
    quote.mint(purse, 10**18, sender=purse)
    with house.refuses("clearinghouse: cash out of bounds", alice):
        house.clearinghouse.deposit(alice, 10**18, sender=purse)


def test_deposit__more_than_the_caller_has__reverts(house, purse, alice):
    # The token refuses, in its own words or in none.
    before = house.header(alice), house.custody
    with ape.reverts():
        house.clearinghouse.deposit(alice, 501 * UNITS, sender=purse)
    assert (house.header(alice), house.custody) == before
