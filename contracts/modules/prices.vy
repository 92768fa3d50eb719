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


# The median of a round's reports.
struct Fast:
    time: uint256
    price: uint256  # WAD, a mantissa of 48 bits
    confidence: uint256  # 1e-5
    basis: int256  # 1e-6


struct Stored:
    index: uint256
    funding: int256  # 1e-12 quote
    basis: int256  # 1e-6
    confidence: uint256  # 1e-5
    gap: int256  # 1e-4
    gap_age: int256  # seconds, at `time`
    time: uint256
    slow_for: uint256
    lag: uint256
    from_slow: bool


# What a requirement needs of a price.
struct Reading:
    state: uint256
    index: uint256
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
_HIGHEST_FUNDING: constant(int256) = 2**71 - 1
_HIGHEST_BASIS: constant(uint256) = 2**19 - 1
_HIGHEST_GAP: constant(uint256) = 2**15 - 1

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
def basis_of(word: uint256, end: uint256) -> int256:
    """
    @notice The basis (1e-6), 20 bits below bit `end` of a word or entry.
    """
    return self._signed(word, end, 20)


@internal
@pure
def funding_of(word: uint256) -> int256:
    """
    @notice A price word's cumulative funding per unit, 1e-12 quote.
    """
    return self._signed(word, 126, 72)


@internal
@pure
def _unpack(word: uint256) -> Stored:
    return Stored(
        index=self.decode(word),
        funding=self.funding_of(word),
        basis=self.basis_of(word, 146),
        confidence=(word >> 146) & _LOW_16,
        gap=self._signed(word, 178, 16),
        gap_age=self._signed(word, 187, 9),
        time=self.time_of(word),
        slow_for=(word >> 219) & _LOW_20,
        lag=(word >> 239) & _LOW_16,
        from_slow=self.is_from_slow(word),
    )


@internal
@pure
def _pack(stored: Stored) -> uint256:
    word: uint256 = self.encode(stored.index) | self._field(stored.funding, 54, 72)
    word |= self._field(stored.basis, 126, 20) | (stored.confidence << 146)
    word |= self._field(stored.gap, 162, 16) | self._field(stored.gap_age, 178, 9)
    word |= (stored.time << 187) | (stored.slow_for << 219) | (stored.lag << 239)
    return word | (convert(stored.from_slow, uint256) << 255)


@internal
@pure
def _gap(slow: slow_feed.Slow, index: uint256) -> int256:
    # The distance of the slow price from the fast one, less what the slow feed does not report.
    if slow.price == 0:
        return 0
    above: bool = slow.price > index
    distance: uint256 = slow.price - index if above else index - slow.price
    distance = distance * 10**5 // index
    if distance <= slow.deviation:
        return 0
    gap: int256 = convert(min(_HIGHEST_GAP, rounding.ceil_udiv(distance - slow.deviation, 10)), int256)
    return gap if above else -gap


@internal
@pure
def _slow_for(slow: slow_feed.Slow, time: uint256) -> uint256:
    if slow.price == 0:
        return 0
    return min(_LOW_20, slow.until - time)


@internal
@view
def _accrue(stored: Stored, elapsed: uint256) -> Stored:
    # Funding at the index and basis before the update; what is too small to show stays in the lag. Time without a
    # basis owes nothing, and must not wait there for the next one.
    moved: Stored = stored
    moved.lag = min(stored.lag + elapsed, _LOW_16) if stored.basis != 0 else 0
    accrued: int256 = convert(stored.index * moved.lag, int256) * stored.basis // (
        _MICRO * _MICRO * convert(ORACLE.funding_period, int256)
    )
    funding: int256 = stored.funding + accrued
    if accrued != 0 and funding <= _HIGHEST_FUNDING and funding >= -_HIGHEST_FUNDING - 1:
        moved.funding = funding
        moved.lag = 0
    return moved


@internal
@view
def _next_basis(basis: int256, target: int256, elapsed: uint256, g: uint256) -> int256:
    # Toward the target by the share of the window that has passed, no faster than the rate, within 10 g.
    bound: int256 = convert(min(10 * g, _HIGHEST_BASIS), int256)
    distance: int256 = max(-bound, min(bound, target)) - basis
    gone: uint256 = convert(abs(distance), uint256)
    step: uint256 = rounding.ceil_udiv(gone * elapsed, ORACLE.basis_window)
    step = min(step, min(ORACLE.basis_rate * elapsed // 60, gone))
    moved: int256 = basis + (convert(step, int256) if distance > 0 else -convert(step, int256))
    return max(-bound, min(bound, moved))


@internal
@view
def advance(word: uint256, fast: Fast, slow: slow_feed.Slow, g: uint256) -> uint256:
    """
    @notice The word after a fast price later than it.
    @param fast The price; of a time after the word's, but for a word from the slow feed: then no time has passed.
    @param slow The slow price now, or a price of 0.
    @param g The market's gross parameter, 1e-5: it bounds the basis.
    """
    stored: Stored = self._unpack(word)
    elapsed: uint256 = max(fast.time, stored.time) - stored.time
    counted: uint256 = min(elapsed, ORACLE.price_age)
    if word != 0:
        stored = self._accrue(stored, counted)
    stored.basis = self._next_basis(stored.basis, fast.basis, counted, g)
    gap: int256 = self._gap(slow, fast.price)
    # The product of two gaps of one sign is positive; 16 bits each cannot overflow. A slow price has no gap.
    if unsafe_mul(gap, stored.gap) <= 0 or elapsed > ORACLE.tau // 2:
        stored.gap_age = 0
    else:
        stored.gap_age = min(255, stored.gap_age + convert(elapsed, int256))
    stored.index = fast.price
    stored.confidence = fast.confidence
    stored.gap = gap
    stored.time = fast.time
    stored.slow_for = self._slow_for(slow, fast.time)
    stored.from_slow = False
    return self._pack(stored)


@internal
@view
def relook(word: uint256, slow: slow_feed.Slow) -> uint256:
    """
    @notice The word after another look at the slow feed, which becomes the source where no fast price lives.
    @param slow The slow price now, or a price of 0.
    """
    stored: Stored = self._unpack(word)
    age: uint256 = block.timestamp - stored.time
    if word == 0 or stored.from_slow or age > ORACLE.fast_life:
        if slow.price == 0:
            return word
        stored.index = slow.price
        stored.confidence = ORACLE.one_source
        stored.gap = 0
        stored.gap_age = 0
        stored.time = block.timestamp
        stored.slow_for = self._slow_for(slow, block.timestamp)
        stored.from_slow = True
        return self._pack(stored)
    gap: int256 = self._gap(slow, stored.index)
    if gap == 0:
        stored.gap_age = 0
    elif unsafe_mul(gap, stored.gap) <= 0 or age > ORACLE.tau // 2:
        # This gap begins now, after the price's time: an age below 0 there. At most `fast_life` < 256.
        stored.gap_age = -convert(age, int256)
    stored.gap = gap
    stored.slow_for = self._slow_for(slow, stored.time)
    return self._pack(stored)


@internal
@pure
def mark_of(word: uint256, index: uint256) -> int256:
    """
    @notice Index and basis together, WAD, rounded toward minus infinity.
    """
    signed: int256 = convert(index, int256)
    basis: int256 = self.basis_of(word, 146)
    if basis == 0:
        return signed
    return signed + rounding.floor_div(signed * basis, _MICRO)


@internal
@view
def read(word: uint256) -> Reading:
    """
    @notice What a price word says at this second.
    """
    reading: Reading = empty(Reading)
    reading.index = self.decode(word)
    reading.net_mark = self.mark_of(word, reading.index) - self.funding_of(word) * _MICRO
    age: uint256 = block.timestamp - self.time_of(word)
    slow_for: uint256 = (word >> 219) & _LOW_20
    from_slow: bool = self.is_from_slow(word)
    slow_counts: bool = slow_for != 0 and age <= slow_for
    confidence: uint256 = (word >> 146) & _LOW_16
    if age > ORACLE.price_age or (from_slow and not slow_counts):
        reading.state = LATE if slow_counts or (not from_slow and age <= ORACLE.fast_life) else DEAD
    if reading.state == DEAD:
        confidence = max(confidence, ORACLE.dead)
    elif not slow_counts and not from_slow:
        confidence = max(confidence, ORACLE.one_source)
    reading.up = confidence
    reading.down = confidence
    reading.up_faded = confidence
    reading.down_faded = confidence
    gap: int256 = self._signed(word, 178, 16)
    if gap == 0 or not slow_counts or from_slow:
        return reading
    size: uint256 = 10 * convert(abs(gap), uint256)
    # `time` and `gap_age` are 32 and 9 bits: the sum of ages stays small.
    shown: int256 = max(0, convert(age, int256) + self._signed(word, 187, 9))
    left: uint256 = convert(max(0, convert(ORACLE.tau, int256) - shown), uint256)
    faded: uint256 = size * left // ORACLE.tau
    if gap > 0:
        reading.up += size
        reading.up_faded += faded
    else:
        reading.down += size
        reading.down_faded += faded
    return reading
