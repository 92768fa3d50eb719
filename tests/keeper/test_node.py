from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from keeper.chain import wire
from keeper.chain.node import Node
from keeper.chain.types import Header, LinkError, RpcError


class Endpoint:
    """A websocket endpoint of its own on a free loopback port, with the ways in which real ones fail."""

    def __init__(self) -> None:
        self.number = 0
        self.connections: list[ServerConnection] = []
        self.subscribed = asyncio.Event()
        self.sent = asyncio.Event()
        self.deaf = False
        self.silent: set[str] = set()
        self.refusing: set[str] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def header(self) -> dict[str, str]:
        number = hex(self.number)
        return {"number": number, "hash": f"0x{self.number:064x}", "parentHash": "0x0", "timestamp": number}

    async def extend(self) -> None:
        """A new head, told to whoever subscribed unless the endpoint is deaf."""
        self.number += 1
        message = {"jsonrpc": "2.0", "method": "eth_subscription", "params": {"subscription": "0x1"}}
        message["params"]["result"] = self.header()
        if not self.deaf:
            for connection in self.connections:
                await connection.send(json.dumps(message))

    async def handle(self, connection: ServerConnection) -> None:
        async for text in connection:
            request = json.loads(text)
            method = request["method"]
            if method == "eth_sendRawTransaction":
                self.sent.set()
            if method in self.silent:
                continue
            if method == "eth_subscribe":
                self.connections.append(connection)
                self.subscribed.set()
            error = {"code": -32601, "message": "no such method"}
            known = {"eth_subscribe": "0x1", "eth_chainId": "0x1", "eth_getBlockByNumber": self.header()}
            answer = {"result": known[method]} if method in known and method not in self.refusing else {"error": error}
            await connection.send(json.dumps({"jsonrpc": "2.0", "id": request["id"], **answer}))

    async def close_sockets(self) -> None:
        for connection in self.connections:
            await connection.close()
        self.connections.clear()


@asynccontextmanager
async def endpoints(count: int) -> AsyncIterator[list[Endpoint]]:
    made = [Endpoint() for _ in range(count)]
    servers = []
    try:
        for endpoint in made:
            server = await serve(endpoint.handle, "127.0.0.1", 0)
            endpoint.port = next(iter(server.sockets)).getsockname()[1]
            servers.append(server)
        yield made
    finally:
        for server in servers:
            server.close()
            await server.wait_closed()


def run(count: int, act: Callable[[Node, list[Endpoint]], Coroutine[Any, Any, None]], deaf: float = 5.0) -> None:
    async def work() -> None:
        async with endpoints(count) as made:
            node = Node([e.url for e in made], timeout=0.3, poll=0.01, deaf=deaf, attempts=3)
            await node.connect()
            await node.latest()
            await node.follow()
            try:
                await act(node, made)
            finally:
                await node.close()

    asyncio.run(asyncio.wait_for(work(), 30))


async def head(node: Node) -> int:
    found = await node.next_head()
    assert isinstance(found, Header)
    return found.number


def test_next_head__several_since__only_the_newest() -> None:
    async def act(node: Node, made: list[Endpoint]) -> None:
        for _ in range(5):
            await made[0].extend()
        while await head(node) != 5:
            continue

    run(1, act)


def test_next_head__socket_closed_cleanly__next_endpoint_is_heard() -> None:
    async def act(node: Node, made: list[Endpoint]) -> None:
        await made[0].extend()
        assert await head(node) == 1
        await made[0].close_sockets()
        waiting = asyncio.create_task(head(node))
        await made[1].subscribed.wait()
        made[1].number = 7
        await made[1].extend()
        assert await waiting == 8
        assert node.url == made[1].url

    run(2, act)


def test_next_head__only_endpoint_closes_its_socket__connected_anew() -> None:
    async def act(node: Node, made: list[Endpoint]) -> None:
        await made[0].close_sockets()
        made[0].subscribed.clear()
        waiting = asyncio.create_task(head(node))
        await made[0].subscribed.wait()
        await made[0].extend()
        assert await waiting == 1

    run(1, act)


def test_next_head__came_while_the_socket_was_made_anew__heard_at_once() -> None:
    """Whoever subscribes is told of what comes after; it is another block's time until then, or all of `deaf`."""

    async def act(node: Node, made: list[Endpoint]) -> None:
        await made[0].extend()
        assert await head(node) == 1
        made[0].subscribed.clear()
        await made[0].close_sockets()
        await made[0].extend()
        assert await asyncio.wait_for(head(node), 3) == 2
        assert node.deaf == 0

    run(1, act, deaf=20.0)


def test_next_head__endpoint_tells_heads_but_refuses_to_be_asked__kept_and_heard() -> None:
    async def act(node: Node, made: list[Endpoint]) -> None:
        made[0].refusing.add("eth_getBlockByNumber")
        await made[0].close_sockets()
        made[0].subscribed.clear()
        await made[0].subscribed.wait()
        for number in range(1, 8):
            await made[0].extend()
            assert await head(node) == number
        assert len(made[0].connections) == 1, "it was connected anew"

    run(1, act, deaf=20.0)


def test_next_head__told_again_and_after_the_one_before__only_the_newest_once() -> None:
    async def act(node: Node, made: list[Endpoint]) -> None:
        await made[0].extend()
        assert await head(node) == 1
        for number in (2, 2, 1):
            made[0].number = number - 1
            await made[0].extend()
        made[0].number = 2
        assert await head(node) == 2
        made[0].number = 1
        await made[0].extend()
        await made[0].extend()
        assert await head(node) == 3

    run(1, act, deaf=20.0)


def test_next_head__subscription_went_deaf__asked_and_left() -> None:
    async def act(node: Node, made: list[Endpoint]) -> None:
        await made[0].extend()
        assert await head(node) == 1
        made[0].deaf = True
        made[0].subscribed.clear()
        await made[0].extend()
        assert await head(node) == 2
        await made[0].subscribed.wait()
        assert len(made[0].connections) == 2, "the deaf subscription was not replaced"

    run(1, act, deaf=0.2)


def test_next_head__quiet_chain__no_head_and_no_new_connection() -> None:
    async def act(node: Node, made: list[Endpoint]) -> None:
        await made[0].extend()
        assert await head(node) == 1
        assert await node.next_head() is None
        assert await node.next_head() is None
        assert len(made[0].connections) == 1

    run(1, act, deaf=0.2)


def test_next_head__last_one_not_dealt_with__asked_for_at_once() -> None:
    """On a quiet chain nobody would tell of it again."""

    async def act(node: Node, made: list[Endpoint]) -> None:
        await made[0].extend()
        assert await head(node) == 1
        node.again()
        assert await head(node) == 1
        made[0].deaf = True
        await made[0].extend()
        node.again()
        assert await head(node) == 2

    run(1, act)


def test_call__no_answer_in_time__next_endpoint_asked() -> None:
    async def act(node: Node, made: list[Endpoint]) -> None:
        made[0].silent.add("eth_chainId")
        assert await node.call("eth_chainId", []) == "0x1"
        assert node.url == made[1].url

    run(2, act)


def test_call__no_endpoint_answers__raises_after_the_tries() -> None:
    async def act(node: Node, made: list[Endpoint]) -> None:
        for endpoint in made:
            endpoint.silent.add("eth_chainId")
        with pytest.raises(LinkError, match="eth_chainId: TimeoutError"):
            await node.call("eth_chainId", [])

    run(2, act)


def test_call__socket_closed_while_it_waits__told_at_once_not_after_the_timeout() -> None:
    async def act(node: Node, made: list[Endpoint]) -> None:
        made[0].silent.add("eth_chainId")
        waiting = asyncio.create_task(node.call("eth_chainId", []))
        await asyncio.sleep(0.05)
        started = asyncio.get_running_loop().time()
        await made[0].close_sockets()
        assert await waiting == "0x1"
        assert asyncio.get_running_loop().time() - started < 0.25

    run(2, act)


def test_call__node_refuses__raised_and_not_tried_elsewhere() -> None:
    async def act(node: Node, made: list[Endpoint]) -> None:
        with pytest.raises(RpcError, match=r"eth_nothing: no such method \(-32601\)"):
            await node.call("eth_nothing", [])
        assert node.url == made[0].url

    run(2, act)


def test_every__one_does_not_answer__what_the_others_say() -> None:
    async def act(node: Node, made: list[Endpoint]) -> None:
        await asyncio.gather(*(endpoint.subscribed.wait() for endpoint in made))
        made[0].number, made[1].number = 5, 7
        made[2].silent.add("eth_getBlockByNumber")
        told = await node.every("eth_getBlockByNumber", ["latest", False])
        assert sorted(header["number"] for header in told) == ["0x5", "0x7"]
        for endpoint in made:
            endpoint.silent.add("eth_getBlockByNumber")
        with pytest.raises(LinkError, match="eth_getBlockByNumber: no endpoint answered"):
            await node.every("eth_getBlockByNumber", ["latest", False])

    run(3, act)


def test_spread__first_one_answers_and_another_does_not__all_were_told() -> None:
    """One that takes transactions and passes nothing on would otherwise keep all of them."""

    async def act(node: Node, made: list[Endpoint]) -> None:
        await asyncio.gather(*(endpoint.subscribed.wait() for endpoint in made))
        made[2].silent.add("eth_sendRawTransaction")
        with pytest.raises(RpcError, match="no such method"):
            await node.spread("eth_sendRawTransaction", ["0x02"])
        await asyncio.gather(*(endpoint.sent.wait() for endpoint in made))

    run(3, act)


def test_every__one_lied_lately__is_not_asked() -> None:
    async def act(node: Node, made: list[Endpoint]) -> None:
        await asyncio.gather(*(endpoint.subscribed.wait() for endpoint in made))
        made[0].number, made[1].number = 5, 7
        node.lied(node.endpoints[0], "a log")
        (told,) = await node.every("eth_getBlockByNumber", ["latest", False])
        assert told["number"] == "0x7"

    run(2, act)


def test_lags__one_behind_and_one_gone__told_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(node: Node, made: list[Endpoint]) -> None:
        await asyncio.gather(*(endpoint.subscribed.wait() for endpoint in made))
        await made[0].extend()
        assert await head(node) == 1
        for number in range(1, 5):
            await made[1].extend()
            assert number == 1 or await head(node) == number
        assert list(node.lags().values())[:2] == [3, 0]
        assert node.silent() == []
        monkeypatch.setattr("keeper.chain.node.SILENT", -1.0)
        await node.endpoints[2].close()
        assert node.silent() == [f"2 {node.endpoints[2].name}"]
        assert list(node.lags()) == [f"{place} {node.endpoints[place].name}" for place in (0, 1)]

    run(3, act)


def test_connect__nobody_there__all_failures_told() -> None:
    async def work() -> None:
        node = Node(["ws://127.0.0.1:1", "http://127.0.0.1:1"], timeout=0.3, poll=0.1, deaf=1, attempts=1)
        with pytest.raises(LinkError, match=r"ws://127\.0\.0\.1:1: .*; http://127\.0\.0\.1:1: "):
            await node.connect()

    asyncio.run(work())


def test_result_of__neither_result_nor_error__not_taken_for_null() -> None:
    """As a gateway answers that counts requests; a transaction that it did not pass on would count as sent."""
    with pytest.raises(LinkError, match="eth_call: the answer has neither a result nor an error"):
        wire.result_of("eth_call", wire.answer_of(b'{"message": "Too Many Requests"}'))
    assert wire.result_of("eth_call", wire.answer_of(b'{"id": 1, "result": null}')) == b"null"
