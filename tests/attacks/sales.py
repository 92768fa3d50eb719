"""What attacks on the auction share: watching a breach, acts of an owner and of strangers, and what a sale may cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.attacks.scene import ETH, UNIT, WAD, Scene
from tests.model.chain import ORACLE
from tests.model.world import LIMITS, TERMS

BPS = 10_000
TARGET, PENALTY = TERMS.target / BPS, TERMS.penalty / BPS
MOST = LIMITS.most / WAD
"""That the vault adds to λ in an epoch for accounts with equity."""


def total(scene: Scene, whose: Mapping[str, Sequence[int]]) -> float:
    """Equity of several wallets with the accounts named."""
    return sum(scene.equity(name, *subs) for name, subs in whose.items())


def watch(scene: Scene, account: int, seconds: int, by: str = "other") -> None:
    """Sight an account now, and on until `seconds` (even) have passed, at prices as they are."""
    scene.do(scene.auction, "open", [account], by=by)
    while seconds > 0:
        step = min(TERMS.watch, seconds)
        scene.at(step - 2)
        scene.prices()
        scene.do(scene.auction, "open", [account], by=by)
        seconds -= step


def curve(elapsed: float) -> float:
    """λ of the scene's curve."""
    if elapsed <= 60:
        return 0.35 * elapsed / 60
    return min(0.7, 0.35 + 0.35 * (elapsed - 60) / 240)


@dataclass(frozen=True)
class Sale:
    """What relief of an account may cost it, by the rule, as it stands."""

    equity: float
    mm: float
    price: float
    """λ_a"""
    penalty: float
    """φ_a"""
    fraction: float
    """f_max, or all where less than the least requirement would be left"""

    bonus: float
    """λ_v - λ_a, of the vault"""

    @property
    def taker(self) -> float:
        """What who relieves it may gain."""
        return self.price * self.fraction * self.mm

    @property
    def vault(self) -> float:
        """What the vault may add to it."""
        return min(MOST, self.bonus * self.fraction * self.mm)


def sale(scene: Scene, account: int, elapsed: float) -> Sale:
    """The rule of section 8, worked out beside the contracts."""
    found = scene.assess(account)
    health = max(0.0, found.equity / found.mm)
    price = min(curve(elapsed), health)
    penalty = min(PENALTY, health - price)
    fraction = min(1.0, (TARGET - found.equity / found.mm) / (TARGET - price - penalty))
    if found.mm * (1 - fraction) < found.floor:
        fraction = 1.0  # all or nothing
    bonus = max(0.0, curve(elapsed) * min(1.0, elapsed / TERMS.backstop) - price)
    return Sale(found.equity / WAD, found.mm / WAD, price, penalty, fraction, bonus)


def pair(scene: Scene, size: float, cash: float, price: float = 2_000) -> tuple[int, int]:
    """Two accounts of the attacker: long with just this cash, and the other side with plenty."""
    long, short = scene.deposit("attacker", 0, cash), scene.deposit("attacker", 1, 200_000)
    scene.trade(long, short, ETH, size, price)
    return long, short


def leave(scene: Scene, *accounts: int, taker: int) -> None:
    """Walk away: whatever of these accounts is in breach is taken by the attacker's own account, at once and whole."""
    for account in accounts:
        lot = (account, WAD, 2**255 - 1, 0, 0, 2**256 - 1, 2**256 - 1)
        scene.attempt(scene.auction, "bid", taker, [lot])


def withdraw_all(scene: Scene, account: int, by: str = "attacker") -> bool:
    """All of an account's cash to its wallet, if that is allowed."""
    cash = int(scene.cash(account) * UNIT) - 1
    return cash > 0 and scene.attempt(scene.house, "withdraw", account, cash, scene.wallets[by], by=by)


def sweep(scene: Scene, account: int, most: int = 8, by: str = "other") -> bool:
    """A sweep by somebody."""
    return scene.attempt(scene.auction, "sweep", account, most, by=by)


def alone(scene: Scene, victim: int, taker: int) -> None:
    """The honest bids have their turn; a minute later the attacker has what they left."""
    watch(scene, victim, 0)
    sweep(scene, victim)
    watch(scene, victim, 60)
    leave(scene, victim, taker=taker)


def frozen(scene: Scene, market: int, worth: float) -> None:
    """A market given up: retired, frozen at its average price, and its token then of another worth."""
    scene.do(scene.engine, "retire", market, by=scene.house.owner())
    for _ in range(125):
        scene.at(28)
        scene.prices()
    scene.do(scene.engine, "freeze", market, by="other")
    scene.at(ORACLE.ramp)
    scene.prices({market: worth})
