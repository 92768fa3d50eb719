"""Price paths: the built-in crash, and files walked bar by bar."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from scripts.demo.bars import file_path, layout_of, substeps_for, walk_bar
from scripts.demo.path import CRASH, START_PRICES, crash_path
from scripts.demo.settings import MARKETS, UsageError

BARS = """timestamp,btc_open,btc_high,btc_low,btc_close,eth_open,eth_high,eth_low,eth_close
2024-08-04 00:00:00+00:00,100,104,99,103,10,10.5,9.9,10.4
2024-08-04 00:30:00+00:00,103,103,95,96,10.4,10.4,9,9.2
2024-08-04 01:00:00+00:00,96,97,90,92,9.2,9.3,8.8,9
"""


def file_of(folder: Path, text: str = BARS, name: str = "prices.csv") -> Path:
    file = folder / name
    file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return file


def path_of(file: Path, **bounds: str | None):
    given = {"start": None, "end": None, "columns": None, **bounds}
    return file_path(file, given["start"], given["end"], given["columns"], seed=7, blocks=30)


def test_crash_path__same_seed__is_the_same_and_another_is_not() -> None:
    first, again, other = crash_path(5, 700), crash_path(5, 700), crash_path(6, 700)

    assert np.array_equal(first.prices, again.prices)
    assert not np.array_equal(first.prices, other.prices)


def test_crash_path__any_seed__ends_each_phase_where_it_says() -> None:
    total = sum(phase.drift for phase in CRASH)
    jump = next(phase.jumps for phase in CRASH if phase.jumps)

    ends = [crash_path(seed, 700).prices[-1, MARKETS.index("eth")] for seed in (1, 2)]

    assert ends[0] == pytest.approx(ends[1]) == pytest.approx(3000 * np.exp(total + jump["eth"]))


def test_crash_path__gap__is_one_block_of_every_market() -> None:
    path = crash_path(5, 700)
    at = path.labels.index("gap")

    moves = np.log(path.prices[at] / path.prices[at - 1])

    jumps = next(phase.jumps for phase in CRASH if phase.jumps)
    assert moves.tolist() == pytest.approx([jumps[market] for market in MARKETS])


def test_crash_path__second_gap__is_one_block_of_one_market_late_in_the_path() -> None:
    path = crash_path(5, 700)
    assert path.second_gap is not None and path.labels[path.second_gap] == "second gap"

    moves = np.log(path.prices[path.second_gap] / path.prices[path.second_gap - 1])

    assert moves.tolist() == pytest.approx([0.0, 0.0, -0.30, 0.0])
    assert 0.9 * path.steps < path.second_gap < path.steps - 50


def test_crash_path__kill__is_in_the_burst() -> None:
    path = crash_path(5, 700)

    assert path.labels[path.kill_at] == "burst"


def test_walk_bar__falling__touches_high_then_low_and_ends_at_the_close() -> None:
    prices = walk_bar([100.0, 105.0, 90.0, 95.0], 100.0, 8)

    assert len(prices) == 8
    assert max(prices) == pytest.approx(105) and min(prices) == pytest.approx(90) and prices[-1] == pytest.approx(95)
    assert prices.index(max(prices)) < prices.index(min(prices))


def test_walk_bar__rising__touches_low_first() -> None:
    prices = walk_bar([95.0, 105.0, 90.0, 100.0], 95.0, 8)

    assert prices.index(min(prices)) < prices.index(max(prices))


def test_walk_bar__open_outside_low_and_high__is_refused() -> None:
    with pytest.raises(ValueError, match="open and close are not within low and high"):
        walk_bar([120.0, 105.0, 90.0, 95.0], 100.0, 8)


def test_substeps_for__many_bars__is_enough_to_touch_the_corners() -> None:
    assert substeps_for(10_000, 1800, 700) == 3


def test_substeps_for__few_bars__is_no_slower_than_it_happened() -> None:
    assert substeps_for(2, 60, 700) == 30


@pytest.mark.parametrize("name", ["prices.csv", "prices.csv.gz"])
def test_file_path__bars__are_walked_and_absent_markets_follow(tmp_path: Path, name: str) -> None:
    path = path_of(file_of(tmp_path, name=name))

    eth, btc = path.prices[:, MARKETS.index("eth")], path.prices[:, MARKETS.index("btc")]
    assert path.steps == 31
    assert (eth.max(), eth.min(), eth[-1]) == pytest.approx((10.5, 8.8, 9))
    assert (btc.max(), btc.min(), btc[-1]) == pytest.approx((104, 90, 92))
    assert path.origins["eth"] == path.origins["btc"] == "file"
    assert path.origins["sol"].startswith("not in the file: a path of seed 7 that follows eth, btc")
    assert path.prices[0, MARKETS.index("sol")] == START_PRICES["sol"]
    assert path.prices[-1, MARKETS.index("sol")] < START_PRICES["sol"]
    assert "3 rows of" in path.notes[0] and "90 times as fast as it happened" in path.notes[0]


def test_file_path__bounds__take_from_and_leave_to(tmp_path: Path) -> None:
    path = path_of(file_of(tmp_path), start="2024-08-04 00:00", end="2024-08-04T01:00")

    assert set(path.labels) == {"2024-08-04 00:00", "2024-08-04 00:30"}


def test_file_path__columns_named__reads_a_plain_column(tmp_path: Path) -> None:
    text = "when,closing\n1700000000,10\n1700003600,9\n1700007200,8\n"

    path = path_of(file_of(tmp_path, text), columns="time=when,eth=closing")

    assert path.origins["eth"] == "file" and path.origins["btc"].startswith("not in the file")
    assert path.prices[[0, -1], MARKETS.index("eth")].tolist() == pytest.approx([10, 8])


def test_file_path__market_without_a_value_in_the_window__counts_as_absent(tmp_path: Path) -> None:
    path = path_of(file_of(tmp_path, "date,eth,sol\n2024-01-01,10,\n2024-01-02,9,\n"))

    assert path.origins["sol"].startswith("not in the file")


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"start": "soon"}, "FROM: 'soon' is not a date or time such as"),
        ({"start": "2024-08-05", "end": "2024-08-04"}, "FROM, TO: 2024-08-05 00:00:00+00:00 is not before 2024-08-04"),
        ({"start": "2025-01-01", "end": "2025-01-02"}, "FROM, TO: 0 rows from 2025-01-01"),
        ({"columns": "doge=doge"}, "COLUMNS: 'doge=doge' is not KEY=COLUMN with KEY one of time, eth, btc, sol, link"),
        ({"columns": "eth=ether"}, "COLUMNS: no column 'ether' for eth; the file has timestamp, btc_open"),
        ({"columns": "time=when"}, "COLUMNS: no time column 'when'; the file has timestamp"),
    ],
)
def test_file_path__wrong_bounds_or_columns__are_named(tmp_path: Path, bounds: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        path_of(file_of(tmp_path), **bounds)

    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("date,eth\n2024-01-01,10\n2024-01-02,-1\n", "PRICES: eth at 2024-01-02 00:00:00+00:00 is -1, not a positive"),
        ("date,eth\n2024-01-02,10\n2024-01-01,9\n", "PRICES: the times in column 'date' do not rise"),
        ("date,eth\nyes,10\nno,9\n", "PRICES: column 'date' does not hold times"),
        ("date,gold\n2024-01-01,10\n", "COLUMNS: no column for any of eth, btc, sol, link; the file has date, gold"),
        ("", "PRICES: prices.csv cannot be read as CSV"),
    ],
)
def test_file_path__bad_file__is_told_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        path_of(file_of(tmp_path, text))

    assert str(error.value).startswith(message)


def test_file_path__no_such_file__is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"PRICES: no file .*missing\.csv"):
        path_of(tmp_path / "missing.csv")


def test_file_path__other_kind_of_file__is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"PRICES: prices.json is neither .csv nor .csv.gz"):
        path_of(file_of(tmp_path, "{}", "prices.json"))


def test_file_path__gzip_that_is_none__is_refused(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv.gz"
    file.write_bytes(b"plain")

    with pytest.raises(UsageError, match=r"PRICES: prices.csv.gz cannot be read as CSV"):
        path_of(file)


def test_layout_of__bars_and_closes__prefers_the_bar() -> None:
    layout = layout_of(["date", "eth", "eth_open", "eth_high", "eth_low", "eth_close", "btc_close"], None)

    assert layout.markets == {
        "eth": ("eth_open", "eth_high", "eth_low", "eth_close"),
        "btc": ("btc_close",),
    }
