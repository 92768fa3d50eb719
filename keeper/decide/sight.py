"""The duty: every account in breach is sighted at once, and again while its run goes on and nobody has taken it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from keeper.book.exact import Exact
from keeper.model.prices import LATE

GAS_FIXED = 80_000
GAS_ACCOUNT = 60_000
GAS_MARKET = 12_000


def due(exact: Exact, account: int, resight: float) -> bool:
    """Whether a sighting now is owed: a breach with no run, or one whose last sighting vouches for little more.

    Whether the keeper would bid plays no part. A late price cannot be sighted at, by anybody; a dead market's can.
    """
    assessment = exact.assess(account)
    if assessment.state == LATE or not assessment.sighted:
        return False
    if not exact.running(account):
        return True
    return exact.now - exact.run(account).last >= resight_after(exact, resight)


def resight_after(exact: Exact, resight: float) -> float:
    """Seconds after a sighting at which the next is owed: the run's clock stands still once nobody has watched."""
    return resight * min(exact.terms.grace, exact.terms.watch)


def recovered(exact: Exact, account: int) -> bool:
    """Whether a sighting now would end the account's run."""
    if not exact.running(account):
        return False
    assessment = exact.assess(account)
    return assessment.state != LATE and not assessment.sighted


def gas_of(exact: Exact, accounts: Iterable[int]) -> int:
    """A limit that a sighting of these accounts stays below."""
    return GAS_FIXED + sum(GAS_ACCOUNT + GAS_MARKET * exact.maps(account).bit_count() for account in accounts)


def batches(exact: Exact, accounts: Collection[int], size: int, max_gas: int) -> list[list[int]]:
    """The accounts in as few transactions as their number and gas allow, the most urgent (lowest health) first."""

    def urgency(account: int) -> tuple[bool, float]:
        assessment = exact.assess(account)
        return not assessment.sighted, assessment.equity / assessment.mm if assessment.mm else 0.0

    groups: list[list[int]] = []
    gas = 0
    for account in sorted(accounts, key=urgency):
        more = gas_of(exact, [account]) - GAS_FIXED
        if not groups or len(groups[-1]) == size or gas + more > max_gas:
            groups.append([])
            gas = GAS_FIXED
        groups[-1].append(account)
        gas += more
    return groups
