"""Sends notifications through Apprise, in a thread of its own: nobody ever waits for a service."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from keeper.watch import metrics
from keeper.watch.alerts import Level, Message

if TYPE_CHECKING:
    from apprise import Apprise

log = structlog.get_logger(__name__)

WAITING = 64
"""Messages that wait for a slow service; more are dropped, and counted."""
TYPES = {Level.WARNING: "warning", Level.CRITICAL: "failure"}


class Notifier:
    """The one place that sends. `failed` counts messages that no service took since the last one that did."""

    def __init__(self, urls: Sequence[str], name: str = "keeper") -> None:
        self.failed = 0
        self._name = name
        self._services = services(urls) if urls else None
        self._waiting: queue.Queue[Message | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._work, name="notify", daemon=True)

    def __enter__(self) -> Notifier:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # What waits is still sent, as long as that does not take long.
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(5)

    def send(self, message: Message) -> None:
        """Hand a message over; returns at once."""
        if self._services is None:
            return
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            self._fail(message, "the queue is full")

    def _work(self) -> None:
        while (message := self._waiting.get()) is not None:
            assert self._services is not None
            title = f"[{self._name}] {message.title}"
            try:
                done = self._services.notify(title=title, body=message.body, notify_type=TYPES[message.level])
            except Exception as error:  # noqa: BLE001 - a service's plug-in may raise anything, and must end nothing
                self._fail(message, type(error).__name__)
                continue
            if done:
                self.failed = 0
                metrics.NOTIFIED.labels(message.level.value).inc()
            else:
                self._fail(message, "a service did not take it")

    def _fail(self, message: Message, why: str) -> None:
        self.failed += 1
        metrics.NOTIFY_FAILED.inc()
        log.error("not notified", title=message.title, why=why)


def services(urls: Sequence[str]) -> Apprise:
    """All of them as one. ValueError where Apprise knows no such address, without showing it."""
    # Here, as most commands need none of it and should not wait for it.
    from apprise import Apprise

    found = Apprise()
    for url in urls:
        if not found.add(url):
            raise ValueError("Apprise knows no such address")
    return found
