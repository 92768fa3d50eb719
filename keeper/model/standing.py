"""Standing bids: what somebody takes of any account in breach, at a discount named beforehand (docs/exact.md, 7)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .auction import NOT_RELIEVED, PERCENT, SHARES, SHUT_DOWN, Quote, bid_quote, lambda_at, opener_share
from .auction_house import AuctionHouse
from .margin import BELOW_INITIAL
from .requirement import MAX_MARKETS, Assessment
from .rounding import BPS, WAD, ceil_div
from .state import Cell, Journal, Refused, Table, act, require
from .words import Run

PLACES = 64
MAX_SWEPT = 8
BOND = 5 * WAD
STAY = 600
MOST = 2**121 - 1
NOTHING = 2**96 - 1
"""The auction's sub-account that never has anything."""
TAKEN, LACKING, PASSED = range(3)


@dataclass(frozen=True, slots=True)
class Standing:
    """A bid on the book; capacity and minimum in requirement (WAD), interval in 1e-5 of it, tick in percent."""

    tick: int
    id: int
    interval: int
    markets: int
    capacity: int
    minimum: int
    posted: int

    def pack(self) -> int:
        """The word of its place."""
        return self.tick << 249 | self.id << 217 | self.interval << 185 | self.markets << 121 | self.capacity

    @classmethod
    def unpack(cls, word: int, minimum: int, posted: int = 0) -> Standing:
        """The bid of a word, and of what stands beside it."""
        return cls(
            tick=word >> 249,
            id=word >> 217 & 2**32 - 1,
            interval=word >> 185 & 2**32 - 1,
            markets=word >> 121 & 2**64 - 1,
            capacity=word & MOST,
            minimum=minimum,
            posted=posted,
        )

    def accepts(self, held: int, reached: int, assessment: Assessment) -> bool:
        """Whether λ has reached its tick, and it takes the account's markets and its prices' intervals."""
        narrow = (assessment.down + assessment.up) * 10**5 <= self.interval * assessment.mm
        return narrow and not held & ~self.markets and self.tick <= reached // PERCENT

    def asks(self, assessment: Assessment, iota: int) -> tuple[int, int]:
        """The fraction (WAD, rounded up) that its capacity is, and the requirement that capacity is counted in."""
        weight = max(assessment.mm, ceil_div(assessment.im * BPS, iota))
        return min(WAD, ceil_div(self.capacity * WAD, weight)), weight

    def wants(self, quote: Quote, weight: int) -> bool:
        """Whether what it would get is enough: its minimum, or all that the target wants."""
        least = min(self.minimum, quote.fraction_max * weight // WAD)
        return bool(quote.fraction) and quote.fraction * weight // WAD >= least


@dataclass(frozen=True, slots=True)
class Swept:
    """A part that a standing bid took, or was asked to: `outcome` TAKEN or LACKING."""

    id: int
    outcome: int
    quote: Quote


class StandingHouse(AuctionHouse):
    """The auction with its book of standing bids."""

    def _add_tables(self, journal: Journal) -> None:
        self.count = Cell[int](journal, "standing_count", 0)
        self.book = Table[int, Standing | None](journal, "standing_book", None)
        self.takers = Table[int, int](journal, "standing_takers", 0)

    def account_of(self, number: int) -> int:
        """The account of a bid: the auction's own."""
        return self.address << 96 | number

    def on_book(self) -> list[Standing]:
        """The bids on the book, in the order in which they are taken."""
        return sorted((bid for bid in self.book.rows.values() if bid), key=Standing.pack)

    @act
    def post(
        self,
        caller: int,
        taker: int,
        tick: int,
        capacity: int,
        minimum: int,
        markets: int,
        interval: int,
        cash: int,
    ) -> int:
        """Put a bid on the book, with cash of the taker's that covers all it offers; returns its id."""
        require(self.clearinghouse.is_allowed(taker, caller), "auction: not allowed")
        require(not self.closed_at.value, SHUT_DOWN)
        require(tick * 100 <= self.curves.value[-1].points[-1][1], "auction: tick out of range")
        require(0 < minimum <= capacity <= MOST, "auction: capacity out of range")
        require(markets < 2**64 and markets.bit_count() <= MAX_MARKETS, "auction: too many markets")
        require(interval < 2**32, "auction: interval out of range")
        self.clearinghouse.require_alone(taker)
        iota = self.clearinghouse.engine.risk.value.iota
        floors = markets.bit_count() * self.clearinghouse.engine.risk.value.min_requirement * 10**16
        needed = ceil_div(max(capacity, floors) * (10 * iota + interval), 10**5) + BOND
        require(needed <= cash < 2**128, "auction: not enough cash")
        live = self.on_book()
        if len(live) == PLACES:
            # Of several that offer least the newest goes.
            least = min(live, key=lambda bid: (bid.capacity, -bid.id))
            require(capacity > least.capacity, "auction: book is full")
            self.book[least.id] = None
        self.count.value += 1
        number = self.count.value
        self.book[number] = Standing(tick, number, interval, markets, capacity, minimum, self.clock.now)
        self.takers[number] = taker
        self._pay(taker, self.account_of(number), cash)
        self.clearinghouse.require_initial(taker)
        return number

    @act
    def remove(self, caller: int, number: int) -> None:
        """Take a bid off the book for good, and give all that its account has to its taker's."""
        taker = self.takers[number]
        require(taker != 0, "auction: no standing bid")
        require(self.clearinghouse.is_allowed(taker, caller), "auction: not allowed")
        bid = self.book[number]
        require(bid is None or self.clock.now >= bid.posted + STAY, "auction: posted lately")
        self._take_off(number)
        self.takers[number] = 0
        self.clearinghouse.slice(self.address, self.account_of(number), taker, WAD, 0, 0, taker, 0)
        self.clearinghouse.require_initial(taker)

    @act
    def sweep(self, caller: int, account: int, most: int) -> list[Swept]:
        """Standing bids take an account in breach, lowest tick first, then oldest; returns what became of each."""
        require(most <= MAX_SWEPT, "auction: too many to sweep")
        quote = self.quote(account, WAD, caller)
        if quote.reason in NOT_RELIEVED:
            raise Refused(quote.reason)
        stored = self.clearinghouse.accounts[account]
        held = stored.spots | stored.perps
        words = self.on_book()
        done: list[Swept] = []
        tried = 0
        # What is passed over is not tried.
        while tried < most:
            assessment = self.clearinghouse.judged(account)
            if quote.reason in NOT_RELIEVED:
                break
            run = self.sighting(self.runs[account], caller)
            fitting = [bid for bid in words if self._fits(bid, account, held, run, assessment)]
            if not fitting:
                break
            words.remove(fitting[0])
            outcome = self._sweep_one(caller, account, fitting[0], run, assessment)
            tried += outcome is not None
            if isinstance(outcome, Swept):
                done.append(outcome)
                quote = self.quote(account, WAD, caller)
        require(bool(done), "auction: nothing swept")
        return done

    def _fits(self, bid: Standing, account: int, held: int, run: Run, assessment: Assessment) -> bool:
        reached = lambda_at(self.curves.value[run.curve], self.clock.now - run.start)
        return bid.accepts(held, reached, assessment) and self.account_of(bid.id) != account

    def _sweep_one(
        self, caller: int, account: int, bid: Standing, run: Run, assessment: Assessment
    ) -> Swept | bool | None:
        """What became of a bid; True: it was tried and failed for another reason than margin, None: passed over."""
        terms, now = self.terms.value, self.clock.now
        asked, weight = bid.asks(assessment, self.clearinghouse.engine.risk.value.iota)
        curve = self.curves.value[run.curve]
        quote = bid_quote(assessment, run, curve, terms, now, asked, self.vault_left(), bid.tick)
        if not bid.wants(quote, weight):
            return None
        opener_gets, paid = opener_share(quote.penalty_paid, run.paid, terms.opener_cap)
        started = run.nonce != self.runs[account].nonce
        opener = (caller if started else run.opener) << 96
        outcome = self._try(account, bid.id, quote, opener, opener_gets)
        if outcome == LACKING:
            self._take_off(bid.id)
            self._forfeit(caller, bid.id)
        elif outcome == TAKEN:
            self._settle(account, replace(run, paid=min(SHARES, paid)), quote)
            left = bid.capacity - min(bid.capacity, ceil_div(quote.fraction * weight, WAD))
            self.book[bid.id] = replace(bid, capacity=left) if left >= bid.minimum else None
        return True if outcome == PASSED else Swept(bid.id, outcome, quote)

    def _try(self, account: int, number: int, quote: Quote, opener: int, opener_gets: int) -> int:
        house, taker = self.clearinghouse, self.account_of(number)
        mark = self.journal.begin()
        try:
            house.slice(
                self.address, account, taker, quote.fraction, quote.taker_pays, quote.account_gets, opener, opener_gets
            )
            house.require_initial(taker)
        except Refused as refused:
            self.journal.undo(mark)
            return LACKING if refused.reason == BELOW_INITIAL else PASSED
        self.journal.end(mark)
        return TAKEN

    def _take_off(self, number: int) -> None:
        if self.book[number]:
            self.book[number] = None

    def _forfeit(self, caller: int, number: int) -> None:
        account = self.account_of(number)
        assessment = self.clearinghouse.judged(account)
        if assessment.equity >= BOND + assessment.down:
            self._pay(account, caller << 96, BOND)

    def _pay(self, payer: int, receiver: int, amount: int) -> None:
        self.clearinghouse.slice(self.address, self.account_of(NOTHING), payer, WAD, amount, 0, receiver, amount)
