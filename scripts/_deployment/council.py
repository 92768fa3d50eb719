"""Acts of a network that a timelock owns: the same call first schedules them, and carries them out after the delay."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ape.api import AccountAPI
from ape.contracts import ContractInstance

from scripts._deployment.refusal import Refused

NOTHING_BEFORE = b"\0" * 32
MOST_REPEATS = 1_000
"""How often one and the same list of calls may come back: each time under the next salt."""


@dataclass
class Council:
    """A timelock and who speaks to it. Calls are collected, then proposed together: all of them or none."""

    timelock: ContractInstance
    account: AccountAPI
    targets: list[str] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def add(self, contract: ContractInstance, method: str, *arguments: Any, why: str) -> None:
        """Collect a call."""
        self.targets.append(contract.address)
        self.payloads.append(bytes(getattr(contract, method).encode_input(*arguments)))
        self.reasons.append(why)

    def propose(self) -> list[str]:
        """Schedule what was collected, or carry it out if it is scheduled and its time has come; says what was done.

        Raises Refused where the account has not the role for it.
        """
        if not self.targets:
            return []
        timelock = self.timelock
        call = (self.targets, [0] * len(self.targets), self.payloads, NOTHING_BEFORE)
        salt = next(
            (salt for salt in range(MOST_REPEATS) if not self._is_done((*call, salt.to_bytes(32, "big")))), None
        )
        if salt is None:
            raise Refused(f"the same {len(self.targets)} calls were carried out {MOST_REPEATS} times")
        operation = (*call, salt.to_bytes(32, "big"))
        id_ = timelock.hash_operation_batch(*operation)
        if timelock.is_operation_ready(id_):
            timelock.execute_batch(*operation, sender=self.account)
            return [f"carried out: {reason}" for reason in self.reasons]
        if timelock.is_operation(id_):
            ready = timelock.get_timestamp(id_)
            return [f"waits in the timelock until {ready} (chain seconds): {reason}" for reason in self.reasons]
        if not timelock.hasRole(timelock.PROPOSER_ROLE(), self.account):
            raise Refused(f"{self.account.address} may not propose to the timelock at {timelock.address}")
        delay = int(timelock.get_minimum_delay())
        timelock.schedule_batch(*operation, delay, sender=self.account)
        return [f"scheduled, for {delay} s from now: {reason}" for reason in self.reasons]

    def _is_done(self, operation: tuple[Any, ...]) -> bool:
        return bool(self.timelock.is_operation_done(self.timelock.hash_operation_batch(*operation)))
