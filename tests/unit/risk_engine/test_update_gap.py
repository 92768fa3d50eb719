"""`update`: the gap between slow and fast price, its sign, size and age."""

from __future__ import annotations

import pytest

from tests.unit.risk_engine.conftest import FED, FEEDLESS, MAX_REPORT_AGE, NOBODY, OTHER, ROUND, TAU
from tests.unit.system import DEVIATION, HEARTBEAT

HALF = TAU // 2


@pytest.fixture
def slow(desk, begin):
    """The slow feed stands at 100."""
    desk.push(100, begin - 1)
    return begin


@pytest.mark.parametrize(
    ("slow_price", "fast_price", "gap"),
    [
        (100, 100, 0),
        # The deviation threshold is 500 in 1e-5: so much the feed does not report.
        (100.5, 100, 0),
        (99.5, 100, 0),
        (100.501, 100, 1),
        (100.51, 100, 1),
        (100.511, 100, 2),
        (99.499, 100, -1),
        (99.489, 100, -2),
        (110, 100, 950),
        (90, 100, -950),
        (10, 1, 2**15 - 1),
        (1, 10**6, -(10**5 - 1 - DEVIATION) // 10),
    ],
)
def test_update__slow_price_apart__gap_is_signed_and_shrunk(desk, begin, slow_price, fast_price, gap):
    desk.push(slow_price, begin - 1)
    desk.quote(begin, fast_price)
    word = desk.word()
    assert (word.gap, word.gap_age) == (gap, 0)


def test_update__gap_whose_shrunk_part_is_tiny__rounds_toward_the_slow_price_never_past(desk, begin):
    # 99.4999999 against 100: 500.0001 in 1e-5, which is 500 toward zero, and no gap.
    desk.push(99.4999999, begin - 1)
    desk.quote(begin, 100)
    assert desk.word().gap == 0


def test_update__gap_of_the_same_sign__grows_older_by_price_time(desk, slow):
    desk.quote(slow, 90)
    desk.quote(slow + 10, 89, at=slow + 15)
    assert desk.word().gap_age == 10
    desk.quote(slow + 14, 95, at=slow + 16)
    assert desk.word().gap_age == 14


def test_update__gap_in_an_old_round__begins_when_it_is_brought(desk, slow):
    desk.quote(slow, 90, at=slow + MAX_REPORT_AGE)
    assert desk.word().gap_age == -MAX_REPORT_AGE
    desk.quote(slow + 12, 90, at=slow + 12)
    assert desk.word().gap_age == 12 - MAX_REPORT_AGE


def test_update__gap_changes_sign__age_starts_again(desk, slow):
    desk.quote(slow, 90)
    desk.quote(slow + 10, 110)
    assert (desk.word().gap < 0, desk.word().gap_age) == (True, 0)
    desk.quote(slow + 12, 110)
    assert desk.word().gap_age == 2


def test_update__gap_vanishes__age_starts_again(desk, slow):
    desk.quote(slow, 90)
    desk.quote(slow + 10, 100)
    assert desk.word().gap_age == 0
    desk.quote(slow + 20, 90)
    assert desk.word().gap_age == 0


@pytest.mark.parametrize(("pause", "age"), [(HALF, HALF), (HALF + ROUND, 0)])
def test_update__a_pause_longer_than_half_of_tau__age_starts_again(desk, slow, pause, age):
    desk.quote(slow, 90)
    desk.quote(slow + pause, 90)
    assert desk.word().gap_age == age


def test_update__gap_stays__age_stops_at_255(desk, slow):
    for time in range(slow, slow + 8 * HALF + 1, HALF):
        desk.quote(time, 90)
    assert desk.word().gap_age == 8 * HALF
    desk.quote(slow + 9 * HALF, 90)
    assert desk.word().gap_age == 255


def test_update__after_a_slow_price__age_starts_again(desk, slow):
    desk.at(slow)
    desk.engine.refresh([FED], sender=desk.owner)
    assert desk.word().from_slow == 1
    desk.quote(slow + ROUND, 90)
    word = desk.word()
    assert (word.from_slow, word.gap_age) == (0, 0)
    assert word.gap > 0


def test_update__slow_feed_stops_counting__gap_goes(desk, slow):
    desk.quote(slow, 90)
    assert desk.word().gap > 0
    late = (slow + HEARTBEAT) // ROUND * ROUND + ROUND
    desk.quote(late, 90)
    word = desk.word()
    assert (word.gap, word.slow_for) == (0, 0)


def test_update__two_markets__each_has_its_own_gap(desk, slow):
    desk.push(100, slow - 1, OTHER)
    desk.quote(slow + 2, 90)
    desk.quote(slow + 2, 110, market=OTHER, at=slow + 3)
    desk.quote(slow + 2, 110, market=FEEDLESS, at=slow + 4)
    assert [desk.word(market).gap for market in (FED, OTHER, FEEDLESS)] == [1062, -859, 0]


def test_update__feed_removed__market_has_no_gap(desk, slow):
    desk.engine.set_slow_feed(FED, NOBODY, 0, 0, sender=desk.owner)
    desk.quote(slow + 2, 90)
    assert (desk.word().gap, desk.word().slow_for) == (0, 0)
