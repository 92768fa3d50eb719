"""What has time: balances, and what mined transactions cost and bought. One request a head, and only if none waits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal

import structlog

from keeper.chain.types import Header, LinkError, RpcError, number
from keeper.execution.decisions import BID
from keeper.execution.lane import Lane
from keeper.execution.simulation import Requests
from keeper.run.receipts import cost_of, sales_in, time_of
from keeper.store.journal import Cost, Journal, Sale
from keeper.watch import metrics
from keeper.watch.health import Health, Stuck

log = structlog.get_logger(__name__)

BALANCE_SECONDS = 600.0
WAD = 10**18


class Chores:
    """Of one keeper. What fails here is told and tried again with another head; nothing else waits for it."""

    def __init__(
        self, node: Requests, journal: Journal, native_price: Decimal, health: Health, lanes: Sequence[Lane]
    ) -> None:
        self._node = node
        self._journal = journal
        self._price = native_price
        self._health = health
        self._lanes = lanes
        self._turn = 0
        self._asked = 0.0

    async def one(self, head: Header) -> None:
        """The next of them, unless a transaction is under way; balances do not wait for ever."""
        self._ages(head)
        late = time.monotonic() - self._asked
        busy = any(lane.pending for lane in self._lanes)
        try:
            if late > BALANCE_SECONDS * (2 if busy else 1):
                await self.balances()
            elif not busy:
                await self.count_one()
        except (LinkError, RpcError) as error:
            log.info("a chore was put off", error=str(error))

    async def balances(self) -> None:
        """What each sender has to pay gas with."""
        for address in {lane.address for lane in self._lanes}:
            self._health.balances[address] = number(await self._node.call("eth_getBalance", [address, "latest"]))
        self._asked = time.monotonic()

    def _ages(self, head: Header) -> None:
        waiting = {lane.name: lane.oldest(head) for lane in self._lanes}
        self._health.lanes = {name: Stuck(*oldest) for name, oldest in waiting.items() if oldest is not None}
        for name, oldest in waiting.items():
            metrics.LANE_AGE.labels(name).set(0 if oldest is None else oldest[0])

    async def count_one(self) -> None:
        """Read the receipt of one mined transaction that is owed. Raises LinkError or RpcError."""
        owed = self._journal.uncounted()
        if not owed:
            return
        # In turn: one whose receipt is not to be had does not keep the others waiting.
        self._turn += 1
        kind, tx_hash, block = owed[self._turn % len(owed)]
        receipt = await self._node.call("eth_getTransactionReceipt", [tx_hash])
        if receipt is None or number(receipt.get("blockNumber")) != block:
            return
        # What others bought by a sweep of ours is theirs.
        cost, found = cost_of(receipt, str(self._price)), sales_in(receipt) if kind == BID else []
        self._journal.count(tx_hash, cost, time_of(receipt), found)
        self._tell(kind, cost, found)

    def _tell(self, kind: str, cost: Cost, found: Sequence[Sale]) -> None:
        discount = sum(sale.lambda_taker * sale.fraction // WAD * sale.requirement // WAD for sale in found) / WAD
        metrics.FEES.labels(kind).inc(cost.fee / WAD)
        metrics.DISCOUNT.inc(discount)
        log.info("counted", kind=kind, gas=cost.gas_used, fee=cost.fee / WAD, lots=len(found), discount=discount)
