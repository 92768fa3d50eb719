"""Bids that take more than the rule gives: past the target, in many parts, of oneself, and for the opener's reward."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.sales import MOST, sale, total, watch
from tests.attacks.scene import ETH, UNIT, WAD, Scene
from tests.model.world import TERMS
from tests.mutants.mutant import Edit

SECONDS = st.integers(0, 150).map(lambda pairs: 2 * pairs)
PARTS = st.lists(st.floats(0.002, 1), min_size=1, max_size=6)
ANY = (2**255 - 1, 0, 0, 2**256 - 1, 2**256 - 1)
"""A lot's limits where there are none."""


def lot(account: int, fraction: float) -> tuple[int, ...]:
    """A lot without limits."""
    return (account, max(1, int(fraction * WAD)), *ANY)


@defence(
    "slice-past-the-target",
    "8: a larger fraction is clipped",
    Edit("modules/bidding.vy", "fraction: uint256 = min(asked, highest)", "fraction: uint256 = asked"),
)
@defence(
    "target-of-the-poor",
    "8: f_max = min(1, (B - h) / (B - λ_a - φ_a))",
    Edit("modules/bidding.vy", "(terms.target - result.lambda_account - result.penalty)", "(terms.target - own)"),
)
@search
@given(price=st.floats(1_803, 1_895), seconds=SECONDS, parts=PARTS)
def test_bids__in_any_number_of_parts__gain_no_more_than_the_rule_gives(
    scene: Scene, price: float, seconds: int, parts: list[float]
):
    """Small ones first and the rest at the end. What the rule gives is worked out beside the contracts."""
    with scene.trial():
        victim, taker = scene.in_breach(price), scene.deposit("attacker", 0, 100_000)
        watch(scene, victim, seconds)
        before, may = scene.equity("attacker", 0), sale(scene, victim, seconds)
        for part in [*parts, 1]:
            scene.attempt(scene.auction, "bid", taker, [lot(victim, part)])
        no_gain(scene.equity("attacker", 0) - before - may.taker - may.vault)


@defence(
    "vault-pays-without-a-cap",
    "8: the vault pays within an epoch cap while h > 0",
    Edit(
        "modules/sightings.vy",
        "    if rates.lambda_taker > rates.lambda_account and victim.equity > 0:\n",
        "    if False:\n",
    ),
)
@defence(
    "vault-forgets-what-it-paid",
    "8: within an epoch cap",
    Edit("modules/taking.vy", "        sightings.spend(cost)\n", "        pass\n"),
)
@search
@given(
    prices=st.floats(1_803, 1_840),
    seconds=st.integers(100, 150).map(lambda pairs: 2 * pairs),
    parts=PARTS,
    count=st.integers(1, 4),
)
def test_bids__for_ones_own_accounts_of_little_health__are_paid_by_the_vault_within_its_epoch(
    scene: Scene, prices: float, seconds: int, parts: list[float], count: int
):
    """What the vault adds while an account has equity left, it adds once an epoch, however many accounts and parts."""
    with scene.trial():
        other = scene.deposit("attacker", 0, 200_000)
        own = [scene.deposit("attacker", 1 + place, 2_000) for place in range(count)]
        for account in own:
            scene.trade(account, other, ETH, 10, 2_000)
        scene.at(600 - scene.now % 600)
        scene.prices({ETH: prices})
        scene.do(scene.auction, "open", own, by="other")
        for account in own:
            watch(scene, account, 0)
        for _ in range(seconds // 50):
            scene.at(48)
            scene.prices()
            scene.do(scene.auction, "open", own, by="other")
        subs = range(count + 1)
        before = scene.equity("attacker", *subs)
        for account in own:
            for part in [*parts, 1]:
                scene.attempt(scene.auction, "bid", other, [lot(account, part)])
        no_gain(scene.equity("attacker", *subs) - before - MOST)


@defence(
    "penalty-of-nobody",
    "8: relief costs the account φ_a, to the vault",
    Edit(
        "modules/bidding.vy",
        "convert(result.lambda_account + result.penalty, int256) * mm",
        "convert(result.lambda_account, int256) * mm",
    ),
)
@defence(
    "opener-paid-twice-over",
    "8: the opener of a run gets half of each fill's φ in it",
    Edit("modules/bidding.vy", "share: uint256 = min(penalty // 2,", "share: uint256 = min(penalty * 2,"),
)
@search
@given(
    price=st.floats(1_850, 1_895),
    seconds=st.integers(0, 30).map(lambda pairs: 2 * pairs),
    parts=PARTS,
    opened=st.booleans(),
    count=st.integers(1, 3),
)
def test_bids__for_ones_own_accounts__cost_their_owner_the_penalty(
    scene: Scene, price: float, seconds: int, parts: list[float], opened: bool, count: int
):
    """By a second wallet, after a sighting of one's own or in one act with it, of one account or several small ones:
    the opener's reward comes out of the penalty, which is one's own."""
    with scene.trial():
        taker = scene.deposit("other", 0, 200_000)
        for sub in range(count):
            account = scene.deposit("attacker", sub, 2_000 / count)
            scene.trade(account, taker, ETH, 10 / count, 2_000)
        own = [scene.account("attacker", sub) for sub in range(count)]
        scene.prices({ETH: price})
        whose = {"attacker": range(count), "other": (0,)}
        before = total(scene, whose)
        if opened:
            for account in own:
                watch(scene, account, seconds if account == own[-1] else 0, by="attacker")
        for account in own:
            for part in [*parts, 1]:
                scene.attempt(scene.auction, "bid", taker, [lot(account, part)], by="other")
        no_gain(total(scene, whose) - before)


@defence(
    "opener-without-a-cap",
    "8: half of each fill's φ in it, up to a fixed sum",
    Edit("modules/bidding.vy", "min(penalty // 2, cap * (_PAID_UNITS - paid) // _PAID_UNITS)", "penalty // 2"),
)
@defence(
    "opener-paid-anew",
    "8: up to a fixed sum",
    Edit("modules/taking.vy", "    run.paid = paid\n", ""),
)
@search
@given(price=st.floats(1_820, 1_895), seconds=st.integers(0, 30).map(lambda pairs: 2 * pairs), parts=PARTS)
def test_opener__of_a_large_account__is_paid_a_fixed_sum(scene: Scene, price: float, seconds: int, parts: list[float]):
    """Sold to others in many parts, or whole; the attacker sights it again and again."""
    with scene.trial():
        victim, maker = scene.deposit("victim", 0, 80_000), scene.deposit("maker", 0, 1_000_000)
        taker = scene.deposit("other", 0, 900_000)
        scene.trade(victim, maker, ETH, 400, 2_000, by="victim")
        scene.prices({ETH: price})
        before = scene.equity("attacker", 0)
        watch(scene, victim, seconds, by="attacker")
        for part in [*parts, 1]:
            scene.attempt(scene.auction, "bid", taker, [lot(victim, part)], by="other")
            scene.attempt(scene.auction, "open", [victim])
        no_gain(scene.equity("attacker", 0) - before - TERMS.opener_cap / WAD)


@defence(
    "taker-without-margin",
    "8: one IM check of the taker at the end",
    Edit(
        "Auction.vy",
        "    sightings.report(change)\n    self._require_initial(taker)\n",
        "    sightings.report(change)\n",
    ),
)
@search
@given(price=st.floats(1_810, 1_895), seconds=SECONDS, fraction=st.floats(0.4, 1), cash=st.floats(1, 50))
def test_bid__without_capital__is_refused(scene: Scene, price: float, seconds: int, fraction: float, cash: float):
    """All that λ gives for nothing, and lenders' money behind it."""
    with scene.trial():
        victim, taker = scene.in_breach(price), scene.deposit("attacker", 0, cash)
        watch(scene, victim, seconds)
        before = scene.equity("attacker", 0)
        scene.attempt(scene.auction, "bid", taker, [lot(victim, fraction)])
        no_gain(scene.equity("attacker", 0) - before)


@defence(
    "flash-bid-never-paid",
    "8: the quote it owes is pulled from it, before the taker's margin check",
    Edit("Batch.vy", '    assert enough, "batch: below initial margin"\n', ""),
)
@search
@given(fraction=st.floats(0.1, 1), kept=st.floats(0, 1), paid=st.floats(0, 0.97))
def test_bid__in_a_batch_with_its_spot_taken_out__is_paid_in_full(
    scene: Scene, fraction: float, kept: float, paid: float
):
    """The spot of a slice leaves, less quote than it cost comes back, and the account that owes the rest is left."""
    with scene.trial():
        victim, taker = scene.deposit_spot("victim", 0, ETH, 10), scene.account("attacker")
        scene.do(scene.house, "withdraw", victim, 18_000 * UNIT, scene.wallets["victim"], by="victim")
        scene.prices({ETH: 1_880})
        watch(scene, victim, 10)
        before = scene.wallet("attacker")
        may = sale(scene, victim, 10).taker
        taken = scene.auction.quote(victim, int(fraction * WAD)).fraction / WAD
        bid = scene.auction.bid.prepare_calldata(taker, [lot(victim, fraction)])
        steps = [
            (7, scene.wallets["attacker"], 0, 0, 0, bid),
            scene.step_spot(taker, ETH, 10 * taken * (1 - kept) * 0.999999),
        ]
        if paid > 0.001:
            steps.append(scene.step_deposit(taker, paid * (1 - kept) * 18_000 * taken))
        scene.attempt(scene.batch, "batch", [taker], steps)
        no_gain(scene.wallet("attacker") + max(0.0, scene.worth(taker)) - before - may)
