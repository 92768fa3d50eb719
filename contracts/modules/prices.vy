# pragma version ~=0.4.3
"""
@title Stored prices: one word a market, moved by fast and slow prices, read as an interval
@license AGPL-3.0-only
@dev Word and arithmetic are those of docs/exact.md, sections 1 and 2. An index is WAD quote, an interval's
     sides are 1e-5 of it.
"""

from ..interfaces import IRiskEngine
from . import rounding
from . import slow_feed


# What a requirement needs of a price.
struct Reading:
    state: uint256
    index: int256  # never below 0
    net_mark: int256  # mark less cumulative funding: P* of the protocol
    up: uint256
    down: uint256
    up_faded: uint256
    down_faded: uint256


LIVE: constant(uint256) = 0
LATE: constant(uint256) = 1
DEAD: constant(uint256) = 2

_MARKETS: constant(uint256) = 64
_LOW_16: constant(uint256) = 2**16 - 1
_LOW_20: constant(uint256) = 2**20 - 1
_LOW_32: constant(uint256) = 2**32 - 1
_LOW_48: constant(uint256) = 2**48 - 1
_MICRO: constant(int256) = 10**6
_FUNDING: constant(uint256) = 2**126 - 2**54
_SLOW_PART: constant(uint256) = 2**187 - 2**162 + 2**239 - 2**219
_FROM_SLOW: constant(uint256) = 2**255
# Funding, basis and lag.
_KEPT_BY_SLOW: constant(uint256) = 2**146 - 2**54 + 2**255 - 2**239
_HIGHEST_FUNDING: constant(int256) = 2**71 - 1
_HIGHEST_BASIS: constant(uint256) = 2**19 - 1
_HIGHEST_GAP: constant(uint256) = 2**15 - 1
# What a gap counts as, 1e-5, that may be more than its field holds: more than any exposure is worth.
_ENDLESS: constant(uint256) = 2**50

ORACLE: immutable(IRiskEngine.Oracle)

# A market's price word; 0 before its first price.
words: uint256[_MARKETS]


@deploy
def __init__(oracle: IRiskEngine.Oracle):
    assert oracle.round_seconds != 0, "risk_engine: oracle out of range"
    assert oracle.max_report_age >= oracle.round_seconds, "risk_engine: oracle out of range"
    assert oracle.price_age != 0 and oracle.price_age <= oracle.fast_life, "risk_engine: oracle out of range"
    # A gap's age is kept in 9 bits with a sign, and is counted back as far as a fast price lives.
    assert oracle.fast_life < 256, "risk_engine: oracle out of range"
    assert oracle.max_report_age <= oracle.fast_life, "risk_engine: oracle out of range"
    assert oracle.tau != 0 and oracle.tau <= 240, "risk_engine: oracle out of range"
    assert oracle.one_source <= oracle.dead and oracle.dead <= _LOW_16, "risk_engine: oracle out of range"
    assert oracle.basis_rate <= _HIGHEST_BASIS, "risk_engine: oracle out of range"
    assert oracle.basis_window != 0 and oracle.basis_window <= 86_400, "risk_engine: oracle out of range"
    assert oracle.funding_period != 0 and oracle.funding_period <= 31_536_000, "risk_engine: oracle out of range"
    assert oracle.ramp <= 2_592_000, "risk_engine: oracle out of range"
    ORACLE = oracle


@internal
@pure
def encode(price: uint256) -> uint256:
    """
    @notice Mantissa and exponent of a price above 0: the smallest exponent, low bits dropped.
    """
    # The exponent is the number of bits above the mantissa's 48.
    above: uint256 = price >> 48
    exponent: uint256 = 0
    if above >> 32 != 0:
        exponent = 32
        above >>= 32
    if above >> 16 != 0:
        exponent += 16
        above >>= 16
    if above >> 8 != 0:
        exponent += 8
        above >>= 8
    if above >> 4 != 0:
        exponent += 4
        above >>= 4
    if above >> 2 != 0:
        exponent += 2
        above >>= 2
    exponent += min(above, 2)
    return (price >> exponent) | (exponent << 48)


@internal
@pure
def decode(word: uint256) -> uint256:
    """
    @notice The price (WAD) in the low 54 bits of a price word or a report's entry.
    """
    return (word & _LOW_48) << ((word >> 48) & 63)


@internal
@pure
def time_of(word: uint256) -> uint256:
    """
    @notice The second a price word's price is of.
    """
    return (word >> 187) & _LOW_32


@internal
@pure
def is_from_slow(word: uint256) -> bool:
    """
    @notice Whether a price word's index came from the slow feed.
    """
    return word >> 255 != 0


@internal
@pure
def _signed(word: uint256, end: uint256, width: uint256) -> int256:
    # A field of `width` bits that ends below bit `end`, its sign extended.
    return convert(convert(word << unsafe_sub(256, end), bytes32), int256) >> unsafe_sub(256, width)


@internal
@pure
def _field(number: int256, start: uint256, width: uint256) -> uint256:
    # The reverse of `_signed`; that the number fits is its maker's affair.
    return (convert(convert(number, bytes32), uint256) << unsafe_sub(256, width)) >> unsafe_sub(
        unsafe_sub(256, width), start
    )


@internal
@pure
def funding_of(word: uint256) -> int256:
    """
    @notice A price word's cumulative funding per unit, 1e-12 quote.
    """
    return self._signed(word, 126, 72)


@internal
@pure
def _gap(slow: uint256, feed: uint256, encoded: uint256) -> int256:
    # The distance of a slow price from the fast one, less what the slow feed does not report.
    index: uint256 = (encoded & _LOW_48) << ((encoded >> 48) & 63)
    price: uint256 = slow & (2**200 - 1)
    above: bool = price > index
    distance: uint256 = unsafe_sub(price, index) if above else unsafe_sub(index, price)
    distance = unsafe_div(unsafe_mul(distance, 10**5), index)  # a price is below 2^90, and above 0
    deviation: uint256 = (feed >> 184) & _LOW_16
    if distance <= deviation:
        return 0
    gap: int256 = convert(min(_HIGHEST_GAP, rounding.ceil_udiv(unsafe_sub(distance, deviation), 10)), int256)
    return gap if above else unsafe_sub(0, gap)


@internal
@view
def _accrue(word: uint256, basis: int256, elapsed: uint256) -> uint256:
    # The word's funding and lag, all else 0, after time at its index and basis; what is too small to show stays in
    # the lag. Unchecked: 2^111, 2^16 and 2^19 at most are multiplied.
    lag: uint256 = min(unsafe_add((word >> 239) & _LOW_16, elapsed), _LOW_16)
    accrued: int256 = unsafe_div(
        unsafe_mul(convert(unsafe_mul(self.decode(word), lag), int256), basis),
        convert(unsafe_mul(10**12, ORACLE.funding_period), int256),
    )
    if accrued != 0:
        funding: int256 = unsafe_add(self.funding_of(word), accrued)
        if funding <= _HIGHEST_FUNDING and funding >= -_HIGHEST_FUNDING - 1:
            return self._field(funding, 54, 72)
    return (word & _FUNDING) | (lag << 239)


@internal
@view
def _next_basis(basis: int256, target: int256, elapsed: uint256, g: uint256) -> int256:
    # Toward the target by the share of the window that has passed, no faster than the rate, within 10 g. All of it
    # is far below 2^255.
    bound: int256 = convert(min(unsafe_mul(10, g), _HIGHEST_BASIS), int256)
    distance: int256 = unsafe_sub(max(unsafe_sub(0, bound), min(bound, target)), basis)
    gone: uint256 = convert(abs(distance), uint256)
    step: uint256 = rounding.ceil_udiv(unsafe_mul(gone, elapsed), ORACLE.basis_window)
    step = min(step, min(unsafe_div(unsafe_mul(ORACLE.basis_rate, elapsed), 60), gone))
    moved: int256 = convert(step, int256)
    moved = unsafe_add(basis, moved) if distance > 0 else unsafe_sub(basis, moved)
    return max(unsafe_sub(0, bound), min(bound, moved))


@internal
@view
def advance(
    word: uint256, time: uint256, encoded: uint256, confidence: uint256, target: int256, slow: uint256, feed: uint256
) -> uint256:
    """
    @notice The word after a fast price later than it.
    @param time Of the price; after the word's, but for a word from the slow feed: then no time has passed.
    @param encoded The price, its exponent the smallest.
    @param confidence 1e-5.
    @param target What the basis moves to, 1e-6.
    @param slow What the slow feed says now.
    @param feed The market's feed word; its g bounds the basis.
    """
    before: uint256 = self.time_of(word)
    elapsed: uint256 = unsafe_sub(max(time, before), before)
    counted: uint256 = min(elapsed, ORACLE.price_age)
    basis: int256 = self._signed(word, 146, 20)
    moved: uint256 = encoded | (confidence << 146) | (time << 187)
    # Time without a basis owes nothing, and must not wait in the lag for the next one.
    if basis == 0:
        moved |= word & _FUNDING
    else:
        moved |= self._accrue(word, basis, counted)
    if basis != 0 or target != 0:
        moved |= self._field(self._next_basis(basis, target, counted, slow_feed.g(feed)), 126, 20)
    if slow == 0:
        return moved
    moved |= min(_LOW_20, unsafe_sub(slow >> 200, time)) << 219
    gap: int256 = self._gap(slow, feed, encoded)
    if gap == 0:
        return moved
    moved |= self._field(gap, 162, 16)
    # It begins now, not with the price's time: whoever brings an old round would have it faded in part at once.
    gap_age: int256 = unsafe_sub(0, convert(unsafe_sub(block.timestamp, time), int256))
    # The product of two gaps of one sign is positive; 16 bits each cannot overflow. A slow price has no gap.
    if unsafe_mul(gap, self._signed(word, 178, 16)) > 0 and elapsed <= ORACLE.tau // 2:
        gap_age = min(255, unsafe_add(self._signed(word, 187, 9), convert(elapsed, int256)))
    return moved | self._field(gap_age, 178, 9)


@internal
@view
def relook(word: uint256, slow: uint256, feed: uint256) -> uint256:
    """
    @notice The word after another look at the slow feed, which becomes the source where no fast price lives.
    @param slow What the slow feed says now.
    @param feed The market's feed word.
    """
    age: uint256 = unsafe_sub(block.timestamp, self.time_of(word))
    if age >> 255 != 0:
        return word
    if word == 0 or self.is_from_slow(word) or age > ORACLE.fast_life:
        if slow == 0:
            # A feed that says nothing any more is no source, whatever time it was still good for.
            return word & ~_SLOW_PART
        return (
            (word & _KEPT_BY_SLOW)
            | self.encode(slow_feed.price_of(slow))
            | (ORACLE.one_source << 146)
            | (block.timestamp << 187)
            | (min(_LOW_20, unsafe_sub(slow >> 200, block.timestamp)) << 219)
            | _FROM_SLOW
        )
    moved: uint256 = word & ~_SLOW_PART
    if slow == 0:
        return moved
    moved |= min(_LOW_20, unsafe_sub(slow >> 200, self.time_of(word))) << 219
    gap: int256 = self._gap(slow, feed, word)
    if gap == 0:
        return moved
    gap_age: int256 = self._signed(word, 187, 9)
    if unsafe_mul(gap, self._signed(word, 178, 16)) <= 0 or age > ORACLE.tau // 2:
        # This gap begins now, after the price's time: an age below 0 there. At most `fast_life` < 256.
        gap_age = -convert(age, int256)
    return moved | self._field(gap, 162, 16) | self._field(gap_age, 178, 9)


@internal
@pure
def frozen(word: uint256, index: uint256) -> uint256:
    """
    @notice The word of a market whose price is `index` (WAD) for good: live at every second, its funding kept.
    """
    return (word & _FUNDING) | self.encode(index) | (_LOW_32 << 187)


@internal
@view
def read(word: uint256) -> Reading:
    """
    @notice What a price word says at this second.
    """
    # Unchecked where fields are too narrow to overflow; signed fields are shifted up to their sign and down again.
    reading: Reading = empty(Reading)
    reading.index = convert(convert((word & _LOW_48) << ((word >> 48) & 63), bytes32), int256)
    reading.net_mark = unsafe_sub(
        reading.index, unsafe_mul(convert(convert(word << 130, bytes32), int256) >> 184, _MICRO)
    )
    basis: int256 = convert(convert(word << 110, bytes32), int256) >> 236
    if basis != 0:
        premium: int256 = unsafe_mul(reading.index, basis)
        reading.net_mark = unsafe_add(reading.net_mark, unsafe_div(premium, _MICRO))
        if premium % _MICRO < 0:
            reading.net_mark = unsafe_sub(reading.net_mark, 1)
    age: uint256 = unsafe_sub(block.timestamp, (word >> 187) & _LOW_32)
    slow_for: uint256 = (word >> 219) & _LOW_20
    confidence: uint256 = (word >> 146) & _LOW_16
    gap: int256 = 0
    if word >> 255 != 0:
        if slow_for == 0 or age > slow_for:
            reading.state = DEAD
        elif age > ORACLE.price_age:
            reading.state = LATE
    else:
        slow_counts: bool = slow_for != 0 and age <= slow_for
        if age > ORACLE.price_age:
            # Only a frozen price is of a second that never comes.
            if age >> 255 != 0:
                return reading
            reading.state = LATE if slow_counts or age <= ORACLE.fast_life else DEAD
        if slow_counts:
            gap = convert(convert(word << 78, bytes32), int256) >> 240
        elif confidence < ORACLE.one_source:
            confidence = ORACLE.one_source
    if reading.state == DEAD:
        confidence = max(confidence, ORACLE.dead)
    reading.up = confidence
    reading.down = confidence
    reading.up_faded = confidence
    reading.down_faded = confidence
    if gap == 0:
        return reading
    size: uint256 = convert(abs(gap), uint256)
    size = unsafe_mul(10, size) if size != _HIGHEST_GAP else _ENDLESS
    shown: int256 = max(0, unsafe_add(convert(age, int256), self._signed(word, 187, 9)))
    left: uint256 = convert(max(0, unsafe_sub(convert(ORACLE.tau, int256), shown)), uint256)
    faded: uint256 = unsafe_mul(size, left) // ORACLE.tau
    if gap > 0:
        reading.up = unsafe_add(confidence, size)
        reading.up_faded = unsafe_add(confidence, faded)
    else:
        reading.down = unsafe_add(confidence, size)
        reading.down_faded = unsafe_add(confidence, faded)
    return reading
