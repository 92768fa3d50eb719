"""Who pays for a slice that costs more than its account has: the vault, then all who own cash (docs/exact.md, 5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from keeper.book.exact import Exact
from keeper.model.rounding import WAD
from keeper.model.trading import FLOOR


@dataclass(frozen=True, slots=True)
class Backing:
    """What is there to pay with. WAD quote, but the supply index: WAD."""

    reserve: int
    """The vault's, and not in its account yet: it pays first."""
    vault: int
    """Cash of the vault's account."""
    owned: int
    """All positive cash, the vault's too."""
    supply: int

    def after(self, paid: int, owned_more: int) -> Backing | None:
        """What is there once `paid` is taken from it (negative: it gets that), or None where the slice is refused.

        `owned_more` is what the slice itself adds to all positive cash before any loss is shared. Refused is a loss
        that would leave the supply index below its floor.
        """
        owned = self.owned + owned_more
        if paid <= 0:
            return replace(self, reserve=self.reserve - paid, owned=owned)
        drawn = min(paid, self.reserve)
        from_vault = min(paid - drawn, max(0, self.vault))
        loss = paid - drawn - from_vault
        owned -= from_vault
        if loss and loss >= owned:
            return None
        supply = self.supply * (owned - loss) // owned if loss else self.supply
        if loss and supply < FLOOR:
            return None
        return Backing(self.reserve - drawn, self.vault - from_vault, owned - loss, supply)


def backing_of(exact: Exact) -> Backing:
    """What is there now."""
    vault = exact.mirror.scalars["vault"] << 96
    supply = exact.indices.supply
    return Backing(exact.custody.reserve, exact.cash(vault), exact.totals.positive * supply // WAD, supply)


def shared(cash: int, before: Backing, after: Backing) -> int:
    """What an account's cash is once the supply index has fallen from the one to the other: debts stay as they are."""
    return cash * after.supply // before.supply if cash > 0 else cash
