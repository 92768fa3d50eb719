"""`settle` in a market that is given up: strangers end its positions, whose worth becomes cash, a claim or a debt."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import permutations

import pytest

from keeper.model.words import Parameters
from tests.unit.clearinghouse.house import House
from tests.unit.system import BTC, ETH, ORACLE, RISK, SETTINGS, SOL, UNITS, WAD

NOBODY = "0x" + "00" * 20
LONG = 255
"""Seconds that a price counts for here, so that few updates make an average."""
FROZEN = 1760
LOST, BROKE = 960 * WAD, 640 * WAD
"""What the two shorts of 6 and 4 lose on the way from 1,600."""


@dataclass
class Retired:
    """A market frozen at 1,760: the winner is long 10, a loser short 6, and another short 4 with less than it lost."""

    house: House
    winner: int
    loser: int
    broke: int

    @property
    def everybody(self) -> tuple[int, int, int]:
        return self.winner, self.loser, self.broke

    def sizes(self) -> int:
        return sum(self.house.position(account, ETH)[0] for account in self.everybody)


@pytest.fixture(scope="module")
def old(load, owner, system, quote, venue, auctioneer, vault_wallet, batcher):
    """A Clearinghouse of wallets over a RiskEngine whose prices live longer."""
    engine = owner.deploy(load("RiskEngine"), (*ORACLE[:2], LONG, LONG, *ORACLE[4:]), NOBODY, 0)
    engine.set_risk(RISK.pack(), sender=owner)
    named = (auctioneer, vault_wallet, batcher)
    clearinghouse = owner.deploy(load("Clearinghouse"), quote, engine, SETTINGS.pack(), *named)
    shared = {field.name: getattr(system, field.name) for field in fields(system)}
    own = {"risk_engine": engine, "clearinghouse": clearinghouse, "exchange": venue, "venue": venue}
    house = House(**(shared | own), auctioneer=auctioneer, vault_wallet=vault_wallet, batcher=batcher)
    house.set_up()
    house.prices()
    return house


@pytest.fixture(scope="module")
def retired(old, owner, taker, maker, lender, attacker):
    winner, loser, broke = old.fund(taker, 10_000), old.fund(maker, 10_000), old.fund(lender, 600)
    old.trade(winner, loser, 6, 1600)
    old.trade(winner, broke, 4, 1600)
    old.prices({ETH: FROZEN})
    old.risk_engine.retire(ETH, sender=owner)
    for _ in range(15):
        old.pass_time(248)
        old.prices({ETH: FROZEN}, slow=False)
    old.risk_engine.freeze(ETH, sender=attacker)
    assert Parameters.unpack(old.risk_engine.parameters(ETH)).flags & 32
    old.prices({BTC: 50_000}, slow=False)
    assert old.risk_engine.price(ETH).index == FROZEN * WAD
    return Retired(old, winner, loser, broke)


def test_settle__retired_market__strangers_end_every_position(retired, attacker):
    house = retired.house
    receipt = house.settle(retired.loser, retired.winner, retired.broke, sender=attacker)
    assert house.position(retired.loser, ETH) == (0, 0)
    assert house.stored(retired.loser) == 10_000 * WAD - LOST
    # The winner gets what was paid in, and a claim to the rest; who cannot pay keeps a debt.
    assert house.position(retired.winner, ETH) == (0, -BROKE)
    assert house.stored(retired.winner) == 10_000 * WAD + LOST
    assert house.position(retired.broke, ETH) == (0, BROKE)
    assert house.stored(retired.broke) == 600 * WAD
    assert house.book() == (0, 0)
    assert [account for account, _ in house.changes(receipt)] == [retired.loser, retired.winner, retired.broke]
    house.check_logged(receipt)
    house.check_custody(retired.everybody)


def test_settle__retired_market__one_at_a_time_takes_no_side(retired):
    house, ended = retired.house, []
    for account in retired.everybody:
        house.settle(account)
        ended.append(account)
        open_ = sum(abs(house.position(other, ETH)[0]) for other in retired.everybody if other not in ended)
        assert house.book()[1] == open_
        house.check_custody(retired.everybody)
    assert retired.sizes() == house.book()[1] == 0


@pytest.mark.parametrize("order", permutations(range(3)))
def test_settle__retired_market__any_order_comes_to_the_same_in_the_end(retired, lender, order):
    house = retired.house
    for place in order:
        house.settle(retired.everybody[place])
    house.fund(lender, 200)
    house.settle(*retired.everybody)
    house.settle(retired.winner)
    assert [house.position(account, ETH) for account in retired.everybody] == [(0, 0)] * 3
    assert [house.header(account).perps for account in retired.everybody] == [0, 0, 0]
    ends = [10_000 * WAD + LOST + BROKE, 10_000 * WAD - LOST, 800 * WAD - BROKE]
    assert [house.stored(account) for account in retired.everybody] == ends
    assert house.book() == (0, 0)
    house.check_custody(retired.everybody)


def test_settle__retired_market__changes_nobodys_equity(retired):
    house = retired.house
    before = [house.clearinghouse.assess(account).equity for account in retired.everybody]
    house.settle(*retired.everybody)
    assert [house.clearinghouse.assess(account).equity for account in retired.everybody] == before


def test_settle__retired_market__claim_owes_nothing_and_debt_is_held(retired, taker):
    house = retired.house
    house.settle(retired.loser, retired.winner, retired.broke)
    claim, debt = (house.clearinghouse.assess(account) for account in (retired.winner, retired.broke))
    assert (claim.mm, claim.claims) == (0, BROKE)
    assert (debt.equity, debt.mm) == (600 * WAD - BROKE, RISK.min_requirement * WAD // 100)
    # What nobody has paid in yet is not there to be withdrawn.
    everything = house.stored(retired.winner) // 10**12
    with house.refuses("clearinghouse: below initial margin", *retired.everybody):
        house.clearinghouse.withdraw(retired.winner, everything + UNITS, taker, sender=taker)
    house.clearinghouse.withdraw(retired.winner, everything, taker, sender=taker)


def test_settle__retired_market__again__changes_nothing(retired):
    house = retired.house
    house.settle(retired.loser, retired.winner, retired.broke)
    before = house.fingerprint(*retired.everybody)
    receipt = house.settle(retired.winner, retired.broke, retired.loser)
    assert house.changes(receipt) == []
    assert house.fingerprint(*retired.everybody) == before


def test_settle__retired_market__long_after__needs_no_price_of_today(retired):
    house = retired.house
    house.pass_time(10**7)
    house.settle(retired.loser, retired.winner)
    assert house.position(retired.loser, ETH) == (0, 0)


def test_trade__retired_market__is_refused_even_to_close(retired):
    house = retired.house
    with house.refuses("clearinghouse: no perp market", *retired.everybody):
        house.trade(retired.winner, retired.loser, -1, FROZEN)


def test_settle__retired_market__odd_sizes__leave_no_more_than_dust(retired, owner, taker, maker, lender, attacker):
    old = retired.house
    accounts = [old.fund(wallet, 10_000, sub=7) for wallet in (taker, maker, lender)]
    third = 333_333_333_333_333_333
    for buyer, seller, size in ((0, 1, third), (2, 1, 7), (0, 2, third // 7)):
        arguments = (SOL, accounts[buyer], accounts[seller], size, 101_234_567_890_123_456_789, 0, 0)
        old.clearinghouse.trade(*arguments, sender=old.venue)
    old.risk_engine.retire(SOL, sender=owner)
    for number in range(15):
        old.pass_time(248)
        old.prices({SOL: 100 + number / 3}, slow=False)
    old.risk_engine.freeze(SOL, sender=attacker)
    old.settle(accounts[1], accounts[2], accounts[0], market=SOL)
    old.settle(*accounts, market=SOL)
    left = [old.position(account, SOL) for account in accounts]
    assert [size for size, _ in left] == [0, 0, 0]
    # Each value was rounded against its account, so a winner is owed less than losers paid, never more.
    cost, size = old.book(SOL)
    assert size == 0 and -3 <= cost <= 0
    assert all(0 >= owed >= -3 for _, owed in left)
    old.check_custody((*accounts, *retired.everybody))
