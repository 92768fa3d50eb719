"""Links on which both sides speak: a websocket, and the pipe of a node on this machine."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from keeper.chain import wire
from keeper.chain.links import HttpLink, Link, OnHead, name_of
from keeper.chain.types import LinkError, header_of

MAX_MESSAGE = 256 * 2**20
"""Bytes of one answer: a range of logs at start-up may be large."""
CHUNK = 2**20


class DuplexLink(Link):
    """Requests and the subscription to heads over one connection; answers come in any order."""

    def __init__(self, url: str, timeout: float) -> None:
        super().__init__(url, timeout)
        self._waiting: dict[int, asyncio.Future[wire.Answer]] = {}
        self._on_head: OnHead | None = None
        self._connected = False

    async def open(self) -> None:
        """As of Link."""
        try:
            async with asyncio.timeout(self.timeout):
                await self._connect()
        except (WebSocketException, TimeoutError, OSError) as error:
            raise LinkError(f"{name_of(self.url)}: {error!r}") from error
        self._connected = True
        self._start(self._listen())

    async def call_raw(self, method: str, params: list[Any]) -> bytes:
        """As of Link."""
        if not self._connected or self.lost is not None:
            raise LinkError(f"{name_of(self.url)}: {method}: the connection is closed")
        number = next(self._ids)
        future: asyncio.Future[wire.Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            async with asyncio.timeout(self.timeout):
                await self._send(wire.request(number, method, params))
                answer = await future
        except (WebSocketException, TimeoutError, OSError) as error:
            raise LinkError(f"{name_of(self.url)}: {method}: {error!r}") from error
        finally:
            self._waiting.pop(number, None)
        return wire.result_of(method, answer)

    async def _follow(self, on_head: OnHead) -> None:
        self._on_head = on_head
        await self.call("eth_subscribe", ["newHeads"])

    async def _listen(self) -> None:
        error: BaseException = LinkError(f"{name_of(self.url)}: the connection was closed")
        try:
            async for message in self._messages():
                self._receive(message)
        except (WebSocketException, OSError, ValueError, LinkError) as raised:
            error = raised
        finally:
            # However it ended: whoever waits learns of it now, not when a timeout has passed.
            self._lose(error)
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(LinkError(f"{name_of(self.url)}: the connection was closed"))

    def _receive(self, message: str | bytes) -> None:
        answer = wire.answer_of(message)
        future = self._waiting.get(answer.id) if answer.id is not None else None
        if future is not None:
            if not future.done():
                future.set_result(answer)
        elif answer.method == "eth_subscription" and self._on_head is not None:
            self._on_head(header_of(wire.told(answer)))

    @abstractmethod
    async def _connect(self) -> None: ...

    @abstractmethod
    async def _send(self, message: bytes) -> None: ...

    @abstractmethod
    def _messages(self) -> AsyncIterator[str | bytes]: ...


class SocketLink(DuplexLink):
    """A websocket."""

    _socket: ClientConnection | None = None

    async def _connect(self) -> None:
        self._socket = await connect(
            self.url,
            max_size=MAX_MESSAGE,
            open_timeout=self.timeout,
            ping_interval=20,
            ping_timeout=20,
            # Packing and unpacking take longer than the line saves.
            compression=None,
        )

    async def _send(self, message: bytes) -> None:
        assert self._socket is not None
        # Nodes expect text.
        await self._socket.send(message.decode())

    async def _messages(self) -> AsyncIterator[str | bytes]:
        assert self._socket is not None
        async for message in self._socket:
            yield message

    async def _disconnect(self) -> None:
        if self._socket is not None:
            await self._socket.close()


class PipeLink(DuplexLink):
    """A node's IPC file (a Unix socket): `ipc:///path/to/node.ipc`. Messages are JSON objects, one after the other."""

    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def _connect(self) -> None:
        self._reader, self._writer = await asyncio.open_unix_connection(self.url.removeprefix("ipc://"))

    async def _send(self, message: bytes) -> None:
        assert self._writer is not None
        self._writer.write(message + b"\n")
        await self._writer.drain()

    async def _messages(self) -> AsyncIterator[str | bytes]:
        assert self._reader is not None
        parts = Objects()
        while chunk := await self._reader.read(CHUNK):
            for message in parts.feed(chunk):
                yield message

    async def _disconnect(self) -> None:
        if self._writer is not None:
            self._writer.close()
            try:
                await self._writer.wait_closed()
            except OSError:
                return


class Objects:
    """JSON objects out of a stream in which nothing, or white space, stands between them."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0
        self._depth = 0
        self._quoted = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The objects that end in this chunk. Raises LinkError for one beyond all measure."""
        self._buffer += chunk
        found = []
        while (end := self._end()) is not None:
            found.append(bytes(self._buffer[:end]).strip())
            del self._buffer[:end]
            self._at = 0
        if len(self._buffer) > MAX_MESSAGE:
            raise LinkError("an answer is larger than 256 MiB")
        return found

    def _end(self) -> int | None:
        """The place after the first object's last brace, once it is there."""
        buffer = self._buffer
        while self._at < len(buffer):
            if self._quoted:
                # To the next quote that is not escaped.
                quote = buffer.find(b'"', self._at)
                if quote < 0:
                    self._at = len(buffer)
                    return None
                escapes = 0
                while buffer[quote - 1 - escapes] == 0x5C:
                    escapes += 1
                self._at = quote + 1
                self._quoted = escapes % 2 == 1
                continue
            character = buffer[self._at]
            self._at += 1
            if character == 0x22:
                self._quoted = True
            elif character == 0x7B:
                self._depth += 1
            elif character == 0x7D:
                self._depth -= 1
                if self._depth == 0:
                    return self._at
        return None


def link_to(url: str, timeout: float, poll: float) -> Link:
    """The link that fits the address."""
    if url.startswith(("ws://", "wss://")):
        return SocketLink(url, timeout)
    if url.startswith("ipc://"):
        return PipeLink(url, timeout)
    return HttpLink(url, timeout, poll)
