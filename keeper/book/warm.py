"""All compiled functions called once, so that none has to be made or loaded while a head waits."""

from __future__ import annotations

import numpy as np

from keeper.book import line, rows
from keeper.book.line import Table
from keeper.book.screen import MARKETS
from keeper.book.store import Book, packed
from keeper.chain.events import AccountChanged, changes_of
from keeper.model.words import BUCKETS, Header

MACHINE = tuple(
    made for module in (rows, line) for made in vars(module).values() if hasattr(made, "signatures") and made.py_func
)
"""Every compiled function."""


def warm_up() -> None:
    """On a book of one account, with arguments of the types that they are called with later."""
    book = Book()
    account = AccountChanged(1, 0, Header(-1, spots=1, perps=1).pack(), 1 | 1 << 64, (1, 1))
    book.undo(book.apply(changes_of([account])))
    book.apply(changes_of([account]))
    book.row(1)
    book = Book.unpacked(*packed(book.copied()))
    table = Table(
        np.zeros((MARKETS, line.COLUMNS)), np.zeros(MARKETS, np.int64), np.zeros((BUCKETS, BUCKETS)), np.ones(5)
    )
    all_rows, found = np.zeros(1, np.int64), np.zeros(1, np.int64)
    radius = np.zeros(1, np.float32)
    line.radii(book.columns, table, 0, 1, radius)
    line.radii_of(book.columns, table, all_rows, radius)
    line.sighted(book.columns, table, all_rows, 0, 1, found)
    line.measured(book.columns, table, 0, 1, np.zeros((1, 4)))


if __name__ == "__main__":
    warm_up()
