"""What people see of a run: the terminal and the report."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from scripts.demo.acts.ground import Told
from scripts.demo.observer import BlockRecord
from scripts.demo.path import crash_path
from scripts.demo.report import Story, kinds_of, lines_of, table_of, write_report
from scripts.demo.view import Auction, Frame, View, spark
from scripts.demo.worker import is_error
from tests.e2e.test_demo_outcome import BID, GOOD

FRAME = Frame(
    block=50,
    blocks=100,
    label="slide",
    prices={"eth": (3000.0, [3000.0, 2900.0, 2850.0]), "btc": (60_000.0, [60_000.0, 61_000.0])},
    bands=[1, 2, 3, 40, 50, 60],
    auctions=[Auction("long 3", 4, 0.02, 0.97), Auction("whale", 44, 0.25, 0.91)],
    bids=12,
    opened=20,
    breached=18,
    insolvent=1,
    vault=4_000_000.0,
    keeper="at work, 0 restarts",
    faults=0,
)


ACTS = [
    Told("match", "dip <buyer>", 128, "short 12 meets an order"),
    Told("shared loss", "late whale", None, "no loss was more than the vault had"),
]


def story(**other) -> Story:
    records = [
        BlockRecord(step, 1000 + 2 * step, {0: 3000.0 - step, 1: 60_000.0}, {7: 1.8, 8: 9.0}, 1, 2, 0, 4e6)
        for step in range(6)
    ]
    fields = {
        "path": crash_path(1, 60),
        "seed": 1,
        "outcome": GOOD,
        "reasons": [],
        "records": records,
        "bids": [BID, replace(BID, whole=True, health_after=None)],
        "names": {7: "long <3>", 8: "keeper"},
        "kinds": kinds_of({7: "long"}, {7}, [replace(BID, whole=True)]),
        "markets": {0: "eth", 1: "btc"},
        "curve": [(0, 0.0), (60, 0.35), (300, 0.7)],
        "outage": (2, 4),
    }
    return Story(**{**fields, **other})


def written(folder: Path, **other) -> str:
    file = folder / "report.html"
    write_report(story(**other), file)
    return file.read_text(encoding="utf-8")


def test_write_report__passed__has_four_pictures_and_needs_no_network(tmp_path: Path) -> None:
    text = written(tmp_path)

    pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(pictures) == 4
    for picture in pictures:
        ElementTree.fromstring(picture)
    assert "All invariants held" in text
    assert not re.search(r'(src|href)="(http|//)', text)


def test_write_report__failed__says_why(tmp_path: Path) -> None:
    text = written(tmp_path, reasons=["custody: block 5: short"])

    assert "custody: block 5: short" in text and "All invariants held" not in text


def test_write_report__names__are_escaped(tmp_path: Path) -> None:
    text = written(tmp_path)

    assert "long &lt;3&gt;" in text and "long <3>" not in text


def test_write_report__acts__are_told_with_those_that_did_not_happen(tmp_path: Path) -> None:
    text = written(tmp_path, acts=ACTS)

    assert "dip &lt;buyer&gt;" in text and "short 12 meets an order" in text
    assert '<td class="number">128</td>' in text and '<td class="number">none</td>' in text
    assert "no loss was more than the vault had" in text


def test_write_report__nobody_acted__says_nothing_of_acts(tmp_path: Path) -> None:
    assert "Acts of others" not in written(tmp_path)


def test_lines_of__acts__are_a_line_each() -> None:
    assert lines_of(ACTS) == [
        "match: block 128, dip <buyer>: short 12 meets an order",
        "shared loss: did not happen, late whale: no loss was more than the vault had",
    ]


def test_write_report__no_bids_and_no_kill__is_written(tmp_path: Path) -> None:
    assert "Insurance vault" in written(tmp_path, bids=[], outage=None)


def test_write_report__market_of_no_file__is_said(tmp_path: Path) -> None:
    path = replace(crash_path(1, 60), origins={"sol": "not in the file: a path of seed 1"})

    assert "<strong>sol</strong>: not in the file: a path of seed 1." in written(tmp_path, path=path)


def test_kinds_of__taken_and_breached__are_counted_by_kind() -> None:
    kinds = kinds_of({7: "long", 8: "long", 9: "whale"}, {7, 8}, [replace(BID, whole=True), replace(BID, account=8)])

    assert [(kind.name, kind.accounts, kind.breached, kind.taken) for kind in kinds] == [
        ("long", 2, 2, 1),
        ("whale", 1, 0, 0),
    ]


def shown(width: int, *, terminal: bool) -> str:
    stream = io.StringIO()
    with View(Console(file=stream, width=width, height=40, force_terminal=terminal), "a run") as view:
        view.say("deploying the contracts")
        view.show(FRAME)
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 140])
def test_show__on_a_terminal__has_progress_prices_bands_and_auctions(width: int) -> None:
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown(width, terminal=True))

    for part in ("block 50/100  slide", "50%", "2,850.00", "-5.0%", "under the line, h < 1", "whale", "44 s", "25.0%"):
        assert part in text
    assert text.index("whale") < text.index("long 3")


def test_show__elsewhere__is_one_line_now_and_then() -> None:
    lines = shown(80, terminal=False).splitlines()

    assert lines[:2] == ["a run", "deploying the contracts"]
    assert len(lines) == 3 and lines[2].startswith("block 50/100  slide  breached 18")


def test_table_of__figures__are_all_there() -> None:
    stream = io.StringIO()
    Console(file=stream, width=100).print(table_of(replace(GOOD, custody_ok=False), {"blocks": "701"}))

    assert "BROKEN" in stream.getvalue() and "701" in stream.getvalue()


def test_spark__flat_and_empty__is_low() -> None:
    assert set(spark([5.0] * 40)) == {"▁"} and spark([]) == "▁"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('{"level": "info", "event": "started"}', False),
        ('{"level": "warning", "event": "rolled back"}', False),
        ('{"level": "error", "event": "a head was not handled"}', True),
        ("Traceback (most recent call last):", True),
        ("137", True),
        ("", False),
    ],
)
def test_is_error__log_lines__only_errors_and_what_is_no_log(line: str, error: bool) -> None:
    assert is_error(line) is error
