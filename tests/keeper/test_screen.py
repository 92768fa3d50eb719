from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeper.book.exact import Exact
from keeper.book.screen import Screen, markets_of, screen
from keeper.book.store import Book
from keeper.chain.events import PricesUpdated, RiskSet
from keeper.model.requirement import Holding
from keeper.model.words import Parameters
from tests.keeper.books import (
    FLAGS,
    NOW,
    ORACLE,
    RISK,
    WAD,
    changed,
    exact_of,
    mirror_of,
    price_word,
    random_holdings,
    set_up,
)

MARKETS = 16


def screened(exact: Exact) -> tuple[Book, Screen]:
    return exact.mirror.book, screen(exact.mirror.book, markets_of(exact))


def world(rng: random.Random) -> list[object]:
    prices = {market: rng.randint(1, 10 ** rng.randint(10, 23)) + 10**9 for market in range(MARKETS)}
    parameters = {
        market: Parameters(
            rng.randint(0, 20_000), rng.randint(0, 20_000), rng.randint(0, 5_000), bucket=rng.randint(0, 7), flags=FLAGS
        )
        for market in prices
    }
    events: list[object] = list(set_up(prices, parameters))
    words = tuple(
        price_word(
            price,
            time=NOW - rng.randint(0, 15),
            confidence=rng.randint(0, 500),
            gap=rng.randint(-300, 300),
            gap_age=rng.randint(-60, 60),
            basis=rng.randint(-5_000, 5_000),
            funding=rng.randint(-(10**12), 10**12),
        ).pack()
        for price in prices.values()
    )
    return [*events, PricesUpdated(1, (1 << MARKETS) - 1, words)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_screen__accounts_a_wei_inside_the_line__all_selected(seed: int) -> None:
    """The worst case for floats: equity + W⁺ is one wei less than MM, whatever the magnitudes that make it up."""
    rng = random.Random(seed)
    base = exact_of(*world(rng))
    wanted = set()
    for account in range(1, 40):
        holdings = random_holdings(rng, MARKETS)
        seen = base.measure(-1, holdings)
        cash = -1 + seen.mm - seen.up - seen.equity - 1
        if abs(cash) >= 2**127:
            continue
        base.mirror.apply(account + 1, hex(account), NOW, 0, [changed(account << 96, cash, holdings)])
        if base.mirror.entry(account << 96).header and Exact(base.mirror, ORACLE, NOW).assess(account << 96).sighted:
            wanted.add(account << 96)
    book, result = screened(Exact(base.mirror, ORACLE, NOW))
    selected = {book.account(row) for row in result.selected()}
    assert wanted, f"seed {seed} made no account in breach"
    assert wanted <= selected


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_screen__any_account__within_the_bound_of_the_exact_numbers(seed: int) -> None:
    rng = random.Random(seed)
    events = world(rng)
    events += [
        changed(account << 96, rng.randint(-(10**24), 10**24), random_holdings(rng, MARKETS))
        for account in range(1, 30)
    ]
    exact = exact_of(*events)
    book, result = screened(exact)
    for row in range(len(book)):
        seen = exact.assess(book.account(row))
        assert (seen.mm > 0) == (result.requirement[row] > 0)
        if seen.mm:
            distance = (seen.equity + seen.up - seen.mm) / WAD
            assert abs(distance - result.distance[row]) <= result.bound[row]


def test_screen__healthy_accounts__not_selected() -> None:
    """The bound is small: a screen that selects everybody would miss nobody."""
    events = [changed(account << 96, 200 * WAD, {0: Holding(0, WAD, 2_000 * WAD)}) for account in range(1, 1_001)]
    exact = exact_of(*set_up({0: 2_000 * WAD}), *events)
    book, result = screened(exact)
    assert len(book) == 1_001
    assert list(result.selected()) == []
    assert float(result.bound.max()) < 0.001


def test_screen__account_emptied__owes_nothing() -> None:
    account = 5 << 96
    mirror = mirror_of(*set_up({0: 2_000 * WAD}), changed(account, -WAD, {0: Holding(WAD, 0, 0)}))
    mirror.apply(2, "0x02", NOW, 0, [changed(account, 0, {})])
    _, result = screened(Exact(mirror, ORACLE, NOW))
    row = mirror.book.row(account)
    assert row >= 0
    assert result.requirement[row] == 0
    assert result.health[row] == np.inf


@pytest.mark.parametrize("gone", [1, 333, 999])
def test_screen__minimum_on_its_way_up__as_the_integers_round_it(gone: int) -> None:
    """The least requirement is in hundredths: between two risk words it is rounded up to whole ones."""
    account = 1 << 96
    aim = replace(RISK, min_requirement=RISK.min_requirement + 7)
    exact = exact_of(
        *set_up({0: 2_000 * WAD}),
        RiskSet(replace(RISK, ramping=1).pack(), aim.pack(), NOW | NOW + 1_000 << 32),
        changed(account, 20 * WAD, {0: Holding(0, WAD // 1_000, 2 * WAD)}),
        time=NOW + gone,
    )
    _, result = screened(exact)
    assert result.requirement[exact.mirror.book.row(account)] == exact.assess(account).mm / WAD
    assert exact.assess(account).mm > 20 * WAD
