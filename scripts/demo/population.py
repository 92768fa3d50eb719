"""Who takes part: a seeded plan of accounts, each with its book, its deposit and how far from the line it starts.

Nothing here touches a chain. Amounts are WAD: quote for cash, base for spot and size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from keeper.model.prices import LIVE, Reading
from keeper.model.requirement import Holding, Shared, assess
from keeper.model.words import Parameters, Risk

from .path import BETAS
from .settings import MARKETS, SPOT_MARKETS

WAD = 10**18
CENT = 10**16
LOT = 10**12
"""Sizes are multiples of 0.000001 base."""

FEE_BPS = 6
"""What opening may cost, in bps of notional: the taker's fee and the maker's spread, rounded up."""

LEAST_HEALTH = 1.62
"""Above ι by what the price interval takes at the start."""

SHARES = {"long": 0.42, "short": 0.18, "borrower": 0.18, "hedged": 0.12, "small": 0.10}
LENDERS = 3
LENDER_CASH = 8_000_000 * WAD
MAKER_HEALTH = 6.0
WHALE_MARKETS = {"eth": 5_000 * WAD, "btc": 120 * WAD}
WHALE_MOVE = 0.10


@dataclass(frozen=True, slots=True)
class Book:
    """One planned account: `deposit` quote, spot deposits, perp sizes, and quote to borrow (withdraw) at the end."""

    name: str
    kind: str
    deposit: int
    spots: Mapping[str, int] = field(default_factory=dict)
    perps: Mapping[str, int] = field(default_factory=dict)
    borrow: int = 0


@dataclass(frozen=True, slots=True)
class World:
    """What a plan needs to know: prices (WAD quote), parameters by market, and the risk word."""

    prices: Mapping[str, int]
    parameters: Mapping[str, Parameters]
    risk: Risk

    def requirement(self, spots: Mapping[str, int], perps: Mapping[str, int]) -> int:
        """Maintenance requirement in WAD quote of an indebted account with these books, rounded up."""
        holdings = {
            MARKETS.index(name): Holding(spots.get(name, 0), perps.get(name, 0), 0) for name in {*spots, *perps}
        }

        def market(number: int) -> tuple[Reading, Parameters]:
            price = self.prices[MARKETS[number]]
            return Reading(LIVE, price, price, 0, price, 0, 0, 0, 0), self.parameters[MARKETS[number]]

        return assess(-1, holdings, market, Shared(self.risk)).mm

    def notional(self, book: Mapping[str, int]) -> int:
        """Gross quote value of sizes, rounded up."""
        return sum(-(-abs(size) * self.prices[name] // WAD) for name, size in book.items())


def cents(amount: float) -> int:
    """Quote in WAD, up to the next cent."""
    return -int(-amount // CENT) * CENT


def _size(world: World, market: str, notional: float) -> int:
    return max(1, round(notional * WAD * WAD / world.prices[market] / LOT)) * LOT


def _equity(requirement: int, notional: int, move: float, *, rising: bool) -> float:
    """The equity with which a one-sided book meets its line after a relative price move against it."""
    moved = 1 + move if rising else 1 - move
    return max(move * notional + requirement * moved, LEAST_HEALTH * requirement)


def one_sided(world: World, name: str, kind: str, market: str, notional: float, move: float) -> Book:
    """A leveraged long or short that breaches after the price has moved `move` against it."""
    size = _size(world, market, notional)
    perps = {market: size if kind != "short" else -size}
    gross = world.notional(perps)
    equity = _equity(world.requirement({}, perps), gross, move, rising=kind == "short")
    return Book(name, kind, cents(equity + gross * FEE_BPS / 1e4), perps=perps)


def borrower(world: World, name: str, market: str, notional: float, move: float) -> Book:
    """Spot as collateral and quote borrowed against it: breaches after the price has fallen by `move`."""
    spots = {market: _size(world, market, notional)}
    value = world.notional(spots)
    equity = _equity(world.requirement(spots, {}), value, move, rising=False)
    return Book(name, "borrower", 0, spots=spots, borrow=max(CENT, cents(value - equity) - CENT))


def hedged(world: World, name: str, pair: tuple[str, str], notional: float, health: float, *, basis: bool) -> Book:
    """Long one market and short another; or spot with a short perp on the same underlying."""
    if basis:
        size = _size(world, pair[0], notional)
        spots, perps = {pair[0]: size}, {pair[0]: -size}
    else:
        spots, perps = {}, {pair[0]: _size(world, pair[0], notional), pair[1]: -_size(world, pair[1], notional)}
    equity = health * world.requirement(spots, perps) + world.notional(perps) * FEE_BPS / 1e4
    value = world.notional(spots)
    if equity >= value:
        return Book(name, "hedged", cents(equity - value), spots=spots, perps=perps)
    return Book(name, "hedged", 0, spots=spots, perps=perps, borrow=max(CENT, cents(value - equity) - CENT))


def _whale(world: World) -> Book:
    gross = world.notional(WHALE_MARKETS)
    equity = _equity(world.requirement({}, WHALE_MARKETS), gross, WHALE_MOVE, rising=False)
    return Book("whale", "whale", cents(equity + gross * FEE_BPS / 1e4), perps=dict(WHALE_MARKETS))


def _counts(accounts: int) -> dict[str, int]:
    """How many of each kind; lenders, makers and the whale come first, longs take what rounding leaves."""
    free = accounts - LENDERS - len(MARKETS) - 1
    counts = {kind: int(share * free) for kind, share in SHARES.items()}
    counts["long"] += free - sum(counts.values())
    return counts


def _spread(rng: np.random.Generator, count: int, low: float, high: float) -> Iterator[float]:
    """`count` values evenly from low to high in a seeded order: a slope of breaches, not a cliff."""
    return iter(rng.permutation(np.linspace(low, high, count)).tolist())


def _notional(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(8_000.0), np.log(250_000.0))))


def _one_sided_books(world: World, rng: np.random.Generator, kind: str, count: int, most: float) -> Iterator[Book]:
    for number, move in enumerate(_spread(rng, count, 0.03, most)):
        market = MARKETS[number % len(MARKETS)]
        yield one_sided(world, f"{kind} {number}", kind, market, _notional(rng), move * BETAS[market])


def _small_books(world: World, rng: np.random.Generator, count: int) -> Iterator[Book]:
    """Accounts whose requirement stands little above the floor: too small for a slice, so they are taken whole."""
    floor = world.risk.min_requirement / 100
    for number, move in enumerate(_spread(rng, count, 0.03, 0.20)):
        market = MARKETS[number % len(MARKETS)]
        probe = {market: 10**6 * WAD}
        unit = world.requirement({}, probe) / world.notional(probe)
        notional = floor * rng.uniform(1.05, 1.25) / unit
        yield one_sided(world, f"small {number}", "small", market, notional, move * BETAS[market])


def _hedged_books(world: World, rng: np.random.Generator, count: int) -> Iterator[Book]:
    pairs = (("eth", "btc"), ("btc", "eth"), ("sol", "link"), ("eth", "sol"))
    for number, health in enumerate(_spread(rng, count, 1.7, 4.0)):
        basis = number % 2 == 1
        pair = (SPOT_MARKETS[number // 2 % 2], "") if basis else pairs[number // 2 % len(pairs)]
        yield hedged(world, f"hedged {number}", pair, _notional(rng), health, basis=basis)


def _borrower_books(world: World, rng: np.random.Generator, count: int) -> Iterator[Book]:
    for number, move in enumerate(_spread(rng, count, 0.04, 0.45)):
        market = SPOT_MARKETS[number % len(SPOT_MARKETS)]
        yield borrower(world, f"borrower {number}", market, _notional(rng), move)


def _makers(world: World, books: list[Book]) -> Iterator[Book]:
    """One a market, on the other side of all of them, far from its line."""
    for market in MARKETS:
        net = sum(book.perps.get(market, 0) for book in books)
        gross = sum(abs(book.perps.get(market, 0)) for book in books)
        requirement = world.requirement({}, {market: max(gross // 2, abs(net))})
        yield Book(f"maker {market}", "maker", cents(MAKER_HEALTH * requirement), perps={market: -net})


def plan(world: World, accounts: int, seed: int) -> list[Book]:
    """`accounts` books: lenders and makers first, as others trade with and borrow from them."""
    rng = np.random.default_rng(seed)
    counts = _counts(accounts)
    books = [
        *_one_sided_books(world, rng, "long", counts["long"], 0.30),
        *_one_sided_books(world, rng, "short", counts["short"], 0.16),
        *_borrower_books(world, rng, counts["borrower"]),
        *_hedged_books(world, rng, counts["hedged"]),
        *_small_books(world, rng, counts["small"]),
        _whale(world),
    ]
    lenders = [Book(f"lender {number}", "lender", LENDER_CASH) for number in range(LENDERS)]
    return [*lenders, *_makers(world, books), *books]
