from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from keeper.chain.events import topic
from keeper.chain.follow import FIRST_RANGE, LARGE, SETTLED, WALK, Apply, Follower, LostError, Undo
from keeper.chain.source import DifferError
from keeper.chain.types import Header, LinkError, RpcError

START = 5
TERMS = topic("TermsSet(uint256)")


class Forks:
    """A chain that forks: each block has a name of its own and one log with its own number, or none."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._made = 0
        self.blocks: list[dict[str, Any]] = []
        self.by_hash: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.ranges: list[int] = []
        """Blocks of each range that was answered."""
        self.padding = ""
        self.limit = 10**9
        self.too_long = 10**9
        self.wrong: set[str] = set()
        self.differing = 0
        for _ in range(START + 1):
            self.extend()

    def extend(self) -> None:
        self._made += 1
        number = len(self.blocks)
        block_hash = f"0x{self._made:064x}"
        parent = self.blocks[-1]["hash"] if self.blocks else "0x" + "00" * 32
        block = {"number": hex(number), "hash": block_hash, "parentHash": parent, "timestamp": hex(2 * number)}
        self.blocks.append(block)
        log = {
            "topics": [TERMS],
            "data": "0x" + encode(["uint256"], [self._made]).hex(),
            "blockNumber": hex(number),
            "blockHash": block_hash,
            "logIndex": "0x0",
            "transactionHash": block_hash,
        }
        self.by_hash[block_hash] = block
        block["logs"] = [log] if self._rng.random() < 0.6 else []

    def reorg(self, depth: int) -> None:
        # Not the block of the deployment itself.
        for _ in range(min(depth, len(self.blocks) - START - 1)):
            self.blocks.pop()

    def head(self) -> Header:
        last = self.blocks[-1]
        return Header(len(self.blocks) - 1, last["hash"], last["parentHash"], int(last["timestamp"], 16), 0)

    def terms(self) -> list[int]:
        """What all logs on the chain say, in order."""
        return [int(log["data"], 16) for block in self.blocks[START:] for log in block["logs"]]

    async def of_block(self, block_hash: str) -> bytes:
        self.wrong.discard(block_hash)
        return json.dumps(await self.call("eth_getLogs", [{"blockHash": block_hash}])).encode()

    async def of_range(self, first: int, last: int) -> bytes:
        if self.differing and first <= self.differing <= last:
            raise DifferError(first, last)
        where = {"fromBlock": hex(first), "toBlock": hex(last)}
        return json.dumps(await self.call("eth_getLogs", [where])).encode()

    async def call(self, method: str, params: list[Any]) -> Any:
        self.calls.append(method)
        if method == "eth_getBlockByHash":
            return self.by_hash.get(params[0])
        if method == "eth_getBlockByNumber":
            number = int(params[0], 16)
            return self.blocks[number] if number < len(self.blocks) else None
        assert method == "eth_getLogs"
        (wanted,) = params
        if "blockHash" in wanted:
            if self.by_hash[wanted["blockHash"]] not in self.blocks:
                raise RpcError(method, -32000, "unknown block")
            return self.by_hash[wanted["blockHash"]]["logs"]
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        if last - first >= self.limit:
            raise RpcError(method, -32005, "query returned more than 10000 results")
        if last - first >= self.too_long:
            raise LinkError("TimeoutError()")
        self.ranges.append(last - first + 1)
        return [{**log, "padding": self.padding} for block in self.blocks[first : last + 1] for log in block["logs"]]


class Told:
    """What a mirror would have after the steps."""

    def __init__(self, chain: Forks, history: int = 128, log_range: int = 50) -> None:
        self.follower = Follower(chain, chain, start=START, log_range=log_range, history=history)
        self.applied: list[tuple[int, list[int]]] = []

    async def follow(self, head: Header) -> None:
        async for step in self.follower.steps(head):
            if isinstance(step, Undo):
                self.applied = [entry for entry in self.applied if entry[0] <= step.number]
            else:
                assert isinstance(step, Apply)
                terms = [event[0] for event in step.logs.told.events]
                self.applied.append((step.header.number, terms))

    @property
    def terms(self) -> list[int]:
        return [term for _, terms in self.applied for term in terms]


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32))
def test_steps__heads_missed_and_reorganised__same_logs_as_the_chain(seed: int) -> None:
    async def act() -> None:
        top = 0
        for _ in range(rng.randint(5, 30)):
            top = max(top, chain.head().number)
            # However often the head falls, no block is dropped that had settled.
            depth = min(rng.randint(1, 10), SETTLED - 1 - (top - chain.head().number))
            if rng.random() < 0.3 and depth > 0:
                chain.reorg(depth)
            for _ in range(rng.choice([1, 1, 1, 2, 5, 20, 60])):
                chain.extend()
            await told.follow(chain.head())
            assert told.terms == chain.terms()
            assert told.follower.tip == (chain.head().number, chain.head().hash)

    rng = random.Random(seed)
    chain = Forks(rng)
    told = Told(chain)
    asyncio.run(act())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_steps__reorg_in_between__breaks_off_and_goes_on_with_the_next_head(seed: int) -> None:
    """A head that was told of is gone when its logs are asked for."""

    async def act() -> None:
        for _ in range(20):
            for _ in range(rng.randint(1, 4)):
                chain.extend()
            head = chain.head()
            chain.reorg(rng.randint(1, 5))
            for _ in range(rng.randint(1, 4)):
                chain.extend()
            with pytest.raises((RpcError, LinkError)):
                await told.follow(head)
            await told.follow(chain.head())
            assert told.terms == chain.terms()

    rng = random.Random(seed)
    chain = Forks(rng)
    told = Told(chain)
    asyncio.run(act())


def test_steps__next_block__one_request() -> None:
    async def act() -> None:
        await told.follow(chain.head())
        for _ in range(5):
            chain.extend()
            chain.calls.clear()
            await told.follow(chain.head())
            assert chain.calls == ["eth_getLogs"]

    chain = Forks(random.Random(1))
    told = Told(chain)
    asyncio.run(act())


def test_steps__long_gap__ranges_not_blocks() -> None:
    async def act() -> None:
        for _ in range(2_000):
            chain.extend()
        await told.follow(chain.head())
        assert told.terms == chain.terms()
        assert len(chain.calls) < 2_000 / 500 * 2 + 2 * WALK + 10

    chain = Forks(random.Random(2))
    told = Told(chain, log_range=500)
    asyncio.run(act())


@pytest.mark.parametrize("refusal", ["limit", "too_long"])
def test_steps__node_answers_small_ranges_only__asked_in_smaller_ones(refusal: str) -> None:
    """It says so; or a range too large for the time allowed, or for a message, ends the connection without a word."""

    async def act() -> None:
        for _ in range(300):
            chain.extend()
        setattr(chain, refusal, 7)
        await told.follow(chain.head())
        assert told.terms == chain.terms()

    chain = Forks(random.Random(3))
    told = Told(chain, log_range=200)
    asyncio.run(act())


def test_steps__no_range_is_answered__link_error_and_nothing_applied() -> None:
    async def act() -> None:
        for _ in range(300):
            chain.extend()
        chain.too_long = 0
        with pytest.raises(LinkError, match="TimeoutError"):
            await told.follow(chain.head())
        assert told.applied == []

    chain = Forks(random.Random(3))
    told = Told(chain, log_range=200)
    asyncio.run(act())


def test_steps__blocks_with_very_many_logs__ranges_as_large_as_an_answer_should_be() -> None:
    async def act() -> None:
        for _ in range(400):
            chain.extend()
        await told.follow(chain.head())
        assert told.terms == chain.terms()

    chain = Forks(random.Random(6))
    chain.padding = "0" * (LARGE // 8)
    told = Told(chain, log_range=200)
    asyncio.run(act())
    assert chain.ranges[0] == FIRST_RANGE, "a first look"
    assert max(chain.ranges[4:]) * LARGE // 8 <= 4 * LARGE, "then no more than a node can tell at once"
    assert min(chain.ranges[:-1]) > 2, "and not block by block either"


@pytest.mark.parametrize("blocks", [3, WALK + 20])
def test_steps__reorg_deeper_than_the_history__said_so(blocks: int) -> None:
    async def act() -> None:
        for _ in range(30):
            chain.extend()
            await told.follow(chain.head())
        chain.reorg(20)
        for _ in range(20 + blocks):
            chain.extend()
        with pytest.raises(LostError):
            await told.follow(chain.head())

    chain = Forks(random.Random(4))
    told = Told(chain, history=10)
    asyncio.run(act())


def test_steps__older_head_of_the_same_chain__nothing_to_do() -> None:
    async def act() -> None:
        await told.follow(chain.head())
        old = chain.head()
        chain.extend()
        await told.follow(chain.head())
        before = list(told.applied)
        await told.follow(old)
        assert told.applied == before

    chain = Forks(random.Random(5))
    told = Told(chain)
    asyncio.run(act())


def test_steps__logs_of_a_block_found_wrong__taken_back_and_read_again() -> None:
    async def act() -> None:
        chain = Forks(random.Random(3))
        for _ in range(6):
            chain.extend()
        told = Told(chain)
        await told.follow(chain.head())
        assert told.terms == chain.terms()
        block = next(block for block in reversed(chain.blocks[:-2]) if block["logs"])
        chain.wrong.add(block["hash"])
        right = chain.terms()
        block["logs"][0]["data"] = "0x" + encode(["uint256"], [99_999]).hex()
        steps = [step async for step in told.follower.steps(chain.head())]
        assert steps[0] == Undo(int(block["number"], 16) - 1)
        assert isinstance(steps[1], Apply)
        assert [event[0] for event in steps[1].logs.told.events] == [99_999]
        assert chain.wrong == set()
        assert told.follower.tip == (chain.head().number, chain.head().hash)
        assert right != chain.terms()

    asyncio.run(act())


def test_steps__endpoints_differ_on_a_range__read_block_by_block() -> None:
    async def act() -> None:
        chain = Forks(random.Random(4))
        for _ in range(WALK + SETTLED + 20):
            chain.extend()
        chain.differing = START + 10
        told = Told(chain)
        await told.follow(chain.head())
        assert told.terms == chain.terms()
        assert chain.calls.count("eth_getBlockByNumber") > 20

    asyncio.run(act())
