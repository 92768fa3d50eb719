"""What others take off an account that we do not bid for: orders at their own price first, then standing bids."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import structlog

from keeper.book.exact import Exact
from keeper.chain.types import Header, LinkError, RpcError
from keeper.config import Config, Deployment
from keeper.decide.attempts import Attempts
from keeper.decide.match import TRIED, Match, match_of
from keeper.decide.sweep import on_book, sweep_of
from keeper.execution.decisions import BID, MATCH, SWEEP, match_decision, sweep_decision
from keeper.execution.simulation import Outcome, Requests
from keeper.model.standing import Standing
from keeper.run.resting import Resting, Sources
from keeper.store.journal import Decision

log = structlog.get_logger(__name__)

SECONDS = 0.25
"""That a head has for this; accounts come in turn. With thousands under the line, sightings and bids come first."""
REMEMBERED = 64
"""Matches whose orders are known if they revert."""
ROUNDS = 4
"""Times a match is made anew because an order in it turned out to be no good."""
SUSPECT = 64
"""Blocks for which orders of a refused match are not used."""


class Submit(Protocol):
    """How decisions are sent."""

    async def __call__(self, *decisions: Decision) -> list[Outcome]:
        """Send those of one kind together; what became of each."""
        ...


Busy = Callable[[str], set[int]]
Stops = Callable[[str], str]


class Relief:
    """Of one keeper."""

    def __init__(self, config: Config, deployment: Deployment, node: Requests, sender: str) -> None:
        self._config = config
        self._auction = deployment.address("Auction")
        self._sender = sender
        self._orders = orders_of(config, deployment, node)
        self._turn = 0
        self._used: dict[str, Match] = {}

    async def one_head(
        self,
        exact: Exact,
        under: Collection[int],
        head: Header,
        attempts: dict[str, Attempts],
        busy: Busy,
        stops: Stops,
        submit: Submit,
    ) -> None:
        """Send what relieves accounts under the line that nothing of ours is under way for."""
        orders = [] if stops(MATCH) else self._orders.at(head.number)
        book = on_book(exact) if self._config.sweep.enabled and not stops(SWEEP) else []
        if not orders and not book:
            return
        taken = busy(BID) | busy(MATCH) | busy(SWEEP)
        waiting = [account for account in under if account not in taken]
        end = time.perf_counter() + SECONDS
        first = self._turn % max(1, len(waiting))
        for account in waiting[first:] + waiting[:first]:
            if time.perf_counter() > end:
                break
            self._turn += 1
            try:
                await self._relieve(exact, account, head, attempts, book, submit)
            except (ValueError, TypeError, ArithmeticError, LookupError) as error:
                # Of one account, or of what was told of it: the others are served.
                log.error("an account cannot be relieved", account=hex(account), error=repr(error))
            await asyncio.sleep(0)
        else:
            self._turn = 0

    async def _relieve(
        self,
        exact: Exact,
        account: int,
        head: Header,
        attempts: dict[str, Attempts],
        book: Sequence[Standing],
        submit: Submit,
    ) -> None:
        if self._orders.known and attempts[MATCH].may(account, head.number):
            match = await self._match(exact, account, head)
            if match is not None:
                decision = match_decision(self._auction, self._orders.exchange, self._sender, match, head)
                self._used = {decision.id: match, **dict(list(self._used.items())[:REMEMBERED])}
                if await submit(decision) != [Outcome.REFUSED]:
                    return
                self.failed(decision, head.number)
        if book and attempts[SWEEP].may(account, head.number):
            sender = int(self._sender, 16)
            sweep = sweep_of(exact, account, sender, self._config.sweep, self._config.fees, book)
            if sweep is not None:
                await submit(sweep_decision(self._auction, self._sender, sweep, head))

    def failed(self, decision: Decision, block: int) -> None:
        """A match was refused, or mined and reverted: its orders are not used for some time."""
        if match := self._used.get(decision.id):
            self._orders.suspect([signed.order for signed, _ in match.fills], block + SUSPECT)

    async def refresh(self) -> None:
        """When all is sent that a head called for."""
        await self._orders.refresh()

    async def close(self) -> None:
        """Stop reading orders."""
        await self._orders.close()

    async def _match(self, exact: Exact, account: int, head: Header) -> Match | None:
        try:
            return await checked_match(exact, account, self._orders, self._config)
        except (LinkError, RpcError) as error:
            log.warning("orders cannot be checked", error=str(error), block=head.number)
            return None


async def checked_match(exact: Exact, account: int, orders: Resting, config: Config) -> Match | None:
    """The match of the orders known, none of which the chain speaks against. Raises LinkError or RpcError."""
    for _ in range(ROUNDS):
        match = match_of(exact, account, orders.known, orders.filled, config.match, config.fees, orders.skip)
        if match is None:
            # Those that were looked at in vain do not stand before all others for ever.
            orders.turn(TRIED)
            return None
        if not await orders.check([signed for signed, _ in match.fills]):
            return match
    return None


def orders_of(config: Config, deployment: Deployment, node: Requests) -> Resting:
    """The orders that the configuration names; none where the deployment has no Exchange."""
    exchange = deployment.contracts.get("Exchange")
    if config.match.orders and exchange is None:
        log.error("no orders are matched: the deployment file names no Exchange")
    names, address = (config.match.orders, exchange.address) if exchange else ([], "")
    sources = Sources(names, deployment.chain_id, address)
    return Resting(sources, config.match.refresh_seconds, node, deployment.chain_id, address)
