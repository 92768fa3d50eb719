"""/metrics and /health over HTTP, the latter failing when the keeper does not do its work."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from keeper.config.schema import WatchSection
from keeper.watch.alerts import Level, Problem

log = structlog.get_logger(__name__)

GWEI = 10**9
COIN = 10**18
RECENT = 600.0
"""Seconds for which a subscription that had gone deaf, or a store that had failed, is said to be a problem."""


class Stuck(NamedTuple):
    """A lane's oldest pending transaction: since how many blocks, and which."""

    blocks: int
    hash: str


@dataclass(slots=True)
class Health:
    """What the loop tells of itself, and what is wrong by that. `clock` is monotonic, `wall` of the calendar."""

    quiet_after: float
    """Without an answer from the chain for longer, the keeper is not well."""
    limits: WatchSection = field(default_factory=WatchSection)
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    head: int = -1
    head_time: int = 0
    last: float | None = None
    failure: str = ""
    failing: dict[str, str] = field(default_factory=dict)
    quarantined: dict[str, str] = field(default_factory=dict)
    lanes: dict[str, Stuck] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    lags: dict[str, int] = field(default_factory=dict)
    """Blocks behind the newest known one, by endpoint."""
    silent: list[str] = field(default_factory=list)
    """Endpoints that are not connected."""
    base_fee: int = 0
    most_fee: int | None = None
    free_capital: int | None = None
    """None where it does not matter, as nothing is bid for."""
    killed: str = ""
    disk_free: int | None = None
    deaf: tuple[float, int] | None = None
    store: tuple[float, int] | None = None
    """When it last happened by `clock`, and how often it has."""
    notify_failed: int = 0
    shut_down: int = 0
    happened: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=100))
    """Events for whoever sends alerts: name and words."""

    def handled(self, head: int) -> None:
        """A head went through, or the chain was found quiet at it."""
        self.head, self.last, self.failure = head, self.clock(), ""

    def failed(self, reason: str) -> None:
        """The last head did not go through."""
        self.failure = reason

    def tell(self, name: str, detail: str) -> None:
        """An alert that is an event and not a state."""
        self.happened.append((name, detail))

    @property
    def problems(self) -> list[Problem]:
        """Why the keeper is not well; empty if it is."""
        return [*self._of_heads(), *self._of_endpoints(), *self._of_sending(), *self._of_machine()]

    def report(self) -> dict[str, object]:
        """As /health shows it: `ok` unless a problem is critical."""
        problems = self.problems
        return {
            "ok": not any(problem.level is Level.CRITICAL for problem in problems),
            "problems": [{"level": problem.level.value, **problem._asdict()} for problem in problems],
            "head": self.head,
            "head_age": round(self.head_age, 1) if self.head_time else None,
            "kill_switch": self.killed,
            "failing": self.failing,
            "quarantined": self.quarantined,
        }

    @property
    def head_age(self) -> float:
        """Seconds since the newest block's time; negative where the chain's clock is ahead of this machine's."""
        return self.wall() - self.head_time

    def _of_heads(self) -> Iterator[Problem]:
        if self.failure:
            yield Problem("head_failing", self.failure, 1, 0)
        if self.last is None:
            yield Problem("head_stale", "no head yet", 0, self.quiet_after)
        elif (quiet := self.clock() - self.last) > self.quiet_after:
            yield Problem("head_stale", f"no head handled for {quiet:.0f} s", round(quiet), self.quiet_after)
        most = self.limits.head_age_seconds
        if self.head_time and most and self.head_age > most:
            age = self.head_age
            yield Problem("head_old", f"block {self.head} is {age:.0f} s old", round(age), most)
        if self.head_time and -self.head_age > self.limits.clock_seconds:
            ahead = -self.head_age
            said = f"block {self.head} is {ahead:.0f} s ahead of this machine's clock"
            yield Problem("clock_off", said, round(ahead), self.limits.clock_seconds)
        if self.shut_down:
            yield Problem("shut_down", f"the protocol ended at {self.shut_down}", self.shut_down, 0)

    def _of_endpoints(self) -> Iterator[Problem]:
        behind = {name: lag for name, lag in self.lags.items() if lag > self.limits.lag_blocks}
        if behind:
            worst = max(behind, key=lambda name: behind[name])
            said = ", ".join(f"{name} is {lag} blocks behind" for name, lag in behind.items())
            yield Problem("endpoint_lag", said, behind[worst], self.limits.lag_blocks)
        if self.silent:
            yield Problem("endpoint_down", f"no connection to {', '.join(self.silent)}", len(self.silent), 0)
        if self._recent(self.deaf):
            assert self.deaf is not None
            ago = self.clock() - self.deaf[0]
            yield Problem("endpoint_deaf", f"{ago:.0f} s ago, {self.deaf[1]} times in all", self.deaf[1], 0)

    def _of_sending(self) -> Iterator[Problem]:
        if self.killed:
            yield Problem("kill_switch", self.killed, 1, 0)
        for lane, stuck in self.lanes.items():
            if stuck.blocks > self.limits.stuck_blocks:
                said = f"lane {lane}: {stuck.hash} is not mined after {stuck.blocks} blocks"
                yield Problem("lane_stuck", said, stuck.blocks, self.limits.stuck_blocks)
                break
        least = self.limits.least_native
        poor = {name: wei for name, wei in self.balances.items() if wei < least}
        if poor:
            said = ", ".join(f"{name} has {wei / COIN:.6f}" for name, wei in poor.items())
            yield Problem("balance_low", said, min(poor.values()) / COIN, least / COIN)
        if self.most_fee is not None and self.base_fee > self.most_fee:
            said = f"base fee {self.base_fee / GWEI:.3f} gwei, fees.max_fee_gwei {self.most_fee / GWEI:.3f}"
            yield Problem("fees_capped", said, self.base_fee / GWEI, self.most_fee / GWEI)
        if self.free_capital is not None and self.free_capital <= 0:
            yield Problem("capital_gone", "the taker has no free margin: nothing is bid for", 0, 0)
        if self.quarantined:
            said = f"{len(self.quarantined)} accounts, {next(iter(self.quarantined))} among them"
            yield Problem("accounts_quarantined", said, len(self.quarantined), 0)
        if self.failing:
            account, reason = next(iter(self.failing.items()))
            said = f"{len(self.failing)} accounts, {account} among them: {reason}"
            yield Problem("accounts_failing", said, len(self.failing), 0)

    def _of_machine(self) -> Iterator[Problem]:
        if self._recent(self.store):
            assert self.store is not None
            ago = self.clock() - self.store[0]
            yield Problem("store_failing", f"{ago:.0f} s ago, {self.store[1]} times in all", self.store[1], 0)
        least = self.limits.min_disk_mb * 10**6
        if self.disk_free is not None and self.disk_free < least:
            said = f"{self.disk_free // 10**6} MB free where the store is"
            yield Problem("disk_low", said, self.disk_free // 10**6, self.limits.min_disk_mb)
        if self.notify_failed:
            said = f"{self.notify_failed} since the last that went out"
            yield Problem("notify_failing", said, self.notify_failed, 0)

    def _recent(self, seen: tuple[float, int] | None) -> bool:
        return seen is not None and self.clock() - seen[0] < RECENT


async def serve(health: Health, host: str, port: int) -> web.AppRunner:
    """Start to serve; `cleanup()` of what is returned ends it. Raises OSError where the port is taken."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def state(_: web.Request) -> web.Response:
        report = health.report()
        return web.json_response(report, status=200 if report["ok"] else 503)

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/health", state)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    log.info("serving metrics", address=[list(address)[:2] for address in runner.addresses])
    return runner
