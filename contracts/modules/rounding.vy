# pragma version ~=0.4.3
"""
@title Integer division with the rounding direction in its name
@license AGPL-3.0-only
@dev Vyper's `//` rounds toward zero, which for a signed value is in nobody's favour in particular. What an
     account owns is rounded toward minus infinity, what it owes toward plus infinity (docs/exact.md).
"""


@internal
@pure
def floor_div(a: int256, b: int256) -> int256:
    """
    @notice a / b rounded toward minus infinity.
    @param a Dividend.
    @param b Divisor, above 0.
    """
    quotient: int256 = a // b
    # Only an inexact quotient is lowered, and |quotient| < 2^255 / 2 then: it cannot wrap.
    if a % b < 0:
        quotient = unsafe_sub(quotient, 1)
    return quotient


@internal
@pure
def ceil_div(a: int256, b: int256) -> int256:
    """
    @notice a / b rounded toward plus infinity.
    @param a Dividend.
    @param b Divisor, above 0.
    """
    quotient: int256 = a // b
    # Only an inexact quotient is raised, and |quotient| < 2^255 / 2 then: it cannot wrap.
    if a % b > 0:
        quotient = unsafe_add(quotient, 1)
    return quotient


@internal
@pure
def ceil_udiv(a: uint256, b: uint256) -> uint256:
    """
    @notice a / b rounded up.
    @param a Dividend.
    @param b Divisor, above 0.
    """
    quotient: uint256 = a // b
    # Only an inexact quotient is raised, and quotient < 2^256 / 2 then: it cannot wrap.
    if a % b != 0:
        quotient = unsafe_add(quotient, 1)
    return quotient
