"""The kill switch at the lane: whatever was under way, nothing is signed and nothing handed out while it is on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from keeper.execution.lane import Lane
from keeper.execution.signers import KeySigner
from keeper.execution.simulation import Outcome
from keeper.store.journal import Signed
from keeper.watch.switch import KillSwitch
from tests.keeper.lanes import FEES, KEY, decision, journal_at, states, tend
from tests.keeper.ledger_chain import LedgerChain


class CountingSigner(KeySigner):
    """Knows how often it was asked."""

    asked = 0

    def sign(self, transaction: dict[str, Any]) -> Signed | None:
        self.asked += 1
        return super().sign(transaction)


def gated(path: Path, chain: LedgerChain) -> tuple[Lane, CountingSigner, KillSwitch, Any]:
    journal, signer, switch = journal_at(path), CountingSigner(KEY), KillSwitch(path / "keeper.kill")
    lane = Lane("urgent", signer, chain, journal, FEES, 31_337, lambda _, __: None, switch.stops)
    return lane, signer, switch, journal


def test_submit__switch_is_on__refused_before_it_is_signed(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        switch.turn_on("a drill")
        assert await lane.submit(decision("a", chain.head), chain.head) == (Outcome.HELD, "a drill")

    chain = LedgerChain()
    lane, signer, switch, journal = gated(tmp_path, chain)
    asyncio.run(act())
    assert (signer.asked, chain.pool) == (0, {})
    assert states(journal) == [("given_up", "a drill")]


def test_tend__switch_goes_on_under_way__neither_replaced_nor_sent_until_it_is_off(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        switch.turn_on("a drill")
        chain.pool.clear()
        for _ in range(8):
            await tend(lane, chain.mine())
        assert (signer.asked, chain.pool) == (1, {})
        switch.turn_off()
        for _ in range(4):
            await tend(lane, chain.mine())

    chain = LedgerChain()
    lane, signer, switch, journal = gated(tmp_path, chain)
    asyncio.run(act())
    assert chain.carried_out() == {b"a": 1}
    assert states(journal) == [("mined", "")]


def test_resume__switch_is_on__what_an_earlier_process_signed_stays_here(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        chain.pool.clear()
        switch.turn_on("a drill")
        again, asked, _, _ = gated(tmp_path, chain)
        await again.resume(chain.head, 64)
        await tend(again, chain.mine())
        assert (asked.asked, chain.pool, len(again.pending)) == (0, {}, 1)

    chain = LedgerChain()
    lane, _, switch, _ = gated(tmp_path, chain)
    asyncio.run(act())
