"""Where logs come from: one endpoint at once, confirmed by another, and by the block's hash where they differ.

An endpoint that leaves a log out, or makes one up, would have the book be another than the chain's, and nothing in the
answer shows it. So what one endpoint says of a block is compared with another's. It is not waited for: a block found to
be wrong is taken back and applied again with the logs that its receipts prove.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from keeper.chain import wire
from keeper.chain.endpoint import Endpoint
from keeper.chain.node import Node
from keeper.chain.receipts import proved_logs
from keeper.chain.types import LinkError, RpcError
from keeper.watch import metrics

log = structlog.get_logger(__name__)

LogKey = tuple[int, str, tuple[str, ...], str]


def key_of(entry: dict[str, Any]) -> LogKey:
    """What a log says and where it stands, alike from whichever endpoint."""
    topics = tuple(topic.lower() for topic in entry["topics"])
    return int(entry["logIndex"], 16), entry["address"].lower(), topics, entry["data"].lower()


def keys_of(logs: list[dict[str, Any]]) -> list[LogKey]:
    """All of a block's logs. Raises LinkError where one cannot be read."""
    try:
        return sorted(key_of(entry) for entry in logs if not entry.get("removed"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LinkError(f"a log cannot be read: {error!r}") from error


def listed(answer: bytes) -> list[dict[str, Any]]:
    """The logs in an answer. Raises LinkError where it is no list."""
    logs = wire.read("eth_getLogs", answer)
    if not isinstance(logs, list):
        raise LinkError("eth_getLogs: the answer is no list")
    return logs


class Source:
    """Logs of the protocol's contracts."""

    def __init__(self, node: Node, addresses: Sequence[str], *, confirm: bool) -> None:
        self.wrong: set[str] = set()
        """Blocks whose logs were applied and proved wrong; what is right is kept here until they are read again."""
        self._node = node
        self._addresses = list(addresses)
        self._known = {address.lower() for address in addresses}
        self._confirm = confirm and len(node.endpoints) > 1
        self._proved: dict[str, bytes] = {}
        self._checks: set[asyncio.Task[None]] = set()

    async def of_block(self, block_hash: str) -> bytes:
        """The logs of a block, as JSON. Raises LinkError or RpcError."""
        if block_hash in self._proved:
            self.wrong.discard(block_hash)
            return self._proved.pop(block_hash)
        endpoint, logs = await self._ask({"blockHash": block_hash})
        if self._confirm:
            check = asyncio.create_task(self._check(block_hash, endpoint, logs))
            self._checks.add(check)
            check.add_done_callback(self._over)
        return logs

    async def of_range(self, first: int, last: int) -> bytes:
        """The logs of blocks far below the head, as JSON. Raises DifferError if two endpoints differ, LinkError or
        RpcError.
        """
        where = {"fromBlock": hex(first), "toBlock": hex(last)}
        endpoint, logs = await self._ask(where)
        if self._confirm:
            other = await self._other(endpoint, where)
            if other is not None and other[1] != logs and keys_of(listed(other[1])) != keys_of(listed(logs)):
                raise DifferError(first, last)
        return logs

    def _over(self, check: asyncio.Task[None]) -> None:
        self._checks.discard(check)
        if not check.cancelled() and (error := check.exception()) is not None:
            log.error("logs could not be compared", error=repr(error))

    async def settled(self) -> None:
        """Once all that is being compared has been."""
        while self._checks:
            await asyncio.gather(*self._checks, return_exceptions=True)

    async def close(self) -> None:
        """Stop comparing."""
        for check in self._checks:
            check.cancel()
        await asyncio.gather(*self._checks, return_exceptions=True)

    async def _ask(self, where: dict[str, str]) -> tuple[Endpoint, bytes]:
        return await self._node.ask("eth_getLogs", [{**where, "address": self._addresses}])

    async def _other(self, endpoint: Endpoint, where: dict[str, str]) -> tuple[Endpoint, bytes] | None:
        """The same from another endpoint, or None where none answers."""
        for other in self._node.others(endpoint):
            metrics.RPC_CALLS.labels("eth_getLogs").inc()
            try:
                link = await other.connected()
                return other, await link.call_raw("eth_getLogs", [{**where, "address": self._addresses}])
            except (LinkError, RpcError):
                continue
        return None

    async def _check(self, block_hash: str, endpoint: Endpoint, answer: bytes) -> None:
        """Compare, and where two differ have the block's hash decide."""
        try:
            other = await self._other(endpoint, {"blockHash": block_hash})
            if other is None:
                metrics.UNCONFIRMED.inc()
                return
            if other[1] == answer:
                return
            logs, others = listed(answer), listed(other[1])
            said, also = keys_of(logs), keys_of(others)
            if said == also:
                return
            log.warning("endpoints differ", block=block_hash, endpoints=[endpoint.name, other[0].name])
            true = await self._proof(block_hash, [endpoint, other[0]])
        except (LinkError, RpcError) as error:
            log.warning("not compared", block=block_hash, error=str(error))
            return
        if true is None:
            # Nothing is proved: leaving out is what happens, making up is not. Whoever says more is believed.
            true = max(logs, others, key=len)
            log.error("logs are not proved by their block", block=block_hash, believed=len(true))
        truth = keys_of(true)
        for one, keys in ((endpoint, said), (other[0], also)):
            if keys != truth:
                self._node.lied(one, f"logs of block {block_hash}")
        if said != truth:
            self._proved[block_hash] = msgspec.json.encode(true)
            self.wrong.add(block_hash)
            self._node.again()

    async def _proof(self, block_hash: str, endpoints: Sequence[Endpoint]) -> list[dict[str, Any]] | None:
        """The block's logs of our contracts as its receipts prove them, or None where no endpoint has a proof."""
        for endpoint in endpoints:
            try:
                link = await endpoint.connected()
                block = await link.call("eth_getBlockByHash", [block_hash, False])
                receipts = await link.call("eth_getBlockReceipts", [block_hash])
                if block and isinstance(receipts, list):
                    logs = proved_logs(block, receipts, block_hash)
                    return [entry for entry in logs if entry["address"].lower() in self._known]
            except (LinkError, RpcError) as error:
                log.warning("no proof", endpoint=endpoint.name, error=str(error))
        return None


class DifferError(Exception):
    """Two endpoints say different things of a range of blocks: each has to be read by its hash."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__(f"endpoints differ on the logs of blocks {first} to {last}")
        self.first = first
        self.last = last
