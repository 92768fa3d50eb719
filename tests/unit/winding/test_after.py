"""After a shutdown: what nobody can do any more."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from tests.unit.auction.scene import lot
from tests.unit.system import CURVE, ETH, TERMS, UNITS, WAD


def test_shut_down__again__reverts(scene):
    with scene.refused("auction: shut down"):
        scene.shut_down()


@pytest.mark.parametrize("role", ["stranger", "lender", "owner"])
def test_wind_and_pay_out__by_an_outsider__reverts(scene, role):
    sender = scene.system.owner if role == "owner" else getattr(scene, role)
    with scene.refused("auction: not winding up"):
        scene.system.auction.wind(scene.accounts["lender"], scene.system.account(sender), WAD, 0, 0, sender=sender)
    with scene.refused("auction: not winding up"):
        scene.system.auction.pay_out(scene.accounts["lender"], 1, sender=sender)


def test_withdraw__owned_or_borrowed__reverts(scene):
    house = scene.system.clearinghouse
    for role in ("lender", "winner", "payer", "borrower"):
        wallet = getattr(scene, role)
        with scene.refused("clearinghouse: nothing to move"):
            house.withdraw(scene.accounts[role], 100 * UNITS, wallet, sender=wallet)


def test_withdraw_spot__borrower__only_with_margin_left(scene):
    house = scene.system.clearinghouse
    with scene.refused("clearinghouse: below initial margin"):
        house.withdraw_spot(scene.accounts["borrower"], ETH, 10 * WAD, scene.borrower, sender=scene.borrower)


def test_trade__frozen_market__reverts(scene):
    system = scene.system
    with scene.refused("clearinghouse: no perp market"):
        system.trade(scene.saver, scene.lender, ETH, 1, 1_200)


def test_auction__breach__is_not_sold(scene):
    auction, account = scene.system.auction, scene.accounts["loser"]
    assert scene.assessment("loser").equity < 0
    with scene.refused("auction: shut down"):
        auction.bid(scene.accounts["lender"], [lot(account)], sender=scene.lender)
    with scene.refused("auction: shut down"):
        auction.sweep(account, 8, sender=scene.stranger)
    order = scene.system.order(scene.accounts["lender"], ETH, 1, 1_200)
    signature = scene.system.sign(order, scene.lender)
    with scene.refused("auction: shut down"):
        auction.match(account, scene.system.exchange, [(astuple(order), signature, WAD)], sender=scene.stranger)
    assert auction.quote(account, WAD).reason == "auction: shut down"
    before = scene.state()
    auction.open([account], sender=scene.stranger)
    assert scene.state() == before


def test_auction__new_bids_curves_and_terms__revert(scene):
    auction, owner = scene.system.auction, scene.system.owner
    with scene.refused("auction: shut down"):
        auction.post(scene.accounts["lender"], 10, WAD, WAD, 1, 10**5, 100 * WAD, sender=scene.lender)
    with scene.refused("auction: shut down"):
        auction.add_curve(CURVE.pack(), sender=owner)
    with scene.refused("auction: shut down"):
        auction.set_terms(TERMS.pack(), sender=owner)


def test_vault__shares__are_paid_nothing_in_quote(scene):
    vault = scene.system.vault
    scene.days(30)
    with scene.refused("vault: losses are known"):
        vault.redeem_for(scene.leaver, sender=scene.stranger)
    with scene.refused("vault: nothing to withdraw"):
        vault.request(vault.balanceOf(scene.holder), scene.holder, sender=scene.holder)
