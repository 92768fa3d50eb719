"""The protocol's state as its events tell it; every block can be undone."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple, cast

from keeper.chain.events import (
    AccountChanged,
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
    TermsSet,
    Wired,
)

LOW_64 = (1 << 64) - 1
_ABSENT = object()


class Entry(NamedTuple):
    """An account's words: the header, and spot and position words in rising order of market, spot first."""

    header: int
    words: tuple[int, ...]

    @property
    def spots(self) -> int:
        """Map of markets with spot."""
        return self.header >> 128 & LOW_64

    @property
    def perps(self) -> int:
        """Map of markets with a position."""
        return self.header >> 192


class UnreadableError(Exception):
    """Events that do not fit what is known: the mirror missed something and must be read anew."""


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


def merged(old: Entry, header: int, changed: int, words: tuple[int, ...]) -> Entry:
    """The entry after an act that changed some words. Raises UnreadableError if a word is missing."""
    new = dict(zip(slots(old.spots, old.perps), old.words, strict=True))
    places = slots(changed & LOW_64, changed >> 64)
    if len(places) != len(words):
        raise UnreadableError(f"{len(words)} words for {len(places)} changes")
    new.update(zip(places, words, strict=True))
    held = slots(header >> 128 & LOW_64, header >> 192)
    try:
        return Entry(header, tuple(new[place] for place in held))
    except KeyError as error:
        raise UnreadableError(f"market {error.args[0]} is held but its word was never told") from error


EMPTY = Entry(0, ())
TABLES = ("accounts", "runs", "prices", "parameters", "slow_feeds", "books", "curves", "tokens", "operators", "scalars")


class Mirror:
    """All tables, the block they are of, and the previous values of the last blocks."""

    def __init__(self, history: int) -> None:
        self.number = -1
        self.block_hash = ""
        self.time = 0
        self.base_fee = 0
        self.accounts: dict[int, Entry] = {}
        self.runs: dict[int, int] = {}
        self.prices: dict[int, int] = {}
        self.parameters: dict[int, int] = {}
        self.slow_feeds: dict[int, int] = {}
        self.books: dict[int, int] = {}
        self.curves: dict[int, int] = {}
        self.tokens: dict[int, tuple[int, int]] = {}
        self.operators: dict[tuple[int, int], bool] = {}
        self.scalars: dict[str, int] = {}
        self.changed: set[int] = set()
        """Accounts whose words changed since whoever screens them looked last."""
        self._undo: deque[tuple[tuple[int, str, int, int], list[tuple[dict[Any, Any], Hashable, object]]]] = deque(
            maxlen=history
        )
        self._record: list[tuple[dict[Any, Any], Hashable, object]] = []

    def apply(self, number: int, block_hash: str, time: int, base_fee: int, events: Iterable[Event]) -> None:
        """Take in a block's events; all of them or, on UnreadableError, none."""
        before = (self.number, self.block_hash, self.time, self.base_fee)
        self._record = []
        try:
            for event in events:
                self._take(event)
        except UnreadableError:
            self._restore(self._record)
            raise
        self._undo.append((before, self._record))
        self.number, self.block_hash, self.time, self.base_fee = number, block_hash, time, base_fee

    def rollback(self, number: int) -> None:
        """Back to what was known after block `number`. Raises UnreadableError if that is further than the history."""
        while self.number > number:
            if not self._undo:
                raise UnreadableError(f"block {number} is further back than the history kept")
            before, record = self._undo.pop()
            self._restore(record)
            self.number, self.block_hash, self.time, self.base_fee = before

    def frozen(self) -> Mirror:
        """A copy of the tables as they are now, without the history; keys and values are shared, as none can change."""
        copy = Mirror(0)
        copy.number, copy.block_hash, copy.time, copy.base_fee = self.number, self.block_hash, self.time, self.base_fee
        for name in TABLES:
            getattr(copy, name).update(getattr(self, name))
        return copy

    def entry(self, account: int) -> Entry:
        """The account's words; empty for one never seen."""
        return self.accounts.get(account, EMPTY)

    def is_allowed(self, account: int, caller: int) -> bool:
        """Whether `caller` owns the account or operates it for its owner."""
        owner = account >> 96
        return owner == caller or self.operators.get((owner, caller), False)

    def _take(self, event: Event) -> None:
        match event:
            case AccountChanged(account, _, header, changed, words):
                self._put(self.accounts, account, merged(self.entry(account), header, changed, words))
                self.changed.add(account)
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

    def _restore(self, record: list[tuple[dict[Any, Any], Hashable, object]]) -> None:
        for table, key, old in reversed(record):
            if old is _ABSENT:
                del table[key]
            else:
                table[key] = old
            if table is self.accounts:
                self.changed.add(cast("int", key))
