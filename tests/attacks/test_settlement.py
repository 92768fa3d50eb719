"""A profit is paid out of what losers have paid in, never of what an insolvent one owes.

The attacker is on both sides, and the price goes further than the loser's margin in one step. What counts is what it
has in hand in the end: the winner's profit is a claim until somebody has taken the loser over.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.scene import ETH, UNIT, Scene
from tests.mutants.mutant import Edit

SETTLING, TRADING, MARGIN = "modules/settling.vy", "modules/trading.vy", "modules/margin.vy"
PAID_IN = "settled = min(settled, max(unsafe_sub(0, deal.cost), 0))"
WINNER, LOSER, THIRD = range(3)
ACTS = ("loser", "winner", "both", "lot", "third")
orders = st.lists(st.sampled_from(ACTS), min_size=2, max_size=5)
lots = st.floats(0.001, 5)
jumps = st.integers(15, 40)


def plunder(scene: Scene, acts: list[str], lot: float, percent: int) -> float:
    """What the attacker has in hand of what it brought, after a jump, these acts, and every withdrawal that is let."""
    for sub in (WINNER, LOSER, THIRD):
        scene.deposit("attacker", sub, 20_000)
    winner, loser, third = (scene.account("attacker", sub) for sub in (WINNER, LOSER, THIRD))
    scene.trade(winner, loser, ETH, -100, 2_000)
    price = 2_000 * (1 - percent / 100)
    scene.prices({ETH: price})
    for act in acts:
        if act in ("loser", "winner", "both"):
            accounts = {"loser": [loser], "winner": [winner], "both": [loser, winner]}[act]
            scene.attempt(scene.house, "settle", ETH, accounts)
        else:
            # A little in the loser's favour pays its fee.
            other = loser if act == "lot" else third
            scene.attempt(scene.exchange, "fill", *scene.fill_call(winner, other, ETH, lot, price * 1.01))
    for account in (winner, loser, third):
        for amount in (80_000, 40_000, 20_000, 10_000, 5_000, 2_000):
            scene.attempt(scene.house, "withdraw", account, amount * UNIT, scene.wallets["attacker"])
    return scene.wallet("attacker")


@defence("winner-settles-alone", "3: a market pays out what its losers paid in", Edit(SETTLING, PAID_IN, "pass"))
@search
@given(acts=orders, lot=lots, percent=jumps)
def test_settle__the_winner_alone__pays_nothing_out(scene: Scene, acts: list[str], lot: float, percent: int):
    """Defence: settling a profit stops where Σ cost of the market would be above 0."""
    with scene.trial():
        no_gain(plunder(scene, [*acts, "winner"], lot, percent))


@defence("winner-trades-alone", "3: a market pays out what its losers paid in", Edit(TRADING, PAID_IN, "pass"))
@search
@given(acts=orders, lot=lots, percent=jumps)
def test_trade__of_the_winner_with_a_third__pays_nothing_out(scene: Scene, acts: list[str], lot: float, percent: int):
    """A trade settles both sides. Defence: the same, in a trade."""
    with scene.trial():
        no_gain(plunder(scene, [*acts, "third"], lot, percent))


@defence(
    "insolvent-loser-settles",
    "3: no act settles a loss of an account with equity < 0",
    Edit(SETTLING, "elif settled < 0 and not self._is_solvent(money, deal.market, account, settled):", "elif False:"),
)
@search
@given(acts=orders, lot=lots, percent=jumps)
def test_settle__an_insolvent_loser__pays_nothing_in(scene: Scene, acts: list[str], lot: float, percent: int):
    """Its loss would be a debt that nobody pays, and the winner's profit in hand. Defence: it stays where it is."""
    with scene.trial():
        no_gain(plunder(scene, [*acts, "both"], lot, percent))


@defence(
    "insolvent-loser-by-a-lot",
    "3: no act settles a loss of an account with equity < 0",
    Edit(TRADING, "        if settled >= 0 or after.equity >= 0:\n            break\n", "        break\n"),
)
@search
@given(acts=orders, lot=lots, percent=jumps)
def test_trade__of_an_insolvent_loser_by_one_lot__settles_none_of_it(
    scene: Scene, acts: list[str], lot: float, percent: int
):
    """A trade of next to nothing would settle all of its loss. Defence: the same, judged with the loss on trial."""
    with scene.trial():
        no_gain(plunder(scene, [*acts, "lot", "winner"], lot, percent))


@defence(
    "claims-are-withdrawn",
    "3: a withdrawal counts unsettled profit as zero",
    Edit(
        MARGIN,
        "unsafe_add(unsafe_add(account.im, account.down), account.claims)",
        "unsafe_add(account.im, account.down)",
    ),
)
@search
@given(acts=orders, lot=lots, percent=jumps)
def test_withdraw__against_a_claim_on_an_insolvent_account__is_refused(
    scene: Scene, acts: list[str], lot: float, percent: int
):
    """Borrowed against it, it is in hand. Defence: to withdraw, a profit that is not settled is nothing."""
    with scene.trial():
        no_gain(plunder(scene, acts, lot, percent))
