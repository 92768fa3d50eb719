from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from keeper.execution.lane import Lane
from keeper.store.database import open_database, transactions
from tests.keeper.lanes import KEY, decision, journal_at, lane_of, settle, states, tend
from tests.keeper.ledger_chain import LedgerChain


class KilledError(BaseException):
    """kill -9, at a point of one's choice."""


class Mortal:
    """Lets a number of calls of an object through, then kills before or after the next one is carried out."""

    def __init__(self, inner: Any, budget: list[int], *, after: bool) -> None:
        self._inner = inner
        self._budget = budget
        self._after = after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def guarded(*args: Any, **fields: Any) -> Any:
            self._budget[0] -= 1
            if self._budget[0] == 0 and not self._after:
                raise KilledError
            result = found(*args, **fields)
            if self._budget[0] == 0 and not asyncio.iscoroutine(result):
                raise KilledError
            return self._spent(result) if asyncio.iscoroutine(result) and self._budget[0] == 0 else result

        return guarded

    @staticmethod
    async def _spent(result: Any) -> None:
        try:
            await result
        finally:
            raise KilledError


async def scenario(lane: Lane, chain: LedgerChain, history: int = 64) -> None:
    """Two decisions of which the first is stuck until it is replaced, a third that reverts, and one that is refused."""
    await lane.resume(chain.head, history)
    await lane.submit(decision("first", chain.head), chain.head)
    await lane.submit(decision("second", chain.head), chain.head)
    for _ in range(3):
        await tend(lane, chain.mine(empty=True))
    # Both are replaced at once.
    chain.base_fee *= 9
    await tend(lane, chain.mine(empty=True))
    await tend(lane, chain.mine())
    chain.base_fee //= 9
    await lane.submit(decision("refused", chain.head), chain.head)
    await lane.submit(decision("third", chain.head), chain.head)
    for _ in range(4):
        await tend(lane, chain.mine())


def new_chain() -> LedgerChain:
    chain = LedgerChain()
    chain.reverting.add(b"third")
    chain.refusing.add(b"refused")
    return chain


def test_scenario__not_killed__each_decision_has_its_end(tmp_path: Path) -> None:
    chain, journal, ended = new_chain(), journal_at(tmp_path), []
    asyncio.run(scenario(lane_of(chain, journal, ended), chain))
    assert chain.carried_out() == {b"first": 1, b"second": 1, b"third": 1}
    assert states(journal) == [
        ("mined", ""),
        ("mined", ""),
        ("given_up", "execution reverted: auction: healthy"),
        ("reverted", ""),
    ]
    assert sorted(ended) == [("first", "mined"), ("refused", "given_up"), ("second", "mined"), ("third", "reverted")]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("victim", ["journal", "chain"])
def test_scenario__killed_at_every_step__no_decision_carried_out_twice_or_lost(
    tmp_path: Path, victim: str, after: bool
) -> None:
    """Every call of the journal and of the node in turn is the last one of its process."""
    step = 0
    while True:
        step += 1
        directory = tmp_path / str(step)
        chain, budget = new_chain(), [step]
        journal = journal_at(directory)
        mortal = Mortal(journal if victim == "journal" else chain, budget, after=after)
        parts = (chain, mortal) if victim == "journal" else (mortal, journal)
        try:
            asyncio.run(scenario(lane_of(*parts), chain))
            assert step > 10, "the scenario is shorter than it should be"
            return
        except KilledError:
            pass
        survivor = journal_at(directory)
        # What the killed process had sent may be lost too: the journal must be enough.
        if step % 2:
            chain.forget_pool()
        signed = {pending.decision.data for pending in survivor.pending(KEY.address)}
        asyncio.run(settle(lane_of(chain, survivor), chain))
        carried_out = chain.carried_out()
        assert all(times == 1 for times in carried_out.values()), f"step {step}: {carried_out}"
        assert signed | {b"later"} <= set(carried_out), f"step {step}: signed and lost"
        assert survivor.pending(KEY.address) == []
        journaled = set(hashes(directory))
        assert set(chain.received) <= journaled, f"step {step}: sent what was not journaled"
        assert {state for state, _ in states(survivor)} <= {"mined", "reverted", "given_up"}


def hashes(directory: Path) -> list[str]:
    with open_database(directory / "keeper.sqlite").connect() as connection:
        return list(connection.scalars(select(transactions.c.hash)))
