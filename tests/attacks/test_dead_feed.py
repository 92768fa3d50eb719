"""One dead feed is no shield for everything else that an account holds.

The attacker is long ETH in one account and short in another, and holds a trace of a market whose price nobody brings
any more. If the long cannot be sold while the price goes its way, what it loses beyond its margin is the lenders', and
what the short wins is the attacker's: that is its gain. Somebody takes whatever may be taken at every step.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.bets import unpaid
from tests.attacks.defence import defence, no_gain, search
from tests.attacks.prints import Numbers, bring, feed_of
from tests.attacks.scene import ETH, Scene
from tests.mutants.mutant import Edit

FEEDLESS, FED = 5, 3
LONG, SHORT = range(2)
LIVE = (0, 1, 2, 4)
falls = st.integers(15, 40)


def holding(scene: Scene, market: int, size: int, trace: float) -> None:
    """Both sides of the bet, and a trace of a market in the long one."""
    scene.now_prices.setdefault(market, 10)
    scene.prices()
    for sub, cash in ((LONG, 1_700), (SHORT, 500_000)):
        scene.deposit("attacker", sub, cash)
    long, short = scene.account("attacker", LONG), scene.account("attacker", SHORT)
    scene.trade(long, short, ETH, size, 2_000)
    scene.trade(long, short, market, trace, 10)


def fallen(percent: int) -> Numbers:
    """ETH so much lower."""
    return {ETH: 2_000 * (1 - percent / 100)}


def silent(scene: Scene, market: int) -> None:
    """Whatever source the market has falls silent for longer than a fast price lives."""
    scene.at(62)
    scene.push()
    bring(scene, only=LIVE)
    assert scene.engine.price(market).state == 2


def move(scene: Scene, prices: Numbers) -> None:
    """A round of all markets that live."""
    scene.at(2)
    scene.push(prices)
    scene.attempt(scene.engine, "refresh", [FED])
    assert bring(scene, only=LIVE)


@defence(
    "dead-stops-sightings",
    "4: dead: the last price and the widest interval count for sighting, slice and the taker's margin alike",
    Edit("modules/sightings.vy", "if sight.assessment.state == 1:", "if sight.assessment.state != 0:"),
)
@search
@given(fall=falls, size=st.integers(9, 11), trace=st.integers(1, 20))
def test_dead_market__held_beside_others__stops_no_sighting(scene: Scene, fall: int, size: int, trace: int):
    """Defence: a dead market is sighted at its last price and widest interval, so the rest is sold as ever."""
    with scene.trial():
        holding(scene, FEEDLESS, size, trace / 100)
        silent(scene, FEEDLESS)
        no_gain(unpaid(scene, fallen(fall), LONG, SHORT, move=lambda prices: move(scene, prices)))


@defence(
    "dead-stops-takers",
    "4: dead: the last price and the widest interval count for sighting, slice and the taker's margin alike",
    Edit("modules/margin.vy", "self.check_live(account.state & 1)", "self.check_live(account.state)"),
)
@search
@given(fall=falls, size=st.integers(9, 11), trace=st.integers(1, 20))
def test_dead_market__in_a_slice__does_not_keep_takers_away(scene: Scene, fall: int, size: int, trace: int):
    """A taker would have to keep what is dead too. Defence: it bears the widest interval, and is let."""
    with scene.trial():
        holding(scene, FEEDLESS, size, trace / 100)
        silent(scene, FEEDLESS)
        no_gain(unpaid(scene, fallen(fall), LONG, SHORT, move=lambda prices: move(scene, prices)))


@pytest.mark.parametrize("fault", ["reverting", "zero"])
@defence(
    "broken-feed-is-late",
    "4: dead (no source)",
    Edit("modules/prices.vy", "            return word & ~_SLOW_PART\n", "            return word\n"),
)
@search
@given(fall=falls, size=st.integers(9, 11), trace=st.integers(1, 20))
def test_broken_feed__before_its_time_is_up__is_no_shield(scene: Scene, fall: int, size: int, trace: int, fault: str):
    """The last price was good for ten minutes when the feed broke: late for so long, and late stops everything.
    Defence: a look at a feed that says nothing makes its market dead at once."""
    with scene.trial():
        holding(scene, FED, size, trace / 100)
        scene.at(62)
        scene.push()
        bring(scene, only=LIVE)
        scene.do(scene.engine, "refresh", [FED], by="other")
        scene.at(20)
        feed = feed_of(scene, FED)

        def onward(prices: Numbers) -> None:
            scene.at(2)
            scene.push(prices)
            if fault == "reverting":
                feed.set_reverting(True)
            else:
                feed.set_round(1, 0, scene.now, scene.now, 1)
            scene.attempt(scene.engine, "refresh", [FED])
            assert bring(scene, only=LIVE)

        no_gain(unpaid(scene, fallen(fall), LONG, SHORT, move=onward))
