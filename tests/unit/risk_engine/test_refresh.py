"""`refresh`: the slow feed as the source where no fast price lives, and as a second look where one does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.risk_engine.conftest import (
    DELISTED,
    FAST_LIFE,
    FED,
    FEEDLESS,
    GONE,
    LATE,
    LIVE,
    ONE_SOURCE,
    OTHER,
    PRICE_AGE,
    ROUND,
    TAU,
    UNKNOWN,
)
from tests.unit.system import HEARTBEAT, WAD

HALF = TAU // 2


def refresh(desk, time, *markets):
    desk.at(time)
    return desk.engine.refresh(list(markets) or [FED], sender=desk.owner)


@pytest.fixture
def slow(desk, begin):
    """The slow feed stands at 100."""
    desk.push(100, begin - 1)
    return begin


def test_refresh__no_price_yet__slow_feed_is_the_source(desk, slow, attacker):
    desk.at(slow)
    receipt = desk.engine.refresh([FED], sender=attacker)
    word = desk.word()
    assert word.mantissa << word.exponent == 100 * WAD
    assert (word.from_slow, word.time, word.slow_for) == (1, slow, HEARTBEAT - 1)
    assert (word.confidence, word.gap, word.gap_age, word.basis, word.funding) == (ONE_SOURCE, 0, 0, 0, 0)
    (event,) = receipt.events
    assert (event.round, event.markets, list(event.words)) == (0, 1 << FED, [desk.engine.price_word(FED)])


def test_refresh__no_price_and_no_feed_that_counts__changes_nothing(desk, begin):
    receipt = refresh(desk, begin, FED, FEEDLESS)
    assert desk.words() == [0, 0, 0, 0]
    (event,) = receipt.events
    assert (event.markets, list(event.words)) == (0, [])


@pytest.mark.parametrize("fault", ["reverting", "stale", "negative"])
def test_refresh__source_fails__keeps_the_last_price_and_says_that_it_is_dead(desk, slow, fault):
    refresh(desk, slow)
    kept = desk.word()
    time = slow + 100
    if fault == "reverting":
        desk.feeds[FED].set_reverting(True, sender=desk.owner)
    elif fault == "negative":
        desk.push(-1, slow + 1)
    else:
        time = slow + HEARTBEAT
    refresh(desk, time)
    assert desk.word() == replace(kept, slow_for=0)
    assert desk.engine.price(FED).state == GONE


def test_refresh__feed_fails_after_a_fast_price_died__market_is_dead_before_its_time(desk, slow):
    desk.quote(slow, 90)
    desk.feeds[FED].set_reverting(True, sender=desk.owner)
    desk.seen_at(slow + FAST_LIFE + 1)
    assert desk.engine.price(FED).state == LATE
    refresh(desk, slow + FAST_LIFE + 3)
    assert desk.engine.price(FED).state == GONE


def test_refresh__slow_source__follows_the_feed(desk, slow):
    refresh(desk, slow)
    desk.push(120, slow + 1)
    refresh(desk, slow + 10)
    word = desk.word()
    assert word.mantissa << word.exponent == 120 * WAD
    assert (word.time, word.slow_for) == (slow + 10, HEARTBEAT - 9)


@pytest.mark.parametrize(("age", "from_slow"), [(FAST_LIFE, 0), (FAST_LIFE + 1, 1)])
def test_refresh__fast_price__lives_as_long_as_it_is_said_to(desk, slow, age, from_slow):
    desk.quote(slow, 90)
    refresh(desk, slow + age)
    assert desk.word().from_slow == from_slow


def test_refresh__takes_over_from_a_fast_price__keeps_funding_basis_and_lag(desk, slow):
    desk.quote(slow, 3_000, basis=9_000)
    desk.quote(slow + 10, 10**-5, basis=9_000)
    desk.quote(slow + 12, 10**-5, basis=9_000)
    old = desk.word()
    assert min(old.funding, old.basis, old.funding_lag) > 0
    refresh(desk, slow + 12 + FAST_LIFE + 1)
    word = desk.word()
    assert (word.funding, word.basis, word.funding_lag) == (old.funding, old.basis, old.funding_lag)
    assert (word.gap, word.confidence) == (0, ONE_SOURCE)


def test_refresh__fast_price_lives__only_the_slow_part_changes(desk, slow):
    desk.quote(slow, 90, confidence=3, basis=50)
    old = desk.word()
    desk.push(80, slow + 2)
    refresh(desk, slow + 10)
    word = desk.word()
    # (80 − 90) / 90 = −11,111 in 1e-5, less 500. It is the other sign: it begins now, 10 s after the price.
    assert (word.gap, word.gap_age) == (-1_062, -10)
    assert word.slow_for == HEARTBEAT + 2
    unchanged = ("mantissa", "exponent", "funding", "basis", "confidence", "time", "funding_lag", "from_slow")
    assert [getattr(word, name) for name in unchanged] == [getattr(old, name) for name in unchanged]


@pytest.mark.parametrize(("pause", "age"), [(HALF, 10), (HALF + 1, -(HALF + 1))])
def test_refresh__gap_of_the_same_sign__keeps_its_start_within_half_of_tau(desk, slow, pause, age):
    desk.quote(slow, 90)
    desk.quote(slow + 10, 90)
    refresh(desk, slow + 10 + pause)
    assert desk.word().gap_age == age


def test_refresh__gap_begins_after_the_price__next_price_counts_from_there(desk, slow):
    desk.quote(slow, 100)
    desk.push(120, slow + 1)
    refresh(desk, slow + 10)
    assert desk.word().gap_age == -10
    desk.quote(slow + 14, 100)
    assert desk.word().gap_age == 4


def test_refresh__gap_vanishes__has_no_age(desk, slow):
    desk.quote(slow, 90)
    desk.quote(slow + 10, 90)
    desk.push(90, slow + 11)
    refresh(desk, slow + 15)
    assert (desk.word().gap, desk.word().gap_age) == (0, 0)


def test_refresh__feed_fails_while_a_fast_price_lives__slow_part_goes(desk, slow):
    desk.quote(slow, 90)
    desk.feeds[FED].set_reverting(True, sender=desk.owner)
    refresh(desk, slow + 5)
    word = desk.word()
    assert (word.gap, word.gap_age, word.slow_for, word.from_slow) == (0, 0, 0, 0)


def test_refresh__fast_price_grew_late__stays_late_till_it_dies(desk, slow):
    desk.quote(slow, 100)
    refresh(desk, slow + PRICE_AGE + 5)
    assert desk.engine.price(FED).state == LATE
    refresh(desk, slow + FAST_LIFE + 1)
    assert desk.engine.price(FED).state == LIVE


def test_refresh__several_markets__logs_those_that_changed_in_rising_order(desk, slow):
    desk.push(7, slow, OTHER)
    receipt = refresh(desk, slow + 2, OTHER, FEEDLESS, FED, OTHER)
    (event,) = receipt.events
    assert event.markets == 1 << FED | 1 << OTHER
    assert list(event.words) == [desk.engine.price_word(FED), desk.engine.price_word(OTHER)]


@pytest.mark.parametrize("market", [DELISTED, UNKNOWN, 64, 2**255])
def test_refresh__market_that_is_not_listed__reverts(desk, slow, market):
    desk.at(slow)
    with desk.refused("risk_engine: unknown market"):
        desk.engine.refresh([FED, market], sender=desk.owner)


def test_refresh__in_the_block_of_a_report__does_not_hold_the_fast_price_off(desk, slow):
    desk.quote(slow - FAST_LIFE - 2, 100, basis=9_000)
    held = desk.word()
    refresh(desk, slow + ROUND)
    assert desk.word().from_slow == 1
    desk.quote(slow, 90, at=slow + ROUND + 1)
    word = desk.word()
    assert (word.from_slow, word.index, word.time) == (0, 90 * WAD, slow)
    # No time has passed between a look after the round and the round.
    assert (word.funding, word.basis) == (held.funding, held.basis)


def test_refresh__after_a_fast_price_took_over__that_round_counts_once(desk, slow):
    refresh(desk, slow + ROUND)
    desk.quote(slow, 90, at=slow + ROUND + 1)
    desk.quote(slow, 80, at=slow + ROUND + 2)
    assert desk.word().index == 90 * WAD
