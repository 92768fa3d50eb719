"""`keeper doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from keeper.cli.chain_checks import ChainDoctor, worst
from keeper.cli.checks import Check, Mark, key_checks, ok, order_checks, store_checks, watch_checks, wrong
from keeper.cli.common import DEFAULT_CONFIG, ConfigOption, JsonOption, emit, load, out, progress
from keeper.config import ConfigError, located
from keeper.execution.lock import holder_of
from keeper.run.resting import Sources
from keeper.watch.logs import redacted, set_up_logs

SIGNS = {Mark.OK: ("ok  ", "green"), Mark.WARN: ("warn", "yellow"), Mark.FAIL: ("FAIL", "red")}


async def examined(path: Path, listen: float) -> list[Check]:
    """Every check, as far as the configuration can be read."""
    set_up_logs("error")
    try:
        config, deployment = load(path)
    except ConfigError as error:
        lines = [located(path, line) for line in str(error).splitlines()]
        return [wrong("configuration", line, "docs/keeper.example.toml explains each key") for line in lines]
    checks = [ok("configuration", f"{path}: {deployment.network}, chain {deployment.chain_id}")]
    keys, signers = key_checks(path, config)
    running = signers is not None and holder_of(config.store.path.parent, signers[0].address) is not None
    checks += keys
    chain = ChainDoctor(config, deployment, listen)
    with progress() as shown:
        shown.add_task("asking the chain", total=None)
        await chain.examine(signers or ())
    exchange = deployment.contracts.get("Exchange")
    orders = Sources(config.match.orders, deployment.chain_id, exchange.address if exchange else "0x" + "00" * 20)
    await orders.read()
    told = [*store_checks(config), *watch_checks(path, config, running=running), *order_checks(orders)]
    return [*checks, *chain.checks, *told]


def doctor(
    config: ConfigOption = DEFAULT_CONFIG,
    listen: Annotated[
        float, typer.Option(min=0, max=600, help="Seconds to wait for a block on each websocket; 0: do not.")
    ] = 3.0,
    as_json: JsonOption = False,
) -> None:
    """Look at everything a keeper needs, and say for each thing that is wrong what to do. Sends and changes nothing.

    Exit code 1 if something is wrong (FAIL), else 0: a warning (warn) is worth knowing and stops no keeper.

    Examples:

        keeper doctor --config keeper.toml

        keeper doctor --listen 30 --json
    """
    checks = asyncio.run(examined(config, listen))
    failed = worst(checks) is Mark.FAIL
    if as_json:
        rows = [{**check._asdict(), "mark": check.mark.value, "found": redacted(check.found)} for check in checks]
        emit({"ok": not failed, "checks": rows})
    else:
        for check in checks:
            sign, colour = SIGNS[check.mark]
            out.print(f"[{colour}]{sign}[/{colour}] [bold]{check.name}[/bold]: ", end="", highlight=False)
            out.print(redacted(check.found), markup=False, highlight=False, soft_wrap=True)
            if check.do:
                out.print(f"       → {check.do}", markup=False, highlight=False, soft_wrap=True)
        count = {mark: sum(check.mark is mark for check in checks) for mark in Mark}
        out.print(f"{count[Mark.FAIL]} wrong, {count[Mark.WARN]} worth knowing, {count[Mark.OK]} well")
    if failed:
        raise typer.Exit(1)
