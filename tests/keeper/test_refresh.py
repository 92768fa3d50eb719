"""Which late prices a look at slow feeds renews."""

from __future__ import annotations

import pytest

from keeper.book.exact import Exact
from keeper.chain.events import MarketSet, PricesUpdated
from keeper.decide.refresh import GAS_FIXED, GAS_MARKET, MOST, gas_of, renewable
from keeper.model.prices import LATE
from keeper.model.requirement import Holding
from keeper.model.words import LISTED, Parameters
from tests.keeper.books import FLAGS, NOW, WAD, changed, exact_of, price_word, set_up

VICTIM, OTHER = 1 << 96, 2 << 96
MARKETS = 20
GAS = 16_000_000
LONG = Holding(0, WAD, 2_000 * WAD)


def at(age: int, flags: int = FLAGS, **fields: int) -> Exact:
    """Both accounts hold all markets, the first also one that is live; prices are so many seconds old."""
    word = price_word(2_000 * WAD, time=NOW - age, **fields).pack()
    held = dict.fromkeys(range(MARKETS), LONG)
    return exact_of(
        *set_up(dict.fromkeys(range(MARKETS + 1), 2_000 * WAD)),
        MarketSet(0, Parameters(4600, 470, 1400, bucket=0, flags=flags).pack()),
        PricesUpdated(1, (1 << MARKETS) - 1, (word,) * MARKETS),
        changed(VICTIM, 0, {0: LONG, MARKETS: LONG}),
        changed(OTHER, 0, held),
    )


@pytest.mark.parametrize(
    ("age", "from_slow", "renewed"), [(15, 0, False), (16, 0, False), (60, 0, False), (61, 0, True), (16, 1, True)]
)
def test_renewable__fast_price_keeps_its_place_for_its_life__a_slow_one_not(
    age: int, from_slow: int, renewed: bool
) -> None:
    exact = at(age, from_slow=from_slow)
    assert (exact.reading(0).state == LATE) is (age > 15)
    assert renewable(exact, [VICTIM], GAS) == ([0] if renewed else [])


def test_renewable__many_markets__sixteen_at_once_each_once() -> None:
    exact = at(61)
    assert renewable(exact, [VICTIM, OTHER, VICTIM], GAS) == list(range(MOST))
    assert gas_of(range(MOST)) == GAS_FIXED + MOST * GAS_MARKET


def test_renewable__feed_has_ended__dead_and_not_late() -> None:
    assert renewable(at(61, slow_for=0), [VICTIM], GAS) == []


def test_renewable__market_no_longer_listed__left_out_as_it_would_have_all_refused() -> None:
    exact = at(61, flags=FLAGS & ~LISTED)
    assert exact.reading(0).state == LATE
    assert renewable(exact, [VICTIM, OTHER], GAS)[0] == 1


@pytest.mark.parametrize("count", [1, 3])
def test_renewable__gas_for_a_few__so_many(count: int) -> None:
    assert len(renewable(at(61), [OTHER], gas_of(range(count)))) == count
