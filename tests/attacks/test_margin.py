"""Margin cannot be got round by what is not settled, by dust, or by trading with oneself."""

from __future__ import annotations

from dataclasses import replace

import boa
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


@pytest.mark.parametrize("price", [1_930, 1_890, 1_810])
def test_trade__with_oneself_at_the_edge_of_the_band__moves_nothing_out(scene: Scene, price: float):
    """In margin call and in breach an account may lose no more than its health for what it gets rid of. Defence: the
    relief test's clause on equity."""
    bad, good = scene.deposit("attacker", 0, 2_000), scene.deposit("attacker", 1, 200_000)
    scene.trade(bad, good, ETH, 10, 2_000)
    scene.prices({ETH: price})
    before = scene.assess(bad)
    edge = price * 0.951
    for size in (-10, -5, -0.01):
        found = scene.refusal(scene.exchange, "fill", *scene.fill_call(bad, good, ETH, size, edge))
        after = scene.assess(bad)
        if not found:
            assert after.mm == 0 or after.equity * before.mm >= before.equity * after.mm
            continue
        assert found == "clearinghouse: below initial margin"
    assert scene.assess(bad).equity >= 0


def test_dust__of_many_markets__neither_by_strangers_nor_to_be_paid_by_the_vault(scene: Scene):
    """Each market held raises the least requirement. Defence: only who acts for an account adds a market, and not one
    that lowers its health below initial margin."""
    account = scene.deposit("attacker", 0, 31)
    other = scene.deposit("attacker", 1, 1_000)
    scene.trade(account, other, ETH, 0.01, 2_000)
    stranger = scene.refusal(scene.house, "deposit_spot", account, BTC, 1, by="other")
    assert stranger == "clearinghouse: not allowed"
    assert scene.refusal(scene.house, "deposit_spot", account, BTC, 1) == "clearinghouse: below initial margin"
    with pytest.raises(RefusedError, match="batch: below initial margin"):
        scene.run([account], scene.step_withdraw(account, 0.5), scene.step_deposit_spot(account, BTC, 1e-8))
    assert not scene.assess(account).equity < scene.assess(account).mm


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


def test_slices__many_small_ones__cost_the_account_no_more_a_unit_than_one(scene: Scene):
    """Defence: all that a slice pays to anybody is in proportion to its fraction."""
    victim = scene.in_breach()
    scene.do(scene.auction, "open", [victim], by="other")
    taker = scene.deposit("attacker", 0, 100_000)
    for _ in range(3):
        scene.at(10)
        scene.prices()
        scene.do(scene.auction, "open", [victim], by="other")
    before = scene.assess(victim)

    def cost() -> float:
        after = scene.assess(victim)
        return (before.equity - after.equity) / (before.mm - after.mm)

    with boa.env.anchor():
        scene.bid(taker, victim)
        whole = cost()
    for _ in range(3):
        scene.bid(taker, victim, 0.025)
    assert 0.05 < cost() <= whole * (1 + 1e-12)
