"""A proxy that counts JSON-RPC requests, over HTTP and websocket, on a free loopback port in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from typing import Any, Self

import aiohttp
from aiohttp import web


class CountingProxy:
    """Passes everything on to a node; `cut()` closes every open socket, cleanly; `refuse()` answers with errors."""

    def __init__(self, port: int) -> None:
        self._upstream = f"http://127.0.0.1:{port}"
        self._counts: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        self._newest = ""
        self._guard = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._sockets: set[web.WebSocketResponse] = set()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()))
        self.port = 0

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the proxy did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    def take(self) -> Counter[str]:
        """Requests by method since the last time; those by HTTP for the newest block only if there was a new one."""
        with self._guard:
            counts, self._counts = self._counts, Counter()
        return counts

    def cut(self) -> None:
        async def close() -> None:
            for socket in list(self._sockets):
                await socket.close()

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(10)

    def refuse(self, method: str, times: int) -> None:
        """The next requests of this method get an error; HTTP only."""
        with self._guard:
            self._refusals[method] = times

    def _refusal(self, body: bytes) -> dict[str, Any] | None:
        request = json.loads(body)
        with self._guard:
            if self._refusals[request["method"]] <= 0:
                return None
            self._refusals[request["method"]] -= 1
        error = {"code": -32000, "message": "header not found"}
        return {"jsonrpc": "2.0", "id": request["id"], "error": error}

    def _is_idle_poll(self, body: bytes, answer: bytes) -> bool:
        """Whether the newest block was asked for and is still the one that was told the last time."""
        request = json.loads(body)
        if request["method"] != "eth_getBlockByNumber" or request["params"][0] != "latest":
            return False
        newest = json.loads(answer)["result"]["hash"]
        idle, self._newest = newest == self._newest, newest
        return idle

    def _count(self, body: str | bytes) -> None:
        read = json.loads(body)
        with self._guard:
            self._counts.update(request["method"] for request in (read if isinstance(read, list) else [read]))

    async def _serve(self) -> None:
        async with aiohttp.ClientSession() as session:
            app = web.Application(client_max_size=2**28)

            async def handle(request: web.Request) -> web.StreamResponse:
                return await self._handle(request, session)

            app.add_routes([web.route("*", "/", handle)])
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.port = runner.addresses[0][1]
            self._ready.set()
            await self._stop.wait()
            await runner.cleanup()

    async def _handle(self, request: web.Request, session: aiohttp.ClientSession) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._relay(request, session)
        body = await request.read()
        refusal = self._refusal(body)
        if refusal is not None:
            self._count(body)
            return web.json_response(refusal)
        async with session.post(self._upstream, data=body, headers={"Content-Type": "application/json"}) as answer:
            text = await answer.read()
        if not self._is_idle_poll(body, text):
            self._count(body)
        return web.Response(body=text, content_type="application/json")

    async def _relay(self, request: web.Request, session: aiohttp.ClientSession) -> web.StreamResponse:
        below = web.WebSocketResponse(max_msg_size=2**28)
        await below.prepare(request)
        self._sockets.add(below)
        async with session.ws_connect(self._upstream, max_msg_size=2**28) as above:
            down = asyncio.create_task(self._pass_down(above, below))
            async for message in below:
                self._count(message.data)
                await above.send_str(message.data if isinstance(message.data, str) else message.data.decode())
            down.cancel()
        self._sockets.discard(below)
        return below

    @staticmethod
    async def _pass_down(above: Any, below: web.WebSocketResponse) -> None:
        async for message in above:
            await below.send_str(message.data)
