"""The tests that an act may have to pass on an assessment (docs/exact.md, 3 and 5)."""

from __future__ import annotations

from collections.abc import Callable

from .prices import DEAD, LATE, LIVE
from .requirement import Assessment
from .rounding import WAD, clamp
from .state import Refused, require

PRICE_IS_LATE = "clearinghouse: price is late"
MARKET_IS_DEAD = "clearinghouse: market is dead"
BELOW_INITIAL = "clearinghouse: below initial margin"
IN_BREACH = "clearinghouse: in breach"


def require_live(state: int) -> None:
    """Refuse unless the state is live."""
    if state != LIVE:
        raise Refused(PRICE_IS_LATE if state == LATE else MARKET_IS_DEAD)


def meets_initial(assessment: Assessment) -> bool:
    """Equity less what it may lose inside the prices' intervals covers initial margin, and is not all unpaid profit."""
    return spare(assessment) >= 0


def spare(assessment: Assessment) -> int:
    """What an account has above its initial margin, WAD quote; negative: what it lacks."""
    return assessment.equity - max(assessment.im + assessment.down, assessment.claims)


def require_initial(assessment: Assessment) -> None:
    """The initial margin of a slice's taker: a dead market counts, only a late one is refused."""
    require_live(LIVE if assessment.state == DEAD else assessment.state)
    require(meets_initial(assessment), BELOW_INITIAL)


def require_withdrawable(assessment: Assessment) -> None:
    """The initial margin with unsettled profit counted as zero."""
    require_live(assessment.state)
    require(assessment.equity - assessment.claims - assessment.down >= assessment.im, BELOW_INITIAL)


def relieves(before: Assessment, after: Assessment) -> bool:
    """A trade lowered the requirement, also where a ramp takes it, for no more equity than the health before allows,
    which counts unsettled profit as nothing."""
    if after.mm >= before.mm or after.im > before.im:
        return False
    own = before.equity - before.claims
    health = clamp(own * WAD // before.mm, 0, WAD)
    return after.equity * WAD >= before.equity * WAD - health * (before.mm - after.mm)


def require_after_addition(before: Assessment, after: Assessment) -> None:
    """After a deposit into a market not held, by who owes something: initial margin, or no further from it."""
    require_live(after.state)
    if not meets_initial(after):
        require(after.equity * before.im >= before.equity * after.im, BELOW_INITIAL)


def require_after_fill(after: Assessment, measure_before: Callable[[], Assessment], added: bool) -> None:
    """One side after a fill: the initial margin, or relief; `added`: the trade brought it into a market."""
    require_live(after.state)
    if meets_initial(after):
        return
    before = measure_before()
    require(relieves(before, after), BELOW_INITIAL)
    require(not added or before.equity >= before.mm, IN_BREACH)
