"""How far rows are from the line, in machine code (docs/exact.md, 3, in floats); `screen` says what it is good for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keeper.book.native import ask, compiled, inlined, lowest
from keeper.book.rows import I64, Columns

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

ABSOLUTE = 1e-6
LINEAR = 1e-12
ROOT = 2e-7
SINGULAR = 2.0**-46
"""A correlation matrix counts as positive semidefinite if no eigenvalue is further below 0, as floats have them."""
_UNIT = 1e-18
_LIMB = 2.0**64
_INFINITE = np.float32(np.inf)
_ALWAYS = np.float32(-1.0)
_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_SIGN = np.uint64(63)
_AHEAD = 16
_SUMS = 16
INDEX, P_STAR, UP, DOWN, S, U, G, SCALE, BY_EXPOSURE, BY_SIZE, BY_GROSS = range(11)
"""Columns of `Table.markets`."""
COLUMNS = 11


class Table(NamedTuple):
    """What the rows are measured against. Quote and base units, factors as fractions of 1."""

    markets: Floats
    """A row a market, columns as named above: prices, interval, parameters, what scales the bound, slopes."""
    bucket: I64
    own: Floats
    """(1 − κ)·ρ, or what takes its place between two risk words."""
    numbers: Floats
    """κ, minimum requirement, supply index, borrow index, slope of cash."""


@inlined
def magnitude(low: np.uint64, high: np.uint64) -> float:
    """A signed 128-bit number: three roundings at most, whatever its sign."""
    negative = high >> _SIGN
    mask = _ZERO - negative
    low = (low ^ mask) + negative
    high = (high ^ mask) + (negative & np.uint64(low == _ZERO))
    return (np.float64(high) * _LIMB + np.float64(low)) * (1.0 - 2.0 * np.float64(np.int64(negative)))


@inlined
def measure_row(columns: Columns, table: Table, row: int, sums: Floats) -> tuple[float, float, float, float, float]:
    """Equity, W⁺, MM (0: owes nothing), how far they may be off, and the slope of their distance.

    `sums` are zeros, before and after: the buckets' sums b, and (1 − κ)·ρ times them. Elements are taken one by one: a
    view of a row would be counted and released each time.
    """
    markets, own, arena, headers = table.markets, table.own, columns.arena, columns.headers
    kappa, minimum = table.numbers[0], table.numbers[1]
    spots, perps = headers[row, 2], headers[row, 3]
    principal = magnitude(headers[row, 0], headers[row, 1]) * _UNIT
    cash = principal * (table.numbers[2] if principal >= 0 else table.numbers[3])
    equity = cash
    scale = abs(cash)
    slope = abs(principal) * table.numbers[4]
    up = charge = charged = form = 0.0
    owes = principal < 0
    held = 0
    at = np.int64(columns.start[row])
    maps = spots | perps
    while maps:
        market = lowest(maps)
        maps &= maps - _ONE
        spot = size = cost = 0.0
        if spots >> market & _ONE:
            spot = np.float64(arena[at, 1]) * _LIMB + np.float64(arena[at, 0])
            if arena[at, 2] | arena[at, 3]:
                spot += (np.float64(arena[at, 3]) * _LIMB + np.float64(arena[at, 2])) * _LIMB * _LIMB
            spot *= _UNIT
            at += 1
        if perps >> market & _ONE:
            size = magnitude(arena[at, 0], arena[at, 1]) * _UNIT
            cost = magnitude(arena[at, 2], arena[at, 3]) * _UNIT
            at += 1
        absolute = abs(size)
        whole = spot + absolute
        net = spot + size
        exposure = net * markets[market, INDEX]
        gross = whole * markets[market, INDEX]
        equity += spot * markets[market, INDEX] + size * markets[market, P_STAR] - cost
        scale += abs(cost) + whole * markets[market, SCALE]
        up += max(exposure, 0.0) * markets[market, UP] - min(exposure, 0.0) * markets[market, DOWN]
        charge += gross * markets[market, G]
        charged += gross * (markets[market, S] + markets[market, U])
        single = markets[market, U] * exposure
        form += single * single
        bucket = table.bucket[market]
        systematic = markets[market, S] * exposure
        sums[bucket] += systematic
        for other in range(8):
            sums[8 + other] += own[bucket, other] * systematic
        slope += (
            abs(net) * markets[market, BY_EXPOSURE]
            + absolute * markets[market, BY_SIZE]
            + whole * markets[market, BY_GROSS]
        )
        if size != 0 or cost > 0:
            owes = True
            held += 1
        elif spot != 0:
            held += 1
    positive = negative = 0.0
    for bucket in range(8):
        total = sums[bucket]
        positive += max(total, 0.0)
        negative += min(total, 0.0)
        form += total * sums[8 + bucket]
        sums[bucket] = 0.0
        sums[8 + bucket] = 0.0
    form += kappa * (positive * positive + negative * negative)
    requirement = 0.0
    if owes:
        requirement = max(np.sqrt(max(form, 0.0)) + charge, minimum * max(held, 1))
    return equity, up, requirement, ABSOLUTE + LINEAR * scale + ROOT * charged, slope


@inlined
def radius_of(equity: float, up: float, requirement: float, bound: float, slope: float) -> np.float32:
    """How far the state may move before the row could be sighted, rounded down; −1 if it may be sighted already."""
    if requirement == 0:
        return _INFINITE
    # The root of a form that is not quite semidefinite: ROOT is more than the root of SINGULAR.
    margin = equity + up - requirement - bound - (bound - ABSOLUTE)
    if margin <= 0:
        return _ALWAYS
    if slope == 0:
        return _INFINITE
    radius = margin / slope * (1 - 1e-6)
    # Singles have no more than this to spare near 0.
    return np.float32(radius) if radius > 1e-30 else np.float32(0)


@compiled
def radii(columns: Columns, table: Table, first: int, last: int, found: Singles) -> None:
    """The radius of each row from `first` on and before `last`."""
    sums = np.zeros(_SUMS)
    for row in range(first, last):
        equity, up, requirement, bound, slope = measure_row(columns, table, row, sums)
        found[row] = radius_of(equity, up, requirement, bound, slope)


@compiled
def radii_of(columns: Columns, table: Table, rows: I64, found: Singles) -> None:
    """The radius of each of these rows, in its place among all."""
    sums = np.zeros(_SUMS)
    for number in range(len(rows)):
        equity, up, requirement, bound, slope = measure_row(columns, table, rows[number], sums)
        found[rows[number]] = radius_of(equity, up, requirement, bound, slope)


@compiled
def sighted(columns: Columns, table: Table, rows: I64, first: int, last: int, found: I64) -> int:
    """Of `rows` from `first` on and before `last` those that may be sighted, into `found` from `first` on; how many."""
    sums = np.zeros(_SUMS)
    count = first
    for number in range(first, last):
        if (number - first) % _AHEAD == 0:
            # Rows lie anywhere in memory: many at once cost little more than one.
            for ahead in range(number, min(number + _AHEAD, last)):
                row = rows[ahead]
                at = np.int64(columns.start[row])
                ask(columns.headers, row)
                ask(columns.arena, at)
                ask(columns.arena, at + 2)
        equity, up, requirement, bound, _ = measure_row(columns, table, rows[number], sums)
        if requirement > 0 and equity + up - requirement < bound:
            found[count] = rows[number]
            count += 1
    return count - first


@compiled
def measured(columns: Columns, table: Table, first: int, last: int, found: Floats) -> None:
    """Equity, W⁺, MM and bound of each row, a column each."""
    sums = np.zeros(_SUMS)
    for row in range(first, last):
        equity, up, requirement, bound, _ = measure_row(columns, table, row, sums)
        found[row, 0] = equity
        found[row, 1] = up
        found[row, 2] = requirement
        found[row, 3] = bound
