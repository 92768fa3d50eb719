"""All endpoints as one node: retries, switches to the next endpoint, and never goes deaf unnoticed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from keeper.chain.links import Link, link_to
from keeper.chain.types import Header, LinkError, RpcError, header_of
from keeper.watch import metrics

log = structlog.get_logger(__name__)


class Node:
    """Requests and heads, from the first endpoint that serves them."""

    def __init__(self, urls: Sequence[str], *, timeout: float, poll: float, deaf: float, attempts: int) -> None:
        self._urls = list(urls)
        self._timeout = timeout
        self._poll = poll
        self._deaf = deaf
        self._attempts = attempts
        self._at = 0
        self._link: Link | None = None
        self._following = False
        self._newest: Header | None = None
        self._handed = ""
        self._unhandled = False
        self._tick = asyncio.Event()

    @property
    def url(self) -> str:
        """The endpoint in use."""
        return self._urls[self._at]

    async def connect(self) -> None:
        """Connect to the first endpoint that answers. Raises LinkError if none does."""
        failures = []
        for _ in range(len(self._urls)):
            link = link_to(self.url, self._timeout, self._poll)
            try:
                await link.open()
                self._link = link
                if self._following:
                    await link.follow(self._hear, self._tick.set)
            except (LinkError, RpcError) as error:
                failures.append(str(error))
                await link.close()
                self._link = None
                self._at = (self._at + 1) % len(self._urls)
                continue
            log.info("connected", endpoint=self.url)
            return
        raise LinkError("; ".join(failures))

    async def close(self) -> None:
        """Let go of the endpoint in use."""
        if self._link is not None:
            await self._link.close()
            self._link = None

    async def call(self, method: str, params: list[Any]) -> Any:
        """The result of one request, tried again on other connections if need be.

        Raises LinkError when every try failed, RpcError for what the node itself refuses.
        """
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._attempts),
            wait=wait_random_exponential(multiplier=0.05, max=2),
            retry=retry_if_exception_type(LinkError),
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                return await self._call_once(method, params)
        raise AssertionError("a retry ends with a result or an error")

    async def call_raw(self, method: str, params: list[Any]) -> bytes:
        """The result as JSON."""
        return json.dumps(await self.call(method, params)).encode()

    async def follow(self) -> None:
        """Start to listen for heads."""
        self._following = True
        if self._link is None:
            await self.connect()
        else:
            await self._link.follow(self._hear, self._tick.set)

    async def next_head(self) -> Header | None:
        """The newest head not yet handed out, or None when none came within the time allowed.

        After such a silence the node is asked itself, so that a subscription that stopped hearing is noticed: then the
        next endpoint is taken. Raises LinkError when no endpoint can be had.
        """
        if self._unhandled:
            self._unhandled = False
            return await self.latest()
        try:
            async with asyncio.timeout(self._deaf):
                while self._newest is None:
                    if self._link is None or self._link.lost is not None:
                        await self._switch("lost" if self._link is None else str(self._link.lost))
                    await self._tick.wait()
                    self._tick.clear()
        except TimeoutError:
            return await self._ask()
        newest, self._newest = self._newest, None
        self._handed = newest.hash
        return newest

    def again(self) -> None:
        """The last head could not be dealt with: have `next_head` ask for the newest one at once."""
        self._unhandled = True

    async def latest(self) -> Header:
        """The head, by asking."""
        return header_of(await self.call("eth_getBlockByNumber", ["latest", False]))

    async def _ask(self) -> Header | None:
        metrics.SILENCES.inc()
        head = await self.latest()
        if self._newest is not None:
            return None
        quiet = head.hash == self._handed
        log.info("no head was told of", seconds=self._deaf, head=head.number, endpoint=self.url)
        if not quiet or len(self._urls) > 1:
            await self._switch("another may know more" if quiet else "deaf")
        self._handed = head.hash
        return None if quiet else head

    def _hear(self, head: Header) -> None:
        self._newest = head
        self._tick.set()

    async def _call_once(self, method: str, params: list[Any]) -> Any:
        if self._link is None:
            await self.connect()
        link = self._link
        assert link is not None
        metrics.RPC_CALLS.labels(method).inc()
        try:
            return await link.call(method, params)
        except LinkError as error:
            metrics.RPC_ERRORS.labels(method).inc()
            log.warning("request failed", method=method, endpoint=link.url, error=str(error))
            if self._link is link:
                await self._switch(str(error))
            raise

    async def _switch(self, why: str) -> None:
        metrics.SWITCHES.inc()
        log.warning("leaving endpoint", endpoint=self.url, why=why)
        await self.close()
        self._at = (self._at + 1) % len(self._urls)
        await self.connect()
