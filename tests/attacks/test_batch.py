"""What a batch puts off is put off for its own accounts and until its end, and no longer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.scene import BTC, ETH, UNIT, Scene
from tests.model.chain import number
from tests.mutants.mutant import Edit


@defence(
    "batch-relief-at-any-cost",
    "2: batch … is checked once per account, at its end; 7: equity_after ≥ equity_before − clamp(h, 0, 1) · (MM_before "
    "− MM_after)",
    Edit(
        "Batch.vy",
        "enough = (net_before - net) * _WAD <= most and (before.equity - after.equity) * _WAD <= most",
        "enough = most >= 0",
    ),
)
@search
@given(sold=st.floats(0.1, 6), out=st.floats(0.6, 0.99), fall=st.floats(0.01, 0.03), hedges=st.booleans())
def test_batch__unwound_below_initial_margin__takes_no_more_than_health_allows(
    scene: Scene, sold: float, out: float, fall: float, hedges: bool
):
    """A part of a position given back frees that part of what is left, and no more: else the rest of it has nothing to
    lose when the price falls."""
    with scene.trial():
        account, other = scene.deposit("attacker", 0, 2_000), scene.deposit("attacker", 1, 200_000)
        scene.trade(account, other, ETH, 10, 2_000)
        scene.prices({ETH: 1_900})
        before = scene.wallet("attacker") + scene.worth(account, other)
        steps = [
            scene.step_fill(account, other, ETH, -sold, 1_900),
            scene.step_withdraw(account, out * scene.worth(account)),
        ]
        if hedges:
            steps.append(scene.step_fill(account, other, BTC, -sold / 100, 60_000))
        scene.attempt(scene.batch, "batch", [account], steps)
        scene.prices({ETH: 1_900 * (1 - fall)})
        no_gain(scene.wallet("attacker") + max(0.0, scene.worth(account)) + scene.worth(other) - before)


def kept(scene: Scene, before: int, *accounts: int) -> float:
    """What the Clearinghouse's tokens have shrunk by, beyond what accounts that somebody walks away from still own."""
    owned = sum(max(0, scene.worth(account)) for account in accounts)
    return float((before - scene.quote.balanceOf(scene.house)) / UNIT - owned)


@defence(
    "batch-never-tested",
    "2: batch … is checked once per account, at its end",
    Edit("Batch.vy", 'assert enough, "batch: below initial margin"', "pass"),
)
@search
@given(taken=st.integers(1, 1_000_000), back=st.integers(0, 1_000_000))
def test_batch__tokens_borrowed_for_its_length__come_back_or_it_is_undone(scene: Scene, taken: int, back: int) -> None:
    """All that there is may be out for as long as it lasts, and what is not brought back is no loan of anybody's."""
    with scene.trial():
        account, before = scene.account("attacker"), scene.quote.balanceOf(scene.house)
        steps = [scene.step_withdraw(account, taken), scene.step_deposit(account, min(back + 1, taken))]
        scene.attempt(scene.batch, "batch", [account], steps)
        no_gain(kept(scene, before, account))


@defence(
    "batch-that-never-ends",
    "2: batch … is checked once per account, at its end",
    Edit("Batch.vy", "extcall _CLEARINGHOUSE.defer(accounts[i], False)", "pass"),
    Edit(
        "Batch.vy", "self._test(accounts[i], before[i], staticcall _CLEARINGHOUSE.assess(accounts[i]), paused)", "pass"
    ),
)
@search
@given(amount=st.integers(1, 1_000_000))
def test_batch__is_over__account_is_tested_again_in_the_same_transaction(scene: Scene, amount: int) -> None:
    """Leave that outlived the batch would empty the house: an empty batch, and a loan right after it."""
    with scene.trial():
        before, borrower = scene.quote.balanceOf(scene.house), scene.armed()
        account = number(borrower.address) << 96
        for contract, function, args in (
            (scene.batch, "batch", ([account], [])),
            (scene.house, "withdraw", (account, amount * UNIT, scene.wallets["attacker"])),
        ):
            borrower.arm(contract.address, getattr(contract, function).prepare_calldata(*args))
        scene.attempt(borrower, "go")
        no_gain(kept(scene, before, account))
