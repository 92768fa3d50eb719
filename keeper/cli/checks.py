"""What `keeper doctor` looks at on this machine: configuration, key, store, disk, port, services. Changes nothing."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from keeper.cli.run import services_of
from keeper.config import Config, ConfigError, located
from keeper.decide.models import bid_model
from keeper.execution.lock import holder_of
from keeper.execution.signers import Signer, signers_of
from keeper.run.resting import Sources
from keeper.store.backup import contents_of
from keeper.store.database import StoreError
from keeper.store.upgrade import VERSION
from keeper.watch.switch import KillSwitch


class Mark(StrEnum):
    """What came of a check. Only `fail` is wrong; `warn` is worth knowing."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(NamedTuple):
    """One thing looked at: what was found, and where it is wrong what to do."""

    name: str
    mark: Mark
    found: str
    do: str = ""


def ok(name: str, found: str) -> Check:
    """All is well."""
    return Check(name, Mark.OK, found)


def warn(name: str, found: str, do: str) -> Check:
    """Worth knowing."""
    return Check(name, Mark.WARN, found, do)


def wrong(name: str, found: str, do: str) -> Check:
    """Has to be mended."""
    return Check(name, Mark.FAIL, found, do)


def key_checks(path: Path, config: Config) -> tuple[list[Check], tuple[Signer, Signer] | None]:
    """The keys, by their addresses, and whether a keeper holds them."""
    try:
        signers = signers_of(config)
    except ConfigError as error:
        do = "put the key or password into the environment of this command, or correct [signer]; a dry run needs no key"
        return [wrong("key", located(path, str(error)), do)], None
    found = []
    for part, address in {"key": signers[0].address, "key of sightings": signers[1].address}.items():
        if part != "key" and address == signers[0].address:
            continue
        dry = " (dry run: signs nothing)" if config.signer.dry_run else ""
        holder = holder_of(config.store.path.parent, address)
        if holder is None:
            found.append(ok(part, f"{address}{dry}, no keeper has it"))
        else:
            found.append(warn(part, f"{address}{dry} is held by {holder}", "a second keeper with it would be refused"))
    return found, signers


def store_checks(config: Config) -> Iterator[Check]:
    """The store's soundness and schema, and room for it."""
    path = config.store.path
    if not path.exists():
        yield ok("store", f"{path} is not there yet: `keeper run` makes it")
    else:
        try:
            held = contents_of(path)
        except StoreError as error:
            yield wrong("store", str(error), "stop the keeper, then `keeper restore` the newest backup")
        else:
            said = f"{path}: sound, schema {held.version}, {len(held.decisions)} decisions, {len(held.pending)} pending"
            if held.version < VERSION:
                yield warn("store", said, f"`keeper run` upgrades it to schema {VERSION}, after a copy")
            else:
                yield ok("store", said)
    yield disk_check(path.parent, config.watch.min_disk_mb)


def disk_check(directory: Path, least: int) -> Check:
    """Whether there is room, and the right to write."""
    there = next(folder for folder in (directory, *directory.parents) if folder.exists())
    free = shutil.disk_usage(there).free // 10**6
    if not os.access(there, os.W_OK | os.X_OK):
        return wrong("disk", f"{there} cannot be written", "let this user write there, or set store.path elsewhere")
    if free < least:
        do = "make room, or set store.path to another disk (watch.min_disk_mb is the limit)"
        return wrong("disk", f"{free:,} MB free at {there}, at least {least:,} wanted", do)
    return ok("disk", f"{free:,} MB free at {there}")


def watch_checks(path: Path, config: Config, *, running: bool) -> Iterator[Check]:
    """Port, services and kill switch; and the model of bids."""
    watch = config.watch
    if watch.metrics_port:
        try:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((watch.metrics_host, watch.metrics_port))
            yield ok("metrics port", f"{watch.metrics_host}:{watch.metrics_port} is free")
        except OSError as error:
            said = f"{watch.metrics_host}:{watch.metrics_port}: {error.strerror}"
            if running:
                yield ok("metrics port", f"{said}, by the keeper that runs, it seems")
            else:
                do = "set watch.metrics_port to a free port, or end what listens there"
                yield wrong("metrics port", said, do)
    else:
        do = "set watch.metrics_port, and let Prometheus and a probe of /health watch it"
        yield warn("metrics port", "none: nobody can see whether it works", do)
    try:
        services = services_of(watch)
    except ConfigError as error:
        yield wrong("notifications", located(path, str(error)), "put the address into the environment, or correct it")
    else:
        if services:
            yield ok("notifications", f"{len(services)} services, from {watch.notify_level} on")
        else:
            do = "name in watch.notify a variable with an address that Apprise sends to"
            yield warn("notifications", "none: alerts reach nobody", do)
    reason = KillSwitch(watch.kill_file).reason
    if reason:
        yield warn("kill switch", f"on: {reason}", "nothing is sent until `keeper resume`")
    else:
        yield ok("kill switch", "off")
    try:
        bid_model(config.bid)
    except ConfigError as error:
        yield wrong("bid model", located(path, str(error)), "set bid.model to one of those")


def order_checks(sources: Sources) -> Iterator[Check]:
    """Whether the sources of resting orders can be read, once they have been."""
    for source, reason in sources.failures.items():
        yield warn("orders", f"{source}: {reason}", "correct match.orders; meanwhile none of its orders is matched")
    if sources.orders:
        yield ok("orders", f"{len(sources.orders)} orders are told of")
