"""What the commands share: configuration, one look at the chain, account names, numbers for people and machines."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import textwrap
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from keeper.book.exact import Exact
from keeper.chain.types import Header, LinkError, RpcError
from keeper.config import Config, ConfigError, Deployment, load_config, load_deployment, located
from keeper.execution.lock import HeldError
from keeper.execution.signers import signers_of
from keeper.run.session import Session
from keeper.store.database import StoreError, attach
from keeper.watch.logs import keep_secret, redacted, set_up_logs

WAD = 10**18
LOW_96 = (1 << 96) - 1
T = TypeVar("T")

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file.", envvar="KEEPER_CONFIG", show_default=True)
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, for machines.")]
DEFAULT_CONFIG = Path("keeper.toml")

LOOK = 0.1
"""Seconds between two looks at how far something is."""
PIPED_WIDTH = 200
"""Columns where no terminal says how many there are: room for every table."""

out = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH)
errors = Console(stderr=True)


def load(path: Path) -> tuple[Config, Deployment]:
    """The configuration and the deployment that it names. Raises ConfigError."""
    config = load_config(path)
    keep_secret(config.chain.endpoints)
    return config, load_deployment(config.chain.deployment)


def carry_out(work: Coroutine[Any, Any, T], config: Path) -> T:
    """Run to the end; what the operator can mend is told in words, with exit code 1 (2 for the configuration)."""
    with mended(config):
        return asyncio.run(work)
    raise AssertionError("a failure exits")


@contextmanager
def mended(config: Path) -> Iterator[None]:
    """Mistakes that the operator can mend, in one line each, and no traceback of them."""
    try:
        yield
    except ConfigError as error:
        fail("\n".join(located(config, line) for line in str(error).splitlines()), 2)
    except (LinkError, RpcError, HeldError, StoreError) as error:
        fail(str(error), 1)
    except KeyboardInterrupt:
        fail("interrupted", 130)


def fail(message: str, code: int) -> NoReturn:
    """Say it on stderr and exit."""
    errors.print(redacted(message), style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(code)


@asynccontextmanager
async def look(config_path: Path) -> AsyncIterator[tuple[Config, Deployment, Exact]]:
    """The book at the newest block, read from the last snapshot and the logs since."""
    async with connected(config_path) as (config, deployment, session):
        yield config, deployment, session.exact()


@asynccontextmanager
async def connected(config_path: Path) -> AsyncIterator[tuple[Config, Deployment, Session]]:
    """The same with its way to the chain."""
    config, deployment = load(config_path)
    set_up_logs("error")
    # Only read: a keeper that runs keeps this store.
    engine = attach(config.store.path)
    session = Session(config, deployment, engine)
    try:
        await session.open()
        await _read(session, await session.node.latest())
        yield config, deployment, session
    finally:
        await session.close()


async def _read(session: Session, head: Header) -> None:
    """Catch up, and show how far it is."""
    first = max(session.mirror.number, session.deployment.block)
    reading = asyncio.create_task(session.catch_up(head))
    with progress() as shown:
        task = shown.add_task("reading the chain", total=max(1, head.number - first))
        while not (await asyncio.wait({reading}, timeout=LOOK))[0]:
            shown.update(task, completed=max(0, session.mirror.number - first))
    await reading


def progress() -> Progress:
    """A bar on stderr, gone when it is done; nothing where that is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)


def account_of(text: str) -> int:
    """An account id from decimal, 0x…, `address:sub`, or an address alone (sub-account 0)."""
    try:
        if ":" in text:
            owner, sub = text.split(":", 1)
            account = int(owner, 16) << 96 | int(sub, 0)
            if not 0 <= int(sub, 0) <= LOW_96:
                raise ValueError
        elif text.lower().startswith("0x") and len(text) == 42:
            account = int(text, 16) << 96
        else:
            account = int(text, 0)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is none of: a decimal number, 0x…, address:sub") from error
    if not 0 < account < 1 << 256 or account >> 96 == 0:
        raise typer.BadParameter(f"{text!r}: an account id is owner << 96 | sub, with an owner")
    return account


def account_name(account: int) -> str:
    """`address:sub`, which `account_of` reads."""
    return f"0x{account >> 96:040x}:{account & LOW_96}"


def taker_of(config: Config) -> int | None:
    """The taker's account, or None where only a key that is not here would tell."""
    try:
        owner = config.taker.owner or signers_of(config)[0].address
    except ConfigError:
        return None
    return int(owner, 16) << 96 | config.taker.sub


def quote(amount: int) -> float:
    """WAD to quote units, for showing."""
    return amount / WAD


def money(amount: float) -> str:
    """For people."""
    return f"{amount:,.2f}"


def percent(share: float | None, digits: int = 2) -> str:
    """For people."""
    return "–" if share is None else f"{100 * share:+.{digits}f}%"


def show(names: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "", words: Sequence[str] = ()) -> None:
    """Rows as a table if it fits whole, else each as its first cell and below it the others by name: no number is cut.

    Columns named in `words`, and the first one, hold words; all others hold numbers.
    """
    table = Table(title=title or None, title_justify="left")
    for place, name in enumerate(names):
        table.add_column(name, no_wrap=True, justify="left" if place == 0 or name in words else "right")
    for row in rows:
        table.add_row(*row)
    # Measured without a limit: within one, columns shrink.
    if table.__rich_measure__(out, out.options.update(width=10_000)).maximum <= out.width:
        out.print(table)
        return
    if title:
        out.print(title, markup=False)
    for first, *others in rows:
        out.print(first, markup=False, soft_wrap=True)
        pairs = [f"{name} {cell}".strip() for name, cell in zip(names[1:], others, strict=True) if cell]
        out.print(_lines(pairs, out.width), markup=False, soft_wrap=True)


def _lines(parts: Sequence[str], width: int) -> str:
    """Parts side by side, indented, broken only between them."""
    held = "   ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)
    lines = textwrap.wrap(
        held, width, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def emit(document: Any) -> None:
    """For machines."""
    typer.echo(json.dumps(document, indent=2))
