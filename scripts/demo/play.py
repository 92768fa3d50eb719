"""The path played block by block beside the keeper, with its one kill -9, until the chain is calm again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from keeper.model.auction import lambda_at

from .acts.ground import Ground
from .acts.programme import Programme
from .bands import count_bands
from .observer import BlockRecord
from .path import PricePath
from .setting_up import Cast, prices_at
from .settings import MARKETS
from .stage import Stage
from .view import Auction, Frame, View
from .worker import Worker

WAD = 10**18
DOWN_BLOCKS = 2
"""Blocks that pass while no keeper runs; then the driver waits for the new one before it goes on."""

KILL_PATIENCE = 30
"""Steps, at most, that the kill waits for an auction to be running in which standing bids would take something."""

SETTLE_BLOCKS = 200
"""Blocks at the last price, at most, for auctions to end in."""


@dataclass(slots=True)
class Play:
    """A run in progress, and what it has recorded. Without a keeper nobody works: there are no acts either."""

    stage: Stage
    path: PricePath
    cast: Cast
    view: View
    worker: Worker | None
    records: list[BlockRecord] = field(default_factory=list)
    outage: tuple[int, int] | None = None
    bids_at_restart: int = 0
    programme: Programme | None = field(init=False, default=None)
    _down: int = 0

    def __post_init__(self) -> None:
        if self.worker is not None and self.cast.actors is not None:
            members = {member.book.name: member.wallet for member in self.cast.members}
            idle = ("maker", "lender")
            population = frozenset(m.wallet.account for m in self.cast.members if m.book.kind not in idle)
            ground = Ground(
                stage=self.stage,
                path=self.path,
                opening=self.cast.opening,
                actors=self.cast.actors,
                names=self.cast.names,
                population=population,
                members=members,
            )
            self.programme = Programme(ground, self.view.say)

    def run(self) -> None:
        """Every step of the path, then calm at its last price until nobody is under the line."""
        for step in self._steps():
            self._block(step)
            self._mind_keeper(step)
        self.stage.observer.finish(self.stage.timestamp)

    def _steps(self) -> Iterator[int]:
        yield from range(self.path.steps)
        for _ in range(SETTLE_BLOCKS):
            if self.worker is None or not (self.records[-1].under or self.records[-1].insolvent):
                return
            yield self.path.steps - 1

    def _block(self, step: int) -> None:
        sent = self.programme.transactions(len(self.records), down=self._down > 0) if self.programme else []
        record = self.stage.advance(prices_at(self.path, step), sent)
        self.records.append(record)
        if self.programme:
            self.programme.look()
        self.view.show(self._frame(step, record))
        if self.worker is not None and self._down == 0:
            self.worker.wait_for(self.stage.number)

    def _mind_keeper(self, step: int) -> None:
        """Kill the keeper when it is time, and start another some blocks later."""
        if self.worker is None:
            return
        if self._down:
            self._down -= 1
            if self._down == 0:
                self._revive(self.worker)
        elif self.outage is None and self._time_to_kill(step):
            self.worker.kill()
            self._down = DOWN_BLOCKS
            self.outage = len(self.records) - 1, len(self.records) - 1 + DOWN_BLOCKS
            self.view.say(f"block {self.stage.number}: keeper killed with signal 9, {DOWN_BLOCKS} blocks without it")

    def _time_to_kill(self, step: int) -> bool:
        if step < self.path.kill_at:
            return False
        ready = self.records[-1].auctions > 0 and self.programme is not None and self.programme.can_sweep
        return ready or step >= self.path.kill_at + KILL_PATIENCE

    def _revive(self, worker: Worker) -> None:
        """Chain time stands still until the new process has caught up: the driver mines no block meanwhile."""
        worker.restart()
        worker.wait_ready(self.stage.number)
        self.bids_at_restart = len(self.stage.observer.bids)
        self.view.say(f"block {self.stage.number}: keeper works again")

    def _frame(self, step: int, record: BlockRecord) -> Frame:
        observer = self.stage.observer
        return Frame(
            block=len(self.records),
            blocks=max(self.path.steps, len(self.records)),
            label=self.path.labels[step] if len(self.records) <= self.path.steps else "calm at the last price",
            prices={name: self._course(column) for column, name in enumerate(MARKETS)},
            bands=count_bands(record.health.values()),
            auctions=self._auctions(record),
            bids=len(observer.bids),
            opened=observer.opened,
            breached=len(observer.breached),
            insolvent=len(observer.insolvent),
            vault=record.vault,
            keeper=self._keeper_state(),
            faults=bool(self.stage.faults.custody) + bool(self.stage.faults.sums),
        )

    def _keeper_state(self) -> str:
        if self.worker is None:
            return "none"
        return "down" if self._down else f"at work, {self.worker.restarts} restarts"

    def _course(self, column: int) -> tuple[float, list[float]]:
        prices = self.path.prices[: max(2, min(len(self.records), self.path.steps)), column]
        return float(prices[0]), prices.tolist()

    def _auctions(self, record: BlockRecord) -> list[Auction]:
        mirror, names = self.stage.observer.mirror, self.cast.names
        running = []
        for account, run in mirror.runs.items():
            if record.health.get(account, 1.0) < 1.0 and mirror.sighted(account, record.timestamp):
                age = record.timestamp - run.start
                discount = lambda_at(mirror.curves[run.curve], age) / WAD
                running.append(Auction(names.get(account, hex(account)), age, discount, record.health[account]))
        return running
