"""Which offers to take now, how much of each, and within which limits, such that the taker stays at its margin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from keeper.book.exact import Exact, Holdings, joined, part_of
from keeper.config import wad
from keeper.config.schema import BidSection, FeesSection
from keeper.decide.backing import Backing, backing_of, shared
from keeper.decide.models import BidModel
from keeper.decide.offer import GAS_BID, Offer, offer_of
from keeper.decide.rivals import Label
from keeper.model.auction import LEAST, opener_share
from keeper.model.margin import spare
from keeper.model.prices import LATE
from keeper.model.requirement import MAX_MARKETS, Assessment
from keeper.model.rounding import BPS, WAD, ceil_div

STEPS = 10
"""Halvings in the search for the largest fraction: to a thousandth."""


@dataclass(frozen=True, slots=True)
class Lot:
    """A lot as the Auction takes it (docs/exact.md, 7)."""

    account: int
    fraction: int
    max_cost: int
    min_release: int
    min_fraction: int
    markets: int
    nonce: int

    def as_tuple(self) -> tuple[int, int, int, int, int, int, int]:
        """In the order of the ABI."""
        return (
            self.account,
            self.fraction,
            self.max_cost,
            self.min_release,
            self.min_fraction,
            self.markets,
            self.nonce,
        )


@dataclass(frozen=True, slots=True)
class Bid:
    """One transaction's lots, what they should bring, and the margin they bind at most, taken as asked. WAD quote."""

    taker: int
    lots: tuple[Lot, ...]
    profit: int
    margin: int
    gas: int


@dataclass(slots=True)
class Book:
    """The taker's book with the lots chosen so far in it."""

    cash: int
    holdings: Holdings
    assessment: Assessment
    backing: Backing
    lots: list[Lot] = field(default_factory=list)
    profit: int = 0
    gas: int = GAS_BID


class Taken(NamedTuple):
    """The taker's book after one more lot, and who is left to pay for the next."""

    cash: int
    holdings: Holdings
    assessment: Assessment
    backing: Backing


class Bidder:
    """Turns offers into at most one bid."""

    def __init__(self, bid: BidSection, fees: FeesSection, model: BidModel, taker: int) -> None:
        self._bid = bid
        self._fees = fees
        self._model = model
        self._taker = taker
        self._markets = None if bid.markets is None else sum(1 << market for market in set(bid.markets))
        self.whys: dict[int, Label] = {}
        """What kept each of the accounts that were looked at last from being bid for."""
        self._allow = {int(name, 0) for name in bid.allow}
        self._deny = {int(name, 0) for name in bid.deny}

    def offers(self, exact: Exact, accounts: Iterable[int]) -> list[Offer]:
        """Those among the accounts that can be bid for, the most profitable first."""
        found = []
        self.whys = {}
        for account in accounts:
            if not self._wanted(account):
                self.whys[account] = "excluded"
                continue
            offer = offer_of(exact, account, self._bid, self._fees)
            if offer is None:
                # Not in a run yet, so λ is 0.
                self.whys[account] = "unprofitable"
            elif self._markets is not None and offer.maps & ~self._markets:
                self.whys[account] = "excluded"
            else:
                found.append(offer)
        return sorted(found, key=lambda offer: -offer.profit(offer.quote.fraction))

    def choose(self, exact: Exact, offers: Iterable[Offer], free: int) -> Bid | None:
        """The bid to make now with `free` of the taker's margin, or None if nothing pays or can be carried."""
        cash, holdings = exact.cash(self._taker), exact.holdings(self._taker)
        book = Book(cash, holdings, exact.measure(cash, holdings), backing_of(exact))
        start = spare(book.assessment)
        floor = max(0, start - free)
        for offer in offers:
            if len(book.lots) == self._bid.lots or book.gas + offer.gas > self._fees.max_gas:
                break
            asked = self._largest(exact, book, offer, floor)
            taken = self._after(exact, book, offer, asked) if asked else None
            if taken is None:
                self.whys[offer.account] = "capital" if self._pays(offer) else "unprofitable"
            elif self._model.takes(offer, min(asked, offer.quote.fraction)):
                self._take(book, offer, asked, taken)
            else:
                self.whys[offer.account] = "outbid"
        if not book.lots:
            return None
        margin = max(0, start - spare(book.assessment))
        return Bid(self._taker, tuple(book.lots), book.profit, margin, book.gas)

    def by_hand(self, exact: Exact, offer: Offer, asked: int) -> Bid | None:
        """A bid for this fraction whatever it brings; None where the Auction would refuse it. It may clip it."""
        cash, holdings = exact.cash(self._taker), exact.holdings(self._taker)
        book = Book(cash, holdings, exact.measure(cash, holdings), backing_of(exact))
        start = spare(book.assessment)
        taken = None if exact.quote(offer.account, asked).reason else self._after(exact, book, offer, asked)
        if taken is None:
            return None
        self._take(book, offer, asked, taken)
        return Bid(self._taker, tuple(book.lots), book.profit, max(0, start - spare(book.assessment)), book.gas)

    def _wanted(self, account: int) -> bool:
        if account == self._taker or {account, account >> 96} & self._deny:
            return False
        return not self._allow or bool({account, account >> 96} & self._allow)

    def _pays(self, offer: Offer) -> bool:
        """Whether any part that is for sale brings what it must."""
        least = offer.least(wad(self._bid.min_profit))
        return least is not None and least <= offer.quote.fraction

    def _largest(self, exact: Exact, book: Book, offer: Offer, floor: int) -> int:
        """The largest fraction (WAD) to ask for that is worth its while and that the taker can carry, or 0.

        A taker that can carry the whole asks for it: the Auction clips it to what brings the account back to its
        target, at the prices of the block that has the bid rather than at those of now.

        What the margin leaves over is concave in the fraction, so those that can be carried are an interval; where it
        begins at 0, as it does for a taker at its margin, halving finds its other end.
        """
        most = offer.quote.fraction
        if not self._pays(offer):
            return 0
        least = offer.least(wad(self._bid.min_profit)) or 0
        for fraction in sorted({WAD, most}, reverse=True):
            if self._carries(exact, book, offer, fraction, floor):
                return fraction
        # Less is no part that the Auction sells.
        low = max(least, int(self._bid.min_fraction * WAD), ceil_div(offer.floor // LEAST * WAD, offer.quote.mm))
        if low >= most or not self._carries(exact, book, offer, low, floor):
            return 0
        high = most
        for _ in range(STEPS):
            middle = (low + high) // 2
            if self._carries(exact, book, offer, middle, floor):
                low = middle
            else:
                high = middle
        return low

    def _carries(self, exact: Exact, book: Book, offer: Offer, fraction: int, floor: int) -> bool:
        if exact.quote(offer.account, fraction).reason:
            return False
        taken = self._after(exact, book, offer, fraction)
        if taken is None:
            return False
        after = taken.assessment
        if len(taken.holdings) > MAX_MARKETS or after.state == LATE or after.mm > wad(self._bid.max_requirement):
            return False
        buffer = after.im * self._bid.margin_buffer_bps // BPS
        return spare(after) >= max(floor, buffer)

    def _after(self, exact: Exact, book: Book, offer: Offer, fraction: int) -> Taken | None:
        """The taker's book with so much of the account, also where the Auction would clip it; None: it is refused.

        A loss that is shared falls on the taker's own cash as on everybody's, and so counts in its margin.
        """
        quote = offer.quote
        part_cash, part = part_of(offer.cash, offer.holdings, fraction)
        pays = ceil_div(fraction * (quote.equity * WAD - quote.lambda_taker * quote.mm), WAD**2)
        cash = book.cash + part_cash - pays
        moved = exact.quote(offer.account, fraction)
        opener, _ = opener_share(moved.penalty_paid, moved.run.paid, exact.terms.opener_cap)
        given, _ = part_of(offer.cash, {}, moved.fraction)
        got, left = book.cash + given - moved.taker_pays, offer.cash - given + moved.account_gets
        more = max(got, 0) - max(book.cash, 0) + max(left, 0) - max(offer.cash, 0)
        backing = book.backing.after(moved.account_gets + opener - moved.taker_pays, more)
        if backing is None:
            return None
        cash = shared(cash, book.backing, backing)
        holdings = joined([book.holdings, part])
        return Taken(cash, holdings, exact.measure(cash, holdings), backing)

    def _take(self, book: Book, offer: Offer, asked: int, taken: Taken) -> None:
        book.cash, book.holdings, book.assessment, book.backing = taken
        book.lots.append(self._lot(offer, asked))
        book.profit += offer.profit(min(asked, offer.quote.fraction))
        book.gas += offer.gas

    def _lot(self, offer: Offer, asked: int) -> Lot:
        quote = offer.quote
        slack, gone = (quote.mm * bps // BPS for bps in (self._bid.cost_slack_bps, self._bid.release_slack_bps))
        if offer.doubtful:
            # Its owner may add what is worth nothing and counts as if it were: no more than what the lot brings.
            slack = min(slack, max(0, offer.profit(WAD)))
        least = offer.least(0) or 0
        # What an account is worth moves with prices from block to block, what its discount brings hardly does.
        return Lot(
            account=offer.account,
            fraction=asked,
            max_cost=quote.unit_cost + slack,
            min_release=quote.mm - gone,
            min_fraction=min(asked, max(least, 1)),
            markets=offer.maps,
            nonce=quote.run.nonce,
        )
