"""What became of transactions that no log tells of, and of those that nodes forgot."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from keeper.chain.types import RpcError
from tests.keeper.lanes import FEES, KEY, decision, journal_at, lane_of, tend
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


@pytest.mark.parametrize("answer", [RpcError("eth_sendRawTransaction", -32005, "rate limited"), None])
def test_wind_up__node_did_not_take_it__handed_out_again_with_the_same_head(tmp_path: Path, answer: Any) -> None:
    class Busy(LedgerChain):
        busy = 1

        async def call(self, method: str, params: list[Any]) -> Any:
            if method == "eth_sendRawTransaction" and self.busy:
                self.busy -= 1
                if answer is None:
                    return None
                raise answer
            return await super().call(method, params)

    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        assert chain.received == []
        await lane.wind_up(chain.head, lambda _: True)
        assert len(chain.received) == 1

    chain = Busy()
    lane = lane_of(chain, journal_at(tmp_path))
    asyncio.run(act())


def test_tend__receipt_of_a_block_far_ahead__replacing_goes_on(tmp_path: Path) -> None:
    """An endpoint may say anything."""

    class Lying(LedgerChain):
        def eth_getTransactionReceipt(self, name: str) -> dict[str, str] | None:
            receipt = super().eth_getTransactionReceipt(name)
            return receipt and receipt | {"blockNumber": hex(2**40)}

    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        await tend(lane, chain.mine())
        assert ended == [("a", "mined")]
        await lane.submit(decision("b", chain.head), chain.head)
        for _ in range(FEES.replace_after_blocks):
            await tend(lane, chain.mine(empty=True))

    chain, ended = Lying(), []
    lane = lane_of(chain, journal_at(tmp_path), ended)
    asyncio.run(act())
    assert len(lane.pending[0].signed) == 2


def test_tend__waits_behind_others__not_replaced_but_where_they_took_more_too(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        for name in ("a", "b", "c"):
            await lane.submit(decision(name, chain.head), chain.head)
        later = [chain.pool.pop((KEY.address, nonce)) for nonce in (1, 2)]
        for _ in range(FEES.replace_after_blocks - 1):
            await tend(lane, chain.mine(empty=True))
        head = chain.mine()
        chain.pool |= {(KEY.address, 1): later[0], (KEY.address, 2): later[1]}
        await tend(lane, head)
        assert ended == [("a", "mined")]
        assert [len(pending.signed) for pending in lane.pending] == [1, 1]
        for _ in range(FEES.replace_after_blocks):
            await tend(lane, chain.mine(empty=True))
        assert [len(pending.signed) for pending in lane.pending] == [2, 1]
        await tend(lane, chain.mine(empty=True))
        chain.pool.pop((KEY.address, 2), None)
        await tend(lane, chain.mine())
        await tend(lane, chain.mine(empty=True))
        assert [len(pending.signed) for pending in lane.pending] == [2]

    chain, ended = LedgerChain(), []
    lane = lane_of(chain, journal_at(tmp_path), ended)
    asyncio.run(act())
