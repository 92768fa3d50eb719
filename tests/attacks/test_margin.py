"""Margin cannot be got round by what is not settled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keeper.model.words import Parameters
from tests.attacks.scene import BTC, ETH, SOL, UNIT, WAD, RefusedError, Scene
from tests.model.world import RISK


def test_claims__against_an_insolvent_account__cannot_be_withdrawn(scene: Scene):
    """Two accounts of one owner: the loser's debt would be the lenders'. Defence: withdrawing counts profit that is not
    settled as nothing, and no loss of an insolvent account is settled."""
    winner, loser = scene.deposit("attacker", 0, 20_000), scene.deposit("attacker", 1, 20_000)
    scene.trade(winner, loser, ETH, -100, 2_000)
    scene.prices({ETH: 1_500})
    scene.do(scene.house, "settle", ETH, [loser, winner])
    for amount in (30_000, 12_000):
        reason = scene.refusal(scene.house, "withdraw", winner, amount * UNIT, scene.wallets["attacker"])
        assert reason == "clearinghouse: below initial margin"
    with pytest.raises(RefusedError, match="batch: below initial margin"):
        scene.run([winner], scene.step_settle(ETH, loser, winner), scene.step_withdraw(winner, 30_000))
    assert scene.house.cash(winner) <= 20_000 * WAD


def test_dust__while_the_least_requirement_rises__is_held_to_where_it_will_be(scene: Scene):
    """Between a vote and its effect dust is still worth its small requirement: who adds it then is in breach by itself
    once the ramp ends. Defence: what is added is held to the larger of both requirements, as initial margin is."""
    account, other = scene.deposit("attacker", 0, 600), scene.deposit("attacker", 1, 1_000)
    scene.trade(account, other, ETH, 1, 2_000)
    scene.do(scene.engine, "set_risk", replace(RISK, min_requirement=30_000).pack(), by=scene.house.owner())
    scene.prices()
    assert scene.assess(account).equity >= scene.assess(account).im
    assert scene.refusal(scene.house, "deposit_spot", account, BTC, 1) == "clearinghouse: below initial margin"


@pytest.mark.parametrize("batched", [False, True])
def test_relief__that_is_none_once_parameters_have_risen__is_refused(scene: Scene, batched: bool):
    """A hedge in a market whose risk rises by a vote lowers the requirement now and multiplies it within the ramp.
    Defence: a relief raises neither the present requirement nor the one to come."""
    account, other = scene.deposit("attacker", 0, 1_000), scene.deposit("attacker", 1, 200_000)
    scene.trade(account, other, ETH, 6, 2_000)
    scene.prices({ETH: 1_960})
    word = Parameters(60_000, 3_200, 750, bucket=2, flags=3)
    scene.do(scene.engine, "set_parameters", SOL, word.pack(), by=scene.house.owner())
    scene.prices()
    before = scene.assess(account)
    assert before.mm <= before.equity < before.im
    if batched:
        with pytest.raises(RefusedError, match="batch: below initial margin"):
            scene.run([account], scene.step_fill(account, other, SOL, -30, 100))
    else:
        found = scene.refusal(scene.exchange, "fill", *scene.fill_call(account, other, SOL, -30, 100))
        assert found == "clearinghouse: below initial margin"
