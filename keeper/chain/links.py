"""One connection to one endpoint: requests to it, and word of its heads, over HTTP.

Sockets and pipes are in `duplex`. All of it is our own thin layer because a connection that ends, cleanly or not, must
end every request that waits for it and the subscription too, at once and loudly: a keeper that is up and deaf is worse
than one that is down.
"""

from __future__ import annotations

import asyncio
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from keeper.chain import wire
from keeper.chain.types import Header, LinkError, RpcError, header_of

OnHead = Callable[[Header], None]


def name_of(url: str) -> str:
    """What may be shown of an endpoint's address: scheme and host, as keys stand between and after them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2] or parts.path}"


class Link(ABC):
    """A connection to one endpoint."""

    def __init__(self, url: str, timeout: float) -> None:
        self.url = url
        self.timeout = timeout
        self.lost: LinkError | None = None
        """Why no more heads will come from this link, or None while they may."""
        self._on_loss: Callable[[], None] = lambda: None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ids = itertools.count(1)

    async def close(self) -> None:
        """Disconnect; safe to call twice."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._disconnect()

    async def call(self, method: str, params: list[Any]) -> Any:
        """The result of one request. Raises LinkError or RpcError."""
        return wire.read(method, await self.call_raw(method, params))

    @abstractmethod
    async def call_raw(self, method: str, params: list[Any]) -> bytes:
        """The result as the JSON it came in. Raises LinkError or RpcError."""

    @abstractmethod
    async def open(self) -> None:
        """Connect. Raises LinkError or RpcError."""

    async def follow(self, on_head: OnHead, on_loss: Callable[[], None]) -> None:
        """Have `on_head` called with each new head that the endpoint tells of, and `on_loss` once when it is lost."""
        self._on_loss = on_loss
        await self._follow(on_head)

    def _lose(self, error: BaseException) -> None:
        if self.lost is None:
            self.lost = error if isinstance(error, LinkError) else LinkError(f"{name_of(self.url)}: {error!r}")
            self._on_loss()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @abstractmethod
    async def _follow(self, on_head: OnHead) -> None: ...

    @abstractmethod
    async def _disconnect(self) -> None: ...


class HttpLink(Link):
    """Requests by POST; heads by polling."""

    def __init__(self, url: str, timeout: float, poll: float) -> None:
        super().__init__(url, timeout)
        self._poll = poll
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """As of Link."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.timeout))
        await self.call("eth_chainId", [])

    async def call_raw(self, method: str, params: list[Any]) -> bytes:
        """As of Link."""
        if self._session is None or self._session.closed:
            raise LinkError(f"{name_of(self.url)}: {method}: not connected")
        body = wire.request(next(self._ids), method, params)
        try:
            async with self._session.post(self.url, data=body, headers={"Content-Type": "application/json"}) as answer:
                message = await answer.read()
                # Many nodes answer errors with a status of their own and a JSON-RPC body all the same.
                if answer.status >= 400 and not message.lstrip().startswith(b"{"):
                    raise LinkError(f"{name_of(self.url)}: {method}: HTTP {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise LinkError(f"{name_of(self.url)}: {method}: {error!r}") from error
        return wire.result_of(method, wire.answer_of(message))

    async def _follow(self, on_head: OnHead) -> None:
        self._start(self._watch(on_head))

    async def _watch(self, on_head: OnHead) -> None:
        told = ""
        while True:
            try:
                block = await self.call("eth_getBlockByNumber", ["latest", False])
                if block is None:
                    raise LinkError(f"{name_of(self.url)}: no latest block")
                head = header_of(block)
            except (LinkError, RpcError) as error:
                self._lose(error)
                return
            if head.hash != told:
                told = head.hash
                on_head(head)
            await asyncio.sleep(self._poll)

    async def _disconnect(self) -> None:
        if self._session is not None:
            await self._session.close()
