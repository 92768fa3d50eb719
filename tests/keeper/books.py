"""Books made in memory: words as the contracts would emit them, at prices that are exactly what they say."""

from __future__ import annotations

import random
from collections.abc import Mapping

from keeper.book.exact import Exact
from keeper.book.mirror import Mirror
from keeper.chain.events import (
    AccountChanged,
    CurveAdded,
    Event,
    InterestChanged,
    MarketSet,
    PricesUpdated,
    RiskSet,
    RunChanged,
    TermsSet,
    Wired,
)
from keeper.model.prices import Oracle, encode_price
from keeper.model.requirement import Holding
from keeper.model.words import (
    LISTED,
    PERP_ALLOWED,
    SPOT_ALLOWED,
    Curve,
    Header,
    Indices,
    Parameters,
    Position,
    PriceWord,
    Risk,
    Run,
    Terms,
)

WAD = 10**18
NOW = 1_800_000_000
ORACLE = Oracle(2, 10, 15, 60, 60, 1_000, 20_000, 1_000, 300, 28_800, 0)
FLAGS = LISTED | PERP_ALLOWED | SPOT_ALLOWED
RHO = (84, 83, 76, 57, 69, 80, 76, 85, 82, 57, 75, 80, 88, 89, 59, 78, 81, 87, 58, 83, 82, 86, 50, 52, 59, 73, 77, 78)
RISK = Risk(rho=RHO, kappa=2_500, iota=15_000, min_requirement=2_000)
CURVE = Curve(((0, 0), (60, 3_500), (300, 7_000)))
TERMS = Terms(target=14_000, penalty=500, backstop=300, grace=300, opener_cap=50 * WAD)
VAULT = 0x7A017
AUCTION = 0xA0C710
BATCH = 0xBA7C4


def price_word(price: int, *, time: int = NOW, **fields: int) -> PriceWord:
    """A live fast price with a slow feed that counts."""
    encoded = encode_price(price)
    return PriceWord(
        mantissa=encoded & (1 << 48) - 1,
        exponent=encoded >> 48,
        time=time,
        **{"slow_for": 3_600, **fields},
    )


def changed(account: int, cash: int, holdings: Mapping[int, Holding]) -> AccountChanged:
    """The event of an account that now has exactly this; indices are 1.0, so cash is principal."""
    spots = perps = 0
    words: list[int] = []
    for market, held in sorted(holdings.items()):
        if held.spot:
            spots |= 1 << market
            words.append(held.spot)
        if held.size or held.cost:
            perps |= 1 << market
            words.append(Position(held.size, held.cost).pack())
    return AccountChanged(account, 6, Header(cash, spots, perps).pack(), spots | perps << 64, tuple(words))


def set_up(prices: Mapping[int, int], parameters: Mapping[int, Parameters] | None = None) -> list[Event]:
    """The events of a protocol that is wired, priced and has no accounts but the vault's."""
    markets = sum(1 << market for market in prices)
    words = tuple(price_word(price).pack() for _, price in sorted(prices.items()))
    known = parameters or {market: Parameters(4600, 470, 1400, bucket=market % 8, flags=FLAGS) for market in prices}
    return [
        RiskSet(RISK.pack()),
        InterestChanged(Indices(WAD, WAD, NOW).pack(), 0, 0),
        Wired(AUCTION, VAULT, BATCH),
        TermsSet(TERMS.pack()),
        CurveAdded(0, CURVE.pack()),
        *(MarketSet(market, word.pack()) for market, word in known.items()),
        PricesUpdated(NOW // 2, markets, words),
        changed(VAULT << 96, 1_000_000 * WAD, {}),
    ]


def mirror_of(*events: Event, time: int = NOW) -> Mirror:
    """A mirror that was told these events in one block."""
    mirror = Mirror(64)
    mirror.apply(1, "0x01", time, 10**9, events)
    return mirror


def exact_of(*events: Event, time: int = NOW) -> Exact:
    """The book at that time."""
    return Exact(mirror_of(*events, time=time), ORACLE, time)


def running(account: int, age: int, *, last: int = 0, nonce: int = 1, now: int = NOW) -> RunChanged:
    """A run that began `age` seconds ago, last sighted `last` seconds ago."""
    return RunChanged(account, Run(opener=1, start=now - age, last=now - last, nonce=nonce).pack())


def random_holdings(rng: random.Random, markets: int, most: int = 16) -> dict[int, Holding]:
    """Any book: spot, longs, shorts, claims, hedges, over magnitudes from dust to whales."""
    holdings = {}
    for market in rng.sample(range(markets), rng.randint(1, min(most, markets))):
        scale = 10 ** rng.randint(12, 24)
        spot = rng.choice([0, rng.randint(1, scale)])
        size = rng.choice([0, rng.randint(-scale, scale), -spot, -spot + rng.randint(-1000, 1000)])
        cost = rng.choice([0, rng.randint(-scale, scale), rng.randint(-1000, 1000)])
        if spot or size or cost:
            holdings[market] = Holding(spot, size, cost)
    return holdings
