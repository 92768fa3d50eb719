"""What once paid: each of these took something from others before there was the defence that its mutant is without."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.sales import frozen, leave, watch
from tests.attacks.scene import ETH, UNIT, WAD, Scene
from tests.mutants.mutant import Edit


@defence(
    "batch-relief-paid-by-claims",
    "7: equity_after ≥ equity_before − clamp(h, 0, 1) · (MM_before − MM_after)",
    Edit(
        "Batch.vy",
        "enough = (net_before - net) * _WAD <= most and (before.equity - after.equity) * _WAD <= most",
        "enough = (net_before - net) * _WAD <= most",
    ),
)
@search
@given(out=st.floats(0.9, 1), bought=st.floats(0.5, 6), seconds=st.integers(100, 160))
def test_batch__that_settles_claims__cannot_pay_them_out_below_margin(
    scene: Scene, out: float, bought: float, seconds: int
):
    """Settling turns what may not leave into what may. What stays is in breach, and is taken by the attacker's other
    account for what the vault adds."""
    with scene.trial():
        short, long = scene.account("attacker", 0), scene.account("attacker", 1)
        scene.deposit_spot("attacker", 0, ETH, 100)
        scene.deposit("attacker", 1, 100_000)
        scene.trade(short, long, ETH, -100, 2_000)
        scene.do(scene.house, "withdraw", short, 185_000 * UNIT, scene.wallets["attacker"])
        for price in (1_960, 1_900, 1_800, 1_700, 1_600):
            scene.prices({ETH: price})
        before, has = scene.equity("attacker", 0, 1), scene.worth(short)
        steps = [
            scene.step_settle(ETH, long, short),
            scene.step_fill(short, long, ETH, bought, 1_600),
            scene.step_spot(short, ETH, bought),
            scene.step_withdraw(short, out * (has - 1_602 * bought)),
        ]
        scene.attempt(scene.batch, "batch", [short], steps)
        watch(scene, short, 2 * seconds)
        leave(scene, short, taker=long)
        no_gain(scene.equity("attacker", 0, 1) - before)


@defence(
    "batch-compares-with-a-worse-price",
    "2: batch is checked once per account, at its end; 7: equity_after ≥ equity_before − clamp(h, 0, 1) · (MM_before "
    "− MM_after)",
    Edit(
        "Batch.vy",
        "    words: DynArray[uint256, 32]\n",
        "    words: DynArray[uint256, 32]\n    was: IRiskEngine.Assessment\n",
    ),
    Edit(
        "Batch.vy",
        "        before.append(book)\n",
        "        book.was = staticcall _CLEARINGHOUSE.assess(account)\n        before.append(book)\n",
    ),
    Edit("Batch.vy", "staticcall _RISK.assess(book.cash, book.maps, book.words)", "book.was"),
)
@search
@given(low=st.floats(1_815, 1_860), sold=st.floats(5, 40), out=st.floats(0.2, 1), fall=st.floats(0, 0.06))
def test_batch__that_brings_a_better_price__keeps_no_worse_one_to_compare_with(
    scene: Scene, low: float, sold: float, out: float, fall: float
):
    """The upside between two prices could leave, and what stays has nothing to lose when the price falls again."""
    with scene.trial():
        long, other = scene.deposit("attacker", 0, 20_000), scene.deposit("attacker", 1, 100_000)
        scene.trade(long, other, ETH, 100, 2_000)
        for price in (1_950, 1_900, low):
            scene.prices({ETH: price})
        before = scene.wallet("attacker") + scene.worth(long, other)
        scene.at(2)
        fresh = scene.reports({ETH: 2_000})
        scene.push({ETH: 2_000})
        steps = [
            scene.step_call((scene.engine, "update", (fresh,))),
            scene.step_settle(ETH, other, long),
            scene.step_fill(long, other, ETH, -sold, 2_000),
            scene.step_withdraw(long, out * 20_000),
        ]
        scene.attempt(scene.batch, "batch", [long], steps)
        scene.prices({ETH: 2_000 * (1 - fall)})
        no_gain(scene.wallet("attacker") + max(0.0, scene.worth(long)) + scene.worth(other) - before)


@defence(
    "frozen-spot-lent-against",
    "3: a retired market is frozen at an average price; 5: gross always costs something",
    Edit("modules/parameters.vy", "word | (self.g(old) << 32) | _HIGHEST, ramp)", "word | old & (2**48 - 1), ramp)"),
    Edit("modules/parameters.vy", "word | _FROZEN, ramp)", "word | old & (2**48 - 1), ramp)"),
)
@search
@given(held=st.floats(1, 1_000), borrowed=st.floats(0.01, 0.9), worth=st.floats(0.01, 100))
def test_spot__of_a_frozen_market__is_lent_nothing_against(scene: Scene, held: float, borrowed: float, worth: float):
    """A worthless token was collateral at its last price for ever."""
    with scene.trial():
        account = scene.deposit_spot("attacker", 1, ETH, held)
        frozen(scene, ETH, worth)
        before = scene.wallet("attacker") + held * worth
        wanted = int(borrowed * held * 2_000 * UNIT)
        scene.attempt(scene.house, "withdraw", account, wanted, scene.wallets["attacker"])
        spot = scene.house.spot(account, ETH) / WAD * worth
        no_gain(scene.wallet("attacker") + max(0.0, scene.cash(account) + spot) - before)


@defence(
    "vault-shares-without-a-least-price",
    "9: ERC-4626 over the quote token: whoever wants to may deposit",
    Edit("InsuranceVault.vy", "return max(backing.gross(), self._supply() // _LEAST_PRICE)", "return backing.gross()"),
)
def test_vault__emptied_a_dozen_times__takes_deposits_still(scene: Scene):
    """Its supply multiplied with each deposit of a unit until no number held it, and nobody could insure lenders any
    more. No more is lost either than what those deposits put in."""
    winner, taker = scene.deposit("attacker", 99, 100_000), scene.deposit("attacker", 98, 20_000)
    broken = [scene.deposit("attacker", sub, 40) for sub in range(13)]
    for account in broken:
        scene.trade(account, winner, ETH, 0.2, 2_000)
    for price in (1_900, 1_750, 1_600):
        scene.prices({ETH: price})
    for account in broken:
        scene.attempt(scene.vault, "deposit", UNIT, scene.wallets["attacker"])
        scene.bid(taker, account)
    before, backed = scene.equity("lender"), scene.vault.totalAssets() / UNIT
    scene.attempt(scene.vault, "deposit", 100_000 * UNIT, scene.wallets["lender"], by="lender")
    kept_out = 100_000 + backed - scene.vault.totalAssets() / UNIT
    no_gain(max(kept_out, before - scene.equity("lender") - len(broken)), unit="quote kept out of the vault")
