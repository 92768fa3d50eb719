"""Who lent cannot leave a loss that is known to who stays, nor come in at its discount."""

from __future__ import annotations

import pytest

from tests.attacks.scene import ETH, UNIT, WAD, Scene


def test_exit__by_an_account_that_owes_for_a_moment__is_paid_at_the_rate(scene: Scene):
    """Debt made in a batch leaves at no rate and is paid back by cash that never left. Defence: a deferred account's
    withdrawal leaves at the rate, owned or not."""
    lender, borrower = scene.deposit("attacker", 0, 500_000), scene.account("attacker", 1)
    rate = scene.known_loss()
    assert 0.5 < rate < 0.9
    scene.prices()
    before = scene.equity("attacker", 0, 1)
    out, price = 400_000, scene.now_prices[ETH]
    # The lender buys dear and sells cheap, at both edges of the band: its cash pays the debt.
    size = 1.02 * out / (2 * 0.0495 * price)
    scene.run(
        [lender, borrower],
        scene.step_withdraw(borrower, out),
        scene.step_fill(lender, borrower, ETH, size, price * 1.0495),
        scene.step_fill(lender, borrower, ETH, -size, price * 0.9505),
    )
    assert scene.cash(borrower) >= 0
    assert before - scene.equity("attacker", 0, 1) > out * (1 - rate)


def test_exit__of_most_lenders__leaves_the_rate_of_the_rest_as_it_is(scene: Scene):
    """The first out may not take of what the last has. Defence: what leaving costs goes to the vault."""
    scene.deposit("attacker", 0, 500_000)
    rate = scene.known_loss()
    scene.do(scene.house, "withdraw", scene.account("attacker"), 499_000 * UNIT, scene.wallets["attacker"])
    assert scene.house.exit_rate() / WAD == pytest.approx(rate, abs=1e-9)
