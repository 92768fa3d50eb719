"""The float screen: every account at once. It only selects who is looked at exactly, and never misses one.

**Bound.** Let η = 2⁻⁵³. A 128-bit number becomes a float in quote or base units with at most 5 roundings, a market's
number with one; every term is a product of at most four of them, and every sum has at most 64·3 terms. So with
A = |cash| + Σ|cost| + Σ(|spot| + |size|)·max(index, |P*|)·(2 + g + widest side of the interval) the float equity, W⁺
and G together are off by less than 400·η·A < 10⁻¹²·A. The systematic part is a root of a form in which large terms may
cancel: the form is off by less than 300·η·X², X = Σ(s + u)·(|spot| + |size|)·index, and as |√a − √b| ≤ √|a − b| the
root by less than 2·10⁻⁷·X. The integers that decide round up each S_b and each idiosyncratic term by less than 10⁻⁹
quote, which moves R by less than 10⁻⁶ quote in all. So an account with

    equity + W⁺ ≥ MM + 10⁻⁶ + 10⁻¹²·A + 2·10⁻⁷·X      (floats)

is not sighted by the exact rule. `Screen.selected` can raise the right side further, to see who is merely near.

**Safe radius.** Between two states of the markets, the reference and now, the distance D = equity + W⁺ − MM of an
account falls by no more than the sum of what each part of it can do, whatever the size of the moves. With
e = spot + size, q = spot + |size| and Δ for the change of a market's number:

- equity = cash + Σ e·index + Σ size·(P* − index) − Σ cost, so it falls by at most |principal|·(fall of the supply index
  or rise of the borrow index) + Σ |e|·|Δindex| + Σ |size|·|Δ(P* − index)|;
- W⁺ by at most Σ |e|·(fall of index·up or of index·down, the larger): the fading of a gap, a smaller confidence;
- G rises by at most Σ q·(rise of g·index);
- R is a norm of the vector of all s·index·e and u·index·e, as long as ρ is positive semidefinite: each of Σ(u·x)²,
  (1 − κ)·bᵀρb and κ·(P² + N²) is the square of a seminorm (P and N, the sums of positive and of negative buckets, are
  convex and the root of their squares is monotone in both), and the root of a sum of squares of seminorms is one. So R
  rises by at most R of the difference, and that by at most the sum over single markets,
  Σ |e|·√(Δ(s·index)² + Δ(u·index)²): prices and ramps of s and u alike;
- the floor of MM, the number of held markets times the minimum, stays; max(R + G, floor) rises by no more than R + G.

Each market has a weight w = max(s + u, 1%) of the reference. All moves are counted in one number r, the largest of

    (|Δindex| + fall of W⁺'s factors + √(Δ(s·index)² + Δ(u·index)²)) / (w·index)
    |Δ(P* − index)| / (w·index·BASIS)
    (rise of g·index) / (w·index·max(g, 0.1%))
    (fall of the supply index, rise of the borrow index) / INTEREST

and with L = Σ (|e| + BASIS·|size| + max(g, 0.1%)·q)·w·index + INTEREST·|principal| it follows that D falls by at most
L·r. An account whose distance was above its bound by more than L·r need not be looked at: its radius is
(D − bound)/L, rounded down by 10⁻⁶, which is more than what the floats of L and r lack: where e cancels, L still has
0.1% of q·w·index. (What Δ of rounded prices lacks is some 4·η·A, and the bound has room for ten times that.)
Correlations that are semidefinite but for an eigenvalue of −2⁻⁴⁶, as floats find them of singular ones, raise R by less
than √2⁻⁴⁶·X: the bound's parts that grow with the account are subtracted twice.

What is not counted makes r infinite, and so all accounts are looked at: another risk word, one on its way to another, a
market's bucket, a price where there was none, correlations that are not semidefinite. Time enters through the numbers
themselves, which are those of now: interest, fading, prices that grow late or dead.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keeper.book import line
from keeper.book.exact import Exact
from keeper.book.line import (
    BY_EXPOSURE,
    BY_GROSS,
    BY_SIZE,
    COLUMNS,
    DOWN,
    INDEX,
    P_STAR,
    SCALE,
    SINGULAR,
    UP,
    Floats,
    Table,
)
from keeper.book.line import G as CHARGE
from keeper.book.line import S as SYSTEMATIC
from keeper.book.line import U as SINGLE
from keeper.book.rows import I64
from keeper.book.store import Book
from keeper.book.threads import halves, spread
from keeper.model.requirement import RiskRamp
from keeper.model.rounding import ceil_div
from keeper.model.words import BUCKETS, Risk

_WAD = 10**18
MARKETS = 64
BASIS, INTEREST = 0.1, 1e-3
_LEAST_WEIGHT, _LEAST_CHARGE = 0.01, 1e-3


@dataclass(frozen=True, slots=True)
class Markets:
    """What the screen needs of the markets, one entry a market."""

    index: Floats
    p_star: Floats
    up: Floats
    down: Floats
    s: Floats
    u: Floats
    g: Floats
    bucket: I64
    own: Floats
    """(1 − κ)·ρ; between two risk words those that make the form between theirs."""
    kappa: float
    minimum: float
    supply: float
    borrow: float
    fixed: tuple[object, ...] | None
    """What must be the same for a move to be counted; None: nothing is."""

    @property
    def weight(self) -> Floats:
        """What moves of each market are counted in, quote a unit of base."""
        return np.maximum(self.s + self.u, _LEAST_WEIGHT) * self.index

    @property
    def charge(self) -> Floats:
        """The part of it that moves of g·index are counted in."""
        return np.maximum(self.g, _LEAST_CHARGE)

    @property
    def table(self) -> Table:
        """The same as the inner loops take it."""
        markets = np.empty((len(self.index), COLUMNS))
        weight = self.weight
        markets[:, INDEX], markets[:, P_STAR], markets[:, UP], markets[:, DOWN] = (
            self.index,
            self.p_star,
            self.up,
            self.down,
        )
        markets[:, SYSTEMATIC], markets[:, SINGLE], markets[:, CHARGE] = self.s, self.u, self.g
        price = np.maximum(self.index, np.abs(self.p_star))
        markets[:, SCALE] = price * (2 + self.g + np.maximum(self.up, self.down))
        markets[:, BY_EXPOSURE], markets[:, BY_SIZE] = weight, BASIS * weight
        markets[:, BY_GROSS] = self.charge * weight
        numbers = np.array([self.kappa, self.minimum, self.supply, self.borrow, INTEREST])
        return Table(markets, self.bucket, self.own, numbers)


class Screen(NamedTuple):
    """Each row's numbers in quote units, and how far they may be off."""

    equity: Floats
    up: Floats
    requirement: Floats
    bound: Floats

    @property
    def distance(self) -> Floats:
        """equity + W⁺ − MM: below 0 an account is sighted. Infinite for one without a requirement."""
        return np.where(self.requirement > 0, self.equity + self.up - self.requirement, np.inf)

    @property
    def health(self) -> Floats:
        """equity / MM; infinite for one without a requirement."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.requirement > 0, self.equity / self.requirement, np.inf)

    def selected(self, slack: float = 0.0) -> NDArray[np.int64]:
        """Rows that may be sighted, or would be with MM larger by `slack`."""
        return np.flatnonzero(self.distance < self.bound + slack * self.requirement)


def markets_of(exact: Exact) -> Markets:
    """The markets at the second of `exact`, as floats; one that has no parameters charges nothing and is dead."""
    known = range(max([*exact.mirror.prices, *exact.mirror.parameters, 0]) + 1)
    prices, shares = np.zeros((MARKETS, 2)), np.zeros((MARKETS, 5))
    bucket = np.zeros(MARKETS, np.int64)
    shares[:, :2] = exact.oracle.dead / 1e5
    for market in known:
        reading, word = exact.reading(market), exact.parameters(market).at(exact.now)
        prices[market] = reading.index / _WAD, reading.p_star / _WAD
        shares[market] = reading.up_faded, reading.down_faded, word.s, word.u, word.g
        bucket[market] = word.bucket
    shares[: len(known)] /= 1e5
    risk, ramp = _way_of(exact)
    own, kappa, minimum = _shared_of(risk, ramp, exact.now)
    return Markets(
        prices[:, 0],
        prices[:, 1],
        shares[:, 0],
        shares[:, 1],
        shares[:, 2],
        shares[:, 3],
        shares[:, 4],
        bucket,
        own,
        kappa,
        minimum,
        exact.indices.supply / _WAD,
        exact.indices.borrow / _WAD,
        (risk, bucket.tobytes()) if ramp is None and _is_semidefinite(risk) else None,
    )


def _way_of(exact: Exact) -> tuple[Risk, RiskRamp | None]:
    """The risk word, and the way it is on. One that has been gone to its end is over, though the contract keeps it."""
    risk, ramp, now = exact.shared
    return (ramp.target, None) if ramp and now >= ramp.end else (risk, ramp)


def _shared_of(risk: Risk, ramp: RiskRamp | None, now: int) -> tuple[Floats, float, float]:
    """(1 − κ)·ρ, κ and minimum; between two risk words those that make the form between theirs."""
    kappa, minimum = risk.kappa / 1e4, risk.min_requirement
    own = (1 - kappa) * correlations(risk)
    if ramp is None:
        return own, kappa, minimum / 100
    gone, length = min(now, ramp.end) - ramp.start, ramp.end - ramp.start
    later, aim, part = ramp.target.kappa / 1e4, ramp.target.min_requirement, gone / length
    own = (1 - part) * own + part * (1 - later) * correlations(ramp.target)
    # The minimum rises on the way, in whole steps, and falls at once.
    minimum = minimum + ceil_div((aim - minimum) * gone, length) if aim > minimum else aim
    return own, (1 - part) * kappa + part * later, minimum / 100


@lru_cache(maxsize=64)
def correlations(risk: Risk) -> Floats:
    """ρ as a matrix."""
    return np.array([[risk.rho_at(i, j) / 100 for j in range(BUCKETS)] for i in range(BUCKETS)])


@lru_cache(maxsize=64)
def _is_semidefinite(risk: Risk) -> bool:
    return float(np.linalg.eigvalsh(correlations(risk))[0]) > -SINGULAR


def moved(before: Markets, now: Markets) -> float:
    """How far the markets moved, in the number that radii are given in; infinite for what it does not count."""
    if before.fixed is None or before.fixed != now.fixed:
        return float("inf")
    weight = before.weight
    index, later = before.index, now.index
    fallen = np.maximum(index * before.up - later * now.up, index * before.down - later * now.down)
    risk = np.hypot(later * now.s - index * before.s, later * now.u - index * before.u)
    price = np.abs(later - index) + np.maximum(fallen, 0) + risk
    basis = np.abs((now.p_star - later) - (before.p_star - index))
    charge = np.maximum(later * now.g - index * before.g, 0)
    interest = max(before.supply - now.supply, now.borrow - before.borrow, 0.0)
    parts = np.concatenate([price, basis / BASIS, charge / before.charge])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(parts > 0, parts / np.tile(weight, 3), 0.0)
    return max(float(ratios.max()), interest / INTEREST) * (1 + 1e-9)


def screen(book: Book, markets: Markets) -> Screen:
    """All rows against these markets."""
    found = np.empty((len(book), 4))
    columns, table = book.columns, markets.table
    spread(lambda first, last: line.measured(columns, table, first, last, found), halves(len(book)))
    return Screen(*found.T)
