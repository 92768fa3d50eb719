"""What an approved operator can take: nothing by withdrawing, and by trading no more than the band leaves it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.scene import ETH, SPOT_SCALE, UNIT, WAD, Scene
from tests.mutants.mutant import Edit

BAND = 0.05
RECEIVER = """    if msg.sender == roles.BATCH:
        # It knows who asks, and keeps to the same.
        return receiver
    return owner"""


def operated(scene: Scene) -> int:
    """The victim's account with cash and collateral, which the attacker may act for."""
    account = scene.deposit("victim", 0, 50_000)
    scene.deposit_spot("victim", 0, ETH, 10)
    scene.do(scene.house, "approve_operator", scene.wallets["attacker"], True, by="victim")
    return account


@defence(
    "operator-withdraws-to-itself",
    "2: what an operator withdraws goes to the owner",
    Edit("Clearinghouse.vy", RECEIVER, "    return receiver"),
    Edit("Batch.vy", "return step.target if msg.sender == owner else owner", "return step.target"),
)
@search
@given(way=st.sampled_from(["withdraw", "withdraw_spot", "batch", "batch_spot"]), part=st.integers(1, 100))
def test_operator__withdraws_in_any_way__brings_it_home(scene: Scene, way: str, part: int) -> None:
    """Cash and collateral, alone and in a batch, to the operator's own wallet."""
    with scene.trial():
        account, me = operated(scene), scene.wallets["attacker"]
        before, cash, spot = scene.equity("attacker", 0), 500 * part, part / 10
        if way == "withdraw":
            scene.attempt(scene.house, "withdraw", account, cash * UNIT, me)
        elif way == "withdraw_spot":
            scene.attempt(scene.house, "withdraw_spot", account, ETH, int(spot * WAD) // SPOT_SCALE[ETH], me)
        else:
            step = scene.step_withdraw(account, cash) if way == "batch" else scene.step_spot(account, ETH, spot)
            scene.attempt(scene.batch, "batch", [account], [step])
        no_gain(scene.equity("attacker", 0) - before)


@defence(
    "price-outside-the-band",
    "7: Prices outside a band round the index are refused",
    Edit(
        "modules/trading.vy",
        "if terms.price > unsafe_add(quoted.index, band) or terms.price < unsafe_sub(quoted.index, band):",
        "if terms.price > unsafe_add(quoted.index, 10 * band):",
    ),
)
@search
@given(size=st.integers(1, 30), price=st.integers(1, 4_000), sells=st.booleans())
def test_operator__trades_with_itself__takes_no_more_than_the_band(
    scene: Scene, size: int, price: int, sells: bool
) -> None:
    """It fills an order of its own for the owner's account. Gain is what one such trade brings beyond the band's width
    of what was traded; by many it can take all that initial margin leaves: an operator is trusted with that."""
    with scene.trial():
        account, mine = operated(scene), scene.deposit("attacker", 0, 100_000)
        before = scene.equity("attacker", 0)
        fill = scene.fill_call(account, mine, ETH, -size if sells else size, price)
        scene.attempt(scene.exchange, "fill", *fill)
        no_gain(scene.equity("attacker", 0) - before - BAND * size * 2_000)


@pytest.mark.parametrize("way", ["trade", "deposit_spot", "cancel", "bid", "post", "batch"])
def test_operator__of_nobody__is_refused_everything(scene: Scene, way: str) -> None:
    """Each act on another's account asks who may act for it."""
    account, mine = scene.deposit("victim", 0, 50_000), scene.deposit("attacker", 0, 50_000)
    acts = {
        "trade": (scene.exchange, "fill", *scene.fill_call(account, mine, ETH, 1, 2_100)),
        "deposit_spot": (scene.house, "deposit_spot", account, ETH, 1),
        "cancel": (scene.exchange, "cancel_below", account, 1),
        "bid": (scene.auction, "bid", account, []),
        "post": (scene.auction, "post", account, 5, 100 * WAD, WAD, 7, 0, 1_000 * WAD),
        "batch": (scene.batch, "batch", [account], [scene.step_withdraw(account, 1)]),
    }
    assert scene.refusal(*acts[way]).endswith(": not allowed")
