"""A timelock for owner: what is scheduled, carried out and taken back, and by whom it may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keeper.model.state import require
from tests.model.chain import load, send
from tests.model.governance import Change, not_the_owner
from tests.model.winding_flow import WindingFlow

DELAY = 3_600
NONE = bytes(32)
MISSING_ROLE = "access_control: account is missing role"


@dataclass
class Operation:
    """Fees that somebody wants set, and how far that has come."""

    fees: tuple[int, int]
    salt: bytes
    predecessor: bytes
    id: bytes
    ready: int = 0
    done: bool = False


class TimelockFlow(WindingFlow):
    """A walk in which a timelock owns the Exchange; its acts, and those that others try in its place."""

    def hand_over(self) -> None:
        """The Exchange goes from its deployer to the timelock, as a deployment does it with every contract."""
        self.proposer, self.executor = self.actors.wallets[2], self.actors.wallets[3]
        self.lock = load("Timelock", 0, [self.proposer], [self.executor])
        self.operations: list[Operation] = []
        exchange = self.world.exchange
        calls: list[tuple[Any, str, tuple[object, ...], str]] = [
            (exchange, "transfer_ownership", (self.lock.address,), self.actors.owner)
        ]
        for target, function, args in ((exchange, "accept_ownership", ()), (self.lock, "update_delay", (DELAY,))):
            payload = bytes(getattr(target, function).prepare_calldata(*args))
            told = (target.address, 0, payload, NONE, NONE)
            calls += [
                (self.lock, "schedule", (*told, 0), self.proposer),
                (self.lock, "execute", told, self.executor),
            ]
        for contract, function, args, sender in calls:
            refusal = send(contract, function, *args, sender=sender)[0]
            assert not refusal, f"{function}: {refusal}"

    def _fees(self) -> Change:
        """Fees are the timelock's to set, no longer their deployer's."""
        contract, function, args, _ = super()._fees()
        return contract, function, args, not_the_owner

    def _payload(self, fees: tuple[int, int]) -> bytes:
        return bytes(self.world.exchange.set_fees.prepare_calldata(*fees))

    def _told(self, operation: Operation) -> tuple[object, ...]:
        return (
            self.world.exchange.address,
            0,
            self._payload(operation.fees),
            operation.predecessor,
            operation.salt,
        )

    def timelock(self) -> None:
        """One act on the timelock."""
        rng = self.rng
        if not self.operations or rng.random() < 0.35:
            self._schedule()
            return
        operation = rng.choice(self.operations[-8:])
        roll = rng.random()
        if roll < 0.15:
            caller = self.proposer if rng.random() < 0.8 else self.actors.anyone()
            self._do("cancel", (operation.id,), caller, lambda: self._take_back(caller, operation))
        elif roll < 0.25:
            refusal = "timelock_controller: caller must be timelock"
            caller = rng.choice([self.proposer, self.actors.anyone()])
            self._do("update_delay", (rng.randint(1, 2 * DELAY),), caller, lambda: require(False, refusal))
        else:
            if rng.random() < 0.5 and not operation.done and operation.ready > self.model.now:
                self.world.at(operation.ready)
                self.data.confirm()
                self.data.update(everywhere=True)
            caller = self.executor if rng.random() < 0.9 else self.actors.anyone()
            self._do("execute", self._told(operation), caller, lambda: self._carry_out(caller, operation))

    def _schedule(self) -> None:
        rng = self.rng
        fees = (rng.choice([0, 3, 10, 101]), rng.choice([0, 1, 5]))
        earlier = [operation.id for operation in self.operations[-3:]]
        predecessor = rng.choice(earlier) if earlier and rng.random() < 0.3 else NONE
        operation = Operation(fees, rng.randbytes(32), predecessor, NONE)
        if self.operations and rng.random() < 0.1:
            operation = self.operations[-1]
        else:
            operation.id = self.lock.hash_operation(*self._told(operation))
        delay = rng.choice([DELAY, DELAY, DELAY + 60, DELAY - 1])
        caller = self.proposer if rng.random() < 0.9 else self.actors.anyone()

        def act() -> None:
            require(caller == self.proposer, MISSING_ROLE)
            require(not operation.ready and not operation.done, "timelock_controller: operation already scheduled")
            require(delay >= DELAY, "timelock_controller: insufficient delay")

        if not self._do("schedule", (*self._told(operation), delay), caller, act):
            operation.ready = self.model.now + delay
            if operation not in self.operations:
                self.operations.append(operation)

    def _take_back(self, caller: str, operation: Operation) -> None:
        require(caller == self.proposer, MISSING_ROLE)
        require(operation.ready > 0, "timelock_controller: operation cannot be cancelled")
        operation.ready = 0

    def _carry_out(self, caller: str, operation: Operation) -> None:
        require(caller == self.executor, MISSING_ROLE)
        waiting = operation.ready == 0 or operation.ready > self.model.now
        require(not waiting, "timelock_controller: operation is not ready")
        done = {one.id for one in self.operations if one.done}
        fine = operation.predecessor == NONE or operation.predecessor in done
        require(fine, "timelock_controller: missing dependency")
        self.model.exchange.set_fees(*operation.fees)
        operation.ready, operation.done = 0, True

    def _do(self, function: str, args: tuple[object, ...], caller: str, act: Callable[[], None]) -> str:
        return self.world.both("timelock", self.lock, function, args, caller, act)
