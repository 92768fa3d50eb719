"""The report's pictures, as SVG text."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .observer import Bid, BlockRecord

COLOURS = ("#2a6f97", "#e07a1f", "#5b8c3a", "#8e5ea2")
GREY = "#8a8f98"
RED = "#b3261e"
MOST_HEALTH = 6.0
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "demo",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "grid.color": "#e4e6ea",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
}


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, bbox_inches="tight")
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _minutes(records: Sequence[BlockRecord]) -> list[float]:
    return [(record.timestamp - records[0].timestamp) / 60 for record in records]


def _figure(height: float, rows: int = 1, ratios: Sequence[int] | None = None) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(9.5, height))
    axes = figure.subplots(rows, 1, sharex=rows > 1, squeeze=False, height_ratios=ratios)
    return figure, list(axes[:, 0])


def price_picture(records: Sequence[BlockRecord], names: Mapping[int, str], outage: tuple[int, int] | None) -> str:
    """Prices relative to the start above, accounts under the line and running auctions below."""
    with mpl.rc_context(STYLE):
        figure, (above, below) = _figure(5.2, 2, (3, 2))
        minutes = _minutes(records)
        for colour, (market, name) in zip(COLOURS, names.items(), strict=False):
            start = records[0].prices[market]
            above.plot(minutes, [r.prices[market] / start for r in records], color=colour, lw=1.2, label=name)
        above.set_ylabel("price, start = 1")
        above.legend(loc="lower left", ncols=len(names))
        below.fill_between(minutes, [r.auctions for r in records], color=COLOURS[0], alpha=0.35, lw=0, label="auctions")
        below.plot(minutes, [r.under for r in records], color=RED, lw=1, label="accounts under the line")
        below.set_ylabel("accounts")
        below.set_xlabel("minutes of chain time")
        for axes in (above, below):
            if outage:
                axes.axvspan(minutes[outage[0]], minutes[outage[1]], color=GREY, alpha=0.4, label="keeper down")
        below.legend(loc="upper left")
        return _svg(figure)


def health_picture(before: Sequence[float], after: Sequence[float]) -> str:
    """Distribution of h over indebted accounts at the start and at the end."""
    with mpl.rc_context(STYLE):
        figure, axes = _figure(3.4)
        bins = np.linspace(0, MOST_HEALTH, 41)
        for values, colour, label in ((before, GREY, "before"), (after, COLOURS[0], "after")):
            clipped = np.clip(values, 0, MOST_HEALTH - 1e-9)
            axes[0].hist(clipped, bins=list(bins), color=colour, alpha=0.55, label=f"{label}, {len(values)} accounts")
        axes[0].axvline(1, color=RED, lw=1.2)
        axes[0].annotate("the line", (1, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom", color=RED)
        axes[0].set_xlabel(f"health h = equity / MM (those above {MOST_HEALTH:.0f} in the last bar)")
        axes[0].set_ylabel("accounts")
        axes[0].legend(loc="upper right")
        return _svg(figure)


def lambda_picture(bids: Sequence[Bid], curve: Sequence[tuple[int, float]]) -> str:
    """λ that each bid was granted over the age of its auction, the curve behind; size is the fraction taken."""
    with mpl.rc_context(STYLE):
        figure, axes = _figure(3.6)
        last = max([bid.age for bid in bids], default=curve[1][0])
        ages = np.linspace(0, 1.05 * last, 200)
        seconds, rates = [point[0] for point in curve], [point[1] for point in curve]
        axes[0].plot(ages, np.interp(ages, seconds, rates), color=GREY, lw=1, label="λ(t)")
        for whole, colour, label in ((False, COLOURS[0], "part taken"), (True, COLOURS[1], "all taken")):
            group = [bid for bid in bids if bid.whole == whole]
            axes[0].scatter(
                [bid.age for bid in group],
                [bid.lambda_taker for bid in group],
                s=[12 + 60 * bid.fraction for bid in group],
                color=colour,
                alpha=0.5,
                linewidths=0,
                label=f"{label}, {len(group)}",
            )
        axes[0].set_xlabel("age of the auction, chain seconds")
        axes[0].set_ylabel("λ granted to the taker")
        axes[0].legend(loc="lower right")
        return _svg(figure)


def vault_picture(records: Sequence[BlockRecord]) -> str:
    """The insurance vault's cash."""
    with mpl.rc_context(STYLE):
        figure, axes = _figure(2.8)
        axes[0].plot(_minutes(records), [record.vault for record in records], color=COLOURS[2], lw=1.3)
        axes[0].set_ylabel("quote")
        axes[0].set_xlabel("minutes of chain time")
        axes[0].ticklabel_format(axis="y", style="plain", useOffset=False)
        axes[0].yaxis.set_major_formatter("{x:,.0f}")
        return _svg(figure)
