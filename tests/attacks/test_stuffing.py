"""Markets put into accounts for what they do to the least requirement, or to who will take them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.sales import leave, pair, watch
from tests.attacks.scene import BTC, ETH, WAD, Scene
from tests.mutants.mutant import Edit

DUST = st.lists(st.sampled_from([BTC, 3, 4]), min_size=1, max_size=3, unique=True)
"""Markets with collateral that the accounts here do not hold."""
SECONDS = st.integers(0, 150).map(lambda pairs: 2 * pairs)
ADDITION = (
    Edit("Clearinghouse.vy", "            margin.check_breach(before)\n", "            margin.check_live(0)\n"),
    Edit(
        "Clearinghouse.vy",
        "        margin.check_addition(before, margin.assess(account, money.supply, money.borrow))",
        "        margin.check_live(0)",
    ),
)


def put_dust(scene: Scene, account: int, markets: list[int]) -> None:
    """A unit of each market's collateral, from the attacker."""
    for market in markets:
        scene.attempt(scene.house, "deposit_spot", account, market, 1)


@defence(
    "dust-by-strangers",
    "2: only owner or operator adds a market",
    Edit(
        "Clearinghouse.vy",
        "        if not roles.is_allowed(account, msg.sender):\n            refusal.refuse(refusal.NOT_ALLOWED)\n"
        "        ledger.check_markets(spots | perps | (1 << market))",
        "        ledger.check_markets(spots | perps | (1 << market))",
    ),
    *ADDITION,
)
@search
@given(cash=st.floats(31, 70), markets=DUST, seconds=SECONDS)
def test_dust__in_another_ones_account__does_not_bring_it_to_sale(
    scene: Scene, cash: float, markets: list[int], seconds: int
):
    """Each market held raises the least requirement, and what is in breach is sold to who put it there."""
    with scene.trial():
        victim, maker = scene.deposit("victim", 0, cash), scene.deposit("maker", 0, 1_000)
        scene.trade(victim, maker, ETH, 0.01, 2_000, by="victim")
        taker = scene.deposit("attacker", 0, 10_000)
        before = scene.equity("attacker", 0)
        put_dust(scene, victim, markets)
        watch(scene, victim, seconds)
        leave(scene, victim, taker=taker)
        no_gain(scene.equity("attacker", 0) - before)


@defence(
    "dust-by-the-owner",
    "2: adds a market, and not while it is in breach (nor lowers its health by a deposit below initial margin)",
    *ADDITION,
)
@search
@given(
    cash=st.floats(31, 60),
    markets=st.permutations([BTC, 3, 4]),
    seconds=st.integers(100, 160).map(lambda pairs: 2 * pairs),
)
def test_dust__in_ones_own_account__is_not_paid_by_the_vault(
    scene: Scene, cash: float, markets: list[int], seconds: int
):
    """Stuffed until it lacks, an account is taken by a second one of its owner for what the vault adds."""
    with scene.trial():
        stuffed, taker = pair(scene, 0.01, cash)
        before = scene.equity("attacker", 0, 1)
        put_dust(scene, stuffed, markets)
        watch(scene, stuffed, seconds)
        leave(scene, stuffed, taker=taker)
        no_gain(scene.equity("attacker", 0, 1) - before)


@defence(
    "dust-in-breach-in-a-batch",
    "2: adds a market not while it is in breach",
    Edit("Batch.vy", "    if before.equity < mm:\n", "    if False:\n"),
)
@defence(
    "dust-in-breach",
    "2: only owner or operator adds a market, and not while it is in breach",
    Edit("modules/margin.vy", "    if account.equity < convert(account.mm, int256):\n", "    if False:\n"),
)
@search
@given(
    price=st.floats(1_801, 1_804),
    later=st.floats(1_600, 1_790),
    markets=DUST,
    sold=st.floats(0.001, 1),
    batch=st.booleans(),
)
def test_dust__while_in_breach__keeps_no_standing_bid_from_its_account(
    scene: Scene, price: float, later: float, markets: list[int], sold: float, batch: bool
):
    """Standing bids and careful bidders name the markets they take: a market more, and nobody takes the account until
    its losses are the lenders'. In a batch the dust comes with some relief; alone it is deposited, or bought."""
    with scene.trial():
        bid = (scene.account("lender"), 0, 50_000 * WAD, WAD, 1 << ETH, 10_000, 85_000 * WAD)
        scene.do(scene.auction, "post", *bid, by="lender")
        bad, good = pair(scene, 10, 2_000)
        scene.prices({ETH: price})
        before = scene.cash(scene.account("lender"))
        if batch:
            steps = [scene.step_fill(bad, good, ETH, -sold, price)]
            steps += [(3, scene.wallets["attacker"], bad, market, 1, b"") for market in markets]
            scene.attempt(scene.batch, "batch", [bad], steps)
        else:
            put_dust(scene, bad, markets)
        scene.attempt(scene.auction, "sweep", bad, 8, by="other")
        scene.prices({ETH: later})
        scene.attempt(scene.auction, "sweep", bad, 8, by="other")
        leave(scene, bad, taker=good)
        no_gain(before - scene.cash(scene.account("lender")))
