"""The requirement, contract against model: random portfolios are assessed and appraised the same to the wei."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from keeper.model.prices import Answer
from keeper.model.requirement import Assessment, Holding, Shared, assess
from keeper.model.words import BUCKETS, LISTED, PAIRS, PERP_ALLOWED, SPOT_ALLOWED, Parameters, Position, Risk
from tests.model.chain import START, Engines, deploy_engine, use_own_cache
from tests.model.revm import fresh_chain

WAD = 10**18
BPS = 10**4
MARKETS = 16
SEEDS = (11, 12)
SCENES = 12
PORTFOLIOS_A_SCENE = 90
LEAST_WITH_MARKETS = 1_000
"""A seed: 2,000 over both, those without a market apart."""

KINDS = ("hedged", "tiny", "at the bounds", "spot alone", "perps alone", "claims alone", "negative cash")
FLAGS = LISTED | PERP_ALLOWED | SPOT_ALLOWED
PRICES = [10**9, 10**27, 60_000 * WAD, 2_000 * WAD, *(int(WAD * 3.7**place / 50) for place in range(12))]


def random_risk(rng: random.Random) -> Risk:
    """Correlations that a Cholesky factorisation takes: one common factor, as one may calibrate."""
    loads = [rng.choice([0, 1, rng.random(), rng.uniform(0.7, 0.99)]) for _ in range(BUCKETS)]
    rho = tuple(int(100 * loads[i] * loads[j] * 0.99) for i, j in PAIRS)
    kappa, iota = rng.choice([500, 2_500, 10_000]), rng.choice([10_001, 15_000, 65_535])
    return Risk(rho, kappa, iota, rng.choice([1, 2_000, 10**6, 2**24 - 1]))


def spread(rng: random.Random) -> tuple[int, int, int]:
    """s, u and g, extremes included."""
    first, second = (rng.choice([1, rng.randint(1, 9_000), rng.randint(1, 9_000), 65_535]) for _ in range(2))
    return first, rng.choice([0, second]), rng.choice([0, 1_400, 1_400, 65_535])


class Scene:
    """Sixteen markets in eight buckets whose prices are live, late and dead, with gaps either way."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.engines: Engines = deploy_engine(rng, 1)
        for place in range(MARKETS):
            parameters = Parameters(*spread(rng), bucket=place % BUCKETS, flags=FLAGS)
            self.engines.add_market(parameters, 18, 10**6, 0)
        self.now = START

    def change(self, **risk: int) -> None:
        """New risk parameters, these among them, and prices; some markets miss rounds and so are late or dead."""
        rng, engines = self.rng, self.engines
        if risk or rng.random() < 0.7:
            # What ramps in arrives before it may change again.
            ramp = engines.model.risk_ramp.value
            self.now = max(self.now, ramp.end if ramp else 0)
            engines.at(self.now)
            engines.set_risk(replace(random_risk(rng), **risk))
        for place in range(MARKETS):
            if rng.random() < 0.3:
                continue
            old = engines.model.parameters[place]
            new = Parameters(*spread(rng), bucket=old.bucket, flags=FLAGS)
            engines.contract.set_parameters(place, new.pack())
            engines.model.set_parameters(place, new)
        stale, live = rng.choice([((), 0), (range(3), 30), (range(5), 100), ((), 0), ((), 0)])
        worth = [price if price > 10**26 else int(price * rng.uniform(1, 1.5)) for price in PRICES]
        for feed, price in zip(engines.feeds, worth, strict=True):
            engines.at(self.now)
            updated = self.now - rng.choice([0, 0, 10**6 + 1])
            slow = int(price * rng.choice([1, 1.1, 0.8]))
            engines.push(feed, Answer(1, min(slow, 10**27), updated, updated, 1))
        self.now += 2
        engines.at(self.now)
        engines.prices(dict(enumerate(worth)), rng.choice([0, 20, 3_000]), rng.randint(-9_000, 9_000))
        self.now += live
        engines.at(self.now)
        fresh = {place: price for place, price in enumerate(worth) if place not in stale}
        engines.prices(fresh, rng.choice([0, 20, 3_000]), rng.randint(-9_000, 9_000))
        self.now += rng.choice([0, 1, 9])
        engines.at(self.now)

    @property
    def ramping(self) -> bool:
        """Whether the risk word is between two now."""
        ramp = self.engines.model.risk_ramp.value
        return ramp is not None and self.now < ramp.end

    def portfolio(self) -> tuple[int, dict[int, Holding]]:
        """Cash, and holdings in none to sixteen markets of one kind."""
        rng = self.rng
        count = rng.choice([1, 2, 3, 4, 8, MARKETS, rng.randint(0, MARKETS), rng.randint(1, MARKETS)])
        kind = rng.choice(["ordinary", "hedged", "tiny", "bounds", "claims", "spot", "perp"])
        scale = rng.choice([10**3, 10**6])
        markets = sorted(rng.sample(range(MARKETS), count))
        holdings = {market: self._holding(kind, market, scale) for market in markets}
        cash = rng.choice([0, 1, -1, rng.randint(-scale, scale) * WAD, 10**30, -(10**30)])
        return cash, holdings

    def _holding(self, kind: str, market: int, scale: int) -> Holding:
        """Something of that kind in a market: never nothing."""
        rng = self.rng
        base = max(1, scale * WAD * WAD // PRICES[market])
        while True:
            size = rng.randint(-base, base)
            spot = rng.choice([0, rng.randint(0, base)])
            cost = size * PRICES[market] // WAD * rng.randint(80, 120) // 100
            if kind == "hedged":
                spot, size = abs(size), -abs(size) + rng.choice([0, 0, 1, -1])
            elif kind == "tiny":
                spot, size, cost = (rng.choice([0, 1, 7]), rng.randint(-3, 3), rng.randint(-3, 3))
            elif kind == "bounds":
                spot = rng.choice([0, 10**33])
                size = rng.choice([0, 10**33, -(10**33)])
                cost = rng.choice([0, 10**36, -(10**36), 1])
            elif kind == "claims":
                spot, size, cost = rng.choice([0, spot]), 0, -abs(cost)
            elif kind == "spot":
                size = cost = 0
            elif kind == "perp":
                spot = 0
            if spot or size or cost:
                return Holding(spot, size, cost)


def kinds_of(cash: int, holdings: dict[int, Holding]) -> list[str]:
    """What a portfolio with holdings is, by what it holds."""
    held = list(holdings.values())
    found = {
        "hedged": all(h.spot > 10 and abs(h.spot + h.size) <= 1 for h in held),
        "tiny": all(max(h.spot, abs(h.size), abs(h.cost)) <= 7 for h in held),
        "at the bounds": all(10**33 in (h.spot, abs(h.size)) or abs(h.cost) in (1, 10**36) for h in held)
        and any(h.spot == 10**33 for h in held)
        and any(abs(h.size) == 10**33 for h in held),
        "spot alone": all(h.spot and not h.size and not h.cost for h in held),
        "perps alone": all(h.size and not h.spot for h in held),
        "claims alone": all(not h.size and h.cost <= 0 for h in held) and any(h.cost for h in held),
        "negative cash": cash < 0,
    }
    return [name for name, holds in found.items() if holds]


def as_call(cash: int, holdings: dict[int, Holding]) -> tuple[int, int, list[int]]:
    """The arguments of the contract's assess."""
    maps = 0
    words = []
    for market, holding in sorted(holdings.items()):
        if holding.spot:
            maps |= 1 << market
            words.append(holding.spot)
        if holding.size or holding.cost:
            maps |= 1 << market + 64
            words.append(Position(holding.size, holding.cost).pack())
    return cash, maps, words


@pytest.fixture(scope="module", autouse=True)
def compiled():
    use_own_cache()


@pytest.mark.parametrize("seed", SEEDS)
def test_assess_and_appraise__random_portfolios__equal_the_model_to_the_wei(seed):
    seen: Counter[str] = Counter()
    with fresh_chain():
        scene = Scene(seed)
        for _ in range(SCENES):
            scene.change()
            for number in range(PORTFOLIOS_A_SCENE):
                cash, holdings = scene.portfolio()
                call = as_call(cash, holdings)
                assessed = scene.engines.model.assess(cash, holdings)
                appraised = scene.engines.model.appraise(cash, holdings)
                assert tuple(scene.engines.contract.assess(*call)) == assessed, f"seed {seed}: {cash} {holdings}"
                # The two differ only for those that owe nothing; of the others a sample will do.
                if assessed.mm == 0 or number % 4 == 0:
                    assert tuple(scene.engines.contract.appraise(*call)) == appraised, f"seed {seed}: {cash} {holdings}"
                seen[f"{len(holdings)} markets"] += 1
                if holdings:
                    seen["with markets"] += 1
                    seen.update(kinds_of(cash, holdings))
                seen[f"state {appraised.state}"] += 1
                seen[
                    "owes nothing" if assessed.mm == 0 else "at the floor" if assessed.mm == assessed.floor else "R+G"
                ] += 1
                seen["raised for later"] += assessed.im * BPS > (assessed.mm + 1) * scene.engines.model.risk.value.iota
                seen["risk on its way"] += scene.ramping
                seen["in breach"] += assessed.in_breach
                seen["sighted"] += assessed.sighted
    print(f"seed {seed}: {dict(seen)}")
    assert seen["with markets"] >= LEAST_WITH_MARKETS
    for count in range(1, MARKETS + 1):
        assert seen[f"{count} markets"] >= 5, count
    for kind in KINDS:
        assert seen[kind] >= 50, kind
    for what in (
        *("state 0", "state 1", "state 2", "owes nothing", "at the floor", "R+G", "sighted"),
        *("raised for later", "risk on its way"),
    ):
        assert seen[what] >= 20, what


def test_assess__nothing_but_claims__is_equity_without_a_requirement():
    def no_market(market: int):
        raise AssertionError(f"price of {market} was read")

    holdings = {3: Holding(0, 0, -5), 4: Holding(7, 0, 0)}
    assert assess(2, holdings, no_market, Shared(Risk((0,) * 28, 0, 15_000, 2_000))) == Assessment(
        7, 0, 0, 0, 0, 0, 5, 0
    )
