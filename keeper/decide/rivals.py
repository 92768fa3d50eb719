"""Why somebody else took an account: what this keeper knew of it before, and what kept it from bidding."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Label = Literal["unseen", "late", "reverted", "outbid", "unprofitable", "capital", "excluded", "busy", "off"]
LABELS: dict[str, str] = {
    "unseen": "it was not under the line at any head before, or that head was never handled",
    "late": "a bid for it was sent and not mined yet",
    "reverted": "a bid for it was mined and reverted",
    "outbid": "the model waited for a better price",
    "unprofitable": "no part of it was worth its gas and unwinding",
    "capital": "the taker could not carry it",
    "excluded": "the configuration leaves it out",
    "busy": "another bid was under way, or had no room for it",
    "off": "bidding was switched off",
}


@dataclass(slots=True)
class Seen:
    """An account under the line: the block it was first seen in, how long after its arrival, and what followed."""

    block: int
    seconds: float
    why: Label
    sent_block: int | None = None


@dataclass(frozen=True, slots=True)
class Opportunity:
    """One lot that somebody else bought. WAD, WAD quote; blocks None: there was no such thing."""

    block: int
    place: int
    account: int
    taker: int
    label: Label
    fraction: int
    requirement: int
    lambda_taker: int
    seen_block: int | None
    seen_seconds: float | None
    sent_block: int | None


class Rivals:
    """What was known at the last head of the accounts under the line."""

    def __init__(self) -> None:
        self._seen: dict[int, Seen] = {}

    def label(self, account: int, block: int) -> tuple[Label, Seen | None]:
        """Why the account was taken in a block by somebody else."""
        seen = self._seen.get(account)
        if seen is None or seen.block >= block:
            return "unseen", None
        return seen.why, seen

    def observe(self, block: int, under: Iterable[int], whys: Mapping[int, Label], rest: Label, seconds: float) -> None:
        """At a head: who is under the line, and why each was not bid for; `rest` for those that nothing is said of.

        A bid under way, or one that reverted, is the reason until the account is above the line again.
        """
        before, self._seen = self._seen, {}
        for account in under:
            seen = before.get(account) or Seen(block, seconds, rest)
            if seen.why not in ("late", "reverted"):
                seen.why = whys.get(account, rest)
            self._seen[account] = seen

    def sent(self, accounts: Collection[int], block: int) -> None:
        """A bid for these was sent."""
        for account in accounts:
            if account in self._seen:
                self._seen[account].why, self._seen[account].sent_block = "late", block

    def ended(self, accounts: Collection[int], *, reverted: bool) -> None:
        """A bid for these is over: it reverted, or it did not and others may still take what is left."""
        for account in accounts:
            if account in self._seen:
                self._seen[account].why = "reverted" if reverted else "busy"
