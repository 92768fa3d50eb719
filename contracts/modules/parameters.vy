# pragma version ~=0.4.3
"""
@title Parameters of markets and of risk as a whole: words, their fields, their bounds
@license AGPL-3.0-only
@dev Layouts are those of docs/exact.md, section 1: a market's s, u and g in 1e-5; kappa and iota in bps,
     correlations in percent, the minimum requirement in 0.01 quote.
"""

from . import rounding

MAX_MARKETS: constant(uint256) = 64
BUCKETS: constant(uint256) = 8
# In a market's flags.
LISTED: constant(uint256) = 1

# Of a parameter word: 0 unless a ramp was begun.
RAMP_END: constant(uint256) = 2**160 - 2**128

_LOW_16: constant(uint256) = 2**16 - 1
_LOW_32: constant(uint256) = 2**32 - 1
# s, u and g.
_SPREADS: constant(uint256) = 2**48 - 1
_LOWEST_PIVOT: constant(int256) = 10**12
_PAIRS: constant(uint256) = BUCKETS * (BUCKETS - 1) // 2
# Ramp targets and ramp times: no ramp is kept yet, so that a word that asks for one is refused. And what is no
# bucket, no flag and no field at all.
_UNUSED: constant(uint256) = max_value(uint256) - (2**211 - 1) + (2**208 - 2**203) + (2**160 - 2**48)

# A market's parameter word; 0 for a market that is not there.
words: uint256[MAX_MARKETS]
# Markets are numbered in the order they came.
count: uint256
# Correlations, kappa, iota and the minimum requirement of every account.
risk: uint256


@internal
@pure
def s(word: uint256) -> uint256:
    """
    @notice Systematic volatility of a market, 1e-5.
    """
    return word & _LOW_16


@internal
@pure
def g(word: uint256) -> uint256:
    """
    @notice What a unit of gross holding costs, 1e-5.
    """
    return (word >> 32) & _LOW_16


@internal
@view
def at(word: uint256, at_end: bool) -> uint256:
    """
    @notice A market's parameters with s, u and g as they are now, or as they are when its ramp has ended.
    @param word The market's word, with a ramp.
    """
    end: uint256 = (word >> 128) & _LOW_32
    if at_end or block.timestamp >= end:
        return (word & ~_SPREADS) | ((word >> 48) & _SPREADS)
    start: uint256 = (word >> 96) & _LOW_32
    now: uint256 = word & ~_SPREADS
    for offset: uint256 in [0, 16, 32]:
        low: uint256 = (word >> offset) & _LOW_16
        high: uint256 = (word >> unsafe_add(offset, 48)) & _LOW_16
        # What does not rise is there already.
        gone: uint256 = unsafe_mul(unsafe_sub(high, low), unsafe_sub(block.timestamp, start))
        now |= unsafe_add(low, rounding.ceil_udiv(gone, unsafe_sub(end, start))) << offset
    return now


@internal
@pure
def cap(word: uint256) -> uint256:
    """
    @notice What may be open in a market at most, WAD quote; 0: without a limit.
    """
    return unsafe_mul((word >> 160) & (2**40 - 1), 10**18)


@internal
@pure
def flags(word: uint256) -> uint256:
    """
    @notice 1 listed, 2 perp allowed, 4 spot allowed.
    """
    return (word >> 208) & 255


@internal
@pure
def correlation(risk: uint256, low: uint256, high: uint256) -> uint256:
    """
    @notice Correlation of two buckets in percent.
    @param low The lower bucket.
    @param high The higher bucket, at most 7.
    """
    # Pair (i, j) stands after the i·(15 − i)/2 pairs of lower first buckets; all is below 28.
    pair: uint256 = unsafe_add(unsafe_mul(low, unsafe_sub(15, low)) >> 1, unsafe_sub(unsafe_sub(high, low), 1))
    return (risk >> unsafe_mul(7, pair)) & 127


@internal
@pure
def kappa(risk: uint256) -> uint256:
    """
    @notice How little opposite buckets count as a hedge, bps.
    """
    return (risk >> 196) & (2**14 - 1)


@internal
@pure
def iota(risk: uint256) -> uint256:
    """
    @notice Initial margin over maintenance requirement, bps.
    """
    return (risk >> 210) & _LOW_16


@internal
@pure
def min_requirement(risk: uint256) -> uint256:
    """
    @notice The least requirement of a held market, WAD quote.
    """
    return unsafe_mul(risk >> 226, 10**16)


@internal
@pure
def check_market(word: uint256):
    """
    @notice Refuses a market's parameters that no market can have.
    """
    # A market without systematic volatility is a mistake: it would be collateral at full value.
    assert (self.s(word) != 0 and word & _UNUSED == 0), "risk_engine: parameters out of range"


@internal
@pure
def check_risk(risk: uint256):
    """
    @notice Refuses correlations above 1, a kappa outside 5% to 100%, an iota below 1 and a minimum of 0; then
            correlations that cannot all hold at once, with which a portfolio would have a negative variance.
    """
    kappa: uint256 = self.kappa(risk)
    valid: bool = kappa >= 500 and kappa <= 10_000 and self.iota(risk) >= 10_000 and self.min_requirement(risk) != 0
    for pair: uint256 in range(_PAIRS):
        if (risk >> unsafe_mul(7, pair)) & 127 > 100:
            valid = False
    assert valid, "risk_engine: risk out of range"
    assert self._are_possible(risk), "risk_engine: impossible correlations"


@internal
@pure
def _are_possible(risk: uint256) -> bool:
    # Cholesky's factorisation without its roots: the matrix is that of correlations if every pivot is above 0. WAD;
    # with pivots of at least a millionth the division's error stays far below them. `lower` has row i at 8·i.
    lower: int256[BUCKETS * BUCKETS] = empty(int256[BUCKETS * BUCKETS])
    pivots: int256[BUCKETS] = empty(int256[BUCKETS])
    for i: uint256 in range(BUCKETS):
        rest: int256 = 0
        for j: uint256 in range(i, bound=BUCKETS):
            rest = convert(self.correlation(risk, j, i), int256) * 10**16
            for k: uint256 in range(j, bound=BUCKETS):
                rest -= lower[i * BUCKETS + k] * lower[j * BUCKETS + k] // pivots[k]
            lower[i * BUCKETS + j] = rest
        rest = 10**18
        for k: uint256 in range(i, bound=BUCKETS):
            rest -= lower[i * BUCKETS + k] * lower[i * BUCKETS + k] // pivots[k]
        if rest < _LOWEST_PIVOT:
            return False
        pivots[i] = rest
    return True


@internal
def add(word: uint256) -> uint256:
    """
    @notice Lists one market more and returns its number.
    """
    market: uint256 = self.count
    assert market < MAX_MARKETS, "risk_engine: too many markets"
    self.check_market(word)
    self.count = unsafe_add(market, 1)  # at most 64
    self.words[market] = word
    return market


@internal
def set_market(market: uint256, word: uint256):
    """
    @notice Replaces the parameters of a market.
    """
    self.check_known(market)
    self.check_market(word)
    self.words[market] = word


@internal
def set_risk(risk: uint256):
    """
    @notice Replaces the parameters that all accounts share.
    """
    self.check_risk(risk)
    self.risk = risk


@internal
@view
def check_known(market: uint256):
    """
    @notice Refuses a market that was never added.
    """
    assert market < self.count, "risk_engine: unknown market"
