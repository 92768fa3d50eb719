"""`keeper run`: the keeper at work."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated

import structlog
import typer

from keeper.cli.common import DEFAULT_CONFIG, ConfigOption, carry_out, load
from keeper.config import Config, ConfigError
from keeper.config.schema import WatchSection
from keeper.execution.lock import KeyLock
from keeper.execution.signers import signers_of
from keeper.run.loop import Keeper
from keeper.store.database import open_database
from keeper.watch.alerts import Alarms, Level
from keeper.watch.health import Health, serve
from keeper.watch.logs import keep_secret, set_up_logs
from keeper.watch.monitor import Monitor
from keeper.watch.notify import Notifier, services
from keeper.watch.switch import KillSwitch

log = structlog.get_logger(__name__)


def services_of(watch: WatchSection) -> list[str]:
    """Addresses that notifications go to, from the environment. Raises ConfigError, which never shows one."""
    found = []
    for name in watch.notify:
        url = os.environ.get(name)
        if not url:
            raise ConfigError(f"watch.notify: the environment has no {name}")
        try:
            services([url])
        except ValueError:
            # Not chained: the address is a secret.
            raise ConfigError(
                f"watch.notify: {name} holds no address that Apprise knows, such as json://host/path"
            ) from None
        found.append(url)
    keep_secret(found)
    return found


@asynccontextmanager
async def _served(health: Health, watch: WatchSection) -> AsyncIterator[None]:
    if watch.metrics_port is None:
        yield
        return
    try:
        runner = await serve(health, watch.metrics_host, watch.metrics_port)
    except OSError as error:
        raise ConfigError(
            f"watch.metrics_port: {watch.metrics_port} on {watch.metrics_host} cannot be had: {error.strerror}; "
            "take another, or 0 for any that is free"
        ) from error
    try:
        yield
    finally:
        await runner.cleanup()


async def work(config_path: Path, *, dry: bool = False) -> None:
    """Until SIGTERM or SIGINT."""
    config, deployment = load(config_path)
    if dry:
        config = config.model_copy(update={"signer": config.signer.model_copy(update={"dry_run": True})})
    watch = config.watch
    set_up_logs(watch.log_level)
    signers = signers_of(config)
    services = services_of(watch)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    switch = KillSwitch(watch.kill_file, spares_sightings=watch.kill_spares_sightings)
    loop.add_signal_handler(signal.SIGUSR1, switch.turn_on, "SIGUSR1")
    health = Health(quiet_after=3 * config.chain.deaf_seconds, limits=watch)
    with ExitStack() as held:
        for address in sorted({signer.address for signer in signers}):
            held.enter_context(KeyLock(config.store.path.parent, address))
        notifier = held.enter_context(Notifier(services, name=f"keeper {deployment.network}"))
        keeper = Keeper(config, deployment, open_database(config.store.path), signers, health, switch)
        async with _served(health, watch), _watched(config, keeper, notifier):
            await keeper.run(stop)
    log.info("stopped")


@asynccontextmanager
async def _watched(config: Config, keeper: Keeper, notifier: Notifier) -> AsyncIterator[None]:
    watch = config.watch
    alarms = Alarms(
        notifier.send,
        repeat=60.0 * watch.notify_repeat_minutes,
        per_hour=watch.notify_per_hour,
        least=Level(watch.notify_level),
    )
    node = keeper.session.node
    monitor = Monitor(keeper.health, alarms, notifier, keeper.switch, node, config.store.path)
    task = asyncio.create_task(monitor.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def run(
    config: ConfigOption = DEFAULT_CONFIG,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Decide and say it, but sign nothing: as signer.dry_run = true.")
    ] = False,
) -> None:
    """Follow the chain, sight every breach in the block it appears in, and bid when that pays. SIGTERM ends it.

    SIGUSR1, or `keeper kill`, stops all sending; the book is followed on, and `keeper resume` lets it send again.

    Examples:

        KEEPER_KEY=0x… keeper run --config keeper.toml

        keeper run --dry-run
    """
    carry_out(work(config, dry=dry_run), config)
