"""Programs that the demo starts, and signals that must not lose one of them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO

POLITE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Spawning:
    """Whether a program is being started just now, and which signal came meanwhile."""

    now = False
    missed: int | None = None


def _interrupt(number: int, _: FrameType | None) -> None:
    if _Spawning.now:
        _Spawning.missed = number
        return
    raise KeyboardInterrupt(signal.Signals(number).name)


def leave_by_interrupt() -> None:
    """From now on any polite signal leaves as Ctrl-C does, so that all that was started is stopped."""
    for number in POLITE:
        signal.signal(number, _interrupt)


class Child:
    """A program in a group of its own. A signal that comes while it is started is raised by `start`, after it."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str], output: IO[bytes], *, folder: Path | None = None, **variables: str) -> None:
        """Start `command` with its output in a file, in a folder, with more variables than this process has."""
        environment: Mapping[str, str] = {**os.environ, **variables}
        _Spawning.now, _Spawning.missed = True, None
        try:
            self._process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
            )
        finally:
            _Spawning.now = False
        if _Spawning.missed is not None:
            _interrupt(_Spawning.missed, None)

    @property
    def exit_code(self) -> int | None:
        """How the program ended; None while it runs, or if there is none."""
        return self._process.poll() if self._process else None

    @property
    def running(self) -> bool:
        """Whether the program has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def wait(self, seconds: float) -> int:
        """The exit code; subprocess.TimeoutExpired if it still runs then."""
        assert self._process is not None
        return self._process.wait(seconds)

    def end(self, number: signal.Signals, patience: float) -> None:
        """Signal the program, and kill its whole group if it is there after `patience` seconds; again is harmless."""
        if not self.running:
            return
        assert self._process is not None
        self._process.send_signal(number)
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """kill -9 to the program and all that it has started."""
        if self.running:
            assert self._process is not None
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
