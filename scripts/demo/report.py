"""The report: one HTML file with its pictures inside, and the table that the terminal shows at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.table import Table

from . import pictures
from .acts.ground import Told
from .observer import Bid, BlockRecord
from .outcome import Outcome
from .path import PricePath
from .settings import BLOCK_SECONDS


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of account fared."""

    name: str
    accounts: int
    breached: int
    taken: int


@dataclass(frozen=True, slots=True)
class Story:
    """All that a report tells of a run."""

    path: PricePath
    seed: int
    outcome: Outcome
    reasons: Sequence[str]
    records: Sequence[BlockRecord]
    bids: Sequence[Bid]
    names: Mapping[int, str]
    kinds: Sequence[Kind]
    markets: Mapping[int, str]
    curve: Sequence[tuple[int, float]]
    extra: Mapping[str, str] = field(default_factory=dict)
    outage: tuple[int, int] | None = None
    acts: Sequence[Told] = ()


def kinds_of(kinds: Mapping[int, str], breached: set[int], bids: Sequence[Bid]) -> list[Kind]:
    """Accounts, breached ones and ones taken whole, by kind in order of appearance."""
    taken = {bid.account for bid in bids if bid.whole}
    listed: dict[str, list[int]] = {}
    for account, kind in kinds.items():
        listed.setdefault(kind, []).append(account)
    return [
        Kind(name, len(members), len(breached.intersection(members)), len(taken.intersection(members)))
        for name, members in listed.items()
    ]


def _money(value: float) -> str:
    return f"{value:,.2f}"


def _ratio(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def _seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:.0f} s"


def rows_of(outcome: Outcome, extra: Mapping[str, str]) -> list[tuple[str, str]]:
    """The outcome in words and figures for people."""
    return [
        ("accounts", str(outcome.accounts)),
        ("accounts that breached", str(outcome.breached)),
        ("auctions opened", str(outcome.opened)),
        ("bids", str(outcome.bids)),
        ("bids for a part", str(outcome.partial_bids)),
        ("accounts taken whole", str(outcome.fully_taken)),
        ("insolvent accounts", str(outcome.insolvent)),
        ("fraction of a bid, median", _ratio(outcome.median_fraction)),
        ("λ of a bid, median", _ratio(outcome.median_lambda)),
        ("bad debt", _money(outcome.bad_debt)),
        ("paid by the vault", _money(outcome.vault_paid)),
        ("loss shared by all cash", _money(outcome.loss_shared)),
        ("time under the line, median", _seconds(outcome.time_under_line_p50_s)),
        ("time under the line, 95%", _seconds(outcome.time_under_line_p95_s)),
        ("blocks under the line unsighted, most", str(outcome.max_unsighted_blocks)),
        ("custody", "holds" if outcome.custody_ok else "BROKEN"),
        ("sums", "hold" if outcome.sums_ok else "BROKEN"),
        ("keeper errors", str(outcome.keeper_errors)),
        ("keeper restarts", str(outcome.keeper_restarts)),
        *extra.items(),
    ]


def table_of(outcome: Outcome, extra: Mapping[str, str]) -> Table:
    """The same for the terminal."""
    table = Table(title="the run", title_justify="left", show_header=False)
    table.add_column("what")
    table.add_column("value", justify="right")
    for name, value in rows_of(outcome, extra):
        table.add_row(name, value)
    return table


def lines_of(acts: Sequence[Told]) -> list[str]:
    """What others than the keeper did, a line each for the terminal."""
    return [
        f"{act.name}: {'did not happen' if act.block is None else f'block {act.block}'}, {act.who}: {act.what}"
        for act in acts
    ]


def _pictures(story: Story) -> dict[str, str]:
    before, after = story.records[0].health, story.records[-1].health
    return {
        "prices": pictures.price_picture(story.records, story.markets, story.outage),
        "health": pictures.health_picture(list(before.values()), list(after.values())),
        "discounts": pictures.lambda_picture(story.bids, story.curve),
        "vault": pictures.vault_picture(story.records),
    }


def write_report(story: Story, file: Path) -> None:
    """Write the report to `file`, whole in one file: it needs nothing from a network."""
    environment = Environment(loader=PackageLoader("scripts.demo"), autoescape=True, undefined=StrictUndefined)
    text = environment.get_template("report.html.j2").render(
        path=story.path,
        seed=story.seed,
        blocks=len(story.records),
        block_seconds=BLOCK_SECONDS,
        outcome=story.outcome,
        reasons=story.reasons,
        rows=rows_of(story.outcome, story.extra),
        kinds=story.kinds,
        bids=story.bids,
        names=story.names,
        outage=story.outage,
        acts=story.acts,
        pictures=_pictures(story),
    )
    file.write_text(text, encoding="utf-8")
