"""Asks every endpoint now and then where the chain is, the ones not in use too: a fallback must be good when needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from keeper.chain.duplex import link_to
from keeper.chain.links import Link, name_of
from keeper.chain.types import LinkError, RpcError, number
from keeper.watch.health import Health
from keeper.watch.logs import redacted

log = structlog.get_logger(__name__)

PERIOD = 30.0

Open = Callable[[str], Link]


class Probe:
    """Fills in how far each endpoint is behind the newest block that any of them, or the book, knows."""

    def __init__(self, urls: Sequence[str], health: Health, timeout: float, opened: Open | None = None) -> None:
        self._urls = urls
        self._health = health
        self._open = opened or (lambda url: link_to(url, timeout, PERIOD))

    async def run(self) -> None:
        """Until cancelled; with a single endpoint there is nothing to compare."""
        while len(self._urls) > 1:
            await asyncio.sleep(PERIOD)
            await self.look()

    async def look(self) -> None:
        """Ask all of them at once."""
        answers = await asyncio.gather(*(self._head(url) for url in self._urls))
        named = {
            f"{place} {name_of(url)}": head for place, (url, head) in enumerate(zip(self._urls, answers, strict=True))
        }
        heads = {name: head for name, head in named.items() if head is not None}
        self._health.silent = [name for name, head in named.items() if head is None]
        newest = max([self._health.head, *heads.values()])
        self._health.lags = {name: newest - head for name, head in heads.items()}

    async def _head(self, url: str) -> int | None:
        link = self._open(url)
        try:
            await link.open()
            return number(await link.call("eth_blockNumber", []))
        except (LinkError, RpcError) as error:
            log.warning("an endpoint does not answer", endpoint=name_of(url), error=redacted(str(error)))
            return None
        finally:
            await link.close()
