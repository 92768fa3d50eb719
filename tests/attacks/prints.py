"""What who prints prices may do: reports of any round, price, basis and signers; and what one keeps who walks away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keeper.model.prices import encode_price
from keeper.model.risk_engine import Quoted, Report
from tests.attacks.scene import UNIT, WAD, Scene
from tests.model.chain import ORACLE, Reports, number

ROUND = ORACLE.round_seconds
TAU = ORACLE.tau
Numbers = dict[int, float]


def reports(
    scene: Scene,
    prices: Numbers | None = None,
    basis: Numbers | None = None,
    *,
    back: int = 0,
    signers: Sequence[int | str] = (0, 1, 2),
    only: tuple[int, ...] = (),
) -> Any:
    """Signed reports of `back` seconds ago: these prices and bases, the rest as it is; `only` of some markets.

    A signer is a place in the list of them, or the name of a wallet.
    """
    engines = scene.world.engines
    named = scene.now_prices | (prices or {})
    entries = tuple(
        Quoted(market, encode_price(int(price * WAD)), 0, round((basis or {}).get(market, 0) * 10**6))
        for market, price in named.items()
        if not only or market in only
    )
    made = Reports([], [])
    for place in signers:
        key = engines.signers[place] if isinstance(place, int) else scene.keys[place]
        made.add(engines, Report((scene.now - back) // ROUND, entries, number(key.public_key.to_address())), key)
    return made.signed


def bring(scene: Scene, prices: Numbers | None = None, basis: Numbers | None = None, **how: Any) -> bool:
    """An update with such reports; whether it was taken."""
    return scene.attempt(scene.engine, "update", reports(scene, prices, basis, **how))


def feed_of(scene: Scene, market: int) -> Any:
    """A market's aggregator."""
    return scene.world.engines.feeds[scene.engine.slow_feed(market) & 2**160 - 1]


def kept(scene: Scene, name: str, *subs: int) -> float:
    """All that a wallet has if it walks away from each account that owes more than it owns."""
    shares = scene.vault.balanceOf(scene.wallets[name]) + scene.vault.request_of(scene.wallets[name])[0]
    accounts = sum(max(0.0, scene.worth(scene.account(name, sub))) for sub in subs)
    return scene.wallet(name) + accounts + float(scene.vault.convertToAssets(shares)) / UNIT
