"""`update`: slow feeds that fail, lag or lie count for nothing and stop nothing."""

from __future__ import annotations

import pytest
from ape.exceptions import ContractLogicError
from eth_abi.abi import encode

from keeper.publish.reports import Entry
from tests.unit.risk_engine.conftest import FED, OTHER, Desk
from tests.unit.system import HEARTBEAT, WAD

ROUND_DATA = ["uint256", "int256", "uint256", "uint256", "uint256"]
HIGHEST = 2**256 - 1
QUOTE = HIGHEST


def answer(round_id, price, started_at, updated_at, answered_in_round):
    return encode(ROUND_DATA, [round_id, price, started_at, updated_at, answered_in_round])


def good(time, price=100 * WAD):
    return answer(1, price, time - 1, time - 1, 1)


STRANGE = {
    "nothing": lambda time: b"",
    "a word": lambda time: b"\x01" * 32,
    "a byte too few": lambda time: good(time)[:159],
    "price zero": lambda time: good(time, 0),
    "price negative": lambda time: good(time, -(2**255)),
    "price negative, sound in its low bits": lambda time: good(time, -(2**255) + 100 * WAD),
    "price beyond all bounds": lambda time: good(time, 2**255 - 1),
    "price just above the bound": lambda time: good(time, 10**27 + 1),
    "price just below the bound": lambda time: good(time, 10**9 - 1),
    "never updated": lambda time: answer(1, 100 * WAD, 0, 0, 1),
    "updated in the future": lambda time: answer(1, 100 * WAD, time, time + 1, 1),
    "updated at the end of time": lambda time: answer(1, 100 * WAD, time, HIGHEST, 1),
    "older than its heartbeat": lambda time: answer(1, 100 * WAD, 0, time - HEARTBEAT - 1, 1),
    "round not complete": lambda time: answer(2, 100 * WAD, time, time, 1),
    "round ids of 256 bits": lambda time: answer(HIGHEST, 100 * WAD, time, time, HIGHEST - 1),
}


@pytest.fixture
def strange_desk(make_engine, strange, slow_feeds, owner, signers):
    """The first market's feed is the strange one; the other market's is sound."""
    engine = make_engine({FED: strange, OTHER: slow_feeds[OTHER]})
    return Desk(engine, owner, signers, slow_feeds)


@pytest.fixture
def publish(strange_desk, strange, begin, owner):
    """Both markets' fast price 90 against a slow price of 100, the strange feed saying `data`."""
    begin += 2

    def act(data=None, **options):
        if data is not None:
            strange.set_data(data(begin), sender=owner)
        strange_desk.push(100, begin - 5, OTHER)
        reports = strange_desk.reports(begin, [Entry(market, 90 * WAD) for market in (FED, OTHER)])
        strange_desk.at(begin)
        return strange_desk.engine.update(reports, sender=owner, **options)

    return act


@pytest.mark.parametrize("data", STRANGE.values(), ids=STRANGE)
def test_update__feed_that_does_not_count__leaves_the_fast_price_alone(publish, strange_desk, data):
    publish(data)
    word = strange_desk.word(FED)
    assert (word.mantissa > 0, word.gap, word.slow_for) == (True, 0, 0)
    assert strange_desk.word(OTHER).gap > 0


@pytest.mark.parametrize(
    ("data", "slow_for"),
    {
        "plain": (good, HEARTBEAT - 1),
        "more than was asked for": (lambda time: good(time) + b"\xff" * 32, HEARTBEAT - 1),
        "its last second": (lambda time: answer(1, 100 * WAD, 0, time - HEARTBEAT, 1), 0),
        "this very second": (lambda time: answer(7, 100 * WAD, 0, time, 8), HEARTBEAT),
        "at the upper bound": (lambda time: good(time, 10**27), HEARTBEAT - 1),
        "at the lower bound": (lambda time: good(time, 10**9), HEARTBEAT - 1),
    }.values(),
)
def test_update__feed_that_counts__says_until_when(publish, strange_desk, data, slow_for):
    publish(data)
    word = strange_desk.word(FED)
    assert word.slow_for == slow_for
    assert word.gap != 0


def test_update__feed_burns_its_gas__costs_no_more_than_its_allowance(publish, strange_desk, strange, owner):
    strange.set_burning(True, sender=owner)
    receipt = publish()
    assert strange_desk.word(FED).slow_for == 0
    assert strange_desk.word(OTHER).slow_for > 0
    assert 100_000 < receipt.gas_used < 450_000


def test_update__feed_reverts__leaves_the_fast_price_alone(desk, begin):
    desk.push(100, begin - 2)
    desk.feeds[FED].set_reverting(True, sender=desk.owner)
    desk.quote(begin + 2, 90)
    assert (desk.word().gap, desk.word().slow_for) == (0, 0)


@pytest.mark.parametrize("gas", range(80_000, 280_000, 20_000))
def test_update__too_little_gas_for_a_feed__reverts_rather_than_lose_the_gap(publish, strange_desk, gas):
    publish(good)
    time = strange_desk.word(FED).time + 10
    reports = strange_desk.reports(time, [Entry(FED, 90 * WAD)])
    strange_desk.at(time)
    before = strange_desk.words()
    try:
        strange_desk.engine.update(reports, sender=strange_desk.owner, gas=gas)
    except ContractLogicError as refusal:
        assert refusal.message == "risk_engine: not enough gas"
        assert strange_desk.words() == before
    else:
        assert strange_desk.word(FED).time == time
        assert strange_desk.word(FED).gap > 0


# The quote token's own feed


@pytest.fixture
def quoted(load, make_engine, slow_feeds, owner, signers):
    """An engine whose feeds are in dollars; and the quote token's feed, of 6 decimals and half the heartbeat."""
    feed = owner.deploy(load("testing/TestFeed"), 6)
    engine = make_engine(slow_feeds, feed, HEARTBEAT // 2)
    desk = Desk(engine, owner, signers, slow_feeds)
    desk.quote_feed = feed
    return desk


def test_update__quote_feed__slow_price_is_in_quote(quoted, begin):
    quoted.push(99, begin - 3)
    quoted.quote_feed.push(990_000, begin - 1, sender=quoted.owner)
    quoted.quote(begin + 4, 90)
    word = quoted.word()
    # 99 dollars at 0.99 are 100: (100 − 90) / 90 = 11,111 in 1e-5, less 500.
    assert word.gap == 1_062
    assert word.slow_for == begin - 1 + HEARTBEAT // 2 - (begin + 4)


def test_update__market_feed_older_than_the_quote_feed__counts_until_the_earlier_end(quoted, begin):
    quoted.push(99, begin - HEARTBEAT + 10)
    quoted.quote_feed.push(10**6, begin - 1, sender=quoted.owner)
    quoted.quote(begin + 4, 90)
    assert quoted.word().slow_for == 6


@pytest.mark.parametrize("fault", ["silent", "stale", "zero"])
def test_update__quote_feed_that_does_not_count__no_slow_price_counts(quoted, begin, fault):
    quoted.push(99, begin - 3)
    if fault == "stale":
        quoted.quote_feed.push(10**6, begin - HEARTBEAT // 2, sender=quoted.owner)
    elif fault == "zero":
        quoted.quote_feed.push(0, begin - 1, sender=quoted.owner)
    quoted.quote(begin + 4, 90)
    assert (quoted.word().gap, quoted.word().slow_for) == (0, 0)


def test_update__quote_feed_of_dust__price_out_of_bounds_does_not_count(quoted, begin):
    quoted.push(99 * 10**6, begin - 3)
    quoted.quote_feed.push(1, begin - 1, sender=quoted.owner)
    quoted.quote(begin + 4, 90)
    assert quoted.word().slow_for == 0


def test_update__quote_feed_that_burns_gas__is_read_once_an_update(
    make_engine, strange, slow_feeds, owner, signers, begin
):
    desk = Desk(make_engine(slow_feeds, strange, HEARTBEAT), owner, signers, slow_feeds)
    strange.set_burning(True, sender=owner)
    one = desk.publish(begin, [Entry(FED, 90 * WAD)])
    two = desk.publish(begin + 10, [Entry(FED, 90 * WAD), Entry(OTHER, 90 * WAD)])
    assert one.gas_used > 100_000
    assert two.gas_used - one.gas_used < 90_000


def test_update__quote_feed_set_later__counts(desk, load, begin, owner):
    feed = owner.deploy(load("testing/TestFeed"), 18)
    desk.engine.set_slow_feed(QUOTE, feed, HEARTBEAT, 0, sender=owner)
    desk.push(100, begin)
    feed.push(2 * WAD, begin, sender=owner)
    desk.quote(begin + 10, 50)
    assert (desk.word().gap, desk.word().slow_for) == (0, HEARTBEAT - 10)


def test_update__18_decimals__price_is_the_answer(make_engine, load, owner, signers, begin):
    feed = owner.deploy(load("testing/TestFeed"), 18)
    desk = Desk(make_engine({FED: feed}), owner, signers, {FED: feed})
    feed.push(100 * WAD, begin, sender=owner)
    desk.quote(begin + 10, 100)
    assert (desk.word().gap, desk.word().slow_for) == (0, HEARTBEAT - 10)
