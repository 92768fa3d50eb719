"""λ over a run's age: the curve's points, the lines between them, and the ends."""

from __future__ import annotations

import pytest

from keeper.model.words import Curve
from tests.unit.auction.scene import lot
from tests.unit.system import WAD

BREACH = 1525


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (1, 35 * WAD // 6_000),
        (30, 175 * 10**15),
        (59, 59 * 35 * WAD // 6_000),
        (60, 35 * 10**16),
        (61, 35 * 10**16 + 35 * WAD // 24_000),
        (180, 525 * 10**15),
        (299, 35 * 10**16 + 239 * 35 * WAD // 24_000),
        (300, 70 * 10**16),
        (1_000, 70 * 10**16),
    ],
)
def test_bid__so_long_after_the_runs_start__pays_the_curves_lambda(scene, seconds, expected):
    scene.sighted_at(BREACH, seconds)
    assert scene.taken(scene.bid(lot(scene.account, WAD // 40))).lambda_account == expected


def test_bid__curve_that_starts_above_0__pays_its_first_point_at_once(scene, auction, owner):
    auction.add_curve(Curve(((20, 1_000), (60, 2_000), (300, 7_000))).pack(), sender=owner)
    scene.price(BREACH)
    assert scene.taken(scene.bid(lot(scene.account, WAD // 40))).lambda_account == 10**17
    scene.age(20, BREACH)
    assert scene.taken(scene.bid(lot(scene.account, WAD // 40))).lambda_account == 10**17
    scene.age(40, BREACH)
    assert scene.taken(scene.bid(lot(scene.account, WAD // 40))).lambda_account == 15 * 10**16


def test_bid__flat_curve__never_rises(scene, auction, owner):
    auction.add_curve(Curve(((0, 300), (1, 300), (2, 300))).pack(), sender=owner)
    scene.sighted_at(BREACH, 250)
    assert scene.taken(scene.bid(lot(scene.account, WAD // 40))).lambda_account == 3 * 10**16
