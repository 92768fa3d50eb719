"""A real price path from a CSV file: bars read, checked, and walked in sub-steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .path import START_PRICES, PricePath, Prices, follow
from .settings import BLOCK_SECONDS, MARKETS, UsageError

TIME_COLUMNS = ("timestamp", "time", "date", "datetime")
PARTS = ("open", "high", "low", "close")
FEWEST_SUBSTEPS = 3


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns of a file to read: the time's, and for each market one column or the four of its bars."""

    time: str
    markets: dict[str, tuple[str, ...]]


def _named(columns: str) -> dict[str, str]:
    named: dict[str, str] = {}
    for item in columns.split(","):
        key, separator, column = (part.strip() for part in item.partition("="))
        if not separator or not column or key not in ("time", *MARKETS):
            raise UsageError(
                f"COLUMNS: {item.strip()!r} is not KEY=COLUMN with KEY one of time, {', '.join(MARKETS)}; "
                "COLUMN is a column, or what stands before _open, _high, _low, _close"
            )
        named[key] = column
    return named


def _parts(present: Sequence[str], name: str) -> tuple[str, ...]:
    """The columns called `name`: a bar's four, else its close, else the column itself; none if it is absent."""
    bar = tuple(f"{name}_{part}" for part in PARTS)
    if all(column in present for column in bar):
        return bar
    return next(((column,) for column in (f"{name}_close", name) if column in present), ())


def layout_of(present: Sequence[str], columns: str | None) -> Layout:
    """Which columns to read; UsageError names a column that the file does not have."""
    named = _named(columns) if columns else {}
    listed = ", ".join(present)
    time = named["time"] if "time" in named else next((name for name in TIME_COLUMNS if name in present), "")
    if time not in present:
        wanted = repr(time) if time else " or ".join(TIME_COLUMNS)
        raise UsageError(f"COLUMNS: no time column {wanted}; the file has {listed}")
    markets = {market: _parts(present, named.get(market, market)) for market in MARKETS}
    for market, found in markets.items():
        if market in named and not found:
            raise UsageError(f"COLUMNS: no column {named[market]!r} for {market}; the file has {listed}")
    found_markets = {market: found for market, found in markets.items() if found}
    if not found_markets:
        raise UsageError(f"COLUMNS: no column for any of {', '.join(MARKETS)}; the file has {listed}")
    return Layout(time, found_markets)


def _table(file: Path) -> pd.DataFrame:
    if not file.is_file():
        raise UsageError(f"PRICES: no file {file}")
    if not file.name.endswith((".csv", ".csv.gz")):
        raise UsageError(f"PRICES: {file.name} is neither .csv nor .csv.gz")
    try:
        return pd.read_csv(file)
    except (OSError, EOFError, UnicodeDecodeError, ValueError) as error:
        raise UsageError(f"PRICES: {file.name} cannot be read as CSV: {error}") from error


def _times(table: pd.DataFrame, column: str) -> pd.DatetimeIndex:
    values = table[column]
    try:
        seconds = pd.api.types.is_numeric_dtype(values)
        how: dict[str, Any] = {"unit": "s"} if seconds else {"format": "mixed"}
        moments = pd.to_datetime(values, utc=True, **how)
        times = pd.DatetimeIndex(moments)
    except (ValueError, TypeError) as error:
        raise UsageError(f"PRICES: column {column!r} does not hold times: {error}") from error
    if times.hasnans or not times.is_monotonic_increasing or times.has_duplicates:
        raise UsageError(f"PRICES: the times in column {column!r} do not rise")
    return times


def _bound(name: str, text: str) -> pd.Timestamp:
    try:
        moment = pd.Timestamp(text)
    except ValueError:
        raise UsageError(f"{name}: {text!r} is not a date or time such as 2024-08-04 or 2024-08-04T12:30") from None
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")


def _within(table: pd.DataFrame, times: pd.DatetimeIndex, start: str | None, end: str | None) -> pd.DataFrame:
    """The rows from `start` to before `end`, by time."""
    first = _bound("FROM", start) if start else times[0]
    last = _bound("TO", end) if end else times[-1] + pd.Timedelta(seconds=1)
    if first >= last:
        raise UsageError(f"FROM, TO: {first} is not before {last}")
    chosen = table.set_index(times).loc[(times >= first) & (times < last)]
    if len(chosen) < 2:
        span = f"{times[0]} to {times[-1]}"
        raise UsageError(f"FROM, TO: {len(chosen)} rows from {first} to before {last}; the file runs {span}")
    return chosen


def _numbers(table: pd.DataFrame, column: str) -> Prices:
    numbers = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float)
    bad = ~(np.isfinite(numbers) & (numbers > 0))
    if bad.any():
        row = int(np.argmax(bad))
        value = table[column].iloc[row]
        raise UsageError(f"PRICES: {column} at {table.index[row]} is {value!r}, not a positive number")
    checked: Prices = numbers
    return checked


def _corners(bar: Sequence[float], before: float) -> list[float]:
    """The prices that a bar visits: the nearer extreme in the direction of its rise or fall comes last."""
    if len(bar) == 1:
        return [before, bar[0]]
    opened, high, low, close = bar
    if not low <= min(opened, close) <= max(opened, close) <= high:
        raise ValueError("open and close are not within low and high")
    return [opened, low, high, close] if close >= opened else [opened, high, low, close]


def walk_bar(bar: Sequence[float], before: float, substeps: int) -> list[float]:
    """`substeps` prices that touch every corner of a bar and end at its close, as even in log price as they can be."""
    corners = _corners(bar, before)
    legs = len(corners) - 1
    lengths = np.abs(np.diff(np.log(corners))) + 1e-12
    counts = np.ones(legs, dtype=int)
    for _ in range(substeps - legs):
        counts[int(np.argmax(lengths / counts))] += 1
    prices: list[float] = []
    for leg in range(legs):
        here, there = np.log(corners[leg]), np.log(corners[leg + 1])
        prices.extend(np.exp(here + (there - here) * np.arange(1, counts[leg] + 1) / counts[leg]))
    return prices


def _column(table: pd.DataFrame, market: str, columns: Sequence[str], substeps: int) -> Prices:
    bars = np.column_stack([_numbers(table, name) for name in columns]).tolist()
    before = bars[0][0]
    prices = [before]
    for time, bar in zip(table.index, bars, strict=True):
        try:
            prices.extend(walk_bar(bar, before, substeps))
        except ValueError as error:
            raise UsageError(f"PRICES: {market} at {time}: {error}") from error
        before = bar[-1]
    return np.array(prices)


def _empty(table: pd.DataFrame, columns: Sequence[str]) -> bool:
    return all(table[column].isna().all() for column in columns)


def substeps_for(bars: int, bar_seconds: float, blocks: int) -> int:
    """Sub-steps a bar: about `blocks` blocks in all, each bar touched at every corner, none slower than it was."""
    real_time = max(FEWEST_SUBSTEPS, int(bar_seconds) // BLOCK_SECONDS)
    return int(np.clip(blocks // bars, FEWEST_SUBSTEPS, real_time))


def _assemble(known: dict[str, Prices], seed: int) -> tuple[Prices, dict[str, str]]:
    leader = np.exp(np.mean([np.log(prices) for prices in known.values()], axis=0))
    columns, origins = [], {}
    for market in MARKETS:
        if market in known:
            columns.append(known[market])
            origins[market] = "file"
        else:
            columns.append(follow(leader, START_PRICES[market], seed, market))
            origins[market] = (
                f"not in the file: a path of seed {seed} that follows {', '.join(known)} with its own noise"
            )
    return np.column_stack(columns), origins


def _steepest(prices: Prices, width: int) -> int:
    """The step at which the steepest fall over `width` steps begins, some way from both ends."""
    falls = np.convolve(np.diff(np.log(prices)), np.ones(width), mode="valid")
    margin = min(5, prices.size // 3)
    return int(np.clip(np.argmin(falls), margin, prices.size - 1 - margin))


def file_path(
    file: Path, start: str | None, end: str | None, columns: str | None, *, seed: int, blocks: int
) -> PricePath:
    """The path of rows FROM <= time < TO of a file; UsageError says what is wrong with file, bounds or columns."""
    table = _table(file)
    layout = layout_of([str(name) for name in table.columns], columns)
    chosen = _within(table, _times(table, layout.time), start, end)
    present = {market: found for market, found in layout.markets.items() if not _empty(chosen, found)}
    if not present:
        raise UsageError(f"FROM, TO: {file.name} has no price of {', '.join(layout.markets)} there")
    bar_seconds = float(np.median([later.timestamp() - sooner.timestamp() for sooner, later in pairwise(chosen.index)]))
    substeps = substeps_for(len(chosen), bar_seconds, blocks)
    known = {market: _column(chosen, market, found, substeps) for market, found in present.items()}
    prices, origins = _assemble(known, seed)
    stamps = [f"{moment:%Y-%m-%d %H:%M}" for moment in chosen.index]
    labels = (stamps[0], *(stamp for stamp in stamps for _ in range(substeps)))
    speed = bar_seconds / (substeps * BLOCK_SECONDS)
    notes = (
        f"{len(chosen)} rows of {file.name}, {substeps} sub-steps a row, one block of {BLOCK_SECONDS} s a sub-step: "
        f"{speed:.0f} times as fast as it happened",
    )
    name = f"{file.name}, {stamps[0]} to {stamps[-1]} UTC"
    return PricePath(name, prices, labels, origins, _steepest(prices[:, 0], substeps), notes)
