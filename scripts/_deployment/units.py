"""Exact ways from what people write (fractions and amounts as decimal strings) to the contracts' integers."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

BPS = 4
"""Decimals of a basis point."""


def exact(value: Any, decimals: int, lowest: int, highest: int) -> int:
    """`value`, a decimal string, times 10^decimals; ValueError unless that is an integer within the bounds."""
    if not isinstance(value, str):
        raise ValueError(f'{value} must be a decimal in quotes, such as "{plain(highest // 2, decimals)}"')
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError(f'"{value}" is no decimal number') from None
    if not number.is_finite():
        raise ValueError(f'"{value}" is no decimal number')
    scaled = number.scaleb(decimals)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{value} is finer than the contract's steps of {plain(1, decimals)}")
    if not lowest <= scaled <= highest:
        raise ValueError(
            f"{value} is out of range: allowed are {plain(lowest, decimals)} to {plain(highest, decimals)}"
        )
    return int(scaled)


def plain(scaled: int, decimals: int) -> str:
    """`scaled` as people write it, without trailing zeros: (30, 4) is 0.003."""
    number = Decimal(scaled).scaleb(-decimals)
    return format(number.to_integral_value() if number == number.to_integral_value() else number.normalize(), "f")


def decimal(decimals: int, lowest: int, highest: int) -> BeforeValidator:
    """A pydantic validator that keeps a decimal string times 10^decimals; the bounds are of what is kept."""
    return BeforeValidator(lambda value: exact(value, decimals, lowest, highest))


Bps = Annotated[int, decimal(BPS, 0, 10_000)]
"""A fraction of at most 1, kept in basis points."""
Multiple = Annotated[int, decimal(BPS, 10_001, 2**16 - 1)]
"""A multiple above 1, kept in basis points."""
Fine = Annotated[int, decimal(5, 0, 2**16 - 1)]
"""A fraction kept in 1e-5, in 16 bits."""
Step = Annotated[int, decimal(6, 0, 2**19 - 1)]
"""A fraction kept in 1e-6, that fits a basis."""
YearlyRate = Annotated[int, decimal(9, 0, 2**32 - 1)]
"""A yearly rate kept in 1e-9."""
Cents = Annotated[int, decimal(2, 1, 2**24 - 1)]
"""An amount of quote kept in 0.01."""
Wad = Annotated[int, decimal(18, 0, 2**128 - 1)]
"""An amount of quote kept in 1e-18."""
Seconds = Annotated[int, Field(ge=0, lt=2**32)]


def percent(value: Any) -> int:
    """A correlation, kept in percent: 0 to 1 in steps of 0.01."""
    if isinstance(value, str):
        try:
            share = Decimal(value) * 100
        except InvalidOperation:
            share = None
        if share is not None and share.is_finite() and not 0 <= share <= 100:
            raise ValueError(f"a correlation of {share.normalize():f}% is impossible here: allowed are 0% to 100%")
    return exact(value, 2, 0, 100)


Percent = Annotated[int, BeforeValidator(percent)]
