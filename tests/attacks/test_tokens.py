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
