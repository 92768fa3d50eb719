"""The book's rows in machine code: found by account, changed word by word, taken back.

All words are four unsigned 64-bit limbs, the lowest first. A row's words stand side by side in one arena, in the order
of its header's maps; a row that outgrows its place moves, and the place it leaves is used again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keeper.book.native import compiled, inlined, lowest, ones

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

PLACES = np.array([0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128], dtype=np.int64)
"""Sizes of places, in words. An account of 64 markets has 128."""
FITS = np.searchsorted(PLACES, np.arange(129)).astype(np.int64)
"""The smallest of these that holds so many words."""
MOST_WORDS = 128
ROWS, USED = 0, 1
DONE, MISCOUNTED, UNTOLD = 0, 1, 2
_NOBODY = np.int32(-1)
_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_TURN = np.uint64(33)
_FIRST = np.uint64(0xFF51AFD7ED558CCD)
_SECOND = np.uint64(0xC4CEB9FE1A85EC53)


class Columns(NamedTuple):
    """Everything that is kept of accounts."""

    ids: U64
    headers: U64
    start: NDArray[np.uint32]
    room: NDArray[np.uint8]
    """Which of `PLACES` the row has."""
    arena: U64
    table: NDArray[np.int32]
    """Rows by hash; its length is a power of two, −1 is an empty seat."""
    free: I64
    """For each size the first free place; in a free place's first limb stands the next (as what is one too many)."""
    counts: I64
    """Rows, and words of the arena that are given out."""


@inlined
def seat(ids: U64, table: NDArray[np.int32], secret: np.uint64, words: U64, at: int) -> int:
    """Where in the table the account is, or would be. `secret` keeps others from choosing accounts that collide."""
    hashed = secret
    for limb in range(4):
        hashed ^= words[at, limb]
        hashed = (hashed ^ (hashed >> _TURN)) * _FIRST
        hashed = (hashed ^ (hashed >> _TURN)) * _SECOND
        hashed ^= hashed >> _TURN
    mask = np.uint64(len(table) - 1)
    place = np.int64(hashed & mask)
    while table[place] != _NOBODY:
        row = table[place]
        if (
            ids[row, 0] == words[at, 0]
            and ids[row, 1] == words[at, 1]
            and ids[row, 2] == words[at, 2]
            and ids[row, 3] == words[at, 3]
        ):
            break
        place = (place + 1) & np.int64(mask)
    return place


@compiled
def index(columns: Columns, secret: np.uint64, rows: int) -> None:
    """Fill an empty table with the first `rows` rows."""
    for row in range(rows):
        columns.table[seat(columns.ids, columns.table, secret, columns.ids, row)] = row


@compiled
def locate(columns: Columns, secret: np.uint64, words: U64, at: I64, rows: I64) -> int:
    """The rows of the accounts whose numbers stand at `at`, new ones for new accounts; words the changes may need."""
    needed = 0
    for number in range(len(at)):
        place = seat(columns.ids, columns.table, secret, words, at[number])
        row = np.int64(columns.table[place])
        if row < 0:
            row = columns.counts[ROWS]
            columns.counts[ROWS] = row + 1
            columns.table[place] = row
            columns.ids[row] = words[at[number]]
            columns.headers[row] = _ZERO
            columns.start[row] = 0
            columns.room[row] = 0
        rows[number] = row
        header = at[number] + 2
        needed += PLACES[FITS[ones(words[header, 2]) + ones(words[header, 3])]]
    return needed


@inlined
def words_of(columns: Columns, row: int) -> int:
    """How many words the row has."""
    return np.int64(ones(columns.headers[row, 2]) + ones(columns.headers[row, 3]))


@compiled
def measured(columns: Columns, rows: I64) -> int:
    """Words of these rows together."""
    total = 0
    for number in range(len(rows)):
        total += words_of(columns, rows[number])
    return total


@compiled
def copied(columns: Columns, rows: I64, headers: U64, words: U64) -> None:
    """Headers and words of these rows, one after the other."""
    at = 0
    for number in range(len(rows)):
        row = rows[number]
        headers[number] = columns.headers[row]
        start = np.int64(columns.start[row])
        for place in range(words_of(columns, row)):
            words[at] = columns.arena[start + place]
            at += 1


@compiled
def told(headers: U64) -> int:
    """How many words belong to these headers."""
    total = 0
    for number in range(len(headers)):
        total += np.int64(ones(headers[number, 2]) + ones(headers[number, 3]))
    return total


@compiled
def roomy(headers: U64) -> int:
    """Words of the places that they need at most."""
    total = 0
    for number in range(len(headers)):
        total += PLACES[FITS[ones(headers[number, 2]) + ones(headers[number, 3])]]
    return total


@inlined
def _put(columns: Columns, row: int, header: U64, words: U64, at: int, count: int) -> None:
    have = np.int64(columns.room[row])
    if count > PLACES[have]:
        if have:
            left = np.int64(columns.start[row])
            columns.arena[left, 0] = np.uint64(columns.free[have])
            columns.free[have] = left + 1
        size = FITS[count]
        place = columns.free[size] - 1
        if place >= 0:
            columns.free[size] = np.int64(columns.arena[place, 0])
        else:
            place = columns.counts[USED]
            columns.counts[USED] = place + PLACES[size]
        columns.start[row] = place
        columns.room[row] = size
    start = np.int64(columns.start[row])
    for number in range(count):
        columns.arena[start + number] = words[at + number]
    columns.headers[row] = header


@compiled
def put_back(columns: Columns, rows: I64, headers: U64, words: U64) -> None:
    """Write these rows as `copied` had them."""
    at = 0
    for number in range(len(rows)):
        count = np.int64(ones(headers[number, 2]) + ones(headers[number, 3]))
        _put(columns, rows[number], headers[number], words, at, count)
        at += count


@compiled
def merge(columns: Columns, words: U64, at: I64, rows: I64, failed: I64) -> int:
    """Apply changes of accounts in their order; what is wrong with the one whose number is put into `failed`.

    `words` holds each change as the log has it: account, act, header, changed map, offset, count, changed words. A word
    that the new header has is one that changed or one that was there before.
    """
    buffer = np.empty((MOST_WORDS, 4), np.uint64)
    for number in range(len(at)):
        base = at[number]
        row = rows[number]
        old_spots, old_perps = columns.headers[row, 2], columns.headers[row, 3]
        new_spots, new_perps = words[base + 2, 2], words[base + 2, 3]
        spots, perps = words[base + 3, 0], words[base + 3, 1]
        failed[0] = number
        if np.int64(ones(spots) + ones(perps)) != np.int64(words[base + 5, 0]):
            return MISCOUNTED
        told = base + 6
        had = np.int64(columns.start[row])
        count = 0
        maps = old_spots | old_perps | new_spots | new_perps | spots | perps
        while maps:
            market = lowest(maps)
            maps &= maps - _ONE
            for side in range(2):
                old = (old_perps if side else old_spots) >> market & _ONE
                new = (new_perps if side else new_spots) >> market & _ONE
                is_told = (perps if side else spots) >> market & _ONE
                if new:
                    if is_told:
                        buffer[count] = words[told]
                    elif old:
                        buffer[count] = columns.arena[had]
                    else:
                        failed[1] = market
                        return UNTOLD
                    count += 1
                told += np.int64(is_told)
                had += np.int64(old)
        _put(columns, row, words[base + 2], buffer, 0, count)
    return DONE


@compiled
def settle(columns: Columns, rows: int) -> None:
    """Give the rows that were read in order their places: words lie without gaps, so each place is as large as needed.

    A place that is no size of `PLACES` counts as the largest that it holds; what is over is lost until the next start.
    """
    at = 0
    for row in range(rows):
        count = words_of(columns, row)
        size = FITS[count]
        if PLACES[size] > count:
            size -= 1
        columns.start[row] = at
        columns.room[row] = size
        at += count
    columns.counts[ROWS] = rows
    columns.counts[USED] = at
