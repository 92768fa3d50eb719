"""`python -m tests.faults.launcher run …`: the real keeper, with a death, a full disk or a wrong clock prepared for it.

What is prepared stands in the environment: `DIE_AT=journal.sign:1:before` kills the process (as kill -9 does) before or
after the first call of that method; while the file that `DISK_FULL` names exists the store cannot grow; `CLOCK_FILE`
holds seconds that are added to the time of day; each signature is written to `SIGNATURES`.
"""

from __future__ import annotations

import inspect
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

from keeper.capital import Ledger
from keeper.chain.node import Node
from keeper.execution import signers
from keeper.store.journal import Journal

PLACES: dict[str, type] = {"journal": Journal, "ledger": Ledger, "signer": signers.KeySigner}
READS = ("pending", "last_mined", "next_nonce", "states", "restore", "observe", "free")


def steps() -> list[str]:
    """Every method between a decision and its receipt at which a keeper could be killed, and the sending itself."""
    found = [
        f"{place}.{name}"
        for place, owner in PLACES.items()
        for name, member in vars(owner).items()
        if inspect.isfunction(member) and not name.startswith("_") and name not in READS
    ]
    return [*found, "node.send"]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _deadly(found: Callable[..., Any], times: int, *, before: bool) -> Callable[..., Any]:
    left = [times]

    def guarded(*args: Any, **fields: Any) -> Any:
        left[0] -= 1
        if left[0] == 0 and before:
            _die()
        result = found(*args, **fields)
        if left[0] == 0:
            _die()
        return result

    return guarded


def prepare_death(where: str) -> None:
    step, times, when = where.split(":")
    place, name = step.split(".")
    if place == "node":
        ask = Node.ask
        left = [int(times)]

        async def guarded(self: Node, method: str, params: list[Any]) -> Any:
            counts = method == "eth_sendRawTransaction"
            left[0] -= counts
            if counts and left[0] == 0 and when == "before":
                _die()
            result = await ask(self, method, params)
            if counts and left[0] == 0:
                _die()
            return result

        Node.ask = guarded  # type: ignore[method-assign]
        return
    owner = PLACES[place]
    setattr(owner, name, _deadly(getattr(owner, name), int(times), before=when == "before"))


def prepare_disk(flag: Path) -> None:
    """Within a transaction of the store no file can grow, as on a disk without room."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)

    @event.listens_for(Engine, "begin")
    def full(_: Any) -> None:
        if flag.exists():
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, most))

    @event.listens_for(Pool, "reset")
    @event.listens_for(Pool, "checkin")
    def room(*_: Any) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def prepare_clock(file: Path) -> None:
    real = time.time
    time.time = lambda: real() + (float(file.read_text()) if file.exists() else 0.0)


def prepare_signatures(file: Path) -> None:
    sign = signers.KeySigner.sign

    def noted(self: signers.KeySigner, transaction: dict[str, Any]) -> Any:
        signed = sign(self, transaction)
        with file.open("a") as out:
            out.write(f"{signed.hash if signed else None}\n")
        return signed

    signers.KeySigner.sign = noted  # type: ignore[method-assign]


def main() -> None:
    if where := os.environ.get("DIE_AT"):
        prepare_death(where)
    if flag := os.environ.get("DISK_FULL"):
        prepare_disk(Path(flag))
    if clock := os.environ.get("CLOCK_FILE"):
        prepare_clock(Path(clock))
    if file := os.environ.get("SIGNATURES"):
        prepare_signatures(Path(file))
    from keeper.cli import app

    app()


if __name__ == "__main__":
    main()
