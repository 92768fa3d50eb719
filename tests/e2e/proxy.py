"""A proxy that counts JSON-RPC requests, over HTTP and websocket."""

from __future__ import annotations

import json
from collections import Counter

import aiohttp

from tests.faults.proxy import Fault, FaultProxy, Reply, Request


class CountingProxy(FaultProxy):
    """Passes everything on to a node, and counts; `refuse()` has it answer with errors."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._newest = ""
        self._idle = 0

    def take(self) -> Counter[str]:
        """Requests by method since the last time; those for the newest block only where it was a new one, as by HTTP
        that is how heads are heard of.
        """
        with self._guard:
            counts = Counter(self.asked)
            counts["eth_getBlockByNumber"] -= self._idle
            self.asked.clear()
            self._idle = 0
        return +counts

    def refuse(self, method: str, times: int) -> None:
        """The next requests of this method get an error."""
        self.add(Fault("refused", (method,), times, error="header not found"))

    async def _forward(self, request: Request, session: aiohttp.ClientSession) -> Reply:
        reply = await super()._forward(request, session)
        if request["method"] == "eth_getBlockByNumber" and request["params"][0] == "latest":
            block = json.dumps(reply.get("result"))
            with self._guard:
                self._idle += self._newest == block
                self._newest = block
        return reply
