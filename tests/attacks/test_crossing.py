"""Trading with oneself at the edge of the band, out of an account that is then left to the lenders."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.sales import leave, pair
from tests.attacks.scene import ETH, UNIT, Scene
from tests.mutants.mutant import Edit

PRICES = st.floats(1_802, 1_960)
"""From next to no health, over breach and margin call, to just below initial margin."""
PARTS = st.lists(st.floats(0.01, 1), min_size=1, max_size=5)
"""Each of what is left."""
EDGE = st.floats(0.9505, 1)
FULL_HEALTH = Edit(
    "modules/margin.vy",
    "health: int256 = min(unsafe_mul(max(own, 0), _WAD) // mm, _WAD)",
    "health: int256 = _WAD",
)


def cross(scene: Scene, bad: int, good: int, parts: list[float], price: float) -> None:
    """Sell what `bad` has to `good`, part by part, the last whole."""
    left = 10.0
    for part in [*parts, 1.0]:
        size = round(left * part, 9)
        if size > 0 and scene.attempt(scene.exchange, "fill", *scene.fill_call(bad, good, ETH, -size, price)):
            left = round(left - size, 9)


@defence(
    "relief-at-any-cost",
    "7: equity_after >= equity_before - clamp(h, 0, 1) * (MM_before - MM_after)",
    Edit(
        "modules/margin.vy",
        "return lost <= unsafe_mul(health, unsafe_sub(mm, convert(after.mm, int256)))",
        "return True",
    ),
)
@search
@given(price=PRICES, parts=PARTS, edge=EDGE, fee=st.sampled_from([3, 100]))
def test_crossing__below_initial_margin__leaves_lenders_no_loss(
    scene: Scene, price: float, parts: list[float], edge: float, fee: int
):
    """In breach and in margin call, in one piece or many, with fees that are the attacker's as the vault is."""
    with scene.trial():
        scene.do(scene.exchange, "set_fees", fee, fee, by=scene.house.owner())
        scene.do(scene.vault, "deposit", 20 * UNIT, scene.wallets["attacker"])
        bad, good = pair(scene, 10, 2_000 + 0.4 * fee)
        scene.prices({ETH: price})
        scene.do(scene.house, "collect")
        before = scene.equity("attacker", 0, 1)
        cross(scene, bad, good, parts, price * edge)
        leave(scene, bad, taker=good)
        scene.do(scene.house, "collect")
        # A share of the vault is told in whole units.
        no_gain(scene.equity("attacker", 0, 1) - before, dust=1e-5)


@defence("relief-of-the-insolvent", "7: clamp(h, 0, 1): who owns nothing may lose nothing", FULL_HEALTH)
@search
@given(price=st.floats(1_700, 1_799), parts=PARTS, edge=EDGE)
def test_crossing__of_an_insolvent_account__makes_its_loss_no_larger(
    scene: Scene, price: float, parts: list[float], edge: float
):
    """What it lacks is paid by others whoever takes it, so it is worth as much to who makes it lack more. Its loss of
    before the first act, which prices made, is counted as paid already."""
    with scene.trial():
        bad, good = pair(scene, 10, 2_000)
        scene.prices({ETH: price})
        before = scene.equity("attacker", 1)
        cross(scene, bad, good, parts, price * edge)
        leave(scene, bad, taker=good)
        no_gain(scene.equity("attacker", 0, 1) - before)


@defence(
    "batch-at-any-cost",
    "2: a batch is checked once per account, at its end",
    Edit(
        "Batch.vy",
        "enough = (net_before - net) * _WAD <= most and (before.equity - after.equity) * _WAD <= most",
        "enough = True",
    ),
    Edit("Batch.vy", "after.im <= before.im and after.equity >= 0", "after.im <= before.im"),
)
@search
@given(price=PRICES, parts=PARTS, edge=EDGE, drawn=st.floats(0, 1_000))
def test_crossing__in_a_batch__leaves_lenders_no_loss(
    scene: Scene, price: float, parts: list[float], edge: float, drawn: float
):
    """Leg by leg, with a withdrawal among them, which only the end is held against."""
    with scene.trial():
        bad, good = pair(scene, 10, 2_000)
        scene.prices({ETH: price})
        before = scene.equity("attacker", 0, 1)
        left, steps = 10.0, []
        for part in parts:
            size = round(left * part, 9)
            if size > 0:
                steps.append(scene.step_fill(bad, good, ETH, -size, price * edge))
                left = round(left - size, 9)
        if drawn >= 1:
            steps.append(scene.step_withdraw(bad, drawn))
        scene.attempt(scene.batch, "batch", [bad, good], steps)
        leave(scene, bad, taker=good)
        no_gain(scene.equity("attacker", 0, 1) - before)
