"""Standing bids: whose turn it is, what backs them, and what a sweeper is paid for."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from keeper.model.words import LISTED, PERP_ALLOWED, SPOT_ALLOWED, Parameters
from tests.attacks.defence import defence, no_gain, search
from tests.attacks.sales import alone, sale, sweep, watch
from tests.attacks.scene import ETH, UNIT, WAD, Scene
from tests.model.chain import number
from tests.mutants.mutant import Edit

PRICE = st.floats(1_860, 1_895)
SECONDS = st.integers(1, 40).map(lambda pairs: 2 * pairs)
TICK = st.integers(0, 30)
QUEUE = "if word == 0 or word >= lowest or word >> _TICK_AT > reached:"
HONEST = (50_000 * WAD, WAD, 1 << ETH, 10_000, 85_000 * WAD)
"""Capacity, minimum, markets, interval and cash of a lender's bid that takes all there is to take here."""


def post(scene: Scene, who: str, tick: int, terms: tuple[int, ...] = HONEST) -> bool:
    """A standing bid of a wallet's account 0."""
    return scene.attempt(scene.auction, "post", scene.account(who), tick, *terms, by=who)


def place(scene: Scene, bid: int) -> int:
    """The account of a standing bid."""
    return int(scene.auction.address, 16) << 96 | bid


@defence(
    "queue-from-its-end",
    "8: lowest tick first",
    Edit(
        "modules/standing.vy",
        QUEUE,
        "if word == 0 or (lowest != max_value(uint256) and word <= lowest) or word >> _TICK_AT > reached:",
    ),
)
@defence(
    "queue-of-the-last-comer",
    "8: first in first out",
    Edit(
        "modules/standing.vy",
        QUEUE,
        "if word == 0 or word >> _TICK_AT > lowest >> _TICK_AT or word >> _TICK_AT > reached or (\n"
        "                word >> _TICK_AT == lowest >> _TICK_AT and word < lowest\n"
        "            ):",
    ),
)
@search
@given(price=PRICE, seconds=SECONDS, tick=TICK, above=st.integers(0, 5))
def test_queue__behind_an_older_bid__gains_nothing_of_what_that_takes(
    scene: Scene, price: float, seconds: int, tick: int, above: int
):
    """Posted later, at the same tick or a dearer one; the older bid takes all."""
    with scene.trial():
        scene.deposit("attacker", 0, 100_000)
        assert post(scene, "lender", tick)
        assert post(scene, "attacker", tick + above)
        victim = scene.in_breach(price)
        watch(scene, victim, seconds)
        before = scene.equity("attacker", 0) + scene.worth(place(scene, 2))
        sweep(scene, victim)
        no_gain(scene.equity("attacker", 0) + scene.worth(place(scene, 2)) - before)


@defence(
    "tick-before-its-time",
    "8: when λ reaches a tick anyone may sweep",
    Edit("modules/standing.vy", QUEUE, "if word == 0 or word >= lowest:"),
)
@search
@given(price=PRICE, seconds=SECONDS, tick=st.integers(0, 70), most=st.integers(1, 8))
def test_sweep__of_ones_own_bid__gains_no_more_than_a_bid_does(
    scene: Scene, price: float, seconds: int, tick: int, most: int
):
    """At a tick that λ has reached, and at one that it has not."""
    with scene.trial():
        scene.deposit("attacker", 0, 100_000)
        assert post(scene, "attacker", tick)
        victim = scene.in_breach(price)
        watch(scene, victim, seconds)
        may = sale(scene, victim, seconds).taker
        before = scene.equity("attacker", 0) + scene.worth(place(scene, 1))
        for _ in range(3):
            sweep(scene, victim, most, by="attacker")
        no_gain(scene.equity("attacker", 0) + scene.worth(place(scene, 1)) - before - may)


@defence(
    "bids-without-cash",
    "8: standing bids: a dedicated sub-account whose margin is reserved",
    Edit("modules/standing.vy", "    assert cash >= needed and cash <= _LOW_128", "    assert cash <= _LOW_128"),
)
@search
@given(price=PRICE, tick=st.integers(1, 70), cash=st.floats(1, 100), capacity=st.floats(50_001, 10**9))
def test_book__filled_with_bids_that_nothing_backs__keeps_the_honest_one(
    scene: Scene, price: float, tick: int, cash: float, capacity: float
):
    """As many as the book holds, each offering more than the honest bid, which would go for the last of them."""
    with scene.trial():
        assert post(scene, "lender", 0)
        taker = scene.deposit("attacker", 0, 80_000)
        victim = scene.in_breach(price)
        before = scene.equity("attacker", 0)
        held = 0.0
        for bid in range(2, 66):
            if not post(scene, "attacker", tick, (int(capacity) * WAD, WAD, 1 << ETH, 10_000, int(cash * WAD))):
                break
            held += scene.worth(place(scene, bid))
        alone(scene, victim, taker)
        no_gain(scene.equity("attacker", 0) + held - before)


@defence(
    "bids-on-borrowed-money",
    "8: [borrowed money would crowd the book out and be back in one transaction]",
    Edit("modules/standing.vy", "_STAY: constant(uint256) = 600", "_STAY: constant(uint256) = 0"),
)
@settings(search, max_examples=5)
@given(price=PRICE, tick=st.integers(1, 70), capacity=st.integers(50_001, 60_000))
def test_book__filled_and_emptied_in_one_transaction__keeps_the_honest_bid(
    scene: Scene, price: float, tick: int, capacity: int
):
    """Backed by money that is lent for a transaction: where it cannot be paid back, nothing happens."""
    with scene.trial():
        assert post(scene, "lender", 0)
        taker = scene.deposit("attacker", 0, 80_000)
        victim = scene.in_breach(price)
        before = scene.equity("attacker", 0)
        cash = capacity * 16 // 10 + 10
        calls: list[tuple[Any, str, tuple[Any, ...]]] = []
        crowd = scene.armed()
        account = number(crowd.address) << 96
        calls.append((scene.quote, "approve", (scene.house.address, 2**200)))
        calls.append((scene.house, "deposit", (account, 64 * cash * UNIT)))
        bid = (account, tick, capacity * WAD, WAD, 1 << ETH, 10_000, cash * WAD)
        calls += [(scene.auction, "post", bid) for _ in range(64)]
        calls += [(scene.auction, "remove", (2 + place,)) for place in range(64)]
        calls.append((scene.house, "withdraw", (account, 64 * cash * UNIT - 64, scene.wallets["maker"])))
        for contract, function, args in calls:
            crowd.arm(contract.address, getattr(contract, function).prepare_calldata(*args))
        scene.do(scene.quote, "transfer", crowd.address, 64 * cash * UNIT, by="maker")
        scene.attempt(crowd, "go")
        alone(scene, victim, taker)
        no_gain(scene.equity("attacker", 0) - before)


@defence(
    "tries-used-up",
    "8: one whose conditions are not met is skipped",
    Edit(
        "modules/standing.vy",
        "offer.fraction * weight // _WAD < least:\n            continue\n        tried += 1",
        "offer.fraction * weight // _WAD < least:\n            tried += 1\n            continue\n        tried += 1",
    ),
)
@search
@given(price=PRICE, count=st.integers(1, 20), capacity=st.floats(1, 10**6))
def test_sweep__past_bids_that_can_take_nothing__finds_the_honest_one(
    scene: Scene, price: float, count: int, capacity: float
):
    """Cheaper and older than the honest bid, of a few wei each, as many as a sweep has tries or more."""
    with scene.trial():
        taker = scene.deposit("attacker", 0, 100_000)
        for _ in range(count):
            assert post(scene, "attacker", 0, (int(capacity), int(capacity), 1 << ETH, 10_000, 40 * WAD))
        assert post(scene, "lender", 0)
        victim = scene.in_breach(price)
        before = scene.equity("attacker", 0)
        alone(scene, victim, taker)
        no_gain(scene.equity("attacker", 0) - before)


@defence(
    "bond-lost-to-a-ramp",
    "8: one that lacks its margin is removed and pays the sweeper: not one that lost nothing",
    Edit(
        "modules/standing.vy",
        "max(victim.mm, rounding.ceil_udiv(sight.assessment.im * 10_000, iota))",
        "victim.mm",
    ),
)
@search
@given(
    capacity=st.integers(150, 800), rise=st.floats(1.05, 1.25), seconds=st.integers(6, 40).map(lambda pairs: 2 * pairs)
)
def test_sweep__while_a_parameter_rises__takes_no_honest_bond(scene: Scene, capacity: int, rise: float, seconds: int):
    """Margin is asked for the requirement to come, of a bid that has just the cash for its capacity."""
    with scene.trial():
        assert post(scene, "lender", 5, (capacity * WAD, WAD, 1 << ETH, 0, capacity * WAD * 3 // 2 + 5 * WAD))
        victim = scene.in_breach()
        flags = LISTED | PERP_ALLOWED | SPOT_ALLOWED
        raised = Parameters(int(4_600 * rise), int(470 * rise), int(400 * rise), bucket=ETH, flags=flags)
        scene.do(scene.engine, "set_parameters", ETH, raised.pack(), by=scene.house.owner())
        scene.prices()
        before = scene.equity("attacker", 0)
        watch(scene, victim, seconds)
        sweep(scene, victim, by="attacker")
        no_gain(scene.equity("attacker", 0) - before)


@defence(
    "bond-lost-to-an-interval",
    "8: one that lacks its margin is removed and pays the sweeper: not one that lost nothing",
    Edit("modules/standing.vy", "(10 * iota + interval), _ONE)", "(10 * iota), _ONE)"),
)
@search
@given(
    capacity=st.integers(100, 800), gap=st.floats(0.981, 0.994), seconds=st.integers(6, 40).map(lambda pairs: 2 * pairs)
)
def test_sweep__while_prices_are_in_doubt__takes_no_honest_bond(scene: Scene, capacity: int, gap: float, seconds: int):
    """The least cash that a bid may be posted with covers what its capacity may lose inside the interval it accepts."""
    with scene.trial():
        least = capacity * WAD * 3 // 2 + 5 * WAD
        for cash in (least, least + capacity * WAD // 10, least + capacity * WAD // 2):
            if post(scene, "lender", 5, (capacity * WAD, WAD, 1 << ETH, 50_000, cash)):
                break
        victim = scene.in_breach()
        watch(scene, victim, seconds)
        before = scene.equity("attacker", 0)
        fast = scene.now_prices[ETH]
        scene.at(2)
        scene.push({ETH: fast * gap})
        scene.now_prices[ETH] = fast
        scene.do(scene.engine, "update", scene.reports({}))
        assert scene.assess(victim).down > 0
        sweep(scene, victim, by="attacker")
        no_gain(scene.equity("attacker", 0) - before)
