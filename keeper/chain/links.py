"""One endpoint: requests to it, and word of its heads, over HTTP or a websocket.

The socket is our own thin layer over `websockets` because a socket that closes, cleanly or not, must end every request
that waits for it and the subscription too, at once and loudly: a keeper that is up and deaf is worse than one that is
down.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import aiohttp
from web3 import AsyncHTTPProvider
from web3.types import RPCEndpoint
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from keeper.chain.types import Header, LinkError, RpcError, header_of

OnHead = Callable[[Header], None]
MAX_MESSAGE = 256 * 2**20
"""Bytes of one answer: a range of logs at start-up may be large."""


def _result(method: str, answer: Any) -> Any:
    if not isinstance(answer, dict):
        raise LinkError(f"{method}: the answer is no JSON-RPC object")
    error = answer.get("error")
    if error is None:
        return answer.get("result")
    if not isinstance(error, dict):
        raise RpcError(method, 0, str(error))
    raise RpcError(method, int(error.get("code", 0)), str(error.get("message", "")), error.get("data"))


class Link(ABC):
    """A connection to one endpoint."""

    def __init__(self, url: str, timeout: float) -> None:
        self.url = url
        self.timeout = timeout
        self.lost: LinkError | None = None
        """Why no more heads will come from this link, or None while they may."""
        self._on_loss: Callable[[], None] = lambda: None
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Disconnect; safe to call twice."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._disconnect()

    def _lose(self, error: BaseException) -> None:
        if self.lost is None:
            self.lost = error if isinstance(error, LinkError) else LinkError(f"{self.url}: {error!r}")
            self._on_loss()

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @abstractmethod
    async def call(self, method: str, params: list[Any]) -> Any:
        """The result of one request. Raises LinkError or RpcError."""

    @abstractmethod
    async def open(self) -> None:
        """Connect. Raises LinkError or RpcError."""

    async def follow(self, on_head: OnHead, on_loss: Callable[[], None]) -> None:
        """Have `on_head` called with each new head that the endpoint tells of, and `on_loss` once when it is lost."""
        self._on_loss = on_loss
        await self._follow(on_head)

    @abstractmethod
    async def _follow(self, on_head: OnHead) -> None: ...

    @abstractmethod
    async def _disconnect(self) -> None: ...


class HttpLink(Link):
    """Requests by POST; heads by polling."""

    def __init__(self, url: str, timeout: float, poll: float) -> None:
        super().__init__(url, timeout)
        self._poll = poll
        self._provider = AsyncHTTPProvider(
            url,
            request_kwargs={"timeout": aiohttp.ClientTimeout(total=timeout)},
            exception_retry_configuration=None,
        )

    async def call(self, method: str, params: list[Any]) -> Any:
        """As of Link."""
        try:
            answer = await self._provider.make_request(RPCEndpoint(method), params)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise LinkError(f"{self.url}: {method}: {error!r}") from error
        return _result(method, answer)

    async def _follow(self, on_head: OnHead) -> None:
        self._start(self._watch(on_head))

    async def _watch(self, on_head: OnHead) -> None:
        told = ""
        while True:
            try:
                block = await self.call("eth_getBlockByNumber", ["latest", False])
                if block is None:
                    raise LinkError(f"{self.url}: no latest block")
                head = header_of(block)
            except (LinkError, RpcError) as error:
                self._lose(error)
                return
            if head.hash != told:
                told = head.hash
                on_head(head)
            await asyncio.sleep(self._poll)

    async def open(self) -> None:
        """As of Link."""
        await self.call("eth_chainId", [])

    async def _disconnect(self) -> None:
        await self._provider.disconnect()


class SocketLink(Link):
    """Requests and the subscription to heads over one websocket."""

    def __init__(self, url: str, timeout: float) -> None:
        super().__init__(url, timeout)
        self._socket: ClientConnection | None = None
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._on_head: OnHead | None = None

    async def call(self, method: str, params: list[Any]) -> Any:
        """As of Link."""
        if self._socket is None or self.lost is not None:
            raise LinkError(f"{self.url}: {method}: the socket is closed")
        number = next(self._ids)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        request = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        try:
            async with asyncio.timeout(self.timeout):
                await self._socket.send(request)
                answer = await future
        except (WebSocketException, TimeoutError, OSError) as error:
            raise LinkError(f"{self.url}: {method}: {error!r}") from error
        finally:
            self._waiting.pop(number, None)
        return _result(method, answer)

    async def _follow(self, on_head: OnHead) -> None:
        self._on_head = on_head
        await self.call("eth_subscribe", ["newHeads"])

    async def open(self) -> None:
        """As of Link."""
        try:
            self._socket = await connect(
                self.url, max_size=MAX_MESSAGE, open_timeout=self.timeout, ping_interval=20, ping_timeout=20
            )
        except (WebSocketException, TimeoutError, OSError) as error:
            raise LinkError(f"{self.url}: {error!r}") from error
        self._start(self._listen(self._socket))

    async def _disconnect(self) -> None:
        if self._socket is not None:
            await self._socket.close()

    async def _listen(self, socket: ClientConnection) -> None:
        error: BaseException = LinkError(f"{self.url}: the socket was closed")
        try:
            async for message in socket:
                self._receive(message)
        except (WebSocketException, OSError, ValueError, LinkError) as raised:
            error = raised
        finally:
            # However it ended: whoever waits learns of it now, not when a timeout has passed.
            self._lose(error)
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(LinkError(f"{self.url}: the socket was closed"))

    def _receive(self, message: str | bytes) -> None:
        answer = json.loads(message)
        future = self._waiting.get(answer.get("id", 0))
        if future is not None:
            if not future.done():
                future.set_result(answer)
        elif answer.get("method") == "eth_subscription" and self._on_head is not None:
            self._on_head(header_of(answer["params"]["result"]))


def link_to(url: str, timeout: float, poll: float) -> Link:
    """The link that fits the address."""
    if url.startswith(("ws://", "wss://")):
        return SocketLink(url, timeout)
    return HttpLink(url, timeout, poll)
