"""The taker's margin: what the chain shows, less what pending bids have reserved."""

from __future__ import annotations

from keeper.watch import metrics

WAD = 10**18


class InsufficientError(Exception):
    """More was asked for than is free."""


class Ledger:
    """Reservations by decision. A bid reserves before it is journaled and releases when its fate is known."""

    def __init__(self) -> None:
        self._margin = 0
        self._reserved: dict[str, int] = {}

    @property
    def reserved(self) -> int:
        """WAD quote bound by pending bids."""
        return sum(self._reserved.values())

    @property
    def free(self) -> int:
        """WAD quote that another bid may bind; never negative."""
        return max(0, self._margin - self.reserved)

    def observe(self, margin: int) -> None:
        """The taker's margin above its initial requirement, as the chain has it now (may be negative)."""
        self._margin = margin
        metrics.CAPITAL.labels("margin").set(margin / WAD)
        metrics.CAPITAL.labels("reserved").set(self.reserved / WAD)
        metrics.CAPITAL.labels("free").set(self.free / WAD)

    def reserve(self, decision: str, amount: int) -> None:
        """Bind margin to a decision, once. Raises InsufficientError and binds nothing if it is not free."""
        if amount < 0:
            raise ValueError(f"a reservation of {amount}")
        if decision in self._reserved:
            raise ValueError(f"decision {decision} has reserved already")
        if amount > self.free:
            raise InsufficientError(f"{amount} asked for, {self.free} free")
        self._reserved[decision] = amount

    def restore(self, decision: str, amount: int) -> None:
        """Bind again what a pending decision of an earlier process had bound, whatever the margin is now."""
        self._reserved[decision] = amount

    def release(self, decision: str) -> None:
        """Let go of a decision's margin; nothing happens if it bound none."""
        self._reserved.pop(decision, None)
