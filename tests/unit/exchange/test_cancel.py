"""`cancel` and `cancel_below`: an owner or operator takes orders back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.system import ETH, WAD

CANCELLED = "exchange: order cancelled"


def test_cancel__untouched_order__can_not_be_filled(system, exchange, maker, taker, sell, refused):
    signature = system.sign(sell, maker)
    receipt = exchange.cancel(sell.account, sell.nonce, sender=maker)
    (log,) = receipt.decode_logs(exchange.Cancelled)
    assert (log.account, log.nonce, log.below) == (sell.account, sell.nonce, False)
    with refused(CANCELLED, sell):
        system.fill(sell, signature, taker, 1)


def test_cancel__partly_filled_order__keeps_the_rest(system, exchange, maker, taker, sell, taker_account, refused):
    signature = system.sign(sell, maker)
    system.fill(sell, signature, taker, 0.5)
    exchange.cancel(sell.account, sell.nonce, sender=maker)
    with refused(CANCELLED, sell):
        system.fill(sell, signature, taker, 0.5)
    assert system.position(taker_account, ETH)[0] == WAD // 2


def test_cancel__nonce_zero__can_not_be_filled(system, exchange, maker, taker, sell, refused):
    order = replace(sell, nonce=0)
    signature = system.sign(order, maker)
    exchange.cancel(order.account, 0, sender=maker)
    with refused(CANCELLED, order):
        system.fill(order, signature, taker, 1)


def test_cancel__by_operator__cancels(system, exchange, maker, operator, taker, sell, refused):
    signature = system.sign(sell, maker)
    system.clearinghouse.approve_operator(operator, True, sender=maker)
    exchange.cancel(sell.account, sell.nonce, sender=operator)
    with refused(CANCELLED, sell):
        system.fill(sell, signature, taker, 1)


def test_cancel__twice__is_no_error(exchange, maker, sell):
    exchange.cancel(sell.account, sell.nonce, sender=maker)
    word = exchange.slot(sell.account, sell.nonce & 255)
    exchange.cancel(sell.account, sell.nonce, sender=maker)
    assert exchange.slot(sell.account, sell.nonce & 255) == word


def test_cancel__nonce_256_earlier__does_not_revive_or_touch_the_later(
    system, exchange, maker, taker, sell, taker_account, refused
):
    later = replace(sell, nonce=sell.nonce + 256)
    signature = system.sign(later, maker)
    system.fill(later, signature, taker, 1.5)
    exchange.cancel(sell.account, sell.nonce, sender=maker)
    with refused("exchange: over-filled", later):
        system.fill(later, signature, taker, 1)
    system.fill(later, signature, taker, 0.5)
    assert system.position(taker_account, ETH)[0] == 2 * WAD


def test_cancel__nonce_256_later__still_fills(system, exchange, maker, taker, sell, taker_account):
    later = replace(sell, nonce=sell.nonce + 256)
    exchange.cancel(sell.account, sell.nonce, sender=maker)
    system.fill(later, system.sign(later, maker), taker, 1)
    assert system.position(taker_account, ETH)[0] == WAD


def test_cancel__by_a_stranger__reverts(exchange, attacker, sell, refused):
    with refused("exchange: not allowed", sell):
        exchange.cancel(sell.account, sell.nonce, sender=attacker)


def test_cancel__nonce_beyond_its_word__reverts(exchange, maker, sell, refused):
    with refused("exchange: order out of range", sell):
        exchange.cancel(sell.account, 2**64, sender=maker)


def test_cancel_below__lower_nonces__can_not_be_filled(system, exchange, maker, taker, sell, refused):
    signature = system.sign(sell, maker)
    receipt = exchange.cancel_below(sell.account, sell.nonce + 1, sender=maker)
    (log,) = receipt.decode_logs(exchange.Cancelled)
    assert (log.account, log.nonce, log.below) == (sell.account, sell.nonce + 1, True)
    assert exchange.lowest_nonce(sell.account) == sell.nonce + 1
    with refused(CANCELLED, sell):
        system.fill(sell, signature, taker, 1)


def test_cancel_below__partly_filled_order__keeps_the_rest(system, exchange, maker, taker, sell, refused):
    signature = system.sign(sell, maker)
    system.fill(sell, signature, taker, 1)
    exchange.cancel_below(sell.account, sell.nonce + 1, sender=maker)
    with refused(CANCELLED, sell):
        system.fill(sell, signature, taker, 1)


def test_cancel_below__the_nonce_itself__still_fills(system, exchange, maker, taker, sell, taker_account):
    exchange.cancel_below(sell.account, sell.nonce, sender=maker)
    system.fill(sell, system.sign(sell, maker), taker, 1)
    assert system.position(taker_account, ETH)[0] == WAD


def test_cancel_below__another_account_of_the_owner__still_fills(system, exchange, maker, taker, sell, taker_account):
    exchange.cancel_below(system.account(maker, 1), 2**64, sender=maker)
    system.fill(sell, system.sign(sell, maker), taker, 1)
    assert system.position(taker_account, ETH)[0] == WAD


def test_cancel_below__every_nonce__leaves_none(system, exchange, maker, taker, sell, refused):
    order = replace(sell, nonce=2**64 - 1)
    signature = system.sign(order, maker)
    exchange.cancel_below(sell.account, 2**64, sender=maker)
    with refused(CANCELLED, order):
        system.fill(order, signature, taker, 1)


@pytest.mark.parametrize(
    ("nonce", "reason"), [(9, "exchange: nonce below the lowest"), (2**64 + 1, "exchange: order out of range")]
)
def test_cancel_below__down_or_beyond__reverts(exchange, maker, sell, refused, nonce, reason):
    exchange.cancel_below(sell.account, 10, sender=maker)
    with refused(reason, sell):
        exchange.cancel_below(sell.account, nonce, sender=maker)


def test_cancel_below__by_a_stranger__reverts(exchange, attacker, sell, refused):
    with refused("exchange: not allowed", sell):
        exchange.cancel_below(sell.account, 5, sender=attacker)
