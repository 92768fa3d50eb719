"""Prices as intervals: how a stored price word comes about, and what it says at a given second (docs/exact.md, 2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from .rounding import E5, WAD, ceil_div, clamp, trunc_div
from .words import PriceWord, SlowFeed

LIVE, LATE, DEAD = 0, 1, 2
MIN_PRICE = 10**9
MAX_PRICE = 10**27
MAX_ANSWER = 10**40
MANTISSA_BITS = 48
MAX_SLOW_FOR = 2**20 - 1
MAX_LAG = 2**16 - 1
MAX_GAP = 2**15 - 1
ENDLESS = 2**50
"""What a gap counts as (1e-5) that may be more than its field holds."""
MAX_BASIS = 2**19 - 1
MAX_FUNDING = 2**71 - 1
MICRO = 10**6
NEVER = 2**32 - 1
"""The second that a frozen price is of."""


@dataclass(frozen=True, slots=True)
class Oracle:
    """Timing and interval constants of a RiskEngine: seconds, intervals in 1e-5, basis rate in 1e-6 a minute."""

    round_seconds: int
    max_report_age: int
    price_age: int
    fast_life: int
    tau: int
    one_source: int
    dead: int
    basis_rate: int
    basis_window: int
    funding_period: int
    ramp: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A market's price at one second: WAD quote; the interval's sides, plain and with the gap faded, in 1e-5."""

    state: int
    index: int
    mark: int
    funding: int
    p_star: int
    up: int
    down: int
    up_faded: int
    down_faded: int


class Entry(NamedTuple):
    """One market's fast price: `price` as in the price word (mantissa | exponent << 48), time in seconds."""

    price: int
    confidence: int
    basis: int
    time: int


class Answer(NamedTuple):
    """What an aggregator's `latestRoundData` returns."""

    round_id: int
    answer: int
    started_at: int
    updated_at: int
    answered_in_round: int


class SlowPrice(NamedTuple):
    """A slow feed that counts: its price in WAD quote, the last second it counts, its deviation threshold (1e-5)."""

    price: int
    until: int
    deviation: int


def encode_price(price: int) -> int:
    """`price` as mantissa | exponent << 48, low bits dropped toward zero; ValueError unless it is positive."""
    if price <= 0:
        raise ValueError(f"price: {price} is not positive")
    exponent = max(0, price.bit_length() - MANTISSA_BITS)
    return price >> exponent | exponent << MANTISSA_BITS


def decode_price(encoded: int) -> int:
    """The price in WAD quote of mantissa | exponent << 48."""
    return (encoded & (1 << MANTISSA_BITS) - 1) << (encoded >> MANTISSA_BITS)


def _answer_counts(feed: SlowFeed, answer: Answer | None, now: int) -> bool:
    return (
        answer is not None
        and 0 < answer.answer <= MAX_ANSWER
        and 0 < answer.updated_at <= now
        and answer.answered_in_round >= answer.round_id
        and now - answer.updated_at <= feed.heartbeat
    )


def slow_price(
    feed: SlowFeed, answer: Answer | None, quote_feed: SlowFeed, quote_answer: Answer | None, now: int
) -> SlowPrice | None:
    """The slow feed's price if it counts now; `answer` is None for a call that failed, address 0 means no feed."""
    if not feed.address or answer is None or not _answer_counts(feed, answer, now):
        return None
    price = answer.answer * 10 ** (18 - feed.decimals)
    until = answer.updated_at + feed.heartbeat
    if quote_feed.address:
        if quote_answer is None or not _answer_counts(quote_feed, quote_answer, now):
            return None
        price = price * WAD // (quote_answer.answer * 10 ** (18 - quote_feed.decimals))
        until = min(until, quote_answer.updated_at + quote_feed.heartbeat)
    if not MIN_PRICE <= price <= MAX_PRICE:
        return None
    return SlowPrice(price, until, feed.deviation)


def gap_of(slow: SlowPrice | None, index: int) -> int:
    """The slow price's signed distance from the fast one (1e-4), less the slow feed's own deviation threshold."""
    if slow is None:
        return 0
    raw = trunc_div((slow.price - index) * E5, index)
    magnitude = max(0, abs(raw) - slow.deviation)
    gap = min(MAX_GAP, ceil_div(magnitude, 10))
    return gap if raw > 0 else -gap


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


def next_basis(basis: int, target: int, seconds: int, g: int, oracle: Oracle) -> int:
    """The basis (1e-6) after moving toward `target` for `seconds`, within the market's bound of 10·g."""
    bound = min(10 * g, MAX_BASIS)
    distance = clamp(target, -bound, bound) - basis
    step = ceil_div(abs(distance) * seconds, oracle.basis_window)
    step = min(step, oracle.basis_rate * seconds // 60, abs(distance))
    return clamp(basis + _sign(distance) * step, -bound, bound)


def fast_update(
    old: PriceWord | None, entry: Entry, slow: SlowPrice | None, oracle: Oracle, g: int, now: int
) -> PriceWord:
    """The word after a fast price that is newer than `old`, or finds it from slow (None: the market's first price)."""
    word = old or PriceWord()
    elapsed = max(0, entry.time - word.time)
    seconds = min(elapsed, oracle.price_age) if old else 0

    funding = word.funding
    lag = min(word.funding_lag + seconds, MAX_LAG) if word.basis else 0
    accrued = trunc_div(word.index * word.basis * lag, MICRO * oracle.funding_period * MICRO)
    if accrued and -MAX_FUNDING - 1 <= funding + accrued <= MAX_FUNDING:
        funding += accrued
        lag = 0

    encoded = encode_price(decode_price(entry.price))
    gap = gap_of(slow, decode_price(encoded))
    if gap == 0:
        gap_age = 0
    elif _sign(gap) != _sign(word.gap) or elapsed > oracle.tau // 2 or word.from_slow:
        gap_age = entry.time - now
    else:
        gap_age = min(255, word.gap_age + elapsed)

    return PriceWord(
        mantissa=encoded & (1 << MANTISSA_BITS) - 1,
        exponent=encoded >> MANTISSA_BITS,
        funding=funding,
        basis=next_basis(word.basis, entry.basis, seconds if old else oracle.price_age, g, oracle),
        confidence=entry.confidence,
        gap=gap,
        gap_age=gap_age,
        time=entry.time,
        slow_for=min(MAX_SLOW_FOR, slow.until - entry.time) if slow else 0,
        funding_lag=lag,
        from_slow=0,
    )


def refresh(old: PriceWord | None, slow: SlowPrice | None, oracle: Oracle, now: int) -> PriceWord | None:
    """The word after a look at the slow feeds: only its slow part changes while a fast price lives."""
    if old is not None and old.time == NEVER:
        return old
    if old is None or old.from_slow or now - old.time > oracle.fast_life:
        return _from_slow(old, slow, oracle, now)
    gap = gap_of(slow, old.index)
    if gap and _sign(gap) == _sign(old.gap) and now - old.time <= oracle.tau // 2:
        gap_age = old.gap_age
    else:
        gap_age = max(-256, old.time - now) if gap else 0
    return PriceWord(
        mantissa=old.mantissa,
        exponent=old.exponent,
        funding=old.funding,
        basis=old.basis,
        confidence=old.confidence,
        gap=gap,
        gap_age=gap_age,
        time=old.time,
        slow_for=min(MAX_SLOW_FOR, slow.until - old.time) if slow else 0,
        funding_lag=old.funding_lag,
        from_slow=0,
    )


def _from_slow(old: PriceWord | None, slow: SlowPrice | None, oracle: Oracle, now: int) -> PriceWord | None:
    if slow is None:
        return replace(old, gap=0, gap_age=0, slow_for=0) if old else None
    kept = old or PriceWord()
    encoded = encode_price(slow.price)
    return PriceWord(
        mantissa=encoded & (1 << MANTISSA_BITS) - 1,
        exponent=encoded >> MANTISSA_BITS,
        funding=kept.funding,
        basis=kept.basis,
        confidence=oracle.one_source,
        time=now,
        slow_for=min(MAX_SLOW_FOR, slow.until - now),
        funding_lag=kept.funding_lag,
        from_slow=1,
    )


def frozen(word: PriceWord | None, index: int) -> PriceWord:
    """The word of a market whose price is `index` for good; its funding is kept."""
    encoded = encode_price(index)
    funding = word.funding if word else 0
    return PriceWord(encoded & (1 << MANTISSA_BITS) - 1, encoded >> MANTISSA_BITS, funding=funding, time=NEVER)


def read(word: PriceWord | None, oracle: Oracle, now: int) -> Reading:
    """What a stored word (None: no price yet) says at `now`: state, mark, P* and the interval's sides."""
    if word is None:
        return Reading(DEAD, 0, 0, 0, 0, oracle.dead, oracle.dead, oracle.dead, oracle.dead)
    if word.time == NEVER:
        funding = word.funding * MICRO
        return Reading(LIVE, word.index, word.index, funding, word.index - funding, 0, 0, 0, 0)
    age = now - word.time
    slow_counts = word.slow_for > 0 and age <= word.slow_for
    if age <= oracle.price_age and (slow_counts or not word.from_slow):
        state = LIVE
    elif slow_counts or (not word.from_slow and age <= oracle.fast_life):
        state = LATE
    else:
        state = DEAD

    if state == DEAD:
        confidence = max(word.confidence, oracle.dead)
    elif slow_counts or word.from_slow:
        confidence = word.confidence
    else:
        confidence = max(word.confidence, oracle.one_source)
    up_gap = down_gap = up_faded = down_faded = 0
    if word.gap and slow_counts and state != DEAD and not word.from_slow:
        size = 10 * abs(word.gap) if abs(word.gap) < MAX_GAP else ENDLESS
        faded = size * max(0, oracle.tau - max(0, age + word.gap_age)) // oracle.tau
        if word.gap > 0:
            up_gap, up_faded = size, faded
        else:
            down_gap, down_faded = size, faded

    index = word.index
    mark = index + index * word.basis // MICRO
    funding = word.funding * MICRO
    return Reading(
        state,
        index,
        mark,
        funding,
        mark - funding,
        confidence + up_gap,
        confidence + down_gap,
        confidence + up_faded,
        confidence + down_faded,
    )
