"""The Auction's acts: sightings, runs and bids (docs/exact.md, 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .auction import (
    NOT_LIVE,
    NOT_RELIEVED,
    SHARES,
    SHUT_DOWN,
    Quote,
    bid_quote,
    clock_start,
    known_loss,
    opener_share,
    run_continues,
)
from .clearinghouse import Clearinghouse
from .prices import LATE
from .rounding import BPS, WAD
from .state import Cell, Journal, Refused, Table, act, require
from .words import Curve, Limits, Run, Terms

ANY_NONCE = 2**256 - 1
ANY_MARKET = 2**256 - 1
MAX_PAID = SHARES
NONCES = 2**16


@dataclass(frozen=True, slots=True)
class Lot:
    """What a bidder wants of one account, and its limits (docs/exact.md, 7); WAD but for `markets` and `nonce`."""

    account: int
    fraction: int = WAD
    max_cost: int = 2**255 - 1
    min_release: int = 0
    min_fraction: int = 0
    markets: int = ANY_MARKET
    nonce: int = ANY_NONCE


@dataclass(frozen=True, slots=True)
class Taken:
    """One lot taken: what was asked, what the account was worth, and who got what."""

    lot: Lot
    quote: Quote
    opener: int
    opener_gets: int


class AuctionHouse:
    """Runs of sightings, the curves they follow, and the terms."""

    def __init__(
        self,
        journal: Journal,
        clearinghouse: Clearinghouse,
        address: int,
        terms: Terms,
        first: Curve,
        limits: Limits,
    ) -> None:
        self.journal = journal
        self.clearinghouse = clearinghouse
        self.clock = clearinghouse.clock
        self.address = address
        self.terms = Cell[Terms](journal, "terms", terms)
        self.curves = Cell[tuple[Curve, ...]](journal, "curves", (first,))
        self.runs = Table[int, Run](journal, "runs", Run())
        self.entries = Table[int, int](journal, "auction_entries", 0)
        self.limits = Cell[Limits](journal, "limits", limits)
        self.spent = Cell[tuple[int, int]](journal, "spent", (0, 0))
        self.closed_at = Cell[int](journal, "closed_at", 0)
        self._add_tables(journal)

    def _add_tables(self, journal: Journal) -> None:
        """What a house that does more keeps too."""

    @act
    def open(self, caller: int, accounts: Sequence[int]) -> dict[int, str]:
        """Sight accounts; returns those that were skipped, with the reason."""
        skipped = {}
        for account in accounts:
            assessment = self.clearinghouse.judged(account)
            run = self.runs[account]
            if assessment.state == LATE:
                skipped[account] = NOT_LIVE
                continue
            if assessment.sighted and not self.closed_at.value:
                self.enter(account, self.sighting(run, caller), known_loss(assessment))
            elif run.start or run.listed:
                self.enter(account, ended(run), 0)
        return skipped

    def enter(self, account: int, run: Run, known: int) -> None:
        """Store a run, with the loss that its account is known to bring."""
        if known != self.entries[account]:
            self.clearinghouse.change_entries(self.address, known - self.entries[account])
            self.entries[account] = known
        self.runs[account] = replace(run, listed=int(known != 0))

    def vault_left(self) -> int:
        """What the vault may still pay of λ in this epoch for accounts that have equity left."""
        limits, (epoch, paid) = self.limits.value, self.spent.value
        return max(0, limits.most - (paid if epoch == self.clock.now // limits.seconds else 0))

    def _spend(self, amount: int) -> None:
        if amount:
            now, (epoch, paid) = self.clock.now // self.limits.value.seconds, self.spent.value
            self.spent.value = (now, amount + (paid if epoch == now else 0))

    def sighting(self, run: Run, caller: int) -> Run:
        """The run as a sighting by `caller` now leaves it: one too long unwatched is over, and another starts."""
        now = self.clock.now
        if run_continues(run, self.terms.value, now):
            return replace(run, last=now, start=clock_start(run, self.terms.value, now))
        newest = len(self.curves.value) - 1
        return Run(caller, now, now, (run.nonce + 1) % NONCES, newest, run.listed)

    def quote(self, account: int, fraction: int, caller: int = 0) -> Quote:
        """What a bid for `fraction` would move now, before a lot's limits; it carries the run as stored."""
        run = self.runs[account]
        curve = self.curves.value[self.sighting(run, caller).curve]
        assessment, terms = self.clearinghouse.judged(account), self.terms.value
        if self.closed_at.value and assessment.state != LATE and assessment.sighted:
            return Quote(SHUT_DOWN, assessment.equity, assessment.mm, assessment.up, run)
        return bid_quote(assessment, run, curve, terms, self.clock.now, fraction, self.vault_left())

    @act
    def bid(self, caller: int, taker: int, lots: Sequence[Lot]) -> tuple[list[Taken], list[tuple[int, str]]]:
        """Take what the lots' limits allow into `taker`, then test its margin; returns what was taken and skipped."""
        require(self.clearinghouse.is_allowed(taker, caller), "auction: not allowed")
        taken: list[Taken] = []
        skipped: list[tuple[int, str]] = []
        for lot in lots:
            require(0 < lot.fraction <= WAD, "auction: fraction out of range")
            outcome = self._take(taker, lot)
            if isinstance(outcome, str):
                skipped.append((lot.account, outcome))
            else:
                taken.append(outcome)
        if not taken:
            raise Refused(skipped[-1][1] if skipped else "auction: nothing to take")
        self.clearinghouse.require_initial(taker)
        return taken, skipped

    def _take(self, taker: int, lot: Lot) -> Taken | str:
        if lot.account == taker:
            return "auction: taker is the account"
        quote = self.quote(lot.account, lot.fraction)
        if quote.reason in NOT_RELIEVED:
            return quote.reason
        refusal = self._limits(lot, quote)
        if refusal:
            return refusal

        run = self.sighting(quote.run, taker >> 96)
        opener = taker if run.nonce != quote.run.nonce else run.opener << 96
        opener_gets, paid = opener_share(quote.penalty_paid, run.paid, self.terms.value.opener_cap)
        self._settle(lot.account, replace(run, paid=paid), quote)
        self.clearinghouse.slice(
            self.address, lot.account, taker, quote.fraction, quote.taker_pays, quote.account_gets, opener, opener_gets
        )
        return Taken(lot, quote, opener, opener_gets)

    def _settle(self, account: int, run: Run, quote: Quote) -> None:
        """The run, the entry and the vault's epoch as a slice leaves them."""
        self._spend(quote.vault_pays)
        known = max(0, -(quote.equity + quote.up))
        run = replace(run, nonce=(run.nonce + 1) % NONCES)
        self.enter(account, ended(run) if quote.ends else run, known - known * quote.fraction // WAD)

    def _limits(self, lot: Lot, quote: Quote) -> str:
        if lot.nonce not in (ANY_NONCE, quote.run.nonce):
            return "auction: nonce changed"
        stored = self.clearinghouse.accounts[lot.account]
        if (stored.spots | stored.perps) & ~lot.markets:
            return "auction: market not accepted"
        if quote.reason:
            return quote.reason
        if quote.fraction < lot.min_fraction:
            return "auction: fraction below minimum"
        if quote.mm < lot.min_release:
            return "auction: requirement below minimum"
        if quote.unit_cost > lot.max_cost:
            return "auction: cost above limit"
        return ""

    # The owner's: the contract checks who.

    @act
    def add_curve(self, curve: Curve) -> int:
        """Append a curve, which runs that start from now on follow; returns its id."""
        require(not self.closed_at.value, SHUT_DOWN)
        self.curves.value = (*self.curves.value, curve)
        return len(self.curves.value) - 1

    @act
    def set_terms(self, terms: Terms) -> None:
        """Replace the terms."""
        iota = self.clearinghouse.engine.risk.value.iota
        in_range = BPS < terms.target <= iota and terms.penalty < terms.target - BPS
        require(in_range and terms.backstop > 0 and terms.watch > 0, "auction: terms out of range")
        require(not self.closed_at.value, SHUT_DOWN)
        self.terms.value = terms

    @act
    def set_limits(self, limits: Limits) -> None:
        """Replace the vault's limits."""
        require(limits.seconds > 0, "auction: limits out of range")
        self.limits.value = limits


def ended(run: Run) -> Run:
    """A run cleared: its nonce and curve are kept, and whether its account has an entry."""
    return Run(nonce=run.nonce, curve=run.curve, listed=run.listed)
