"""`keeper scan`: every account by health."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from keeper.book.exact import Exact
from keeper.book.mirror import bits
from keeper.book.screen import markets_of, screen
from keeper.cli.common import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    account_name,
    carry_out,
    emit,
    look,
    money,
    out,
    quote,
    show,
)
from keeper.config import Deployment
from keeper.model.margin import meets_initial
from keeper.model.prices import LATE

STATES = ("live", "late", "dead")


def standing(exact: Exact, account: int) -> str:
    """The account's place, in the words of the protocol."""
    seen = exact.assess(account)
    if seen.mm == 0:
        return "owes nothing"
    if seen.state == LATE:
        return "prices late"
    if seen.equity < 0:
        return "insolvent"
    if seen.sighted:
        return "breach"
    if seen.in_breach:
        return "breach, uncertain"
    return "call" if not meets_initial(seen) else "open"


def row_of(exact: Exact, deployment: Deployment, account: int) -> dict[str, Any]:
    """One account's line."""
    seen = exact.assess(account)
    return {
        "account": account_name(account),
        "standing": standing(exact, account),
        "health": seen.equity / seen.mm if seen.mm else None,
        "equity": quote(seen.equity),
        "requirement": quote(seen.mm),
        "markets": [deployment.symbol(market) for market in bits(exact.maps(account))],
        "in_run": exact.running(account),
    }


async def found(config: Path, below: float, limit: int, everyone: bool) -> dict[str, Any]:
    """The accounts below a health, lowest first."""
    async with look(config) as (_, deployment, exact):
        book = exact.mirror.book
        health = screen(book, markets_of(exact)).health
        order = np.argsort(health, kind="stable")
        chosen = [int(row) for row in order if everyone or health[row] < below]
        return {
            "block": exact.mirror.number,
            "time": exact.now,
            "accounts": len(book),
            "under_line": int((health < 1).sum()),
            "listed": len(chosen),
            "rows": [row_of(exact, deployment, book.account(row)) for row in chosen[:limit]],
        }


def _number(value: float) -> float:
    if math.isnan(value):
        raise typer.BadParameter("nan is no health: nothing is below it")
    return value


def scan(
    config: ConfigOption = DEFAULT_CONFIG,
    below: Annotated[float, typer.Option(help="Only accounts whose health is lower.", callback=_number)] = 1.5,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 25,
    everyone: Annotated[bool, typer.Option("--all", help="Whatever their health.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List accounts by health, the lowest first; below 1 an account is under the line.

    Examples:

        keeper scan --config keeper.toml

        keeper scan --below 1 --limit 100 --json
    """
    seen = carry_out(found(config, below, limit, everyone), config)
    if as_json:
        emit(seen)
        return
    title = f"block {seen['block']}: {seen['accounts']} accounts, {seen['under_line']} under the line"
    rows = [
        (
            row["account"],
            "–" if row["health"] is None else f"{row['health']:.4f}",
            row["standing"],
            money(row["equity"]),
            money(row["requirement"]),
            " ".join(row["markets"]),
            "yes" if row["in_run"] else "",
        )
        for row in seen["rows"]
    ]
    names = ("account", "h", "standing", "equity", "MM", "markets", "run")
    show(names, rows, title=title, words=("standing", "markets", "run"))
    if seen["listed"] > len(seen["rows"]):
        out.print(f"{seen['listed'] - len(seen['rows'])} more; --limit shows them")
