"""`keeper kill` and `keeper resume`: the kill switch."""

from __future__ import annotations

from typing import Annotated

import typer

from keeper.cli.common import DEFAULT_CONFIG, ConfigOption, fail, mended, out
from keeper.config import load_config
from keeper.watch.logs import set_up_logs
from keeper.watch.switch import KillSwitch


def kill(
    config: ConfigOption = DEFAULT_CONFIG,
    reason: Annotated[str, typer.Option(help="Shown in /health, in logs and in the notification.")] = "keeper kill",
) -> None:
    """Stop all sending at once, of a keeper that runs and of those started later: nothing is signed any more.

    The book is followed on. With watch.kill_spares_sightings = true only bids stop. What was sent already may be mined.

    Examples:

        keeper kill --reason "prices look wrong"
    """
    set_up_logs("error")
    with mended(config):
        path = load_config(config).watch.kill_file
        switch = KillSwitch(path)
        switch.turn_on(" ".join(reason.split()) or "keeper kill")
        if not path.is_file():
            fail(f"{path}: cannot be written, so nothing is stopped: send SIGUSR1 to the keeper, or end it", 1)
    out.print(f"on: {path}; `keeper resume` takes it away", soft_wrap=True)


def resume(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Take the kill switch away: a keeper that runs sends again, with the next head.

    Examples:

        keeper resume
    """
    with mended(config):
        path = load_config(config).watch.kill_file
        try:
            was = KillSwitch(path).turn_off()
        except OSError as error:
            fail(f"{path}: {error.strerror}", 1)
    out.print(f"off: {path} {'is gone' if was else 'was not there'}", soft_wrap=True)
