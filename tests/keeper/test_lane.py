from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from keeper.chain.types import LinkError
from keeper.config import ConfigError
from keeper.execution.signers import DrySigner, KeySigner
from keeper.execution.simulation import Outcome
from tests.keeper.lanes import FEES, KEY, TARGET, decision, journal_at, lane_of, settle, states, tend
from tests.keeper.ledger_chain import LedgerChain, decode

GWEI = 10**9


def test_tend__waited_too_long__same_nonce_and_payload_at_a_higher_fee(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        (first,) = chain.pool.values()
        await tend(lane, chain.mine(empty=True))
        assert list(chain.pool.values()) == [first]
        await tend(lane, chain.mine(empty=True))
        (second,) = chain.pool.values()
        assert (second.nonce, second.data, second.target) == (first.nonce, first.data, first.target)
        assert second.max_fee * 100 >= first.max_fee * 115
        assert second.tip * 100 >= first.tip * 115
        assert len(lane.pending) == 1

    chain, journal = LedgerChain(), journal_at(tmp_path)
    lane = lane_of(chain, journal)
    asyncio.run(act())


def test_tend__not_wanted_any_more__nonce_used_up_by_nothing(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        for _ in range(2):
            await tend(lane, chain.mine(empty=True), wanted=lambda _: False)
        (cancel,) = chain.pool.values()
        assert (cancel.target, cancel.data) == (KEY.address, b"")
        await tend(lane, chain.mine(), wanted=lambda _: False)
        await tend(lane, chain.mine(), wanted=lambda _: False)

    chain, ended = LedgerChain(), []
    lane = lane_of(chain, journal_at(tmp_path), ended)
    asyncio.run(act())
    assert chain.carried_out() == {b"": 1}
    assert ended == [("a", "cancelled")]


def test_tend__fee_at_its_cap__never_above_it(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        for _ in range(40):
            await tend(lane, chain.mine(empty=True))

    chain = LedgerChain()
    lane = lane_of(chain, journal_at(tmp_path))
    asyncio.run(act())
    fees = [signed.max_fee for signed in lane.pending[0].signed]
    assert fees == sorted(fees)
    assert 5 < len(fees) < 20
    assert FEES.max_fee * 85 // 100 < fees[-1] <= FEES.max_fee


def test_wind_up__base_fee_rises_above_all_that_waits__all_replaced_with_one_head(tmp_path: Path) -> None:
    """Full blocks make it rise, and a node may forget what cannot pay: one after the other would be too slow."""

    async def act() -> None:
        await lane.resume(chain.head, 64)
        for name in names:
            await lane.submit(decision(name, chain.head), chain.head)
        assert [waiting.max_fee for waiting in chain.pool.values()] == [3 * GWEI] * 8
        for base_fee in (2 * GWEI, 3 * GWEI, 4 * GWEI):
            chain.base_fee = base_fee
            before = len(chain.received)
            await tend(lane, chain.mine(empty=True))
            received.append(len(chain.received) - before)
        await tend(lane, chain.mine())

    names = [f"{number}" for number in range(8)]
    chain, ended, received = LedgerChain(), [], []
    lane = lane_of(chain, journal_at(tmp_path), ended)
    asyncio.run(act())
    # The next block may ask for an eighth more than the last one; replaced once, they are good for long.
    assert received == [0, 8, 0]
    assert chain.carried_out() == {name.encode(): 1 for name in names}


def test_wind_up__base_fee_above_the_cap_for_long__all_handed_out_again_once_it_falls(tmp_path: Path) -> None:
    """Kept, not signed again and again; nodes have forgotten all of it meanwhile."""

    async def act() -> None:
        await lane.resume(chain.head, 64)
        for name in names:
            await lane.submit(decision(name, chain.head), chain.head)
        chain.base_fee = 11 * GWEI
        for _ in range(6):
            await tend(lane, chain.mine(empty=True))
        assert chain.pool == {}
        assert max(len(pending.signed) for pending in lane.pending) <= 2
        chain.base_fee = GWEI
        await tend(lane, chain.mine())
        await tend(lane, chain.mine())

    names = [f"{number}" for number in range(20)]
    chain, ended = LedgerChain(), []
    lane = lane_of(chain, journal_at(tmp_path), ended)
    asyncio.run(act())
    assert chain.carried_out() == {name.encode(): 1 for name in names}


def test_wind_up__oldest_found_mined_in_this_head__all_others_replaced(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        for name in ("a", "b", "c"):
            await lane.submit(decision(name, chain.head), chain.head)
        later = {place: waiting for place, waiting in chain.pool.items() if waiting.nonce}
        for place in later:
            del chain.pool[place]
        head = chain.mine()
        chain.pool.update(later)
        chain.base_fee = 3 * GWEI
        await tend(lane, head._replace(base_fee=chain.base_fee))
        assert [pending.decision.id for pending in lane.pending] == ["b", "c"]
        assert [len(pending.signed) for pending in lane.pending] == [2, 2]

    chain = LedgerChain()
    lane = lane_of(chain, journal_at(tmp_path))
    asyncio.run(act())


def test_tend__nonce_used_by_somebody_else__dropped_and_not_sent_again(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        mine = chain.pool.pop((KEY.address, 0))
        chain.pool[KEY.address, 0] = mine._replace(hash="0xother", data=b"by hand")
        for _ in range(3):
            await tend(lane, chain.mine())

    chain, journal, ended = LedgerChain(), journal_at(tmp_path), []
    lane = lane_of(chain, journal, ended)
    asyncio.run(act())
    assert states(journal) == [("dropped", "another transaction used its nonce")]
    assert ended == [("a", "dropped")]
    assert chain.carried_out() == {b"by hand": 1}


@pytest.mark.parametrize("by", ["its first bytes", "somebody else"])
def test_tend__replaced_often_then_nonce_used__found_out_by_two_requests_a_head(tmp_path: Path, by: str) -> None:
    """However many bytes there are to ask for."""

    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        ((place, first),) = chain.pool.items()
        for _ in range(10):
            asked.clear()
            await tend(lane, chain.mine(empty=True))
            assert len(asked) <= 2
        assert len(lane.pending[0].signed) == 6
        chain.pool[place] = first if by == "its first bytes" else first._replace(hash="0x01", data=b"other")
        head = chain.mine()
        for _ in range(10):
            asked.clear()
            await tend(lane, head)
            assert len(asked) <= 2
            head = chain.mine(empty=True)

    chain, ended, asked = LedgerChain(), [], []
    node = Asked(chain, asked)
    lane = lane_of(node, journal_at(tmp_path), ended)
    asyncio.run(act())
    assert ended == [("a", "mined" if by == "its first bytes" else "dropped")]
    assert lane.pending == []


class Asked:
    """Notes what is asked of a chain, but for sending."""

    def __init__(self, chain: LedgerChain, asked: list[str]) -> None:
        self._chain = chain
        self._asked = asked

    async def call(self, method: str, params: list[Any]) -> Any:
        if method != "eth_sendRawTransaction":
            self._asked.append(method)
        return await self._chain.call(method, params)

    async def spread(self, method: str, params: list[Any]) -> Any:
        return await self.call(method, params)

    async def every(self, method: str, params: list[Any]) -> list[Any]:
        return [await self.call(method, params)]


class Ahead:
    """Two endpoints, of which the one that is asked first says so many transactions more than there are."""

    def __init__(self, chain: LedgerChain, by: int) -> None:
        self._chain = chain
        self._by = by

    async def call(self, method: str, params: list[Any]) -> Any:
        result = await self._chain.call(method, params)
        return hex(int(result, 16) + self._by) if method == "eth_getTransactionCount" else result

    async def spread(self, method: str, params: list[Any]) -> Any:
        return await self.call(method, params)

    async def every(self, method: str, params: list[Any]) -> list[Any]:
        return [await self.call(method, params), await self._chain.call(method, params)]


def test_tend__one_endpoint_says_the_nonce_is_used__kept_until_it_is(tmp_path: Path) -> None:
    """Dropped, its margin would be free for another decision while its bytes can still be mined."""

    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        for _ in range(8):
            await tend(lane, chain.mine(empty=True))
        assert ended == []
        assert [pending.decision.id for pending in lane.pending] == ["a"]
        for _ in range(4):
            await tend(lane, chain.mine())

    chain, ended = LedgerChain(), []
    lane = lane_of(Ahead(chain, 1), journal_at(tmp_path), ended)
    asyncio.run(act())
    assert ended == [("a", "mined")]
    assert chain.carried_out() == {b"a": 1}


def test_resume__one_endpoint_says_too_many__nonces_without_a_gap(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        assert lane.pending[0].nonce == 0
        await settle(lane_of(Ahead(chain, 3), journal), chain)

    chain, journal = LedgerChain(), journal_at(tmp_path)
    lane = lane_of(Ahead(chain, 3), journal)
    asyncio.run(act())
    assert chain.carried_out() == {b"a": 1, b"later": 1}


def test_tend__logs_seen__no_request_needed(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        name = lane.pending[0].newest.hash
        head = chain.mine()
        calls: list[str] = []
        original = chain.call

        async def counted(method: str, params: list[Any]) -> Any:
            calls.append(method)
            return await original(method, params)

        chain.call = counted
        await lane.tend(head, {name: (head.number, head.hash)}, lambda _: True)
        assert calls == []
        assert lane.pending == []

    chain = LedgerChain()
    lane = lane_of(chain, journal_at(tmp_path))
    asyncio.run(act())


def test_resume__journal_of_another_chain__refused_rather_than_stuck(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        await lane.submit(decision("a", chain.head), chain.head)
        for _ in range(2):
            await tend(lane, chain.mine())
        other = LedgerChain()
        for _ in range(200):
            other.mine()
        with pytest.raises(ConfigError, match=r"store\.path: the journal has 1 transactions of 0x\w+, the chain 0: "):
            await lane_of(other, journal_at(tmp_path)).resume(other.head, 64)

    chain = LedgerChain()
    lane = lane_of(chain, journal_at(tmp_path))
    asyncio.run(act())


def test_submit__endpoint_lost_while_sending__kept_and_sent_with_the_next_head(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        original = chain.call
        failures = [LinkError("gone")]

        async def failing(method: str, params: list[Any]) -> Any:
            if method == "eth_sendRawTransaction" and failures:
                raise failures.pop()
            return await original(method, params)

        chain.call = failing
        outcome, _ = await lane.submit(decision("a", chain.head), chain.head)
        assert outcome is Outcome.SENT
        assert chain.received == []
        for _ in range(3):
            await tend(lane, chain.mine())

    chain = LedgerChain()
    lane = lane_of(chain, journal_at(tmp_path))
    asyncio.run(act())
    assert chain.carried_out() == {b"a": 1}


def test_submit__dry_run__nothing_sent_and_said_so(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        outcome, _ = await lane.submit(decision("a", chain.head), chain.head)
        assert outcome is Outcome.DRY
        for _ in range(5):
            await tend(lane, chain.mine())

    chain, journal, ended = LedgerChain(), journal_at(tmp_path), []
    lane = lane_of(chain, journal, ended, DrySigner(KEY.address))
    asyncio.run(act())
    assert chain.received == []
    assert states(journal) == [("dry", "")]
    assert ended == [("a", "dry")]


def test_submit__base_fee_above_the_cap__given_up(tmp_path: Path) -> None:
    async def act() -> None:
        await lane.resume(chain.head, 64)
        head = chain.head._replace(base_fee=11 * 10**9)
        outcome, reason = await lane.submit(decision("a", head), head)
        assert (outcome, reason) == (Outcome.HELD, "the base fee is above fees.max_fee_gwei")

    chain = LedgerChain()
    lane = lane_of(chain, journal_at(tmp_path))
    asyncio.run(act())
    assert chain.received == []


def test_sign__second_nonce_for_a_decision__refused(tmp_path: Path) -> None:
    journal = journal_at(tmp_path)
    signer = KeySigner(KEY)
    chain = LedgerChain()
    asyncio.run(lane_of(chain, journal, signer=signer).submit(decision("a", chain.head), chain.head))
    (pending,) = journal.pending(KEY.address)
    with pytest.raises(ValueError, match="decision a is not there, or has another nonce than 1"):
        journal.sign("a", 1, pending.newest)


def test_ledger_chain__random_bytes__decoded_as_signed() -> None:
    rng = random.Random(3)
    data = rng.randbytes(40)
    fields = {"type": 2, "chainId": 1, "nonce": 9, "to": TARGET, "data": data, "value": 0, "gas": 21_000}
    signed = KeySigner(KEY).sign({**fields, "maxFeePerGas": 8, "maxPriorityFeePerGas": 3})
    assert signed is not None
    seen = decode(signed.raw)
    assert (seen.hash, seen.sender, seen.nonce, seen.tip, seen.max_fee) == (signed.hash, KEY.address, 9, 3, 8)
    assert seen.data == data
