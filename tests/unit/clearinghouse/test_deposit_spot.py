"""`deposit_spot`: collateral; anyone adds to what is there, who is allowed adds a market, and not into a breach."""

from __future__ import annotations

import pytest

from tests.unit.clearinghouse.house import DEPOSIT_SPOT
from tests.unit.system import BTC, ETH, LINK, SOL, UNITS, WAD, wad


@pytest.fixture
def purse(house, eth, btc, attacker):
    """A wallet with tokens that lets the house take them."""
    for token in (eth, btc):
        token.mint(attacker, 100 * 10 ** token.decimals(), sender=attacker)
        token.approve(house.clearinghouse, 2**256 - 1, sender=attacker)
    return attacker


@pytest.fixture
def in_breach(house, alice, bob):
    """alice long 100 ETH on 10,000 of cash, 64 lower."""
    house.trade(alice, bob, 60, 1600)
    house.prices({ETH: 1472})
    assessment = house.clearinghouse.assess(alice)
    assert assessment.equity < assessment.mm
    return alice


def test_deposit_spot__by_the_owner__adds_the_market(house, eth, taker, alice):
    house.fund_spot(taker, ETH, 2)
    assert house.clearinghouse.spot(alice, ETH) == 2 * WAD
    assert house.header(alice).spots == 1 << ETH
    assert house.clearinghouse.spot_total(ETH) == 2 * WAD
    assert eth.balanceOf(house.clearinghouse) == 2 * WAD


def test_deposit_spot__token_of_8_decimals__is_scaled_exactly(house, btc, taker, alice):
    btc.mint(taker, 1, sender=taker)
    btc.approve(house.clearinghouse, 1, sender=taker)
    house.clearinghouse.deposit_spot(alice, BTC, 1, sender=taker)
    assert house.clearinghouse.spot(alice, BTC) == 10**10


def test_deposit_spot__by_a_stranger_to_what_is_there__is_added(house, taker, purse, alice):
    house.fund_spot(taker, ETH, 2)
    house.clearinghouse.deposit_spot(alice, ETH, WAD, sender=purse)
    assert house.clearinghouse.spot(alice, ETH) == 3 * WAD


def test_deposit_spot__by_a_stranger_of_a_new_market__reverts(house, purse, alice, bob):
    with house.refuses("clearinghouse: not allowed", alice):
        house.clearinghouse.deposit_spot(alice, ETH, WAD, sender=purse)
    # A position there is not spot there.
    house.trade(alice, bob, 1, 1600)
    with house.refuses("clearinghouse: not allowed", alice):
        house.clearinghouse.deposit_spot(alice, ETH, WAD, sender=purse)


def test_deposit_spot__by_an_operator__adds_the_market(house, taker, purse, alice):
    house.clearinghouse.approve_operator(purse, True, sender=taker)
    house.clearinghouse.deposit_spot(alice, BTC, 10**8, sender=purse)
    assert house.clearinghouse.spot(alice, BTC) == WAD


def test_deposit_spot__of_a_new_market_in_breach__reverts(house, taker, btc, in_breach):
    btc.mint(taker, 10**8, sender=taker)
    btc.approve(house.clearinghouse, 10**8, sender=taker)
    with house.refuses("clearinghouse: in breach", in_breach):
        house.clearinghouse.deposit_spot(in_breach, BTC, 10**8, sender=taker)


@pytest.fixture
def small(house, taker, known):
    """Another account of the taker's, with little more than the initial margin of one market's least requirement."""
    account = house.fund(taker, 35, sub=1)
    known.append(account)
    return account


def test_deposit_spot__dust_of_a_new_market__does_not_bring_an_account_below_initial_margin(
    house, taker, purse, bob, small
):
    house.trade(small, bob, 0.01, 1600)
    house.clearinghouse.approve_operator(purse, True, sender=taker)
    with house.refuses("clearinghouse: below initial margin", small):
        house.clearinghouse.deposit_spot(small, BTC, 1, sender=purse)


def test_deposit_spot__dust_on_a_claim__does_not_bring_an_account_below_initial_margin(
    house, taker, purse, bob, pool, small
):
    house.trade(small, bob, 0.01, 1600)
    house.prices({ETH: 1632})
    house.trade(small, pool, -0.01, 1632)
    size, cost = house.position(small, ETH)
    assert size == 0 and cost < 0
    house.trade(small, bob, 0.2, 100, market=SOL)
    house.clearinghouse.approve_operator(purse, True, sender=taker)
    with house.refuses("clearinghouse: below initial margin", small):
        house.clearinghouse.deposit_spot(small, ETH, 1, sender=purse)


def test_deposit_spot__of_a_new_market_below_initial_margin__is_added_where_it_raises_health(
    house, taker, purse, alice, bob
):
    house.trade(alice, bob, 60, 1600)
    house.prices({ETH: 1540})
    before = house.clearinghouse.assess(alice)
    assert before.mm <= before.equity < before.im
    house.clearinghouse.approve_operator(purse, True, sender=taker)
    house.clearinghouse.deposit_spot(alice, BTC, 10**6, sender=purse)
    after = house.clearinghouse.assess(alice)
    assert after.equity * before.mm > before.equity * after.mm and after.equity < after.im


def test_deposit_spot__on_the_position_of_a_breach__is_relief(house, taker, in_breach):
    house.fund_spot(taker, ETH, 1)
    assert house.clearinghouse.spot(in_breach, ETH) == WAD


def test_deposit_spot__of_a_new_market_at_a_late_price__reverts(house, taker, btc, alice, bob):
    house.trade(alice, bob, 1, 1600)
    btc.mint(taker, 10**8, sender=taker)
    btc.approve(house.clearinghouse, 10**8, sender=taker)
    house.pass_time(20)
    with house.refuses("clearinghouse: price is late", alice):
        house.clearinghouse.deposit_spot(alice, BTC, 10**8, sender=taker)


def test_deposit_spot__owing_nothing__needs_no_price(house, taker, alice):
    house.pass_time(100_000)
    house.fund_spot(taker, BTC, 1)
    assert house.clearinghouse.spot(alice, BTC) == WAD


def test_deposit_spot__any__logs_the_account_as_it_is(house, taker, eth, alice):
    eth.mint(taker, WAD, sender=taker)
    eth.approve(house.clearinghouse, WAD, sender=taker)
    receipt = house.clearinghouse.deposit_spot(alice, ETH, WAD, sender=taker)
    (log,) = receipt.decode_logs(house.clearinghouse.AccountChanged)
    assert (log.account, log.act, log.changed, list(log.words)) == (alice, DEPOSIT_SPOT, 1 << ETH, [WAD])
    house.check_logged(receipt)


def test_deposit_spot__nothing__reverts(house, taker, alice):
    with house.refuses("clearinghouse: nothing to move", alice):
        house.clearinghouse.deposit_spot(alice, ETH, 0, sender=taker)


def test_deposit_spot__account_of_nobody__reverts(house, taker):
    with house.refuses("clearinghouse: owner is zero"):
        house.clearinghouse.deposit_spot(5, ETH, WAD, sender=taker)


@pytest.mark.parametrize("market", [SOL, LINK, 63])
def test_deposit_spot__market_without_a_token__reverts(house, taker, alice, market):
    with house.refuses("clearinghouse: no spot market", alice):
        house.clearinghouse.deposit_spot(alice, market, WAD, sender=taker)


@pytest.mark.parametrize("market", [64, 128, 256, 2**256 - 1])
def test_deposit_spot__market_that_no_map_holds__reverts(house, taker, alice, market):
    with house.refuses("clearinghouse: unknown market", alice):
        house.clearinghouse.deposit_spot(alice, market, WAD, sender=taker)


@pytest.mark.parametrize(("market", "amount"), [(ETH, 10**33 + 1), (BTC, 10**23 + 1), (BTC, 2**256 - 1)])
def test_deposit_spot__above_the_bound__reverts(house, taker, alice, market, amount):
    with house.refuses("clearinghouse: size out of bounds", alice):
        house.clearinghouse.deposit_spot(alice, market, amount, sender=taker)


def test_deposit_spot__that_brings_spot_above_its_bound__reverts(house, eth, taker, alice):
    house.fund_spot(taker, ETH, 1)
    eth.mint(taker, 10**33, sender=taker)
    eth.approve(house.clearinghouse, 10**33, sender=taker)
    with house.refuses("clearinghouse: size out of bounds", alice):
        house.clearinghouse.deposit_spot(alice, ETH, 10**33, sender=taker)


def test_deposit_spot__donated_tokens__count_for_nothing(house, eth, purse):
    before = house.clearinghouse.spot_total(ETH)
    eth.transfer(house.clearinghouse, wad(3), sender=purse)
    assert house.clearinghouse.spot_total(ETH) == before


def test_deposit_spot__with_debt__raises_what_may_be_borrowed(house, taker, alice, pool):
    house.fund_spot(taker, ETH, 10)
    house.prices()
    before = house.clearinghouse.assess(alice)
    assert (before.equity, before.mm) == (10_000 * WAD, 0)
    house.clearinghouse.withdraw(alice, 11_000 * UNITS, taker, sender=taker)
    after = house.clearinghouse.assess(alice)
    # 10 ETH at 1,600 less 1,000 of debt.
    assert after.equity == pytest.approx(15_000 * WAD, rel=1e-9)
    assert after.mm > 0
