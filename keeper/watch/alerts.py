"""What can be wrong, by name: each alert has a level here and a section of docs/runbook.md that says what to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import structlog

from keeper.watch import metrics

log = structlog.get_logger(__name__)

HOUR = 3_600.0


class Level(StrEnum):
    """Critical: the keeper does not do its work, or soon will not. Warning: it does, and somebody should look."""

    WARNING = "warning"
    CRITICAL = "critical"


class Alert(NamedTuple):
    """One kind of trouble; told once it has lasted `wait` seconds."""

    level: Level
    means: str
    wait: float = 0.0


ALERTS = {
    "head_stale": Alert(Level.CRITICAL, "no head was handled for too long", 60),
    "head_old": Alert(Level.CRITICAL, "the newest block is old", 30),
    "head_failing": Alert(Level.CRITICAL, "heads cannot be handled", 20),
    "lane_stuck": Alert(Level.CRITICAL, "a transaction is not mined"),
    "balance_low": Alert(Level.CRITICAL, "a sender can pay for few more transactions"),
    "accounts_quarantined": Alert(Level.CRITICAL, "accounts cannot be computed or trusted"),
    "store_failing": Alert(Level.CRITICAL, "the store cannot be read or written"),
    "disk_low": Alert(Level.CRITICAL, "the disk of the store is nearly full"),
    "nonce_taken": Alert(Level.CRITICAL, "somebody else sends with this key"),
    "endpoint_deaf": Alert(Level.WARNING, "a subscription had stopped to hear"),
    "endpoint_lag": Alert(Level.WARNING, "an endpoint is behind the others", 60),
    "endpoint_down": Alert(Level.WARNING, "an endpoint does not answer", 60),
    "endpoint_switched": Alert(Level.WARNING, "an endpoint was left for the next"),
    "accounts_failing": Alert(Level.WARNING, "acts for accounts keep failing", 60),
    "capital_gone": Alert(Level.WARNING, "the taker has no margin left to bid with", 60),
    "fees_capped": Alert(Level.WARNING, "the base fee is above what may be paid", 30),
    "clock_off": Alert(Level.WARNING, "this machine's clock is behind the chain's", 30),
    "kill_switch": Alert(Level.WARNING, "the kill switch is on"),
    "notify_failing": Alert(Level.WARNING, "notifications do not get out"),
    "reorg_deep": Alert(Level.WARNING, "many blocks were rolled back"),
    "book_reread": Alert(Level.WARNING, "the book was read anew"),
    "transaction_reverted": Alert(Level.WARNING, "a transaction was mined and reverted"),
    "shut_down": Alert(Level.WARNING, "the protocol has ended"),
}


class Problem(NamedTuple):
    """One alert that is on now, with the number that says so and the one it is held against."""

    name: str
    detail: str
    value: float
    limit: float

    @property
    def level(self) -> Level:
        """Of its alert."""
        return ALERTS[self.name].level


class Message(NamedTuple):
    """What is sent."""

    level: Level
    title: str
    body: str


@dataclass(slots=True)
class _Seen:
    since: float
    told: float | None = None


class Alarms:
    """Decides what is told, once: when an alert begins, again while it lasts, when it is over. Never too often.

    The clock's seconds are given with each call, so that nothing here waits for anything.
    """

    def __init__(self, send: Callable[[Message], None], *, repeat: float, per_hour: int, least: Level) -> None:
        self._send = send
        self._repeat = repeat
        self._per_hour = per_hour
        self._least = least
        self._on: dict[str, _Seen] = {}
        self._events: dict[str, tuple[float, int]] = {}
        self._sent: deque[float] = deque()
        self._held = 0

    def update(self, problems: Iterable[Problem], now: float) -> None:
        """All that is wrong at this moment; what was before and is not listed is over."""
        present = {problem.name: problem for problem in problems}
        for name, alert in ALERTS.items():
            metrics.PROBLEMS.labels(name, alert.level.value).set(name in present)
        for name in [name for name in self._on if name not in present]:
            self._over(name, now)
        for problem in present.values():
            self._goes_on(problem, now)

    def event(self, name: str, detail: str, now: float) -> None:
        """Something that happened and is not a state; the same name again soon is only counted."""
        alert = ALERTS[name]
        log.log(_LOG_LEVELS[alert.level], "alert", alert=name, detail=detail)
        last, missed = self._events.get(name, (None, 0))
        if last is not None and now - last < self._repeat:
            self._events[name] = (last, missed + 1)
            return
        more = f"; {missed} more since the last notification" if missed else ""
        self._events[name] = (now, 0)
        self._tell(Message(alert.level, f"{name}: {alert.means}", f"{detail}{more}"), now)

    def _goes_on(self, problem: Problem, now: float) -> None:
        alert = ALERTS[problem.name]
        seen = self._on.setdefault(problem.name, _Seen(now))
        if now - seen.since < alert.wait:
            return
        if seen.told is None:
            log.log(_LOG_LEVELS[alert.level], "alert", alert=problem.name, detail=problem.detail, value=problem.value)
            self._tell(Message(alert.level, f"{problem.name}: {alert.means}", problem.detail), now)
            seen.told = now
        elif now - seen.told >= self._repeat:
            minutes = (now - seen.since) / 60
            self._tell(Message(alert.level, f"{problem.name}: still, for {minutes:.0f} min", problem.detail), now)
            seen.told = now

    def _over(self, name: str, now: float) -> None:
        seen = self._on.pop(name)
        if seen.told is not None:
            log.info("alert is over", alert=name, seconds=round(now - seen.since))
            lasted = f"it lasted {now - seen.since:.0f} s"
            self._tell(Message(ALERTS[name].level, f"{name}: over", lasted), now)

    def _tell(self, message: Message, now: float) -> None:
        if self._least is Level.CRITICAL and message.level is not Level.CRITICAL:
            return
        while self._sent and now - self._sent[0] >= HOUR:
            self._sent.popleft()
        if len(self._sent) >= self._per_hour:
            self._held += 1
            metrics.NOTIFY_HELD.inc()
            log.warning("notification held back", title=message.title, an_hour=self._per_hour)
            return
        self._sent.append(now)
        if self._held:
            message = message._replace(body=f"{message.body}\n({self._held} notifications before were not sent)")
            self._held = 0
        self._send(message)


_LOG_LEVELS = {Level.WARNING: 30, Level.CRITICAL: 40}
