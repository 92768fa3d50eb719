"""The real `keeper` command as a process, and what it logs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

SECONDS = 60
KEY_ENV = "KEEPER_KEY"


def until(condition: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """The first true value of the condition."""
    waiting = threading.Event()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        waiting.wait(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def configure(directory: Path, endpoint: str, deployment: Path, more: str = "") -> Path:
    """A configuration file."""
    path = directory / "keeper.toml"
    endpoints = json.dumps([endpoint])
    path.write_text(
        f'[chain]\ndeployment = "{deployment}"\nendpoints = {endpoints}\npoll_seconds = 0.05\n'
        f'[store]\npath = "{directory}/keeper.sqlite"\nsnapshot_blocks = 20\n'
        '[watch]\nlog_level = "debug"\nhead_age_seconds = 0.0\nclock_seconds = 1e10\n' + more
    )
    return path


def command(*arguments: str, key: str | None = None) -> subprocess.CompletedProcess[str]:
    """A `keeper` command that ends by itself."""
    environment = {**os.environ, "COLUMNS": "200"}
    environment.pop(KEY_ENV, None)
    if key is not None:
        environment[KEY_ENV] = key
    return subprocess.run(
        [sys.executable, "-m", "keeper", *arguments], capture_output=True, text=True, env=environment, timeout=SECONDS
    )


class KeeperProcess:
    """`keeper run`; killed on leaving if it is still there."""

    def __init__(
        self, config: Path, key: str, more: Sequence[str] = (), *, launcher: str = "keeper", **environment: str
    ) -> None:
        self._config = config
        self._more = more
        self._launcher = launcher
        self._environment = {KEY_ENV: key, **environment}
        self._log = config.with_suffix(f".{time.monotonic_ns()}.log")
        self._read = 0
        self._events: list[dict[str, Any]] = []
        self._highest = -1

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self._launcher, "run", "--config", str(self._config), *self._more],
                stderr=log,
                stdout=log,
                env={**os.environ, **self._environment},
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def started(self) -> Self:
        self.wait_for("started")
        return self

    def started_or_dead(self) -> None:
        """Until it has started, or is no more."""
        until(lambda: self.process.poll() is not None or self.events("started"), "started or dead")

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """What it has logged, whole lines only."""
        with self._log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            if line.startswith(b"{"):
                event = json.loads(line)
                self._events.append(event)
                if event["event"] == "head":
                    self._highest = max(self._highest, event["block"])
        return [event for event in self._events if name is None or event["event"] == name]

    def wait_for(self, name: str, count: int = 1, **fields: Any) -> dict[str, Any]:
        """The `count`th event of that name and those fields."""

        def found() -> dict[str, Any] | None:
            matching = [e for e in self.events(name) if all(e.get(k) == v for k, v in fields.items())]
            if len(matching) >= count:
                return matching[count - 1]
            assert self.process.poll() is None, f"the keeper ended: {self._log.read_text()[-3000:]}"
            return None

        event: dict[str, Any] = until(found, f"{name} {fields}: {self._log.read_text()[-2000:]}")
        return event

    def handled(self, block: int) -> None:
        """Until the head of that number, or a later one, was handled."""
        until(lambda: self.has_handled(block), f"head {block}: {self._log.read_text()[-2000:]}")

    def has_handled(self, block: int) -> bool:
        """Whether the head of that number, or a later one, was handled."""
        self.events()
        return self._highest >= block

    def said(self) -> str:
        """All that it wrote, in one line."""
        return " ".join(self._log.read_text().split())

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(SECONDS)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
