"""The planned population: who is in it, and where each stands at the start."""

from __future__ import annotations

import pytest

from keeper.model.prices import LIVE, Reading
from keeper.model.requirement import Assessment, Holding, Shared, assess
from scripts.demo.path import START_PRICES
from scripts.demo.population import Book, World, borrower, one_sided, plan
from scripts.demo.settings import MARKETS
from tests.e2e.demo_worlds import PARAMETERS, RISK, WAD

WORLD = World({name: int(price) * WAD for name, price in START_PRICES.items()}, PARAMETERS, RISK)
BOOKS = plan(WORLD, 220, seed=3)


def standing(book: Book, moved: dict[str, float] | None = None) -> Assessment:
    """The account once opened at the index, after prices have moved by a factor."""
    holdings = {
        MARKETS.index(name): Holding(
            book.spots.get(name, 0),
            book.perps.get(name, 0),
            book.perps.get(name, 0) * WORLD.prices[name] // WAD,
        )
        for name in {*book.spots, *book.perps}
    }

    def market(number: int) -> tuple[Reading, object]:
        name = MARKETS[number]
        price = int(WORLD.prices[name] * (moved or {}).get(name, 1.0))
        return Reading(LIVE, price, price, 0, price, 0, 0, 0, 0), PARAMETERS[name]

    return assess(book.deposit - book.borrow, holdings, market, Shared(RISK))


def test_plan__two_hundred_and_twenty__has_every_kind_and_one_whale() -> None:
    kinds = [book.kind for book in BOOKS]

    assert len(BOOKS) == 220 and len({book.name for book in BOOKS}) == 220
    assert kinds.count("whale") == 1
    assert all(kinds.count(kind) >= 20 for kind in ("long", "short", "borrower", "hedged", "small"))


def test_plan__same_seed__is_the_same_and_another_is_not() -> None:
    assert plan(WORLD, 220, seed=3) == BOOKS
    assert plan(WORLD, 220, seed=4) != BOOKS


def test_plan__perps__sum_to_zero_in_every_market() -> None:
    assert {name: sum(book.perps.get(name, 0) for book in BOOKS) for name in MARKETS} == dict.fromkeys(MARKETS, 0)


def test_plan__every_account__starts_above_initial_margin() -> None:
    short = [book.name for book in BOOKS if (now := standing(book)).mm and now.equity < now.im]

    assert short == []


@pytest.mark.parametrize("kind", ["long", "short"])
def test_one_sided__after_its_move__is_at_the_line(kind: str) -> None:
    book = one_sided(WORLD, "any", kind, "eth", 50_000.0, 0.12)
    factor = 0.88 if kind == "long" else 1.12

    sooner, later = standing(book, {"eth": 1 + (factor - 1) * 0.97}), standing(book, {"eth": factor * 2 - 1})

    assert sooner.equity > sooner.mm and later.equity < later.mm
    assert standing(book, {"eth": factor}).equity == pytest.approx(standing(book, {"eth": factor}).mm, rel=0.02)


def test_borrower__after_its_move__is_at_the_line() -> None:
    book = borrower(WORLD, "any", "btc", 80_000.0, 0.2)

    at_line = standing(book, {"btc": 0.8})

    assert book.borrow > 0 and at_line.equity == pytest.approx(at_line.mm, rel=0.01)


def test_plan__small_accounts__stand_near_the_floor() -> None:
    small = [standing(book) for book in BOOKS if book.kind == "small"]

    assert all(account.floor <= account.mm < 2 * account.floor for account in small)
