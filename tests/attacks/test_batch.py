"""What a batch puts off is put off for its own accounts and until its end, and no longer."""

from __future__ import annotations

import pytest

from tests.attacks.scene import BTC, ETH, UNIT, WAD, RefusedError, Scene
from tests.model.chain import number


def test_batch__another_from_its_middle__is_refused(scene: Scene):
    """Two batches over one account could each be the other's excuse. Defence: the batch's lock."""
    account = scene.deposit("attacker", 0, 1_000)
    call = scene.step_call((scene.batch, "batch", ([scene.account("attacker", 1)], [])))
    with pytest.raises(RefusedError):
        scene.run([account], call)


def test_batch__is_over__account_is_tested_again_in_the_same_transaction(scene: Scene):
    """Leave that outlived the batch would empty the house. Defence: `defer(account, False)` at the batch's end."""
    house = scene.house
    before = scene.quote.balanceOf(house)
    borrower = scene.armed()
    account = number(borrower.address) << 96
    for contract, function, args in (
        (scene.batch, "batch", ([account], [])),
        (house, "withdraw", (account, 1_000 * UNIT, scene.wallets["attacker"])),
    ):
        borrower.arm(contract.address, getattr(contract, function).prepare_calldata(*args))
    assert scene.refusal(borrower, "go") == "clearinghouse: below initial margin"
    assert scene.quote.balanceOf(house) == before


def test_batch__all_tokens_borrowed_for_its_length__come_back_or_it_is_undone(scene: Scene):
    """Defence: the test of every account at the end."""
    account = scene.account("attacker")
    everything = scene.quote.balanceOf(scene.house) / UNIT
    with pytest.raises(RefusedError, match="batch: below initial margin"):
        scene.run([account], scene.step_withdraw(account, everything), scene.step_deposit(account, everything - 1))
    scene.run([account], scene.step_withdraw(account, everything), scene.step_deposit(account, everything))
    assert scene.equity("attacker", 0) == 0
    assert scene.quote.balanceOf(scene.house) == everything * UNIT


def test_batch__operator_in_every_way__brings_money_home_only(scene: Scene):
    """Defence: who asks a batch to withdraw is asked whether it is the owner; else the owner is paid."""
    account = scene.deposit("victim", 0, 1_000)
    scene.do(scene.house, "approve_operator", scene.wallets["attacker"], True, by="victim")
    scene.run([account], scene.step_withdraw(account, 300))
    scene.do(scene.house, "withdraw", account, 300 * UNIT, scene.wallets["attacker"])
    assert scene.wallet("attacker") == 0
    assert scene.wallet("victim") == -400


def test_batch__unwound_below_initial_margin__takes_no_more_than_health_allows(scene: Scene):
    """Half of a position given back frees half of what is left. Defence: the relief way of the batch's test."""
    account, other = scene.deposit("attacker", 0, 2_000), scene.deposit("attacker", 1, 200_000)
    scene.trade(account, other, ETH, 10, 2_000)
    scene.prices({ETH: 1_900})
    scene.do(scene.house, "settle", ETH, [account], by="other")
    found = scene.assess(account)
    half = scene.step_fill(account, other, ETH, -5, 1_900)
    with pytest.raises(RefusedError, match="batch: below initial margin"):
        scene.run([account], half, scene.step_withdraw(account, found.equity / WAD / 2 + 5))
    with pytest.raises(RefusedError, match="batch: below initial margin"):
        scene.run([account], scene.step_withdraw(account, 1), scene.step_fill(account, other, BTC, 0.1, 60_000))
