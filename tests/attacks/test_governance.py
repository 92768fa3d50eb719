"""Keys that were stolen: what the owner behind a timelock, the calibrator and the guardian can do at once.

A stolen proposer's key schedules anything, and carries out nothing before the delay: whoever watches cancels it, or
leaves. After the delay the owner may name its own signers, feeds, venues and tokens, and take all that is left: that
is what the delay is for. A vote as it is carried out sells nobody: what raises a requirement ramps in. The calibrator
moves a parameter by a fifth a day, the guardian stops what adds risk for two days a week: neither sells anybody, or
locks anybody in.
"""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from keeper.model.auction_house import Lot
from keeper.model.words import LISTED, PERP_ALLOWED, SPOT_ALLOWED, Parameters
from tests.attacks.bets import unpaid
from tests.attacks.defence import defence, no_gain, search
from tests.attacks.prints import bring, kept
from tests.attacks.scene import BTC, ETH, UNIT, WAD, Scene
from tests.model.chain import NOBODY, load
from tests.model.world import RISK
from tests.mutants.mutant import Edit

PARAMETERS = "modules/parameters.vy"
DELAY = 172_800
EVERYTHING = 2**64 - 1
GIVEN = Parameters(4_600, 470, 400, bucket=1, flags=LISTED | PERP_ALLOWED | SPOT_ALLOWED)
"""ETH's."""
NOTHING = b"\0" * 32
RAMPS = Edit(PARAMETERS, "if ramp == 0 or spreads == word & _SPREADS:", "if True or spreads == 0:")
parts = st.integers(1, 100)


def locked(scene: Scene, contract: Any) -> Any:
    """A timelock that owns a contract; the attacker has its proposer's key, and anybody may carry out."""
    timelock = load("Timelock", DELAY, [scene.wallets["attacker"]], [NOBODY])
    scene.do(contract, "transfer_ownership", timelock.address, by=contract.owner())
    accept = (contract.address, 0, contract.accept_ownership.prepare_calldata(), NOTHING, NOTHING)
    scene.do(timelock, "schedule", *accept, DELAY)
    scene.at(DELAY)
    scene.do(timelock, "execute", *accept)
    scene.prices()
    assert contract.owner() == timelock.address
    return timelock


@defence(
    "timelock-without-delay",
    "10: roles: timelock (all)",
    Edit("Timelock.vy", "__init__(delay, proposers", "__init__(0, proposers"),
)
@search
@given(asked=st.sampled_from([0, 1, DELAY // 2, DELAY]), waited=st.integers(0, DELAY - 1), part=parts)
def test_owners_key__stolen__prints_no_price_before_the_delay(scene: Scene, asked: int, waited: int, part: int):
    """It names itself the only signer, prints a price, and lends itself all there is. Defence: the timelock."""
    with scene.trial():
        timelock = locked(scene, scene.engine)
        mine, other = scene.deposit("attacker", 0, 3_000), scene.deposit("attacker", 1, 100_000)
        scene.now_prices[5] = 10
        scene.prices()
        scene.trade(mine, other, 5, 1_000, 10)
        before = kept(scene, "attacker", 0, 1)
        data = scene.engine.set_signers.prepare_calldata([scene.wallets["attacker"]], 1)
        scene.attempt(timelock, "schedule", scene.engine.address, 0, data, NOTHING, NOTHING, asked)
        scene.at(waited)
        scene.attempt(timelock, "execute", scene.engine.address, 0, data, NOTHING, NOTHING)
        scene.at(2)
        scene.push()
        if bring(scene, {5: 10 * (1 + part)}, signers=["attacker"]):
            scene.attempt(scene.house, "settle", 5, [other, mine])
            scene.attempt(scene.house, "withdraw", mine, 10_000 * part * UNIT // 2, scene.wallets["attacker"])
            scene.at(2)
            scene.push()
            bring(scene, {5: 10}, signers=["attacker"])
        else:
            scene.prices()
        no_gain(kept(scene, "attacker", 0, 1) - before, dust=0.01)


def calibrator(scene: Scene) -> None:
    """The attacker has the calibrator's key."""
    scene.do(scene.engine, "set_calibrator", scene.wallets["attacker"], by=scene.house.owner())


def calibrated(scene: Scene, part: float, times: int) -> None:
    """So often, all of ETH's parameters to a part of what they are."""
    for _ in range(times):
        aim = Parameters.unpack(scene.engine.parameters(ETH)).aim
        if min(aim.s, aim.u, aim.g) < 6:
            return
        numbers = (round(old + (old * part - old)) if part != 0.8 else old - old // 5 for old in (aim.s, aim.u, aim.g))
        scene.attempt(scene.engine, "calibrate", ETH, *numbers, 0)


def levered(scene: Scene, size: float, percent: int) -> float:
    """What the attacker walks away from with a position as large as it is let have, when the price goes against it."""
    mine, other = scene.deposit("attacker", 0, 2_000), scene.deposit("attacker", 1, 3_000_000)
    scene.attempt(scene.exchange, "fill", *scene.fill_call(mine, other, ETH, size, 2_000))
    return unpaid(scene, {ETH: 2_000 * (1 - percent / 100)}, 0)


AGAIN = Edit(PARAMETERS, "if block.timestamp < unsafe_add((old >> 216) & _LOW_32, PERIOD):", "if False:")
FURTHER = Edit(PARAMETERS, "return distance > old // 5", "return False")


@defence("calibrated-all-day", "10: calibrator (risk parameters, bounded step per period)", AGAIN)
@search
@given(times=st.integers(1, 40), size=st.integers(8, 60), percent=st.integers(2, 6))
def test_calibrators_key__stolen__lowers_by_a_fifth_and_no_more_at_once(
    scene: Scene, times: int, size: int, percent: int
):
    """Step after step in one block, until a position needs next to nothing. Defence: a day between two steps."""
    with scene.trial():
        calibrator(scene)
        calibrated(scene, 0.8, times)
        no_gain(levered(scene, size, percent))


@defence("calibrated-further", "10: calibrator (risk parameters, bounded step per period)", FURTHER)
@search
@given(part=st.floats(0.01, 0.99), size=st.integers(8, 60), percent=st.integers(2, 6))
def test_calibrators_key__stolen__lowers_no_further_at_once(scene: Scene, part: float, size: int, percent: int):
    """All the way in one step. Defence: a step is a fifth at most."""
    with scene.trial():
        calibrator(scene)
        calibrated(scene, part, 1)
        no_gain(levered(scene, size, percent))


def sold(scene: Scene) -> float:
    """What the attacker wins as opener and taker of whatever may be taken of a victim in this block."""
    before = scene.equity("attacker", 5)
    lot = [astuple(Lot(scene.account("victim"), WAD))]
    scene.attempt(scene.auction, "bid", scene.account("attacker", 5), lot)
    return scene.equity("attacker", 5) - before


def above_the_line(scene: Scene, above: float) -> None:
    """A victim so far above its requirement, and an attacker that can take it."""
    account = scene.in_breach()
    found = scene.assess(account)
    scene.deposit("victim", 0, (found.mm * (1 + above / 100) - found.equity) / WAD + 1)
    scene.deposit("attacker", 5, 100_000)


@defence("calibrated-without-a-ramp", "5: what raises MM ramps in linearly over a set time", RAMPS)
@search
@given(above=st.floats(0, 30), part=st.floats(1.01, 1.2))
def test_calibrators_key__stolen__sells_nobody_at_once(scene: Scene, above: float, part: float):
    """A fifth more of requirement, and half of the penalty to who sees it first. Defence: what rises ramps in."""
    with scene.trial():
        above_the_line(scene, above)
        calibrator(scene)
        calibrated(scene, part, 1)
        no_gain(sold(scene))


@defence("parameters-without-a-ramp", "5: so that nobody is liquidated by a vote", RAMPS)
@search
@given(above=st.floats(0, 30), s=st.integers(4_600, 65_535), u=st.integers(470, 65_535), votes=st.integers(1, 3))
def test_vote__on_a_markets_parameters__sells_nobody_as_it_is_carried_out(
    scene: Scene, above: float, s: int, u: int, votes: int
):
    """Once or several times in one block. Defence: the same; a ramp sets out from where the last one is."""
    with scene.trial():
        above_the_line(scene, above)
        for vote in range(votes):
            raised = replace(GIVEN, s=max(4_600, s - vote), u=u)
            scene.do(scene.engine, "set_parameters", ETH, raised.pack(), by=scene.house.owner())
        no_gain(sold(scene))


minimums = st.integers(2_000, 10**6)
kappas = st.integers(500, 10_000)
iotas = st.integers(14_000, 60_000)


def voted(scene: Scene, minimum: int, kappa: int, iota: int, votes: int) -> None:
    """The same risk word, voted so often in one block."""
    raised = replace(RISK, min_requirement=minimum, kappa=kappa, iota=iota)
    for _ in range(votes):
        scene.attempt(scene.engine, "set_risk", raised.pack(), by=scene.house.owner())


@defence(
    "risk-without-a-ramp",
    "5: so that nobody is liquidated by a vote",
    Edit(PARAMETERS, "if ramp == 0 or old == risk or self.risk == 0:", "if True or old == risk:"),
)
@search
@given(above=st.floats(0, 30), minimum=minimums, kappa=kappas, iota=iotas)
def test_vote__on_what_all_share__sells_nobody_as_it_is_carried_out(
    scene: Scene, above: float, minimum: int, kappa: int, iota: int
):
    """The least requirement, κ and ι at their highest. Defence: all that moves a requirement ramps in."""
    with scene.trial():
        above_the_line(scene, above)
        voted(scene, minimum, kappa, iota, 1)
        no_gain(sold(scene))


@defence(
    "risk-voted-twice",
    "5: so that nobody is liquidated by a vote",
    Edit(PARAMETERS, "        if block.timestamp < self.risk_times >> 32:\n", "        if False:\n"),
)
@search
@given(above=st.floats(0, 30), minimum=minimums, kappa=kappas, iota=iotas, votes=st.integers(2, 3))
def test_vote__on_what_all_share_twice__does_not_arrive_at_once(
    scene: Scene, above: float, minimum: int, kappa: int, iota: int, votes: int
):
    """A second vote took the first one's end for where it set out. Defence: it waits until the first has arrived."""
    with scene.trial():
        above_the_line(scene, above)
        voted(scene, minimum, kappa, iota, votes)
        no_gain(sold(scene))


def paused(scene: Scene, way: str, market_alone: bool) -> float:
    """
    The attacker is guardian and taker: it pauses as a victim's price falls, and takes the victim at the discount of a
    minute, if what the victim does about it is stopped.
    """
    scene.do(scene.house, "set_guardian", scene.wallets["attacker"], by=scene.house.owner())
    account = scene.in_breach(1_900)
    scene.deposit("attacker", 5, 100_000)
    scene.do(scene.house, "pause", 1 << ETH if market_alone else EVERYTHING)
    if way == "cash":
        scene.attempt(scene.house, "deposit", account, 5_000 * UNIT, by="victim")
    elif way == "new collateral":
        scene.attempt(scene.house, "deposit_spot", account, BTC, 10**7, by="victim")
    else:
        call = scene.fill_call(account, scene.account("maker"), ETH, -9, 1_900)
        scene.attempt(scene.exchange, "fill", *call, by="victim")
    scene.prices({ETH: 1_875})
    before = scene.equity("attacker", 5)
    for _ in range(6):
        scene.attempt(scene.auction, "open", [account])
        scene.at(10)
        scene.prices()
    scene.attempt(scene.auction, "bid", scene.account("attacker", 5), [astuple(Lot(account, WAD))])
    return scene.equity("attacker", 5) - before


@defence(
    "pause-of-deposits",
    "10: guardian: can never pause deposits",
    Edit(
        "Clearinghouse.vy",
        "    # The end of the act looks for what 128 bits do not hold.\n",
        "    limits.check_running()\n",
    ),
)
@search
@given(market_alone=st.booleans())
def test_guardians_key__stolen__stops_no_deposit(scene: Scene, market_alone: bool):
    """Defence: a pause does not ask who brings cash."""
    with scene.trial():
        no_gain(paused(scene, "cash", market_alone), dust=0.05)


@defence(
    "pause-of-collateral",
    "10: guardian: can never pause deposits",
    Edit(
        "Clearinghouse.vy",
        "    if before.mm != 0:\n        margin",
        "    if before.mm != 0:\n        limits.check_running()\n        margin",
    ),
)
@search
@given(market_alone=st.booleans())
def test_guardians_key__stolen__stops_no_new_collateral(scene: Scene, market_alone: bool):
    """Spot of a market that the account does not hold yet is what its owner has. Defence: nor who brings that."""
    with scene.trial():
        no_gain(paused(scene, "new collateral", market_alone), dust=0.05)


@defence(
    "pause-of-relief",
    "10: guardian: can never pause risk reduction",
    Edit(
        "modules/trading.vy",
        "        if not margin.relieves(before, after):\n",
        "        if True or not margin.relieves(before, after):\n",
    ),
)
@search
@given(market_alone=st.booleans())
def test_guardians_key__stolen__stops_no_relief(scene: Scene, market_alone: bool):
    """The victim closes nine tenths with who was on the other side. Defence: what lowers both requirements goes on."""
    with scene.trial():
        no_gain(paused(scene, "close", market_alone), dust=0.05)
