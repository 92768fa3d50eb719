"""`cross`: anybody matches two signed orders at the mid of their limits."""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest

from keeper.orders import order_hash
from tests.unit.system import BTC, ETH, WAD, wad


@pytest.fixture
def cross(system, exchange, maker, taker, attacker):
    """Cross two orders, signed by taker (a) and maker (b) unless others are named; the caller is a third party."""

    def cross(a, b, amount, signers=None):
        signed_a, signed_b = (system.sign(o, s) for o, s in zip((a, b), signers or (taker, maker), strict=True))
        return lambda: exchange.cross(astuple(a), signed_a, astuple(b), signed_b, wad(amount), sender=attacker)

    return cross


@pytest.fixture
def buy(system, taker_account):
    """The taker's bid for 2 ETH at 1,602."""
    return system.order(taker_account, ETH, 2, 1602)


def test_cross__limits_that_overlap__trades_at_the_mid(
    system, exchange, cross, buy, sell, taker_account, maker_account
):
    cash = system.clearinghouse.cash(taker_account)
    receipt = cross(buy, sell, 1.5)()
    assert system.position(taker_account, ETH)[0] == wad(1.5)
    assert system.position(maker_account, ETH)[0] == -wad(1.5)
    # 1 above the mark on 1.5 ETH, and 3 bps of 1.5 · 1,601.
    assert system.clearinghouse.cash(taker_account) == cash - wad("1.5") - wad("0.72045")
    assert {log.price for log in receipt.decode_logs(exchange.Filled)} == {1601 * WAD}


def test_cross__sell_order_first__makes_the_seller_the_taker(system, exchange, cross, buy, sell, maker, taker):
    receipt = cross(sell, buy, 1, (maker, taker))()
    for log in receipt.decode_logs(exchange.Filled):
        assert (log.taker, log.maker, log.size) == (sell.account, buy.account, -WAD)
        assert (log.taker_fee, log.maker_fee) == (wad("0.4803"), 0)


def test_cross__odd_sum_of_limits__rounds_the_price_down(exchange, cross, buy, sell):
    receipt = cross(replace(buy, price=sell.price + 3), sell, 1)()
    assert {log.price for log in receipt.decode_logs(exchange.Filled)} == {sell.price + 1}


def test_cross__equal_limits__trades_at_them(exchange, cross, buy, sell):
    receipt = cross(replace(buy, price=sell.price), sell, 1)()
    assert {log.price for log in receipt.decode_logs(exchange.Filled)} == {sell.price}


def test_cross__any__logs_one_fill_an_order(system, exchange, cross, buy, sell):
    receipt = cross(buy, sell, 1)()
    logged = [bytes(log.order_hash) for log in receipt.decode_logs(exchange.Filled)]
    assert logged == [order_hash(order, system.chain_id, exchange.address) for order in (sell, buy)]


def test_cross__in_parts__books_both_orders(exchange, cross, buy, sell, refused):
    cross(buy, sell, 0.5)()
    cross(buy, sell, 1)()
    for order in (buy, sell):
        assert exchange.slot(order.account, order.nonce & 255) & 2**128 - 1 == wad(1.5)
    once_more = cross(buy, sell, 0.6)
    with refused("exchange: over-filled", buy, sell):
        once_more()


def test_cross__second_order_smaller__is_not_over_filled(cross, buy, sell, refused):
    act = cross(buy, replace(sell, size=-WAD), 1.5)
    with refused("exchange: over-filled", buy, sell):
        act()


def test_cross__limits_apart__reverts(cross, buy, sell, refused):
    act = cross(replace(buy, price=sell.price - 1), sell, 1)
    with refused("exchange: prices do not cross", buy, sell):
        act()


def test_cross__sell_first_and_limits_apart__reverts(cross, buy, sell, maker, taker, refused):
    act = cross(sell, replace(buy, price=sell.price - 1), 1, (maker, taker))
    with refused("exchange: prices do not cross", buy, sell):
        act()


@pytest.mark.parametrize("change", [{"size": -2 * WAD}, {"market": BTC}])
def test_cross__one_side_or_two_markets__reverts(cross, buy, sell, refused, change):
    act = cross(replace(buy, **change), sell, 1)
    with refused("exchange: orders do not match", buy, sell):
        act()


def test_cross__two_buys__reverts(cross, buy, sell, refused):
    act = cross(buy, replace(sell, size=2 * WAD), 1)
    with refused("exchange: orders do not match", buy, sell):
        act()


def test_cross__amount_zero__reverts(cross, buy, sell, refused):
    act = cross(buy, sell, 0)
    with refused("exchange: nothing to fill", buy, sell):
        act()


@pytest.mark.parametrize("forged", ["a", "b"])
def test_cross__one_signature_forged__reverts(cross, buy, sell, maker, taker, attacker, refused, forged):
    act = cross(buy, sell, 1, (attacker, maker) if forged == "a" else (taker, attacker))
    with refused("exchange: bad signature", buy, sell):
        act()


@pytest.mark.parametrize("side", ["a", "b"])
def test_cross__order_for_somebody_else__reverts(system, cross, buy, sell, attacker, refused, side):
    someone = system.account(attacker)
    a, b = (replace(buy, taker=someone), sell) if side == "a" else (buy, replace(sell, taker=someone))
    act = cross(a, b, 1)
    with refused("exchange: wrong taker", buy, sell):
        act()


def test_cross__orders_for_each_other__trades(system, cross, buy, sell, taker_account):
    cross(replace(buy, taker=sell.account), replace(sell, taker=buy.account), 1)()
    assert system.position(taker_account, ETH)[0] == WAD


def test_cross__first_order_refuses_the_takers_fee__reverts(cross, buy, sell, refused):
    act = cross(replace(buy, max_fee=2), sell, 1)
    with refused("exchange: fee above limit", buy, sell):
        act()


def test_cross__second_order_refuses_the_makers_fee__reverts(exchange, owner, cross, buy, sell, refused):
    exchange.set_fees(0, 1, sender=owner)
    act = cross(buy, replace(sell, max_fee=0), 1)
    with refused("exchange: fee above limit", buy, sell):
        act()


def test_cross__mid_outside_the_band__reverts(cross, buy, sell, refused):
    act = cross(replace(buy, price=1761 * WAD), sell, 1)
    with refused("clearinghouse: price outside the band", buy, sell):
        act()


def test_cross__one_account_on_both_sides__reverts(system, cross, maker, buy, sell, refused):
    act = cross(replace(buy, account=sell.account), sell, 1, (maker, maker))
    with refused("clearinghouse: same account", sell):
        act()


def test_cross__reduce_only_order_that_would_add__reverts(cross, buy, sell, refused):
    act = cross(buy, replace(sell, reduce_only=True), 1)
    with refused("exchange: reduce only", buy, sell):
        act()
