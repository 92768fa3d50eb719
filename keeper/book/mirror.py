"""The protocol's state as its events tell it; every block can be undone."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple

from keeper.book.store import Book, Entry, Rows, UnreadableError
from keeper.chain.events import (
    BookChanged,
    CurveAdded,
    Event,
    InterestChanged,
    LimitsSet,
    MarketSet,
    OperatorSet,
    PricesUpdated,
    RiskSet,
    RunChanged,
    SettingsSet,
    ShutDown,
    SlowFeedSet,
    SpentChanged,
    SpotListed,
    StandingChanged,
    StandingPosted,
    TermsSet,
    Told,
    Wired,
    told_by,
)

_ABSENT = object()


def bits(word: int) -> list[int]:
    """The set bits, rising."""
    found = []
    while word:
        low = word & -word
        found.append(low.bit_length() - 1)
        word ^= low
    return found


def slots(spots: int, perps: int) -> list[tuple[int, bool]]:
    """The order of words: (market, is it the position)."""
    order = []
    for market in bits(spots | perps):
        if spots >> market & 1:
            order.append((market, False))
        if perps >> market & 1:
            order.append((market, True))
    return order


TABLES = (
    *("runs", "prices", "parameters", "slow_feeds", "books", "curves", "tokens", "operators"),
    *("standing", "minimums", "scalars"),
)


_Record = list[tuple[dict[Any, Any], Hashable, object]]
"""Tables and keys that were written, with what stood there before."""


class _Before(NamedTuple):
    """What a block found: where the mirror stood, small tables' values, accounts' rows."""

    at: tuple[int, str, int, int]
    record: _Record
    rows: Rows | None


class Mirror:
    """All tables, the block they are of, and the previous values of the last blocks."""

    def __init__(self, history: int, book: Book | None = None) -> None:
        self.number = -1
        self.block_hash = ""
        self.time = 0
        self.base_fee = 0
        self.book = Book() if book is None else book
        self.runs: dict[int, int] = {}
        self.prices: dict[int, int] = {}
        self.parameters: dict[int, int] = {}
        self.slow_feeds: dict[int, int] = {}
        self.books: dict[int, int] = {}
        self.curves: dict[int, int] = {}
        self.tokens: dict[int, tuple[int, int]] = {}
        self.operators: dict[tuple[int, int], bool] = {}
        self.standing: dict[int, int] = {}
        """Words of standing bids by id; 0: off the book."""
        self.minimums: dict[int, int] = {}
        """The least requirement that each takes at a time."""
        self.scalars: dict[str, int] = {}
        self._undo: deque[_Before] = deque(maxlen=history)
        self._record: _Record = []

    def apply(self, number: int, block_hash: str, time: int, base_fee: int, told: Told | Iterable[Event]) -> None:
        """Take in a block's events; all of them or, on UnreadableError, none."""
        told = told if isinstance(told, Told) else told_by(told)
        at = (self.number, self.block_hash, self.time, self.base_fee)
        rows = self.book.apply(told.changes) if len(told.changes.at) else None
        self._record = []
        for event in told.events:
            self._take(event)
        self._undo.append(_Before(at, self._record, rows))
        self.number, self.block_hash, self.time, self.base_fee = number, block_hash, time, base_fee

    def rollback(self, number: int) -> None:
        """Back to what was known after block `number`. Raises UnreadableError if that is further than the history."""
        while self.number > number:
            if not self._undo:
                raise UnreadableError(f"block {number} is further back than the history kept")
            at, record, rows = self._undo.pop()
            if rows is not None:
                self.book.undo(rows)
            for table, key, old in reversed(record):
                if old is _ABSENT:
                    del table[key]
                else:
                    table[key] = old
            self.number, self.block_hash, self.time, self.base_fee = at

    def entry(self, account: int) -> Entry:
        """The account's words; empty for one never seen."""
        return self.book.entry(account)

    def is_allowed(self, account: int, caller: int) -> bool:
        """Whether `caller` owns the account or operates it for its owner."""
        owner = account >> 96
        return owner == caller or self.operators.get((owner, caller), False)

    def _take(self, event: Event) -> None:
        match event:
            case RunChanged(account, run):
                self._put(self.runs, account, run)
            case PricesUpdated(_, markets, words):
                for market, word in zip(bits(markets), words, strict=True):
                    self._put(self.prices, market, word)
            case InterestChanged(indices, totals, custody):
                self._put(self.scalars, "indices", indices)
                self._put(self.scalars, "totals", totals)
                self._put(self.scalars, "custody", custody)
            case BookChanged(market, book):
                self._put(self.books, market, book)
            case MarketSet(market, parameters):
                self._put(self.parameters, market, parameters)
            case SlowFeedSet(market, feed):
                self._put(self.slow_feeds, market, feed)
            case OperatorSet(owner, operator, allowed):
                self._put(self.operators, (owner, operator), allowed)
            case SpotListed(market, token, decimals):
                self._put(self.tokens, market, (token, decimals))
            case StandingPosted(number, _, minimum, word):
                self._put(self.standing, number, word)
                self._put(self.minimums, number, minimum)
            case StandingChanged(number, word):
                self._put(self.standing, number, word)
            case CurveAdded(number, curve):
                self._put(self.curves, number, curve)
            case RiskSet(risk, target, times):
                self._put(self.scalars, "risk", risk)
                self._put(self.scalars, "risk_target", target)
                self._put(self.scalars, "risk_times", times)
            case TermsSet(terms):
                self._put(self.scalars, "terms", terms)
            case ShutDown(time):
                self._put(self.scalars, "shut_down", time)
            case LimitsSet(limits):
                self._put(self.scalars, "limits", limits)
            case SpentChanged(spent):
                self._put(self.scalars, "spent", spent)
            case SettingsSet(settings):
                self._put(self.scalars, "settings", settings)
            case Wired(auction, vault, _):
                self._put(self.scalars, "auction", auction)
                self._put(self.scalars, "vault", vault)
            case _:  # Taken tells of a sale whose effects other events carry.
                return

    def _put(self, table: dict[Any, Any], key: Hashable, value: object) -> None:
        self._record.append((table, key, table.get(key, _ABSENT)))
        table[key] = value
