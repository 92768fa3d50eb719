"""What a bid on a sighted account is worth: λ, the largest fraction, and who pays whom (docs/exact.md, 7)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from .prices import LATE
from .requirement import Assessment
from .rounding import WAD, ceil_div
from .words import Curve, Run, Terms

BPS_TO_WAD = 10**14
LEAST = 16
"""A relief releases at least this part of the least requirement."""
PERCENT = 10**16
UNCAPPED = 2**128 - 1
"""More than the vault can have."""
SHARES = 1023
"""An opener's cap is paid in 1/1023, as the run's word counts it."""

NOT_LIVE = "auction: price not live"
HEALTHY = "auction: healthy"
ALL_OR_NOTHING = "auction: all or nothing"
SHUT_DOWN = "auction: shut down"
NOT_RELIEVED = (NOT_LIVE, HEALTHY, SHUT_DOWN)
"""Why an account cannot be relieved at all."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A bid before a lot's limits. Amounts in WAD quote; λ, φ and fractions in WAD; `reason` "" if it may be taken."""

    reason: str
    equity: int
    mm: int
    up: int
    run: Run
    lambda_now: int = 0
    lambda_account: int = 0
    penalty: int = 0
    lambda_taker: int = 0
    fraction_max: int = 0
    fraction: int = 0
    unit_cost: int = 0
    taker_pays: int = 0
    account_gets: int = 0
    penalty_paid: int = 0
    ends: bool = False
    vault_pays: int = 0

    @property
    def clipped(self) -> bool:
        """What may be taken is less than all of the account."""
        return self.fraction_max < WAD


def lambda_at(curve: Curve, seconds: int) -> int:
    """λ in WAD at an age of a run: linear between the points, constant outside them."""
    points = curve.points
    if seconds <= points[0][0]:
        return points[0][1] * BPS_TO_WAD
    for (start, low), (end, high) in pairwise(points):
        if seconds <= end:
            return low * BPS_TO_WAD + (high - low) * BPS_TO_WAD * (seconds - start) // (end - start)
    return points[-1][1] * BPS_TO_WAD


def run_continues(run: Run, terms: Terms, now: int) -> bool:
    """There is a run, and its last sighting is at most a grace ago."""
    return run.start != 0 and now - run.last <= terms.grace


def clock_start(run: Run, terms: Terms, now: int) -> int:
    """Where the clock of a run that goes on starts now: it counts unwatched time as far as a sighting vouches."""
    return run.start + max(0, now - run.last - terms.watch)


def known_loss(assessment: Assessment) -> int:
    """What an account lacks even at the kind end of its prices' intervals."""
    return max(0, -(assessment.equity + assessment.up))


def bid_quote(
    assessment: Assessment,
    run: Run,
    curve: Curve,
    terms: Terms,
    now: int,
    fraction: int,
    vault_left: int = UNCAPPED,
    tick: int | None = None,
) -> Quote:
    """What taking `fraction` (WAD) would move now; `curve` is the one of the run, or the newest if none goes on.

    `vault_left` is what the vault may still pay of λ in this epoch; `tick` a λ in percent that stands for the curve's.

    A run that has ended by its grace counts from zero, as the bid that finds it so starts another.
    """
    equity, mm = assessment.equity, assessment.mm
    if assessment.state == LATE:
        return Quote(NOT_LIVE, equity, mm, assessment.up, run)
    if not assessment.sighted:
        return Quote(HEALTHY, equity, mm, assessment.up, run)

    seconds = now - clock_start(run, terms, now) if run_continues(run, terms, now) else 0
    now_at = lambda_at(curve, seconds) if tick is None else tick * PERCENT
    health = equity * WAD // mm
    positive = max(health, 0)
    to_taker = min(now_at, positive)
    to_vault = min(terms.penalty * BPS_TO_WAD, positive - to_taker)
    from_vault = now_at * min(seconds, terms.backstop) // terms.backstop
    if equity > 0:
        from_vault = min(from_vault, to_taker + vault_left * WAD // mm)
    taker_rate = max(to_taker, from_vault)
    target = terms.target * BPS_TO_WAD
    fraction_max = min(WAD, (target - health) * WAD // (target - to_taker - to_vault))

    taken = min(fraction, fraction_max)
    if mm == assessment.floor or mm * (WAD - taken) // WAD < assessment.floor:
        taken = WAD if fraction == WAD else 0
    elif taken < fraction_max and mm * taken // WAD < assessment.floor // LEAST:
        taken = 0
    value = equity * WAD - taker_rate * mm
    gets = max(0, taken * (equity * WAD - (to_taker + to_vault) * mm) // WAD**2) if equity > 0 else 0
    left = equity - ceil_div(taken * equity, WAD) + gets
    return Quote(
        reason="" if taken else ALL_OR_NOTHING,
        equity=equity,
        mm=mm,
        up=assessment.up,
        run=run,
        lambda_now=now_at,
        lambda_account=to_taker,
        penalty=to_vault,
        lambda_taker=taker_rate,
        fraction_max=fraction_max,
        fraction=taken,
        unit_cost=ceil_div(value, WAD),
        taker_pays=ceil_div(taken * value, WAD**2),
        account_gets=gets,
        penalty_paid=taken * to_vault * mm // WAD**2,
        ends=taken == WAD or left >= ceil_div(mm * (WAD - taken), WAD),
        vault_pays=ceil_div(taken * (taker_rate - to_taker) * mm, WAD**2) if equity > 0 else 0,
    )


def opener_share(penalty_paid: int, paid: int, cap: int) -> tuple[int, int]:
    """What the opener of a run gets of a penalty, and the share of the cap paid after it (1/1023)."""
    if cap == 0:
        return 0, paid
    gets = min(penalty_paid // 2, cap * (SHARES - paid) // SHARES)
    return gets, min(SHARES, paid + ceil_div(gets * SHARES, cap))
