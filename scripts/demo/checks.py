"""The two identities that must hold after every block, recomputed from events and token balances."""

from __future__ import annotations

from collections.abc import Mapping

from .mirror import Mirror

DUST = 10**12
"""What rounding may leave with the protocol over a whole run: a millionth of a quote unit, in WAD."""


def custody_fault(mirror: Mirror, quote_held: int, spots_held: Mapping[int, int]) -> str:
    """Why the tokens that the protocol holds do not match what it owes; "" if they do. Amounts in WAD."""
    cash = sum(mirror.cash(account) for account in mirror.accounts.values())
    cost = sum(holding.cost for account in mirror.accounts.values() for holding in account.holdings.values())
    dust = quote_held - (cash + mirror.custody.reserve - cost)
    if not 0 <= dust <= DUST:
        return f"quote held {quote_held} is {dust} above cash {cash} + reserve {mirror.custody.reserve} - cost {cost}"
    for market, held in spots_held.items():
        owed = sum(account.holdings[market].spot for account in mirror.accounts.values() if market in account.holdings)
        if held < owed:
            return f"market {market}: {held} tokens held, {owed} owed"
    return ""


def sums_fault(mirror: Mirror) -> str:
    """Which market breaks Σ size = 0 or Σ cost <= 0, or differs from its own book; "" if none does."""
    sizes: dict[int, int] = {}
    costs: dict[int, int] = {}
    for account in mirror.accounts.values():
        for market, holding in account.holdings.items():
            sizes[market] = sizes.get(market, 0) + holding.size
            costs[market] = costs.get(market, 0) + holding.cost
    for market, size in sizes.items():
        cost = costs[market]
        if size != 0:
            return f"market {market}: sizes sum to {size}"
        if cost > 0:
            return f"market {market}: costs sum to {cost}"
        book = mirror.books.get(market)
        if book and book.cost != cost:
            return f"market {market}: costs sum to {cost}, its book says {book.cost}"
    return ""
