"""What the terminal shows: a live picture of the run where there is one, a line now and then where there is not."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from .bands import BANDS

BLOCKS_A_LINE = 50
AUCTIONS_WIDE = 10
AUCTIONS_NARROW = 4
WIDE = 100
"""Columns from which auctions stand beside the prices, not below them."""

REFRESHES = 5
SPARKS = "▁▂▃▄▅▆▇█"
BAND_STYLES = ("bold red", "red", "yellow", "green", "green", "cyan")


@dataclass(frozen=True, slots=True)
class Auction:
    """A running auction: whose, how old in chain seconds, λ now, the account's health."""

    name: str
    age: int
    discount: float
    health: float


@dataclass(frozen=True, slots=True)
class Frame:
    """What there is to show after a block."""

    block: int
    blocks: int
    label: str
    prices: dict[str, tuple[float, Sequence[float]]]
    bands: Sequence[int]
    auctions: Sequence[Auction]
    bids: int
    opened: int
    breached: int
    insolvent: int
    vault: float
    keeper: str
    faults: int


def spark(values: Sequence[float], width: int = 32) -> str:
    """The last values as a line of blocks, lowest to highest."""
    picked = list(values)[-width * 4 :: 4] or [0.0]
    low, high = min(picked), max(picked)
    scale = (len(SPARKS) - 1) / (high - low) if high > low else 0.0
    return "".join(SPARKS[int((value - low) * scale)] for value in picked)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=None, expand=True, padding=(0, 1))


def prices_table(frame: Frame) -> Table:
    """Price, change since the start, and its recent course."""
    table = _table("prices, change since the start")
    table.show_header = False
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, ratio=1)
    for name, (start, values) in frame.prices.items():
        change = values[-1] / start - 1
        style = "red" if change < 0 else "green"
        table.add_row(name, f"{values[-1]:,.2f}", Text(f"{change:+.1%}", style=style), spark(values))
    return table


def bands_table(frame: Frame) -> Table:
    """How many accounts stand in each band of h."""
    table = _table("accounts by health h")
    table.show_header = False
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    table.add_column(no_wrap=True, ratio=1)
    most = max(*frame.bands, 1)
    for (name, _, _), count, style in zip(BANDS, frame.bands, BAND_STYLES, strict=True):
        table.add_row(name, str(count), Text("█" * round(24 * count / most), style=style))
    return table


def auctions_table(frame: Frame, rows: int) -> Table:
    """The auctions that run, oldest first."""
    table = _table(f"auctions: {len(frame.auctions)} running")
    for column in ("account", "age", "λ", "h"):
        table.add_column(column, justify="left" if column == "account" else "right", no_wrap=True)
    oldest = sorted(frame.auctions, key=lambda auction: -auction.age)[:rows]
    for auction in oldest:
        table.add_row(auction.name, f"{auction.age} s", f"{auction.discount:.1%}", f"{auction.health:.3f}")
    for _ in range(rows - len(oldest)):
        table.add_row("", "", "", "")
    return table


def summary(frame: Frame) -> str:
    """One line of totals."""
    return (
        f"breached {frame.breached}  auctions opened {frame.opened}  bids {frame.bids}  "
        f"insolvent so far {frame.insolvent}  vault {frame.vault:,.0f}  keeper {frame.keeper}"
        + (f"  FAULTS {frame.faults}" if frame.faults else "")
    )


class View:
    """Live on a terminal; plain lines elsewhere."""

    def __init__(self, console: Console, title: str) -> None:
        """Nothing is drawn before the context is entered."""
        self._console = console
        self._title = title
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(None), TaskProgressColumn(), TimeElapsedColumn(), expand=True
        )
        self._task = self._progress.add_task("", total=None)
        self._live = Live(self._progress, console=console, auto_refresh=False, transient=True)
        self._drawn = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        self._console.print(self._title, soft_wrap=True, highlight=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live.is_started:
            self._live.stop()

    def say(self, text: str) -> None:
        """A stage begins, or something happened that stays on the screen."""
        self._progress.update(self._task, description=text)
        self._console.print(text, soft_wrap=True, highlight=False)
        if self._live.is_started:
            self._live.update(self._progress, refresh=True)

    def show(self, frame: Frame) -> None:
        """The state after a block."""
        if not self._live.is_started:
            if frame.block % BLOCKS_A_LINE == 0:
                line = f"block {frame.block}/{frame.blocks}  {frame.label}  {summary(frame)}"
                self._console.print(line, soft_wrap=True, highlight=False)
            return
        if time.monotonic() - self._drawn < 1 / REFRESHES:
            return
        self._drawn = time.monotonic()
        label = f"block {frame.block}/{frame.blocks}  {frame.label}"
        self._progress.update(self._task, completed=frame.block, total=frame.blocks, description=label)
        self._live.update(self._picture(frame), refresh=True)

    def _picture(self, frame: Frame) -> RenderableType:
        left = Group(prices_table(frame), bands_table(frame))
        if self._console.width < WIDE:
            body: RenderableType = Group(left, auctions_table(frame, AUCTIONS_NARROW))
        else:
            columns = Table.grid(expand=True, padding=(0, 1))
            columns.add_column(ratio=3)
            columns.add_column(ratio=2)
            columns.add_row(left, auctions_table(frame, AUCTIONS_WIDE))
            body = columns
        return Panel(Group(self._progress, body, Text(summary(frame))), title=self._title)
