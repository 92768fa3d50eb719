"""A proxy that understands JSON-RPC and misbehaves as it is told to, over HTTP and websocket, and counts how often.

Requests go on to the node over HTTP one by one, so a websocket's answers can be delayed, changed and lost each by
itself; only subscriptions have a socket of their own to the node.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from tests.faults.loopback import MAX, Loopback

Request = dict[str, Any]
Reply = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """What happens to requests of some methods; `times` of them, or until it is taken away."""

    name: str
    methods: tuple[str, ...] = ()
    """Empty: all of them."""
    times: int = 10**9
    delay: float = 0.0
    error: str = ""
    """Answered with this error, the node never asked."""
    change: Callable[[Request, Reply], Reply | None] | None = None
    """The answer changed; None: there is none."""
    before: Callable[[Request], Reply | None] | None = None
    """Answered by this without the node being asked, unless None."""


class FaultProxy(Loopback):
    """Between a keeper and a node on this machine."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.struck: Counter[str] = Counter()
        """How often each fault has happened."""
        self.asked: Counter[str] = Counter()
        """Requests by method."""
        self.sent: list[str] = []
        """Raw transactions that a keeper handed in."""
        self.deaf = False
        self.doubled = False
        """Each head is told twice, and the one before it once more."""
        self.lag = 0
        """Blocks by which all that is told and answered is late."""
        self._down = False
        self._upstream = f"127.0.0.1:{port}"
        self._faults: dict[str, Fault] = {}
        self._left: Counter[str] = Counter()
        self._held: deque[str] = deque()
        self._told: deque[str] = deque(maxlen=2)
        self._guard = threading.RLock()
        self._sockets: set[web.WebSocketResponse] = set()

    # What is done to the keeper

    def add(self, fault: Fault) -> None:
        with self._guard:
            self._faults[fault.name] = fault
            self._left[fault.name] = fault.times

    def clear(self) -> None:
        """No more faults; the counts stay."""
        with self._guard:
            self._faults.clear()
            self._down = self.deaf = self.doubled = False
            self.lag = 0

    def cut(self, *, clean: bool) -> None:
        """End every connection: by saying so, or as when a cable is pulled."""

        async def end() -> None:
            self.struck["cut"] += len(self._transports if not clean else self._sockets)
            if clean:
                for socket in list(self._sockets):
                    await socket.close()
            else:
                for transport in list(self._transports):
                    transport.abort()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)

    def down(self) -> None:
        """Refuse everything from now on, and end what is open."""
        self._down = True
        self.cut(clean=False)

    # The way of a message

    def _fault_of(self, request: Request, *, answered: bool) -> Fault | None:
        """The first fault that concerns a request, counted."""
        with self._guard:
            for fault in self._faults.values():
                if fault.methods and request["method"] not in fault.methods:
                    continue
                if (fault.change is not None) is not answered or self._left[fault.name] <= 0:
                    continue
                return fault
        return None

    def _strike(self, fault: Fault) -> None:
        with self._guard:
            self.struck[fault.name] += 1
            self._left[fault.name] -= 1

    async def _answer(self, request: Request, session: aiohttp.ClientSession) -> Reply | None:
        with self._guard:
            self.asked[request["method"]] += 1
            if request["method"] == "eth_sendRawTransaction":
                self.sent.append(request["params"][0])
        fault = self._fault_of(request, answered=False)
        if fault is not None:
            if fault.delay:
                self._strike(fault)
                await asyncio.sleep(fault.delay)
            elif fault.error:
                self._strike(fault)
                return self._reply(request, error={"code": -32000, "message": fault.error})
            elif fault.before is not None and (reply := fault.before(request)) is not None:
                self._strike(fault)
                return {"jsonrpc": "2.0", "id": request["id"], **reply}
        asked = await self._behind(request, session) if self.lag else request
        if asked is None:
            return self._reply(request, error={"code": -32000, "message": "unknown block"})
        reply = await self._forward(asked, session)
        fault = self._fault_of(request, answered=True)
        if fault is not None:
            assert fault.change is not None
            changed = fault.change(request, json.loads(json.dumps(reply)))
            if changed != reply:
                self._strike(fault)
                return changed
        return reply

    @staticmethod
    def _reply(request: Request, **what: Any) -> Reply:
        return {"jsonrpc": "2.0", "id": request["id"], **what}

    async def _forward(self, request: Request, session: aiohttp.ClientSession) -> Reply:
        async with session.post(f"http://{self._upstream}", json=request) as answer:
            reply: Reply = await answer.json(content_type=None)
        return reply

    async def _behind(self, request: Request, session: aiohttp.ClientSession) -> Request | None:
        """The request as a node would take it that is some blocks late; None for what it has not seen yet."""
        self.struck["lag"] += 1
        head = await self._forward({"jsonrpc": "2.0", "id": 0, "method": "eth_blockNumber", "params": []}, session)
        newest = max(0, int(head["result"], 16) - self.lag)
        method, params = request["method"], list(request["params"])
        if method in ("eth_call", "eth_getTransactionCount", "eth_getBlockByNumber", "eth_getBalance"):
            place = 0 if method == "eth_getBlockByNumber" else 1
            if params[place] == "latest":
                params[place] = hex(newest)
            return {**request, "params": params}
        by_hash = params[0].get("blockHash") if method == "eth_getLogs" else None
        if method in ("eth_getBlockByHash", "eth_getBlockReceipts"):
            by_hash = params[0]
        if by_hash is not None:
            probe = {"jsonrpc": "2.0", "id": 0, "method": "eth_getBlockByHash", "params": [by_hash, False]}
            block = (await self._forward(probe, session)).get("result")
            if block is None or int(block["number"], 16) > newest:
                return None
        return request

    def _heads(self, message: str) -> list[str]:
        """A notification as a keeper gets to hear of it: once, twice, late or not at all."""
        if self.deaf:
            self.struck["deaf"] += 1
            return []
        if self.lag:
            self._held.append(message)
            return [self._held.popleft()] if len(self._held) > self.lag else []
        late = [*self._held]
        self._held.clear()
        self._told.append(message)
        if self.doubled:
            self.struck["doubled"] += 1
            return [*late, message, message, self._told[0]]
        return [*late, message]

    # Transport

    async def handle(self, request: web.Request, session: aiohttp.ClientSession) -> web.StreamResponse:
        """As of Loopback."""
        transport = request.transport
        assert transport is not None
        if self._down:
            self.struck["down"] += 1
            transport.abort()
            return web.Response(status=503)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._relay(request, session)
        self._transports.add(transport)
        try:
            reply = await self._answer(await request.json(), session)
        finally:
            self._transports.discard(transport)
        if reply is None:
            transport.abort()
            return web.Response(status=503)
        if isinstance(reply.get("raw"), str):
            return web.Response(text=reply["raw"], content_type="application/json")
        return web.json_response(reply)

    async def _relay(self, request: web.Request, session: aiohttp.ClientSession) -> web.StreamResponse:
        below = web.WebSocketResponse(max_msg_size=MAX, compress=False)
        await below.prepare(request)
        self._sockets.add(below)
        self._transports.add(request.transport)
        tasks: set[asyncio.Task[None]] = set()
        try:
            async with session.ws_connect(f"ws://{self._upstream}", max_msg_size=MAX) as above:
                tasks.add(asyncio.create_task(self._pass_down(above, below)))
                async for message in below:
                    asked = json.loads(message.data)
                    if asked["method"] == "eth_subscribe":
                        await above.send_str(message.data)
                        continue
                    task = asyncio.create_task(self._one(asked, below, session))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
        finally:
            for task in list(tasks):
                task.cancel()
            self._sockets.discard(below)
            self._transports.discard(request.transport)
        return below

    async def _one(self, asked: Request, below: web.WebSocketResponse, session: aiohttp.ClientSession) -> None:
        reply = await self._answer(asked, session)
        if reply is not None and not below.closed:
            # It may be cut in between.
            with suppress(ConnectionResetError):
                await below.send_str(reply["raw"] if isinstance(reply.get("raw"), str) else json.dumps(reply))

    async def _pass_down(self, above: Any, below: web.WebSocketResponse) -> None:
        async for message in above:
            notified = json.loads(message.data).get("method") == "eth_subscription"
            for told in self._heads(message.data) if notified else [message.data]:
                if not below.closed:
                    with suppress(ConnectionResetError):
                        await below.send_str(told)
