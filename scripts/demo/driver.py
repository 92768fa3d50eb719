"""One run from an empty chain to a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from .acts.ground import Told
from .bars import file_path
from .node import Node
from .outcome import BidFigures, Ending, Outcome, failures, figures, times_under_line
from .path import PricePath, crash_path
from .play import Play
from .population import WAD
from .report import Story, kinds_of, lines_of, table_of, write_report
from .setting_up import Cast, build_stage, populate
from .settings import ACCOUNTS, BLOCKS, Settings
from .stage import Stage
from .view import View
from .worker import Worker


def path_of(settings: Settings) -> PricePath:
    """The path that the settings ask for; UsageError if there is no such."""
    if settings.prices is None:
        return crash_path(settings.seed, settings.blocks)
    return file_path(
        settings.prices,
        settings.start,
        settings.end,
        settings.columns,
        seed=settings.seed,
        blocks=settings.blocks,
    )


@contextmanager
def _keeper(settings: Settings, stage: Stage, cast: Cast, view: View) -> Iterator[Worker | None]:
    if not settings.keeper:
        view.say("no keeper runs: KEEPER=0")
        yield None
        return
    view.say("starting the keeper")
    with Worker(settings.output, stage.deployment.file, stage.node.socket_url, cast.keeper) as worker:
        worker.wait_ready(stage.number)
        yield worker


def run(settings: Settings, console: Console) -> tuple[Outcome, list[str]]:
    """Play a run and write its report; the outcome, and why it does not pass (empty if it does)."""
    path = path_of(settings)
    settings.output.mkdir(parents=True, exist_ok=True)
    with View(console, f"Plimsoll: {path.name}") as view, Node(settings.output / "anvil.log") as node:
        view.say("deploying the contracts")
        stage = build_stage(node, settings.seed, settings.output)
        cast = populate(stage, path, settings, view.say)
        with _keeper(settings, stage, cast, view) as worker:
            play = Play(stage, path, cast, view, worker)
            play.run()
            errors = worker.errors() if worker else 0
        view.say("writing the report")
    return _conclude(settings, play, errors, worker.restarts if worker else 0, console)


def _conclude(
    settings: Settings, play: Play, errors: int, restarts: int, console: Console
) -> tuple[Outcome, list[str]]:
    sums = figures(play.stage.observer.bids)
    outcome = _outcome(play, sums, errors, restarts)
    reasons = failures(outcome, _ending(settings, play, sums))
    extra = {
        "bids for a part that land on the target": str(sums.on_target),
        "bids after the restart": str(len(play.stage.observer.bids) - play.bids_at_restart),
        "blocks": str(len(play.records)),
    }
    story = _story(settings, play, outcome, reasons, extra)
    write_report(story, settings.output / "report.html")
    console.print(table_of(outcome, extra))
    for line in lines_of(story.acts):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    return outcome, reasons


def _outcome(play: Play, sums: BidFigures, errors: int, restarts: int) -> Outcome:
    observer = play.stage.observer
    median, tail = times_under_line(observer.spells)
    return Outcome(
        accounts=len(play.cast.members),
        breached=len(observer.breached),
        opened=observer.opened,
        bids=sums.bids,
        partial_bids=sums.partial_bids,
        fully_taken=sums.fully_taken,
        insolvent=len(observer.insolvent),
        median_fraction=sums.median_fraction,
        median_lambda=sums.median_lambda,
        bad_debt=sums.bad_debt,
        vault_paid=sums.vault_paid,
        time_under_line_p50_s=median,
        time_under_line_p95_s=tail,
        max_unsighted_blocks=observer.max_unsighted,
        custody_ok=not play.stage.faults.custody,
        sums_ok=not play.stage.faults.sums,
        keeper_errors=errors,
        keeper_restarts=restarts,
        loss_shared=sums.loss_shared,
        acts=tuple(act.name for act in _acts(play) if act.block is not None),
    )


def _acts(play: Play) -> list[Told]:
    return play.programme.told if play.programme else []


def _ending(settings: Settings, play: Play, sums: BidFigures) -> Ending:
    full = settings.blocks >= BLOCKS and settings.accounts >= ACCOUNTS
    return Ending(
        keeper=settings.keeper,
        counted=settings.prices is None and full,
        left_insolvent=play.records[-1].insolvent,
        on_target=sums.on_target,
        missed_target=sums.missed_target,
        bids_after_restart=sums.bids - play.bids_at_restart if play.outage else 0,
        missing=tuple(act.name for act in _acts(play) if act.block is None),
        custody_fault=play.stage.faults.custody,
        sums_fault=play.stage.faults.sums,
    )


def _story(settings: Settings, play: Play, outcome: Outcome, reasons: list[str], extra: dict[str, str]) -> Story:
    observer = play.stage.observer
    curve = observer.mirror.curves[max(observer.mirror.curves)]
    return Story(
        path=play.path,
        seed=settings.seed,
        outcome=outcome,
        reasons=reasons,
        records=play.records,
        bids=observer.bids,
        names=play.cast.names,
        kinds=kinds_of(play.cast.kinds, observer.breached, observer.bids),
        markets={number: name for name, number in play.stage.deployment.markets.items()},
        curve=[(seconds, bps * 10**14 / WAD) for seconds, bps in curve.points],
        extra=extra,
        outage=play.outage,
        acts=_acts(play),
    )
