"""After a shutdown nobody gains by being first, by coming early, or by taking collateral too soon."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.model.words import Settings
from tests.attacks.defence import defence, no_gain, search
from tests.attacks.scene import BTC, UNIT, Scene
from tests.model.world import MARKETS
from tests.mutants.mutant import Edit

LENT = 500_000
DAY = 86_400
STEP = 15
"""Seconds that a price counts for at most."""
NO_INTEREST = Settings(kink=8_000, at_kink=0, at_full=0, reserve=1_000, band=500, max_fee=100)
PRICES = st.integers(10_000, 59_000)
DUST = 0.01
"""Quote: a share has 18 digits, and is of a pool of a million."""


@pytest.fixture(scope="module")
def closed(deployed: Scene) -> Iterator[Scene]:
    """Shut down: three lenders, and a million of their cash owed by a fourth, against 100 bitcoin."""
    scene = deployed
    with scene.trial():
        for name in ("attacker", "victim"):
            scene.deposit(name, 0, LENT)
        borrower = scene.deposit_spot("other", 0, BTC, 100)
        scene.do(scene.house, "withdraw", borrower, 1_000_000 * UNIT, scene.wallets["other"], by="other")
        owner = scene.house.owner()
        scene.do(scene.house, "set_settings", NO_INTEREST.pack(), by=owner)
        scene.now_prices |= dict.fromkeys(range(len(scene.now_prices), MARKETS), 1)
        for market in range(MARKETS):
            scene.do(scene.engine, "retire", market, by=owner)
        for _ in range(1_800 // STEP + 2):
            scene.at(STEP - 2)
            scene.prices()
        scene.at(1_800)
        for market in range(MARKETS):
            scene.do(scene.engine, "freeze", market)
        scene.do(scene.auction, "shut_down", by=owner)
        yield scene


@pytest.fixture
def ended(closed: Scene) -> Iterator[Scene]:
    """The same, put back after the test."""
    with closed.trial():
        yield closed


def absorb(scene: Scene, by: str = "lender") -> bool:
    """What is owed goes to the pool."""
    return scene.attempt(scene.vault, "absorb", [scene.account("other")], by=by)


def claim(scene: Scene, name: str) -> None:
    """A lender takes its cash and its part of the pool, if it is let."""
    account = scene.account(name)
    if scene.attempt(scene.vault, "claim", account, by=name):
        scene.attempt(
            scene.house,
            "withdraw_spot",
            account,
            BTC,
            scene.house.spot(account, BTC) // 10**10,
            scene.wallets[name],
            by=name,
        )


def at_the_end(
    scene: Scene, price: int, first: Callable[[], object], early: Callable[[], object] = lambda: None
) -> float:
    """What the attacker has once all have claimed, at a price of bitcoin other than the frozen one.

    `early` is done on the 2nd day, `first` on the 22nd, before anybody else does anything.
    """
    with scene.trial():
        scene.at(DAY)
        early()
        scene.at(20 * DAY)
        first()
        absorb(scene)
        for name in ("victim", "lender", "attacker"):
            claim(scene, name)
        scene.now_prices[BTC] = price
        spot = scene.house.spot(scene.account("attacker"), BTC) / 10**18
        return scene.wallet("attacker") + scene.cash(scene.account("attacker")) + spot * price


@defence(
    "claims-by-rank",
    "10: the rest is paid in kind, quote pro rata to positive cash",
    Edit(
        "modules/winding.vy",
        "share: uint256 = convert(mine, uint256) * _WAD // others",
        "share: uint256 = convert(mine, uint256) * _WAD // (2 * others)",
    ),
)
@search
@given(price=PRICES)
def test_claim__first_of_all__is_no_better_than_last(ended: Scene, price: int) -> None:
    """Who claims first takes the same mix of quote and collateral as who claims last."""

    def first() -> None:
        absorb(ended)
        claim(ended, "attacker")

    no_gain(at_the_end(ended, price, first) - at_the_end(ended, price, lambda: absorb(ended)), DUST)


@defence(
    "claims-before-debts",
    "10: negative cash is repaid …; the rest is paid in kind",
    Edit("modules/winding.vy", "self._check_settled(totals >> 128, owned)", "pass"),
)
@search
@given(price=PRICES)
def test_claim__before_debts_are_in_the_pool__is_refused(ended: Scene, price: int) -> None:
    """It would be paid in quote alone, and leave the debts and what stands behind them to the others."""
    no_gain(at_the_end(ended, price, lambda: claim(ended, "attacker")) - at_the_end(ended, price, lambda: None), DUST)


@defence(
    "cash-leaves-after-the-end",
    "10: Shutdown: … quote pro rata to positive cash",
    Edit("Auction.vy", "sightings.report(_MORE_THAN_ALL)", "sightings.report(_MORE_THAN_ALL * 0)"),
)
@search
@given(price=PRICES, part=st.integers(1, 100))
def test_withdraw__after_the_end__pays_nothing(ended: Scene, price: int, part: int) -> None:
    """Who is first out in quote would leave the collateral to the others, at a price that nobody wants it for."""
    account, wallet = ended.account("attacker"), ended.wallets["attacker"]

    def early() -> None:
        ended.attempt(ended.house, "withdraw", account, LENT * part // 100 * UNIT, wallet)

    no_gain(at_the_end(ended, price, lambda: None, early) - at_the_end(ended, price, lambda: None), DUST)


@defence(
    "debts-absorbed-at-once",
    "10: negative cash is repaid in quote or from own spot at the frozen price",
    Edit("modules/winding.vy", "self._check_time(_SETTLE)", "self._check_time(0)"),
)
@search
@given(price=st.integers(61_000, 200_000))
def test_absorb__before_the_owner_had_time_to_repay__is_refused(ended: Scene, price: int) -> None:
    """Collateral that has risen since would be had at the frozen price."""

    def early() -> None:
        absorb(ended, by="attacker")
        other = ended.account("other")
        owed = -int(ended.cash(other) * UNIT) + 1
        if owed > 1:
            ended.do(ended.house, "deposit", other, owed, by="other")
        ended.do(
            ended.house,
            "withdraw_spot",
            other,
            BTC,
            ended.house.spot(other, BTC) // 10**10,
            ended.wallets["other"],
            by="other",
        )

    no_gain(at_the_end(ended, price, lambda: None, early), DUST)
