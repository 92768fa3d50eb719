"""A frozen price says what a token was worth: nobody may bring more of it, hedge with it, or list it again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.model.words import LISTED, PERP_ALLOWED, SPOT_ALLOWED, Parameters
from tests.attacks.defence import defence, no_gain, search
from tests.attacks.sales import frozen
from tests.attacks.scene import ETH, WAD, Scene
from tests.model.chain import NOBODY
from tests.mutants.mutant import Edit

TRACE, LONG, HOLDER = range(3)
OWNED = 1_000
STEEP = 19
"""A market of the bucket of ETH that the owner adds: much volatility, little gross charge."""
OLD, GIVEN_UP = 2_000, 0.01
"""What ETH is frozen at, and what it is worth afterwards."""
HEDGES = Edit("modules/parameters.vy", "word | _FROZEN, ramp)", "word | _HIGHEST | (self.g(old) << 32), ramp)")
COMES_IN = Edit("Clearinghouse.vy", "if price.flags & _RETIRED != 0 or (added and", "if (added and")


@pytest.fixture
def given_up(scene: Scene) -> Scene:
    """ETH was given up, its price frozen, and a token then worth next to nothing; two accounts hold it from before."""
    steep = Parameters(40_000, 100, 100, bucket=1, flags=LISTED | PERP_ALLOWED | SPOT_ALLOWED)
    scene.do(scene.engine, "add_market", steep.pack(), NOBODY, 0, 0, by=scene.house.owner())
    scene.now_prices[STEEP] = 10
    scene.deposit_spot("attacker", TRACE, ETH, 1e-9)
    scene.deposit_spot("attacker", HOLDER, ETH, OWNED)
    scene.deposit("attacker", LONG, 5_000_000)
    frozen(scene, ETH, GIVEN_UP)
    return scene


def has(scene: Scene, sub: int) -> float:
    """What the attacker has: its spot at what it is worth, and nothing of an account that owes more than that."""
    short = scene.account("attacker", sub)
    worthless = scene.house.spot(short, ETH) / WAD * (OLD - GIVEN_UP)
    long = scene.worth(scene.account("attacker", LONG))
    return scene.wallet("attacker") + long + max(0.0, scene.worth(short) - worthless)


def bet(scene: Scene, sub: int, size: float) -> float:
    """A short and a long of one owner: what they win together, on average of a fall and a rise of the price."""
    short, long = scene.account("attacker", sub), scene.account("attacker", LONG)
    scene.attempt(scene.exchange, "fill", *scene.fill_call(short, long, STEEP, -size, 10))
    start, won = has(scene, sub), 0.0
    for price in (8, 12):
        with scene.trial():
            scene.prices({STEEP: price})
            won += (has(scene, sub) - start) / 2
    return won


@defence("frozen-spot-comes-in", "3: a retired market is frozen at an average price", COMES_IN, HEDGES)
@search
@given(bought=st.integers(1, 2_000), share=st.integers(10, 160), cash=st.integers(1, 100))
def test_frozen_spot__bought_for_nothing__backs_no_short(given_up: Scene, bought: int, share: int, cash: int):
    """With a trace of it in an account from before, tokens that are worth a cent come in at 2,000 and hedge a short of
    their bucket; who lent pays what that loses, and another account keeps what the long wins."""
    with given_up.trial():
        account = given_up.account("attacker", TRACE)
        given_up.attempt(given_up.house, "deposit_spot", account, ETH, bought * WAD)
        given_up.deposit("attacker", TRACE, bought * OLD * cash / 1_000)
        no_gain(bet(given_up, TRACE, bought * OLD * share / 1_000))


@defence("frozen-spot-hedges", "5: gross always costs something", HEDGES)
@search
@given(share=st.integers(10, 160), cash=st.integers(1, 100))
def test_frozen_spot__held_from_before__hedges_no_short(given_up: Scene, share: int, cash: int):
    """What was lost with the token is won back from others: it hedges a short by a price that does not move."""
    with given_up.trial():
        given_up.deposit("attacker", HOLDER, OWNED * OLD * cash / 1_000)
        no_gain(bet(given_up, HOLDER, OWNED * OLD * share / 1_000))
