"""The exact view reads accounts straight from the book's bytes, and says what the model says of the same words."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from keeper.book.exact import Exact
from keeper.chain.events import InterestChanged, PricesUpdated
from keeper.model.interest import accrue
from keeper.model.prices import Reading, read
from keeper.model.requirement import Holding, Shared, appraise, assess
from keeper.model.words import Custody, Header, Indices, Parameters, Position, Totals
from tests.keeper.books import FLAGS, NOW, ORACLE, RISK, WAD, changed, mirror_of, price_word, random_holdings, set_up

MARKETS = 16


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_assess__random_portfolios__as_the_model_of_the_same_words(seed: int) -> None:
    rng = random.Random(seed)
    prices = {market: rng.randint(1, 10 ** rng.randint(10, 23)) + 10**9 for market in range(MARKETS)}
    parameters = {
        m: Parameters(rng.randint(0, 9_000), rng.randint(0, 9_000), 1_400, bucket=m % 8, flags=FLAGS) for m in prices
    }
    parameters[3] = Parameters(5_000, 100, 50, bucket=3, flags=FLAGS).ramped_from(parameters[3], NOW - 50, 100)
    words = {
        m: price_word(p, time=NOW - rng.randint(0, 90), gap=rng.randint(-300, 300), basis=rng.randint(-5_000, 5_000))
        for m, p in prices.items()
    }
    indices = Indices(WAD, WAD + rng.randint(0, WAD), NOW - 1_000, 10**8, 2 * 10**8)
    books = {account << 96: random_holdings(rng, MARKETS) for account in range(1, 30)}
    books[77] = {market: Holding(spot=held.spot + 1) for market, held in random_holdings(rng, MARKETS).items()}
    principals = {
        account: rng.choice([0, -1, rng.randint(-(2**127), 2**127 - 1), rng.randint(0, 10**22)]) for account in books
    }
    mirror = mirror_of(
        *set_up(prices, parameters),
        PricesUpdated(1, (1 << MARKETS) - 1, tuple(word.pack() for word in words.values())),
        InterestChanged(indices.pack(), 0, 0),
        *(changed(account, principals[account], held) for account, held in books.items()),
    )
    exact = Exact(mirror, ORACLE, NOW)
    now = accrue(indices, Totals(), Custody(), NOW)[0]

    def market(number: int) -> tuple[Reading, Parameters]:
        return read(words[number], ORACLE, NOW), parameters[number]

    for account, holdings in books.items():
        principal = principals[account]
        cash = principal * (now.supply if principal >= 0 else now.borrow) // WAD
        assert exact.cash(account) == cash
        assert exact.holdings(account) == holdings
        assert exact.maps(account) == sum(1 << number for number in holdings)
        assert exact.assess(account) == assess(cash, holdings, market, Shared(RISK, None, NOW))
        assert exact.appraise(account) == appraise(cash, holdings, market, Shared(RISK, None, NOW))

    rows = np.array(rng.sample(range(len(books)), rng.randint(0, len(books))), np.int64)
    together = Exact(mirror, ORACLE, NOW)
    assert together.accounts(rows) == [mirror.book.account(int(row)) for row in rows]
    for account in books:
        assert together.holdings(account) == books[account]
        assert together.assess(account) == exact.assess(account)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32))
def test_holdings__any_words__as_the_words_unpack(seed: int) -> None:
    rng = random.Random(seed)
    holdings = random_holdings(rng, 64, 64)
    exact = Exact(mirror_of(changed(5, rng.randint(-(2**127), 2**127 - 1), holdings)), ORACLE, NOW)
    entry = exact.mirror.entry(5)
    assert exact.holdings(5) == holdings
    assert entry.spots == Header.unpack(entry.header).spots
    positions = [
        Position.unpack(word) for market, word in zip(entry_markets(exact), entry.words, strict=True) if market
    ]
    assert [(p.size, p.cost) for p in positions] == [
        (h.size, h.cost) for _, h in sorted(holdings.items()) if h.size or h.cost
    ]


def entry_markets(exact: Exact) -> list[bool]:
    """For each word, whether it is a position."""
    entry = exact.mirror.entry(5)
    found = []
    for market in range(64):
        found += [False] * (entry.spots >> market & 1) + [True] * (entry.perps >> market & 1)
    return found


def test_assess__account_never_seen__has_nothing() -> None:
    exact = Exact(mirror_of(*set_up({0: WAD})), ORACLE, NOW)
    assert (exact.cash(9), exact.holdings(9), exact.maps(9)) == (0, {}, 0)
    assert exact.assess(9).mm == 0
