"""The keeper as its operator runs it: a process with its own key, which the driver only watches, and kills once."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import requests

from .children import Child
from .node import free_port
from .wallets import Wallet

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 180.0
HEAD_SECONDS = 60.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.003
CONFIG = """\
# Written by the demo; the key is in the environment variable KEEPER_KEY.
[chain]
deployment = "{deployment}"
endpoints = ["{endpoint}"]

[store]
path = "{store}"

[sweep]
enabled = false # the backstop's bids are for when no keeper is up

[bid]
model = "target_lambda"
target_lambda_bps = 1200
max_requirement = 20000000

[fees]
max_fee_gwei = 5
tip_gwei = "0.01"

[watch]
log_level = "info"
metrics_port = {port}
head_age_seconds = 0.0
clock_seconds = 1e10
"""


class KeeperError(Exception):
    """The keeper did not start, or stopped following the chain."""


class Worker:
    """Starts `keeper run`, tells which head it has dealt with, and kills it."""

    def __init__(self, folder: Path, deployment: Path, endpoint: str, wallet: Wallet) -> None:
        """Configuration, store and log go to `folder`; what an earlier run left there is removed."""
        self.port = free_port()
        self.restarts = 0
        self._folder = folder
        self._wallet = wallet
        self._process = Child()
        self._session = requests.Session()
        for left in folder.glob("keeper.sqlite*"):
            left.unlink()
        (folder / "keeper.log").unlink(missing_ok=True)
        text = CONFIG.format(deployment=deployment.name, endpoint=endpoint, store="keeper.sqlite", port=self.port)
        (folder / "keeper.toml").write_text(text, encoding="utf-8")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process; `wait_ready` says when it works."""
        command = [sys.executable, "-m", "keeper", "run", "--config", str(self._folder.resolve() / "keeper.toml")]
        self._process = Child()
        with (self._folder / "keeper.log").open("ab") as log:
            self._process.start(command, log, folder=ROOT, KEEPER_KEY="0x" + self._wallet.key.hex())

    def kill(self) -> None:
        """kill -9: no handler runs, nothing is flushed or said."""
        self._process.kill()

    def restart(self) -> None:
        """Start again from what the killed one had written."""
        self.restarts += 1
        self.start()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that does not end it; again is harmless."""
        self._process.end(signal.SIGTERM, STOP_SECONDS)
        self._session.close()

    def head(self) -> int:
        """The newest block that the keeper has dealt with; -1 while it does not answer."""
        try:
            report = self._session.get(f"http://127.0.0.1:{self.port}/health", timeout=5).json()
        except (requests.RequestException, ValueError):
            return -1
        return int(report["head"])

    def wait_ready(self, block: int) -> None:
        """Until a keeper that has just been started has caught up with `block`."""
        self._wait(block, START_SECONDS)

    def wait_for(self, block: int) -> None:
        """Until the keeper has dealt with `block`, its transactions sent. KeeperError if it takes too long."""
        self._wait(block, HEAD_SECONDS)

    def _wait(self, block: int, seconds: float) -> None:
        if not _until(lambda: self._alive() and self.head() >= block, seconds):
            raise KeeperError(f"the keeper has not dealt with block {block} after {seconds:.0f} s: see keeper.log")

    def _alive(self) -> bool:
        if not self._process.running:
            log = self._folder / "keeper.log"
            raise KeeperError(f"the keeper has ended with {self._process.exit_code}: see {log}")
        return True

    def errors(self) -> int:
        """Lines of level error or worse in its log, and lines that are no log at all, such as a traceback's."""
        log = self._folder / "keeper.log"
        if not log.exists():
            return 0
        return sum(is_error(line) for line in log.read_text(encoding="utf-8", errors="replace").splitlines())


def is_error(line: str) -> bool:
    """Whether a line of the keeper's log tells of an error."""
    if not line.strip():
        return False
    try:
        entry = json.loads(line)
    except ValueError:
        return True
    return not isinstance(entry, dict) or entry.get("level") in ("error", "critical", "exception")


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(POLL_SECONDS)
    return False
