"""The float screen: every account at once. It only selects who is looked at exactly, and never misses one.

**Bound.** Let η = 2⁻⁵³. Every input is rounded once, every term is a product of at most six inputs, and every sum has
at most 64·3 terms, so with A = |cash| + Σ|cost| + Σ(|spot| + |size|)·max(index, |P*|)·(2 + g + widest side of the
interval) the float equity, W⁺ and G together are off by less than 400·η·A < 10⁻¹²·A. The systematic part is a root of a
form in which large terms may cancel: the form is off by less than 300·η·X², X = Σ(s + u)·(|spot| + |size|)·index, and
as |√a − √b| ≤ √|a − b| the root by less than 2·10⁻⁷·X. The integers that decide round up each S_b and each
idiosyncratic term by less than 10⁻⁹ quote, which moves R by less than 10⁻⁶ quote in all. So an account with

    equity + W⁺ ≥ MM + 10⁻⁶ + 10⁻¹²·A + 2·10⁻⁷·X      (floats)

is not sighted by the exact rule. `slack` raises the right side further, to see accounts that are merely near.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keeper.book.columns import Columns, Floats
from keeper.book.exact import Exact
from keeper.model.words import BUCKETS, Risk

_ABSOLUTE = 1e-6
_LINEAR = 1e-12
_ROOT = 2e-7
_WAD = 10**18


@dataclass(frozen=True, slots=True)
class Markets:
    """What the screen needs of the markets, one entry a column of the book."""

    index: Floats
    p_star: Floats
    up: Floats
    down: Floats
    s: Floats
    u: Floats
    g: Floats
    bucket: NDArray[np.int64]
    rho: Floats
    kappa: float
    minimum: float
    supply: float
    borrow: float


class Screen(NamedTuple):
    """Each account's numbers in quote units, and how far they may be off."""

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


def markets_of(exact: Exact, count: int) -> Markets:
    """The markets at the second of `exact`, as floats; one that has no parameters charges nothing and is dead."""
    readings = [exact.reading(market) for market in range(count)]
    parameters = [exact.parameters(market).at(exact.now) for market in range(count)]
    rho, kappa, minimum = _shared_of(exact)
    return Markets(
        np.array([reading.index / _WAD for reading in readings]),
        np.array([reading.p_star / _WAD for reading in readings]),
        np.array([reading.up_faded / 1e5 for reading in readings]),
        np.array([reading.down_faded / 1e5 for reading in readings]),
        np.array([word.s / 1e5 for word in parameters]),
        np.array([word.u / 1e5 for word in parameters]),
        np.array([word.g / 1e5 for word in parameters]),
        np.array([word.bucket for word in parameters], dtype=np.int64),
        rho,
        kappa,
        minimum,
        exact.indices.supply / _WAD,
        exact.indices.borrow / _WAD,
    )


def _shared_of(exact: Exact) -> tuple[Floats, float, float]:
    """Correlations, κ and minimum; between two risk words those that make the form between theirs."""
    risk, ramp, now = exact.shared
    rho, kappa, minimum = _correlations(risk), risk.kappa / 1e4, risk.min_requirement / 100
    if ramp is None:
        return rho, kappa, minimum
    gone = (min(now, ramp.end) - ramp.start) / (ramp.end - ramp.start)
    later, aim = ramp.target.kappa / 1e4, ramp.target.min_requirement / 100
    own = (1 - gone) * (1 - kappa) * rho + gone * (1 - later) * _correlations(ramp.target)
    kappa = (1 - gone) * kappa + gone * later
    # The minimum rises on the way and falls at once.
    minimum = minimum + gone * (aim - minimum) if aim > minimum else aim
    return own / (1 - kappa) if kappa < 1 else np.zeros_like(rho), kappa, minimum


def _correlations(risk: Risk) -> Floats:
    return np.array([[risk.rho_at(i, j) / 100 for j in range(BUCKETS)] for i in range(BUCKETS)])


def screen(columns: Columns, markets: Markets) -> Screen:
    """All accounts against these markets."""
    return measure(columns.principal, columns.spot, columns.size, columns.cost, markets)


def measure(principal: Floats, spot: Floats, size: Floats, cost: Floats, markets: Markets) -> Screen:
    """The rows given against these markets (docs/exact.md, 3, in floats)."""
    index = markets.index
    cash = principal * np.where(principal >= 0, markets.supply, markets.borrow)
    absolute = np.abs(size)
    gross = (spot + absolute) * index
    exposure = (spot + size) * index
    equity = cash - cost.sum(axis=1) + spot @ index + size @ markets.p_star

    longs = np.maximum(exposure, 0.0)
    shorts = longs - exposure
    up = longs @ markets.up + shorts @ markets.down

    in_bucket = (markets.bucket[:, None] == np.arange(BUCKETS)) * markets.s[:, None]
    buckets = exposure @ in_bucket
    positive = np.maximum(buckets, 0.0).sum(axis=1)
    negative = np.minimum(buckets, 0.0).sum(axis=1)
    form = (
        ((markets.u * exposure) ** 2).sum(axis=1)
        + (1 - markets.kappa) * ((buckets @ markets.rho) * buckets).sum(axis=1)
        + markets.kappa * (positive**2 + negative**2)
    )
    requirement = np.sqrt(np.maximum(form, 0.0)) + gross @ markets.g

    held = ((spot != 0) | (size != 0) | (cost > 0)).sum(axis=1)
    requirement = np.maximum(requirement, markets.minimum * np.maximum(held, 1))
    owes = (principal < 0) | (size != 0).any(axis=1) | (cost > 0).any(axis=1)
    requirement = np.where(owes, requirement, 0.0)

    widest = np.maximum(markets.up, markets.down)
    price = np.maximum(index, np.abs(markets.p_star))
    scale = np.abs(cash) + np.abs(cost).sum(axis=1) + (spot + absolute) @ (price * (2 + markets.g + widest))
    charged = gross @ (markets.s + markets.u)
    bound = _ABSOLUTE + _LINEAR * scale + _ROOT * charged
    return Screen(equity, up, requirement, bound)
