"""`approve_operator` and `is_allowed`: who acts for an owner's accounts."""

from __future__ import annotations

from tests.unit.system import UNITS


def test_approve_operator__allows_for_every_account_of_the_owner(house, taker, operator):
    receipt = house.clearinghouse.approve_operator(operator, True, sender=taker)
    for sub in (0, 1, 2**96 - 1):
        assert house.clearinghouse.is_allowed(house.account(taker, sub), operator)
    (log,) = receipt.decode_logs(house.clearinghouse.OperatorSet)
    assert (log.owner, log.operator, log.allowed) == (taker.address, operator.address, True)


def test_approve_operator__revoked__is_allowed_no_longer(house, taker, operator):
    house.clearinghouse.approve_operator(operator, True, sender=taker)
    receipt = house.clearinghouse.approve_operator(operator, False, sender=taker)
    assert not house.clearinghouse.is_allowed(house.account(taker), operator)
    (log,) = receipt.decode_logs(house.clearinghouse.OperatorSet)
    assert not log.allowed


def test_approve_operator__of_one_owner__is_nothing_to_another(house, taker, maker, operator):
    house.clearinghouse.approve_operator(operator, True, sender=taker)
    assert not house.clearinghouse.is_allowed(house.account(maker), operator)
    # And it does not work backwards.
    assert not house.clearinghouse.is_allowed(house.account(operator), taker)


def test_is_allowed__owner__always(house, taker, attacker):
    assert house.clearinghouse.is_allowed(house.account(taker, 9), taker)
    assert not house.clearinghouse.is_allowed(house.account(taker, 9), attacker)


def test_approve_operator__oneself__keeps_the_owners_receiver(house, quote, taker, attacker, alice):
    house.clearinghouse.approve_operator(taker, True, sender=taker)
    house.clearinghouse.withdraw(alice, UNITS, attacker, sender=taker)
    assert quote.balanceOf(attacker) == UNITS
