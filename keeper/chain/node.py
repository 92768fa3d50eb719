"""All endpoints as one node: whoever answers first, whoever is ahead, and never deaf unnoticed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any

import structlog

from keeper.chain import wire
from keeper.chain.endpoint import Check, Endpoint
from keeper.chain.types import Header, LinkError, OtherChainError, RpcError, header_of
from keeper.watch import metrics

log = structlog.get_logger(__name__)

LAG = 2
"""Blocks behind another endpoint at which one is left."""
SLOW = 3
"""Requests in a row that another endpoint had to answer after which one is left."""
FIRST_WAIT, LONGEST_WAIT = 0.05, 2.0
SILENT = 15.0
"""Seconds without a connection or a head after which an endpoint is said to be down."""
REVERTED = 3
FINAL_CODES = (REVERTED, -32601, -32602)
"""Reverted, no such method, wrong parameters: another endpoint would say the same."""
FINAL_WORDS = ("revert", "nonce too low", "already known", "already imported", "underpriced", "insufficient funds")


def is_final(error: RpcError) -> bool:
    """Whether an endpoint's error is about what was asked, not about the endpoint."""
    text = error.message.lower()
    return error.code in FINAL_CODES or any(word in text for word in FINAL_WORDS)


class Node:
    """Requests and heads, from the endpoints that serve them best."""

    def __init__(
        self, urls: Sequence[str], *, timeout: float, poll: float, deaf: float, attempts: int, hedge: float = 1.0
    ) -> None:
        self.endpoints = [Endpoint(url, timeout, poll) for url in urls]
        self._first = self.endpoints[0]
        self._deaf = deaf
        self._attempts = attempts
        self._hedge = hedge
        self._slow = 0
        self.deaf = 0
        """Subscriptions found to have stopped hearing."""
        self.switches = 0
        """Times the endpoint that is asked first was left."""
        self._newest: Header | None = None
        self._handed: Header | None = None
        self._unhandled = False
        self._tick = asyncio.Event()
        # Held, as a task that nobody holds may vanish.
        self._telling: set[asyncio.Task[Any]] = set()

    @property
    def url(self) -> str:
        """The endpoint that is asked first."""
        return self._first.url

    def expect(self, check: Check) -> None:
        """Have each connection made from now on pass a test, which raises LinkError where it is another chain."""
        for endpoint in self.endpoints:
            endpoint.check = check

    @property
    def name(self) -> str:
        """Its host: what may be shown of it."""
        return self._first.name

    async def connect(self) -> None:
        """Connect to the first endpoint that answers. Raises LinkError if none does."""
        failures = []
        for endpoint in self.endpoints:
            try:
                await endpoint.connected()
            except (LinkError, RpcError) as error:
                failures.append(str(error))
                continue
            self._first = endpoint
            return
        raise LinkError("; ".join(failures))

    async def close(self) -> None:
        """Let go of all endpoints."""
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*(endpoint.close() for endpoint in self.endpoints))

    async def follow(self) -> None:
        """Start to listen for heads, at every endpoint; returns when the preferred one listens, or could not."""
        for endpoint in self.endpoints:
            endpoint.keep(self._hear, self._lose)
        await self._first.tried.wait()

    # Requests

    async def call(self, method: str, params: list[Any]) -> Any:
        """The result of one request, from the endpoint that answers first.

        The next endpoint is asked as soon as one fails, or when one takes long. Raises LinkError when all of them
        failed in every round, RpcError for what the request itself is refused for, or if all endpoints refuse it.
        """
        return wire.read(method, await self.call_raw(method, params))

    async def call_raw(self, method: str, params: list[Any]) -> bytes:
        """As `call`: the result as the JSON it came in."""
        return (await self.ask(method, params))[1]

    async def ask(self, method: str, params: list[Any]) -> tuple[Endpoint, bytes]:
        """As `call`, with the endpoint that answered."""
        wait = FIRST_WAIT
        for attempt in range(self._attempts):
            if attempt:
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
            try:
                return await self._round(method, params)
            except LinkError as error:
                failure = error
        raise failure

    async def every(self, method: str, params: list[Any]) -> list[Any]:
        """The results of all endpoints that are connected and answer, but for those that lied lately.

        Raises LinkError if there is none.
        """
        asked = [endpoint for endpoint in self._in_order() if endpoint.alive and not endpoint.banned]
        answers = await asyncio.gather(*(self._told(each, method, params) for each in asked or self.endpoints))
        told = [answer for answer in answers if answer is not None]
        if not told:
            raise LinkError(f"{method}: no endpoint answered")
        return told

    async def spread(self, method: str, params: list[Any]) -> Any:
        """As `call`, and all other endpoints that are connected are told the same: the one that answers may be one that
        passes nothing on."""
        for endpoint in self.endpoints:
            if endpoint is not self._first and endpoint.alive:
                task = asyncio.create_task(self._told(endpoint, method, params))
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)
        return await self.call(method, params)

    async def _told(self, endpoint: Endpoint, method: str, params: list[Any]) -> Any:
        """One endpoint's result, or None."""
        try:
            return wire.read(method, await self._once(endpoint, method, params))
        except (LinkError, RpcError):
            return None

    async def _round(self, method: str, params: list[Any]) -> tuple[Endpoint, bytes]:
        """One request to each endpoint at most, the next one when the last one failed or was slow."""
        left = self._in_order()
        asked: dict[asyncio.Task[bytes], Endpoint] = {}
        refusal: RpcError | None = None
        failures: list[str] = []
        empty: tuple[Endpoint, bytes] | None = None
        try:
            while left or asked:
                if left:
                    endpoint = left.pop(0)
                    asked[asyncio.create_task(self._once(endpoint, method, params))] = endpoint
                done, _ = await asyncio.wait(
                    asked, timeout=self._hedge if left else None, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    endpoint = asked.pop(task)
                    try:
                        result = task.result()
                    except RpcError as error:
                        if is_final(error):
                            raise
                        refusal = error
                        continue
                    except LinkError as error:
                        failures.append(str(error))
                        continue
                    if result == b"null" and (left or asked):
                        # Another may have what this one has not seen yet.
                        empty = (endpoint, result)
                        continue
                    self._answered(endpoint)
                    return endpoint, result
        finally:
            for task in asked:
                task.cancel()
        if empty is not None:
            return empty
        if refusal is not None:
            raise refusal
        raise LinkError("; ".join(failures))

    async def _once(self, endpoint: Endpoint, method: str, params: list[Any]) -> bytes:
        metrics.RPC_CALLS.labels(method).inc()
        try:
            link = await endpoint.connected()
            return await link.call_raw(method, params)
        except LinkError as error:
            metrics.RPC_ERRORS.labels(method).inc()
            log.warning("request failed", method=method, endpoint=endpoint.name, error=str(error))
            if endpoint is self._first:
                self._leave(endpoint, str(error))
            raise

    def _answered(self, endpoint: Endpoint) -> None:
        if endpoint is self._first:
            self._slow = 0
            return
        self._slow += 1
        if self._slow >= SLOW:
            self._prefer(endpoint, "faster")

    def _in_order(self) -> list[Endpoint]:
        """Whom to ask: the preferred one, then who is connected and farthest; whoever lied lately last."""

        def rank(endpoint: Endpoint) -> tuple[bool, bool, bool, int]:
            number = endpoint.newest.number if endpoint.newest else -1
            return endpoint.banned, endpoint is not self._first, not endpoint.alive, -number

        return sorted(self.endpoints, key=rank)

    def others(self, endpoint: Endpoint) -> list[Endpoint]:
        """Who else could be asked what this one answered."""
        return [other for other in self._in_order() if other is not endpoint and other.alive and not other.banned]

    def lied(self, endpoint: Endpoint, what: str) -> None:
        """An endpoint's answer was proved false: it is asked last for some time."""
        endpoint.ban()
        metrics.LIES.inc()
        log.error("an endpoint answered falsely", endpoint=endpoint.name, what=what)
        if endpoint is self._first:
            self._leave(endpoint, what)

    def _leave(self, endpoint: Endpoint, why: str) -> None:
        for other in self._in_order():
            if other is not endpoint:
                self._prefer(other, why)
                return

    def _prefer(self, endpoint: Endpoint, why: str) -> None:
        if endpoint is not self._first:
            metrics.SWITCHES.inc()
            self.switches += 1
            log.warning("leaving endpoint", endpoint=self._first.name, to=endpoint.name, why=why)
            self._first, self._slow = endpoint, 0

    # Heads

    async def next_head(self) -> Header | None:
        """The newest head not yet handed out, or None when none came within the time allowed.

        After such a silence all endpoints are asked, so that a subscription that stopped hearing is noticed and made
        anew. Raises LinkError when no endpoint can be had.
        """
        if self._unhandled:
            self._unhandled = False
            return await self.latest()
        try:
            async with asyncio.timeout(self._deaf):
                while self._newest is None:
                    await self._tick.wait()
                    self._tick.clear()
                    if self._unhandled:
                        self._unhandled = False
                        return await self.latest()
        except TimeoutError:
            return await self._silent()
        newest, self._newest = self._newest, None
        if self._handed is not None and newest.number <= self._handed.number and newest.hash != self._handed.hash:
            # Word of an old block that came late, or a chain that is shorter now: the endpoint knows.
            newest = await self.latest()
        self._handed = newest
        return newest

    def again(self) -> None:
        """The last head could not be dealt with: have `next_head` ask for the newest one at once."""
        self._unhandled = True
        self._tick.set()

    async def latest(self) -> Header:
        """The head, by asking."""
        head = header_of(await self.call("eth_getBlockByNumber", ["latest", False]))
        if self._newest is not None and self._newest.number <= head.number:
            self._newest = None
        self._handed = head
        return head

    async def _silent(self) -> Header | None:
        """Nobody told of a head for long: ask all, and make anew the subscription of each that should have."""
        metrics.SILENCES.inc()
        heads = await asyncio.gather(*(self._newest_of(endpoint) for endpoint in self.endpoints))
        known = [(endpoint, head) for endpoint, head in zip(self.endpoints, heads, strict=True) if head is not None]
        if not known:
            return await self.latest()
        newest = max((head for _, head in known), key=lambda head: head.number)
        quiet = self._handed is not None and newest.hash == self._handed.hash
        log.info("no head was told of", seconds=self._deaf, head=newest.number, quiet=quiet)
        for endpoint, head in known:
            told, endpoint.newest = endpoint.newest, head
            if quiet if told is None else told.hash == head.hash:
                continue
            if endpoint.followed:
                self.deaf += 1
                metrics.DEAF.inc()
                log.warning("an endpoint went deaf", endpoint=endpoint.name, head=head.number)
                await endpoint.drop()
                if endpoint is self._first:
                    self._leave(endpoint, "deaf")
        if quiet:
            return None
        self._handed = newest
        return newest

    async def _newest_of(self, endpoint: Endpoint) -> Header | None:
        block = await self._told(endpoint, "eth_getBlockByNumber", ["latest", False])
        try:
            return None if block is None else header_of(block)
        except LinkError:
            return None

    def _hear(self, endpoint: Endpoint, head: Header) -> None:
        if endpoint.banned and any(not other.banned and other.alive for other in self.endpoints):
            return
        behind = self._behind(self._first)
        if endpoint is not self._first and (behind >= LAG or not self._first.alive):
            self._prefer(endpoint, f"{behind} blocks behind" if self._first.alive else "lost")
        lead = self._newest or self._handed
        if self._handed is not None and head.hash == self._handed.hash:
            return
        # What is not handed out yet does not give way to word of an older one; if it is gone, that will be found.
        ahead = self._newest is None or head.number >= self._newest.number
        if (endpoint is self._first and ahead) or lead is None or head.number > lead.number:
            self._newest = head
            self._tick.set()

    def _lose(self, endpoint: Endpoint) -> None:
        if endpoint is self._first:
            self._leave(endpoint, "lost")

    def _behind(self, endpoint: Endpoint) -> int:
        """Blocks that an endpoint is behind the farthest one."""
        best = max((other.newest.number for other in self.endpoints if other.newest and not other.banned), default=0)
        return best - (endpoint.newest.number if endpoint.newest else best)

    @property
    def other_chain(self) -> str:
        """Why no endpoint is of the deployment's chain any more; empty if one may be."""
        failures = [endpoint.failure for endpoint in self.endpoints]
        gone = all(isinstance(failure, OtherChainError) for failure in failures)
        return "; ".join(str(failure) for failure in failures) if gone else ""

    def lags(self) -> dict[str, int]:
        """Blocks that each connected endpoint is behind the farthest one."""
        return {name: self._behind(endpoint) for name, endpoint in self._named() if endpoint.alive}

    def silent(self) -> list[str]:
        """Endpoints that are not connected and have told of no head for long."""
        since = time.monotonic() - SILENT
        return [name for name, endpoint in self._named() if not endpoint.alive and endpoint.heard < since]

    def _named(self) -> Iterator[tuple[str, Endpoint]]:
        """With their places: two may be at one host."""
        return ((f"{place} {endpoint.name}", endpoint) for place, endpoint in enumerate(self.endpoints))
