"""A book of any size for the benches: random accounts, a chosen part of them near the line."""

from __future__ import annotations

import numpy as np

from keeper.book import line
from keeper.book.exact import Exact
from keeper.book.mirror import Mirror
from keeper.book.rows import U64
from keeper.book.screen import markets_of
from keeper.chain.events import Changes, CurveAdded, Event, InterestChanged, MarketSet, PricesUpdated, RiskSet, TermsSet
from keeper.model.prices import Oracle, encode_price
from keeper.model.words import LISTED, PERP_ALLOWED, SPOT_ALLOWED, Curve, Indices, Parameters, PriceWord, Risk, Terms

WAD = 10**18
NOW = 1_800_000_000
MARKETS = 16
ORACLE = Oracle(2, 10, 15, 60, 60, 1_000, 20_000, 1_000, 300, 28_800, 0)
RHO = (84, 83, 76, 57, 69, 80, 76, 85, 82, 57, 75, 80, 88, 89, 59, 78, 81, 87, 58, 83, 82, 86, 50, 52, 59, 73, 77, 78)
RISK = Risk(rho=RHO, kappa=2_500, iota=15_000, min_requirement=2_000)
PRICES = [
    int(WAD * price) for price in (65_000, 3_200, 150, 600, 0.5, 0.4, 35, 7, 18, 0.12, 90, 5, 1.1, 2_400, 12, 0.02)
]
_HIGH = np.uint64(2**64 - 1)


def price_words(prices: list[int], time: int) -> PricesUpdated:
    """Live prices with an interval of 5 bps and a basis of 2 bps."""
    words = []
    for price in prices:
        encoded = encode_price(price)
        word = PriceWord(encoded & (1 << 48) - 1, encoded >> 48, basis=200, confidence=50, time=time, slow_for=3_600)
        words.append(word.pack())
    return PricesUpdated(time // 2, (1 << len(prices)) - 1, tuple(words))


def moved(prices: list[int], part: float, rng: np.random.Generator) -> list[int]:
    """Each price up or down by this part."""
    signs = rng.choice([-1, 1], size=len(prices))
    return [price + int(sign) * int(price * part) for price, sign in zip(prices, signs, strict=True)]


def protocol() -> list[Event]:
    """The events of a protocol without accounts."""
    flags = LISTED | PERP_ALLOWED | SPOT_ALLOWED
    return [
        RiskSet(RISK.pack()),
        InterestChanged(Indices(WAD, WAD, NOW, 30_000_000, 60_000_000).pack(), 0, 0),
        TermsSet(Terms(target=14_000, penalty=500, backstop=300, grace=300, opener_cap=50 * WAD).pack()),
        CurveAdded(0, Curve(((0, 0), (60, 3_500), (300, 7_000))).pack()),
        *(MarketSet(m, Parameters(4600, 470, 1400, bucket=m % 8, flags=flags).pack()) for m in range(MARKETS)),
        price_words(PRICES, NOW),
    ]


def signed(values: np.ndarray) -> U64:
    """Floats in WAD as 128-bit limbs, exact to the float's digits; a column for each limb."""
    magnitude = np.abs(values)
    high = np.floor(magnitude / 2.0**64)
    low = (magnitude - high * 2.0**64).astype(np.uint64)
    limbs = np.stack([low, high.astype(np.uint64)], axis=1)
    negative = values < 0
    limbs[negative] = ~limbs[negative]
    limbs[negative, 0] += np.uint64(1)
    limbs[negative, 1] += (limbs[negative, 0] == 0).astype(np.uint64)
    return limbs


def changes(count: int, rng: np.random.Generator, first: int = 1) -> Changes:
    """Accounts with one to five words, three on average: perps at the price, one in seven spot."""
    held = rng.integers(1, 6, size=count)
    order = np.argsort(rng.random((count, MARKETS), dtype=np.float32), axis=1)
    mask = np.zeros((count, MARKETS), bool)
    np.put_along_axis(mask, order, np.arange(MARKETS) < held[:, None], axis=1)
    del order
    account, market = np.nonzero(mask)
    spot = rng.random(len(market)) < 1 / 7
    bit = np.uint64(1) << market.astype(np.uint64)
    spots, perps = np.zeros(count, np.uint64), np.zeros(count, np.uint64)
    np.add.at(spots, account[spot], bit[spot])
    np.add.at(perps, account[~spot], bit[~spot])

    at = np.concatenate([[0], np.cumsum(held + 6)[:-1]]).astype(np.int64)
    words = np.zeros((int((held + 6).sum()), 4), np.uint64)
    words[at, 1] = rng.integers(0, 2**63, size=count).astype(np.uint64) << np.uint64(32)
    words[at, 2] = rng.integers(1, 2**63, size=count).astype(np.uint64)
    words[at, 0] = np.arange(first, first + count).astype(np.uint64)
    words[at + 2, 2], words[at + 2, 3] = spots, perps
    words[at + 3, 0], words[at + 3, 1] = spots, perps
    words[at + 4, 0], words[at + 5, 0] = 128, held

    place = at[account] + 6 + np.arange(len(market)) - np.concatenate([[0], np.cumsum(held)[:-1]])[account]
    price = np.array([p / WAD for p in PRICES])[market]
    quote = 10 ** rng.uniform(2, 5, size=len(market))
    size = np.where(spot, 1, rng.choice([-1, 1], size=len(market))) * quote / price * WAD
    words[place, :2] = signed(size)
    words[place[~spot], 2:] = signed((size * price)[~spot])
    return Changes(words, at)


def mirror_of(count: int, rng: np.random.Generator, chunk: int = 100_000) -> Mirror:
    """A mirror of so many accounts; all have twice what is required."""
    mirror = Mirror(128)
    mirror.apply(1, "0x01", NOW, 10**9, protocol())
    for first in range(0, count, chunk):
        mirror.book.apply(changes(min(chunk, count - first), rng, first + 1))
    return mirror


def place(mirror: Mirror, near: float, reach: float, rng: np.random.Generator) -> None:
    """Give each account such cash that a part of them has a radius below `reach`, and all others one above it.

    A thousandth is under the line.
    """
    book = mirror.book
    markets = markets_of(Exact(mirror, ORACLE, NOW))
    # What an account owns is set by its cash: without any it has equity e, MM m and slope L.
    for step in range(2):
        radius = np.empty(len(book), np.float32)
        found = np.empty((len(book), 4))
        line.measured(book.columns, markets.table, 0, len(book), found)
        if step == 0:
            cash = 2 * found[:, 2] - found[:, 0]
        else:
            line.radii(book.columns, markets.table, 0, len(book), radius)
            distance = found[:, 0] + found[:, 1] - found[:, 2]
            slope = distance / radius
            draw = rng.random(len(book))
            wanted = np.where(
                draw < near, rng.random(len(book)) * reach, reach * 1.05 + rng.exponential(0.3, len(book))
            )
            wanted = np.where(draw < 0.001, -0.2 * reach, wanted)
            cash = cash + np.where(np.isfinite(slope), wanted * slope - distance, 0)
        book.columns.headers[: len(book), :2] = signed(cash * WAD)
    book._note(np.arange(len(book), dtype=np.int64))


def at_prices(mirror: Mirror, prices: list[int], time: int) -> Exact:
    """The book after these prices, at that second."""
    event = price_words(prices, time)
    mirror.apply(mirror.number + 1, hex(mirror.number + 1), time, 10**9, [event])
    return Exact(mirror, ORACLE, time)
