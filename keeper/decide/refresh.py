"""Late prices that anybody can renew: a look at the slow feed makes them live again (docs/exact.md, section 2)."""

from __future__ import annotations

from collections.abc import Iterable

from keeper.book.exact import Exact
from keeper.book.mirror import bits
from keeper.model.prices import LATE
from keeper.model.words import PriceWord

MOST = 16
"""Markets renewed in one transaction."""
GAS_FIXED, GAS_MARKET = 80_000, 120_000
"""Each market asks its feed and stores a word; tests/gas/test_limits.py has what is needed."""


def renewable(exact: Exact, accounts: Iterable[int]) -> list[int]:
    """Markets of these accounts whose price is late and whose slow feed can take its place, at most 16.

    A fast price that is late keeps its place until FAST_LIFE is over: until then only its signers can renew it.
    """
    found: dict[int, None] = {}
    for account in accounts:
        for market in bits(exact.maps(account)):
            if market not in found and _can_be_renewed(exact, market):
                found[market] = None
        if len(found) >= MOST:
            break
    return list(found)[:MOST]


def gas_of(markets: Iterable[int]) -> int:
    """A limit that a renewal of these stays below."""
    return GAS_FIXED + sum(GAS_MARKET for _ in markets)


def _can_be_renewed(exact: Exact, market: int) -> bool:
    if exact.reading(market).state != LATE:
        return False
    word = PriceWord.unpack(exact.mirror.prices[market])
    return bool(word.from_slow) or exact.now - word.time > exact.oracle.fast_life
