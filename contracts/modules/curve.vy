# pragma version ~=0.4.3
"""
@title Words of an auction: a run of sightings and the curve its price of relief follows
@license AGPL-3.0-only
@dev Layouts and rounding are those of docs/exact.md, sections 1 and 7.
"""

_LOW_5: constant(uint256) = 2**5 - 1
_LOW_16: constant(uint256) = 2**16 - 1
_LOW_32: constant(uint256) = 2**32 - 1
_LOW_160: constant(uint256) = 2**160 - 1
_POINT_BITS: constant(uint256) = 48
_CURVE_BITS: constant(uint256) = 144
_HIGHEST_BPS: constant(uint256) = 10_000
_WAD_PER_BPS: constant(uint256) = 10**14


# A run of sightings of one account. `start` 0: none.
struct Run:
    opener: address
    start: uint256  # seconds
    last: uint256  # seconds
    nonce: uint256  # 16 bits; goes round
    curve: uint256  # id
    paid: uint256  # of the opener's cap, in 1/1023
    listed: bool  # the account has an entry


@internal
@pure
def unpack_run(word: uint256) -> Run:
    """
    @notice The fields of a run's word.
    """
    return Run(
        opener=convert(word & _LOW_160, address),
        start=(word >> 160) & _LOW_32,
        last=(word >> 192) & _LOW_32,
        nonce=(word >> 224) & _LOW_16,
        curve=(word >> 240) & _LOW_5,
        paid=word >> 246,
        listed=(word >> 245) & 1 != 0,
    )


@internal
@pure
def pack_run(run: Run) -> uint256:
    """
    @notice The word of a run; its nonce is taken modulo 2^16.
    @dev The other fields are within their widths by construction: chain time until 2106, an id below 32, a
         share of at most 1023.
    """
    return (
        convert(run.opener, uint256)
        | (run.start << 160)
        | (run.last << 192)
        | ((run.nonce & _LOW_16) << 224)
        | (run.curve << 240)
        | (convert(run.listed, uint256) << 245)
        | (run.paid << 246)
    )


@internal
@pure
def ended(run: Run) -> Run:
    """
    @notice What is kept of a run that has ended: its nonce, so that no lot signed off before it fits again, and the
            id of its curve; and whether the account has an entry.
    """
    return Run(opener=empty(address), start=0, last=0, nonce=run.nonce, curve=run.curve, paid=0, listed=run.listed)


@internal
@pure
def is_valid(word: uint256) -> bool:
    """
    @notice Whether a word is a curve: three points, times rising strictly, λ never falling, none above 10,000 bps.
    """
    if word >> _CURVE_BITS != 0:
        return False
    time: uint256 = 0
    bps: uint256 = 0
    for i: uint256 in range(3):
        point: uint256 = word >> (i * _POINT_BITS)
        next_time: uint256 = point & _LOW_32
        next_bps: uint256 = (point >> 32) & _LOW_16
        if (i > 0 and next_time <= time) or next_bps < bps:
            return False
        time = next_time
        bps = next_bps
    return bps <= _HIGHEST_BPS


@internal
@pure
def lambda_at(word: uint256, elapsed: uint256) -> uint256:
    """
    @notice λ (WAD) at a time since the run's start: linear between the curve's points, rounded down; the first point's
            before it, the last one's after it.
    @param word A valid curve.
    @param elapsed Seconds since the start of the run.
    """
    time: uint256 = word & _LOW_32
    value: uint256 = ((word >> 32) & _LOW_16) * _WAD_PER_BPS
    if elapsed <= time:
        return value
    for i: uint256 in range(1, 3):
        point: uint256 = word >> (i * _POINT_BITS)
        next_time: uint256 = point & _LOW_32
        next_value: uint256 = ((point >> 32) & _LOW_16) * _WAD_PER_BPS
        if elapsed < next_time:
            return value + (next_value - value) * (elapsed - time) // (next_time - time)
        time = next_time
        value = next_value
    return value
