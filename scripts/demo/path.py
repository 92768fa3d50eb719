"""A price path: one row a block, one column a market; and the crash that is built in."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .settings import MARKETS

Prices = NDArray[np.float64]

START_PRICES = {"eth": 3000.0, "btc": 60000.0, "sol": 150.0, "link": 14.0}
BETAS = {"eth": 1.0, "btc": 0.85, "sol": 1.25, "link": 1.15}
"""How far a market moves with each unit of the common drift."""


@dataclass(frozen=True, slots=True)
class PricePath:
    """Prices in quote, a row for each block, a column for each of MARKETS; `labels` says when each row was.

    `second_gap` is the step of the gap that is meant to cost more than the vault has; None where no such is played.
    """

    name: str
    prices: Prices
    labels: tuple[str, ...]
    origins: dict[str, str]
    kill_at: int
    notes: tuple[str, ...] = field(default=())
    second_gap: int | None = None

    def __post_init__(self) -> None:
        rows, columns = self.prices.shape
        if columns != len(MARKETS) or rows != len(self.labels):
            raise ValueError(f"path of {rows} x {columns} with {len(self.labels)} labels, {len(MARKETS)} markets")
        if not bool(np.all(np.isfinite(self.prices)) and np.all(self.prices > 0)):
            raise ValueError("path: every price must be a positive number")
        if not 0 < self.kill_at < rows:
            raise ValueError(f"path: kill at step {self.kill_at} of {rows}")

    @property
    def steps(self) -> int:
        """How many blocks the path takes."""
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the built-in path: blocks, the common drift over it (log), noise a block (log), jumps by market."""

    name: str
    blocks: int
    drift: float = 0.0
    noise: float = 0.0004
    jumps: dict[str, float] | None = None


CRASH = (
    Phase("calm", 40),
    Phase("squeeze", 90, drift=0.11, noise=0.0012),
    Phase("calm at the top", 20, noise=0.0008),
    Phase("slide", 150, drift=-0.19, noise=0.0016),
    Phase("burst", 60, drift=-0.10, noise=0.0040),
    Phase("gap", 1, jumps={"eth": -0.040, "btc": -0.030, "sol": -0.085, "link": -0.070}),
    Phase("aftershock", 60, drift=-0.03, noise=0.0035),
    Phase("rebound", 110, drift=0.12, noise=0.0020),
    Phase("calm after", 109, noise=0.0003),
    Phase("second gap", 1, jumps={"eth": 0.0, "btc": 0.0, "sol": -0.30, "link": 0.0}),
    Phase("after the gap", 60, noise=0.0003),
)
"""A squeeze of the shorts, a slide, a burst of volatility with a gap that no auction can step into, a rebound; and when
all seems over, one market falls in a single block by more than its margin."""

KILL_IN = "burst"
"""The keeper is killed a quarter into this phase."""

SECOND_GAP = "second gap"


def scaled(phases: tuple[Phase, ...], blocks: int) -> tuple[Phase, ...]:
    """The same phases in about `blocks` blocks; jumps stay single blocks, noise grows so that each moves as far."""
    total = sum(phase.blocks for phase in phases if phase.jumps is None)
    share = blocks / total
    return tuple(
        phase
        if phase.jumps is not None
        else Phase(phase.name, max(2, round(phase.blocks * share)), phase.drift, phase.noise * min(2.0, share**-0.5))
        for phase in phases
    )


def _bridge(rng: np.random.Generator, blocks: int, noise: float) -> Prices:
    """Noise of a random walk that returns to 0 at the end, so that a phase ends where it says."""
    walk = np.cumsum(rng.normal(0.0, noise, blocks))
    bridge: Prices = walk - walk[-1] * np.arange(1, blocks + 1) / blocks
    return bridge


def _moves(phase: Phase, market: str, common: Prices, own: Prices) -> Prices:
    """Cumulative log moves of one market over one phase."""
    if phase.jumps is not None:
        return np.array([phase.jumps[market]])
    trend = phase.drift * BETAS[market] * np.arange(1, phase.blocks + 1) / phase.blocks
    moves: Prices = trend + BETAS[market] * common + own
    return moves


def crash_path(seed: int, blocks: int) -> PricePath:
    """The built-in crash: the same for the same seed and length."""
    rng = np.random.default_rng(seed)
    phases = scaled(CRASH, blocks)
    logs = {market: [0.0] for market in MARKETS}
    labels, kill_at = ["start"], 0
    for phase in phases:
        if phase.name == KILL_IN:
            kill_at = len(labels) + phase.blocks // 4
        common = _bridge(rng, phase.blocks, phase.noise)
        for market in MARKETS:
            own = _bridge(rng, phase.blocks, phase.noise / 2)
            logs[market].extend(logs[market][-1] + _moves(phase, market, common, own))
        labels.extend([phase.name] * phase.blocks)
    prices = np.column_stack([START_PRICES[market] * np.exp(logs[market]) for market in MARKETS])
    origins = dict.fromkeys(MARKETS, "built-in crash")
    second_gap = labels.index(SECOND_GAP)
    return PricePath(f"built-in crash, seed {seed}", prices, tuple(labels), origins, kill_at, second_gap=second_gap)


def follow(leader: Prices, start: float, seed: int, market: str) -> Prices:
    """A seeded path for a market that no file tells of: it follows `leader` (one price a step) with noise of its own.

    The noise has half the leader's volatility a step and comes from the seed and the market's name.
    """
    rng = np.random.default_rng([seed, *market.encode()])
    moves = np.diff(np.log(leader))
    spread = float(np.std(moves)) if moves.size else 0.0
    own = rng.normal(0.0, 0.5 * spread, moves.size)
    logs = np.concatenate([[0.0], np.cumsum(BETAS[market] * moves + own)])
    path: Prices = start * np.exp(logs)
    return path
