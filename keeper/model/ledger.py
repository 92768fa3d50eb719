"""The Clearinghouse's books: accounts, cash and its interest, market sums (docs/exact.md, 1 and 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from . import interest
from .interest import MAX_CASH
from .requirement import MAX_MARKETS, Assessment, Holding
from .risk_engine import RiskEngine
from .rounding import WAD
from .state import Cell, Journal, Table, require
from .words import Custody, Header, Indices, MarketBook, Position, Settings, Totals

MAX_SIZE = 10**33
MAX_COST = 10**36
MARKETS = 64
NOTHING: Mapping[int, Holding] = MappingProxyType({})
NO_HOLDING = Holding()

ZERO_OWNER = "clearinghouse: owner is zero"
UNKNOWN_MARKET = "clearinghouse: unknown market"
TOO_MANY_MARKETS = "clearinghouse: too many markets"
CASH_OUT_OF_BOUNDS = "clearinghouse: cash out of bounds"
SIZE_OUT_OF_BOUNDS = "clearinghouse: size out of bounds"


class Account(NamedTuple):
    """An account as stored: cash principal, and what it holds in each market that is not empty."""

    principal: int = 0
    holdings: Mapping[int, Holding] = NOTHING

    @property
    def spots(self) -> int:
        """Map of the markets with spot."""
        return sum(1 << market for market, holding in self.holdings.items() if holding.spot)

    @property
    def perps(self) -> int:
        """Map of the markets with a position word."""
        return sum(1 << market for market, holding in self.holdings.items() if holding.size or holding.cost)

    @property
    def markets(self) -> int:
        """Map of the markets with either."""
        return self.spots | self.perps

    @property
    def header(self) -> Header:
        """The account's header word."""
        return Header(self.principal, self.spots, self.perps)

    def position(self, market: int) -> Position:
        """The position word of a market."""
        holding = self.holdings.get(market, NO_HOLDING)
        return Position(holding.size, holding.cost)


EMPTY = Account()


def with_holding(holdings: Mapping[int, Holding], market: int, holding: Holding) -> dict[int, Holding]:
    """A copy of `holdings` in which `market` is `holding`."""
    after = dict(holdings)
    if any(holding):
        after[market] = holding
    else:
        after.pop(market, None)
    return after


def check_holding(holding: Holding) -> None:
    """Refuse a holding beyond the bounds of magnitude."""
    in_bounds = holding.spot <= MAX_SIZE and abs(holding.size) <= MAX_SIZE and abs(holding.cost) <= MAX_COST
    require(in_bounds, SIZE_OUT_OF_BOUNDS)


class Ledger:
    """Accounts and sums, and how cash is read and written; acts are built on it."""

    def __init__(self, journal: Journal, engine: RiskEngine, settings: Settings, quote_decimals: int) -> None:
        self.journal = journal
        self.engine = engine
        self.clock = engine.clock
        self.quote_scale = 10 ** (18 - quote_decimals)
        self.accounts = Table[int, Account](journal, "accounts", EMPTY)
        self.books = Table[int, MarketBook](journal, "books", MarketBook())
        self.spot_totals = Table[int, int](journal, "spot_totals", 0)
        self.indices = Cell[Indices](journal, "indices", Indices(WAD, WAD))
        self.totals = Cell[Totals](journal, "totals", Totals())
        self.custody = Cell[Custody](journal, "custody", Custody())
        self.settings = Cell[Settings](journal, "settings", settings)
        self.indices.value = Indices(WAD, WAD, self.clock.now)

    # Cash

    def accrue(self) -> tuple[Totals, int]:
        """Bring the indices up to now; returns totals and tokens held, for `finish`."""
        indices, custody = interest.accrue(self.indices.value, self.totals.value, self.custody.value, self.clock.now)
        if indices is not self.indices.value:
            self.indices.value = indices
            self.custody.value = custody
        return self.totals.value, self.custody.value.held

    def finish(self, before: tuple[Totals, int]) -> None:
        """Set the rates if totals or tokens held are not what they were."""
        if (self.totals.value, self.custody.value.held) != before:
            self.set_rates()

    def set_rates(self) -> None:
        """Rates follow from the present utilisation."""
        self.indices.value = interest.set_rates(
            self.indices.value, self.totals.value, self.custody.value, self.settings.value
        )

    def worth(self, principal: int) -> int:
        """Cash of a principal at the stored indices."""
        return interest.cash_of(principal, self.indices.value)

    def rounded(self, cash: int) -> int:
        """What is left of an amount of cash once it has been written as principal."""
        return self.worth(interest.principal_of(cash, self.indices.value))

    def cash_now(self, account: int) -> int:
        """An account's cash with the interest up to now, whenever the indices were last stored."""
        indices, _ = interest.accrue(self.indices.value, self.totals.value, self.custody.value, self.clock.now)
        return interest.cash_of(self.accounts[account].principal, indices)

    def write(self, account: int, change: int, holdings: Mapping[int, Holding]) -> None:
        """Store an account after its cash changed by `change`; principal is touched only if that is not 0."""
        principal = self.accounts[account].principal
        if change:
            cash = self.worth(principal) + change
            require(abs(cash) <= MAX_CASH, CASH_OUT_OF_BOUNDS)
            after = interest.principal_of(cash, self.indices.value)
            totals = self.totals.value
            self.totals.value = Totals(
                totals.positive - max(principal, 0) + max(after, 0),
                totals.negative - max(-principal, 0) + max(-after, 0),
            )
            principal = after
        self.accounts[account] = Account(principal, holdings)

    def move_cash(self, account: int, change: int) -> None:
        """Change an account's cash and nothing else of it."""
        if change:
            self.write(account, change, self.accounts[account].holdings)

    def move_tokens(self, change: int) -> None:
        """Quote tokens held, by an amount in WAD."""
        custody = self.custody.value
        self.custody.value = replace(custody, held=custody.held + change)

    # Positions

    def hold(self, holdings: Mapping[int, Holding], market: int, holding: Holding) -> dict[int, Holding]:
        """As `with_holding`, within the bounds of magnitude and of how many markets an account may have."""
        check_holding(holding)
        after = with_holding(holdings, market, holding)
        require(len(after) <= MAX_MARKETS, TOO_MANY_MARKETS)
        return after

    def book_cost(self, market: int, change: int) -> None:
        """Σ cost of a market."""
        book = self.books[market]
        self.books[market] = replace(book, cost=book.cost + change)

    def book_size(self, market: int, before: Iterable[int], after: Iterable[int]) -> None:
        """Σ |size| of a market, from the sizes that change."""
        change = sum(abs(size) for size in after) - sum(abs(size) for size in before)
        if change:
            book = self.books[market]
            self.books[market] = replace(book, size=book.size + change)

    # Looking

    def assess(self, account: int) -> Assessment:
        """Equity and requirement of an account now."""
        return self.engine.assess(self.cash_now(account), self.accounts[account].holdings)

    def appraise(self, account: int) -> Assessment:
        """As `assess`, with the spot of an account that owes nothing priced too."""
        return self.engine.appraise(self.cash_now(account), self.accounts[account].holdings)
