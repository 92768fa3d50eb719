"""Who owns cash is paid: his share of the quote, and in kind of what was lent."""

from __future__ import annotations

import ape
import pytest

from tests.unit.system import ETH, UNITS, WAD
from tests.unit.winding.scene import DUST, LAST_PRICE

CLAIMANTS = ("lender", "saver", "winner", "payer")


@pytest.fixture
def whole(scene):
    """All is settled and absorbed, and 21 days are over."""
    scene.seen_at(14)
    scene.make_whole()
    scene.seen_at(21)
    return scene


@pytest.fixture
def unsettled(scene):
    """Nothing is settled or absorbed after 21 days."""
    scene.seen_at(21)
    return scene


def test_claim__before_21_days__reverts(scene):
    scene.seen_at(14)
    scene.make_whole()
    scene.days(21, early=60)
    with scene.refused("vault: not yet"):
        scene.claim("lender")
    with scene.refused("vault: not yet"):
        scene.leave_in_kind(scene.holder)


def test_claim__before_a_shutdown__reverts(system, owner):
    with ape.reverts("vault: not yet"):
        system.vault.claim(system.account(owner), sender=owner)
    with ape.reverts("vault: not yet"):
        system.vault.leave_in_kind(sender=owner)


def test_claim__by_an_outsider__reverts(whole):
    with whole.refused("vault: not allowed"):
        whole.claim("lender", sender=whole.stranger)
    with whole.refused("vault: not allowed"):
        whole.claim("pool", sender=whole.holder)


def test_claim__by_an_operator__pays_the_owner(whole):
    whole.system.clearinghouse.approve_operator(whole.stranger, True, sender=whole.lender)
    before = whole.units(whole.lender)
    whole.claim("lender", sender=whole.stranger)
    assert whole.units(whole.lender) > before
    assert whole.units(whole.stranger) == 0


def test_claim__nothing_there__reverts(whole):
    account = whole.system.account(whole.stranger)
    with whole.refused("vault: nothing to claim"):
        whole.system.vault.claim(account, sender=whole.stranger)


def test_claim__debts_positions_and_profits_left__reverts_until_they_are_not(unsettled):
    with unsettled.refused("vault: debts are left"):
        unsettled.claim("lender")
    unsettled.settle("borrower")
    unsettled.absorb("borrower")
    with unsettled.refused("vault: positions are left"):
        unsettled.claim("lender")
    unsettled.absorb(*["loser"] * 10)
    unsettled.settle("winner", "loser", "payer")
    with unsettled.refused("vault: profits are left"):
        unsettled.claim("lender")
    unsettled.settle("winner")
    unsettled.claim("lender")
    assert unsettled.cash("lender") < 10**12


def test_claim__after_60_days__nothing_left_over_holds_it_up(unsettled):
    unsettled.days(60, early=60)
    with unsettled.refused("vault: debts are left"):
        unsettled.claim("lender")
    unsettled.days(60)
    before = unsettled.units(unsettled.lender)
    unsettled.claim("lender")
    assert unsettled.units(unsettled.lender) - before == pytest.approx(50_000 * UNITS, rel=1e-4)


def test_claim__account_that_owes__reverts(unsettled):
    unsettled.seen_at(60)
    for role in ("borrower", "payer", "loser"):
        with unsettled.refused("vault: account owes"):
            unsettled.claim(role)


@pytest.mark.parametrize("order", [CLAIMANTS, CLAIMANTS[::-1]])
def test_claim__in_any_order__each_gets_his_part_of_quote_and_of_spot(whole, order):
    house, token = whole.system.clearinghouse, whole.system.spot_tokens[ETH]
    owned = sum(whole.cash(role) for role in (*CLAIMANTS, "borrower", "loser", "vault"))
    debts, spot = -whole.cash("pool"), whole.spot("pool")
    assert abs(spot * LAST_PRICE - debts) <= DUST
    for role in order:
        wallet, cash = getattr(whole, role), whole.cash(role)
        units, ether = whole.units(wallet), token.balanceOf(wallet)
        share = whole.header(role).principal * WAD // (house.totals() & 2**128 - 1)
        receipt = whole.claim(role)
        (event,) = receipt.decode_logs(whole.system.vault.Claimed)
        paid = whole.units(wallet) - units
        assert (event.account, event.amount) == (whole.accounts[role], paid)
        assert event.share == share
        assert abs(paid * 10**12 - cash * (owned - debts) // owned) <= DUST
        assert abs(whole.spot(role) - spot * cash // owned) <= 10**9
        house.withdraw_spot(whole.accounts[role], ETH, whole.spot(role), wallet, sender=wallet)
        gained = token.balanceOf(wallet) - ether
        # No more, and no less, than the cash at the frozen price.
        assert abs(paid * 10**12 + gained * LAST_PRICE - cash) <= DUST


def test_claim__again__pays_nothing_more(whole):
    whole.claim("lender")
    units, spot = whole.units(whole.lender), whole.spot("lender")
    receipt = whole.claim("lender")
    (event,) = receipt.decode_logs(whole.system.vault.Claimed)
    assert event.amount == 0
    assert whole.units(whole.lender) == units
    assert whole.spot("lender") - spot <= 10**9


def test_claim__cash_split_over_accounts__gets_no_more(whole):
    """Two accounts of halves are paid what one of all is."""
    lender, saver = whole.cash("lender"), whole.cash("saver")
    whole.claim("lender")
    whole.claim("saver")
    ratio = whole.units(whole.lender) * saver - whole.units(whole.saver) * lender
    assert abs(ratio) <= 2 * UNITS * lender // UNITS


def test_winding__to_the_end__all_tokens_are_out(whole):
    system, house = whole.system, whole.system.clearinghouse
    for role in CLAIMANTS:
        whole.claim(role)
    # The vault paid all it had; what it earns now is its holders', the one who was leaving too.
    system.fund_account(whole.accounts["vault"], whole.lender, 300)
    for wallet, part in ((whole.holder, 200), (whole.leaver, 100)):
        before = whole.units(wallet)
        whole.leave_in_kind(wallet)
        system.vault.claim(system.account(wallet), sender=wallet)
        worth = (whole.units(wallet) - before) * 10**12 + house.spot(system.account(wallet), ETH) * LAST_PRICE
        assert worth == pytest.approx(part * WAD, rel=1e-3)
        assert system.vault.balanceOf(wallet) == 0
        assert list(system.vault.request_of(wallet)) == [0, 0, 0]
        with whole.refused("vault: nothing to withdraw"):
            whole.leave_in_kind(wallet)
    for wallet in (whole.lender, whole.saver, whole.winner, whole.payer, whole.borrower, whole.holder, whole.leaver):
        account = system.account(wallet)
        if house.spot(account, ETH):
            house.withdraw_spot(account, ETH, house.spot(account, ETH), wallet, sender=wallet)
    assert system.quote.balanceOf(house) <= 20
    assert system.spot_tokens[ETH].balanceOf(house) * LAST_PRICE <= DUST * 10
    for account in whole.accounts.values():
        assert abs(house.cash(account)) <= DUST
        assert house.header(account) >> 192 == 0


def test_leave_in_kind__event_and_fraction(whole):
    system = whole.system
    system.fund_account(whole.accounts["vault"], whole.lender, 300)
    shares, supply = system.vault.balanceOf(whole.holder), system.vault.totalSupply()
    cash = whole.cash("vault")
    receipt = whole.leave_in_kind(whole.holder)
    (event,) = receipt.decode_logs(system.vault.LeftInKind)
    fraction = shares * WAD // (supply + 10**6)
    assert (event.owner, event.shares, event.fraction) == (whole.holder, shares, fraction)
    assert cash - whole.cash("vault") == pytest.approx(cash * fraction // WAD, abs=10)
    assert system.clearinghouse.cash(system.account(whole.holder)) == pytest.approx(cash * fraction // WAD, abs=10)
    assert system.vault.totalSupply() == supply - shares
