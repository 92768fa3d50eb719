"""`keeper quote` and `keeper bid`: one account's terms, and a bid by hand on the same way as the keeper's own."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from keeper.book.exact import Exact
from keeper.chain.types import LinkError, RpcError
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
    fail,
    look,
    money,
    out,
    progress,
    quote,
    taker_of,
)
from keeper.cli.why import bidding
from keeper.config import Config, Deployment
from keeper.decide.bids import Bid, Bidder
from keeper.decide.models import bid_model
from keeper.decide.offer import Offer, offer_of
from keeper.execution.decisions import bid_decision
from keeper.execution.lane import Lane
from keeper.execution.lock import KeyLock
from keeper.execution.signers import signers_of
from keeper.execution.simulation import Outcome
from keeper.model.margin import spare
from keeper.model.rounding import WAD
from keeper.run.chores import Chores
from keeper.run.session import Session
from keeper.store.database import open_database
from keeper.store.history import Wanted, rows_of
from keeper.store.journal import Journal
from keeper.watch.health import Health
from keeper.watch.switch import KillSwitch

AccountArgument = Annotated[str, typer.Argument(help="Decimal, 0x…, address:sub, or an address (sub-account 0).")]
FractionOption = Annotated[float, typer.Option(min=0.0001, max=1.0, help="Of the account; the Auction may clip it.")]


def offered(config: Config, exact: Exact, account: int) -> Offer:
    """The offer that the account makes. Ends where it makes none."""
    if not exact.running(account):
        fail(f"{account_name(account)}: no auction goes on (keeper why tells more)", 1)
    offer = offer_of(exact, account, config.bid, config.fees)
    if offer is None:
        fail(f"{account_name(account)}: {exact.quote(account).reason}", 1)
    return offer


def terms_of(config: Config, exact: Exact, account: int, asked: int) -> dict[str, Any]:
    """What a bid for this fraction would move now, and bring."""
    offer = offered(config, exact, account)
    quoted = exact.quote(account, asked)
    fraction = min(asked, offer.quote.fraction_max)
    return {
        **auction_of(exact, account),
        "fraction": quote(quoted.fraction),
        "refused": quoted.reason,
        "taker_pays": quote(quoted.taker_pays),
        "account_gets": quote(quoted.account_gets),
        "discount": quote(offer.discount * fraction // WAD),
        "unwinding": quote(offer.unwind * fraction // WAD),
        "gas_cost": quote(offer.gas_cost),
        "profit": quote(offer.profit(fraction)),
        "keeper": bidding(config, exact, account),
    }


async def quoted(path: Path, account: int, asked: int) -> dict[str, Any]:
    """From the chain."""
    async with look(path) as (config, _, exact):
        return terms_of(config, exact, account, asked)


def quote_account(
    account: AccountArgument,
    fraction: FractionOption = 1.0,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Say what a bid for an account would cost and bring now, by the terms of its auction. Sends nothing.

    Examples:

        keeper quote 0x70997970C51812dc3A010C7d01b50e0d17dc79C8:0

        keeper quote 0x70997970C51812dc3A010C7d01b50e0d17dc79C8:0 --fraction 0.25 --json
    """
    seen = carry_out(quoted(config, account_of(account), round(fraction * WAD)), config)
    if as_json:
        emit(seen)
        return
    _terms(seen)
    out.print(f"keeper: {seen['keeper']}", markup=False)


def _terms(seen: dict[str, Any]) -> None:
    out.print(
        f"[bold]{seen['account']}[/bold]: a fraction of {seen['fraction']:.4f} (at most {seen['fraction_max']:.4f}) "
        f"for {money(seen['taker_pays'])}, at λ {seen['lambda_taker']:.4f}: {money(seen['discount'])} below its value; "
        f"less unwinding {money(seen['unwinding'])} and gas {money(seen['gas_cost'])}: {money(seen['profit'])}"
    )
    if seen["refused"]:
        out.print(f"refused: {seen['refused']}", markup=False)


class Hand:
    """One bid by hand: journaled, simulated, signed and followed as the keeper's own are."""

    def __init__(self, config: Config, deployment: Deployment, session: Session) -> None:
        self._config = config
        self._session = session
        self._signer = signers_of(config)[0]
        self._engine = open_database(config.store.path)
        self._journal = Journal(self._engine)
        self._auction = deployment.address("Auction")
        switch = KillSwitch(config.watch.kill_file)
        node = session.node
        self._lane = Lane(
            "urgent",
            self._signer,
            node,
            self._journal,
            config.fees,
            deployment.chain_id,
            lambda _, __: None,
            switch.stops,
        )
        self._chores = Chores(node, self._journal, config.fees.native_price, Health(0.0), [self._lane])

    def weigh(self, exact: Exact, account: int, asked: int) -> Bid:
        """The bid; ends where it cannot be made or the taker cannot carry it."""
        taker = taker_of(self._config)
        assert taker is not None
        bidder = Bidder(self._config.bid, self._config.fees, bid_model(self._config.bid), taker)
        bid = bidder.by_hand(exact, offered(self._config, exact, account), asked)
        if bid is None:
            fail(f"{account_name(account)}: {exact.quote(account, asked).reason or 'the loss would be too large'}", 1)
        if bid.margin > max(0, spare(exact.assess(taker))):
            fail(f"the taker has {money(quote(spare(exact.assess(taker))))} free, {money(quote(bid.margin))} needed", 1)
        return bid

    async def place(self, exact: Exact, bid: Bid, wait: float) -> dict[str, Any]:
        """Send it, and follow it until it is mined or the time is over."""
        head = await self._session.node.latest()
        await self._lane.resume(head, self._config.chain.history_blocks)
        if self._lane.pending:
            fail("a transaction of this key is still under way: `keeper run` follows it up", 1)
        decision = bid_decision(self._auction, self._lane.address, bid, head)
        outcome, reason = await self._lane.submit(decision, head)
        if outcome in (Outcome.REFUSED, Outcome.HELD):
            fail(f"not sent: {reason}", 1)
        if outcome is Outcome.SENT:
            await self._follow(wait)
        return next(row for row in rows_of(self._engine, Wanted(kind="bid")) if row["id"] == decision.id)

    async def _follow(self, wait: float) -> None:
        node = self._session.node
        with progress() as shown:
            shown.add_task("waiting for its block", total=None)
            try:
                async with asyncio.timeout(wait):
                    while self._lane.pending:
                        await asyncio.sleep(self._config.chain.poll_seconds)
                        head = await node.latest()
                        await self._lane.tend(head, {}, lambda _: True)
                        await self._lane.wind_up(head, lambda _: True)
            except TimeoutError:
                return
        with suppress(LinkError, RpcError):
            await self._chores.count_one()


async def placed(path: Path, account: int, asked: int, wait: float, *, yes: bool, quiet: bool) -> dict[str, Any]:
    """The whole way. Raises HeldError while a keeper with the same key runs."""
    async with connected(path) as (config, deployment, session):
        exact = session.exact()
        address = signers_of(config)[0].address
        with KeyLock(config.store.path.parent, address):
            hand = Hand(config, deployment, session)
            bid = hand.weigh(exact, account, asked)
            if not quiet:
                _terms(terms_of(config, exact, account, asked))
            if not yes and not typer.confirm("send it?", err=True):
                fail("not sent", 1)
            return await hand.place(exact, bid, wait)


def bid(
    account: AccountArgument,
    fraction: FractionOption = 1.0,
    config: ConfigOption = DEFAULT_CONFIG,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for its block.")] = 120.0,
    as_json: JsonOption = False,
) -> None:
    """Bid for an account by hand: journaled, simulated and sent as the keeper's own bids. Refused while it runs.

    Whether it pays is up to you; the taker's margin, the kill switch, signer.dry_run and the fee cap hold as ever.
    Exit code 0 if it was mined, or signs nothing by configuration; 1 if it was refused, reverted or is not mined yet.

    Examples:

        keeper bid 0x70997970C51812dc3A010C7d01b50e0d17dc79C8:0 --fraction 0.25
    """
    number = account_of(account)
    row = carry_out(placed(config, number, round(fraction * WAD), wait, yes=yes, quiet=as_json), config)
    if as_json:
        emit(row)
    elif row["state"] == "mined":
        gain = "" if row["gain"] is None else f", gain {money(float(row['gain']))} before unwinding"
        out.print(f"mined in block {row['mined_block']}: {row['hash']}{gain}", soft_wrap=True)
    elif row["state"] == "dry":
        out.print("dry run: not signed")
    else:
        out.print(
            f"{row['state']}: {row['hash']}; `keeper run` follows it up, `keeper history` shows it", soft_wrap=True
        )
    if row["state"] not in ("mined", "dry"):
        raise typer.Exit(1)
