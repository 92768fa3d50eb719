"""Known losses: what cash is worth that leaves before they fall."""

from __future__ import annotations

import pytest

from tests.unit.system import ETH, UNITS, WAD


@pytest.fixture
def known_loss(house, alice, bob, pool, owner):
    """The auction knows of 31,000 to be lost; the vault has 1,000, lenders and traders 120,000."""
    house.fund_account(house.vault_account, owner, 1_000)
    return house.clearinghouse.change_entries(31_000 * WAD, sender=house.auctioneer)


def test_change_entries__adds_up_and_logs_the_sum(house, known_loss):
    (log,) = known_loss.decode_logs(house.clearinghouse.EntriesChanged)
    assert log.entries == house.clearinghouse.entries() == 31_000 * WAD
    house.clearinghouse.change_entries(-31_000 * WAD, sender=house.auctioneer)
    assert house.clearinghouse.entries() == 0


@pytest.mark.parametrize("role", ["owner", "venue", "attacker", "vault_wallet", "batcher"])
def test_change_entries__by_anybody_but_the_auction__reverts(house, wallets, role):
    with house.refuses("clearinghouse: not the auction"):
        house.clearinghouse.change_entries(1, sender=wallets[role])


def test_exit_rate__losses_the_vault_covers__is_one(house, alice, owner):
    house.fund_account(house.vault_account, owner, 1_000)
    house.clearinghouse.change_entries(1_000 * WAD, sender=house.auctioneer)
    assert house.clearinghouse.exit_rate() == WAD


def test_exit_rate__falls_to_what_the_others_will_have(house, known_loss):
    # 30,000 of 120,000 are missing.
    assert house.clearinghouse.exit_rate() == WAD * 3 // 4
    house.clearinghouse.change_entries(40_000 * WAD, sender=house.auctioneer)
    # 70,000 of them: a rate that is not even is rounded down.
    assert house.clearinghouse.exit_rate() == WAD * 5 // 12
    house.clearinghouse.change_entries(50_000 * WAD, sender=house.auctioneer)
    assert house.clearinghouse.exit_rate() == 0


def test_exit_rate__losses_beyond_all_cash__is_nothing(house, known_loss):
    house.clearinghouse.change_entries(200_000 * WAD, sender=house.auctioneer)
    assert house.clearinghouse.exit_rate() == 0


def test_withdraw__while_a_loss_is_known__pays_the_rate_and_leaves_the_rest_to_the_vault(
    house, quote, taker, alice, known_loss
):
    before, held = quote.balanceOf(taker), house.custody.held
    house.clearinghouse.withdraw(alice, 4_000 * UNITS, taker, sender=taker)
    assert quote.balanceOf(taker) - before == 3_000 * UNITS
    assert house.cash(alice) == 6_000 * WAD
    assert (house.custody.held, house.custody.reserve) == (held - 3_000 * WAD, 1_000 * WAD)
    # Who stays is no worse off: 29,000 of 116,000 are missing now.
    assert house.clearinghouse.exit_rate() == WAD * 3 // 4


def test_withdraw__borrowed_while_a_loss_is_known__leaves_at_the_rate_too(house, quote, taker, alice, known_loss):
    house.fund_spot(taker, ETH, 20)
    house.prices()
    before = quote.balanceOf(taker)
    house.clearinghouse.withdraw(alice, 12_000 * UNITS, taker, sender=taker)
    assert quote.balanceOf(taker) - before == 9_000 * UNITS
    # Nor does what is borrowed by who has borrowed already.
    assert house.cash(alice) < 0
    rate = house.clearinghouse.exit_rate()
    before = quote.balanceOf(taker)
    house.clearinghouse.withdraw(alice, 1_000 * UNITS, taker, sender=taker)
    assert quote.balanceOf(taker) - before == pytest.approx(1_000 * UNITS * rate // WAD, abs=1)


def test_withdraw__of_the_vault_while_a_loss_is_known__is_whole(house, quote, vault_wallet, known_loss):
    before = quote.balanceOf(vault_wallet)
    house.clearinghouse.withdraw(house.vault_account, 400 * UNITS, vault_wallet, sender=vault_wallet)
    assert quote.balanceOf(vault_wallet) - before == 400 * UNITS


def test_withdraw__that_is_worth_nothing__reverts(house, taker, alice, known_loss):
    with house.refuses("clearinghouse: nothing to move", alice):
        house.clearinghouse.withdraw(alice, 1, taker, sender=taker)
