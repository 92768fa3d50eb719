"""What a lane does with decisions of which the chain says that they would fail, or nobody says anything."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from keeper.chain.types import LinkError, RpcError
from keeper.execution.simulation import Outcome
from keeper.store.database import open_database
from keeper.store.journal import Journal, Signed
from tests.keeper.lanes import decision, journal_at, lane_of, states
from tests.keeper.ledger_chain import LedgerChain


class Failing(LedgerChain):
    """Cannot carry out a call, and counts how often it was asked."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error
        self.asked: list[Any] = []

    async def call(self, method: str, params: list[Any]) -> Any:
        if method == "eth_call":
            self.asked.append(params[1])
            raise self.error
        return await super().call(method, params)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (RpcError("eth_call", 3, "execution reverted: auction: healthy"), Outcome.REFUSED),
        (RpcError("eth_call", -32000, "out of gas"), Outcome.REFUSED),
        (RpcError("eth_call", -32000, "header not found"), Outcome.HELD),
        (RpcError("eth_call", -32000, "header for hash not found"), Outcome.HELD),
        (RpcError("eth_call", -32001, "0x12 could not be found"), Outcome.HELD),
        (RpcError("eth_call", -32603, "Internal error"), Outcome.REFUSED),
        (RpcError("eth_call", -32603, "VM Exception while processing transaction: reverted"), Outcome.REFUSED),
        (RpcError("eth_call", -32005, "daily request count exceeded, request rate limited"), Outcome.HELD),
        (LinkError("no endpoint"), Outcome.HELD),
    ],
)
def test_submit__not_simulated__told_apart_from_a_call_that_fails(
    tmp_path: Path, error: Exception, outcome: Outcome
) -> None:
    """What an endpoint cannot do is not held against the accounts that a decision is about; nothing is sent."""

    async def act() -> tuple[Outcome, str]:
        await lane.resume(chain.head, 64)
        return await lane.submit(decision("a", chain.head), chain.head)

    chain, journal, ended = Failing(error), journal_at(tmp_path), []
    lane = lane_of(chain, journal, ended)
    assert asyncio.run(act())[0] is outcome
    assert ended == [("a", "given_up")]
    assert (chain.received, lane.pending) == ([], [])


def test_submit__sighting_that_nobody_can_simulate__sent_and_others_of_that_head_not_even_asked_about(
    tmp_path: Path,
) -> None:
    """It leaves out what it cannot sight; whoever waits for endpoints misses it."""

    async def act() -> list[Outcome]:
        await lane.resume(chain.head, 64)
        made = [replace(decision(name, chain.head), kind="open") for name in ("a", "b", "c")]
        outcomes = [(await lane.submit(one, chain.head))[0] for one in made[:2]]
        chain.mine()
        return [*outcomes, (await lane.submit(made[2], chain.head))[0]]

    chain = Failing(LinkError("no endpoint"))
    lane = lane_of(chain, journal_at(tmp_path))
    assert asyncio.run(act()) == [Outcome.SENT] * 3
    assert len(chain.received) == 3
    assert len(chain.asked) == 2


def test_submit__endpoint_takes_no_hash__asked_by_number(tmp_path: Path) -> None:
    class Numbered(LedgerChain):
        def eth_call(self, request: dict[str, str], block: Any) -> str:
            if isinstance(block, dict):
                raise RpcError("eth_call", -32602, "invalid argument 1")
            return super().eth_call(request, {"blockHash": self._header(int(block, 16)).hash})

    async def act() -> tuple[Outcome, str]:
        await lane.resume(chain.head, 64)
        return await lane.submit(decision("a", chain.head), chain.head)

    chain = Numbered()
    chain.refusing.add(b"a")
    lane = lane_of(chain, journal_at(tmp_path))
    assert asyncio.run(act()) == (Outcome.REFUSED, "execution reverted: auction: healthy")
    assert chain.received == []


def test_submit_all__some_fail_in_the_simulation__the_others_have_nonces_without_a_gap(tmp_path: Path) -> None:
    async def act() -> list[tuple[Outcome, str]]:
        await lane.resume(chain.head, 64)
        made = [decision(name, chain.head) for name in "abcde"]
        results = await lane.submit_all(made, chain.head)
        chain.mine()
        return results

    chain, journal = LedgerChain(), journal_at(tmp_path)
    chain.refusing = {b"a", b"d"}
    lane = lane_of(chain, journal)
    refused = (Outcome.REFUSED, "execution reverted: auction: healthy")
    sent = (Outcome.SENT, "")
    assert asyncio.run(act()) == [refused, sent, sent, refused, sent]
    assert [one.data for one in chain.blocks[-1]] == [b"b", b"c", b"e"]
    assert [pending.nonce for pending in lane.pending] == [0, 1, 2]


def test_submit_all__store_fails_in_between__what_is_journaled_is_sent_and_nothing_else(tmp_path: Path) -> None:
    class Full(Journal):
        def sign(self, decision_id: str, nonce: int, signed: Signed) -> None:
            if decision_id == "b":
                raise OperationalError("INSERT", {}, Exception("database or disk is full"))
            super().sign(decision_id, nonce, signed)

    async def act() -> None:
        await lane.resume(chain.head, 64)
        with pytest.raises(OperationalError):
            await lane.submit_all([decision(name, chain.head) for name in "abc"], chain.head)
        chain.mine()

    chain, journal = LedgerChain(), Full(open_database(tmp_path / "keeper.sqlite"))
    lane = lane_of(chain, journal)
    asyncio.run(act())
    assert chain.carried_out() == {b"a": 1}
    assert [pending.decision.id for pending in lane.pending] == ["a"]


def test_submit_all__nothing_can_be_sent__one_row_says_so(tmp_path: Path) -> None:
    async def act() -> list[tuple[Outcome, str]]:
        await lane.resume(chain.head, 64)
        chain.base_fee = 10**12
        return await lane.submit_all([decision(name, chain.head) for name in "abc"], chain.head)

    chain, journal = LedgerChain(), journal_at(tmp_path)
    lane = lane_of(chain, journal)
    held = (Outcome.HELD, "the base fee is above fees.max_fee_gwei")
    assert asyncio.run(act()) == [held] * 3
    assert states(journal) == [("given_up", held[1])]


def test_submit_all__one_is_not_answered_about__those_before_it_are_on_their_way(tmp_path: Path) -> None:
    class Slow(LedgerChain):
        async def call(self, method: str, params: list[Any]) -> Any:
            if method == "eth_call" and params[0]["data"] == "0x" + b"b".hex():
                await answered.wait()
            result = await super().call(method, params)
            if method == "eth_sendRawTransaction":
                sent.set()
            return result

    async def act() -> None:
        await lane.resume(chain.head, 64)
        made = [decision(name, chain.head) for name in "abc"]
        under_way = asyncio.create_task(lane.submit_all(made, chain.head))
        await asyncio.wait_for(sent.wait(), 10)
        assert len(chain.received) == 1
        answered.set()
        await under_way
        assert len(chain.received) == 3

    answered, sent = asyncio.Event(), asyncio.Event()
    chain = Slow()
    lane = lane_of(chain, journal_at(tmp_path))
    asyncio.run(act())
