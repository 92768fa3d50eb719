"""The duty: every account in breach is sighted at once, and again while its run goes on and nobody has taken it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from keeper.book.exact import Exact
from keeper.model.auction import known_loss
from keeper.model.prices import LATE

GAS_FIXED = 100_000
GAS_ACCOUNT, GAS_SEVERAL, GAS_MARKET, GAS_WORD = 68_000, 32_000, 16_000, 3_000
"""An account with an entry among the known losses: until a block has it, it may have come to lack something, and in a
crash so may all that are sighted with it. The correlations of several markets; each market, with parameters that have
been on their way once; the second word of one held in spot and perpetual. tests/gas/test_limits.py has the heaviest.
"""
ALONE = 2
"""Times its limit that an account gets which failed together with others: what is not used costs nothing."""


def due(exact: Exact, account: int, resight: float) -> bool:
    """Whether a sighting now is owed: a breach with no run, or one whose last sighting vouches for little more, or did
    not know yet that the account brings a loss: until then who leaves is paid as if there were none.

    Whether the keeper would bid plays no part. A late price cannot be sighted at, by anybody; a dead market's can.
    """
    assessment = exact.assess(account)
    if assessment.state == LATE or not assessment.sighted:
        return False
    if not exact.running(account):
        return True
    run = exact.run(account)
    if known_loss(assessment) and not run.listed:
        return True
    return exact.now - run.last >= resight_after(exact, resight)


def resight_after(exact: Exact, resight: float) -> float:
    """Seconds after a sighting at which the next is owed: the run's clock stands still once nobody has watched."""
    return resight * min(exact.terms.grace, exact.terms.watch)


def recovered(exact: Exact, account: int) -> bool:
    """Whether a sighting now would end the account's run, or take back the loss that a run of its own said it brings:
    the run ends by itself, the loss lowers for ever what everybody who leaves is paid."""
    if not (exact.running(account) or exact.run(account).listed):
        return False
    assessment = exact.assess(account)
    return assessment.state != LATE and not assessment.sighted


def gas_of(exact: Exact, accounts: Iterable[int]) -> int:
    """A limit that a sighting of these accounts stays below, in a block that is a little worse for them."""
    return GAS_FIXED + sum(gas_of_one(exact, account) for account in accounts)


def gas_of_one(exact: Exact, account: int) -> int:
    """What one account adds to a limit."""
    markets = exact.maps(account).bit_count()
    several = GAS_SEVERAL if markets > 1 else 0
    return GAS_ACCOUNT + several + GAS_MARKET * markets + GAS_WORD * (exact.words(account) - markets)


def batches(exact: Exact, accounts: Collection[int], size: int, max_gas: int) -> list[list[int]]:
    """The accounts in as few transactions as their number and gas allow, the most urgent (lowest health) first."""

    def urgency(account: int) -> tuple[bool, float]:
        assessment = exact.assess(account)
        return not assessment.sighted, assessment.equity / assessment.mm if assessment.mm else 0.0

    groups: list[list[int]] = []
    gas = 0
    for account in sorted(accounts, key=urgency):
        more = gas_of_one(exact, account)
        if not groups or len(groups[-1]) == size or gas + more > max_gas:
            groups.append([])
            gas = GAS_FIXED
        groups[-1].append(account)
        gas += more
    return groups
