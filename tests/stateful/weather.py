"""Prices as bad as they come: crashes deeper than what accounts have, flash prints, basis moves, outages."""

from __future__ import annotations

from keeper.model.prices import MAX_PRICE, MIN_PRICE
from keeper.model.risk_engine import Quoted
from tests.model.market_data import MarketData
from tests.model.world import FEED_DECIMALS, MARKETS

DEEP = [0.3, 0.45, 0.6, 0.75, 0.85, 1.2, 1.5, 2.2]
WIDEST_BASIS = 500_000


class Weather(MarketData):
    """Market data with a temper that an episode chooses."""

    deep = silent = leaning = False

    def shake(self) -> None:
        """A jump that the slow feeds confirm; in deep weather often a crash."""
        if self.deep and self.rng.random() < 0.4:
            self._jump(range(MARKETS))
            self.confirm()
        super().shake()

    def move(self) -> None:
        """The next prices; in deep weather now and then a print that nobody confirms."""
        if self.deep and self.rng.random() < 0.02:
            self._jump([self.rng.randrange(MARKETS)])
        super().move()

    def _jump(self, markets: list[int] | range) -> None:
        jump = self.rng.choice(DEEP)
        for market in markets:
            self.true[market] = min(MAX_PRICE, max(MIN_PRICE, int(self.true[market] * jump)))

    def pass_time(self) -> None:
        """In silence nobody brings prices for a while, so that they are late, and then dead."""
        if not self.silent or self.rng.random() > 0.012:
            super().pass_time()
            return
        self.world.at(self.now + self.rng.choice([16, 30, 61, 120, 301, 700]))
        for market in FEED_DECIMALS:
            if self.rng.random() < 0.5:
                self.world.engines.push(self.world.model.engine.feeds[market].address, None)

    def _quoted(self, market: int, basis: int) -> Quoted:
        quoted = super()._quoted(market, basis)
        if self.leaning and basis:
            return quoted._replace(basis=WIDEST_BASIS if basis > 0 else -WIDEST_BASIS)
        return quoted
