"""`withdraw` and `redeem`: what a request that is ready pays, the shares for it, and what stops it."""

from __future__ import annotations

import pytest

from tests.unit.insurance_vault.conftest import SHARE
from tests.unit.system import UNITS


def test_withdraw__own_request__pays_and_burns(insurance, vault, lender, guardian, quote):
    insurance.deposit(lender, 5 * UNITS)
    insurance.leave(lender, 3 * SHARE)
    receipt = vault.withdraw(2 * UNITS, guardian, lender, sender=lender)
    assert (quote.balanceOf(guardian), quote.balanceOf(vault)) == (2 * UNITS, 0)
    assert (vault.balanceOf(lender), vault.balanceOf(vault), vault.totalSupply()) == (2 * SHARE, SHARE, 3 * SHARE)
    assert vault.totalAssets() == 3 * UNITS
    (event,) = receipt.decode_logs(vault.Withdraw)
    assert (event.sender, event.receiver, event.owner) == (lender, guardian, lender)
    assert (event.assets, event.shares) == (2 * UNITS, 2 * SHARE)


def test_withdraw__price_not_round__burns_shares_rounded_up(insurance, vault, lender, quote, odd_price):
    insurance.leave(lender)
    total, supply, before = vault.totalAssets(), vault.totalSupply(), vault.request_of(lender)
    preview = vault.previewWithdraw(999_999)
    burned = max(preview, -(-999_999 * before.shares // before.value))
    assert vault.withdraw.call(999_999, lender, lender, sender=lender) == burned
    vault.withdraw(999_999, lender, lender, sender=lender)
    assert preview == -(-999_999 * (supply + 10**6) // (total + 1))
    assert before.shares - vault.request_of(lender).shares == supply - vault.totalSupply() == burned
    assert quote.balanceOf(lender) == 999_999


def test_withdraw__after_gains__burns_shares_at_their_value_when_requested(insurance, vault, lender, taker, guardian):
    for wallet in (lender, taker):
        insurance.deposit(wallet, 10 * UNITS)
    insurance.leave(lender)
    insurance.gain(guardian, 20 * UNITS)
    vault.withdraw(5 * UNITS, lender, lender, sender=lender)
    assert (vault.request_of(lender).shares, vault.request_of(lender).value) == (5 * SHARE, 5 * UNITS)


def test_redeem__price_not_round__pays_assets_rounded_down(insurance, vault, lender, quote, odd_price):
    value, shares = insurance.leave(lender), vault.request_of(lender).shares
    total, supply = vault.totalAssets(), vault.totalSupply()
    preview = vault.previewRedeem(SHARE + 1)
    receipt = vault.redeem(SHARE + 1, lender, lender, sender=lender)
    assert preview == (SHARE + 1) * (total + 1) // (supply + 10**6)
    assert quote.balanceOf(lender) == min(preview, value * (SHARE + 1) // shares)
    (event,) = receipt.decode_logs(vault.Withdraw)
    assert (event.assets, event.shares) == (quote.balanceOf(lender), SHARE + 1)


def test_redeem__all_of_the_only_owner__leaves_no_share(insurance, vault, lender, quote, odd_price):
    total = vault.totalAssets()
    insurance.leave(lender)
    vault.redeem(vault.request_of(lender).shares, lender, lender, sender=lender)
    assert vault.totalSupply() == 0
    # What the virtual shares are worth stays behind.
    assert total - 2 <= quote.balanceOf(lender) <= total


def test_redeem__of_another_with_allowance__spends_it(insurance, vault, lender, operator, quote):
    insurance.deposit(lender, 5 * UNITS)
    insurance.leave(lender)
    vault.approve(operator, 3 * SHARE, sender=lender)
    vault.redeem(2 * SHARE, operator, lender, sender=operator)
    assert quote.balanceOf(operator) == 2 * UNITS
    assert vault.allowance(lender, operator) == SHARE


@pytest.mark.parametrize(("act", "amount"), [("withdraw", 2 * UNITS), ("redeem", 2 * SHARE)])
def test_withdraw__of_another_above_the_allowance__reverts(insurance, vault, lender, attacker, act, amount):
    insurance.deposit(lender, 5 * UNITS)
    insurance.leave(lender)
    vault.approve(attacker, 2 * SHARE - 1, sender=lender)
    with insurance.refused("vault: not enough allowance", lender, attacker):
        getattr(vault, act)(amount, attacker, lender, sender=attacker)


@pytest.mark.parametrize(
    ("act", "amount"), [("withdraw", UNITS + 1), ("withdraw", 2**256 - 1), ("redeem", SHARE + 1), ("redeem", 2**200)]
)
def test_withdraw__more_than_requested__reverts(insurance, vault, lender, taker, act, amount):
    insurance.deposit(lender, 2 * UNITS)
    insurance.deposit(taker, 5 * UNITS)
    insurance.leave(lender, SHARE)
    with insurance.refused("vault: not enough shares", lender):
        getattr(vault, act)(amount, lender, lender, sender=lender)


@pytest.mark.parametrize(("act", "amount"), [("withdraw", 0), ("redeem", 0), ("redeem", 1)])
def test_withdraw__nothing__reverts(insurance, vault, lender, act, amount):
    insurance.deposit(lender, UNITS)
    insurance.leave(lender)
    with insurance.refused("vault: nothing to withdraw", lender):
        getattr(vault, act)(amount, lender, lender, sender=lender)


@pytest.mark.parametrize(("act", "amount"), [("withdraw", UNITS), ("redeem", SHARE)])
def test_withdraw__to_nobody__reverts(insurance, vault, lender, act, amount):
    insurance.deposit(lender, UNITS)
    insurance.leave(lender)
    with insurance.refused("vault: receiver is zero", lender):
        getattr(vault, act)(amount, "0x" + "00" * 20, lender, sender=lender)


def test_withdraw__of_what_is_lent_out__reverts(insurance, vault, lender, borrower):
    insurance.deposit(lender, 10 * UNITS)
    insurance.leave(lender)
    insurance.lend_out(borrower, 7 * UNITS)
    assert vault.maxWithdraw(lender) == 3 * UNITS
    with insurance.refused("vault: not enough tokens", lender):
        vault.withdraw(3 * UNITS + 1, lender, lender, sender=lender)
    with insurance.refused("vault: not enough tokens", lender):
        vault.redeem(4 * SHARE, lender, lender, sender=lender)


def test_max_withdraw__of_what_is_not_lent_out__goes_through(insurance, vault, lender, quote, borrower):
    insurance.deposit(lender, 10 * UNITS)
    insurance.leave(lender)
    insurance.lend_out(borrower, 7 * UNITS)
    vault.withdraw(vault.maxWithdraw(lender), lender, lender, sender=lender)
    assert quote.balanceOf(lender) == 3 * UNITS
    assert vault.maxWithdraw(lender) == vault.maxRedeem(lender) == 0


def test_max_redeem__of_what_is_not_lent_out__goes_through(insurance, vault, lender, quote, borrower, odd_price):
    insurance.leave(lender)
    insurance.lend_out(borrower, 4 * UNITS)
    most = vault.maxRedeem(lender)
    assert most < vault.request_of(lender).shares
    vault.redeem(most, lender, lender, sender=lender)
    held = 6 * UNITS + 333_337
    assert held - 1 <= quote.balanceOf(lender) <= held


def test_max_withdraw__nothing_lent__is_what_the_request_pays(insurance, vault, lender, attacker, odd_price):
    value = insurance.leave(lender)
    assert vault.maxRedeem(lender) == vault.request_of(lender).shares
    assert vault.maxWithdraw(lender) == value
    vault.withdraw(vault.maxWithdraw(lender), lender, lender, sender=lender)
    assert vault.maxWithdraw(attacker) == vault.maxRedeem(attacker) == 0


@pytest.mark.parametrize("units", [1, 7, 999_999, 1_000_001, 123_456_789])
def test_redeem__after_a_deposit__never_gains(insurance, vault, taker, quote, odd_price, units):
    shares = insurance.deposit(taker, units)
    worth = vault.previewRedeem(shares)
    assert worth <= units
    if worth:
        insurance.leave(taker)
        vault.redeem_for(taker, sender=taker)
        assert quote.balanceOf(taker) == worth


@pytest.mark.parametrize("shares", [1, 7, 10**6 + 1, 123_456_789_123])
def test_redeem__after_a_mint__never_gains(insurance, vault, taker, quote, odd_price, shares):
    insurance.give(taker, UNITS)
    vault.mint(shares, taker, sender=taker)
    assert vault.previewRedeem(shares) <= UNITS - quote.balanceOf(taker)
    assert vault.previewWithdraw(UNITS - quote.balanceOf(taker)) >= shares
