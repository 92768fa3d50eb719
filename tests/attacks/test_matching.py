"""Matches of an account in breach with orders of whoever makes the match."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.sales import curve, sale, watch
from tests.attacks.scene import ETH, Scene
from tests.mutants.mutant import Edit

SECONDS = st.integers(0, 100).map(lambda pairs: 2 * pairs)
FILLS = st.lists(st.tuples(st.floats(0.05, 10), st.floats(0, 2), st.integers(0, 2)), min_size=1, max_size=5)
"""Size, discount as a part of what λ gives, and which of the attacker's accounts makes the order."""


def match(scene: Scene, account: int, fills: list[tuple[float, float, int]], elapsed: int = 0) -> bool:
    """A match with orders of the attacker's accounts."""
    orders = []
    for size, share, sub in fills:
        maker = scene.account("attacker", sub)
        # A unit of ETH needs 5% of its price.
        price = scene.now_prices[ETH] * max(0.951, 1 - 0.05 * share * max(0.05, curve(elapsed)))
        order, signature, _, amount, _ = scene.fill_call(account, maker, ETH, -size, price)
        orders.append((order, signature, amount))
    return scene.attempt(scene.auction, "match", account, scene.exchange.address, orders)


@defence(
    "match-at-any-price",
    "8: equity_after >= equity_before - (λ_a + φ_a) * (MM_before - MM_after)",
    Edit("modules/trading.vy", "        or lost > convert(unsafe_mul(rule.cost, released), int256)\n", ""),
)
@defence(
    "match-past-the-target",
    "8: equity_after <= B * MM_after",
    Edit("modules/trading.vy", "left > convert(unsafe_mul(rule.target, after.mm), int256)", "left < -(2**250)"),
)
@search
@given(price=st.floats(1_790, 1_895), seconds=SECONDS, fills=FILLS, again=FILLS)
@example(price=1_885.0, seconds=60, fills=[(9.0, 0.95, 0)], again=[(1.0, 0.95, 1)])
def test_match__with_ones_own_orders__gains_no_more_than_the_rule_gives(
    scene: Scene,
    price: float,
    seconds: int,
    fills: list[tuple[float, float, int]],
    again: list[tuple[float, float, int]],
):
    """Below the market, of more than brings the account to its target, with several makers, and twice."""
    with scene.trial():
        victim = scene.in_breach(price)
        for sub in range(3):
            scene.deposit("attacker", sub, 50_000)
        watch(scene, victim, seconds)
        before, may = scene.equity("attacker", 0, 1, 2), sale(scene, victim, seconds)
        match(scene, victim, fills, seconds)
        match(scene, victim, again, seconds)
        no_gain(scene.equity("attacker", 0, 1, 2) - before - may.taker)


@defence(
    "match-that-turns-round",
    "8: signed resting orders take positions of the account down",
    Edit(
        "modules/trading.vy",
        "if unsafe_mul(unsafe_add(convert(spot, int256), sides[0].size), terms.size) > 0:",
        "if False:",
    ),
)
@search
@given(price=st.floats(1_810, 1_895), size=st.floats(10.5, 19.5), seconds=SECONDS, rise=st.floats(0.01, 0.04))
def test_match__of_more_than_there_is__makes_no_bet_for_the_account(
    scene: Scene, price: float, size: float, seconds: int, rise: float
):
    """A long turned into a shorter short needs less; and then a price comes that the attacker knew of. The gain is its
    profit on what the account never had to sell."""
    with scene.trial():
        victim = scene.in_breach(price)
        for sub in range(3):
            scene.deposit("attacker", sub, 50_000)
        watch(scene, victim, seconds)
        match(scene, victim, [(size, 0.0, 0)])
        scene.prices({ETH: price * (1 + rise)})
        turned = max(0, -scene.position(victim, ETH).size) / 10**18
        no_gain(turned * price * rise)
