"""A server on a free loopback port, in a thread of its own: what stands between a keeper and a node."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from typing import Any, Self

import aiohttp
from aiohttp import web

MAX = 2**28
"""Bytes of a message."""


class Loopback(ABC):
    """Serves while it is entered; `handle` is run in its own thread."""

    def __init__(self) -> None:
        self.port = 0
        # Connections that are cut at the end, as when a cable is pulled.
        self._transports: set[Any] = set()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()))

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        self._loop.close()

    @abstractmethod
    async def handle(self, request: web.Request, session: aiohttp.ClientSession) -> web.StreamResponse:
        """Answer a request, with a session for what has to be asked for."""
        ...

    async def _serve(self) -> None:
        async with aiohttp.ClientSession() as session:
            app = web.Application(client_max_size=MAX)

            async def handle(request: web.Request) -> web.StreamResponse:
                return await self.handle(request, session)

            app.add_routes([web.route("*", "/", handle)])
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.port = runner.addresses[0][1]
            self._ready.set()
            await self._stop.wait()
            for transport in list(self._transports):
                transport.abort()
            await runner.cleanup()
