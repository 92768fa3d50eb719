"""Capital: one ledger of what is free and what a pending bid has reserved."""

from keeper.capital.ledger import InsufficientError, Ledger

__all__ = ["InsufficientError", "Ledger"]
