"""Blocks that did not happen: what a lane had mined in them is sent again, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from keeper.chain.types import LinkError
from keeper.execution.lane import Lane
from keeper.store.journal import Journal
from tests.keeper.lanes import decision, journal_at, lane_of, settle, states, tend
from tests.keeper.ledger_chain import LedgerChain


def mined_once(tmp_path: Path, act: Callable[[Lane, LedgerChain, Journal], Coroutine[Any, Any, None]]) -> None:
    """An act of a lane on a chain, however it goes: its one decision is carried out once, and the journal says so."""
    chain, journal = LedgerChain(), journal_at(tmp_path)
    asyncio.run(act(lane_of(chain, journal), chain, journal))
    assert chain.carried_out() == {b"a": 1}
    assert states(journal) == [("mined", "")]


@pytest.mark.parametrize("failing", ["the store", "the endpoint"])
def test_roll_back__what_it_needs_fails_for_a_head__sent_again_with_the_next(tmp_path: Path, failing: str) -> None:
    """It is told once; forgotten, the transaction would be mined for the journal and on no chain."""

    async def act(lane: Lane, chain: LedgerChain, journal: Journal) -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        for _ in range(2):
            await tend(lane, chain.mine())
        assert lane.pending == []
        chain.reorg(2)
        lane.roll_back(chain.head.number)
        with pytest.MonkeyPatch.context() as broken:
            if failing == "the store":
                broken.setattr(journal, "unmine", fail)
            else:
                broken.setattr(chain, "eth_getBlockByNumber", fail)
            with pytest.raises(LinkError):
                await tend(lane, chain.mine())
        for _ in range(2):
            await tend(lane, chain.mine())

    def fail(*_: object) -> None:
        raise LinkError("not now")

    mined_once(tmp_path, act)


@pytest.mark.parametrize("depth", [1, 2])
def test_roll_back__mined_block_gone__sent_again_and_mined_once(tmp_path: Path, depth: int) -> None:
    async def act(lane: Lane, chain: LedgerChain, journal: Journal) -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        for _ in range(depth):
            await tend(lane, chain.mine())
        await tend(lane, chain.mine())
        assert lane.pending == []
        ancestor = chain.head.number - depth - 1
        chain.reorg(depth + 1)
        head = chain.mine(empty=True)
        lane.roll_back(ancestor)
        await tend(lane, head)
        assert [pending.decision.id for pending in lane.pending] == ["a"]
        for _ in range(3):
            await tend(lane, chain.mine())

    mined_once(tmp_path, act)


@pytest.mark.parametrize("noted", [True, False])
def test_note__what_was_mined__is_written_then_and_undone_even_before(tmp_path: Path, noted: bool) -> None:
    """A head calls for a transaction while the journal does not know yet that the one before is mined."""

    async def act(lane: Lane, chain: LedgerChain, journal: Journal) -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        name = lane.pending[0].newest.hash
        head = chain.mine()
        await lane.tend(head, {name: (head.number, head.hash)}, lambda _: True)
        assert states(journal) == [("sent", "")]
        if noted:
            lane.note()
            assert states(journal) == [("mined", "")]
        chain.reorg(1)
        lane.roll_back(chain.head.number)
        await tend(lane, chain.mine(empty=True))
        assert [pending.decision.id for pending in lane.pending] == ["a"]
        await tend(lane, chain.mine())
        await tend(lane, chain.mine())

    mined_once(tmp_path, act)


def test_tend__mined_by_a_block_that_is_gone_and_nobody_said_so__sent_again(tmp_path: Path) -> None:
    """A receipt was read of a block that the book never had: no rollback tells of it, and the next nonce waits."""

    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        await tend(lane, chain.mine())
        await tend(lane, chain.mine())
        assert lane.pending == []
        chain.reorg(2)
        await lane.submit(decision("b", chain.head), chain.head)
        chain.forget_pool()
        for _ in range(4):
            await tend(lane, chain.mine(empty=True))
        for _ in range(6):
            await tend(lane, chain.mine())

    chain, journal = LedgerChain(), journal_at(tmp_path)
    lane = lane_of(chain, journal)
    asyncio.run(act())
    assert chain.carried_out() == {b"a": 1, b"b": 1}
    assert states(journal) == [("mined", ""), ("mined", "")]


def test_roll_back__our_block_still_there__nothing_sent(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        await tend(lane, chain.mine())
        await tend(lane, chain.mine())
        lane.roll_back(0)
        await tend(lane, chain.head)
        assert lane.pending == []

    chain, journal = LedgerChain(), journal_at(tmp_path)
    lane = lane_of(chain, journal)
    asyncio.run(act())
    assert len(chain.received) == 1


def test_resume__reorg_while_it_was_down__sent_again(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        await tend(lane, chain.mine())
        await tend(lane, chain.mine())
        chain.reorg(2)
        chain.mine(empty=True)
        chain.mine(empty=True)
        await settle(lane_of(chain, journal_at(tmp_path)), chain)

    chain = LedgerChain()
    lane = lane_of(chain, journal_at(tmp_path))
    asyncio.run(act())
    assert chain.carried_out() == {b"a": 1, b"later": 1}
