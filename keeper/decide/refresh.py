"""Late prices that anybody can renew: a look at the slow feed makes them live again (docs/exact.md, section 2)."""

from __future__ import annotations

from collections.abc import Iterable

from keeper.book.exact import Exact
from keeper.book.mirror import bits
from keeper.model.prices import LATE
from keeper.model.words import LISTED, PriceWord

MOST = 16
"""Markets renewed in one transaction."""
GAS_FIXED, GAS_MARKET = 180_000, 130_000
"""The engine gives the quote token's feed up to 100,000, and each market's, which then stores a word."""


def renewable(exact: Exact, accounts: Iterable[int], max_gas: int) -> list[int]:
    """Markets of these accounts whose price is late and whose slow feed can take its place, as many as gas allows.

    A fast price that is late keeps its place until FAST_LIFE is over: until then only its signers can renew it.
    """
    most = max(1, min(MOST, (max_gas - GAS_FIXED) // GAS_MARKET))
    found: dict[int, None] = {}
    for account in accounts:
        for market in bits(exact.maps(account)):
            if market not in found and _can_be_renewed(exact, market):
                found[market] = None
        if len(found) >= most:
            break
    return list(found)[:most]


def gas_of(markets: Iterable[int]) -> int:
    """A limit that a renewal of these stays below."""
    return GAS_FIXED + sum(GAS_MARKET for _ in markets)


def _can_be_renewed(exact: Exact, market: int) -> bool:
    # One that is not listed would have all of them refused.
    if exact.reading(market).state != LATE or not exact.parameters(market).flags & LISTED:
        return False
    word = PriceWord.unpack(exact.mirror.prices[market])
    return bool(word.from_slow) or exact.now - word.time > exact.oracle.fast_life
