"""Looks at the keeper from beside its loop: fills in what health and metrics show, and has alerts told."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import structlog

from keeper.watch import metrics
from keeper.watch.alerts import Alarms
from keeper.watch.health import Health
from keeper.watch.notify import Notifier
from keeper.watch.switch import KillSwitch

log = structlog.get_logger(__name__)

PERIOD = 1.0


class Node(Protocol):
    """What a node counts of itself."""

    deaf: int
    switches: int

    @property
    def name(self) -> str:
        """The endpoint in use, without what is secret in its address."""
        ...

    def lags(self) -> dict[str, int]:
        """Blocks behind the farthest, by endpoint."""
        ...

    def silent(self) -> list[str]:
        """Endpoints that are not to be had."""
        ...


class Monitor:
    """One look a second; asks nothing of the chain."""

    def __init__(
        self, health: Health, alarms: Alarms, notifier: Notifier, switch: KillSwitch, node: Node, store: Path
    ) -> None:
        self._health = health
        self._alarms = alarms
        self._notifier = notifier
        self._switch = switch
        self._node = node
        self._store = store
        self._deaf = self._switches = 0
        self._failures = store_failures()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - whoever watches must not be the first to go
                log.error("the monitor failed", error=repr(error))
            await asyncio.sleep(PERIOD)

    def look(self) -> None:
        """Bring health and metrics up to date, and pass on what is wrong."""
        health, now = self._health, self._health.clock()
        health.killed = self._switch.reason
        health.notify_failed = self._notifier.failed
        if self._node.deaf > self._deaf:
            self._deaf = self._node.deaf
            health.deaf = (now, self._deaf)
        if self._node.switches > self._switches:
            times, self._switches = self._node.switches - self._switches, self._node.switches
            health.tell("endpoint_switched", f"{times} times, now {self._node.name}")
        failures = store_failures()
        if failures > self._failures:
            self._failures = failures
            health.store = (now, int(failures))
        self._disk()
        health.lags, health.silent = self._node.lags(), self._node.silent()
        for name, lag in health.lags.items():
            metrics.LAG.labels(name).set(lag)
        for sender, wei in health.balances.items():
            metrics.BALANCE.labels(sender).set(wei / 10**18)
        if health.head_time:
            metrics.HEAD_AGE.set(max(0.0, health.head_age))
            metrics.CLOCK_AHEAD.set(max(0.0, -health.head_age))
        while health.happened:
            self._alarms.event(*health.happened.popleft(), now)
        self._alarms.update(health.problems, now)

    def _disk(self) -> None:
        try:
            self._health.disk_free = shutil.disk_usage(self._store.parent).free
        except OSError as error:
            log.warning("the disk of the store cannot be asked", error=str(error))
            return
        metrics.DISK_FREE.set(self._health.disk_free)


def store_failures() -> float:
    """How often the store has failed so far in this process."""
    samples: Sequence[float] = [
        sample.value
        for metric in metrics.STORE_FAILURES.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    ]
    return sum(samples)
