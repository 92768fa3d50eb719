"""A tap on a websocket between a keeper and a node on this machine: it notes when what passes, and reads none of it."""

from __future__ import annotations

import asyncio
import time

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web

from tests.faults.loopback import MAX, Loopback


class Tap(Loopback):
    """Passes messages on as they come, each way by itself."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.passed: list[float] = []
        """When each head was passed on, in seconds of the monotonic clock."""
        self.arrived: list[float] = []
        """When each raw transaction came in."""
        self._node = f"ws://127.0.0.1:{port}"

    async def handle(self, request: web.Request, session: ClientSession) -> web.WebSocketResponse:
        """As of Loopback."""
        keeper = web.WebSocketResponse(max_msg_size=MAX, compress=False)
        await keeper.prepare(request)
        async with session.ws_connect(self._node, max_msg_size=MAX, compress=0) as node:
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
