"""Watches the mirror block by block: who is under the line, for how long, who was sighted, and what each bid did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from keeper.model.requirement import Assessment
from keeper.model.rounding import ceil_div
from keeper.model.words import Run

from .events import Event
from .mirror import Mirror, Moment

WAD = 10**18
BPS = 10**4
GIVEN = 7
"""The act of AccountChanged for an account of which a slice was taken."""


@dataclass(frozen=True, slots=True)
class Bid:
    """One slice taken. Money in quote, λ, h and fraction as ratios; `off_target` is |h − B| after it.

    `shared` is what the vault owed and could not pay, and all cash lost instead.
    """

    block: int
    account: int
    taker: int
    age: int
    fraction: float
    whole: bool
    clipped: bool
    lambda_account: float
    lambda_taker: float
    health_before: float
    health_after: float | None
    off_target: float | None
    vault_paid: float
    bad_debt: float
    shared: float = 0.0


@dataclass(slots=True)
class BlockRecord:
    """What one block looked like: prices by market, health of accounts that owe, auctions under way, vault cash."""

    number: int
    timestamp: int
    prices: dict[int, float]
    health: dict[int, float]
    auctions: int
    under: int
    insolvent: int
    vault: float


@dataclass(slots=True)
class Observer:
    """Fed with every block's events after the mirror is told which account is the vault's.

    `assessments` are of all accounts at the end of the last block.
    """

    mirror: Mirror
    vault: int
    watched: bool = False
    bids: list[Bid] = field(default_factory=list)
    breached: set[int] = field(default_factory=set)
    insolvent: set[int] = field(default_factory=set)
    opened: int = 0
    spells: list[int] = field(default_factory=list)
    unsighted: dict[int, int] = field(default_factory=dict)
    max_unsighted: int = 0
    assessments: dict[int, Assessment] = field(default_factory=dict)
    _under_since: dict[int, int] = field(default_factory=dict)
    _starts: dict[int, int] = field(default_factory=dict)
    _taken: Event | None = None
    _given: set[int] = field(default_factory=set)
    _shared: int = 0

    def block(self, number: int, timestamp: int, events: Iterable[Event]) -> BlockRecord:
        """Take in a block; from `watched` on, count who is under the line at its end."""
        self._given.clear()
        for event in events:
            if event.name == "RunChanged":
                self._note_run(event, timestamp)
            self.mirror.apply(event)
            self._note_bid(event, number, timestamp)
        return self._look(number, timestamp)

    def finish(self, timestamp: int) -> None:
        """End the spells that are still open."""
        self.spells.extend(timestamp - since for since in self._under_since.values())
        self._under_since.clear()

    def _note_run(self, event: Event, now: int) -> None:
        """Keep the start of the run that a bid belongs to: its word may be cleared before the bid is told of."""
        account: int = event.args["account"]
        if self.mirror.sighted(account, now):
            return
        before, run = self.mirror.runs.get(account, Run()), Run.unpack(event.args["run"])
        # A dead run's word that is only cleared keeps its nonce; one that a bid starts and ends in one act does not.
        if run.nonce != before.nonce:
            self._starts[account] = run.start or now
            self.opened += 1

    def _note_bid(self, event: Event, number: int, now: int) -> None:
        """A slice is told of by two events: a bid says what it takes before it moves, a sweep once it has moved."""
        if event.name == "LossShared":
            self._shared = event.args["loss"]
        elif event.name == "Taken":
            if event.args["account"] in self._given:
                self._given.discard(event.args["account"])
                self._after_bid(event.args, number, now)
            else:
                self._taken = event
        elif event.name == "AccountChanged" and event.args["act"] == GIVEN:
            if self._taken and self._taken.args["account"] == event.args["account"]:
                self._after_bid(self._taken.args, number, now)
                self._taken = None
            else:
                self._given.add(event.args["account"])

    def _after_bid(self, args: Mapping[str, Any], number: int, now: int) -> None:
        account: int = args["account"]
        shared, self._shared = self._shared, 0
        after = Moment(self.mirror, now).assess(account)
        equity, mm, fraction = args["equity"], args["requirement"], args["fraction"]
        self.breached.add(account)
        if equity < 0:
            self.insolvent.add(account)
        self.bids.append(
            Bid(
                block=number,
                account=account,
                taker=args["taker"],
                age=now - self._starts.get(account, now),
                fraction=fraction / WAD,
                whole=fraction == WAD,
                clipped=args["clipped"],
                lambda_account=args["lambda_account"] / WAD,
                lambda_taker=args["lambda_taker"] / WAD,
                health_before=equity / mm,
                health_after=health(after),
                off_target=self._off_target(after),
                vault_paid=(max(0, -args["vault_got"]) - shared) / WAD,
                bad_debt=ceil_div(max(0, -equity) * fraction, WAD) / WAD,
                shared=shared / WAD,
            )
        )

    def _off_target(self, after: Assessment) -> float | None:
        """|h − B|, exact before the one division."""
        if after.mm == 0 or self.mirror.terms is None:
            return None
        return abs(after.equity * BPS - self.mirror.terms.target * after.mm) / (BPS * after.mm)

    def _look(self, number: int, now: int) -> BlockRecord:
        moment = Moment(self.mirror, now)
        assessments = self.assessments = {account: moment.assess(account) for account in self.mirror.accounts}
        if self.watched:
            for account, assessment in assessments.items():
                self._note_line(account, assessment, now)
        ratios = {account: health(assessment) for account, assessment in assessments.items()}
        vault = self.mirror.accounts.get(self.vault)
        return BlockRecord(
            number,
            now,
            {market: word.index / WAD for market, word in self.mirror.prices.items()},
            {account: ratio for account, ratio in ratios.items() if ratio is not None},
            sum(self.mirror.sighted(account, now) for account in self._under_since),
            len(self._under_since),
            sum(1 for assessment in assessments.values() if assessment.equity < 0),
            self.mirror.cash(vault) / WAD if vault else 0.0,
        )

    def _note_line(self, account: int, assessment: Assessment, now: int) -> None:
        if assessment.equity < 0:
            self.insolvent.add(account)
        if assessment.mm > 0 and assessment.in_breach:
            self.breached.add(account)
            self._under_since.setdefault(account, now)
        elif account in self._under_since:
            self.spells.append(now - self._under_since.pop(account))
        if assessment.state == 0 and assessment.sighted and not self.mirror.sighted(account, now):
            self.unsighted[account] = self.unsighted.get(account, 0) + 1
            self.max_unsighted = max(self.max_unsighted, self.unsighted[account])
        else:
            self.unsighted.pop(account, None)


def health(assessment: Assessment) -> float | None:
    """equity / MM, for showing; None for an account that owes nothing."""
    return assessment.equity / assessment.mm if assessment.mm else None
