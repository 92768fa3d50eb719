"""`request`: what who leaves gives up at once, and what it may still be paid."""

from __future__ import annotations

import ape
import pytest
from ape import chain

from tests.unit.insurance_vault.conftest import SHARE
from tests.unit.system import COOLDOWN, UNITS


def test_request__own_shares__moves_them_to_the_vault_and_keeps_their_value(insurance, vault, lender):
    insurance.deposit(lender, 5 * UNITS)
    receipt = vault.request(2 * SHARE, lender, sender=lender)
    ready = chain.blocks[receipt.block_number].timestamp + COOLDOWN
    assert tuple(vault.request_of(lender)) == (2 * SHARE, 2 * UNITS, ready)
    assert (vault.balanceOf(lender), vault.balanceOf(vault)) == (3 * SHARE, 2 * SHARE)
    assert (vault.totalSupply(), vault.totalAssets()) == (5 * SHARE, 5 * UNITS)
    (event,) = receipt.decode_logs(vault.Requested)
    assert (event.owner, event.shares, event.value, event.ready) == (lender, 2 * SHARE, 2 * UNITS, ready)


def test_request__of_another_with_allowance__spends_it(insurance, vault, lender, operator):
    insurance.deposit(lender, 5 * UNITS)
    vault.approve(operator, 3 * SHARE, sender=lender)
    assert vault.request.call(2 * SHARE, lender, sender=operator) == 2 * UNITS
    vault.request(2 * SHARE, lender, sender=operator)
    assert vault.allowance(lender, operator) == SHARE
    assert vault.request_of(lender).shares == 2 * SHARE


def test_request__of_another_above_the_allowance__reverts(insurance, vault, lender, attacker):
    insurance.deposit(lender, 5 * UNITS)
    vault.approve(attacker, 2 * SHARE - 1, sender=lender)
    with insurance.refused("vault: not enough allowance", lender, attacker):
        vault.request(2 * SHARE, lender, sender=attacker)


def test_request__while_one_stands__reverts(insurance, vault, lender):
    insurance.deposit(lender, 5 * UNITS)
    insurance.leave(lender, SHARE)
    with insurance.refused("vault: request stands", lender):
        vault.request(SHARE, lender, sender=lender)


def test_request__paid__another_may_follow(insurance, vault, lender):
    insurance.deposit(lender, 5 * UNITS)
    insurance.leave(lender, SHARE)
    vault.redeem_for(lender, sender=lender)
    assert tuple(vault.request_of(lender)) == (0, 0, 0)
    vault.request(SHARE, lender, sender=lender)
    assert vault.request_of(lender).shares == SHARE


@pytest.mark.parametrize("shares", [0, 1, 10**6 - 1])
def test_request__worth_nothing__reverts(insurance, vault, lender, shares):
    insurance.deposit(lender, UNITS)
    with insurance.refused("vault: nothing to withdraw", lender):
        vault.request(shares, lender, sender=lender)


@pytest.mark.parametrize("shares", [SHARE + 1, 2**256 - 1])
def test_request__more_than_owned__reverts(insurance, vault, lender, taker, shares):
    insurance.deposit(lender, UNITS)
    insurance.deposit(taker, 5 * UNITS)
    with insurance.refused("vault: not enough shares", lender):
        vault.request(shares, lender, sender=lender)


def test_request__shares_in_it__cannot_be_moved(insurance, vault, lender, guardian):
    insurance.deposit(lender, 2 * UNITS)
    vault.request(2 * SHARE, lender, sender=lender)
    with insurance.refused("erc20: transfer amount exceeds balance", lender, guardian):
        vault.transfer(guardian, 1, sender=lender)


@pytest.mark.parametrize("act", ["withdraw", "redeem", "redeem_for"])
def test_request__a_second_too_early__is_not_ready(insurance, vault, lender, act):
    insurance.deposit(lender, 2 * UNITS)
    vault.request(2 * SHARE, lender, sender=lender)
    ready = vault.request_of(lender).ready
    arguments = {"withdraw": (UNITS, lender, lender), "redeem": (SHARE, lender, lender)}.get(act, (lender,))
    with insurance.refused("vault: not ready", lender):
        chain.pending_timestamp = ready - 1
        getattr(vault, act)(*arguments, sender=lender)
    chain.pending_timestamp = ready
    getattr(vault, act)(*arguments, sender=lender)
    assert vault.totalSupply() == (0 if act == "redeem_for" else SHARE)


@pytest.mark.parametrize("act", ["withdraw", "redeem", "redeem_for"])
def test_request__none__is_not_ready(insurance, vault, lender, act):
    insurance.deposit(lender, 2 * UNITS)
    arguments = {"withdraw": (UNITS, lender, lender), "redeem": (SHARE, lender, lender)}.get(act, (lender,))
    with insurance.refused("vault: not ready", lender):
        getattr(vault, act)(*arguments, sender=lender)


def test_request__gains_while_it_waits__are_not_its_own(insurance, vault, lender, taker, guardian, quote):
    insurance.deposit(lender, 10 * UNITS)
    insurance.deposit(taker, 10 * UNITS)
    insurance.leave(lender)
    insurance.gain(guardian, 20 * UNITS)
    assert vault.maxWithdraw(lender) == 10 * UNITS
    vault.redeem(10 * SHARE, lender, lender, sender=lender)
    assert quote.balanceOf(lender) == 10 * UNITS
    # All of it is who stayed.
    assert vault.totalAssets() == 30 * UNITS
    assert vault.convertToAssets(10 * SHARE) >= 30 * UNITS - 100


def test_redeem_for__anybody__pays_all_of_it_to_the_owner(insurance, vault, lender, attacker, quote):
    insurance.deposit(lender, 5 * UNITS)
    insurance.leave(lender, 3 * SHARE)
    assert vault.redeem_for.call(lender, sender=attacker) == 3 * UNITS
    receipt = vault.redeem_for(lender, sender=attacker)
    assert (quote.balanceOf(lender), quote.balanceOf(attacker)) == (3 * UNITS, 0)
    assert (vault.balanceOf(vault), vault.totalSupply()) == (0, 2 * SHARE)
    (event,) = receipt.decode_logs(vault.Withdraw)
    assert (event.sender, event.receiver, event.owner) == (attacker, lender, lender)


def test_redeem_for__lent_out__reverts_and_the_request_stands(insurance, vault, lender, borrower):
    insurance.deposit(lender, 10 * UNITS)
    insurance.leave(lender)
    insurance.lend_out(borrower, 7 * UNITS)
    with insurance.refused("vault: not enough tokens", lender):
        vault.redeem_for(lender, sender=lender)


def test_redeem__part_of_a_request__leaves_the_rest_at_its_value(insurance, vault, lender, quote, odd_price, guardian):
    shares = vault.balanceOf(lender)
    value = insurance.leave(lender)
    insurance.gain(guardian, 5 * UNITS)
    part = shares // 3
    vault.redeem(part, lender, lender, sender=lender)
    assert quote.balanceOf(lender) == value * part // shares
    rest = vault.request_of(lender)
    assert (rest.shares, rest.value) == (shares - part, value * (shares - part) // shares)
    vault.redeem_for(lender, sender=lender)
    assert value - 1 <= quote.balanceOf(lender) <= value


def test_redeem__rest_worth_nothing__is_burned_with_it(insurance, vault, lender, odd_price):
    insurance.leave(lender, 3 * SHARE)
    vault.redeem(3 * SHARE - 1, lender, lender, sender=lender)
    assert tuple(vault.request_of(lender)) == (0, 0, 0)
    assert (vault.balanceOf(vault), vault.totalSupply()) == (0, 4 * SHARE)


def test_max_redeem__request_not_ready__is_nothing(insurance, vault, lender):
    insurance.deposit(lender, 2 * UNITS)
    assert vault.maxRedeem(lender) == vault.maxWithdraw(lender) == 0
    vault.request(SHARE, lender, sender=lender)
    assert vault.maxRedeem(lender) == vault.maxWithdraw(lender) == 0


@pytest.mark.parametrize("seconds", [30 * 86_400 + 1, 2**256 - 1])
def test_deploy__cooldown_above_thirty_days__reverts(load, owner, clearinghouse, seconds):
    with ape.reverts("vault: cooldown out of range"):
        owner.deploy(load("InsuranceVault"), clearinghouse, "Vault", "V", seconds)
