"""Tokens that lie, keep a part, refuse some wallets or count in whole units: what they cost is their holders' alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.houses import House
from tests.attacks.scene import ETH, UNIT, Scene
from tests.model.chain import load
from tests.mutants.mutant import Edit

AMOUNTS = st.integers(1, 10**9)


@pytest.fixture(params=["quote", "spot"])
def door(request: pytest.FixtureRequest) -> str:
    """Which of a deployment's tokens is strange."""
    return str(request.param)


def strange(scene: Scene, door: str, name: str, *args: object) -> tuple[House, object]:
    """A deployment in which one token is strange, and that token."""
    token, plain = load(f"testing/{name}", *args), load("testing/TestToken", "Plain", "PLAIN", 6)
    other = House(scene, *((token, plain) if door == "quote" else (plain, token)))
    other.endow("attacker", "lender", "victim")
    return other, token


@defence(
    "token-keeps-a-fee",
    "12: spot tokens held ≥ Σ spot balances, and the custody identity of 6",
    Edit(
        "modules/door.vy",
        "self._check_moved(moved and self._held(token) >= expected)",
        "self._check_moved(moved)",
    ),
)
@search
@given(amount=AMOUNTS, fee=st.integers(1, 5_000))
def test_fee__begun_after_listing__is_not_paid_by_who_deposited_before(
    scene: Scene, door: str, amount: int, fee: int
) -> None:
    """The issuer is the attacker: it begins to keep a fee, deposits, and takes out what others brought. No transfer
    that arrives short is credited."""
    with scene.trial():
        other, token = strange(scene, door, "FeeToken", 6)
        account, victim = scene.account("attacker"), other.deposit("lender", 10**10)
        if door == "spot":
            scene.do(other.house, "deposit_spot", victim, ETH, 10**10, by="lender")
        issuer = token.issuer()
        token.set_fee(fee)
        before = token.balanceOf(issuer) + token.balanceOf(scene.wallets["attacker"])
        deposit, withdraw = (
            (("deposit", ()), ("withdraw", ()))
            if door == "quote"
            else (
                ("deposit_spot", (ETH,)),
                ("withdraw_spot", (ETH,)),
            )
        )
        me = scene.wallets["attacker"]
        for _ in range(3):
            if scene.attempt(other.house, deposit[0], account, *deposit[1], amount):
                scene.attempt(other.house, withdraw[0], account, *withdraw[1], amount, me)
        gained = token.balanceOf(issuer) + token.balanceOf(me) - before
        no_gain(gained / UNIT)


@defence(
    "token-says-no",
    "1: Tokens are scaled at the door and only there; 12: tokens held ≥ balances",
    Edit(
        "modules/door.vy", "moved and self._held(token) >= expected", "True or moved and self._held(token) >= expected"
    ),
)
@search
@given(amount=AMOUNTS)
def test_token__that_answers_false__credits_nothing(scene: Scene, door: str, amount: int) -> None:
    """It moves nothing and says so; what was credited all the same would be taken from others once it moves again."""
    with scene.trial():
        other, token = strange(scene, door, "RefusingToken", 6)
        me, account = scene.wallets["attacker"], scene.account("attacker")
        token.set_refusing(False)
        victim = other.deposit("lender", 10**10)
        if door == "spot":
            scene.do(other.house, "deposit_spot", victim, ETH, 10**10, by="lender")
        token.set_refusing(True)
        before, market = token.balanceOf(me), () if door == "quote" else (ETH,)
        names = ("deposit", "withdraw") if door == "quote" else ("deposit_spot", "withdraw_spot")
        scene.attempt(other.house, names[0], account, *market, amount)
        token.set_refusing(False)
        scene.attempt(other.house, names[1], account, *market, amount, me)
        no_gain((token.balanceOf(me) - before) / UNIT)


def test_token__paused_as_collateral__locks_nobody_else_and_no_sale(scene: Scene) -> None:
    """Harm to others, in quote: what they cannot take out while one market's token does not move. An account that holds
    it is sold all the same, as a slice moves no token."""
    other, token = strange(scene, "spot", "RefusingToken", 18)
    token.set_refusing(False)
    lender, victim = other.deposit("lender", 10**11), other.deposit("victim", 1)
    taker = other.deposit("attacker", 10**10)
    scene.do(other.house, "deposit_spot", victim, ETH, 10**18, by="victim")
    scene.do(other.house, "withdraw", victim, 1_600 * UNIT, scene.wallets["victim"], by="victim")
    scene.prices({ETH: 1_650})
    token.set_refusing(True)
    lot = (victim, 10**18, 2**254, 0, 0, 2**256 - 1, 2**256 - 1)
    scene.do(other.auction, "bid", taker, [lot])
    assert other.house.spot(victim, ETH) < 10**18
    before = other.quote.balanceOf(scene.wallets["lender"])
    scene.do(other.house, "withdraw", lender, 10**11 - 1_600 * UNIT, scene.wallets["lender"], by="lender")
    no_gain((10**11 - 1_600 * UNIT - other.quote.balanceOf(scene.wallets["lender"]) + before) / UNIT)
