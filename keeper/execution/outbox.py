"""The bytes of one key: what the chain says of a call, the signature, and handing out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

from keeper.chain.node import is_final
from keeper.chain.types import Header, LinkError, RpcError
from keeper.execution import fees
from keeper.execution.signers import Signer
from keeper.execution.simulation import HARMLESS, Endpoints, Outcome, simulate
from keeper.store.journal import Decision, Journal, Pending, Signed
from keeper.watch import metrics

log = structlog.get_logger(__name__)

CANCEL_GAS = 21_000
KNOWN_ALREADY = ("already known", "already imported", "known transaction", "alreadyknown")
NONCE_USED = ("nonce too low", "nonce is too low", "oldnonce", "invalid nonce")

Gate = Callable[[str], str]
"""Why nothing of a kind of decision may be signed or sent at this moment; empty if it may."""


async def together(acts: Iterable[Awaitable[object]]) -> None:
    """All of them to their end; then the first error, if there was one."""
    for result in await asyncio.gather(*acts, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


class Outbox:
    """Of one lane, which says what is sent and in which order."""

    def __init__(self, signer: Signer, node: Endpoints, journal: Journal, chain_id: int, gate: Gate) -> None:
        self.gate = gate
        self._signer = signer
        self._node = node
        self._journal = journal
        self._chain_id = chain_id
        # The head at which nobody could say what a call would do.
        self._silent = -1

    async def simulated(self, decision: Decision, head: Header) -> tuple[Outcome, str]:
        """What the chain says of it at the head; of what does no harm only as long as it says anything."""
        harmless = decision.kind in HARMLESS
        if harmless and self._silent == head.number:
            return Outcome.SENT, ""
        outcome, reason = await simulate(self._node, self._signer.address, decision, head)
        if harmless and outcome is Outcome.HELD:
            self._silent = head.number
            log.warning("sent without being simulated", kind=decision.kind, error=reason)
            return Outcome.SENT, ""
        return outcome, reason

    def sign(self, decision: Decision, nonce: int, paid: fees.Fees, *, cancels: bool) -> Signed | None:
        """A decision's bytes, or those of what only uses up its nonce; None from a signer that signs nothing."""
        transaction = {
            "type": 2,
            "chainId": self._chain_id,
            "nonce": nonce,
            "to": self._signer.address if cancels else decision.target,
            "data": b"" if cancels else decision.data,
            "value": 0,
            "gas": CANCEL_GAS if cancels else decision.gas,
            "maxFeePerGas": paid.max_fee,
            "maxPriorityFeePerGas": paid.tip,
        }
        signed = self._signer.sign(transaction)
        if signed is None or not cancels:
            return signed
        return Signed(signed.hash, signed.raw, signed.max_fee, signed.tip, cancels=True)

    async def broadcast(self, pending: Pending, head: Header) -> None:
        """Hand out the newest bytes, and note when. Who is not reached, or refuses them, is asked again later."""
        if not await self.hand_out(pending):
            return
        signed = pending.newest
        self._journal.sent(pending.decision.id, signed.hash, head.number)
        pending.forgotten = False
        pending.signed[-1] = Signed(
            signed.hash, signed.raw, signed.max_fee, signed.tip, signed.cancels, sent_block=head.number
        )

    async def hand_out(self, pending: Pending) -> bool:
        """Whether a node has the newest bytes, or says that they are no good; else they are handed out again."""
        signed = pending.newest
        if closed := self.gate(pending.decision.kind):
            log.warning("held back", hash=signed.hash, why=closed)
            return False
        try:
            taken = await self._node.spread("eth_sendRawTransaction", ["0x" + signed.raw.hex()])
        except LinkError as error:
            log.warning("not sent yet", hash=signed.hash, error=str(error))
            return False
        except RpcError as error:
            text = error.message.lower()
            if any(phrase in text for phrase in (*KNOWN_ALREADY, *NONCE_USED)):
                return True
            log.error("refused by the node", kind=pending.decision.kind, hash=signed.hash, error=error.message)
            metrics.TRANSACTIONS.labels(pending.decision.kind, "refused").inc()
            # Of a full pool, or asked too often, it may do better.
            return is_final(error)
        return isinstance(taken, str)
