"""`book`: the auction has a fill of an order booked, and nobody else has."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any

import ape
import pytest

from keeper.model.orders import Order
from keeper.model.rounding import ceil_div
from keeper.orders import sign_order
from tests.unit.system import BTC, ETH, SETTINGS, WAD, wad

COUNTERPARTY = 77 << 96
MAKER_BPS = 2
BOUND = 2**127
"""The least size or price that an order cannot have, WAD."""


@pytest.fixture(scope="module")
def auctioneer(accounts):
    return accounts[15]


@pytest.fixture(scope="module")
def desk(load, owner, quote, risk_engine, auctioneer, accounts):
    """An Exchange over a Clearinghouse whose auction is a wallet, so that a test can act as it."""
    named = (auctioneer, accounts[16], accounts[17])
    house = owner.deploy(load("Clearinghouse"), quote, risk_engine, SETTINGS.pack(), *named)
    house.set_venue(accounts[14], True, sender=owner)
    return owner.deploy(load("Exchange"), house, 3, MAKER_BPS)


@pytest.fixture(scope="module")
def house(load, desk):
    return load("Clearinghouse").at(desk.clearinghouse())


def signed(system, desk, wallet, **fields: Any) -> tuple[Order, bytes]:
    """The wallet's order to buy 2 ETH at 1,600, but for `fields`, and its signature for that Exchange."""
    order = replace(system.order(system.account(wallet), ETH, 2, 1600), **fields)
    return order, sign_order(order, system.chain_id, desk.address, wallet.private_key)


@pytest.fixture
def bid(system, desk, maker):
    return signed(system, desk, maker)


@pytest.fixture
def book(desk, auctioneer):
    def book(signed: tuple[Order, bytes], amount: float = 1, *, sender: Any = None) -> Any:
        order, signature = signed
        return desk.book(astuple(order), signature, COUNTERPARTY, wad(amount), sender=sender or auctioneer)

    return book


@pytest.fixture
def refused(desk):
    """The body reverts with exactly this message, and of that order no more is filled."""

    def refused(message: str, order: Order, act: Any) -> None:
        before = desk.slot(order.account, order.nonce % 256)
        with ape.reverts(message):
            act()
        assert desk.slot(order.account, order.nonce % 256) == before

    return refused


def filled(desk, order: Order) -> int:
    return desk.slot(order.account, order.nonce % 256) & 2**128 - 1


def test_book__by_the_auction__counts_the_fill_and_says_the_makers_fee(desk, auctioneer, bid, book):
    order, signature = bid
    fee = ceil_div(2_400 * WAD * MAKER_BPS, 10_000)
    assert desk.book.call(astuple(order), signature, COUNTERPARTY, 3 * WAD // 2, sender=auctioneer) == fee
    receipt = book(bid, 1.5)
    assert filled(desk, order) == 3 * WAD // 2
    (event,) = receipt.decode_logs(desk.Filled)
    assert (event.market, event.taker, event.maker) == (ETH, COUNTERPARTY, order.account)
    assert (event.size, event.price) == (-3 * WAD // 2, 1600 * WAD)
    assert (event.taker_fee, event.maker_fee) == (0, fee)
    assert event.order_hash == desk.order_hash(astuple(order))


def test_book__moves_nothing_itself(desk, house, bid, book):
    receipt = book(bid)
    assert {log.contract_address for log in receipt.decode_logs()} == {desk.address}
    assert house.header(bid[0].account) == 0


def test_book__by_anybody_else__reverts(desk, bid, book, refused, owner, maker, taker, attacker, accounts):
    for sender in (owner, maker, taker, attacker, accounts[14], accounts[16], accounts[17]):
        refused("exchange: not the auction", bid[0], lambda sender=sender: book(bid, sender=sender))


def test_book__of_nothing__reverts(bid, book, refused):
    refused("exchange: nothing to fill", bid[0], lambda: book(bid, 0))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"nonce": 2**64}, "exchange: order out of range"),
        ({"price": BOUND}, "exchange: order out of range"),
        ({"size": BOUND}, "exchange: order out of range"),
        ({"size": -BOUND}, "exchange: order out of range"),
        ({"expiry": 1}, "exchange: order expired"),
        ({"taker": 78 << 96}, "exchange: wrong taker"),
        ({"max_fee": MAKER_BPS - 1}, "exchange: fee above limit"),
        ({"size": WAD // 2}, "exchange: over-filled"),
        ({"reduce_only": True}, "exchange: reduce only"),
    ],
)
def test_book__order_that_may_not_be_filled__reverts(system, desk, maker, book, refused, fields, message):
    order = signed(system, desk, maker, **fields)
    refused(message, order[0], lambda: book(order))


@pytest.mark.parametrize(
    "fields", [{"taker": COUNTERPARTY}, {"max_fee": MAKER_BPS}, {"nonce": 0}, {"size": WAD}, {"size": BOUND - 1}]
)
def test_book__at_the_edge_of_what_the_order_allows__is_booked(system, desk, maker, book, fields):
    order = signed(system, desk, maker, **fields)
    book(order)
    assert filled(desk, order[0]) == WAD


def test_book__cancelled_order__reverts(desk, bid, book, refused, maker):
    order, _ = bid
    desk.cancel(order.account, order.nonce, sender=maker)
    refused("exchange: order cancelled", order, lambda: book(bid))


def test_book__below_the_lowest_nonce__reverts(desk, bid, book, refused, maker):
    order, _ = bid
    desk.cancel_below(order.account, order.nonce + 1, sender=maker)
    refused("exchange: order cancelled", order, lambda: book(bid))


def test_book__same_nonce_another_order__reverts(system, desk, bid, book, refused, maker):
    book(bid)
    other = signed(system, desk, maker, price=1601 * WAD, nonce=bid[0].nonce)
    refused("exchange: nonce used", bid[0], lambda: book(other))


def test_book__signature_of_a_stranger_or_of_another_order__reverts(system, desk, bid, book, refused, attacker):
    order, signature = bid
    forged = sign_order(order, system.chain_id, desk.address, attacker.private_key)
    for made in ((order, forged), (replace(order, market=BTC), signature), (order, signature[:64]), (order, b"")):
        refused("exchange: bad signature", order, lambda made=made: book(made))


def test_book__signed_by_an_operator__is_booked_until_it_is_revoked(
    system, desk, house, book, refused, maker, operator
):
    account = system.account(maker)
    first, second = (signed(system, desk, operator, account=account) for _ in range(2))
    house.approve_operator(operator, True, sender=maker)
    book(first)
    house.approve_operator(operator, False, sender=maker)
    refused("exchange: bad signature", second[0], lambda: book(second))
    refused("exchange: bad signature", first[0], lambda: book(first))


def test_book__more_than_is_left__reverts(desk, bid, book, refused):
    book(bid, 1.5)
    refused("exchange: over-filled", bid[0], lambda: book(bid, "0.500000000000000001"))
    book(bid, 0.5)
    assert filled(desk, bid[0]) == 2 * WAD
    refused("exchange: over-filled", bid[0], lambda: book(bid, "0.000000000000000001"))
