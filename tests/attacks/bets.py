"""A bet of one owner on both sides, which pays where somebody else must bear what the losing side cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import astuple

from keeper.model.auction_house import Lot
from tests.attacks.prints import Numbers
from tests.attacks.scene import WAD, Scene

STEP = 0.015
"""What a price moves at most between two looks of who liquidates."""


def hunt(scene: Scene, accounts: Iterable[int], taker: int) -> None:
    """Somebody takes whatever of these accounts may be taken."""
    for account in accounts:
        scene.attempt(scene.auction, "bid", taker, [astuple(Lot(account, WAD))], by="other")


def unpaid(scene: Scene, ends: Numbers, *subs: int, move: Callable[[Numbers], object] | None = None) -> float:
    """What accounts of the attacker owe beyond what they own as prices go to their ends in small steps.

    So much its other accounts have won of what nobody has paid in, and it walks away from these. At each step
    somebody takes whatever may be taken.
    """
    taker = scene.deposit("other", 9, 10_000_000)
    owed = dict.fromkeys((scene.account("attacker", sub) for sub in subs), 0.0)
    starts = {market: scene.now_prices[market] for market in ends}
    farthest = max(abs(end - starts[market]) / starts[market] for market, end in ends.items())
    steps = max(1, round(farthest / STEP + 0.5))
    for step in range(1, steps + 1):
        there = {market: starts[market] + (end - starts[market]) * step / steps for market, end in ends.items()}
        (move or scene.prices)(there)
        owed = {account: max(lost, -scene.worth(account)) for account, lost in owed.items()}
        hunt(scene, owed, taker)
    return sum(owed.values())
