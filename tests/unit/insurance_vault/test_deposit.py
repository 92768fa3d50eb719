"""`deposit` and `mint`: what comes in, the shares for it, and rounding against who pays."""

from __future__ import annotations

import ape
import pytest
from ape import chain

from tests.unit.insurance_vault.conftest import SHARE
from tests.unit.system import COOLDOWN, UNITS, WAD


def test_deposit__first__mints_a_million_shares_a_unit(insurance, vault, lender, quote, clearinghouse):
    insurance.give(lender, 5 * UNITS)
    receipt = vault.deposit(5 * UNITS, lender, sender=lender)
    assert vault.balanceOf(lender) == vault.totalSupply() == 5 * SHARE
    assert vault.totalAssets() == 5 * UNITS
    assert insurance.cash() == 5 * WAD
    assert (quote.balanceOf(vault), quote.balanceOf(lender)) == (0, 0)
    (event,) = receipt.decode_logs(vault.Deposit)
    assert (event.sender, event.owner, event.assets, event.shares) == (lender, lender, 5 * UNITS, 5 * SHARE)


def test_deposit__for_another__gives_that_one_the_shares(insurance, vault, lender, guardian):
    insurance.give(lender, UNITS)
    vault.deposit(UNITS, guardian, sender=lender)
    assert (vault.balanceOf(guardian), vault.balanceOf(lender)) == (SHARE, 0)


def test_deposit__returns_and_previews__what_it_mints(insurance, vault, lender, taker, odd_price):
    insurance.give(taker, 1_234_567)
    preview = vault.previewDeposit(1_234_567)
    assert vault.deposit.call(1_234_567, taker, sender=taker) == preview
    vault.deposit(1_234_567, taker, sender=taker)
    assert vault.balanceOf(taker) == preview == vault.convertToShares(1_234_567)


def test_deposit__price_not_round__rounds_shares_down(insurance, vault, taker, odd_price):
    total, supply = vault.totalAssets(), vault.totalSupply()
    shares = insurance.deposit(taker, 999_999)
    assert shares == 999_999 * (supply + 10**6) // (total + 1)
    assert shares * (total + 1) < 999_999 * (supply + 10**6)


def test_mint__exact_shares__takes_assets_rounded_up(insurance, vault, taker, quote, odd_price):
    insurance.give(taker, 10 * UNITS)
    total, supply = vault.totalAssets(), vault.totalSupply()
    preview = vault.previewMint(SHARE + 1)
    receipt = vault.mint(SHARE + 1, taker, sender=taker)
    assert vault.balanceOf(taker) == SHARE + 1
    assert 10 * UNITS - quote.balanceOf(taker) == preview == -(-(SHARE + 1) * (total + 1) // (supply + 10**6))
    assert vault.totalAssets() == total + preview
    (event,) = receipt.decode_logs(vault.Deposit)
    assert (event.assets, event.shares) == (preview, SHARE + 1)


def test_mint__one_share__costs_a_whole_unit(insurance, vault, taker, quote):
    insurance.give(taker, 1)
    vault.mint(1, taker, sender=taker)
    assert (vault.balanceOf(taker), quote.balanceOf(taker)) == (1, 0)


@pytest.mark.parametrize("act", ["deposit", "mint"])
def test_deposit__nothing__reverts(insurance, vault, lender, act):
    insurance.give(lender, UNITS)
    with insurance.refused("vault: nothing to mint", lender):
        getattr(vault, act)(0, lender, sender=lender)


def test_deposit__worth_less_than_a_share__reverts(insurance, vault, lender, attacker):
    insurance.deposit(attacker, 1)
    insurance.gain(attacker, 10**7 * UNITS)
    insurance.give(lender, UNITS)
    with insurance.refused("vault: nothing to mint", lender):
        vault.deposit(UNITS, lender, sender=lender)


def test_deposit__to_nobody__reverts(insurance, vault, lender):
    insurance.give(lender, UNITS)
    with insurance.refused("vault: receiver is zero", lender):
        vault.deposit(UNITS, "0x" + "00" * 20, sender=lender)


def test_deposit__beyond_what_an_account_may_hold__reverts(insurance, vault, lender):
    insurance.deposit(lender, UNITS)
    most = vault.maxDeposit(lender)
    assert most == 10**18 - UNITS - 1
    insurance.give(lender, most + 1)
    with insurance.refused("vault: above the limit", lender):
        vault.deposit(most + 1, lender, sender=lender)
    vault.deposit(most, lender, sender=lender)
    assert vault.maxDeposit(lender) == vault.maxMint(lender) == 0


@pytest.mark.parametrize(("act", "amount"), [("deposit", 2**256 - 1), ("mint", 2**256 - 1), ("mint", 2**160)])
def test_deposit__beyond_all_measure__reverts_with_the_same_reason(insurance, vault, lender, odd_price, act, amount):
    insurance.give(lender, UNITS)
    with insurance.refused("vault: above the limit", lender):
        getattr(vault, act)(amount, lender, sender=lender)


def test_mint__one_more_than_max_mint__reverts(insurance, vault, lender, odd_price):
    insurance.give(lender, 10**18)
    with insurance.refused("vault: above the limit", lender):
        vault.mint(vault.maxMint(lender) + 1, lender, sender=lender)


def test_mint__of_max_mint__goes_through(insurance, vault, lender, odd_price):
    most = vault.maxMint(lender)
    insurance.give(lender, 10**18)
    vault.mint(most, lender, sender=lender)
    assert vault.totalAssets() <= 10**18


def test_deposit__without_tokens__reverts(insurance, vault, lender, quote):
    quote.approve(vault, UNITS, sender=lender)
    before = insurance.state(lender)
    with ape.reverts():
        vault.deposit(UNITS, lender, sender=lender)
    assert insurance.state(lender) == before


def test_deposit__token_that_answers_false__reverts(other_vault, lender):
    vault, token = other_vault("testing/RefusingToken")
    token.mint(lender, UNITS, sender=lender)
    token.approve(vault, UNITS, sender=lender)
    with ape.reverts("vault: transfer failed"):
        vault.deposit(UNITS, lender, sender=lender)
    assert (vault.totalSupply(), token.balanceOf(lender)) == (0, UNITS)


def test_deposit__token_that_answers_nothing__goes_through_both_ways(other_vault, lender):
    vault, token = other_vault("testing/SilentToken")
    token.mint(lender, UNITS, sender=lender)
    token.approve(vault, UNITS, sender=lender)
    vault.deposit(UNITS, lender, sender=lender)
    assert (vault.balanceOf(lender), token.balanceOf(lender)) == (SHARE, 0)
    vault.request(SHARE, lender, sender=lender)
    chain.pending_timestamp += COOLDOWN
    vault.redeem(SHARE, lender, lender, sender=lender)
    assert (vault.balanceOf(lender), token.balanceOf(lender)) == (0, UNITS)


@pytest.mark.parametrize("act", ["deposit", "mint", "request", "withdraw", "redeem", "redeem_for", "totalAssets"])
def test_deposit__token_that_calls_back__finds_the_vault_locked(other_vault, lender, act):
    vault, token = other_vault("testing/ReentrantToken")
    for wallet in (lender, token):
        token.mint(wallet, UNITS, sender=lender)
    token.approve(vault, UNITS, sender=lender)
    arguments = {
        "withdraw": (1, token, token),
        "redeem": (1, token, token),
        "redeem_for": (token,),
        "totalAssets": (),
    }.get(act, (1, token))
    token.arm(vault, getattr(vault, act).encode_input(*arguments), sender=lender)
    vault.deposit(UNITS, lender, sender=lender)
    assert token.called() and token.reverted() and not token.answer()
    assert vault.totalSupply() == vault.balanceOf(lender) == SHARE
