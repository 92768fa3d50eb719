"""Tokens of every kind at the door: 6, 8 and 18 decimals, silent ones, ones that lie, ones that call back."""

from __future__ import annotations

import ape
import pytest

from keeper.model.words import Custody
from tests.unit.system import BTC, ETH

AMOUNT = 1_234_567


def pay_in(quote, clearinghouse, wallet, amount=AMOUNT):
    """Mint and deposit into the wallet's account."""
    account = int(wallet.address, 16) << 96
    quote.mint(wallet, amount, sender=wallet)
    quote.approve(clearinghouse, amount, sender=wallet)
    clearinghouse.deposit(account, amount, sender=wallet)
    return account


@pytest.mark.parametrize("decimals", [0, 6, 8, 18])
def test_quote__of_any_decimals__is_scaled_exactly_both_ways(load, deploy, owner, attacker, decimals):
    quote = owner.deploy(load("testing/TestToken"), "Other", "OTHER", decimals)
    clearinghouse = deploy(quote)
    account = pay_in(quote, clearinghouse, attacker)
    assert clearinghouse.quote_scale() == 10 ** (18 - decimals)
    assert clearinghouse.cash(account) == AMOUNT * 10 ** (18 - decimals)
    assert Custody.unpack(clearinghouse.custody()).held == AMOUNT * 10 ** (18 - decimals)
    clearinghouse.withdraw(account, AMOUNT, attacker, sender=attacker)
    assert quote.balanceOf(attacker) == AMOUNT
    assert (clearinghouse.cash(account), clearinghouse.custody()) == (0, 0)


def test_quote__of_more_than_18_decimals__is_refused_at_deployment(load, deploy, owner):
    quote = owner.deploy(load("testing/TestToken"), "Other", "OTHER", 19)
    with ape.reverts("clearinghouse: token decimals"):
        deploy(quote)


def test_quote__that_returns_nothing__works(load, deploy, owner, attacker):
    quote = owner.deploy(load("testing/SilentToken"), 6)
    clearinghouse = deploy(quote)
    account = pay_in(quote, clearinghouse, attacker)
    assert clearinghouse.cash(account) == AMOUNT * 10**12
    clearinghouse.withdraw(account, AMOUNT, attacker, sender=attacker)
    assert quote.balanceOf(attacker) == AMOUNT


def test_quote__that_begins_to_keep_a_fee__is_refused(load, deploy, owner, attacker):
    quote = owner.deploy(load("testing/FeeToken"), 6)
    clearinghouse = deploy(quote)
    account = pay_in(quote, clearinghouse, attacker)
    custody = clearinghouse.custody()
    quote.set_fee(1, sender=owner)
    with ape.reverts("clearinghouse: transfer failed"):
        pay_in(quote, clearinghouse, attacker)
    assert clearinghouse.custody() == custody
    quote.set_fee(0, sender=owner)
    pay_in(quote, clearinghouse, attacker)
    assert clearinghouse.cash(account) == 2 * AMOUNT * 10**12


def test_quote__that_returns_false__moves_nothing(load, deploy, owner, attacker):
    quote = owner.deploy(load("testing/RefusingToken"), 6)
    clearinghouse = deploy(quote)
    with ape.reverts("clearinghouse: transfer failed"):
        pay_in(quote, clearinghouse, attacker)
    assert clearinghouse.custody() == 0
    quote.set_refusing(False, sender=owner)
    account = pay_in(quote, clearinghouse, attacker)
    quote.set_refusing(True, sender=owner)
    with ape.reverts("clearinghouse: transfer failed"):
        clearinghouse.withdraw(account, AMOUNT, attacker, sender=attacker)
    assert clearinghouse.cash(account) == AMOUNT * 10**12


@pytest.mark.parametrize("kind", ["SilentToken", "RefusingToken"])
def test_spot__that_returns_nothing_or_false__is_taken_at_its_word(load, deploy, owner, quote, attacker, kind):
    token = owner.deploy(load(f"testing/{kind}"), 8)
    clearinghouse = deploy(quote)
    clearinghouse.list_spot(BTC, token, sender=owner)
    account = int(attacker.address, 16) << 96
    token.mint(attacker, AMOUNT, sender=attacker)
    token.approve(clearinghouse, AMOUNT, sender=attacker)
    if kind == "RefusingToken":
        with ape.reverts("clearinghouse: transfer failed"):
            clearinghouse.deposit_spot(account, BTC, AMOUNT, sender=attacker)
        assert (clearinghouse.header(account), clearinghouse.spot_total(BTC)) == (0, 0)
        token.set_refusing(False, sender=owner)
    clearinghouse.deposit_spot(account, BTC, AMOUNT, sender=attacker)
    assert clearinghouse.spot(account, BTC) == AMOUNT * 10**10
    if kind == "RefusingToken":
        token.set_refusing(True, sender=owner)
        with ape.reverts("clearinghouse: transfer failed"):
            clearinghouse.withdraw_spot(account, BTC, AMOUNT, attacker, sender=attacker)
        assert clearinghouse.spot(account, BTC) == AMOUNT * 10**10
        token.set_refusing(False, sender=owner)
    clearinghouse.withdraw_spot(account, BTC, AMOUNT, attacker, sender=attacker)
    assert (token.balanceOf(attacker), clearinghouse.header(account)) == (AMOUNT, 0)


@pytest.fixture
def caller(load, deploy, owner, attacker):
    """A quote token that calls back while it moves, an operator of the attacker's, whose account has 2 · AMOUNT."""
    quote = owner.deploy(load("testing/ReentrantToken"), 18)
    clearinghouse = deploy(quote)
    clearinghouse.approve_operator(quote, True, sender=attacker)
    account = pay_in(quote, clearinghouse, attacker, 2 * AMOUNT)
    return quote, clearinghouse, account


def calls(clearinghouse, account, token):
    """Every act and every view that money hangs on, encoded."""
    house = clearinghouse
    return {
        "deposit": house.deposit.encode_input(account, 1),
        "withdraw": house.withdraw.encode_input(account, AMOUNT, token.address),
        "withdraw_spot": house.withdraw_spot.encode_input(account, ETH, 1, token.address),
        "deposit_spot": house.deposit_spot.encode_input(account, ETH, 1),
        "settle": house.settle.encode_input(ETH, [account]),
        "collect": house.collect.encode_input(),
        "approve_operator": house.approve_operator.encode_input(token.address, True),
        "cash": house.cash.encode_input(account),
        "assess": house.assess.encode_input(account),
        "accrued": house.accrued.encode_input(),
        "custody": house.custody.encode_input(),
        "header": house.header.encode_input(account),
        "require_initial": house.require_initial.encode_input(account),
    }


@pytest.mark.parametrize("during", ["deposit", "withdraw"])
def test_token_that_calls_back__finds_every_door_locked(caller, attacker, during):
    token, clearinghouse, account = caller
    for name, data in calls(clearinghouse, account, token).items():
        token.arm(clearinghouse, data, sender=attacker)
        if during == "deposit":
            pay_in_one(token, clearinghouse, account, attacker)
        else:
            clearinghouse.withdraw(account, 1, attacker, sender=attacker)
        assert token.called(), name
        # The lock gives no reason; anything behind it would have.
        assert token.reverted() and token.answer() == b"", name


def pay_in_one(token, clearinghouse, account, wallet):
    token.mint(wallet, 1, sender=wallet)
    token.approve(clearinghouse, 1, sender=wallet)
    # Minting and approving do not move tokens, so what is armed waits for the deposit.
    clearinghouse.deposit(account, 1, sender=wallet)


def test_token_that_calls_back__after_the_act_may_call_as_anybody(caller, attacker):
    token, clearinghouse, account = caller
    # What the lock refused above is allowed to this operator when no act is under way: tokens move between wallets.
    token.arm(clearinghouse, clearinghouse.cash.encode_input(account), sender=attacker)
    token.mint(attacker, 1, sender=attacker)
    token.transfer(attacker, 1, sender=attacker)
    assert token.called() and not token.reverted()
    assert int.from_bytes(token.answer(), "big") == 2 * AMOUNT


def test_withdraw__account_is_written_before_the_token_is_called(caller, attacker, lender):
    token, clearinghouse, account = caller
    # There is enough of others' to be paid twice.
    pay_in(token, clearinghouse, lender, 10 * AMOUNT)
    token.arm(
        clearinghouse, clearinghouse.withdraw.encode_input(account, 2 * AMOUNT, attacker.address), sender=attacker
    )
    clearinghouse.withdraw(account, 2 * AMOUNT, attacker, sender=attacker)
    assert token.balanceOf(attacker) == 2 * AMOUNT
    assert clearinghouse.header(account) == 0
