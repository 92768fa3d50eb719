"""`keeper auctions`: the runs that go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keeper.book.exact import Exact
from keeper.cli.common import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    account_name,
    carry_out,
    emit,
    look,
    money,
    quote,
    show,
)
from keeper.model.auction import clock_start
from keeper.model.rounding import WAD


def auction_of(exact: Exact, account: int) -> dict[str, Any]:
    """One run's numbers; what cannot be had says why."""
    run = exact.run(account)
    offer = exact.quote(account)
    return {
        "account": account_name(account),
        "since": exact.now - clock_start(run, exact.terms, exact.now),
        "last_sighting": exact.now - run.last,
        "ends_unsighted_in": run.last + exact.terms.grace - exact.now,
        "health": offer.equity / offer.mm if offer.mm else None,
        "requirement": quote(offer.mm),
        "reason": offer.reason,
        "lambda": offer.lambda_now / WAD,
        "lambda_taker": offer.lambda_taker / WAD,
        "penalty": offer.penalty / WAD,
        "fraction_max": offer.fraction_max / WAD,
        "taker_pays": quote(offer.taker_pays),
        "account_gets": quote(offer.account_gets),
        "discount": quote(offer.lambda_taker * offer.mm // WAD * offer.fraction // WAD),
        "opener": f"0x{run.opener:040x}",
        "nonce": run.nonce,
    }


async def listed(config: Path) -> dict[str, Any]:
    """All runs, the most worth taking first."""
    async with look(config) as (_, _, exact):
        rows = [auction_of(exact, account) for account in exact.mirror.runs if exact.running(account)]
        rows.sort(key=lambda row: -row["discount"])
        return {"block": exact.mirror.number, "time": exact.now, "rows": rows}


def auctions(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """List the auctions that go on: how old, at which λ, how much may be taken, and who pays what.

    Examples:

        keeper auctions --config keeper.toml

        keeper auctions --json
    """
    seen = carry_out(listed(config), config)
    if as_json:
        emit(seen)
        return
    title = f"block {seen['block']}: {len(seen['rows'])} auctions"
    names = ("account", "age", "h", "λ", "λ taker", "f max", "MM", "taker pays", "discount", "")
    rows = [
        (
            row["account"],
            f"{row['since']} s",
            "–" if row["health"] is None else f"{row['health']:.4f}",
            f"{row['lambda']:.4f}",
            f"{row['lambda_taker']:.4f}",
            f"{row['fraction_max']:.4f}",
            money(row["requirement"]),
            money(row["taker_pays"]),
            money(row["discount"]),
            row["reason"].removeprefix("auction: "),
        )
        for row in seen["rows"]
    ]
    show(names, rows, title=title, words=("",))
