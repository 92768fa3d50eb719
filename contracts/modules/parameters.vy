# pragma version ~=0.4.3
"""
@title Parameters of markets and of risk as a whole: words, their fields, their bounds
@license AGPL-3.0-only
@dev Layouts are those of docs/exact.md, section 1: a market's s, u and g in 1e-5; kappa and iota in bps,
     correlations in percent, the minimum requirement in 0.01 quote.
"""

from . import engine_refusal as refusal
from . import rounding

MAX_MARKETS: constant(uint256) = 64
BUCKETS: constant(uint256) = 8
# In a market's flags.
LISTED: constant(uint256) = 1
PERP: constant(uint256) = 2
SPOT: constant(uint256) = 4
_HIGHEST: constant(uint256) = 2**32 - 1  # s and u
_FROZEN: constant(uint256) = 2**48 - 2**16 + 1  # s next to nothing, u and g the most there is
RETIRING: constant(uint256) = 16
RETIRED: constant(uint256) = 32
# Seconds between two calibrations of a market.
PERIOD: constant(uint256) = 86_400

# Of a parameter word: 0 unless a ramp was begun.
RAMP_END: constant(uint256) = 2**160 - 2**128

_LOW_16: constant(uint256) = 2**16 - 1
_LOW_32: constant(uint256) = 2**32 - 1
_LOW_40: constant(uint256) = 2**40 - 1
# s, u and g.
_SPREADS: constant(uint256) = 2**48 - 1
_LOWEST_PIVOT: constant(int256) = 10**12
_PAIRS: constant(uint256) = BUCKETS * (BUCKETS - 1) // 2
# What nobody sets: ramp targets and times, flags of retiring and the time of a calibration; and what is no field at all.
_UNUSED: constant(uint256) = max_value(uint256) - (2**211 - 1) + (2**208 - 2**203) + (2**160 - 2**48)
_BUCKET: constant(uint256) = 2**208 - 2**200
# Of a market's word, whatever is set: that it is given up, and when it was calibrated.
_KEPT: constant(uint256) = ((RETIRING | RETIRED) << 208) | (2**248 - 2**216)
# Of a risk word: set while a change of it ramps in. Above it is nothing.
RISK_RAMP: constant(uint256) = 2**250
_IOTA: constant(uint256) = 2**226 - 2**210

# A market's parameter word; 0 for a market that is not there.
words: uint256[MAX_MARKETS]
# Markets are numbered in the order they came.
count: uint256
# Correlations, kappa, iota and the minimum requirement of every account.
risk: uint256
# What it is on its way to, and when it set out (bits 0 to 31) and arrives (32 to 63).
risk_target: uint256
risk_times: uint256
# Who may move s, u, g and caps in small steps.
calibrator: address


@internal
@pure
def g(word: uint256) -> uint256:
    """
    @notice What a unit of gross holding costs, 1e-5; while it rises, what it rises to.
    """
    return ((word >> 80) if word & RAMP_END != 0 else (word >> 32)) & _LOW_16


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
    return unsafe_mul((word >> 160) & _LOW_40, 10**18)


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
    return unsafe_mul((risk >> 226) & (2**24 - 1), 10**16)


@internal
@pure
def check_market(word: uint256):
    """
    @notice Refuses a market's parameters that no market can have.
    """
    # A market without systematic volatility is a mistake: it would be collateral at full value.
    if word & _LOW_16 == 0 or word & _UNUSED != 0:
        refusal.refuse(refusal.PARAMETERS_OUT_OF_RANGE)


@internal
@pure
def check_risk(risk: uint256):
    """
    @notice Refuses correlations above 1, a kappa outside 5% to 100%, an iota below 1 and a minimum of 0; then
            correlations that cannot all hold at once, with which a portfolio would have a negative variance.
    """
    kappa: uint256 = self.kappa(risk)
    valid: bool = (
        kappa >= 500
        and kappa <= 10_000
        and self.iota(risk) >= 10_000
        and risk < RISK_RAMP
        and self.min_requirement(risk) != 0
    )
    for pair: uint256 in range(_PAIRS):
        if (risk >> unsafe_mul(7, pair)) & 127 > 100:
            valid = False
    if not valid:
        refusal.refuse(refusal.RISK_OUT_OF_RANGE)
    if not self._are_possible(risk):
        refusal.refuse(refusal.IMPOSSIBLE_CORRELATIONS)


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
    if market >= MAX_MARKETS:
        refusal.refuse(refusal.TOO_MANY_MARKETS)
    self.check_market(word)
    self.count = unsafe_add(market, 1)  # at most 64
    self.words[market] = word
    return market


@internal
def set_market(market: uint256, word: uint256, ramp: uint256):
    """
    @notice Replaces the parameters of a market.
    @param ramp Seconds over which s, u and g rise.
    """
    self.check_known(market)
    self.check_market(word)
    old: uint256 = self.words[market]
    if self.flags(old) & LISTED != 0 and (old ^ word) & _BUCKET != 0:
        refusal.refuse(refusal.BUCKET_IS_FIXED)
    new: uint256 = word | (old & _KEPT)
    # What is given up gets no perpetuals and no collateral again.
    if self.flags(new) & (RETIRING | RETIRED) != 0:
        new &= ~((PERP | SPOT) << 208)
    self._begin_ramp(market, old, new, ramp)


@internal
def calibrate(market: uint256, s: uint256, u: uint256, g: uint256, cap: uint256, ramp: uint256):
    """
    @notice Moves s, u, g (1e-5) and the cap (whole quote) of a market by at most a fifth of what they are to be.
    @param ramp Seconds over which s, u and g rise.
    """
    self.check_known(market)
    old: uint256 = self.words[market]
    if self.flags(old) & (RETIRING | RETIRED) != 0:
        refusal.refuse(refusal.ALREADY_RETIRED)
    if block.timestamp < unsafe_add((old >> 216) & _LOW_32, PERIOD):
        refusal.refuse(refusal.CALIBRATED_LATELY)
    aim: uint256 = self.at(old, True) if old & RAMP_END != 0 else old
    # Within a fifth of 16 bits all numbers stay below 2^17, and within one of 40 below 2^41.
    if (
        self._is_far(aim & _LOW_16, s)
        or self._is_far((aim >> 16) & _LOW_16, u)
        or self._is_far((aim >> 32) & _LOW_16, g)
        or self._is_far((aim >> 160) & _LOW_40, cap)
    ):
        refusal.refuse(refusal.STEP_TOO_LARGE)
    if (s | u | g) > _LOW_16 or cap > _LOW_40:
        refusal.refuse(refusal.PARAMETERS_OUT_OF_RANGE)
    word: uint256 = s | (u << 16) | (g << 32) | (cap << 160) | (aim & (2**216 - 2**200)) | (block.timestamp << 216)
    self._begin_ramp(market, old, word, ramp)


@internal
@pure
def _is_far(old: uint256, new: uint256) -> bool:
    # Further than a fifth of the old one.
    distance: uint256 = unsafe_sub(max(old, new), min(old, new))
    return distance > old // 5


@internal
def _begin_ramp(market: uint256, old: uint256, word: uint256, ramp: uint256):
    # Keeps a word that has no ramp; with one where s, u or g rises from what it is now.
    now: uint256 = self.at(old, False) if old & RAMP_END != 0 else old
    spreads: uint256 = 0
    for offset: uint256 in [0, 16, 32]:
        spreads |= min((now >> offset) & _LOW_16, (word >> offset) & _LOW_16) << offset
    if ramp == 0 or spreads == word & _SPREADS:
        self.words[market] = word
    else:
        self.words[market] = (
            (word & ~_SPREADS)
            | spreads
            | ((word & _SPREADS) << 48)
            | (block.timestamp << 96)
            | (unsafe_add(block.timestamp, ramp) << 128)
        )


@internal
def retire(market: uint256, ramp: uint256):
    """
    @notice Takes perpetuals and collateral from a market that is given up, and lets its s and u rise to the most there is: a
            price that is frozen can say nothing of what the collateral that is left will be worth.
    @param ramp Seconds over which they rise.
    """
    self.check_known(market)
    old: uint256 = self.words[market]
    flags: uint256 = self.flags(old)
    if flags & (RETIRING | RETIRED) != 0:
        refusal.refuse(refusal.ALREADY_RETIRED)
    flags = (flags | RETIRING) & ~(PERP | SPOT)
    word: uint256 = (old & (2**208 - 2**160)) | (old >> 216 << 216) | (flags << 208)
    self._begin_ramp(market, old, word | (self.g(old) << 32) | _HIGHEST, ramp)


@internal
def freeze(market: uint256, ramp: uint256):
    """
    @notice Ends the giving up of a market: it is retired. What is left of its collateral is charged by its amount from now
            on: as a risk it would hedge others, and be spread with them, by a price that no longer moves.
    @param ramp Seconds over which the charge rises.
    """
    old: uint256 = self.words[market]
    flags: uint256 = self.flags(old) ^ (RETIRING | RETIRED)
    word: uint256 = (old & (2**208 - 2**160)) | (old >> 216 << 216) | (flags << 208)
    self._begin_ramp(market, old, word | _FROZEN, ramp)


@internal
def set_risk(risk: uint256, ramp: uint256):
    """
    @notice Replaces the parameters that all accounts share; while a change ramps in, iota alone.
    @param ramp Seconds over which all but iota changes.
    """
    self.check_risk(risk)
    old: uint256 = self.risk
    if old & RISK_RAMP != 0:
        if block.timestamp < self.risk_times >> 32:
            # What holds between two words is no word: a change that set out from either would jump to it, and sell
            # accounts by a vote.
            if (self.risk_target ^ risk) & ~_IOTA != 0:
                refusal.refuse(refusal.RISK_IS_RAMPING)
            self.risk = (old & ~_IOTA) | (risk & _IOTA)
            self.risk_target = risk
            return
        old = self.risk_target
    old = (old & ~_IOTA) | (risk & _IOTA)
    if ramp == 0 or old == risk or self.risk == 0:
        self.risk = risk
        return
    self.risk = old | RISK_RAMP
    self.risk_target = risk
    self.risk_times = block.timestamp | (unsafe_add(block.timestamp, ramp) << 32)


@internal
@view
def check_known(market: uint256):
    """
    @notice Refuses a market that was never added.
    """
    if market >= self.count:
        refusal.refuse(refusal.UNKNOWN_MARKET)
