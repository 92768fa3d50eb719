"""`keeper why ACCOUNT`: one account in words and numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from keeper.book.distance import Near
from keeper.book.exact import Exact
from keeper.cli.auctions import auction_of
from keeper.cli.common import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    account_name,
    account_of,
    carry_out,
    connected,
    emit,
    money,
    out,
    percent,
    quote,
    show,
    taker_of,
)
from keeper.cli.scan import STATES, standing
from keeper.config import Config, Deployment
from keeper.decide.bids import Bidder
from keeper.decide.match import Match
from keeper.decide.models import bid_model
from keeper.decide.offer import offer_of
from keeper.decide.refresh import renewable
from keeper.decide.sight import due, resight_after
from keeper.decide.sweep import fitting, on_book, sweep_of
from keeper.model.margin import spare
from keeper.model.prices import LATE
from keeper.model.rounding import WAD
from keeper.run.relief import checked_match, orders_of
from keeper.store.database import attach
from keeper.store.history import Wanted, rows_of
from keeper.watch.switch import KillSwitch

LATELY = 3
"""Decisions of the journal that are shown."""


def told(config: Config, deployment: Deployment, exact: Exact, account: int, match: Match | None) -> dict[str, Any]:
    """Everything there is to say; `match`: what resting orders would do for it."""
    seen = exact.assess(account)
    near = Near(exact, account)
    holdings = exact.holdings(account)
    markets = []
    for share in near.shares():
        reading = exact.reading(share.market)
        held = holdings[share.market]
        markets.append(
            {
                "market": deployment.symbol(share.market),
                "state": STATES[reading.state],
                "index": quote(reading.index),
                "interval": [-reading.down_faded / 1e5, reading.up_faded / 1e5],
                "spot": quote(held.spot),
                "size": quote(held.size),
                "value": share.value,
                "exposure": share.exposure,
                "systematic": share.systematic,
                "idiosyncratic": share.idiosyncratic,
                "gross": share.gross,
                "to_line": near.moved(share.market),
            }
        )
    return {
        "account": account_name(account),
        "block": exact.mirror.number,
        "time": exact.now,
        "standing": standing(exact, account),
        "health": seen.equity / seen.mm if seen.mm else None,
        "cash": quote(exact.cash(account)),
        "equity": quote(exact.appraise(account).equity),
        "requirement": quote(seen.mm),
        "initial": quote(seen.im),
        "floor": quote(seen.floor),
        "down": quote(seen.down),
        "up": quote(seen.up),
        "to_line_quote": quote(seen.equity - seen.mm) if seen.mm else None,
        "to_sighting_quote": quote(seen.equity + seen.up - seen.mm) if seen.mm else None,
        "to_line_all": near.moved(None) if seen.mm else None,
        "markets": markets,
        "run": auction_of(exact, account) if exact.running(account) else None,
        "keeper": plan(config, exact, account, match),
        "kill_switch": KillSwitch(config.watch.kill_file).reason,
        "journal": lately(config, account),
    }


def lately(config: Config, account: int) -> list[dict[str, Any]]:
    """The newest decisions about it, by the journal."""
    engine = attach(config.store.path)
    if engine is None:
        return []
    names = ("time", "kind", "state", "block", "hash", "mined_block", "reason")
    rows = rows_of(engine, Wanted(account=account, limit=LATELY))
    return [{name: row[name] for name in names} for row in rows]


def plan(config: Config, exact: Exact, account: int, match: Match | None) -> list[str]:
    """What a keeper with this configuration would do about it now, and why."""
    seen = exact.assess(account)
    if exact.shut_down:
        return ["nothing: the protocol is shut down; its owner can claim (docs/shutdown.md)"]
    if not exact.ready:
        return ["nothing: the protocol is not set up"]
    if seen.mm == 0:
        return ["nothing: it owes nothing"]
    if seen.state == LATE:
        if (
            config.sight.enabled
            and config.sight.refresh
            and seen.sighted
            and renewable(exact, [account], config.fees.max_gas)
        ):
            return ["renew its late prices from their slow feeds: until then nobody can sight it or bid"]
        return ["nothing: a price it depends on is late, so nobody can sight it or bid until it is renewed"]
    if not seen.sighted:
        if seen.in_breach:
            return ["nothing yet: it is under the line, but not at the kind end of its prices' intervals"]
        return ["nothing: it is above the line"]
    lines = []
    if not config.sight.enabled:
        lines.append("no sighting: sight.enabled is false")
    elif due(exact, account, config.sight.resight):
        lines.append("sight it now")
    else:
        wait = resight_after(exact, config.sight.resight) - (exact.now - exact.run(account).last)
        lines.append(f"sight it again in {wait:.0f} s, unless somebody takes it before")
    lines.append(bidding(config, exact, account))
    if config.match.orders:
        lines.append(matching(match))
    if swept := sweeping(config, exact, account):
        lines.append(swept)
    return lines


def matching(match: Match | None) -> str:
    """What it would have orders do."""
    if match is None:
        return "no match: no order that is told of relieves it at a price that the rule allows, or gas is too dear"
    released = money(quote(match.released))
    return f"unless it bids, match it with {len(match.fills)} orders, which releases {released} of its requirement"


def sweeping(config: Config, exact: Exact, account: int) -> str:
    """Which standing bids would take it, and whether the keeper would have them; empty if none would."""
    book = on_book(exact)
    bids = fitting(exact, account, book)
    if not bids or not exact.running(account):
        return ""
    told = f"standing bids would take some of it ({len(bids)}, the first at λ {bids[0].tick / 100:.2f})"
    if not config.sweep.enabled:
        return f"{told}: sweep.enabled is false"
    if sweep_of(exact, account, exact.run(account).opener, config.sweep, config.fees, book) is None:
        return f"{told}: a sweep would cost more than sweep.max_cost"
    return f"{told}: sweep it unless it bids, if that costs it no more than sweep.max_cost"


def bidding(config: Config, exact: Exact, account: int) -> str:
    """The bid it would make, or why none."""
    if not config.bid.enabled:
        return "no bid: bid.enabled is false"
    if not exact.running(account):
        return "no bid yet: it has not been sighted, so λ has not begun to grow"
    offer = offer_of(exact, account, config.bid, config.fees)
    if offer is None:
        return f"no bid: {exact.quote(account).reason}"
    taker = taker_of(config)
    full = offer.quote.fraction
    terms = (
        f"at λ {offer.quote.lambda_taker / WAD:.4f} a fraction of {full / WAD:.4f} comes "
        f"{money(quote(offer.discount * full // WAD))} below its value; unwinding costs "
        f"{money(quote(offer.unwind * full // WAD))} and gas {money(quote(offer.gas_cost))}"
    )
    if taker is None:
        return f"{terms}; whether the taker could carry it cannot be told without its key or taker.owner"
    bidder = Bidder(config.bid, config.fees, bid_model(config.bid), taker)
    offers = bidder.offers(exact, [account])
    if not offers:
        return f"no bid: the configuration excludes it ({terms})"
    free = max(0, spare(exact.assess(taker)))
    bid = bidder.choose(exact, offers, free)
    if bid is None:
        return f"no bid: {terms}; too little for model {config.bid.model}, or more than the taker can carry"
    lot = bid.lots[0]
    return f"bid for a fraction of {min(lot.fraction, full) / WAD:.4f}, profit {money(quote(bid.profit))}: {terms}"


async def looked_at(config_path: Path, account: int) -> dict[str, Any]:
    """The same from the chain."""
    async with connected(config_path) as (config, deployment, session):
        exact = session.exact()
        orders = orders_of(config, deployment, session.node)
        await orders.read()
        match = await checked_match(exact, account, orders, config) if exact.ready else None
        return told(config, deployment, exact, account, match)


def why(
    account: Annotated[str, typer.Argument(help="Decimal, 0x…, address:sub, or an address (sub-account 0).")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Tell why an account stands where it stands: equity, requirement by market, distance to the line, what comes next.

    Examples:

        keeper why 0x70997970C51812dc3A010C7d01b50e0d17dc79C8:0 --config keeper.toml

        keeper why 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --json
    """
    seen = carry_out(looked_at(config, account_of(account)), config)
    if as_json:
        emit(seen)
        return
    health = "no requirement" if seen["health"] is None else f"health {seen['health']:.4f}"
    out.print(f"[bold]{seen['account']}[/bold] at block {seen['block']}: [bold]{seen['standing']}[/bold], {health}")
    out.print(_numbers(seen))
    if seen["markets"]:
        _markets(seen)
    if seen["run"]:
        run = seen["run"]
        out.print(
            f"auction for {run['since']} s, sighted {run['last_sighting']} s ago, λ {run['lambda']:.4f}, "
            f"at most {run['fraction_max']:.4f} of it may be taken, for {money(run['taker_pays'])}"
        )
    for line in seen["keeper"]:
        out.print(f"keeper: {line}")
    if seen["kill_switch"]:
        out.print(f"but the kill switch is on: {seen['kill_switch']}", markup=False)
    for row in seen["journal"]:
        mined = "" if row["mined_block"] is None else f" in block {row['mined_block']}"
        reason = f": {row['reason']}" if row["reason"] else ""
        out.print(f"journal: {row['kind']} of block {row['block']} {row['state']}{mined}{reason}", markup=False)


def _numbers(seen: dict[str, Any]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column()
    rows = [
        ("cash", money(seen["cash"]), "interest included"),
        ("equity", money(seen["equity"]), "cash, spot and positions at the prices as they are"),
        ("MM", money(seen["requirement"]), f"maintenance requirement; not below {money(seen['floor'])}"),
        ("IM", money(seen["initial"]), "what equity − W⁻ must reach to take on risk"),
        ("W⁻", money(seen["down"]), "what the account may lose inside the prices' intervals"),
        ("W⁺", money(seen["up"]), "what it may gain there"),
    ]
    if seen["to_line_quote"] is not None:
        rows.append(("to the line", money(seen["to_line_quote"]), "equity − MM"))
        rows.append(("to a sighting", money(seen["to_sighting_quote"]), "equity + W⁺ − MM"))
        rows.append(("move of all", percent(seen["to_line_all"]), "of all its prices together that reaches the line"))
    for row in rows:
        table.add_row(*row)
    return table


def _markets(seen: dict[str, Any]) -> None:
    names = ("market", "index", "spot", "size", "value", "exposure", "systematic", "single", "gross", "to the line", "")
    rows = [
        (
            row["market"],
            f"{row['index']:,.6g}",
            f"{row['spot']:,.6g}",
            f"{row['size']:,.6g}",
            money(row["value"]),
            money(row["exposure"]),
            money(row["systematic"]),
            money(row["idiosyncratic"]),
            money(row["gross"]),
            percent(row["to_line"]),
            "" if row["state"] == "live" else row["state"],
        )
        for row in seen["markets"]
    ]
    show(names, rows, words=("",))
    out.print("systematic + single + gross = R + G; to the line: its price's own move", style="dim")
