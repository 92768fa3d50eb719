"""`keeper positions`: what the taker's account holds, and how much more it may carry."""

from __future__ import annotations

from decimal import Decimal
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
    out,
    percent,
    quote,
    show,
    taker_of,
)
from keeper.cli.scan import STATES, standing
from keeper.config import Config, ConfigError, Deployment, wad
from keeper.model.margin import spare
from keeper.model.rounding import WAD
from keeper.store.database import attach
from keeper.store.history import Wanted, each_of


def held(config: Config, deployment: Deployment, exact: Exact, account: int) -> dict[str, Any]:
    """The account in numbers, quote units."""
    seen, whole = exact.assess(account), exact.appraise(account)
    markets: list[dict[str, Any]] = []
    for market, holding in sorted(exact.holdings(account).items()):
        reading = exact.reading(market)
        spot_value = holding.spot * reading.index // WAD
        notional = abs(holding.size) * reading.index // WAD
        markets.append(
            {
                "market": deployment.symbol(market),
                "state": STATES[reading.state],
                "index": quote(reading.index),
                "spot": quote(holding.spot),
                "spot_value": quote(spot_value),
                "size": quote(holding.size),
                "notional": quote(notional),
                "value": quote(spot_value + holding.size * reading.index // WAD - holding.cost),
                "share_of_notional": 0.0,
            }
        )
    total = sum(row["spot_value"] + row["notional"] for row in markets)
    for row in markets:
        row["share_of_notional"] = (row["spot_value"] + row["notional"]) / total if total else 0.0
    reserved = reserved_by(config)
    free = spare(whole)
    buffer = seen.im * config.bid.margin_buffer_bps // 10_000
    most = wad(config.bid.max_requirement)
    return {
        "account": account_name(account),
        "block": exact.mirror.number,
        "time": exact.now,
        "standing": standing(exact, account),
        "cash": quote(exact.cash(account)),
        "equity": quote(whole.equity),
        "requirement": quote(seen.mm),
        "initial": quote(seen.im),
        "free": quote(free),
        "reserved": quote(reserved),
        "spendable": quote(max(0, free - reserved - buffer)),
        "max_requirement": quote(most),
        "share_of_max_requirement": seen.mm / most if most else None,
        "share_of_margin": seen.im / whole.equity if whole.equity > 0 else None,
        "markets": markets,
    }


def reserved_by(config: Config) -> int:
    """WAD quote that bids under way have bound, by the journal."""
    engine = attach(config.store.path)
    if engine is None:
        return 0
    rows = [row for state in ("signed", "sent") for row in each_of(engine, Wanted(state=state))]
    return sum(int(Decimal(row["reserved"]) * WAD) for row in rows)


async def looked_at(config_path: Path) -> dict[str, Any]:
    """The same from the chain. Raises ConfigError where nothing says whose account it is."""
    async with look(config_path) as (config, deployment, exact):
        taker = taker_of(config)
        if taker is None:
            raise ConfigError("taker.owner: set it, or put the key into the environment: whose account is not known")
        return held(config, deployment, exact, taker)


def positions(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show what the taker's account holds, what it is worth, its margin, and how much of its limits is used.

    Examples:

        keeper positions --config keeper.toml

        keeper positions --json
    """
    seen = carry_out(looked_at(config), config)
    if as_json:
        emit(seen)
        return
    out.print(f"[bold]{seen['account']}[/bold] at block {seen['block']}: [bold]{seen['standing']}[/bold]")
    rows = [
        ("cash", money(seen["cash"]), "interest included"),
        ("equity", money(seen["equity"]), "cash, spot and positions at the prices as they are"),
        ("MM", money(seen["requirement"]), _of(seen["share_of_max_requirement"], "of bid.max_requirement")),
        ("IM", money(seen["initial"]), _of(seen["share_of_margin"], "of its equity")),
        ("free", money(seen["free"]), "equity − W⁻ − IM"),
        ("reserved", money(seen["reserved"]), "by bids under way"),
        ("to bid with", money(seen["spendable"]), "free, less what is reserved and bid.margin_buffer_bps"),
    ]
    show(("", "quote", ""), rows, words=("",))
    if not seen["markets"]:
        out.print("no spot and no positions")
        return
    names = ("market", "index", "spot", "worth", "size", "notional", "value", "share", "")
    lines = [
        (
            row["market"],
            f"{row['index']:,.6g}",
            f"{row['spot']:,.6g}",
            money(row["spot_value"]),
            f"{row['size']:,.6g}",
            money(row["notional"]),
            money(row["value"]),
            percent(row["share_of_notional"], 1),
            "" if row["state"] == "live" else row["state"],
        )
        for row in seen["markets"]
    ]
    show(names, lines, words=("",))


def _of(share: float | None, what: str) -> str:
    return "" if share is None else f"{100 * share:.1f}% {what}"
