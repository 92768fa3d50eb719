"""One key's way to the chain: its nonces in order, its bytes journaled before anybody else gets them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from keeper.chain.types import Header, LinkError, RpcError, number
from keeper.config import ConfigError
from keeper.config.schema import FeesSection
from keeper.execution import fees
from keeper.execution.outbox import Gate, Outbox, together
from keeper.execution.signers import Signer
from keeper.execution.simulation import Endpoints, Outcome
from keeper.store.journal import Decision, Journal, Pending, Signed
from keeper.watch import metrics

log = structlog.get_logger(__name__)

TOGETHER = 16
"""Transactions handed out at once, and handed out anew for nodes that may have forgotten them: as many of a key as a
node keeps in any case. Far endpoints would take all of a block's time for some hundred, one by one.
"""
TURNS = 4
"""Of the loop, until a request is on the wire."""


Wanted = Callable[[Decision], bool]
Ended = Callable[[Decision, str], None]


class Lane:
    """Sends decisions of one key, and follows them until a block has them."""

    def __init__(
        self,
        name: str,
        signer: Signer,
        node: Endpoints,
        journal: Journal,
        section: FeesSection,
        chain_id: int,
        ended: Ended,
        gate: Gate = lambda _: "",
    ) -> None:
        self.name = name
        self.signer = signer
        self.pending: list[Pending] = []
        self._node = node
        self._journal = journal
        self._section = section
        self._ended = ended
        self._out = Outbox(signer, node, journal, chain_id, gate)
        self._nonce = 0
        self._history = 0
        # Transactions known to be mined that the journal is yet to be told of: decision, hash, block, hash, success.
        self._found: list[tuple[str, str, int, str, bool]] = []
        # Of transactions whose nonce is used: those that are in no block.
        self._absent: set[str] = set()
        # The newest block that is known to have one of ours, at its first fee.
        self._advanced = -1
        # The oldest one was found to have ended by asking.
        self._ended_now = False
        # Blocks after this one did not happen, and what was mined in them is not yet sent again.
        self._undone: int | None = None

    @property
    def address(self) -> str:
        """The sender."""
        return self.signer.address

    def oldest(self, head: Header) -> tuple[int, str] | None:
        """Blocks since the oldest pending transaction was first sent, and its newest hash; None if there is none."""
        if not self.pending:
            return None
        first = self.pending[0]
        sent = next((one.sent_block for one in first.signed if one.sent_block is not None), first.decision.block)
        return max(0, head.number - sent), first.newest.hash

    async def resume(self, head: Header, history: int) -> None:
        """Take up where an earlier process left off, at whatever point it was stopped.

        Raises ConfigError if the journal has nonces that the chain cannot account for.
        """
        self._history = history
        abandoned = self._journal.abandon_planned(self.address)
        await self._unmine(head.number - history)
        self.pending = self._journal.pending(self.address)
        counts = await self._counts()
        following = self._journal.next_nonce(self.address)
        waiting = {pending.nonce for pending in self.pending}
        fitting = [count for count in counts if set(range(count, following)) <= waiting]
        if not fitting:
            raise ConfigError(
                f"store.path: the journal has {following} transactions of {self.address}, the chain {max(counts)}: "
                "it is of another chain, or the endpoint lags behind"
            )
        # A nonce too high would keep all that is sent from being mined.
        self._nonce = max(min(fitting), following)
        log.info("lane resumed", lane=self.name, nonce=self._nonce, pending=len(self.pending), abandoned=abandoned)
        for pending in self.pending:
            await self._out.broadcast(pending, head)
        self._count()

    async def submit(self, decision: Decision, head: Header) -> tuple[Outcome, str]:
        """Journal, simulate, sign and send a decision; with the reason if it was refused on the way.

        Once its bytes are journaled it is `sent`, even if no endpoint could be reached: `tend` sees to that.
        """
        return (await self.submit_all([decision], head))[0]

    async def submit_all(self, decisions: Sequence[Decision], head: Header) -> list[tuple[Outcome, str]]:
        """The same of several of one kind, in their order: asked about together, and handed out together.

        While nothing of the kind can be sent, only the first of them is journaled, with the reason.
        """
        paid = fees.first(self._section, head.base_fee)
        closed = self._out.gate(decisions[0].kind) if paid else "the base fee is above fees.max_fee_gwei"
        if paid is None or closed:
            self._plan(decisions[0])
            return [self._refuse(decisions[0], closed, Outcome.HELD)] * len(decisions)
        # The node works on the answers while the bytes are made; without a good answer they go nowhere.
        simulations = [asyncio.create_task(self._out.simulated(decision, head)) for decision in decisions]
        for _ in range(TURNS):
            await asyncio.sleep(0)
        made: list[asyncio.Task[None]] = []
        try:
            results = [
                await self._made(decision, simulation, paid, made, head)
                for decision, simulation in zip(decisions, simulations, strict=True)
            ]
        finally:
            for simulation in simulations:
                simulation.cancel()
            await together(made)
            self._count()
        return results

    async def _made(
        self,
        decision: Decision,
        simulation: asyncio.Task[tuple[Outcome, str]],
        paid: fees.Fees,
        made: list[asyncio.Task[None]],
        head: Header,
    ) -> tuple[Outcome, str]:
        self._plan(decision)
        signed = self._out.sign(decision, self._nonce, paid, cancels=False)
        outcome, reason = await simulation
        if reason:
            return self._refuse(decision, reason, outcome)
        if closed := self._out.gate(decision.kind):
            return self._refuse(decision, closed, Outcome.HELD)
        if signed is None:
            self._journal.end(decision.id, "dry", "")
            self._ended(decision, "dry")
            return Outcome.DRY, ""
        self._journal.sign(decision.id, self._nonce, signed)
        pending = Pending(decision, self._nonce, [signed])
        self.pending.append(pending)
        self._nonce += 1
        # It waits for no other one's simulation, and is on its way even if the store fails at the next.
        made.append(asyncio.create_task(self._out.broadcast(pending, head)))
        return Outcome.SENT, ""

    def _plan(self, decision: Decision) -> None:
        self._journal.plan(decision)
        metrics.DECISIONS.labels(decision.kind).inc()

    async def tend(self, head: Header, seen: Mapping[str, tuple[int, str]], wanted: Wanted) -> None:
        """Find out about pending transactions, and send again what was taken back.

        Those whose logs were `seen` (hash to block) are known to be mined. Of the others the oldest is asked for: by
        one receipt a head, however often it was replaced, or by its nonce once it has waited too long. Then it is
        replaced at a higher fee, or, if the decision is not `wanted` now, by what only uses up the nonce.
        """
        self.note()
        if self._undone is not None:
            await self._take_back(self._undone, head)
        for pending in list(self.pending):
            for signed in pending.signed:
                if signed.hash in seen:
                    self._mined(pending, signed, *seen[signed.hash], succeeded=True)
                    break
        self._ended_now = await self._follow(head, wanted)
        self._count()

    async def _follow(self, head: Header, wanted: Wanted) -> bool:
        """Whether the oldest one has ended; an endpoint that does not say keeps nothing else from being done."""
        if not self.pending:
            return False
        oldest = self.pending[0]
        last = oldest.newest.sent_block
        if last is None or head.number <= last:
            return False
        try:
            # Before the one before it was mined it could not be: that is no reason to pay more.
            advanced = self._advanced if self._advanced <= head.number else -1
            if head.number - max(last, advanced) < self._section.replace_after_blocks:
                # In turn, the newest first.
                return await self._receipt(oldest, oldest.signed[-1 - (head.number - last - 1) % len(oldest.signed)])
            await self._push(oldest, head, wanted)
        except (LinkError, RpcError) as error:
            log.warning("what became of a transaction is not known", lane=self.name, error=str(error))
        return oldest not in self.pending

    async def wind_up(self, head: Header, wanted: Wanted) -> None:
        """What can wait until all is sent that a head called for.

        What was mined is noted; where the oldest one has ended and nobody told of it, so may the next ones have, which
        are asked for one after the other. What an endpoint did not take is handed out again, as is what has waited
        behind others: a node whose pool is full keeps a few of a key and forgets the rest. And all is replaced at once
        whose fee the next block may refuse: nodes forget such, and while full blocks follow each other one a head would
        be too few. What could not be replaced, for the cap, is handed out anew once its fee is good again.
        """
        while self._ended_now:
            self._ended_now = await self._follow(head, wanted)
        self.note()
        sent, again = [], []
        for place, pending in enumerate(self.pending):
            short = fees.short(pending.newest.max_fee, head.base_fee)
            if short and not self._raise(pending, head, wanted):
                pending.forgotten = True
            elif short or pending.forgotten or pending.newest.sent_block is None:
                sent.append(pending)
            elif 0 < place < TOGETHER:
                waited = head.number - pending.newest.sent_block
                if waited > 0 and waited % self._section.replace_after_blocks == 0:
                    again.append(pending)
        for first in range(0, len(sent), TOGETHER):
            await together(self._out.broadcast(pending, head) for pending in sent[first : first + TOGETHER])
        await together(self._out.hand_out(pending) for pending in again)

    def roll_back(self, after: int) -> None:
        """Blocks after `after` did not happen, or may not have: `tend` sends again what was mined in those."""
        self._undone = after if self._undone is None else min(self._undone, after)
        self._advanced = min(self._advanced, after)

    async def _take_back(self, after: int, head: Header) -> None:
        self._absent.clear()
        if await self._unmine(after):
            self.pending = self._journal.pending(self.address)
            for pending in self.pending:
                await self._out.broadcast(pending, head)
        self._undone = None

    def note(self) -> None:
        """Tell the journal what was mined. It can wait: whoever is killed before learns of it from the chain again."""
        while self._found:
            decision, tx_hash, block, block_hash, succeeded = self._found[0]
            self._journal.mined(decision, tx_hash, block, block_hash, succeeded=succeeded)
            del self._found[0]

    async def _unmine(self, after: int) -> bool:
        for block, block_hash in self._journal.last_mined(self.address, after):
            there = await self._node.call("eth_getBlockByNumber", [hex(block), False])
            if there is None or there["hash"] != block_hash:
                return self._journal.unmine(self.address, block - 1) > 0
        return False

    def _refuse(self, decision: Decision, reason: str, outcome: Outcome) -> tuple[Outcome, str]:
        self._journal.end(decision.id, "given_up", reason)
        self._ended(decision, "given_up")
        metrics.FAILED.labels(decision.kind).inc()
        log.warning("given up before sending", kind=decision.kind, accounts=len(decision.accounts), reason=reason)
        return outcome, reason

    async def _receipt(self, pending: Pending, signed: Signed) -> bool:
        """Whether this one of the transactions is in a block."""
        receipt = await self._node.call("eth_getTransactionReceipt", [signed.hash])
        if receipt is None or not receipt.get("blockNumber"):
            return False
        succeeded = number(receipt.get("status")) == 1
        self._mined(pending, signed, number(receipt["blockNumber"]), receipt["blockHash"], succeeded=succeeded)
        return True

    async def _settle(self, pending: Pending) -> None:
        """The nonce is used: by which of the transactions, one receipt a head, the newest first; or by none of them.

        What is dropped frees its margin: that all endpoints say that the nonce is used came before.
        """
        unasked = [signed for signed in reversed(pending.signed) if signed.hash not in self._absent]
        if unasked and await self._receipt(pending, unasked[0]):
            return
        self._absent.update(signed.hash for signed in unasked[:1])
        if len(unasked) <= 1:
            self._drop(pending, "another transaction used its nonce")

    async def _counts(self) -> list[int]:
        """Transactions of this key in the chain, as each endpoint says."""
        return [number(told) for told in await self._node.every("eth_getTransactionCount", [self.address, "latest"])]

    async def _push(self, pending: Pending, head: Header, wanted: Wanted) -> None:
        counts = await self._counts()
        if min(counts) > pending.nonce:
            await self._settle(pending)
            return
        if max(counts) < pending.nonce:
            # What came before it is mined by the journal and not by the chain: a receipt of a block that is gone.
            log.warning("a nonce before this one is not used", nonce=pending.nonce, on_chain=max(counts))
            self.roll_back(head.number - self._history)
            return
        self._raise(pending, head, wanted)
        await self._out.broadcast(pending, head)

    def _raise(self, pending: Pending, head: Header, wanted: Wanted) -> bool:
        """Sign and journal the same at a higher fee; False where the cap or the gate leaves it as it is."""
        newest = pending.newest
        paid = fees.raised(self._section, fees.Fees(newest.max_fee, newest.tip), head.base_fee)
        if paid is None or self._out.gate(pending.decision.kind):
            return False
        cancels = newest.cancels or not wanted(pending.decision)
        signed = self._out.sign(pending.decision, pending.nonce, paid, cancels=cancels)
        if signed is None:
            return False
        self._journal.sign(pending.decision.id, pending.nonce, signed)
        pending.signed.append(signed)
        log.info("replaced", kind=pending.decision.kind, hash=signed.hash, cancels=cancels, fee=paid.max_fee)
        return True

    def _mined(self, pending: Pending, signed: Signed, block: int, block_hash: str, *, succeeded: bool) -> None:
        self._found.append((pending.decision.id, signed.hash, block, block_hash, succeeded))
        if signed is pending.signed[0]:
            # If it took a higher fee, so will the next.
            self._advanced = block
        self._forget(pending)
        state = "cancelled" if signed.cancels else "mined" if succeeded else "reverted"
        metrics.TRANSACTIONS.labels(pending.decision.kind, state).inc()
        log.info(state, kind=pending.decision.kind, hash=signed.hash, block=block)
        self._ended(pending.decision, state)

    def _drop(self, pending: Pending, reason: str) -> None:
        self._journal.end(pending.decision.id, "dropped", reason)
        self._forget(pending)
        metrics.TRANSACTIONS.labels(pending.decision.kind, "dropped").inc()
        log.warning("dropped", kind=pending.decision.kind, nonce=pending.nonce, reason=reason)
        self._ended(pending.decision, "dropped")

    def _forget(self, pending: Pending) -> None:
        self.pending.remove(pending)
        self._absent.difference_update(signed.hash for signed in pending.signed)

    def _count(self) -> None:
        metrics.PENDING.labels(self.name).set(len(self.pending))
