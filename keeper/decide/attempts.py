"""Accounts whose last attempt failed: tried again soon, on their own, and never forgotten."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

LONGEST = 8
"""Blocks between two tries at most, so that no account waits for long however often it failed."""


@dataclass(slots=True)
class Failure:
    """What went wrong last, how often in a row, and from which block on it is tried again."""

    reason: str
    times: int
    again: int


class Attempts:
    """Failures by account, of one kind of act; after more than `patience` of them in a row an account is alone."""

    def __init__(self, patience: int = 0) -> None:
        self._patience = patience
        self._failures: dict[int, Failure] = {}

    def __len__(self) -> int:
        return len(self._failures)

    @property
    def failures(self) -> dict[int, Failure]:
        """What is failing now."""
        return dict(self._failures)

    def failed(
        self, accounts: Collection[int], reason: str, block: int, first: int = 1, longest: int = LONGEST
    ) -> None:
        """An attempt for these accounts together came to nothing when `block` was the head.

        They wait `first` blocks, then twice as many each time, and `longest` at most.
        """
        for account in accounts:
            old = self._failures.get(account)
            times = 1 if old is None else old.times + 1
            self._failures[account] = Failure(reason, times, block + min(longest, first * 2 ** (times - 1)))

    def succeeded(self, accounts: Iterable[int]) -> None:
        """These went through, or need nothing any more."""
        for account in accounts:
            self._failures.pop(account, None)

    def keep(self, accounts: Collection[int], block: int) -> None:
        """Forget failures of accounts other than these: they are no longer in question.

        But not before they may be tried again: whoever makes us fail could step out of sight for a block.
        """
        self._failures = {
            account: failure
            for account, failure in self._failures.items()
            if account in accounts or block < failure.again
        }

    def may(self, account: int, block: int) -> bool:
        """Whether to try now."""
        failure = self._failures.get(account)
        return failure is None or block >= failure.again

    def alone(self, account: int) -> bool:
        """Whether to try without others, who may have been the reason, or suffer from it."""
        failure = self._failures.get(account)
        return failure is not None and failure.times > self._patience
