"""`withdraw_spot`: collateral out, while what is left carries the account."""

from __future__ import annotations

import pytest

from tests.unit.clearinghouse.house import WITHDRAW_SPOT
from tests.unit.system import BTC, ETH, SOL, UNITS, WAD


@pytest.fixture
def holder(house, taker, alice):
    """alice with 10 ETH and 1 BTC."""
    house.fund_spot(taker, ETH, 10)
    house.fund_spot(taker, BTC, 1)
    house.prices(slow=False)
    return alice


def test_withdraw_spot__part__goes_to_the_receiver(house, eth, taker, attacker, holder):
    before = eth.balanceOf(attacker)
    house.clearinghouse.withdraw_spot(holder, ETH, 4 * WAD, attacker, sender=taker)
    assert eth.balanceOf(attacker) == before + 4 * WAD
    assert house.clearinghouse.spot(holder, ETH) == 6 * WAD
    assert house.clearinghouse.spot_total(ETH) == 6 * WAD
    assert house.header(holder).spots == 1 << ETH | 1 << BTC


def test_withdraw_spot__all__leaves_the_market(house, taker, holder):
    house.clearinghouse.withdraw_spot(holder, BTC, 10**8, taker, sender=taker)
    assert house.clearinghouse.spot(holder, BTC) == 0
    assert house.header(holder).spots == 1 << ETH


def test_withdraw_spot__by_an_operator__goes_to_the_owner(house, eth, taker, operator, holder):
    house.clearinghouse.approve_operator(operator, True, sender=taker)
    before = eth.balanceOf(taker)
    house.clearinghouse.withdraw_spot(holder, ETH, WAD, operator, sender=operator)
    assert eth.balanceOf(taker) == before + WAD


def test_withdraw_spot__that_carries_a_debt__reverts(house, taker, pool, holder):
    house.clearinghouse.withdraw(holder, 40_000 * UNITS, taker, sender=taker)
    with house.refuses("clearinghouse: below initial margin", holder):
        house.clearinghouse.withdraw_spot(holder, BTC, 10**8, taker, sender=taker)
    house.clearinghouse.withdraw_spot(holder, ETH, 10 * WAD, taker, sender=taker)


def test_withdraw_spot__with_debt_at_a_late_price__reverts(house, taker, pool, holder):
    house.clearinghouse.withdraw(holder, 20_000 * UNITS, taker, sender=taker)
    house.pass_time(20)
    with house.refuses("clearinghouse: price is late", holder):
        house.clearinghouse.withdraw_spot(holder, ETH, WAD, taker, sender=taker)


def test_withdraw_spot__owing_nothing__needs_no_price(house, taker, holder):
    house.pass_time(100_000)
    house.clearinghouse.withdraw_spot(holder, ETH, 10 * WAD, taker, sender=taker)
    assert house.clearinghouse.spot(holder, ETH) == 0


def test_withdraw_spot__any__logs_the_account_as_it_is(house, taker, holder):
    receipt = house.clearinghouse.withdraw_spot(holder, ETH, WAD, taker, sender=taker)
    (log,) = receipt.decode_logs(house.clearinghouse.AccountChanged)
    assert (log.account, log.act, log.changed, list(log.words)) == (holder, WITHDRAW_SPOT, 1 << ETH, [9 * WAD])
    house.check_logged(receipt)


def test_withdraw_spot__more_than_the_account_has__reverts(house, eth, taker, holder):
    eth.mint(house.clearinghouse, 100 * WAD, sender=taker)
    with house.refuses("clearinghouse: not enough spot", holder):
        house.clearinghouse.withdraw_spot(holder, ETH, 10 * WAD + 1, taker, sender=taker)


def test_withdraw_spot__by_a_stranger__reverts(house, attacker, holder):
    with house.refuses("clearinghouse: not allowed", holder):
        house.clearinghouse.withdraw_spot(holder, ETH, WAD, attacker, sender=attacker)


def test_withdraw_spot__nothing__reverts(house, taker, holder):
    with house.refuses("clearinghouse: nothing to move", holder):
        house.clearinghouse.withdraw_spot(holder, ETH, 0, taker, sender=taker)


def test_withdraw_spot__account_of_nobody__reverts(house, taker):
    with house.refuses("clearinghouse: owner is zero"):
        house.clearinghouse.withdraw_spot(5, ETH, WAD, taker, sender=taker)


@pytest.mark.parametrize(
    ("market", "amount", "message"),
    [
        (SOL, WAD, "clearinghouse: no spot market"),
        (64, WAD, "clearinghouse: unknown market"),
        (2**256 - 1, WAD, "clearinghouse: unknown market"),
        (ETH, 10**33 + 1, "clearinghouse: size out of bounds"),
        (BTC, 2**256 - 1, "clearinghouse: size out of bounds"),
    ],
)
def test_withdraw_spot__out_of_range__reverts(house, taker, holder, market, amount, message):
    with house.refuses(message, holder):
        house.clearinghouse.withdraw_spot(holder, market, amount, taker, sender=taker)
