"""What others take off an account that we do not bid for: orders at their own price first, then standing bids."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator

import structlog

from keeper.book.exact import Exact
from keeper.chain.types import Header, LinkError, RpcError
from keeper.config import Config, Deployment
from keeper.decide.attempts import Attempts
from keeper.decide.match import Match, match_of
from keeper.decide.sweep import sweep_of
from keeper.execution.decisions import BID, MATCH, SWEEP, match_decision, sweep_decision
from keeper.execution.lane import Outcome, Requests
from keeper.run.resting import Resting, Sources
from keeper.store.journal import Decision

log = structlog.get_logger(__name__)

LOOKED_AT = 128
"""Accounts that a head has time for, each in its turn: with thousands under the line, sightings and bids come first."""
ROUNDS = 4
"""Times a match is made anew because an order in it turned out to be no good."""
SUSPECT = 64
"""Blocks for which orders of a refused match are not used."""

Submit = Callable[[Decision], Awaitable[Outcome]]
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
        sweeps = self._config.sweep.enabled and not stops(SWEEP) and any(exact.mirror.standing.values())
        if not orders and not sweeps:
            return
        taken = busy(BID) | busy(MATCH) | busy(SWEEP)
        for account in self._some([account for account in under if account not in taken]):
            if orders and attempts[MATCH].may(account, head.number):
                match = await self._match(exact, account, head)
                if match is not None:
                    decision = match_decision(self._auction, self._orders.exchange, self._sender, match, head)
                    if await submit(decision) is not Outcome.REFUSED:
                        continue
                    self._orders.suspect([signed.order for signed, _ in match.fills], head.number + SUSPECT)
            if sweeps and attempts[SWEEP].may(account, head.number):
                sweep = sweep_of(exact, account, int(self._sender, 16), self._config.sweep, self._config.fees)
                if sweep is not None:
                    await submit(sweep_decision(self._auction, self._sender, sweep, head))

    async def refresh(self) -> None:
        """When all is sent that a head called for."""
        await self._orders.refresh()

    async def close(self) -> None:
        """Stop reading orders."""
        await self._orders.close()

    def _some(self, accounts: list[int]) -> Iterator[int]:
        """As many as a head has time for, each in its turn."""
        if len(accounts) > LOOKED_AT:
            first = self._turn % len(accounts)
            self._turn += LOOKED_AT
            accounts = (accounts[first:] + accounts[:first])[:LOOKED_AT]
        yield from accounts

    async def _match(self, exact: Exact, account: int, head: Header) -> Match | None:
        try:
            return await checked_match(exact, account, self._orders, self._config)
        except (LinkError, RpcError) as error:
            log.warning("orders cannot be checked", error=str(error), block=head.number)
            return None


async def checked_match(exact: Exact, account: int, orders: Resting, config: Config) -> Match | None:
    """The match of the orders known, none of which the chain speaks against. Raises LinkError or RpcError."""
    for _ in range(ROUNDS):
        match = match_of(exact, account, orders.known, orders.filled, config.match, config.fees)
        if match is None or not await orders.check([signed for signed, _ in match.fills], exact.mirror.is_allowed):
            return match
    return None


def orders_of(config: Config, deployment: Deployment, node: Requests) -> Resting:
    """The orders that the configuration names; none where the deployment has no Exchange."""
    exchange = deployment.contracts.get("Exchange")
    if config.match.orders and exchange is None:
        log.error("no orders are matched: the deployment file names no Exchange")
    sources, address = (Sources(config.match.orders), exchange.address) if exchange else (Sources([]), "")
    return Resting(sources, config.match.refresh_seconds, node, deployment.chain_id, address)
