"""Who may be under the line, head after head: only those that the moves of the markets can have brought there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from keeper.book import line
from keeper.book.exact import Exact
from keeper.book.rows import I64
from keeper.book.screen import Markets, markets_of, moved
from keeper.book.store import Book
from keeper.book.threads import halves, spread

FULL = 0.25
"""Part of all rows from which on it is quicker to look at all of them, one after the other."""
OFTEN = 1 / 200
"""Part of all rows that may be looked at for nothing before the reference is taken anew."""
FAR = 3
"""So many times the last head's move the markets must be away from it: else a new one would not spare much."""


class Selected(NamedTuple):
    """Rows that may be sighted, and how many were looked at to find them."""

    rows: I64
    looked_at: int


class Watch:
    """Radii of all rows around a reference state of the markets; follows one book."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._radius = np.zeros(0, np.float32)
        self._reference: Markets | None = None
        self._before: Markets | None = None
        """The markets at the last head."""
        self._wasted = 0
        self._is_far = False

    def select(self, exact: Exact) -> Selected:
        """Rows that a sighting now may find in breach; all others it would not."""
        markets = markets_of(exact)
        before, self._before = self._before, markets
        count = len(self.book)
        if self._reference is None:
            self._refer(markets)
        else:
            self._follow(self._reference)
            reach = moved(self._reference, markets)
            near = np.flatnonzero(self._radius[:count] <= reach)
            if len(near) <= FULL * count:
                found = self._look(markets, near)
                self._wasted = len(near) - len(found)
                self._is_far = before is not None and reach > FAR * moved(before, markets)
                return Selected(found, len(near))
            self._refer(markets)
        # What was measured at the state of now: −1 says that a row may be sighted there.
        return Selected(np.flatnonzero(self._radius[:count] < 0), count)

    @property
    def is_worn(self) -> bool:
        """Whether `renew` would spare the next head much."""
        return self._is_far and self._wasted > max(len(self.book) * OFTEN, 1_000)

    def renew(self, exact: Exact) -> None:
        """Take the state of now as the reference: all rows are looked at, so when there is time."""
        self._refer(markets_of(exact))

    def _refer(self, markets: Markets) -> None:
        self.book.take_changed()
        count = len(self.book)
        self._reserve(count)
        columns, table, radius = self.book.columns, markets.table, self._radius
        spread(lambda first, last: line.radii(columns, table, first, last, radius), halves(count))
        self._reference = markets
        self._wasted = 0

    def _follow(self, reference: Markets) -> None:
        """Radii around the same reference of rows that changed."""
        changed = self.book.take_changed()
        if len(changed):
            self._reserve(len(self.book))
            columns, table, radius = self.book.columns, reference.table, self._radius
            spread(lambda first, last: line.radii_of(columns, table, changed[first:last], radius), halves(len(changed)))

    def _look(self, markets: Markets, near: I64) -> I64:
        columns, table = self.book.columns, markets.table
        found = np.empty(len(near), np.int64)
        parts = halves(len(near))
        counts = spread(lambda first, last: line.sighted(columns, table, near, first, last, found), parts)
        return np.concatenate([found[first : first + n] for (first, _), n in zip(parts, counts, strict=True)])

    def _reserve(self, count: int) -> None:
        if count > len(self._radius):
            radius = np.full(count + count // 4 + 64, -1, np.float32)
            radius[: len(self._radius)] = self._radius
            self._radius = radius
