"""Standing bids: posting them, taking them back, and what a sweep has them take."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from keeper.model.rounding import ceil_div
from keeper.model.standing import BOND, Standing
from keeper.model.words import Curve
from tests.unit.auction.scene import Scene
from tests.unit.system import BTC, CURVE, ETH, RISK, TERMS, WAD

BREACH = 1520
ALL = 2**4 - 1
WIDE = 10**6


@dataclass
class Book:
    """The auction's standing bids; the taker posts them."""

    scene: Scene

    @property
    def auction(self) -> Any:
        return self.scene.system.auction

    def account(self, number: int) -> int:
        return self.scene.system.account(self.auction, number)

    def needed(self, capacity: int, interval: int = WIDE, markets: int = ALL) -> int:
        least = markets.bit_count() * RISK.min_requirement * 10**16
        return ceil_div(max(capacity, least) * (10 * RISK.iota + interval), 10**5) + BOND

    def post(
        self,
        tick: int = 0,
        capacity: int = 1_000 * WAD,
        minimum: int = WAD,
        *,
        markets: int = ALL,
        interval: int = WIDE,
        cash: int | None = None,
        sender: Any = None,
    ) -> int:
        """Post a bid for the taker's account; returns its id."""
        cash = self.needed(capacity, min(interval, WIDE), markets) if cash is None else cash
        args = (self.scene.taker_account, tick, capacity, minimum, markets, interval, cash)
        receipt = self.auction.post(*args, sender=sender or self.scene.taker)
        return receipt.decode_logs(self.auction.StandingPosted)[0].id

    def sweep(self, most: int = 8, sender: Any = None) -> Any:
        return self.auction.sweep(self.scene.account, most, sender=sender or self.scene.maker)

    def takers(self, receipt: Any) -> list[int]:
        """The bids that took something, in order."""
        return [event.taker & 2**96 - 1 for event in receipt.decode_logs(self.auction.Taken)]

    @contextmanager
    def refused(self, message: str):
        before = self.auction.standing_book()
        with self.scene.refused(message, *(self.account(number) for number in range(1, 4))):
            yield
        assert self.auction.standing_book() == before


@pytest.fixture
def book(scene):
    return Book(scene)


def test_post__valid__moves_the_cash_and_stands_on_the_book(book, scene, auction):
    cash = scene.cash(scene.taker_account)
    number = book.post(7, 300 * WAD, 20 * WAD, markets=5, interval=400)
    needed = book.needed(300 * WAD, 400, 5)
    assert scene.cash(scene.taker_account) == cash - needed
    assert scene.cash(book.account(number)) == needed
    word = Standing(7, number, 400, 5, 300 * WAD, 20 * WAD, 0).pack()
    assert tuple(auction.standing_bid(number)) == (scene.taker_account, 20 * WAD, word)
    assert auction.standing_book() == [word]


def test_post__tick_of_the_whole_requirement__where_the_curve_gets_there(book, auction, owner):
    whole = Curve((*CURVE.points[:-1], (300, 10_000)))
    auction.add_curve(whole.pack(), sender=owner)
    number = book.post(100)
    assert auction.standing_bid(number)[2] >> 249 == 100
    with book.refused("auction: tick out of range"):
        book.post(101)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tick": 101}, "auction: tick out of range"),
        ({"tick": CURVE.points[-1][1] // 100 + 1}, "auction: tick out of range"),
        ({"tick": 2**256 - 1}, "auction: tick out of range"),
        ({"minimum": 0}, "auction: capacity out of range"),
        ({"capacity": WAD - 1}, "auction: capacity out of range"),
        ({"capacity": 2**121, "cash": 0}, "auction: capacity out of range"),
        ({"markets": 2**17 - 1}, "auction: too many markets"),
        ({"markets": 2**64}, "auction: too many markets"),
        ({"interval": 2**32}, "auction: interval out of range"),
        ({"cash": 0}, "auction: not enough cash"),
        ({"cash": 2**256 - 1}, "auction: not enough cash"),
        ({"capacity": 90_000 * WAD}, "clearinghouse: below initial margin"),
    ],
)
def test_post__out_of_range__reverts(book, change, message):
    with book.refused(message):
        book.post(**change)


def test_post__least_requirement_of_the_markets_above_its_capacity__wants_cash_for_that(book):
    with book.refused("auction: not enough cash"):
        book.post(capacity=79 * WAD, cash=book.needed(80 * WAD) - 1)
    book.post(capacity=79 * WAD, cash=book.needed(80 * WAD))


def test_post__one_wei_too_little_behind_it__reverts(book):
    with book.refused("auction: not enough cash"):
        book.post(cash=book.needed(1_000 * WAD) - 1)


def test_post__not_the_takers__reverts(book, attacker):
    with book.refused("auction: not allowed"):
        book.post(sender=attacker)


def test_remove__own__gives_all_back(book, scene, auction):
    cash = scene.cash(scene.taker_account)
    number = book.post()
    scene.system.pass_time(600)
    auction.remove(number, sender=scene.taker)
    assert scene.cash(scene.taker_account) == cash
    assert (scene.cash(book.account(number)), auction.standing_book()) == (0, [])
    assert auction.standing_bid(number)[0] == 0


def test_remove__after_it_took_something__gives_the_position_too(book, scene, auction):
    number = book.post()
    scene.price(BREACH)
    book.sweep()
    size = scene.system.position(book.account(number), ETH)[0]
    assert size > 0
    scene.system.pass_time(600)
    scene.price(BREACH)
    auction.remove(number, sender=scene.taker)
    assert scene.system.position(scene.taker_account, ETH)[0] == size
    assert scene.cash(book.account(number)) == 0


def test_remove__twice_or_unknown__reverts(book, scene, auction):
    number = book.post()
    scene.system.pass_time(600)
    auction.remove(number, sender=scene.taker)
    for unknown in (number, 0, number + 1):
        with book.refused("auction: no standing bid"):
            auction.remove(unknown, sender=scene.taker)


def test_remove__within_ten_minutes__reverts(book, scene, auction):
    number = book.post()
    scene.system.pass_time(590)
    with book.refused("auction: posted lately"):
        auction.remove(number, sender=scene.taker)
    scene.system.pass_time(10)
    auction.remove(number, sender=scene.taker)
    assert auction.standing_book() == []


def test_remove__of_another__reverts(book, auction, attacker):
    number = book.post()
    with book.refused("auction: not allowed"):
        auction.remove(number, sender=attacker)


def test_sweep__lowest_tick_first_then_the_oldest(book, scene):
    late, first, second = book.post(20), book.post(10, 100 * WAD), book.post(10, 100 * WAD)
    scene.sighted_at(BREACH, 58)
    receipt = book.sweep()
    events = receipt.decode_logs(book.auction.Taken)
    assert book.takers(receipt)[:2] == [first, second]
    assert set(book.takers(receipt)) <= {first, second, late}
    assert [event.lambda_account for event in events][:2] == [WAD // 10] * 2


def test_sweep__capacity__falls_by_what_was_released(book, scene, auction):
    number = book.post(0, 1_000 * WAD)
    scene.price(BREACH)
    (event,) = book.sweep().decode_logs(auction.Taken)
    released = ceil_div(event.fraction * event.requirement, WAD)
    word = auction.standing_bid(number)[2]
    assert word & 2**121 - 1 == 1_000 * WAD - released
    # It brought the account to the target.
    assert abs(scene.assessment().equity - TERMS.target * scene.assessment().mm // 10_000) < 10**10


def test_sweep__small_bid__takes_what_it_has_and_leaves_the_book(book, scene, auction):
    number = book.post(0, 100 * WAD, 50 * WAD)
    scene.price(BREACH)
    (event,) = book.sweep().decode_logs(auction.Taken)
    assert 0 <= event.fraction * event.requirement // WAD - 100 * WAD <= 10_000
    assert (auction.standing_bid(number)[2], auction.standing_book()) == (0, [])


def test_sweep__as_many_as_wanted(book, scene):
    # The target wants more than all three.
    numbers = [book.post(0, 20 * WAD) for _ in range(3)]
    scene.price(BREACH)
    assert book.takers(book.sweep(2)) == numbers[:2]
    assert book.takers(book.sweep(2)) == numbers[2:]


def test_sweep__more_than_eight__reverts(book, scene):
    book.post()
    scene.price(BREACH)
    with book.refused("auction: too many to sweep"):
        book.sweep(9)


def test_sweep__tick_not_reached__reverts(book, scene):
    book.post(36)
    scene.sighted_at(BREACH, 30)
    with book.refused("auction: nothing swept"):
        book.sweep()


def test_sweep__market_not_accepted__is_passed_over(book, scene):
    book.post(0, markets=ALL & ~(1 << ETH))
    fitting = book.post(0)
    scene.price(BREACH)
    assert book.takers(book.sweep()) == [fitting]


def test_sweep__interval_too_wide__is_passed_over(book, scene):
    book.post(0, interval=0)
    fitting = book.post(0)
    scene.price(1500, confidence=100)
    assert book.takers(book.sweep()) == [fitting]


def test_sweep__less_than_its_minimum__is_passed_over(book, scene, auction):
    number = book.post(0, 100 * WAD, 90 * WAD)
    scene.price(BREACH)
    book.sweep()
    assert auction.standing_bid(number)[2] == 0
    big = book.post(0, 5_000 * WAD, 5_000 * WAD)
    scene.price(1490)
    # All that the target wants is less than its minimum: it takes it.
    assert book.takers(book.sweep()) == [big]


def test_sweep__left_with_less_than_its_minimum__leaves_the_book(book, scene, auction):
    number = book.post(0, 1_200 * WAD, 900 * WAD)
    scene.price(1490)
    assert book.takers(book.sweep()) == [number]
    assert auction.standing_bid(number)[2] == 0
    scene.price(1300)
    with book.refused("auction: nothing swept"):
        book.sweep()


def test_sweep__healthy_account__reverts(book, scene):
    book.post()
    scene.price(1600)
    with book.refused("auction: healthy"):
        book.sweep()


def test_sweep__price_late__reverts(book, scene):
    book.post()
    scene.price(BREACH)
    scene.system.pass_time(20)
    with book.refused("auction: price not live"):
        book.sweep()


def test_sweep__nothing_on_the_book__reverts(book, scene):
    scene.price(BREACH)
    with book.refused("auction: nothing swept"):
        book.sweep()


@pytest.fixture
def spent(book, scene, victim):
    """A bid that has taken a position and lost on it, with capacity left that it can no longer bear."""
    number = book.post(0, 5_000 * WAD, interval=0)
    scene.long(victim, 100, 16_000, sub=1)
    scene.price(BREACH)
    book.auction.sweep(scene.system.account(victim, 1), 8, sender=scene.maker)
    assert book.auction.standing_bid(number)[2] != 0
    return number


def test_sweep__bid_without_margin__loses_its_bond_to_the_sweeper_and_leaves_the_book(book, scene, spent, opener):
    scene.price(1450)
    before = scene.system.clearinghouse.book_of(scene.account)
    cash = scene.cash(book.account(spent))
    receipt = book.sweep(sender=opener)
    assert book.takers(receipt) == []
    assert scene.system.clearinghouse.book_of(scene.account) == before
    assert book.auction.standing_bid(spent)[2] == 0
    assert scene.cash(scene.system.account(opener)) == BOND
    assert scene.cash(book.account(spent)) == cash - BOND
    # Its taker still gets the rest.
    assert book.auction.standing_bid(spent)[0] == scene.taker_account


def test_sweep__bid_without_margin__the_next_takes_its_place(book, scene, spent):
    scene.system.fund(scene.taker, 100_000)
    fitting = book.post(0)
    scene.price(1450)
    assert book.takers(book.sweep()) == [fitting]


def test_sweep__bid_that_cannot_pay_its_bond__leaves_no_loss(book, scene, spent, opener):
    scene.price(1300)
    account = book.account(spent)
    cash = scene.cash(account)
    assert scene.assessment(account).equity < 0
    book.sweep(sender=opener)
    assert book.auction.standing_bid(spent)[2] == 0
    assert (scene.cash(scene.system.account(opener)), scene.cash(account)) == (0, cash)


def test_sweep__bid_that_fails_otherwise__keeps_its_bond_and_its_place(book, scene, opener, lender):
    system = scene.system
    number = book.post(0, 20_000 * WAD, interval=0)
    other = system.fund(lender, 4_000)
    system.trade(lender, scene.maker, BTC, 1, 51_200)
    system.prices({BTC: 48_000})
    system.auction.sweep(other, 8, sender=scene.maker)
    assert system.position(book.account(number), BTC)[0] > 0
    # What it has taken has a price that is late.
    system.pass_time(20)
    scene.price_only(BREACH)
    with book.refused("auction: nothing swept"):
        book.sweep(sender=opener)


def test_try_slice__by_anybody__reverts(book, scene, attacker):
    scene.price(BREACH)
    account = scene.system.account(attacker)
    with book.refused("auction: not itself"):
        book.auction.try_slice(scene.account, account, WAD, -(10**20), 0, account, 0, sender=attacker)


def test_post__book_full__only_who_offers_more_gets_in(book, scene, auction):
    scene.system.fund(scene.taker, 1_000_000)
    numbers = [book.post(0, (100 + number) * WAD, interval=0) for number in range(64)]
    with book.refused("auction: book is full"):
        book.post(0, 100 * WAD, interval=0)
    more = book.post(50, 101 * WAD, interval=0)
    assert auction.standing_bid(numbers[0])[2] == 0
    assert auction.standing_bid(more)[2] != 0
    assert len(auction.standing_book()) == 64
    # Who was driven out gets its cash back.
    cash = scene.cash(scene.taker_account)
    auction.remove(numbers[0], sender=scene.taker)
    assert scene.cash(scene.taker_account) - cash == book.needed(100 * WAD, 0)
