# pragma version ~=0.4.3
"""
@title What backs the insurance vault's shares: an account of the Clearinghouse, and the losses known to come
@license AGPL-3.0-only
@dev docs/exact.md, section 8. Amounts are units of the token, rounded down.
"""
from ..interfaces import IClearinghouse

_WAD: constant(uint256) = 10**18
_LOW_80: constant(uint256) = 2**80 - 1
_LOW_128: constant(uint256) = 2**128 - 1
_MAX_CASH: constant(uint256) = 10**30  # the Clearinghouse's bound on an account's cash

CLEARINGHOUSE: immutable(IClearinghouse)
_ACCOUNT: immutable(uint256)
_SCALE: immutable(uint256)


@deploy
def __init__(clearinghouse: address, account: uint256):
    """
    @notice Names the Clearinghouse and the vault's account there.
    """
    CLEARINGHOUSE = IClearinghouse(clearinghouse)
    _ACCOUNT = account
    _SCALE = staticcall IClearinghouse(clearinghouse).quote_scale()


@internal
@view
def gross() -> uint256:
    """
    @notice The account's cash with the interest that is its own and not collected yet: what entering is priced at.
    """
    return self._wad() // _SCALE


@internal
@view
def net() -> uint256:
    """
    @notice The same less the losses known to come, at least 0: what leaving is priced at.
    """
    wad: uint256 = self._wad()
    return (wad - min(wad, staticcall CLEARINGHOUSE.entries())) // _SCALE


@internal
@view
def held() -> uint256:
    """
    @notice Tokens that the Clearinghouse holds: no more can be paid out, the rest is lent.
    """
    return ((staticcall CLEARINGHOUSE.custody()) & _LOW_128) // _SCALE


@internal
@view
def room(total: uint256) -> uint256:
    """
    @notice What an account that has `total` may still be given.
    """
    limit: uint256 = _MAX_CASH // _SCALE
    return limit - min(limit, total + 1)


@internal
@pure
def scaled(amount: uint256, numerator: uint256, denominator: uint256, up: bool) -> uint256:
    """
    @notice amount · numerator / denominator, rounded as told.
    """
    product: uint256 = amount * numerator
    result: uint256 = product // denominator
    if up and product % denominator != 0:
        result += 1
    return result


@internal
@view
def _wad() -> uint256:
    # What `cash` of the account will be once the reserve is in it, by the Clearinghouse's own rounding: so a preview is
    # what the act does, to the unit.
    indices: uint256 = 0
    totals: uint256 = 0
    custody: uint256 = 0
    indices, totals, custody = staticcall CLEARINGHOUSE.accrued()
    index: uint256 = indices & _LOW_80
    # The account only ever lends: its principal is never negative.
    cash: uint256 = ((staticcall CLEARINGHOUSE.header(_ACCOUNT)) & _LOW_128) * index // _WAD
    reserve: uint256 = custody >> 128
    if reserve != 0:
        cash = ((cash + reserve) * _WAD // index) * index // _WAD
    return cash
