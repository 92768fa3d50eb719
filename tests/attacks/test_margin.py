"""Margin cannot be got round by what is not settled."""

from __future__ import annotations

import pytest

from tests.attacks.scene import ETH, UNIT, WAD, RefusedError, Scene


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
