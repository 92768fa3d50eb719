"""`fill`: who may sign an order — the owner's key, an operator's, or a wallet that is a contract."""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest

from keeper.orders import order_hash, sign_order
from tests.unit.system import ETH, WAD

BAD = "exchange: bad signature"
YES, NO, BURN, REVERT, SHORT, LONG = range(1, 7)
"""Modes of the testing wallet; 0 is honest."""


@pytest.fixture
def of_wallet(system, wallet):
    """The contract wallet's offer of 1 ETH."""
    return system.order(system.account(wallet), ETH, -1, 1600)


def test_fill__signed_by_operator__fills(system, maker, operator, taker, sell, taker_account):
    system.clearinghouse.approve_operator(operator, True, sender=maker)
    system.fill(sell, system.sign(sell, operator), taker, 1)
    assert system.position(taker_account, ETH)[0] == WAD


def test_fill__signed_by_revoked_operator__reverts(system, maker, operator, taker, sell, refused):
    system.clearinghouse.approve_operator(operator, True, sender=maker)
    system.clearinghouse.approve_operator(operator, False, sender=maker)
    signature = system.sign(sell, operator)
    with refused(BAD, sell):
        system.fill(sell, signature, taker, 1)


def test_fill__signed_by_a_stranger__reverts(system, attacker, taker, sell, refused):
    signature = system.sign(sell, attacker)
    with refused(BAD, sell):
        system.fill(sell, signature, taker, 1)


@pytest.mark.parametrize("change", [{"price": 1599 * WAD}, {"size": -3 * WAD}, {"max_fee": 9_999}, {"taker": 1}])
def test_fill__order_changed_after_signing__reverts(system, maker, taker, sell, refused, change):
    signature = system.sign(sell, maker)
    with refused(BAD, sell):
        system.fill(replace(sell, **change), signature, taker, 1)


@pytest.mark.parametrize("where", ["chain", "contract"])
def test_fill__signed_for_elsewhere__reverts(system, maker, taker, sell, refused, where):
    exchange = system.exchange.address
    chain_id = system.chain_id
    if where == "chain":
        chain_id += 1
    else:
        exchange = system.clearinghouse.address
    signature = sign_order(sell, chain_id, exchange, maker.private_key)
    with refused(BAD, sell):
        system.fill(sell, signature, taker, 1)


@pytest.mark.parametrize("signature", [b"", b"\x00" * 65, b"\x00" * 64, b"\xff" * 512], ids=len)
def test_fill__no_signature_at_all__reverts(system, taker, sell, refused, signature):
    with refused(BAD, sell):
        system.fill(sell, signature, taker, 1)


def test_fill__unrecoverable_signature_of_an_account_without_owner__reverts(system, taker, sell, refused):
    order = replace(sell, account=5)
    with refused(BAD, order):
        system.fill(order, b"\x00" * 65, taker, 1)


def test_fill__other_half_of_the_curve__is_the_same_order(system, maker, taker, sell, refused):
    order_of_curve = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    signature = system.sign(sell, maker)
    s = order_of_curve - int.from_bytes(signature[32:64])
    twin = signature[:32] + s.to_bytes(32) + bytes([27 + 28 - signature[64]])
    system.fill(sell, signature, taker, 2)
    with refused("exchange: over-filled", sell):
        system.fill(sell, twin, taker, 2)


def test_fill__contract_wallet_with_its_owners_signature__fills(system, maker, taker, of_wallet, taker_account):
    system.fill(of_wallet, system.sign(of_wallet, maker), taker, 1)
    assert system.position(taker_account, ETH)[0] == WAD
    assert system.position(of_wallet.account, ETH)[0] == -WAD


def test_fill__contract_wallet_that_approved_the_hash__fills(system, maker, taker, wallet, of_wallet, taker_account):
    digest = order_hash(of_wallet, system.chain_id, system.exchange.address)
    wallet.approve_hash(digest, True, sender=maker)
    system.fill(of_wallet, b"", taker, 1)
    assert system.position(taker_account, ETH)[0] == WAD


def test_fill__contract_wallet_that_withdrew_its_approval__reverts(system, maker, taker, wallet, of_wallet, refused):
    digest = order_hash(of_wallet, system.chain_id, system.exchange.address)
    wallet.approve_hash(digest, True, sender=maker)
    wallet.approve_hash(digest, False, sender=maker)
    with refused(BAD, of_wallet):
        system.fill(of_wallet, b"", taker, 1)


@pytest.mark.parametrize("mode", [NO, BURN, REVERT, SHORT])
def test_fill__contract_wallet_that_does_not_say_yes__reverts(system, maker, taker, wallet, of_wallet, refused, mode):
    signature = system.sign(of_wallet, maker)
    wallet.set_mode(mode, sender=maker)
    with refused(BAD, of_wallet):
        system.fill(of_wallet, signature, taker, 1)


@pytest.mark.parametrize("mode", [YES, LONG])
def test_fill__contract_wallet_that_says_yes__fills(system, maker, taker, wallet, of_wallet, taker_account, mode):
    wallet.set_mode(mode, sender=maker)
    system.fill(of_wallet, b"", taker, 1)
    assert system.position(taker_account, ETH)[0] == WAD


def test_fill__contract_wallet_that_burns_gas__costs_no_more_than_its_bound(system, taker, maker, wallet, of_wallet):
    def gas_used(mode):
        wallet.set_mode(mode, sender=maker)
        signed = astuple(of_wallet), b"", system.account(taker), WAD, 3
        return system.exchange.fill(*signed, sender=taker, gas=3_000_000, raise_on_revert=False).gas_used

    # What a refusal costs without the wallet's part is about the same in both modes.
    assert 40_000 < gas_used(BURN) - gas_used(NO) <= 50_000


def test_fill__contract_wallet_that_calls_back__cannot(system, maker, taker, wallet, of_wallet, sell, refused):
    # Inside its own check the wallet, as a taker, tries to fill another order, and would say yes if it could.
    signature = system.sign(sell, maker)
    inner = system.exchange.fill.encode_input(astuple(sell), signature, system.account(wallet), WAD, 3)
    wallet.arm(system.exchange, inner, sender=maker)
    with refused(BAD, of_wallet, sell):
        system.fill(of_wallet, b"", taker, 1)
    # The very same call is a good one when it does not come from within.
    wallet.execute(system.exchange, inner, sender=maker)
    assert system.position(system.account(wallet), ETH)[0] == WAD


def test_fill__contract_wallet_that_acts_elsewhere__cannot(system, maker, operator, taker, wallet, of_wallet, refused):
    # What no lock of the exchange stops: inside its own check the wallet would let somebody act for it.
    house = system.clearinghouse
    approve = house.approve_operator.encode_input(operator, True)
    wallet.arm(house, approve, sender=maker)
    with refused(BAD, of_wallet):
        system.fill(of_wallet, b"", taker, 1)
    assert not house.is_allowed(system.account(wallet), operator)
    wallet.execute(house, approve, sender=maker)
    assert house.is_allowed(system.account(wallet), operator)


def test_fill__contract_wallets_operator_signs__fills_without_asking_the_wallet(
    system, maker, operator, taker, wallet, of_wallet, taker_account
):
    house = system.clearinghouse
    wallet.execute(house, house.approve_operator.encode_input(operator, True), sender=maker)
    wallet.set_mode(REVERT, sender=maker)
    system.fill(of_wallet, system.sign(of_wallet, operator), taker, 1)
    assert system.position(taker_account, ETH)[0] == WAD


@pytest.fixture
def maker_with_code(load, maker, taker, wallet):
    """The maker's own address as a wallet contract: a key that has delegated to code keeps both."""
    maker.set_delegate(wallet, receiver=taker)
    return load("testing/SignerWallet").at(maker)


def test_fill__key_with_code_that_says_no__fills_by_its_key(
    system, maker, taker, maker_with_code, sell, taker_account, refused
):
    maker_with_code.set_mode(NO, sender=maker)
    with refused(BAD, sell):
        system.fill(sell, b"", taker, 1)
    system.fill(sell, system.sign(sell, maker), taker, 1)
    assert system.position(taker_account, ETH)[0] == WAD


def test_fill__key_with_code_that_says_yes__fills_without_its_key(
    system, maker, taker, maker_with_code, sell, taker_account
):
    maker_with_code.set_mode(YES, sender=maker)
    system.fill(sell, b"", taker, 1)
    assert system.position(taker_account, ETH)[0] == WAD
