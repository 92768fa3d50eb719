"""One endpoint over time: its connection, what it has told, and how it behaves beside the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from keeper.chain.duplex import link_to
from keeper.chain.links import Link, name_of
from keeper.chain.types import Header, LinkError, RpcError, header_of

log = structlog.get_logger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0
"""Seconds between two tries to connect, doubled each time."""
BANNED = 600.0
"""Seconds for which an endpoint that answered falsely is asked last."""

Check = Callable[[Link], Awaitable[None]]


class Endpoint:
    """An address that is connected when it is needed, and kept connected once it is followed."""

    def __init__(self, url: str, timeout: float, poll: float) -> None:
        self.url = url
        self.link: Link | None = None
        self.newest: Header | None = None
        """The newest head that it has told of."""
        self.heard = time.monotonic()
        """When it last told of one, or was found to have none newer."""
        self.lied = -BANNED
        """When it was last found to have answered falsely."""
        self.check: Check | None = None
        self.failure: LinkError | RpcError | None = None
        """Why it could not be connected the last time; None if it was."""
        self.tried = asyncio.Event()
        """Set once it listens, or was found not to."""
        self._timeout = timeout
        self._poll = poll
        self._lock = asyncio.Lock()
        self._keeping: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    @property
    def name(self) -> str:
        """Its host: what may be shown of an address that may hold a key."""
        return name_of(self.url)

    @property
    def banned(self) -> bool:
        """Whether it answered falsely not long ago."""
        return time.monotonic() - self.lied < BANNED

    @property
    def followed(self) -> bool:
        """Whether it is kept connected and listened to."""
        return self._keeping is not None

    @property
    def alive(self) -> bool:
        """Whether it is connected."""
        return self.link is not None and self.link.lost is None

    def ban(self) -> None:
        """It answered falsely."""
        self.lied = time.monotonic()

    async def connected(self) -> Link:
        """Its connection, made if there is none. Raises LinkError or RpcError."""
        async with self._lock:
            if self.link is not None and self.link.lost is None:
                return self.link
            if self.link is not None:
                await self.link.close()
                self.link = None
            link = link_to(self.url, self._timeout, self._poll)
            try:
                await link.open()
                if self.check is not None:
                    await self.check(link)
            except BaseException as error:
                if isinstance(error, LinkError | RpcError):
                    self.failure = error
                await link.close()
                raise
            self.link, self.failure = link, None
            log.info("connected", endpoint=self.name)
            return link

    async def drop(self) -> None:
        """Let go of the connection."""
        async with self._lock:
            link, self.link = self.link, None
        if link is not None:
            await link.close()
        self._over.set()

    def keep(self, on_head: Callable[[Endpoint, Header], None], on_loss: Callable[[Endpoint], None]) -> None:
        """Have it connected and listened to from now on, whatever happens."""
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep(on_head, on_loss))

    async def close(self) -> None:
        """Stop listening, and let go of the connection."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None
        await self.drop()

    async def _keep(self, on_head: Callable[[Endpoint, Header], None], on_loss: Callable[[Endpoint], None]) -> None:
        wait = FIRST_WAIT

        def hear(head: Header) -> None:
            self.newest, self.heard = head, time.monotonic()
            on_head(self, head)

        while True:
            try:
                link = await self.connected()
                self._over.clear()
                await link.follow(hear, self._over.set)
                self.tried.set()
                # Of what came while nobody listened nobody will tell; if it cannot say, the next head will do.
                with suppress(LinkError, RpcError):
                    hear(header_of(await link.call("eth_getBlockByNumber", ["latest", False])))
                if link.lost is None:
                    wait = FIRST_WAIT
                await self._over.wait()
                reason = str(link.lost) if link.lost is not None else "let go"
            except (LinkError, RpcError) as error:
                reason = str(error)
                await self.drop()
            self.tried.set()
            log.warning("an endpoint is lost", endpoint=self.name, error=reason)
            on_loss(self)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)
