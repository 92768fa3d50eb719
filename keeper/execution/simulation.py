"""What the chain says of a call before it is signed, and what that means for those it is about."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Protocol

from keeper.chain.types import Header, LinkError, RpcError
from keeper.execution.decisions import OPEN
from keeper.store.journal import Decision

REVERTED, INVALID = 3, -32602
PASSING = (-32001, -32002, -32005)
"""Codes of what cannot be found, is not available, or is asked too often. Not of what went wrong inside (-32603): some
nodes say so of a call that ran out of gas.
"""
UNDECIDED = (
    *("header not found", "hash not found", "block not found", "could not be found", "unknown block", "canonical"),
    *("missing trie node", "no state", "not available", "unavailable", "rate limit", "limit exceeded", "limit reached"),
    *("too many", "capacity", "timeout", "timed out", "overloaded", "syncing"),
)
"""In what an endpoint says that could not, or would not, carry out a call."""


HARMLESS = (OPEN,)
"""Kinds of decision that are sent where nobody can say whether they would fail: a sighting leaves out what it cannot
sight, and nobody may hide behind an endpoint.
"""


class Outcome(StrEnum):
    """What became of a decision that was handed to a lane; `held`: not sent, for nothing that its accounts did."""

    SENT = "sent"
    DRY = "dry"
    REFUSED = "refused"
    HELD = "held"


class Requests(Protocol):
    """As much of a node as most need."""

    async def call(self, method: str, params: list[Any]) -> Any:
        """The result. Raises LinkError or RpcError."""
        ...


class Endpoints(Requests, Protocol):
    """As much of a node as a lane needs."""

    async def every(self, method: str, params: list[Any]) -> list[Any]:
        """What each endpoint that answers says. Raises LinkError if none does."""
        ...

    async def spread(self, method: str, params: list[Any]) -> Any:
        """As `call`, and all others are told the same."""
        ...


async def simulate(node: Requests, sender: str, decision: Decision, head: Header) -> tuple[Outcome, str]:
    """Why the call would fail at the head that it was decided at, and what that makes of it; empty if it would not.

    An endpoint that does not have that block, or does not answer, says nothing of the call.
    """
    call = {
        "from": sender,
        "to": decision.target,
        "data": "0x" + decision.data.hex(),
        "gas": hex(decision.gas),
    }
    try:
        try:
            await node.call("eth_call", [call, {"blockHash": head.hash}])
        except RpcError as error:
            if error.code != INVALID:
                raise
            # Some take no hash.
            await node.call("eth_call", [call, hex(head.number)])
    except RpcError as error:
        return _meant_by(error), error.message or "refused without a word"
    except LinkError as error:
        return Outcome.HELD, str(error)
    return Outcome.SENT, ""


def _meant_by(error: RpcError) -> Outcome:
    """Whether a call fails, or an endpoint could not say. What is not known to be the latter counts as the former: else
    one account could hold up those that it is tried with for ever."""
    text = error.message.lower()
    if error.code == REVERTED or "revert" in text:
        return Outcome.REFUSED
    undecided = error.code in PASSING or any(word in text for word in UNDECIDED)
    return Outcome.HELD if undecided else Outcome.REFUSED
