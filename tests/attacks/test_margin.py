"""Margin cannot be got round by what is not settled, nor by what a vote has yet to bring."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from keeper.model.words import Parameters
from tests.attacks.defence import defence, no_gain, search
from tests.attacks.sales import leave, watch
from tests.attacks.scene import BTC, ETH, SOL, Scene
from tests.model.chain import ORACLE
from tests.model.world import RISK
from tests.mutants.mutant import Edit

SECONDS = st.integers(100, 160).map(lambda pairs: 2 * pairs)


def after_the_ramp(scene: Scene, account: int, taker: int, seconds: int) -> float:
    """What the attacker has once the vote is in force, and its second account took the first for what is added."""
    scene.at(ORACLE.ramp)
    scene.prices()
    watch(scene, account, seconds)
    leave(scene, account, taker=taker)
    return scene.equity("attacker", 0, 1)


@defence(
    "claims-withdrawn-in-a-batch",
    "3: a withdrawal counts unsettled profit as zero [withdrawing a profit whose loser is insolvent]",
    Edit(
        "Batch.vy",
        "    net: int256 = after.equity - convert(after.claims, int256)\n",
        "    net: int256 = after.equity\n",
    ),
)
@search
@given(price=st.floats(1_300, 1_700), out=st.floats(0.3, 1), settles=st.booleans())
def test_claims__against_an_insolvent_account__cannot_be_withdrawn_in_a_batch(
    scene: Scene, price: float, out: float, settles: bool
):
    """Two accounts of one owner: the loser's debt would be the lenders', and the winner's profit in hand."""
    with scene.trial():
        before = scene.wallet("attacker")
        winner, loser = scene.deposit("attacker", 0, 20_000), scene.deposit("attacker", 1, 20_000)
        scene.trade(winner, loser, ETH, -100, 2_000)
        scene.prices({ETH: price})
        steps = [scene.step_settle(ETH, loser, winner)] if settles else []
        steps.append(scene.step_withdraw(winner, out * (20_000 + 100 * (2_000 - price))))
        scene.attempt(scene.batch, "batch", [winner], steps)
        no_gain(scene.wallet("attacker") - before)


@defence(
    "dust-before-the-least-rises",
    "5: IM takes the larger of present and target at once; 2: adds a market, and not while it is in breach (nor lowers "
    "its health by a deposit below initial margin)",
    Edit(
        "modules/margin.vy",
        "    if not self.has_initial(after):\n"
        "        self.check(after.equity * convert(before.im, int256) >= before.equity * convert(after.im, int256))",
        "    self.check(after.equity * 2 >= convert(after.mm * 3, int256))",
    ),
)
@search
@given(cash=st.floats(310, 1_000), markets=st.permutations([BTC, 3, 4]), least=st.integers(10_000, 30_000), at=SECONDS)
def test_dust__while_the_least_requirement_rises__is_held_to_where_it_will_be(
    scene: Scene, cash: float, markets: list[int], least: int, at: int
):
    """Between a vote and its effect dust is still worth its small requirement: who adds it then is in breach by itself
    once the ramp ends, and is taken by its owner for what the vault adds."""
    with scene.trial():
        account, other = scene.deposit("attacker", 0, cash), scene.deposit("attacker", 1, 100_000)
        scene.trade(account, other, ETH, 0.1, 2_000)
        before = scene.equity("attacker", 0, 1)
        scene.do(scene.engine, "set_risk", replace(RISK, min_requirement=least).pack(), by=scene.house.owner())
        scene.prices()
        for market in markets:
            scene.attempt(scene.house, "deposit_spot", account, market, 1)
        no_gain(after_the_ramp(scene, account, other, at) - before)


@defence(
    "relief-that-is-none-later",
    "7: or have MM lower; 5: IM takes the larger of present and target at once",
    Edit("modules/margin.vy", "if after.mm >= before.mm or after.im > before.im:", "if after.mm >= before.mm:"),
)
@defence(
    "relief-that-is-none-later-in-a-batch",
    "7: or have MM lower; 5: IM takes the larger of present and target at once",
    Edit("Batch.vy", "after.mm < before.mm and after.im <= before.im and", "after.mm < before.mm and"),
)
@search
@given(price=st.floats(1_945, 1_965), size=st.floats(10, 40), batched=st.booleans(), seconds=SECONDS)
def test_relief__that_is_none_once_parameters_have_risen__is_refused(
    scene: Scene, price: float, size: float, batched: bool, seconds: int
):
    """A hedge in a market whose risk rises by a vote lowers the requirement now and multiplies it within the ramp: an
    insolvency arranged, which the vault pays for."""
    with scene.trial():
        account, other = scene.deposit("attacker", 0, 1_000), scene.deposit("attacker", 1, 200_000)
        scene.trade(account, other, ETH, 6, 2_000)
        scene.prices({ETH: price})
        word = Parameters(60_000, 3_200, 750, bucket=2, flags=3)
        scene.do(scene.engine, "set_parameters", SOL, word.pack(), by=scene.house.owner())
        scene.prices()
        found, before = scene.assess(account), scene.equity("attacker", 0, 1)
        assert found.mm <= found.equity < found.im
        if batched:
            scene.attempt(scene.batch, "batch", [account], [scene.step_fill(account, other, SOL, -size, 100)])
        else:
            scene.attempt(scene.exchange, "fill", *scene.fill_call(account, other, SOL, -size, 100))
        no_gain(after_the_ramp(scene, account, other, seconds) - before)
