"""Entries: the losses that accounts are known to bring, and their sum at the Clearinghouse."""

from __future__ import annotations

import pytest

from keeper.model.auction import known_loss
from tests.unit.auction.scene import lot
from tests.unit.system import WAD

INSOLVENT = 1430
"""The victim lacks 100 at this price."""
HEALTHY = 1600


def entries(scene) -> tuple[int, int]:
    """The victim's entry, and the sum."""
    return scene.system.auction.entry(scene.account), scene.system.clearinghouse.entries()


def test_open__insolvent_account__enters_what_it_lacks_at_the_kind_end(scene, auction, clearinghouse):
    scene.price(INSOLVENT, confidence=200)
    receipt = scene.open()
    assessment = scene.assessment()
    lost = -assessment.equity - assessment.up
    assert entries(scene) == (lost, lost)
    # 100, less 0.2% of what the position is worth.
    assert abs(lost - (100 - 28.6) * WAD) < 10**9
    assert scene.run().listed == 1
    assert [(event.account, event.entry) for event in receipt.decode_logs(auction.EntryChanged)] == [
        (scene.account, lost)
    ]
    assert [event.entries for event in receipt.decode_logs(clearinghouse.EntriesChanged)] == [lost]


def test_open__breach_without_loss__enters_nothing(scene):
    receipt = scene.sighted_at(1520)
    assert receipt is None and entries(scene) == (0, 0)
    assert scene.run().listed == 0


def test_open__insolvent_within_the_interval__enters_nothing(scene):
    scene.price(1438, confidence=500)
    assert scene.assessment().equity < 0
    scene.open()
    assert scene.run().nonce == 1
    assert entries(scene) == (0, 0)


def test_open__loss_grown_and_shrunk__follows_it(scene):
    scene.sighted_at(INSOLVENT)
    small = entries(scene)[0]
    scene.price(1420)
    scene.open()
    assert entries(scene) == (known_loss(scene.assessment()),) * 2
    assert abs(entries(scene)[0] - small - 100 * WAD) < 10**9
    scene.price(INSOLVENT)
    scene.open()
    assert entries(scene) == (small, small)


def test_open__same_loss_again__says_nothing(scene, auction, clearinghouse):
    scene.sighted_at(INSOLVENT)
    scene.price(INSOLVENT)
    receipt = scene.open()
    assert not receipt.decode_logs(auction.EntryChanged) and not receipt.decode_logs(clearinghouse.EntriesChanged)


@pytest.mark.parametrize("price", [HEALTHY, 1520])
def test_open__recovered__takes_it_back(scene, price):
    scene.sighted_at(INSOLVENT)
    scene.price(price)
    scene.open()
    assert entries(scene) == (0, 0)
    assert scene.run().listed == 0


def test_open__price_late__leaves_the_entry(scene):
    scene.sighted_at(INSOLVENT)
    before = entries(scene)
    scene.system.pass_time(20)
    scene.open()
    assert entries(scene) == before != (0, 0)


def test_open__several_accounts__tells_their_sum_once(scene, victim, clearinghouse, auction):
    other = scene.long(victim, 5, 800, sub=1)
    scene.price(INSOLVENT)
    receipt = scene.open(scene.account, other)
    sum_of_both = auction.entry(scene.account) + auction.entry(other)
    assert 0 < auction.entry(other) < auction.entry(scene.account)
    assert clearinghouse.entries() == sum_of_both
    assert [event.entries for event in receipt.decode_logs(clearinghouse.EntriesChanged)] == [sum_of_both]


def test_bid__whole_account__takes_the_entry_back(scene):
    scene.insure(1_000)
    scene.sighted_at(INSOLVENT)
    scene.bid()
    assert entries(scene) == (0, 0)
    assert scene.run().listed == 0


def test_bid__part__leaves_the_rest_of_the_loss(scene):
    scene.insure(1_000)
    scene.sighted_at(INSOLVENT)
    lost = entries(scene)[0]
    scene.bid(lot(scene.account, WAD // 3))
    left = lost - lost * (WAD // 3) // WAD
    assert entries(scene) == (left, left)
    assert scene.run().listed == 1
    # What is left behind is what a sighting finds.
    scene.open()
    assert abs(entries(scene)[0] - left) <= 10


def test_bid__loss_not_sighted_before__enters_what_it_leaves(scene):
    scene.insure(1_000)
    scene.price(INSOLVENT)
    lost = known_loss(scene.assessment())
    scene.bid(lot(scene.account, WAD // 2))
    assert entries(scene) == (lost - lost // 2,) * 2


def test_bid__skipped__leaves_the_entry(scene):
    scene.insure(1_000)
    scene.sighted_at(INSOLVENT)
    before = entries(scene)
    with scene.refused("auction: nonce changed"):
        scene.bid(lot(scene.account, nonce=9))
    assert entries(scene) == before


def test_change_entries__by_anybody_else__reverts(scene, clearinghouse, attacker):
    scene.sighted_at(INSOLVENT)
    before = entries(scene)
    with scene.refused("clearinghouse: not the auction"):
        clearinghouse.change_entries(-1, sender=attacker)
    assert entries(scene) == before
