"""`fill`: an order that may only take its account's position towards zero."""

from __future__ import annotations

import pytest

from tests.unit.system import BTC, ETH, WAD

REFUSAL = "exchange: reduce only"


@pytest.fixture
def long_2(system, maker, taker, maker_account):
    """The maker is long 2 ETH."""
    system.trade(maker, taker, ETH, 2, 1600)


def test_fill__reduce_only_towards_zero__fills(system, maker, taker, maker_account, long_2):
    order = system.order(maker_account, ETH, -5, 1600, reduce_only=True)
    signature = system.sign(order, maker)
    system.fill(order, signature, taker, 0.5)
    assert system.position(maker_account, ETH)[0] == 3 * WAD // 2
    system.fill(order, signature, taker, 1.5)
    assert system.position(maker_account, ETH)[0] == 0


def test_fill__reduce_only_through_zero__reverts(system, maker, taker, maker_account, long_2, refused):
    order = system.order(maker_account, ETH, -5, 1600, reduce_only=True)
    signature = system.sign(order, maker)
    with refused(REFUSAL, order):
        system.fill(order, signature, taker, "2.000000000000000001")


def test_fill__reduce_only_away_from_zero__reverts(system, maker, taker, maker_account, long_2, refused):
    order = system.order(maker_account, ETH, 1, 1600, reduce_only=True)
    signature = system.sign(order, maker)
    with refused(REFUSAL, order):
        system.fill(order, signature, taker, 1)


def test_fill__reduce_only_in_another_market__reverts(system, maker, taker, maker_account, long_2, refused):
    order = system.order(maker_account, BTC, -0.01, 51_200, reduce_only=True)
    signature = system.sign(order, maker)
    with refused(REFUSAL, order):
        system.fill(order, signature, taker, 0.01)


def test_fill__reduce_only_of_a_short__buys_back(system, maker, taker, maker_account):
    system.trade(maker, taker, ETH, -2, 1600)
    order = system.order(maker_account, ETH, 2, 1600, reduce_only=True)
    system.fill(order, system.sign(order, maker), taker, 2)
    assert system.position(maker_account, ETH)[0] == 0
