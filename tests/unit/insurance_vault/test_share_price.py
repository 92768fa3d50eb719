"""What moves the price of a share, and what does not."""

from __future__ import annotations

import pytest

from tests.unit.auction.scene import Scene
from tests.unit.insurance_vault.conftest import SHARE
from tests.unit.system import ETH, UNITS, WAD

YEAR = 31_536_000


def price(vault) -> int:
    """Units for a million shares."""
    return vault.convertToAssets(10**6 * SHARE)


@pytest.fixture
def crash(system, accounts, taker, maker, lender):
    """The auction's scene, anew for each test: Ape isolates fixtures by name, so it has one of its own."""
    system.prices()
    scene = Scene(system, accounts[7], taker, maker, lender)
    scene.set_up()
    return scene


def test_share_price__first_depositor_inflates_it__gains_nothing(insurance, vault, attacker, lender, quote):
    stake, gift, victims = 1, 10_000 * UNITS, 10_000 * UNITS
    shares = insurance.deposit(attacker, stake)
    insurance.gain(attacker, gift)
    theirs = insurance.deposit(lender, victims)
    insurance.leave(attacker, shares)
    vault.redeem_for(attacker, sender=attacker)
    assert quote.balanceOf(attacker) < stake + gift
    assert vault.previewRedeem(theirs) >= victims * 999_999 // 1_000_000


def test_share_price__first_depositor_inflates_far__loses_half_of_it(insurance, vault, attacker, lender, quote):
    shares = insurance.deposit(attacker, 1)
    insurance.gain(attacker, 10**6 * UNITS)
    theirs = insurance.deposit(lender, 3 * UNITS // 4)
    insurance.leave(attacker, shares)
    vault.redeem_for(attacker, sender=attacker)
    assert quote.balanceOf(attacker) < 10**6 * UNITS * 51 // 100
    # A share of a quarter unit each: rounding costs the second less than one of them.
    assert vault.previewRedeem(theirs) >= UNITS // 4


def test_share_price__tokens_sent_to_the_vault__count_for_nothing(insurance, vault, lender, attacker, quote):
    insurance.deposit(lender, UNITS)
    before = vault.totalAssets(), price(vault)
    quote.mint(vault, 1_000 * UNITS, sender=attacker)
    assert (vault.totalAssets(), price(vault)) == before
    assert insurance.deposit(attacker, UNITS) == SHARE
    assert quote.balanceOf(vault) == 1_000 * UNITS


def test_share_price__tokens_sent_to_the_clearinghouse__count_for_nothing(
    insurance, vault, lender, attacker, quote, clearinghouse
):
    insurance.deposit(lender, UNITS)
    before = vault.totalAssets(), vault.maxWithdraw(lender), price(vault)
    quote.mint(clearinghouse, 1_000 * UNITS, sender=attacker)
    assert (vault.totalAssets(), vault.maxWithdraw(lender), price(vault)) == before


@pytest.mark.parametrize("units", [17, 999, UNITS, 10**6 * UNITS])
def test_share_price__deposits_and_withdrawals__never_lower_it(insurance, vault, taker, odd_price, units):
    before = price(vault)
    insurance.deposit(taker, units)
    assert price(vault) >= before
    insurance.leave(taker, vault.balanceOf(taker) // 2)
    vault.redeem_for(taker, sender=taker)
    assert price(vault) >= before


def test_share_price__transfer_of_shares__leaves_it(insurance, vault, lender, taker, odd_price):
    before = price(vault), vault.totalSupply()
    vault.transfer(taker, SHARE, sender=lender)
    assert (price(vault), vault.totalSupply()) == before
    assert vault.balanceOf(taker) == SHARE


def test_share_price__trading_fee__raises_it_by_the_fee(crash, insurance, vault, lender):
    insurance.deposit(lender, 100 * UNITS)
    crash.system.prices()
    before, worth = vault.totalAssets(), vault.convertToAssets(vault.balanceOf(lender))
    crash.system.trade(crash.taker, crash.maker, ETH, 10, 1600)
    fee = 16_000 * UNITS * 3 // 10_000
    assert vault.totalAssets() == before + fee
    assert vault.convertToAssets(vault.balanceOf(lender)) > worth + fee * 9 // 10


def test_share_price__penalty__raises_it_by_the_vaults_part(crash, insurance, vault, lender):
    insurance.deposit(lender, 100 * UNITS)
    crash.sighted_at(1520, 30)
    before = crash.vault_cash()
    taken = crash.taken(crash.bid())
    assert taken.vault_got > 0
    assert crash.vault_cash() == before + taken.vault_got
    assert vault.totalAssets() == (before + taken.vault_got) // 10**12


def test_share_price__covered_shortfall__lowers_it_by_exactly_that(crash, insurance, vault, lender):
    insurance.deposit(lender, 1_000 * UNITS)
    crash.sighted_at(1430)
    before, worth = crash.vault_cash(), vault.convertToAssets(vault.balanceOf(lender))
    taken = crash.taken(crash.bid())
    assert taken.vault_got < taken.equity < 0
    assert crash.vault_cash() == before + taken.vault_got
    assert worth - vault.convertToAssets(vault.balanceOf(lender)) <= -taken.vault_got // 10**12 + 1
    assert vault.convertToAssets(vault.balanceOf(lender)) < worth


def test_share_price__who_leaves_after_a_loss__bears_its_part(crash, insurance, vault, lender, guardian, quote):
    insurance.deposit(lender, 1_000 * UNITS)
    insurance.deposit(guardian, 1_000 * UNITS)
    crash.sighted_at(1430)
    total = crash.vault_cash() // 10**12
    lost = -crash.taken(crash.bid()).vault_got // 10**12
    insurance.leave(guardian)
    vault.redeem_for(guardian, sender=guardian)
    assert lost > 100 * UNITS
    assert abs(quote.balanceOf(guardian) - (1_000 * UNITS - lost * 1_000 * UNITS // total)) < 10


def test_share_price__loss_sighted_but_not_sold__is_borne_by_who_leaves_and_by_who_enters(
    crash, insurance, vault, lender, guardian, taker, auction
):
    insurance.deposit(lender, 1_000 * UNITS)
    shares = insurance.deposit(guardian, 1_000 * UNITS)
    gross, supply = vault.totalAssets(), vault.totalSupply()
    crash.sighted_at(1430)
    lost = auction.entry(crash.account)
    assert lost == -crash.assessment().equity - crash.assessment().up > 90 * WAD
    assert vault.totalAssets() == (crash.vault_cash() - lost) // 10**12 < gross
    vault.request(shares, guardian, sender=guardian)
    assert vault.request_of(guardian).value == shares * (vault.totalAssets() + 1) // (supply + 10**6)
    # Who enters gets no more shares than before it was known.
    assert vault.previewDeposit(UNITS) == vault.convertToShares(UNITS) == UNITS * (supply + 10**6) // (gross + 1)
    assert vault.previewMint(10**9) == -(-(10**9) * (gross + 1) // (supply + 10**6))
    worth = vault.convertToAssets(insurance.deposit(taker, 100 * UNITS))
    assert worth < 100 * UNITS - lost // 10**12 * 100 // 2_106


def test_share_price__loss_above_all_assets__leaves_nothing_to_leave_with(crash, insurance, vault, lender, auction):
    insurance.deposit(lender, 50 * UNITS)
    crash.sighted_at(1430)
    assert auction.entry(crash.account) > crash.vault_cash()
    assert vault.totalAssets() == 0
    with insurance.refused("vault: nothing to withdraw", lender):
        vault.request(vault.balanceOf(lender), lender, sender=lender)
    crash.price(1600)
    crash.open()
    assert auction.entry(crash.account) == 0
    assert vault.totalAssets() == crash.vault_cash() // 10**12


def test_request__loss_while_it_waits__is_borne_with_the_others(crash, insurance, vault, lender, guardian, quote):
    insurance.deposit(lender, 1_000 * UNITS)
    insurance.deposit(guardian, 1_000 * UNITS)
    value = insurance.leave(guardian)
    shares = vault.request_of(guardian).shares
    crash.sighted_at(1430)
    total, supply = vault.totalAssets(), vault.totalSupply()
    assert vault.maxWithdraw(guardian) == shares * (total + 1) // (supply + 10**6) < value
    with insurance.refused("vault: losses are known", guardian):
        vault.redeem_for(guardian, sender=lender)
    vault.redeem_for(guardian, sender=guardian)
    assert quote.balanceOf(guardian) == shares * (total + 1) // (supply + 10**6)


def test_withdraw__after_a_loss__burns_shares_at_what_they_are_worth(crash, insurance, vault, lender, guardian):
    for wallet in (lender, guardian):
        insurance.deposit(wallet, 1_000 * UNITS)
    insurance.leave(guardian)
    crash.sighted_at(1430)
    total, supply, asked = vault.totalAssets(), vault.totalSupply(), vault.request_of(guardian)
    vault.withdraw(100 * UNITS, guardian, guardian, sender=guardian)
    burned = asked.shares - vault.request_of(guardian).shares
    assert burned == -(-100 * UNITS * (supply + 10**6) // (total + 1)) > 100 * UNITS * asked.shares // asked.value + 1


def test_share_price__interest_reserve__counts_before_it_is_collected(
    insurance, vault, lender, borrower, clearinghouse
):
    insurance.deposit(lender, 1_000 * UNITS)
    insurance.lend_out(borrower, 800 * UNITS)
    insurance.system.pass_time(YEAR)
    clearinghouse.collect(sender=lender)
    insurance.system.pass_time(YEAR)
    insurance.system.quote.mint(lender, 1, sender=lender)
    reserve = clearinghouse.accrued()[2] >> 128
    # A tenth of at least 6% on 800, in the second year.
    assert reserve > 4 * WAD
    assert abs(vault.totalAssets() - (insurance.cash() + reserve) // 10**12) <= 1
    before = vault.totalAssets()
    clearinghouse.collect(sender=lender)
    assert 0 <= insurance.cash() // 10**12 - before <= 5
    assert vault.totalAssets() == insurance.cash() // 10**12


@pytest.mark.parametrize("act", ["deposit", "mint"])
def test_preview__with_a_reserve_standing__is_what_the_act_does(insurance, vault, lender, borrower, quote, act):
    insurance.deposit(lender, 1_000 * UNITS)
    insurance.lend_out(borrower, 800 * UNITS)
    insurance.system.pass_time(YEAR)
    insurance.give(lender, 100 * UNITS)
    amount = 12_345_678 if act == "deposit" else 12_345_678_901_234
    name = "preview" + act.capitalize()
    # Both are calls at the same time of the same block, so that interest is the same.
    assert getattr(vault, name)(amount) == getattr(vault, act).call(amount, lender, sender=lender) > 0
    assert insurance.system.clearinghouse.accrued()[2] >> 128 > WAD


def test_total_assets__empty__is_nothing(vault, system, insurance):
    # Fees of the tests' own set-up aside.
    assert vault.totalAssets() == insurance.cash() // 10**12
    assert vault.totalSupply() == 0
