"""EIP-1559 fees within the operator's cap."""

from __future__ import annotations

from typing import NamedTuple

from keeper.config.schema import FeesSection


class Fees(NamedTuple):
    """wei for a unit of gas."""

    max_fee: int
    tip: int


def first(section: FeesSection, base_fee: int) -> Fees | None:
    """Fees that stay good for a while: twice the base fee. None while the base fee alone is above the cap."""
    if base_fee > section.max_fee:
        return None
    tip = min(section.tip, section.max_fee - base_fee)
    return Fees(min(section.max_fee, 2 * base_fee + tip), tip)


def raised(section: FeesSection, old: Fees, base_fee: int) -> Fees | None:
    """Fees by which nodes accept a replacement: both up by the set share. None if the cap does not allow it."""
    up = 100 + section.bump_percent
    tip = max(-(-old.tip * up // 100), old.tip + 1, section.tip)
    max_fee = max(-(-old.max_fee * up // 100), old.max_fee + 1, 2 * base_fee + tip)
    if max_fee > section.max_fee:
        max_fee = section.max_fee
        if max_fee * 100 < old.max_fee * up:
            return None
    return Fees(max_fee, min(tip, max_fee))


def short(max_fee: int, base_fee: int) -> bool:
    """Whether the next block may ask for more than `max_fee`: an eighth more than this one, or 1 wei, by EIP-1559."""
    return max_fee < base_fee + max(base_fee // 8, 1)
