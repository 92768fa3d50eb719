"""How far prices may move before an account is under the line: for people, in floats."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from keeper.book.exact import Exact
from keeper.book.line import Floats
from keeper.book.screen import MARKETS, Markets, markets_of, screen
from keeper.book.store import Book
from keeper.chain.events import AccountChanged, changes_of
from keeper.model.rounding import WAD
from keeper.model.words import BUCKETS

FALL, RISE = -0.95, 3.0
STEPS = 60
HALVINGS = 40


class Share(NamedTuple):
    """What one market adds to an account, quote units. `systematic`, `idiosyncratic` and `gross` add up to R + G."""

    market: int
    exposure: float
    value: float
    systematic: float
    idiosyncratic: float
    gross: float


class Near:
    """One account, to be measured at other prices than those of the chain."""

    def __init__(self, exact: Exact, account: int) -> None:
        entry = exact.mirror.entry(account)
        self._book = Book()
        maps = entry.spots | entry.perps << 64
        self._book.apply(changes_of([AccountChanged(account, 0, entry.header, maps, entry.words)]))
        self._holdings = exact.holdings(account)
        self._markets = markets_of(exact)

    def moved(self, market: int | None) -> float | None:
        """The smallest relative move of one market's price (of all for None) that puts equity at MM or below.

        None if no move between -95% and +300% does. For an account that is under the line already, 0.
        """
        if self._surplus(market, 0.0) < 0:
            return 0.0
        found = [self._first(market, np.linspace(0, end, STEPS + 1)) for end in (FALL, RISE)]
        moves = [move for move in found if move is not None]
        return min(moves, key=abs) if moves else None

    def shares(self) -> list[Share]:
        """What each held market contributes: MM is homogeneous, so by Euler its gradient splits it."""
        markets = self._markets
        spot, size, cost = np.zeros((3, MARKETS))
        for market, held in self._holdings.items():
            spot[market], size[market], cost[market] = (amount / WAD for amount in held)
        exposure = (spot + size) * markets.index
        buckets = np.zeros(BUCKETS)
        np.add.at(buckets, markets.bucket, markets.s * exposure)
        positive, negative = np.maximum(buckets, 0).sum(), np.minimum(buckets, 0).sum()
        slope = markets.own @ buckets
        slope += markets.kappa * np.where(buckets > 0, positive, np.where(buckets < 0, negative, 0.0))
        systematic = markets.s * exposure * slope[markets.bucket]
        single = (markets.u * exposure) ** 2
        root = float(np.sqrt(max(float((systematic + single).sum()), 0.0)))
        share = 1 / root if root > 0 else 0.0
        value = spot * markets.index + size * markets.p_star - cost
        gross = markets.g * (spot + np.abs(size)) * markets.index
        return [
            Share(
                int(m),
                float(exposure[m]),
                float(value[m]),
                float(systematic[m]) * share,
                float(single[m]) * share,
                float(gross[m]),
            )
            for m in sorted(self._holdings)
        ]

    def _surplus(self, market: int | None, move: float) -> float:
        result = screen(self._book, _shifted(self._markets, market, move))
        if result.requirement[0] == 0:
            return float("inf")
        return float(result.equity[0] - result.requirement[0])

    def _first(self, market: int | None, moves: Floats) -> float | None:
        before = 0.0
        for move in moves[1:]:
            if self._surplus(market, move) < 0:
                return self._between(market, before, float(move))
            before = float(move)
        return None

    def _between(self, market: int | None, above: float, below: float) -> float:
        for _ in range(HALVINGS):
            middle = (above + below) / 2
            if self._surplus(market, middle) < 0:
                below = middle
            else:
                above = middle
        return below


def _shifted(markets: Markets, market: int | None, move: float) -> Markets:
    """Prices after a relative move; the funding accrued so far stays as it is."""
    factor = np.ones_like(markets.index)
    factor[slice(None) if market is None else market] += move
    basis = markets.p_star - markets.index
    return replace(markets, index=markets.index * factor, p_star=markets.index * factor + basis)
