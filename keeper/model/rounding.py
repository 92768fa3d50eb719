"""Integer division with a named direction, and the fixed point that all of the protocol's amounts share."""

from __future__ import annotations

WAD = 10**18
BPS = 10**4
E5 = 10**5


def ceil_div(a: int, b: int) -> int:
    """a / b toward +∞, for b > 0."""
    return -(-a // b)


def trunc_div(a: int, b: int) -> int:
    """a / b toward zero, for b > 0."""
    return a // b if a >= 0 else -(-a // b)


def clamp(value: int, lowest: int, highest: int) -> int:
    """`value`, or the bound that it passes."""
    return lowest if value < lowest else min(value, highest)
