"""`auctions`, `quote` and `quote_for`: what may be taken now, and what it would make of the taker."""

from __future__ import annotations

from decimal import Decimal

import ape
import pytest

from tests.unit.auction.scene import lot
from tests.unit.system import BTC, ETH, TERMS, WAD

NONE, OPEN, EXPIRED = range(3)
LAST = 400
"""Seconds after which λ stands still, so that a quote and the bid after it agree to the wei."""


def test_auctions__one_of_each_kind__say_their_state(scene, lens, auction, opener, lender):
    other = scene.long(lender, 5, 800)
    healthy = scene.taker_account
    scene.price(1520)
    scene.open(other, sender=opener)
    scene.system.pass_time(TERMS.grace)
    scene.price(1520)
    scene.open(scene.account, sender=opener)
    running, expired, none = lens.auctions([scene.account, other, healthy])
    assert (running.state, expired.state, none.state) == (OPEN, EXPIRED, NONE)
    assert (running.account, running.opener, running.nonce) == (scene.account, opener, 1)
    assert running.start == running.last == scene.run().start
    assert (none.start, none.last, none.nonce) == (0, 0, 0)
    assert (running.quote.reason, expired.quote.reason, none.quote.reason) == ("", "", "auction: healthy")
    assert expired.quote.lambda_now == 0
    for view in (expired, none):
        assert tuple(view.quote) == tuple(auction.quote(view.account, WAD))


def test_auctions__of_more_than_sixty_four__reverts(scene, lens):
    assert len(lens.auctions([scene.account] * 64)) == 64
    with ape.reverts():
        lens.auctions([scene.account] * 65)


def test_accounts__of_more_than_thirty_two__reverts(scene, lens):
    assert len(lens.accounts([scene.account] * 32)) == 32
    with ape.reverts():
        lens.accounts([scene.account] * 33)


def test_auctions__price_late__say_so(scene, lens):
    scene.sighted_at(1520)
    scene.system.pass_time(20)
    scene.system.quote.mint(scene.taker, 1, sender=scene.taker)
    (view,) = lens.auctions([scene.account])
    assert (view.state, view.quote.reason) == (OPEN, "auction: price not live")


def test_auctions__sixty_four__are_answered(scene, lens):
    assert len(lens.auctions([scene.account] * 64)) == 64


def test_quote__any__is_the_auctions(scene, lens, auction):
    scene.price(1520)
    assert tuple(lens.quote(scene.account, WAD // 3)) == tuple(auction.quote(scene.account, WAD // 3))


@pytest.mark.parametrize("fraction", [WAD // 7, WAD])
def test_quote_for__taker_that_can__says_what_the_bid_makes_of_it(scene, lens, fraction):
    system = scene.system
    system.prices()
    # An odd size at an odd price, so that parts of size and cost are rounded.
    system.trade(scene.victim, scene.maker, ETH, Decimal("0.123456789012345678"), Decimal("1600.000000000000000123"))
    system.trade(scene.taker, scene.maker, ETH, -3, 1600)
    system.trade(scene.taker, scene.maker, BTC, 0.2, 51_200)
    scene.sighted_at(1520, LAST)
    view = lens.quote_for(scene.taker_account, scene.account, fraction)
    assert (view.quote.reason, view.meets_initial, view.vault_covers, view.markets) == ("", True, True, 2)
    scene.bid(lot(scene.account, fraction))
    assert tuple(view.after) == tuple(system.clearinghouse.assess(scene.taker_account))


def test_quote_for__without_a_run__counts_the_openers_share(scene, lens):
    scene.price(1520)
    view = lens.quote_for(scene.taker_account, scene.account, WAD)
    taken = scene.taken(scene.bid())
    assert taken.opener_got > 0
    assert tuple(view.after) == tuple(scene.system.clearinghouse.assess(scene.taker_account))


def test_quote_for__opener_that_takes_itself__counts_its_share(scene, lens):
    scene.price(1520)
    scene.open(sender=scene.taker)
    scene.age(LAST, 1520)
    scene.price(1520)
    view = lens.quote_for(scene.taker_account, scene.account, WAD)
    assert scene.taken(scene.bid()).opener_got > 0
    assert tuple(view.after) == tuple(scene.system.clearinghouse.assess(scene.taker_account))


def test_quote_for__spot_and_debt__are_merged(scene, lens, lender):
    system = scene.system
    account = system.fund_spot(lender, ETH, 1)
    system.prices()
    system.clearinghouse.withdraw(account, 1_450 * 10**6, lender, sender=lender)
    # A taker that owes something: of one that does not, no spot is priced.
    system.trade(scene.taker, scene.maker, BTC, 0.2, 51_200)
    scene.price(1500)
    view = lens.quote_for(scene.taker_account, account, WAD // 2)
    assert (view.quote.fraction, view.markets) == (WAD // 2, 2)
    scene.bid(lot(account, WAD // 2))
    after = system.clearinghouse.assess(scene.taker_account)
    # Interest of the second between them apart.
    assert abs(view.after.equity - after.equity) < WAD // 10**4
    assert abs(view.after.mm - after.mm) < WAD // 10**4


def test_quote_for__taker_that_cannot__says_so_and_the_bid_reverts(scene, lens):
    account = scene.system.fund(scene.taker, 50, sub=1)
    scene.price(1520)
    view = lens.quote_for(account, scene.account, WAD)
    assert (view.quote.reason, view.meets_initial, view.vault_covers) == ("", False, True)
    with ape.reverts("clearinghouse: below initial margin"):
        scene.bid(sub=1)


def test_quote_for__vault_that_cannot_cover__says_so_and_all_who_lend_share_the_rest(scene, lens):
    scene.price(1430)
    view = lens.quote_for(scene.taker_account, scene.account, WAD)
    assert (view.quote.reason, view.meets_initial, view.vault_covers) == ("", True, False)
    supply = lens.protocol().supply_index
    scene.bid()
    assert lens.protocol().supply_index < supply


def test_quote_for__healthy_account__leaves_the_taker_as_it_is(scene, lens):
    scene.price(1600)
    view = lens.quote_for(scene.taker_account, scene.account, WAD)
    assert view.quote.reason == "auction: healthy"
    assert tuple(view.after) == tuple(scene.system.clearinghouse.assess(scene.taker_account))


def test_quote_for__itself__says_so(scene, lens):
    scene.price(1520)
    assert lens.quote_for(scene.account, scene.account, WAD).quote.reason == "auction: taker is the account"
