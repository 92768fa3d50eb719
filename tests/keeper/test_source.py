"""Logs that one endpoint tells are compared with another's, and where they differ the block's hash decides."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from keeper.chain import wire
from keeper.chain.receipts import header_hash, proved_logs, receipts_root
from keeper.chain.source import DifferError, Source, keys_of, listed
from keeper.chain.types import LinkError, RpcError
from tests.e2e.anvil import Anvil


class Answers:
    """An endpoint: a real block of a real chain, with something changed in what it says."""

    def __init__(self, url: str, block: dict[str, Any], receipts: Any, logs: list[dict[str, Any]]) -> None:
        self.url = self.name = url
        self.block, self.receipts, self.logs = block, receipts, logs
        self.asked: list[str] = []
        self.failing = False

    async def connected(self) -> Answers:
        return self

    async def call_raw(self, method: str, params: list[Any]) -> bytes:
        self.asked.append(method)
        if self.failing:
            raise RpcError(method, -32000, "busy")
        known = {
            "eth_getLogs": self.logs,
            "eth_getBlockByHash": self.block,
            "eth_getBlockReceipts": self.receipts,
        }
        return wire.msgspec.json.encode(known[method])

    async def call(self, method: str, params: list[Any]) -> Any:
        return wire.read(method, await self.call_raw(method, params))


class Both:
    """As much of a node as a source needs, of two endpoints of which the first is asked."""

    def __init__(self, *endpoints: Answers) -> None:
        self.endpoints = list(endpoints)
        self.liars: list[str] = []
        self.again_asked = 0

    async def ask(self, method: str, params: list[Any]) -> tuple[Answers, bytes]:
        return self.endpoints[0], await self.endpoints[0].call_raw(method, params)

    def others(self, endpoint: Answers) -> list[Answers]:
        return [other for other in self.endpoints if other is not endpoint]

    def lied(self, endpoint: Answers, what: str) -> None:
        self.liars.append(endpoint.url)

    def again(self) -> None:
        self.again_asked += 1


Made = tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]], str]


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    """A block with three transactions, two of which log; its receipts, its logs and who logged."""
    with Anvil() as node:
        (sender, *_) = node.call("eth_accounts")
        # log1(memory 0..32, topic = first word of the input)
        code = "60003560005260003560206000a100"
        length = len(code) // 2
        create = f"60{length:02x}600c60003960{length:02x}6000f3{code}"
        # Blocks are mined by hand from the first: one that the node mines may come later than its answer.
        node.hold()
        sent = node.call("eth_sendTransaction", {"from": sender, "data": "0x" + create})
        node.mine()
        logger = node.call("eth_getTransactionReceipt", sent)["contractAddress"]
        for word in (7, 8):
            node.call("eth_sendTransaction", {"from": sender, "to": logger, "data": f"0x{word:064x}", "gas": "0x20000"})
        node.call("eth_sendTransaction", {"from": sender, "to": sender, "value": "0x1", "gas": "0x5208"})
        block = node.mine()
        receipts = node.call("eth_getBlockReceipts", block["hash"])
        logs = node.call("eth_getLogs", {"blockHash": block["hash"], "address": [logger]})
        assert len(logs) == 2
        assert len(receipts) == 3
        yield node.call("eth_getBlockByHash", block["hash"], False), receipts, logs, logger


def run(source: Source, act: Callable[[], Awaitable[Any]]) -> Any:
    async def work() -> Any:
        result = await act()
        await source.settled()
        return result

    return asyncio.run(work())


def both(made: Made, change: Callable[[Answers, Answers], None]) -> tuple[Both, Source, str]:
    block, receipts, logs, logger = copy.deepcopy(made)
    node = Both(Answers("first", block, receipts, logs), Answers("second", *copy.deepcopy(made)[:3]))
    change(*node.endpoints)
    return node, Source(node, [logger], confirm=True), block["hash"]  # type: ignore[arg-type]


def test_proof__block_of_a_real_chain__is_what_its_hash_says(made: Made) -> None:
    block, receipts, logs, _ = made
    assert header_hash(block) == block["hash"]
    assert receipts_root(receipts) == block["receiptsRoot"]
    assert keys_of(proved_logs(block, receipts, block["hash"])) == keys_of(logs)


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("header", lambda block, receipts: block.update(stateRoot="0x" + "11" * 32)),
        ("header", lambda block, receipts: block.update(timestamp="0x1")),
        ("receipts", lambda block, receipts: receipts.pop()),
        ("receipts", lambda block, receipts: receipts[0]["logs"].clear()),
        ("receipts", lambda block, receipts: receipts[0]["logs"][0].update(data="0x" + "00" * 32)),
        ("not a receipt", lambda block, receipts: receipts[0].pop("logsBloom")),
        ("not a block header", lambda block, receipts: block.pop("miner")),
    ],
)
def test_proof__something_changed__is_none(made: Made, what: str, change: Any) -> None:
    block, receipts, _, _ = copy.deepcopy(made)
    change(block, receipts)
    with pytest.raises(LinkError, match=what):
        proved_logs(block, receipts, made[0]["hash"])


def test_of_block__both_say_the_same__one_more_request_and_nobody_blamed(made: Made) -> None:
    node, source, block_hash = both(made, lambda first, second: None)
    assert keys_of(listed(run(source, lambda: source.of_block(block_hash)))) == keys_of(made[2])
    assert [endpoint.asked for endpoint in node.endpoints] == [["eth_getLogs"], ["eth_getLogs"]]
    assert node.liars == []
    assert source.wrong == set()


@pytest.mark.parametrize(
    "lie",
    [
        lambda one: one.logs.pop(),
        lambda one: one.logs.clear(),
        lambda one: one.logs[0].update(data="0x" + "00" * 32),
        lambda one: one.logs.append({**one.logs[0], "logIndex": "0x9"}),
    ],
    ids=["one left out", "all left out", "changed", "made up"],
)
def test_of_block__first_one_lies__proved_blamed_and_read_again(made: Made, lie: Any) -> None:
    node, source, block_hash = both(made, lambda first, second: lie(first))
    assert keys_of(listed(run(source, lambda: source.of_block(block_hash)))) != keys_of(made[2])
    assert node.liars == ["first"]
    assert source.wrong == {block_hash}
    assert node.again_asked == 1
    assert keys_of(listed(run(source, lambda: source.of_block(block_hash)))) == keys_of(made[2])
    assert source.wrong == set()


def test_of_block__second_one_lies__blamed_and_nothing_taken_back(made: Made) -> None:
    node, source, block_hash = both(made, lambda first, second: second.logs.pop())
    assert keys_of(listed(run(source, lambda: source.of_block(block_hash)))) == keys_of(made[2])
    assert node.liars == ["second"]
    assert source.wrong == set()


def test_of_block__nobody_has_receipts__who_says_more_is_believed(made: Made) -> None:
    def change(first: Answers, second: Answers) -> None:
        first.logs.pop()
        first.receipts = second.receipts = None

    node, source, block_hash = both(made, change)
    run(source, lambda: source.of_block(block_hash))
    assert node.liars == ["first"]
    assert keys_of(listed(run(source, lambda: source.of_block(block_hash)))) == keys_of(made[2])


def test_of_block__second_one_does_not_answer__taken_as_it_is(made: Made) -> None:
    node, source, block_hash = both(made, lambda first, second: setattr(second, "failing", True))
    assert keys_of(listed(run(source, lambda: source.of_block(block_hash)))) == keys_of(made[2])
    assert node.liars == []


def test_of_range__endpoints_differ__said(made: Made) -> None:
    _, source, _ = both(made, lambda first, second: second.logs.pop())
    with pytest.raises(DifferError, match="blocks 3 to 9"):
        run(source, lambda: source.of_range(3, 9))
