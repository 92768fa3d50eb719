"""Every account as a row of columns, exact to the bit: the one place where the keeper holds them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from keeper.book import rows as machine
from keeper.book.rows import I64, PLACES, ROWS, U64, USED, Columns
from keeper.chain.events import WORD, Changes

LOW_64 = (1 << 64) - 1
_LEAST_ROWS = 64
_LEASTWORDS = 128
NOBODY = -1
_NOTES = 256


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


EMPTY = Entry(0, ())


class UnreadableError(Exception):
    """Events that do not fit what is known: the mirror missed something and must be read anew."""


class Rows(NamedTuple):
    """Rows as they were: headers, and words one row after the other."""

    rows: I64
    headers: U64
    words: U64


class Book:
    """Rows grow as accounts appear; an emptied account keeps its row until the book is read from a snapshot."""

    def __init__(self) -> None:
        self._secret = np.uint64(secrets.randbits(64))
        self.columns = Columns(
            ids=np.zeros((_LEAST_ROWS, 4), np.uint64),
            headers=np.zeros((_LEAST_ROWS, 4), np.uint64),
            start=np.zeros(_LEAST_ROWS, np.uint32),
            room=np.zeros(_LEAST_ROWS, np.uint8),
            arena=np.zeros((_LEASTWORDS, 4), np.uint64),
            table=np.full(4 * _LEAST_ROWS, NOBODY, np.int32),
            free=np.zeros(len(PLACES), np.int64),
            counts=np.zeros(2, np.int64),
        )
        self._changed: list[I64] = []
        self._asked = np.zeros((1, 4), np.uint64)
        self._asked_bytes = self._asked.view(np.uint8).data.cast("B")

    def __len__(self) -> int:
        return int(self.columns.counts[ROWS])

    @property
    def nbytes(self) -> int:
        """Memory of all columns."""
        return sum(column.nbytes for column in self.columns)

    def row(self, account: int) -> int:
        """The account's row, or −1."""
        columns = self.columns
        self._asked_bytes[:] = account.to_bytes(WORD, "little")
        seat = machine.seat(columns.ids, columns.table, self._secret, self._asked, 0)
        return int(columns.table[seat])

    def account(self, row: int) -> int:
        """Whose row it is."""
        return int.from_bytes(self.columns.ids[row].tobytes(), "little")

    def raw(self, row: int) -> tuple[int, bytes]:
        """The row's header, and its words as bytes, the lowest first."""
        columns = self.columns
        header = int.from_bytes(columns.headers[row].tobytes(), "little")
        start = int(columns.start[row])
        return header, columns.arena[start : start + (header >> 128).bit_count()].tobytes()

    def read(self, rows: I64) -> Iterator[tuple[int, int, bytes]]:
        """Of each of these rows the account, its header and its words as bytes, the lowest first."""
        kept = _kept(self.columns, rows)
        ids, headers, words = self.columns.ids[rows].tobytes(), kept.headers.tobytes(), kept.words.tobytes()
        at = 0
        for place in range(0, len(ids), WORD):
            header = int.from_bytes(headers[place : place + WORD], "little")
            end = at + WORD * (header >> 128).bit_count()
            yield int.from_bytes(ids[place : place + WORD], "little"), header, words[at:end]
            at = end

    def entry(self, account: int) -> Entry:
        """The account's words; empty for one never seen."""
        row = self.row(account)
        return EMPTY if row < 0 else self.entry_at(row)

    def entry_at(self, row: int) -> Entry:
        """The row's words."""
        header, data = self.raw(row)
        words = (int.from_bytes(data[at : at + WORD], "little") for at in range(0, len(data), WORD))
        return Entry(header, tuple(words))

    def items(self) -> Iterator[tuple[int, Entry]]:
        """Accounts that have anything, with their words."""
        for row in range(len(self)):
            entry = self.entry_at(row)
            if entry.header:
                yield self.account(row), entry

    def apply(self, changes: Changes) -> Rows:
        """Take in these changes; what the rows were before. On UnreadableError nothing has changed."""
        self._reserve_rows(len(self) + len(changes.at))
        rows = np.empty(len(changes.at), np.int64)
        needed = machine.locate(self.columns, self._secret, changes.words, changes.at, rows)
        touched = np.unique(rows)
        before = _kept(self.columns, touched)
        self._reserve_words(int(self.columns.counts[USED]) + int(needed))
        failed = np.zeros(2, np.int64)
        wrong = machine.merge(self.columns, changes.words, changes.at, rows, failed)
        if wrong:
            self.undo(before)
            at = int(changes.at[failed[0]])
            account = int.from_bytes(changes.words[at].tobytes(), "little")
            if wrong == machine.UNTOLD:
                raise UnreadableError(f"{account:#x}: market {failed[1]} is held but its word was never told")
            told = int(changes.words[at + 5, 0])
            maps = int(changes.words[at + 3, 0]).bit_count() + int(changes.words[at + 3, 1]).bit_count()
            raise UnreadableError(f"{account:#x}: {told} words for {maps} changes")
        self._note(touched)
        return before

    def undo(self, before: Rows) -> None:
        """The rows as they were; one that was new is empty now."""
        self._reserve_words(int(self.columns.counts[USED]) + int(machine.roomy(before.headers)))
        machine.put_back(self.columns, *before)
        self._note(before.rows)

    def take_changed(self) -> I64:
        """Rows whose words changed since this was asked last."""
        changed, self._changed = self._changed, []
        if len(changed) == 1:
            return changed[0]
        return np.unique(np.concatenate(changed)) if changed else np.zeros(0, np.int64)

    def _note(self, rows: I64) -> None:
        self._changed.append(rows)
        if len(self._changed) > _NOTES:
            self._changed = [self.take_changed()]

    def copied(self) -> Columns:
        """A copy of the columns, to be read by another thread: as quick as memory is."""
        columns = self.columns
        rows, words = len(self), int(columns.counts[USED])
        return columns._replace(
            ids=columns.ids[:rows].copy(),
            headers=columns.headers[:rows].copy(),
            start=columns.start[:rows].copy(),
            arena=columns.arena[: max(words, 1)].copy(),
            counts=columns.counts.copy(),
        )

    @classmethod
    def unpacked(cls, ids: U64, headers: U64, words: U64) -> Book:
        """A book of what `packed` gave. Raises UnreadableError if it does not fit together."""
        if len(ids) != len(headers) or int(machine.told(headers)) != len(words):
            raise UnreadableError("headers and words do not belong together")
        book = cls()
        book._reserve_rows(len(ids))
        book._reserve_words(len(words))
        columns = book.columns
        columns.ids[: len(ids)] = ids
        columns.headers[: len(ids)] = headers
        columns.arena[: len(words)] = words
        machine.settle(columns, len(ids))
        machine.index(columns, book._secret, len(ids))
        book._changed.append(np.arange(len(ids), dtype=np.int64))
        return book

    def _reserve_rows(self, rows: int) -> None:
        columns = self.columns
        if rows > len(columns.start):
            room = max(rows, _more(len(columns.start)))
            self.columns = columns = columns._replace(
                ids=_grown(columns.ids, room),
                headers=_grown(columns.headers, room),
                start=_grown(columns.start, room),
                room=_grown(columns.room, room),
            )
        if 2 * rows > len(columns.table):
            seats = 1 << (2 * rows).bit_length()
            self.columns = columns._replace(table=np.full(seats, NOBODY, np.int32))
            machine.index(self.columns, self._secret, len(self))

    def _reserve_words(self, words: int) -> None:
        arena = self.columns.arena
        if words > len(arena):
            self.columns = self.columns._replace(arena=_grown(arena, max(words, _more(len(arena)))))


def packed(columns: Columns) -> tuple[U64, U64, U64]:
    """Numbers, headers and words of all accounts that have anything, in the order of their rows."""
    rows = np.flatnonzero(columns.headers[: columns.counts[ROWS]].any(axis=1))
    kept = _kept(columns, rows)
    return columns.ids[rows], kept.headers, kept.words


def _kept(columns: Columns, rows: I64) -> Rows:
    headers = np.empty((len(rows), 4), np.uint64)
    words = np.empty((int(machine.measured(columns, rows)), 4), np.uint64)
    machine.copied(columns, rows, headers, words)
    return Rows(rows, headers, words)


def _more(have: int) -> int:
    return have + have // 4 + 1024


def _grown(column: Any, length: int) -> Any:
    grown = np.empty((length, *column.shape[1:]), column.dtype)
    grown[: len(column)] = column
    return grown
