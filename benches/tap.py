"""A tap on a websocket between a keeper and a node on this machine: it notes when what passes, and reads none of it."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Self

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web

MAX = 2**28
"""Bytes of a message."""


class Tap:
    """Passes messages on as they come, each way by itself."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self.passed: list[float] = []
        """When each head was passed on, in seconds of the monotonic clock."""
        self.arrived: list[float] = []
        """When each raw transaction came in."""
        self._node = f"ws://127.0.0.1:{port}"
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()))

    @property
    def socket(self) -> str:
        """Where a keeper connects to."""
        return f"ws://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the tap did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        self._loop.close()

    async def _serve(self) -> None:
        application = web.Application()
        application.router.add_get("/", self._keeper)
        runner = web.AppRunner(application, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _keeper(self, request: web.Request) -> web.WebSocketResponse:
        keeper = web.WebSocketResponse(max_msg_size=MAX, compress=False)
        await keeper.prepare(request)
        async with ClientSession() as session, session.ws_connect(self._node, max_msg_size=MAX, compress=0) as node:
            back = asyncio.create_task(self._back(node, keeper))
            async for message in keeper:
                if message.type is WSMsgType.TEXT:
                    if "eth_sendRawTransaction" in message.data:
                        self.arrived.append(time.monotonic())
                    await node.send_str(message.data)
            back.cancel()
        return keeper

    async def _back(self, node: ClientWebSocketResponse, keeper: web.WebSocketResponse) -> None:
        async for message in node:
            if message.type is WSMsgType.TEXT:
                if "eth_subscription" in message.data[:256]:
                    self.passed.append(time.monotonic())
                await keeper.send_str(message.data)
