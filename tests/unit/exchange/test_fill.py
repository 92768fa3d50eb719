"""`fill`: what a taker and a signed order do to both accounts, the fees and the fill state."""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest

from keeper.model.orders import Slot
from keeper.orders import order_hash
from tests.unit.system import ETH, WAD, wad

FEE = 3
"""The taker's bps."""


def digest(system, order):
    return order_hash(order, system.chain_id, system.exchange.address)


def test_fill__sell_order__taker_gains_size_maker_loses_it(system, maker, taker, sell, maker_account, taker_account):
    system.fill(sell, system.sign(sell, maker), taker, 2)
    assert system.position(taker_account, ETH) == (2 * WAD, 3200 * WAD)
    assert system.position(maker_account, ETH) == (-2 * WAD, -3200 * WAD)


def test_fill__buy_order__taker_loses_size_maker_gains_it(system, maker, taker, maker_account, taker_account):
    buy = system.order(maker_account, ETH, 2, 1600)
    system.fill(buy, system.sign(buy, maker), taker, 2)
    assert system.position(taker_account, ETH) == (-2 * WAD, -3200 * WAD)
    assert system.position(maker_account, ETH) == (2 * WAD, 3200 * WAD)


def test_fill__away_from_the_mark__trades_at_the_orders_price(system, maker, taker, maker_account, taker_account):
    sell = system.order(maker_account, ETH, -1, 1610)
    cash = system.clearinghouse.cash(taker_account)
    system.fill(sell, system.sign(sell, maker), taker, 1)
    # The taker's loss of 10 settles at once; the fee is 3 bps of 1,610.
    assert system.clearinghouse.cash(taker_account) == cash - 10 * WAD - wad("0.483")


def test_fill__any__takes_the_takers_fee_to_the_vault_and_none_of_the_maker(
    system, maker, taker, sell, vault, maker_account, taker_account
):
    house = system.clearinghouse
    of_vault = system.account(vault)

    def cash():
        # What the vault earns is its reserve until somebody collects it.
        return [*map(house.cash, (taker_account, maker_account)), house.cash(of_vault) + (house.custody() >> 128)]

    before = cash()
    system.fill(sell, system.sign(sell, maker), taker, 1)
    assert [b - a for a, b in zip(before, cash(), strict=True)] == [-wad("0.48"), 0, wad("0.48")]


def test_fill__both_pay_fees__each_its_own(system, owner, exchange, maker, taker, sell, maker_account, taker_account):
    house = system.clearinghouse
    exchange.set_fees(5, 2, sender=owner)
    before = [house.cash(account) for account in (taker_account, maker_account)]
    system.fill(sell, system.sign(sell, maker), taker, 1)
    after = [house.cash(account) for account in (taker_account, maker_account)]
    assert [b - a for a, b in zip(before, after, strict=True)] == [-wad("0.8"), -wad("0.32")]


def test_fill__least_amount__rounds_notional_and_fee_up(system, exchange, maker, taker, maker_account, taker_account):
    # 1 wei of ETH at 1,600.5 is 1,600.5 wei of quote: a notional of 1,601 and a fee of 0.4803, both rounded up.
    sell = system.order(maker_account, ETH, -1, 1600.5)
    receipt = exchange.fill(astuple(sell), system.sign(sell, maker), taker_account, 1, FEE, sender=taker)
    (filled,) = receipt.decode_logs(exchange.Filled)
    assert (filled.size, filled.taker_fee, filled.maker_fee) == (1, 1, 0)


def test_fill__any__logs_the_fill(system, exchange, maker, taker, sell, maker_account, taker_account):
    receipt = system.fill(sell, system.sign(sell, maker), taker, 1.5)
    (filled,) = receipt.decode_logs(exchange.Filled)
    assert (filled.market, filled.taker, filled.maker) == (ETH, taker_account, maker_account)
    assert (filled.size, filled.price) == (wad(1.5), 1600 * WAD)
    assert (filled.taker_fee, filled.maker_fee) == (wad("0.72"), 0)
    assert bytes(filled.order_hash) == digest(system, sell)


def test_fill__in_parts__adds_up_in_the_slot(system, exchange, maker, taker, sell, maker_account, taker_account):
    signature = system.sign(sell, maker)
    tag = int.from_bytes(digest(system, sell)) >> 192
    for amount, filled in ((0.5, 0.5), (0.25, 0.75), (1.25, 2)):
        system.fill(sell, signature, taker, amount)
        assert Slot.unpack(exchange.slot(maker_account, sell.nonce & 255)) == Slot(wad(filled), sell.nonce, tag)
    assert system.position(taker_account, ETH)[0] == 2 * WAD


def test_fill__replayed_when_filled__reverts(system, maker, taker, sell, refused):
    signature = system.sign(sell, maker)
    system.fill(sell, signature, taker, 2)
    with refused("exchange: over-filled", sell):
        system.fill(sell, signature, taker, 2)


@pytest.mark.parametrize("amount", ["1.500000000000000001", "2", "340282366920938463463"])
def test_fill__more_than_is_left__reverts(system, maker, taker, sell, refused, amount):
    signature = system.sign(sell, maker)
    system.fill(sell, signature, taker, 0.5)
    with refused("exchange: over-filled", sell):
        system.fill(sell, signature, taker, amount)


def test_fill__largest_number__reverts_as_over_filled(system, exchange, maker, taker, sell, taker_account, refused):
    signature = system.sign(sell, maker)
    with refused("exchange: over-filled", sell):
        exchange.fill(astuple(sell), signature, taker_account, 2**256 - 1, FEE, sender=taker)


def test_fill__amount_zero__reverts(system, maker, taker, sell, refused):
    with refused("exchange: nothing to fill", sell):
        system.fill(sell, system.sign(sell, maker), taker, 0)


def test_fill__for_another_wallets_account__reverts(system, exchange, maker, attacker, sell, taker_account, refused):
    signature = system.sign(sell, maker)
    with refused("exchange: not allowed", sell):
        exchange.fill(astuple(sell), signature, taker_account, WAD, FEE, sender=attacker)


def test_fill__by_the_takers_operator__trades_for_the_taker(
    system, exchange, maker, taker, operator, sell, taker_account
):
    system.clearinghouse.approve_operator(operator, True, sender=taker)
    exchange.fill(astuple(sell), system.sign(sell, maker), taker_account, WAD, FEE, sender=operator)
    assert system.position(taker_account, ETH)[0] == WAD


def test_fill__at_the_second_of_expiry__fills(system, chain, maker, taker, taker_account, maker_account):
    order = system.order(maker_account, ETH, -1, 1600, expiry=chain.pending_timestamp)
    system.fill(order, system.sign(order, maker), taker, 1)
    assert system.position(taker_account, ETH)[0] == WAD


def test_fill__a_second_after_expiry__reverts(system, chain, maker, taker, maker_account, refused):
    order = system.order(maker_account, ETH, -1, 1600, expiry=chain.pending_timestamp - 1)
    signature = system.sign(order, maker)
    with refused("exchange: order expired", order):
        system.fill(order, signature, taker, 1)


@pytest.mark.parametrize("field", ["nonce", "size", "negative size", "price"])
def test_fill__field_beyond_its_word__reverts(system, maker, taker, sell, refused, field):
    beyond = {
        "nonce": {"nonce": 2**64},
        "size": {"size": 2**127},
        "negative size": {"size": -(2**255)},
        "price": {"price": 2**127},
    }
    order = replace(sell, **beyond[field])
    signature = system.sign(order, maker)
    with refused("exchange: order out of range", order):
        system.fill(order, signature, taker, 1)


def test_fill__fee_above_the_orders_limit__reverts(system, exchange, owner, maker, taker, maker_account, refused):
    order = system.order(maker_account, ETH, -1, 1600, max_fee=1)
    exchange.set_fees(0, 2, sender=owner)
    signature = system.sign(order, maker)
    with refused("exchange: fee above limit", order):
        system.fill(order, signature, taker, 1)


def test_fill__fee_at_the_orders_limit__fills(system, exchange, owner, maker, taker, maker_account, taker_account):
    order = system.order(maker_account, ETH, -1, 1600, max_fee=2)
    exchange.set_fees(0, 2, sender=owner)
    system.fill(order, system.sign(order, maker), taker, 1)
    assert system.position(taker_account, ETH)[0] == WAD


def test_fill__fee_above_the_takers_limit__reverts(system, maker, taker, sell, refused):
    signature = system.sign(sell, maker)
    with refused("exchange: fee above limit", sell):
        system.fill(sell, signature, taker, 1, max_fee=FEE - 1)


def test_fill__named_taker__fills_for_that_account_only(system, maker, taker, attacker, maker_account, refused):
    order = system.order(maker_account, ETH, -1, 1600, taker=system.account(taker, 7))
    signature = system.sign(order, maker)
    with refused("exchange: wrong taker", order):
        system.fill(order, signature, taker, 1)
    system.fund(taker, 1000, sub=7)
    system.fill(order, signature, taker, 1, sub=7)
    assert system.position(system.account(taker, 7), ETH)[0] == WAD


def test_fill__own_order_on_one_account__reverts(system, maker, sell, refused):
    signature = system.sign(sell, maker)
    with refused("clearinghouse: same account", sell):
        system.fill(sell, signature, maker, 1)


@pytest.mark.parametrize("price", ["1680.01", "1519.99"])
def test_fill__price_outside_the_band__reverts(system, maker, taker, maker_account, refused, price):
    order = system.order(maker_account, ETH, -1, price)
    signature = system.sign(order, maker)
    with refused("clearinghouse: price outside the band", order):
        system.fill(order, signature, taker, 1)


def test_fill__more_than_the_taker_can_carry__reverts(system, maker, taker, maker_account, refused):
    # 10,000 of equity carries less than 100 ETH at an initial margin above 7.5%.
    system.fund(maker, 100_000)
    order = system.order(maker_account, ETH, -100, 1600)
    signature = system.sign(order, maker)
    with refused("clearinghouse: below initial margin", order):
        system.fill(order, signature, taker, 100)


def test_fill__venue_revoked__reverts(system, exchange, owner, maker, taker, sell, refused):
    signature = system.sign(sell, maker)
    system.clearinghouse.set_venue(exchange, False, sender=owner)
    with refused("clearinghouse: not a venue", sell):
        system.fill(sell, signature, taker, 1)
