"""A mirror that follows the chain: connected, checked against the deployment, caught up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from typing import Any

import structlog
from eth_utils.crypto import keccak
from sqlalchemy import Engine

from keeper.book.exact import Exact
from keeper.book.mirror import Mirror
from keeper.book.store import UnreadableError
from keeper.chain.events import Taken
from keeper.chain.follow import Follower, LostError, Undo
from keeper.chain.links import Link, name_of
from keeper.chain.node import Node
from keeper.chain.source import Source
from keeper.chain.types import Header, OtherChainError, number
from keeper.config import Config, ConfigError, Deployment
from keeper.execution.calls import selector
from keeper.model.prices import Oracle
from keeper.store.snapshots import drop_snapshot, freeze, load_snapshot, save_snapshot, snapshots_of
from keeper.watch import metrics

log = structlog.get_logger(__name__)

FORMAT = 3
"""Of snapshots: a change makes old ones unread."""
CURE = "name an endpoint of the deployment's chain, or deploy to this one"


@dataclass(slots=True)
class Changes:
    """What catching up did: transactions of the protocol seen (hash to block), sales by block and time, and the block
    rolled back to.
    """

    seen: dict[str, tuple[int, str]] = field(default_factory=dict)
    taken: list[tuple[Header, list[Taken]]] = field(default_factory=list)
    undone: int | None = None

    def roll_back(self, number: int) -> None:
        """Blocks after `number` did not happen."""
        self.undone = number if self.undone is None else min(self.undone, number)
        self.seen = {key: at for key, at in self.seen.items() if at[0] <= number}
        self.taken = [sold for sold in self.taken if sold[0].number <= number]


class Session:
    """The node, the follower and the mirror of one deployment."""

    def __init__(self, config: Config, deployment: Deployment, engine: Engine | None) -> None:
        chain = config.chain
        self.config = config
        self.deployment = deployment
        self.node = Node(
            chain.endpoints,
            timeout=chain.request_seconds,
            poll=chain.poll_seconds,
            deaf=chain.deaf_seconds,
            attempts=chain.attempts,
            hedge=chain.hedge_seconds,
        )
        addresses = [deployment.address(name) for name in ("Clearinghouse", "RiskEngine", "Auction")]
        self.source = Source(self.node, addresses, confirm=chain.confirm_logs)
        self.mirror = Mirror(chain.history_blocks)
        self.oracle: Oracle | None = None
        self._changes = Changes()
        self._saving: asyncio.Task[None] | None = None
        self._engine = engine
        self._follower = self._new_follower()
        core = deployment.address("Clearinghouse")
        self._name = f"{FORMAT}:{deployment.chain_id}:{core}:{deployment.block}"

    async def open(self) -> None:
        """Connect, check that the chain is the one of the deployment file, and begin from a snapshot if one fits.

        Raises ConfigError if the chain or a contract is another, LinkError if no endpoint answers.
        """
        await self.node.connect()
        if other := await self._mismatch(self.node.call):
            raise ConfigError(f"{self.node.name}: {other}")
        self.node.expect(self._is_this_chain)
        for name, contract in self.deployment.contracts.items():
            if contract.code_hash is not None:
                code = bytes.fromhex((await self.node.call("eth_getCode", [contract.address, "latest"]))[2:])
                if "0x" + keccak(code).hex() != contract.code_hash.lower():
                    raise ConfigError(f"{name} at {contract.address}: its code is not the one that was deployed")
        self.oracle = await self._read_oracle()
        await self._from_snapshot()

    async def _mismatch(self, ask: Callable[[str, list[Any]], Awaitable[Any]]) -> str:
        """Why a chain is not the deployment's, empty if it is. Local chains share an id: block 0 tells them apart."""
        wanted = self.deployment
        if (found := number(await ask("eth_chainId", []))) != wanted.chain_id:
            return f"is chain {found}, the deployment is on {wanted.chain_id}; {CURE}"
        if wanted.genesis is not None:
            block = await ask("eth_getBlockByNumber", ["0x0", False])
            first = block["hash"] if block else "not there"
            if first.lower() != wanted.genesis.lower():
                return (
                    f"block 0 is {first}, the deployment's chain began with {wanted.genesis}: "
                    f"this is another chain of the same id, or the chain was started anew; {CURE}"
                )
        return ""

    async def _is_this_chain(self, link: Link) -> None:
        """Each later connection: an endpoint may be of another chain, or its chain have been started anew."""
        if other := await self._mismatch(link.call):
            raise OtherChainError(f"{name_of(link.url)}: {other}")

    async def close(self) -> None:
        """Let go of the node, and see a snapshot that is being written to its end."""
        try:
            if self._saving is not None:
                await asyncio.gather(self._saving, return_exceptions=True)
        finally:
            await self.source.close()
            await self.node.close()

    def take_changes(self) -> Changes:
        """What all catching up since the last call did, also where it broke off."""
        changes, self._changes = self._changes, Changes()
        return changes

    async def catch_up(self, head: Header) -> None:
        """Bring the mirror to `head`; what was not applied because a request failed comes with the next head."""
        try:
            await self._follow(head)
        except (LostError, UnreadableError) as error:
            log.error("the book is read anew", reason=str(error))
            self._drop_snapshots()
            self._restart(Mirror(self.config.chain.history_blocks))
            self._changes.roll_back(head.number - self.config.chain.history_blocks)
            await self._follow(head)

    async def _follow(self, head: Header) -> None:
        async for step in self._follower.steps(head):
            if isinstance(step, Undo):
                metrics.REORGS.inc()
                log.warning("rolled back", to=step.number, since=self.mirror.number)
                self.mirror.rollback(step.number)
                self._changes.roll_back(step.number)
                continue
            header = step.header
            self.mirror.apply(header.number, header.hash, header.time, header.base_fee, step.logs.told)
            self._changes.seen.update(step.logs.seen)
            if header.number <= head.number - self.config.chain.history_blocks:
                # A range of long ago.
                continue
            if sold := [event for event in step.logs.told.events if isinstance(event, Taken)]:
                self._changes.taken.append((header, sold))

    def exact(self) -> Exact:
        """The book at the time of its block."""
        assert self.oracle is not None
        return Exact(self.mirror, self.oracle, self.mirror.time)

    async def save(self) -> None:
        """Write a snapshot; returns when it is on the disk."""
        if self._saving is not None:
            await asyncio.gather(self._saving, return_exceptions=True)
        self.save_aside()
        if self._saving is not None:
            await self._saving

    def save_aside(self) -> None:
        """Begin to write a snapshot in a thread of its own, unless the last one is still being written."""
        if self._engine is None or self.mirror.number < self.deployment.block:
            return
        if self._saving is None or self._saving.done():
            if self._saving is not None and (error := self._saving.exception()) is not None:
                log.error("a snapshot was not written", error=str(error))
            frozen = freeze(self.mirror)
            self._saving = asyncio.create_task(asyncio.to_thread(save_snapshot, self._engine, self._name, frozen))

    def _new_follower(self) -> Follower:
        chain = self.config.chain
        return Follower(
            self.node,
            self.source,
            start=self.deployment.block,
            log_range=chain.log_range,
            history=chain.history_blocks,
        )

    async def _from_snapshot(self) -> None:
        if self._engine is None:
            return
        for snapshot in snapshots_of(self._engine, self._name):
            if not await self._follower.is_canonical(snapshot.number, snapshot.hash):
                log.warning("snapshot of a block that is not on the chain", block=snapshot.number)
                continue
            try:
                mirror = load_snapshot(self._engine, snapshot.number, self.config.chain.history_blocks)
            except UnreadableError as error:
                log.error("a snapshot cannot be read", block=snapshot.number, error=str(error))
                continue
            self._restart(mirror)
            self._follower.anchor(snapshot.number, snapshot.hash)
            log.info("began from a snapshot", block=snapshot.number, accounts=len(self.mirror.book))
            return

    def _restart(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self._follower = self._new_follower()

    def _drop_snapshots(self) -> None:
        if self._engine is not None:
            for snapshot in snapshots_of(self._engine, self._name):
                drop_snapshot(self._engine, snapshot.number)

    async def _read_oracle(self) -> Oracle:
        """The RiskEngine's constants: fixed at deployment, told by no event."""
        target = self.deployment.address("RiskEngine")
        answer = await self.node.call("eth_call", [{"to": target, "data": "0x" + selector("oracle()").hex()}, "latest"])
        words = [int(answer[at : at + 64], 16) for at in range(2, len(answer), 64)]
        if len(words) != len(fields(Oracle)):
            raise ConfigError(f"RiskEngine at {target}: does not tell its constants; is this the right contract?")
        return Oracle(*words)
