"""What has time has it: one request a head at most, none while a transaction is under way."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from keeper.chain.types import LinkError
from keeper.run.chores import Chores
from keeper.store.database import open_database
from keeper.store.history import Wanted, rows_of
from keeper.watch.health import Health, Stuck
from tests.keeper.lanes import KEY, decision, journal_at, lane_of, tend
from tests.keeper.ledger_chain import LedgerChain


class Receipts:
    """A node that has a receipt of everything, but for the hashes and the number of answers it is told to withhold."""

    def __init__(self, chain: LedgerChain) -> None:
        self.asked: Counter[str] = Counter()
        self.withheld: set[str] = set()
        self.failures = 0
        self._chain = chain

    async def call(self, method: str, params: list[Any]) -> Any:
        self.asked[method] += 1
        if self.failures:
            self.failures -= 1
            raise LinkError("no answer")
        if method == "eth_getBalance":
            return hex(7)
        if params[0] in self.withheld:
            return None
        receipt = await self._chain.call(method, params)
        return {**receipt, "gasUsed": hex(50_000), "effectiveGasPrice": hex(10**9), "l1Fee": hex(3), "logs": []}


async def mined(lane: Any, chain: LedgerChain, *names: str) -> None:
    await lane.resume(chain.head, 64)
    for name in names:
        await lane.submit(decision(name, chain.head), chain.head)
    while lane.pending:
        await tend(lane, chain.mine())


def test_one__transactions_are_owed__a_receipt_a_head_and_every_one_in_the_end(tmp_path: Path) -> None:
    async def act() -> None:
        await mined(lane, chain, "a", "b", "c")
        await chores.balances()
        (withheld, *_) = [tx_hash for _, tx_hash, _ in journal.uncounted()]
        node.withheld.add(withheld)
        for _ in range(6):
            before = node.asked.total()
            await chores.one(chain.head)
            assert node.asked.total() <= before + 1
        # One that is not to be had keeps no other waiting.
        assert [tx_hash for _, tx_hash, _ in journal.uncounted()] == [withheld]
        node.withheld.clear()
        node.failures = 1
        for _ in range(2):
            await chores.one(chain.head)
        assert journal.uncounted() == []

    chain, journal = LedgerChain(), journal_at(tmp_path)
    node, lane, health = Receipts(chain), lane_of(chain, journal), Health(60.0)
    chores = Chores(node, journal, Decimal(2_000), health, [lane])
    asyncio.run(act())
    rows = rows_of(open_database(tmp_path / "keeper.sqlite"), Wanted())
    assert {row["gas_used"] for row in rows} == {50_000}
    # With what the data cost on the chain below.
    assert {row["fee_native"] for row in rows} == {"0.000050000000000003"}
    assert health.balances == {KEY.address: 7}


def test_one__a_transaction_is_under_way__asks_nothing_and_tells_its_age(tmp_path: Path) -> None:
    async def act() -> None:
        await mined(lane, chain, "a")
        await chores.balances()
        node.asked.clear()
        await lane.submit(decision("b", chain.head), chain.head)
        sent = lane.pending[0].newest.hash
        chain.pool.clear()
        first = chain.head.number
        for _ in range(5):
            chain.mine(empty=True)
            await chores.one(chain.head)
        assert node.asked.total() == 0
        assert health.lanes == {"urgent": Stuck(chain.head.number - first, sent)}

    chain, journal = LedgerChain(), journal_at(tmp_path)
    node, lane, health = Receipts(chain), lane_of(chain, journal), Health(60.0)
    chores = Chores(node, journal, Decimal(2_000), health, [lane])
    asyncio.run(act())
