"""What became of transactions that no log tells of, and of those that nodes forgot."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from keeper.chain.types import RpcError
from tests.keeper.lanes import FEES, decision, journal_at, lane_of, tend
from tests.keeper.ledger_chain import LedgerChain


def test_wind_up__many_mined_without_a_log__all_found_with_one_head(tmp_path: Path) -> None:
    """They reverted, or had nothing to say: while they count as pending, nothing else is done for their accounts."""

    async def act() -> None:
        await lane.resume(chain.head, 64)
        for name in names:
            await lane.submit(decision(name, chain.head), chain.head)
        await tend(lane, chain.mine())

    names = [f"number {place}" for place in range(12)]
    chain, ended = LedgerChain(), []
    chain.reverting = {names[3].encode()}
    lane = lane_of(chain, journal_at(tmp_path), ended)
    asyncio.run(act())
    assert ended == [(name, "reverted" if name == names[3] else "mined") for name in names]


def test_wind_up__nodes_kept_a_few_of_a_key__the_rest_handed_out_again(tmp_path: Path) -> None:
    """A full pool keeps some of a sender's transactions; who waits behind those is not the oldest for long."""

    async def act() -> None:
        await lane.resume(chain.head, 64)
        for place in range(12):
            await lane.submit(decision(str(place), chain.head), chain.head)
        chain.pool = {place: waiting for place, waiting in chain.pool.items() if place[1] < 4}
        for _ in range(FEES.replace_after_blocks + 2):
            await tend(lane, chain.mine())

    chain = LedgerChain()
    lane = lane_of(chain, journal_at(tmp_path))
    asyncio.run(act())
    assert chain.carried_out() == {str(place).encode(): 1 for place in range(12)}
    assert lane.pending == []


def test_tend__endpoints_do_not_say__the_head_goes_on_and_it_is_found_later(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        chain.mute = True
        for _ in range(2 * FEES.replace_after_blocks):
            await tend(lane, chain.mine())
        assert ended == []
        chain.mute = False
        for _ in range(FEES.replace_after_blocks + 1):
            await tend(lane, chain.mine())

    class Muted(LedgerChain):
        mute = False

        async def call(self, method: str, params: list[Any]) -> Any:
            if self.mute and method in ("eth_getTransactionReceipt", "eth_getTransactionCount"):
                raise RpcError(method, -32000, "transaction indexing is in progress")
            return await super().call(method, params)

    chain, ended = Muted(), []
    lane = lane_of(chain, journal_at(tmp_path), ended)
    asyncio.run(act())
    assert ended == [("a", "mined")]
