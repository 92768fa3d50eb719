"""Basis and funding: no jump of the mark against a hedged book, no funding for an outage, none that is not paid.

The signers are the attacker's where it prints, and all it has against a victim's hedge is the basis.
"""

from __future__ import annotations

from dataclasses import astuple

from hypothesis import given
from hypothesis import strategies as st

from keeper.model.auction_house import Lot
from tests.attacks.defence import defence, no_gain, search
from tests.attacks.prints import bring
from tests.attacks.scene import ETH, UNIT, WAD, Scene
from tests.model.chain import ORACLE
from tests.mutants.mutant import Edit

PRICES = "modules/prices.vy"
INTEREST = 1
"""More than the attacker's cash earns while it waits."""
PENNY = 5
"""A market whose unit is worth next to nothing, so that little funding shows in it."""
BOUND = "bound: int256 = convert(min(unsafe_mul(10, g), _HIGHEST_BASIS), int256)"
UNBOUND = Edit(PRICES, BOUND, "bound: int256 = convert(max(g, _HIGHEST_BASIS), int256)")
AT_ONCE = Edit(
    PRICES,
    "step = min(step, min(unsafe_div(unsafe_mul(ORACLE.basis_rate, elapsed), 60), gone))",
    "step = gone if elapsed != 0 else step",
)
STARTS_OWING = Edit(PRICES, "    if basis == 0:\n        moved |= word & _FUNDING\n", "    if False:\n        pass\n")


def hedged(scene: Scene) -> int:
    """A victim with 100 ETH of spot, short as much, that has borrowed all but initial margin."""
    account = scene.deposit_spot("victim", 0, ETH, 100)
    scene.deposit("maker", 0, 500_000)
    scene.trade(account, scene.account("maker"), ETH, -100, 2_000, by="victim")
    found = scene.assess(account)
    free = found.equity - found.im - found.down
    scene.do(scene.house, "withdraw", account, free // 10**12 - UNIT, scene.wallets["victim"], by="victim")
    scene.deposit("attacker", 0, 1_000_000)
    return account


def printed(scene: Scene, account: int, basis: float, seconds: int) -> float:
    """What the attacker wins with a basis that it prints for some time, taking what it can of the hedged account."""
    before = scene.equity("attacker", 0)
    each = 4 if seconds <= ORACLE.tau else 14
    for _ in range(seconds // each):
        scene.at(each)
        scene.push()
        bring(scene, basis={ETH: basis})
        scene.attempt(scene.auction, "bid", scene.account("attacker"), [astuple(Lot(account, WAD))])
    for _ in range(20):
        scene.at(13)
        scene.prices()
    return scene.equity("attacker", 0) - before


@defence("basis-jumps", "3: a time-weighted average moving at most a set rate a minute", UNBOUND, AT_ONCE)
@search
@given(basis=st.floats(0.005, 0.5), seconds=st.integers(4, ORACLE.tau))
def test_basis__printed_alone_for_a_minute__sells_no_hedge(scene: Scene, basis: float, seconds: int):
    """The index stays where the slow feed is, so no gap shows. Defence: the basis moves 0.1% a minute at most."""
    with scene.trial():
        no_gain(printed(scene, hedged(scene), basis, seconds), INTEREST)


@defence("basis-unbounded", "3: |basis| <= g", UNBOUND)
@search
@given(basis=st.floats(0.005, 0.5), minutes=st.integers(5, 12))
def test_basis__printed_alone_for_long__is_bounded_by_what_gross_costs(scene: Scene, basis: float, minutes: int):
    """It may move for as long as signers like. Defence: not beyond g, which the requirement charges on both legs."""
    with scene.trial():
        no_gain(printed(scene, hedged(scene), basis, 60 * minutes), INTEREST)


def shorts(scene: Scene, market: int, quote: float, price: float) -> None:
    """The attacker is short against a victim."""
    scene.now_prices[market] = price
    scene.prices()
    mine, other = scene.deposit("attacker", 0, quote), scene.deposit("victim", 0, quote)
    scene.trade(mine, other, market, -quote / price, price)


def funded(scene: Scene, basis: float, before: int) -> None:
    """A basis that has come to stay."""
    for _ in range(before):
        scene.at(10)
        scene.push()
        bring(scene, basis={ETH: basis})


@defence(
    "funding-for-an-outage",
    "3: funding accrues for at most one heartbeat",
    Edit(PRICES, "counted: uint256 = min(elapsed, ORACLE.price_age)", "counted: uint256 = min(elapsed, 65_535)"),
)
@search
@given(hours=st.floats(0.02, 24), basis=st.floats(0.0005, 0.0035))
def test_funding__for_an_outage__is_not_charged(scene: Scene, hours: float, basis: float):
    """The last basis, for hours in which nobody could close. Defence: no more than a price's age counts."""
    with scene.trial():
        shorts(scene, ETH, 200_000, 2_000)
        funded(scene, basis, 25)
        before = scene.equity("attacker", 0)
        scene.at(int(hours * 3_600))
        scene.push()
        bring(scene)
        due = 200_000 * basis * ORACLE.price_age / ORACLE.funding_period
        # What the basis itself has come down by in that update is nobody's.
        mark = 200_000 * (scene.engine.price(ETH).mark / scene.engine.price(ETH).index - 1)
        no_gain(scene.equity("attacker", 0) - before - due - (200_000 * basis - mark), dust=0.02)


@defence("funding-before-a-basis", "3: funding accrues at the index and basis before the update", STARTS_OWING)
@search
@given(rounds=st.integers(10, 40), basis=st.floats(0.001, 0.0035))
def test_funding__over_time_without_a_basis__is_not_owed(scene: Scene, rounds: int, basis: float):
    """Hours at a basis of 0 wait for the first that comes. Defence: time without a basis owes nothing."""
    with scene.trial():
        shorts(scene, ETH, 200_000, 2_000)
        for _ in range(rounds):
            scene.at(15)
            scene.push()
            bring(scene)
        before = scene.engine.price(ETH).funding
        scene.at(2)
        scene.push()
        bring(scene, basis={ETH: basis})
        scene.at(2)
        scene.push()
        bring(scene, basis={ETH: basis})
        gained = 100 * (scene.engine.price(ETH).funding - before) / WAD
        no_gain(gained - 200_000 * basis * 4 / ORACLE.funding_period, dust=1e-4)


@defence(
    "funding-truncated",
    "3: its clock moves only when F does",
    Edit(PRICES, "return (word & _FUNDING) | (lag << 239)", "return word & _FUNDING"),
)
@search
@given(each=st.sampled_from([2, 4]), rounds=st.integers(20, 50))
def test_funding__updated_so_often_that_none_shows__is_paid_in_the_end(scene: Scene, each: int, rounds: int):
    """The attacker owes it and updates at every round: each step of it is cut to nothing. Defence: what is too small to
    show waits."""
    with scene.trial():
        shorts(scene, PENNY, 100_000, 1e-5)
        basis = -0.0001
        for _ in range(25):
            scene.at(15)
            scene.push()
            bring(scene, basis={PENNY: basis})
        before = scene.engine.price(PENNY).funding
        for _ in range(rounds):
            scene.at(each)
            scene.push()
            bring(scene, basis={PENNY: basis})
        paid = 10**10 * (before - scene.engine.price(PENNY).funding) / WAD
        no_gain(100_000 * -basis * rounds * each / ORACLE.funding_period - paid, dust=0.02)
