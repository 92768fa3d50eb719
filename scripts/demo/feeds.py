"""Where prices come from in the demo: signed rounds every block, and slow feeds that lag behind them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from keeper.publish.reports import Entry, sign_report

from .deployer import Deployment
from .settings import BLOCK_SECONDS, MARKETS
from .wallets import FIRST_TIP, Wallet

TICK = 10**10
"""Prices have 8 decimals, as the slow feeds have: WAD less 10 digits."""

SLOW_LAG = 2
"""Blocks by which a slow feed's answer is older than the round beside it."""

SLOW_DEVIATION = 0.005
SLOW_HEARTBEAT = 1800
CONFIDENCE = (20, 200)
"""Least and most half-width of a price's interval, in 1e-5."""

BASIS_MOST = 500
BASIS_BLOCKS = 30
UPDATE_GAS = 1_500_000
PUSH_GAS = 200_000


def quoted(price: float) -> int:
    """A price in WAD quote, to the 8 decimals that feeds carry."""
    return round(price * 10**8) * TICK


def confidence_of(before: float, price: float) -> int:
    """Wider when the price has just moved: a fifth of the move, within CONFIDENCE, in 1e-5."""
    moved = abs(price / before - 1.0) * 1e5 / 5
    return int(min(max(moved, CONFIDENCE[0]), CONFIDENCE[1]))


def basis_of(before: float, price: float) -> int:
    """A perp that trades ahead of its index: a fiftieth of the recent move, at most 5 bps, in 1e-6."""
    return int(min(max((price / before - 1.0) * 1e6 / 50, -BASIS_MOST), BASIS_MOST))


class Feeds:
    """Makes each block's price transactions. The publisher pays for them; signers only sign."""

    def __init__(self, deployment: Deployment, publisher: Wallet, keys: list[bytes]) -> None:
        """`keys` are as many signers' as a round needs."""
        self._deployment = deployment
        self._publisher = publisher
        self._keys = keys
        self._history: deque[Mapping[str, float]] = deque(maxlen=BASIS_BLOCKS)
        self._pushed: dict[str, tuple[float, int]] = {}

    def transactions(self, prices: Mapping[str, float], timestamp: int) -> list[str]:
        """Signed transactions for a block of that time: the round, and each slow feed that has cause to answer."""
        self._history.append(prices)
        return [*self._pushes(timestamp), self._round(prices, timestamp)]

    def _round(self, prices: Mapping[str, float], timestamp: int) -> str:
        before = self._history[-2] if len(self._history) > 1 else prices
        trend = self._history[0]
        entries = [
            Entry(
                self._deployment.markets[name],
                quoted(prices[name]),
                confidence_of(before[name], prices[name]),
                basis_of(trend[name], prices[name]),
            )
            for name in MARKETS
        ]
        engine = self._deployment.contracts["RiskEngine"]
        chain_id = self._deployment.chain_id
        number = timestamp // BLOCK_SECONDS
        reports = [sign_report(entries, number, chain_id, str(engine.address), key) for key in self._keys]
        data = engine.encode_abi("update", [[tuple(report) for report in reports]])
        return self._publisher.sign(str(engine.address), data, UPDATE_GAS, FIRST_TIP)

    def _pushes(self, timestamp: int) -> list[str]:
        """Answers of the slow feeds: what the price was some blocks ago, once it has moved far or long enough."""
        seen = self._history[max(0, len(self._history) - 1 - SLOW_LAG)]
        return [self._push(name, seen[name], timestamp) for name in MARKETS if self._due(name, seen[name], timestamp)]

    def _due(self, name: str, price: float, timestamp: int) -> bool:
        if name not in self._pushed:
            return True
        last, when = self._pushed[name]
        return abs(price / last - 1.0) >= SLOW_DEVIATION or timestamp - when >= SLOW_HEARTBEAT

    def _push(self, name: str, price: float, timestamp: int) -> str:
        self._pushed[name] = price, timestamp
        feed = self._deployment.feeds[name]
        data = feed.encode_abi("push", [quoted(price) // TICK, timestamp])
        return self._publisher.sign(str(feed.address), data, PUSH_GAS, 2 * FIRST_TIP)
