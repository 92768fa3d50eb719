"""Caps of markets, filled by the vault, and pauses that end by themselves."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import ape
import pytest

from keeper.publish.reports import Entry
from tests.unit.clearinghouse.house import soon
from tests.unit.system import BTC, ETH, MARKETS, SETTINGS, SOL, UNITS, WAD, wad

EVERYTHING = 2**64 - 1


@pytest.fixture
def guarded(house, owner, guardian):
    """The guardian is one."""
    receipt = house.clearinghouse.set_guardian(guardian, sender=owner)
    (log,) = receipt.decode_logs(house.clearinghouse.GuardianSet)
    assert log.guardian == house.clearinghouse.guardian() == guardian.address


@pytest.fixture
def pause(house, guarded, guardian):
    return lambda markets: house.clearinghouse.pause(markets, sender=guardian)


@pytest.fixture
def capped(house, owner):
    """ETH has a cap of 16,000."""
    house.risk_engine.set_parameters(ETH, replace(MARKETS[ETH], cap=16_000).pack(), sender=owner)


def test_trade__up_to_the_cap__is_allowed_and_more_refused(house, alice, bob, capped):
    house.trade(alice, bob, 10, 1600)
    with house.refuses("clearinghouse: above the cap", alice, bob):
        house.trade(alice, bob, 0.001, 1600)
    house.trade(alice, bob, -4, 1600)


def test_trade__one_unit_of_the_last_digit_above_the_cap__refused(house, alice, bob, capped):
    """A market's sizes count half, rounded up."""
    with house.refuses("clearinghouse: above the cap", alice, bob):
        house.trade(alice, bob, Decimal(10) + Decimal(1) / WAD, 1600)
    house.trade(alice, bob, 10, 1600)


def test_trade__that_opens_nothing__is_allowed_above_the_cap(house, alice, bob, pool, capped):
    house.trade(alice, bob, 10, 1600)
    house.prices({ETH: 1664})
    house.trade(pool, alice, 1, 1664)
    house.trade(alice, bob, -1, 1664)


def test_deposit_spot__that_adds_a_market__counts_against_the_cap(house, eth, taker, alice, capped):
    house.fund_spot(taker, ETH, 10)
    # Already there: more of it is not a market added.
    house.fund_spot(taker, ETH, 1)
    eth.mint(taker, WAD, sender=taker)
    eth.approve(house.clearinghouse, WAD, sender=taker)
    with house.refuses("clearinghouse: above the cap", alice):
        house.clearinghouse.deposit_spot(house.account(taker, 5), ETH, WAD, sender=taker)


def test_slice__above_the_cap__is_exempt(house, owner, taker, alice, bob, pool):
    house.fund_spot(taker, ETH, 2)
    house.trade(alice, bob, 4, 1600)
    house.risk_engine.set_parameters(ETH, replace(MARKETS[ETH], cap=1).pack(), sender=owner)
    # Who takes them held neither before: each would be above the cap as a deposit or as a trade.
    house.slice(alice, pool, 0.5)
    assert house.clearinghouse.spot(pool, ETH) == WAD
    assert house.position(pool, ETH)[0] == 2 * WAD
    house.slice(alice, pool, 1)
    assert house.position(pool, ETH)[0] == 4 * WAD
    with house.refuses("clearinghouse: above the cap", pool, bob):
        house.trade(pool, bob, 0.001, 1600)


def test_cap__vault_half_filled__counts_half(house, owner, alice, bob, capped):
    house.clearinghouse.set_settings(replace(SETTINGS, target=10).pack(), sender=owner)
    with house.refuses("clearinghouse: above the cap", alice, bob):
        house.trade(alice, bob, 0.001, 1600)
    house.fund_account(house.vault_account, owner, 5_000)
    house.trade(alice, bob, 5, 1600)
    with house.refuses("clearinghouse: above the cap", alice, bob):
        house.trade(alice, bob, 0.001, 1600)


def test_cap__vault_more_than_filled__counts_no_more(house, owner, alice, bob, capped):
    house.clearinghouse.set_settings(replace(SETTINGS, target=10).pack(), sender=owner)
    house.fund_account(house.vault_account, owner, 20_000)
    house.trade(alice, bob, 10, 1600)
    with house.refuses("clearinghouse: above the cap", alice, bob):
        house.trade(alice, bob, 0.001, 1600)


def test_pause__market__stops_fills_that_add_risk_and_no_others(house, alice, bob, pause):
    house.trade(alice, bob, 1, 1600)
    pause(1 << ETH)
    with house.refuses("clearinghouse: paused", alice, bob):
        house.trade(alice, bob, 1, 1600)
    house.trade(alice, bob, -0.5, 1600)
    house.trade(alice, bob, 1, 100, market=SOL)


def test_pause__everything__stops_withdrawals_of_those_who_owe(house, lender, taker, alice, bob, pool, pause):
    house.trade(alice, bob, 1, 1600)
    pause(EVERYTHING)
    with house.refuses("clearinghouse: paused", alice):
        house.clearinghouse.withdraw(alice, UNITS, taker, sender=taker)
    house.clearinghouse.withdraw(pool, UNITS, lender, sender=lender)
    house.fund(taker, 1)
    house.settle(alice, bob)


def test_pause__everything__stops_no_collateral(house, btc, taker, alice, bob, pause):
    house.trade(alice, bob, 1, 1600)
    pause(EVERYTHING)
    btc.mint(taker, 2 * 10**8, sender=taker)
    btc.approve(house.clearinghouse, 2 * 10**8, sender=taker)
    for _ in range(2):
        house.clearinghouse.deposit_spot(alice, BTC, 10**8, sender=taker)
    assert house.clearinghouse.spot(alice, BTC) == 2 * 10**18


def test_pause__ends_by_itself_and_not_again_at_once(house, guardian, alice, bob, pause):
    pause(1 << ETH)
    house.pass_time(172_800)
    house.prices()
    house.trade(alice, bob, 1, 1600)
    with ape.reverts("clearinghouse: paused lately"):
        pause(1 << ETH)
    house.pass_time(432_000)
    pause(1 << ETH)


@pytest.mark.parametrize("role", ["owner", "guardian"])
def test_unpause__by_owner_or_guardian__ends_it_now(house, wallets, alice, bob, pause, role):
    pause(1 << ETH)
    house.clearinghouse.unpause(sender=wallets[role])
    house.trade(alice, bob, 1, 1600)
    with ape.reverts("clearinghouse: paused lately"):
        pause(1 << ETH)


@pytest.mark.parametrize("markets", [0, EVERYTHING + 1])
def test_pause__of_no_market__reverts(house, pause, markets):
    with ape.reverts("clearinghouse: nothing to pause"):
        pause(markets)


@pytest.mark.parametrize("role", ["venue", "attacker", "auctioneer"])
def test_pause__by_a_stranger__reverts(house, wallets, guarded, role):
    for act, arguments in ((house.clearinghouse.pause, (1,)), (house.clearinghouse.unpause, ())):
        with ape.reverts("clearinghouse: not the guardian"):
            act(*arguments, sender=wallets[role])
    with ape.reverts("ownable: caller is not the owner"):
        house.clearinghouse.set_guardian(wallets[role], sender=wallets[role])


def test_pause__settings_set_meanwhile__goes_on(house, owner, alice, bob, pause):
    pause(1 << ETH)
    house.clearinghouse.set_settings(replace(SETTINGS, band=400).pack(), sender=owner)
    with house.refuses("clearinghouse: paused", alice, bob):
        house.trade(alice, bob, 1, 1600)


def test_relieve__within_the_rule__releases_and_pays_the_penalty(house, attacker, bob, known):
    account = house.fund(attacker, 150)
    known.append(account)
    house.trade(account, bob, 1, 1600)
    house.prices({ETH: 1520})
    before = house.clearinghouse.assess(account)
    rates = (WAD // 10, WAD // 20, 14 * WAD // 10)
    arguments = (ETH, account, bob, -wad(0.3), 1520 * WAD, 0, *rates)
    receipt = house.clearinghouse.relieve(*arguments, sender=house.auctioneer)
    after = house.clearinghouse.assess(account)
    released = before.mm - after.mm
    assert released > 0
    assert before.equity - after.equity == pytest.approx(released // 20, rel=1e-6)
    assert house.custody.reserve == pytest.approx(released // 20, rel=1e-6)
    house.check_logged(receipt)


@pytest.mark.parametrize(
    ("size", "price", "rates"),
    [
        ("0.5", 1520, (WAD, 0, 14 * WAD // 10)),  # releases nothing
        ("-0.5", 1500, (WAD // 10, 0, 14 * WAD // 10)),  # costs more than is allowed
        ("-0.9", 1520, (WAD, 0, WAD)),  # lands above the target
    ],
)
def test_relieve__beyond_the_rule__reverts(house, attacker, bob, known, size, price, rates):
    account = house.fund(attacker, 150)
    known.append(account)
    house.trade(account, bob, 1, 1600)
    house.prices({ETH: 1520})
    with house.refuses("clearinghouse: beyond the rule", account, bob):
        house.clearinghouse.relieve(ETH, account, bob, wad(size), price * WAD, 0, *rates, sender=house.auctioneer)


def test_relieve__requirement_on_its_floor__releases_nothing_and_reverts(house, attacker, bob, known):
    account = house.fund(attacker, 32)
    known.append(account)
    house.trade(account, bob, 0.0125, 1600)
    house.prices({ETH: 600})
    rates = (WAD, 0, 14 * WAD // 10)
    with house.refuses("clearinghouse: beyond the rule", account, bob):
        house.clearinghouse.relieve(ETH, account, bob, -wad(0.005), 600 * WAD, 0, *rates, sender=house.auctioneer)


def test_relieve__late_price_elsewhere__reverts(house, attacker, bob, known):
    account = house.fund(attacker, 800)
    known.append(account)
    house.trade(account, bob, 0.1, 51_200, market=BTC)
    house.trade(account, bob, 1, 1600)
    house.pass_time(20)
    house.update([Entry(ETH, wad(1520), 0, 0)], soon(house))
    rates = (WAD // 10, WAD // 20, 14 * WAD // 10)
    with house.refuses("clearinghouse: price is late", account, bob):
        house.clearinghouse.relieve(ETH, account, bob, -wad(0.3), 1520 * WAD, 0, *rates, sender=house.auctioneer)


def test_relieve__by_anybody_but_the_auction__reverts(house, attacker, alice, bob):
    with house.refuses("clearinghouse: not the auction", alice, bob):
        house.clearinghouse.relieve(ETH, alice, bob, WAD, 1600 * WAD, 0, WAD, 0, WAD, sender=attacker)


def test_defer__by_the_batch__lets_it_act_in_that_transaction_alone(house, taker, batcher, alice):
    house.clearinghouse.defer(alice, True, sender=batcher)
    assert not house.clearinghouse.is_allowed(alice, batcher)
    house.clearinghouse.assess(alice)
