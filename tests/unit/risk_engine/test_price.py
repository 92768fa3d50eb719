"""`price`: what a stored price says at a second — live, late or dead, and how wide."""

from __future__ import annotations

from dataclasses import replace

import ape
import pytest

from keeper.publish.reports import Entry
from tests.unit.risk_engine.conftest import (
    DEAD,
    DELISTED,
    FAST_LIFE,
    FED,
    FEEDLESS,
    GONE,
    LATE,
    LIVE,
    ONE_SOURCE,
    PARAMETERS,
    PRICE_AGE,
    TAU,
    UNKNOWN,
)
from tests.unit.system import HEARTBEAT, WAD


@pytest.fixture
def slow(desk, begin):
    """The slow feed stands at 100."""
    desk.push(100, begin - 1)
    return begin


def sides(price):
    return (price.up, price.down)


def faded(price):
    return (price.up_faded, price.down_faded)


@pytest.mark.parametrize(
    ("age", "state"),
    [(1, LIVE), (PRICE_AGE, LIVE), (PRICE_AGE + 1, LATE), (FAST_LIFE, LATE), (FAST_LIFE + 1, GONE)],
)
def test_price__fast_alone__is_live_then_late_then_dead(desk, begin, age, state):
    desk.quote(begin, 100, market=FEEDLESS, confidence=30)
    desk.seen_at(begin + age)
    price = desk.engine.price(FEEDLESS)
    assert price.state == state
    assert sides(price) == faded(price) == ((DEAD,) * 2 if state == GONE else (ONE_SOURCE,) * 2)


@pytest.mark.parametrize(
    ("age", "state", "width"),
    [
        (PRICE_AGE, LIVE, 30),
        (PRICE_AGE + 1, LATE, 30),
        (FAST_LIFE + 1, LATE, 30),
        (HEARTBEAT - 1, LATE, 30),
        (HEARTBEAT, GONE, DEAD),
    ],
)
def test_price__fast_with_a_slow_feed__is_late_as_long_as_the_feed_counts(desk, slow, age, state, width):
    desk.quote(slow, 100, confidence=30)
    desk.seen_at(slow + age)
    price = desk.engine.price(FED)
    assert (price.state, *sides(price)) == (state, width, width)


@pytest.mark.parametrize(
    ("age", "state", "width"),
    [
        (PRICE_AGE, LIVE, ONE_SOURCE),
        (PRICE_AGE + 1, LATE, ONE_SOURCE),
        (HEARTBEAT - 1, LATE, ONE_SOURCE),
        (HEARTBEAT, GONE, DEAD),
    ],
)
def test_price__slow_alone__is_late_until_it_counts_no_more(desk, slow, age, state, width):
    desk.at(slow)
    desk.engine.refresh([FED], sender=desk.owner)
    desk.seen_at(slow + age)
    price = desk.engine.price(FED)
    assert (price.state, *sides(price)) == (state, width, width)


def test_price__slow_feed_ends_within_the_price_age__slow_price_is_dead_and_fast_one_wider(desk, begin):
    begin += HEARTBEAT
    desk.push(100, begin - HEARTBEAT + 5)
    desk.quote(begin, 100, confidence=30)
    desk.seen_at(begin + 5)
    assert (desk.engine.price(FED).state, desk.engine.price(FED).up) == (LIVE, 30)
    desk.seen_at(begin + 6)
    assert (desk.engine.price(FED).state, desk.engine.price(FED).up) == (LIVE, ONE_SOURCE)


def test_price__slow_source_ends_within_the_price_age__is_dead(desk, begin):
    begin += HEARTBEAT
    desk.push(100, begin - HEARTBEAT + 5)
    desk.at(begin)
    desk.engine.refresh([FED], sender=desk.owner)
    desk.seen_at(begin + 5)
    assert desk.engine.price(FED).state == LIVE
    desk.seen_at(begin + 6)
    assert desk.engine.price(FED).state == GONE


def test_price__never_any__is_dead_and_widest(desk):
    price = desk.engine.price(FED)
    assert (price.state, price.index, price.mark, price.funding, price.time) == (GONE, 0, 0, 0, 0)
    assert sides(price) == faded(price) == (DEAD, DEAD)


@pytest.mark.parametrize("widest", [DEAD - 1, DEAD + 1])
def test_price__dead__keeps_a_confidence_that_was_wider_still(desk, begin, widest):
    desk.quote(begin, 100, market=FEEDLESS, confidence=widest)
    desk.seen_at(begin + FAST_LIFE + 1)
    assert desk.engine.price(FEEDLESS).up == max(DEAD, widest)


@pytest.mark.parametrize(
    ("fast", "up", "down"),
    # Slow 100: over 90 it is 11,111 above, less 500, in steps of 10; under 110 it is 9,090 below.
    [(90, 30 + 10_620, 30), (110, 30, 30 + 8_590), (100, 30, 30)],
)
def test_price__gap__widens_the_side_toward_the_slow_price(desk, slow, fast, up, down):
    desk.quote(slow, fast, confidence=30)
    assert sides(desk.engine.price(FED)) == (up, down)


def test_price__dead__has_no_gap(desk, slow):
    desk.quote(slow, 90)
    desk.seen_at(slow + HEARTBEAT)
    assert sides(desk.engine.price(FED)) == (DEAD, DEAD)


@pytest.mark.parametrize("age", [1, 7, TAU - 1, TAU, TAU + 1])
def test_price__faded_gap__shrinks_to_nothing_within_tau(desk, slow, age):
    desk.quote(slow, 110, confidence=30)
    desk.seen_at(slow + age)
    price = desk.engine.price(FED)
    assert price.down == 30 + 8_590
    assert faded(price) == (30, 30 + 8_590 * max(0, TAU - age) // TAU)


@pytest.mark.parametrize("fast", [23, 1, 10**-6])
def test_price__gap_that_its_field_does_not_hold__counts_for_more_than_anything_until_tau(desk, slow, fast):
    desk.quote(slow, fast)
    desk.seen_at(slow + TAU - 1)
    price = desk.engine.price(FED)
    assert (price.up, price.down) == (2**50, 0)
    assert price.up_faded * fast > 100 * 10**5
    desk.seen_at(slow + TAU)
    assert faded(desk.engine.price(FED)) == (0, 0)


def test_price__gap_seen_after_the_price__fades_from_then_on(desk, slow):
    desk.quote(slow, 100)
    desk.push(120, slow + 1)
    desk.at(slow + 10)
    desk.engine.refresh([FED], sender=desk.owner)
    gap = 10 * 1_950
    desk.seen_at(slow + 12)
    assert faded(desk.engine.price(FED)) == (gap * (TAU - 2) // TAU, 0)


@pytest.mark.parametrize(("target", "basis"), [(9_000, 250), (-9_000, -250)])
def test_price__basis__moves_the_mark_and_rounds_down(desk, begin, target, basis):
    # An index of 1e-9 and its 1e9 wei: basis · index is 0.25 of a wei's thousandth.
    desk.publish(begin, [Entry(FED, 10**9 + 1, basis=target)])
    price = desk.engine.price(FED)
    assert price.mark == price.index + price.index * basis // 10**6
    assert price.index * basis % 10**6 != 0


def test_price__funding__is_in_wad(desk, begin):
    desk.quote(begin, 10**6, basis=9_000)
    desk.quote(begin + 10, 10**6)
    assert desk.engine.price(FED).funding == desk.word().funding * 10**6 > 0


def test_price__flags__are_those_of_the_parameters(desk):
    assert [desk.engine.price(market).flags for market in PARAMETERS] == [7, 7, 7, 2]
    assert desk.engine.price(DELISTED).state == GONE


@pytest.mark.parametrize("cap", [1, 2**40 - 1])
def test_price__cap__is_that_of_the_parameters_in_wad(desk, cap):
    assert desk.engine.price(FED).cap == 0
    desk.engine.set_parameters(FED, replace(PARAMETERS[FED], cap=cap).pack(), sender=desk.owner)
    assert desk.engine.price(FED).cap == cap * WAD


def test_price__time_and_index__are_those_of_the_word(desk, begin):
    desk.quote(begin, 100)
    price = desk.engine.price(FED)
    assert (price.time, price.index) == (begin, 100 * WAD)


@pytest.mark.parametrize("market", [len(PARAMETERS), UNKNOWN, 64, 2**256 - 1])
def test_price__market_that_is_not_there__reverts(desk, market):
    with ape.reverts("risk_engine: unknown market"):
        desk.engine.price(market)
