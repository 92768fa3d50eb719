"""
What a bid is paid does not jump: a wei of equity or a second of time moves λ, costs and fractions by no more.

Nobody gains, then, by waiting for an account to pass 0, or by arranging that it does. The model's arithmetic and the
contracts' are held to the same bounds; where a bound has a term of its own for rounding, it is named there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import boa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeper.model.auction import BPS_TO_WAD, UNCAPPED, Quote, bid_quote, lambda_at
from keeper.model.requirement import Assessment
from keeper.model.rounding import WAD, ceil_div
from keeper.model.words import Curve, Run, Terms
from tests.model.chain import use_own_cache

NOW = 1_800_000_000
FACE = """
from contracts.modules import bidding
from contracts.modules import curve as clock

@external
@pure
def offer(
    equity: int256, mm: uint256, curve: uint256, seconds: uint256, terms: uint256, asked: uint256
) -> (uint256, uint256, uint256, uint256, uint256, int256, int256, uint256):
    unpacked: bidding.Terms = bidding.unpack_terms(terms)
    victim: bidding.Victim = bidding.Victim(
        equity=equity, mm=mm, floor=0, lambda_now=clock.lambda_at(curve, seconds), elapsed=seconds
    )
    made: bidding.Offer = bidding.sized(victim, bidding.rates(victim, unpacked), asked)
    return (
        made.lambda_account, made.penalty, made.lambda_taker, made.fraction_max, made.fraction,
        made.unit_cost, made.taker_pays, made.account_gets
    )
"""


@dataclass(frozen=True)
class Scene:
    """An account with no floor, so that any part of it may be taken, and a run so many seconds old."""

    equity: int
    mm: int
    curve: Curve
    seconds: int
    terms: Terms
    asked: int


@dataclass(frozen=True)
class Offer:
    """What a bid meets: λ, φ and fractions in WAD, costs in WAD quote."""

    lambda_account: int
    penalty: int
    lambda_taker: int
    fraction_max: int
    fraction: int
    unit_cost: int
    taker_pays: int
    account_gets: int


def quoted(scene: Scene, left: int = UNCAPPED) -> Quote:
    """The model's quote; the run was sighted this second."""
    assessment = Assessment(scene.equity, scene.mm, scene.mm, 0, 0, 0, 0, 0)
    run = Run(opener=1, start=NOW - scene.seconds, last=NOW, nonce=1)
    return bid_quote(assessment, run, scene.curve, scene.terms, NOW, scene.asked, left)


def modelled(scene: Scene) -> Offer:
    quote = quoted(scene)
    return Offer(*(getattr(quote, name) for name in Offer.__dataclass_fields__))


@pytest.fixture(scope="module")
def contract() -> Callable[[Scene], Offer]:
    use_own_cache()
    face: Any = boa.loads(FACE)

    def offer(scene: Scene) -> Offer:
        curve, terms = scene.curve.pack(), scene.terms.pack()
        return Offer(*face.offer(scene.equity, scene.mm, curve, scene.seconds, terms, scene.asked))

    return offer


@st.composite
def scenes(draw: Callable[[Any], Any]) -> Scene:
    """Terms and curves as the contracts accept them; equity and age mostly where a rule changes."""
    times = sorted(draw(st.sets(st.integers(0, 900), min_size=3, max_size=3)))
    heights = sorted(draw(st.lists(st.integers(0, 10_000), min_size=3, max_size=3)))
    first, second, third = zip(times, heights, strict=True)
    curve = Curve((first, second, third))
    target = draw(st.one_of(st.just(14_000), st.integers(10_002, 20_000)))
    penalty = draw(st.integers(0, min(2_000, target - 10_001)))
    backstop = draw(st.one_of(st.integers(1, 900), st.sampled_from([1, 300, *[time or 1 for time in times]])))
    terms = Terms(target, penalty, backstop, grace=300, opener_cap=0, watch=60)
    seconds = max(0, draw(st.sampled_from([0, backstop, *times, 1_000])) + draw(st.integers(-2, 2)))
    mm = draw(st.one_of(st.integers(20 * WAD, 10**6 * WAD), st.integers(WAD, 10**30)))
    now_at = lambda_at(curve, seconds)
    edge = draw(
        st.sampled_from([0, now_at, now_at + penalty * BPS_TO_WAD, now_at * min(seconds, backstop) // backstop])
    )
    equity = edge * mm // WAD + draw(st.one_of(st.integers(-3, 3), st.integers(-(mm // WAD), mm // WAD)))
    equity = draw(st.one_of(st.just(equity), st.just(equity), st.integers(-2 * mm, mm - 1)))
    return Scene(min(equity, mm - 2), mm, curve, seconds, terms, draw(st.one_of(st.just(WAD), st.integers(1, WAD))))


def steps(most: int) -> st.SearchStrategy[int]:
    """Mostly one, now and then far."""
    return st.one_of(st.just(1), st.integers(1, 5), st.integers(1, most))


def check_equity(scene: Scene, step: int, offer: Callable[[Scene], Offer]) -> None:
    """No jump from an equity to another, in breach both."""
    step = min(step, scene.mm - 1 - scene.equity)
    before, after = offer(scene), offer(replace(scene, equity=scene.equity + step))
    # Health is rounded down: it moves by what equity does, and a wei.
    health = step * WAD // scene.mm + 1
    assert 0 <= after.lambda_account - before.lambda_account <= health
    assert abs(after.penalty - before.penalty) <= health
    assert 0 <= after.lambda_taker - before.lambda_taker <= health
    # A wei of λ is a wei on each unit of the requirement.
    rate = ceil_div(health * scene.mm, WAD)
    assert abs(after.unit_cost - before.unit_cost) <= step + rate + 1
    # Numerator and denominator each move by health; the denominator is at least B - 1.
    fraction = 2 * ceil_div(health * WAD, scene.terms.target * BPS_TO_WAD - WAD) + 2
    assert abs(after.fraction_max - before.fraction_max) <= fraction
    assert abs(after.fraction - before.fraction) <= fraction
    most = max(abs(before.unit_cost), abs(after.unit_cost)) + 1
    paid = ceil_div(fraction * most, WAD)
    assert abs(after.taker_pays - before.taker_pays) <= step + rate + paid + 2
    # What the account keeps of a part is at most its requirement's.
    kept = ceil_div(fraction * scene.mm, WAD)
    assert abs(after.account_gets - before.account_gets) <= step + rate + kept + 2


def check_time(scene: Scene, step: int, offer: Callable[[Scene], Offer]) -> None:
    """No jump from a second to another."""
    before, after = offer(scene), offer(replace(scene, seconds=scene.seconds + step))
    slopes = [
        ceil_div((high - low) * BPS_TO_WAD, end - start) for (start, low), (end, high) in pairwise(scene.curve.points)
    ]
    risen = step * max(slopes) + 1
    assert 0 <= after.lambda_account - before.lambda_account <= risen
    assert abs(after.penalty - before.penalty) <= risen
    # The vault's part rises by the curve's second and by the backstop's: all of λ, at most 1, in T seconds.
    backstop = ceil_div(step * WAD, scene.terms.backstop) + 1
    assert 0 <= after.lambda_taker - before.lambda_taker <= risen + backstop
    rate = ceil_div((risen + backstop) * scene.mm, WAD)
    assert 0 <= before.unit_cost - after.unit_cost <= rate + 1
    fraction = ceil_div(risen * WAD, scene.terms.target * BPS_TO_WAD - WAD) + 2
    assert abs(after.fraction_max - before.fraction_max) <= fraction
    most = max(abs(before.unit_cost), abs(after.unit_cost)) + 1
    assert abs(after.taker_pays - before.taker_pays) <= rate + ceil_div(fraction * most, WAD) + 2


@settings(max_examples=400, deadline=None, derandomize=True)
@given(scene=scenes(), step=steps(10**30))
def test_bid_quote__equity_moves__nothing_jumps(scene, step):
    check_equity(scene, step, modelled)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(scene=scenes(), step=steps(900))
def test_bid_quote__time_passes__nothing_jumps(scene, step):
    check_time(scene, step, modelled)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(scene=scenes(), step=steps(10**30), seconds=steps(900))
def test_contract__equity_moves_or_time_passes__nothing_jumps(contract, scene, step, seconds):
    check_equity(scene, step, contract)
    check_time(scene, seconds, contract)


CURVE = Curve(((0, 0), (60, 3_500), (300, 7_000)))
TERMS = Terms(target=14_000, penalty=500, backstop=300, grace=300, opener_cap=0, watch=60)
MM = 1_000 * WAD
AT_90 = lambda_at(CURVE, 90)


@pytest.mark.parametrize(
    ("equity", "seconds"),
    [
        (0, 90),  # h passes 0: the account's part ends
        (AT_90 * MM // WAD, 90),  # λ passes h: the vault's part begins
        ((AT_90 + 5 * WAD // 100) * MM // WAD, 90),  # λ + φ passes h: the penalty is cut
        (AT_90 * 90 // 300 * MM // WAD, 90),  # the vault's part passes the account's
        (10 * WAD, 300),  # the backstop ends
        (-10 * WAD, 300),
        (300 * WAD, 60),  # the curve's points
        (0, 300),
    ],
)
def test_bid_quote__where_a_rule_changes__is_the_contracts_and_moves_by_a_wei(contract, equity, seconds):
    scene = Scene(equity, MM, CURVE, seconds, TERMS, WAD)
    near = [
        replace(scene, equity=equity + off, seconds=seconds + late) for off in (-2, -1, 0, 1) for late in (-1, 0, 1)
    ]
    assert [contract(one) for one in near] == [modelled(one) for one in near]
    for offer in (modelled, contract):
        for off in (-2, -1, 0):
            check_equity(replace(scene, equity=equity + off), 1, offer)
        for late in (-1, 0):
            check_time(replace(scene, seconds=seconds + late), 1, offer)


def test_bid_quote__insolvency_by_a_wei__is_worth_a_wei_on_each_unit():
    solvent, broke = (quoted(Scene(equity, MM, CURVE, 90, TERMS, WAD)) for equity in (1, -1))
    assert solvent.lambda_taker == broke.lambda_taker > WAD // 10
    assert 0 < solvent.unit_cost - broke.unit_cost <= 2 + MM // WAD


def test_bid_quote__epochs_limit_spent__is_the_only_step_and_lies_at_0():
    # With equity left the vault pays what the epoch has; without, whatever it takes: the one step, and a wanted one.
    left = 5 * WAD
    at = {equity: quoted(Scene(equity, MM, CURVE, 300, TERMS, WAD), left) for equity in (-1, 0, 1, 2, WAD, 2 * WAD)}
    full = lambda_at(CURVE, 300)
    assert at[-1].lambda_taker == at[0].lambda_taker == full
    assert at[1].lambda_taker == at[2].lambda_taker == left * WAD // MM
    for low, high in ((1, 2), (2, WAD), (WAD, 2 * WAD)):
        assert 0 <= at[high].lambda_taker - at[low].lambda_taker <= (high - low) * WAD // MM + 1
    assert at[1].unit_cost - at[0].unit_cost == (full - left * WAD // MM) * MM // WAD + 1
