"""What a run came to: one JSON object, and whether it passes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from .observer import Bid

ON_TARGET = 1e-6
"""How far from B a partial bid may leave an account."""

MOST_UNSIGHTED = 3
LEAST_BREACHED = 30
LEAST_PARTIAL = 10
LEAST_WHOLE = 5
LEAST_INSOLVENT = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """The last line of a run. Money in quote, times in chain seconds, fractions and λ as ratios."""

    accounts: int
    breached: int
    opened: int
    bids: int
    partial_bids: int
    fully_taken: int
    insolvent: int
    median_fraction: float | None
    median_lambda: float | None
    bad_debt: float
    vault_paid: float
    time_under_line_p50_s: float | None
    time_under_line_p95_s: float | None
    max_unsighted_blocks: int
    custody_ok: bool
    sums_ok: bool
    keeper_errors: int
    keeper_restarts: int
    loss_shared: float
    acts: tuple[str, ...]

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class BidFigures:
    """What the bids come to together."""

    bids: int
    partial_bids: int
    on_target: int
    missed_target: int
    fully_taken: int
    median_fraction: float | None
    median_lambda: float | None
    bad_debt: float
    vault_paid: float
    loss_shared: float


def _quantile(values: Sequence[float], part: float) -> float | None:
    return round(float(np.quantile(values, part)), 6) if values else None


def on_target(bid: Bid) -> bool:
    """The bid left the account at the target health; one taken whole owes nothing and has none."""
    return bid.off_target is not None and bid.off_target <= ON_TARGET


def figures(bids: Sequence[Bid]) -> BidFigures:
    """Counts, medians and sums over bids; λ is what the taker was granted."""
    return BidFigures(
        bids=len(bids),
        partial_bids=sum(not bid.whole for bid in bids),
        on_target=sum(on_target(bid) for bid in bids),
        missed_target=sum(bid.clipped and not bid.whole and not on_target(bid) for bid in bids),
        fully_taken=sum(bid.whole for bid in bids),
        median_fraction=_quantile([bid.fraction for bid in bids], 0.5),
        median_lambda=_quantile([bid.lambda_taker for bid in bids], 0.5),
        bad_debt=round(sum((bid.bad_debt for bid in bids), 0.0), 2),
        vault_paid=round(sum((bid.vault_paid for bid in bids), 0.0), 2),
        loss_shared=round(sum((bid.shared for bid in bids), 0.0), 2),
    )


def times_under_line(spells: Sequence[int]) -> tuple[float | None, float | None]:
    """Median and 95th percentile of how long accounts were under the line, in chain seconds."""
    return _quantile(spells, 0.5), _quantile(spells, 0.95)


@dataclass(frozen=True, slots=True)
class Ending:
    """What the verdict needs beyond the outcome's figures; `missing` are the acts that did not happen."""

    keeper: bool
    counted: bool
    left_insolvent: int
    on_target: int
    missed_target: int
    bids_after_restart: int
    missing: tuple[str, ...] = ()
    custody_fault: str = ""
    sums_fault: str = ""


def failures(outcome: Outcome, ending: Ending) -> list[str]:
    """Why the run does not pass; empty if it does. Only the built-in path at its full size must bring its counts."""
    reasons = []
    if not outcome.custody_ok:
        reasons.append(f"custody: {ending.custody_fault}")
    if not outcome.sums_ok:
        reasons.append(f"sums: {ending.sums_fault}")
    if outcome.max_unsighted_blocks > MOST_UNSIGHTED:
        blocks = outcome.max_unsighted_blocks
        reasons.append(f"an account was under the line and unsighted for {blocks} blocks, more than {MOST_UNSIGHTED}")
    if ending.left_insolvent:
        reasons.append(f"{ending.left_insolvent} accounts were left with equity below zero")
    if ending.missed_target:
        reasons.append(f"{ending.missed_target} bids that were clipped at the target did not land on it")
    if not ending.keeper:
        reasons.append("KEEPER=0: nobody worked, the run shows what then happens and cannot pass")
    if ending.counted and ending.keeper:
        reasons.extend(_too_few(outcome, ending))
    return reasons


def _too_few(outcome: Outcome, ending: Ending) -> list[str]:
    wanted = (
        ("breached", outcome.breached, LEAST_BREACHED),
        ("partial bids that land on the target", ending.on_target, LEAST_PARTIAL),
        ("full takes", outcome.fully_taken, LEAST_WHOLE),
        ("insolvent", outcome.insolvent, LEAST_INSOLVENT),
        ("restarts of the keeper", outcome.keeper_restarts, 1),
        ("bids after the restart", ending.bids_after_restart, 1),
    )
    few = [f"{name}: {found}, the path is to bring at least {least}" for name, found, least in wanted if found < least]
    return few + [f"{name}: the act did not happen, the path is to give cause for it" for name in ending.missing]
