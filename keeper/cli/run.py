"""`keeper run`: the keeper at work."""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack
from pathlib import Path

import structlog

from keeper.cli.common import DEFAULT_CONFIG, ConfigOption, carry_out, load
from keeper.execution.lock import KeyLock
from keeper.execution.signers import signers_of
from keeper.run.loop import Keeper
from keeper.store.database import open_database
from keeper.watch.health import Health, serve
from keeper.watch.logs import set_up_logs

log = structlog.get_logger(__name__)


async def work(config_path: Path) -> None:
    """Until SIGTERM or SIGINT."""
    config, deployment = load(config_path)
    set_up_logs(config.watch.log_level)
    signers = signers_of(config)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    health = Health(quiet_after=3 * config.chain.deaf_seconds)
    with ExitStack() as held:
        for address in sorted({signer.address for signer in signers}):
            held.enter_context(KeyLock(config.store.path.parent, address))
        keeper = Keeper(config, deployment, open_database(config.store.path), signers, health)
        port = config.watch.metrics_port
        runner = None if port is None else await serve(health, config.watch.metrics_host, port)
        try:
            await keeper.run(stop)
        finally:
            if runner is not None:
                await runner.cleanup()
    log.info("stopped")


def run(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Follow the chain, sight every breach in the block it appears in, and bid when that pays. SIGTERM ends it.

    Examples:

        KEEPER_KEY=0x… keeper run --config keeper.toml
    """
    carry_out(work(config))
