"""A RiskEngine that a timelock owns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from ape import chain

from tests.unit.system import ORACLE, RISK

DELAY = 172_800
NOBODY = "0x" + "00" * 20
NO_HASH = b"\0" * 32


@dataclass
class Council:
    """A timelock, the engine it owns and its wallets; operations are single calls to the engine."""

    timelock: Any
    engine: Any
    proposer: Any

    def call(self, function: str, *args: Any) -> tuple[Any, ...]:
        """Target, amount, payload, predecessor and salt of an operation."""
        return (self.engine, 0, getattr(self.engine, function).encode_input(*args), NO_HASH, NO_HASH)

    def schedule(self, call: tuple[Any, ...], delay: int = DELAY, **options: Any) -> Any:
        return self.timelock.schedule(*call, delay, sender=options.pop("sender", self.proposer), **options)

    def execute(self, call: tuple[Any, ...], **options: Any) -> Any:
        return self.timelock.execute(*call, sender=options.pop("sender", self.proposer), **options)

    def id(self, call: tuple[Any, ...]) -> bytes:
        return self.timelock.hash_operation(*call)

    @staticmethod
    def wait(seconds: int = DELAY) -> None:
        chain.pending_timestamp += seconds


@pytest.fixture(scope="session")
def ground():
    """Nothing that a session keeps."""


@pytest.fixture(scope="module")
def council(load, owner, guardian):
    """Who deployed everything proposes nothing any more; the guardian's wallet stands for the council."""
    engine = owner.deploy(load("RiskEngine"), ORACLE, NOBODY, 0)
    timelock = owner.deploy(load("Timelock"), DELAY, [guardian], [NOBODY])
    engine.set_risk(RISK.pack(), sender=owner)
    engine.transfer_ownership(timelock, sender=owner)
    council = Council(timelock, engine, guardian)
    accept = council.call("accept_ownership")
    council.schedule(accept)
    council.wait()
    council.execute(accept)
    return council
