# pragma version ~=0.4.3
"""
@title Markets that are given up: the average that their price is frozen at
@license AGPL-3.0-only
@dev docs/exact.md, section 2, Retiring.
"""

from . import engine_refusal as refusal

# Seconds over which a price is averaged; it must have been seen for half of them.
RETIRE: constant(uint256) = 3_600

_MARKETS: constant(uint256) = 64
_LOW_32: constant(uint256) = 2**32 - 1

# A market's sum of price times seconds.
sums: uint256[_MARKETS]
# When it was given up (bits 0 to 31), when its price was last seen (32 to 63, 0: not since), seconds summed (64 to 95).
times: uint256[_MARKETS]


@internal
def begin(market: uint256):
    """
    @notice The average of a market begins now.
    """
    self.times[market] = block.timestamp


@internal
def see(market: uint256, index: uint256, longest: uint256):
    """
    @notice Adds the price that held since a market's was last seen.
    @param index That price, WAD, below 2^111.
    @param longest The most seconds that it counts for.
    """
    times: uint256 = self.times[market]
    last: uint256 = (times >> 32) & _LOW_32
    gone: uint256 = min(unsafe_sub(block.timestamp, last), longest) if last != 0 else 0
    self.sums[market] = unsafe_add(self.sums[market], unsafe_mul(index, gone))
    self.times[market] = ((times & _LOW_32) | (block.timestamp << 32) | (unsafe_add(times >> 64, gone) << 64))


@internal
@view
def average(market: uint256) -> uint256:
    """
    @notice The average of a market's price, rounded down; refused before it says enough.
    """
    times: uint256 = self.times[market]
    seconds: uint256 = times >> 64
    if block.timestamp < unsafe_add(times & _LOW_32, RETIRE) or seconds < RETIRE // 2:
        refusal.refuse(refusal.NOT_AVERAGED_YET)
    return self.sums[market] // seconds
