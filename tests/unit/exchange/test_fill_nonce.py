"""`fill`: nonces, and the slots that 256 residues of them share."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.system import ETH, WAD


def test_fill__same_nonce_another_order__reverts(system, maker, taker, sell, refused):
    system.fill(sell, system.sign(sell, maker), taker, 1)
    other = replace(sell, price=1601 * WAD)
    signature = system.sign(other, maker)
    with refused("exchange: nonce used", other):
        system.fill(other, signature, taker, 1)


def test_fill__nonce_256_later__takes_the_slot_over(system, exchange, maker, taker, sell, taker_account, refused):
    later = replace(sell, nonce=sell.nonce + 256)
    old_signature = system.sign(sell, maker)
    system.fill(sell, old_signature, taker, 0.5)
    system.fill(later, system.sign(later, maker), taker, 2)
    assert exchange.slot(sell.account, sell.nonce & 255) & 2**128 - 1 == 2 * WAD
    assert system.position(taker_account, ETH)[0] == 5 * WAD // 2
    with refused("exchange: order cancelled", sell):
        system.fill(sell, old_signature, taker, 0.5)


def test_fill__nonce_zero__is_a_nonce_like_any_other(system, maker, taker, sell, taker_account, refused):
    order = replace(sell, nonce=0)
    signature = system.sign(order, maker)
    system.fill(order, signature, taker, 1.5)
    system.fill(order, signature, taker, 0.5)
    with refused("exchange: over-filled", order):
        system.fill(order, signature, taker, 0.5)
    assert system.position(taker_account, ETH)[0] == 2 * WAD


def test_fill__same_nonce_of_another_account__is_another_slot(system, maker, taker, sell, taker_account):
    other = replace(sell, account=system.fund(maker, 1000, sub=1))
    system.fill(sell, system.sign(sell, maker), taker, 2)
    system.fill(other, system.sign(other, maker), taker, 1)
    assert system.position(taker_account, ETH)[0] == 3 * WAD


def test_fill__order_of_the_highest_nonce__fills(system, maker, taker, sell, taker_account):
    order = replace(sell, nonce=2**64 - 1)
    system.fill(order, system.sign(order, maker), taker, 1)
    assert system.position(taker_account, ETH)[0] == WAD
