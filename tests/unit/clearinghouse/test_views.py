"""Views: what integrators and the auction read."""

from __future__ import annotations

import ape
import pytest

from tests.unit.system import BTC, ETH, SOL, UNITS, WAD, wad


@pytest.fixture
def mixed(house, taker, alice, bob):
    """alice with 2 ETH of spot, 1 long on it, and a short in SOL."""
    house.fund_spot(taker, ETH, 2)
    house.prices(slow=False)
    house.trade(alice, bob, 1, 1600)
    house.trade(alice, bob, -4, 100, market=SOL)
    return alice


def test_book_of__words_in_rising_order_spot_before_position(house, mixed):
    cash, maps, words = house.clearinghouse.book_of(mixed)
    assert cash == 10_000 * WAD
    assert maps == 1 << ETH | (1 << ETH | 1 << SOL) << 64
    eth, sol = (house.clearinghouse.position(mixed, market) for market in (ETH, SOL))
    assert list(words) == [2 * WAD, eth, sol]


def test_assess__is_what_the_risk_engine_says_of_the_book(house, mixed):
    assert house.clearinghouse.assess(mixed) == house.risk_engine.assess(*house.clearinghouse.book_of(mixed))


def test_assess__owing_nothing__has_no_requirement_and_reads_no_price(house, taker, alice):
    house.fund_spot(taker, ETH, 2)
    house.pass_time(100_000)
    assessment = house.clearinghouse.assess(alice)
    assert (assessment.equity, assessment.mm, assessment.im, assessment.state) == (10_000 * WAD, 0, 0, 0)
    assert assessment == house.risk_engine.assess(*house.clearinghouse.book_of(alice))


def test_assess__account_that_never_was__is_empty(house, attacker):
    assert house.clearinghouse.assess(house.account(attacker, 77)).equity == 0


def test_require_initial__with_margin__is_silent(house, mixed):
    house.clearinghouse.require_initial(mixed)


def test_require_initial__without_margin__reverts(house, attacker, bob, known):
    account = house.fund(attacker, 150)
    known.append(account)
    house.trade(account, bob, 1, 1600)
    house.prices({ETH: 1568})
    with ape.reverts("clearinghouse: below initial margin"):
        house.clearinghouse.require_initial(account)


def test_require_initial__counts_profit_not_settled(house, attacker, bob, known):
    account = house.fund(attacker, 150)
    known.append(account)
    house.trade(account, bob, 1, 1600)
    house.prices({ETH: 1664})
    house.clearinghouse.require_initial(account)


def test_require_initial__late_price__reverts(house, mixed):
    house.pass_time(20)
    ape.chain.mine()
    with ape.reverts("clearinghouse: price is late"):
        house.clearinghouse.require_initial(mixed)


def test_require_initial__dead_market__counts_with_the_widest_interval(house, mixed):
    house.pass_time(100_000)
    ape.chain.mine()
    assessment = house.clearinghouse.assess(mixed)
    assert assessment.state == 2
    enough = assessment.equity - assessment.down >= assessment.im
    assert enough
    house.clearinghouse.require_initial(mixed)


def test_accrued__right_after_an_act__is_what_is_stored(house, alice):
    indices, totals, custody = house.accrued()
    assert (totals, custody) == (house.totals, house.custody)
    assert (indices.supply, indices.borrow) == (WAD, WAD)


def test_spot_total__sums_over_accounts(house, taker, maker, alice, bob):
    house.fund_spot(taker, BTC, 1)
    house.fund_spot(maker, BTC, 2)
    assert house.clearinghouse.spot_total(BTC) == 3 * WAD
    house.clearinghouse.withdraw_spot(bob, BTC, 10**8, maker, sender=maker)
    assert house.clearinghouse.spot_total(BTC) == 2 * WAD


def test_cash__of_a_debt__is_negative_and_rounded_down(house, taker, alice, pool):
    house.fund_spot(taker, ETH, 10)
    house.prices()
    house.clearinghouse.withdraw(alice, 11_000 * UNITS, taker, sender=taker)
    assert house.cash(alice) <= -1_000 * WAD
    house.pass_time(86_400)
    ape.chain.mine()
    indices, _, _ = house.accrued()
    assert house.cash(alice) == -1_000 * indices.borrow
    assert house.cash(alice) < -wad(1_000)
