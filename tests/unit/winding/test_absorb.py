"""Losses made good and debts taken into the pool."""

from __future__ import annotations

import ape
import pytest

from keeper.model.words import Position
from tests.unit.system import ETH, UNITS, WAD
from tests.unit.winding.scene import DUST, LAST_PRICE


@pytest.fixture
def due(scene):
    """Fourteen days are over."""
    scene.seen_at(14)
    return scene


def test_absorb__before_a_shutdown__reverts(system, owner):
    with ape.reverts("vault: not yet"):
        system.vault.absorb([], sender=owner)


def test_absorb__before_14_days__reverts(scene):
    scene.days(14, early=60)
    with scene.refused("vault: not yet"):
        scene.absorb("borrower")


def test_absorb__solvent_debtor__takes_as_much_spot_as_is_owed(due):
    due.settle("borrower")
    owed, equity = -due.cash("borrower"), due.assessment("borrower").equity
    assert 8_400 * WAD <= owed < 8_500 * WAD
    receipt = due.absorb("borrower", "borrower", "lender", "pool")
    (event,) = receipt.decode_logs(due.system.vault.Absorbed)
    assert event.account == due.accounts["borrower"]
    assert event.equity == equity
    assert event.fraction == -(-owed * WAD // (equity + owed))
    assert 0 <= due.cash("borrower") <= DUST
    assert abs(due.cash("pool") + owed) <= DUST
    assert abs(due.spot("pool") * LAST_PRICE - owed) <= DUST
    assert due.spot("borrower") + due.spot("pool") == 10 * WAD
    house = due.system.clearinghouse
    house.withdraw_spot(due.accounts["borrower"], ETH, due.spot("borrower"), due.borrower, sender=due.borrower)


def test_absorb__debt_repaid__leaves_the_spot_alone(due):
    due.system.fund_account(due.accounts["borrower"], due.borrower, 8_500)
    due.settle("borrower")
    before = due.header("borrower")
    due.absorb("borrower")
    assert due.header("borrower") == before
    house = due.system.clearinghouse
    house.withdraw_spot(due.accounts["borrower"], ETH, 10 * WAD, due.borrower, sender=due.borrower)
    assert due.system.spot_tokens[ETH].balanceOf(due.borrower) == 10 * WAD


def test_absorb__nobody_owes__changes_nothing(due):
    before = due.state()
    due.absorb("lender", "saver", "vault", "pool", "payer")
    assert due.state() == before


def test_absorb__insolvent_account__is_made_good_by_the_vault_and_then_by_all(due):
    lacked = -due.assessment("loser").equity
    assert lacked > 2_390 * WAD
    house, vault = due.system.clearinghouse, due.system.vault
    insured = due.cash("vault") + (house.custody() >> 128)
    lender = due.cash("lender")
    receipt = due.absorb("loser")
    (event,) = receipt.decode_logs(vault.MadeGood)
    assert (event.account, event.equity) == (due.accounts["loser"], -lacked)
    (shared,) = receipt.decode_logs(house.LossShared)
    assert abs(shared.loss - (lacked - insured)) <= DUST
    assert due.cash("vault") == house.custody() >> 128 == 0
    assert due.cash("lender") < lender
    # His own cash shared it: what he lacks now is made good in turn.
    assert -100 * WAD < due.assessment("loser").equity < 0
    due.absorb(*["loser"] * 10)
    assert 0 <= due.assessment("loser").equity <= DUST
    due.settle("loser", "payer", "borrower", "winner")
    assert due.header("loser").perps == 0
    assert 0 <= due.cash("loser") <= DUST
    book = Position.unpack(house.market_book(ETH))
    assert book.cost == 0


def test_absorb__made_good__nothing_can_be_taken_out_before_it_settles(due):
    due.absorb(*["loser"] * 10)
    house = due.system.clearinghouse
    assert due.cash("loser") > 3_000 * WAD
    with due.refused("clearinghouse: nothing to move"):
        house.withdraw(due.accounts["loser"], UNITS, due.loser, sender=due.loser)
    due.make_whole()
    due.seen_at(21)
    due.settle("loser")
    assert due.cash("loser") <= DUST


def test_absorb__positions_not_settled__debt_waits(due):
    assert due.header("borrower").perps != 0
    before = due.state()
    due.absorb("borrower")
    assert due.state() == before
    due.settle("borrower")
    due.absorb("borrower")
    assert 0 <= due.cash("borrower") <= DUST
    assert due.header("pool").perps == 0
