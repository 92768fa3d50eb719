"""
R and G are homogeneous of degree one and subadditive: half an account needs half, merging never needs more.

Slices lean on the first, and nobody gains by splitting an account because of the second. Contract and model are both
held to it; what rounding may add is said below and no more is forgiven.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping

import pytest

from keeper.model.requirement import Assessment, Holding
from tests.model.chain import use_own_cache
from tests.model.revm import fresh_chain
from tests.model.test_requirement import MARKETS, PRICES, WAD, Scene, as_call

SEEDS = (21, 22)
SCENES = 6
PORTFOLIOS_A_SCENE = 25
GRAIN = 10**10
"""
WAD wei that R + G of one portfolio may differ from the exact figures.

Each of 8 bucket sums and 16 markets' own risks is rounded up to 1e9 wei. R is a norm, so they move it by at most their
own norm: sqrt(16 + 8²) < 9 of these. The root is rounded up to 1e6 wei, a mix of two risk words is too, and G to a wei.
"""


def scaled(holdings: Mapping[int, Holding], times: int) -> dict[int, Holding]:
    """So many times a portfolio, exactly."""
    return {
        market: Holding(holding.spot * times, holding.size * times, holding.cost * times)
        for market, holding in holdings.items()
    }


def merged(first: Mapping[int, Holding], second: Mapping[int, Holding]) -> dict[int, Holding]:
    """Both portfolios in one account; what cancels to nothing is gone."""
    both = {}
    for market in sorted(first.keys() | second.keys()):
        one, other = (part.get(market, Holding()) for part in (first, second))
        sum_ = Holding(one.spot + other.spot, one.size + other.size, one.cost + other.cost)
        if any(sum_):
            both[market] = sum_
    return both


class Desk:
    """A scene of the requirement's test, and portfolios of accounts that owe."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.scene = Scene(seed)

    def change(self, small_floor: bool) -> None:
        """Other prices and parameters; with a floor so small that R + G stands above it, or any."""
        self.scene.change(**({"min_requirement": 1} if small_floor else {}))

    def worth(self) -> int:
        """About what a portfolio holds in a market, quote."""
        return self.rng.choice([10**3, 10**5, 10**8])

    def portfolio(self, worth: int) -> dict[int, Holding]:
        """Something in one market to sixteen: spot, a perp either way, both, a hedge."""
        rng, markets = self.rng, self.markets()
        held = {}
        for market in markets:
            base = max(2, worth * rng.randint(WAD // 100, WAD) * WAD // PRICES[market])
            spot, size = rng.choice([(0, 1), (0, -1), (1, 0), (1, -1), (1, 1), (2, -1)])
            size *= base * rng.choice([100, 100, 99, rng.randint(1, 300)]) // 100
            held[market] = Holding(min(spot * base, 10**30), max(-(10**30), min(size, 10**30)), 0)
        return {market: holding for market, holding in held.items() if any(holding)}

    def markets(self) -> list[int]:
        """One to sixteen of them."""
        rng = self.rng
        return sorted(rng.sample(range(MARKETS), rng.choice([1, 2, 4, 8, MARKETS, rng.randint(1, MARKETS)])))

    def part_of(self, holdings: Mapping[int, Holding]) -> dict[int, Holding]:
        """Some of a portfolio, evenly or not; now and then more of a perp than there is, the rest being opposite."""
        rng = self.rng
        even = rng.choice([None, rng.randint(0, 100)])
        part = {}
        for market, (spot, size, cost) in holdings.items():
            share = rng.randint(0, 100) if even is None else even
            over = rng.choice([0, 0, 0, 100]) if even is None else 0
            taken = Holding(spot * share // 100, size * (share + over) // 100, cost * share // 100)
            if any(taken):
                part[market] = taken
        return part

    def assess(self, holdings: Mapping[int, Holding]) -> Assessment:
        """An account that owes a wei besides; contract and model agree."""
        found = self.scene.engines.model.assess(-1, holdings)
        assert tuple(self.scene.engines.contract.assess(*as_call(-1, dict(holdings)))) == found
        return found


def rest_of(holdings: Mapping[int, Holding], part: Mapping[int, Holding]) -> dict[int, Holding]:
    """What is left of a portfolio without a part."""
    return merged(holdings, {market: Holding(-one.spot, -one.size, -one.cost) for market, one in part.items()})


@pytest.fixture(scope="module", autouse=True)
def compiled():
    use_own_cache()


@pytest.mark.parametrize("seed", SEEDS)
def test_requirement__portfolios_scaled__scale_with_them(seed):
    seen: Counter[str] = Counter()
    with fresh_chain():
        desk = Desk(seed)
        for _ in range(SCENES):
            desk.change(small_floor=True)
            for _ in range(PORTFOLIOS_A_SCENE):
                holdings, times = desk.portfolio(desk.worth()), desk.rng.choice([2, 3, 10, 10**3])
                one, many = desk.assess(holdings), desk.assess(scaled(holdings, times))
                if one.mm == one.floor:
                    seen["on the floor"] += 1
                    continue
                seen["above it"] += 1
                seen["ramping"] += desk.scene.ramping
                seen[f"{len(holdings)} markets"] += 1
                what = f"seed {seed}: {times} times {holdings}"
                assert abs(many.mm - times * one.mm) <= (times + 1) * GRAIN, what
                # The floor counts markets, not what is in them.
                assert many.floor == one.floor, what
    print(f"seed {seed}: {dict(seen)}")
    assert seen["above it"] > SCENES * PORTFOLIOS_A_SCENE // 2
    assert min(seen["ramping"], seen[f"{MARKETS} markets"]) > 10


@pytest.mark.parametrize("seed", SEEDS)
def test_requirement__two_portfolios_merged__never_need_more(seed):
    saved: Counter[str] = Counter()
    with fresh_chain():
        desk = Desk(seed)
        for scene in range(SCENES):
            desk.change(small_floor=scene % 2 == 0)
            for _ in range(PORTFOLIOS_A_SCENE):
                worth = desk.worth()
                first, second = desk.portfolio(worth), desk.portfolio(worth)
                whole = merged(first, second)
                one, other, both = (desk.assess(part) for part in (first, second, whole))
                what = f"seed {seed}: {first} and {second}"
                assert both.mm <= one.mm + other.mm + 3 * GRAIN, what
                assert both.floor <= one.floor + other.floor, what
                saved["some"] += both.mm * 100 < (one.mm + other.mm) * 99
                saved["next to nothing"] += both.mm * 1000 > (one.mm + other.mm) * 999
    print(f"seed {seed}: {dict(saved)}")
    assert saved["some"] > 30


@pytest.mark.parametrize("seed", SEEDS)
def test_requirement__portfolio_split__parts_need_no_less_than_the_whole(seed):
    seen: Counter[str] = Counter()
    with fresh_chain():
        desk = Desk(seed)
        for scene in range(SCENES):
            desk.change(small_floor=scene % 2 == 0)
            for _ in range(PORTFOLIOS_A_SCENE):
                whole = desk.portfolio(desk.worth())
                part = desk.part_of(whole)
                rest = rest_of(whole, part)
                assert merged(part, rest) == whole
                needed, one, other = (desk.assess(each) for each in (whole, part, rest))
                what = f"seed {seed}: {part} of {whole}"
                assert one.mm + other.mm + 3 * GRAIN >= needed.mm, what
                # IM is a multiple of it, of what is aimed at while a ramp is on: splitting spares nothing there either.
                assert one.im + other.im + 3 * 7 * GRAIN >= needed.im, what
                seen["exactly as much"] += abs(one.mm + other.mm - needed.mm) <= 3 * GRAIN
                seen["more"] += one.mm + other.mm > needed.mm + 3 * GRAIN
    print(f"seed {seed}: {dict(seen)}")
    # An even part of a portfolio and its rest need exactly the whole's; uneven ones lose what hedged.
    assert min(seen["exactly as much"], seen["more"]) > 10
