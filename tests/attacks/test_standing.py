"""Standing bids are backed, are their owner's, and make room for nobody who offers no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.sales import alone, pair, sweep, watch
from tests.attacks.scene import BTC, ETH, WAD, Scene
from tests.mutants.mutant import Edit

CAPACITY = 50_000
"""Of the honest bid: it takes all there is to take here."""
PLACES = 64
PRICE = st.floats(1_860, 1_895)


def bid_of(scene: Scene, who: str, tick: int, capacity: float, cash: float, markets: int = 1 << ETH) -> tuple[int, ...]:
    """Arguments of `post`, for a wallet's account 0."""
    return (scene.account(who), tick, int(capacity * WAD), 1, markets, 10_000, int(cash * WAD))


def honest(scene: Scene) -> None:
    """The lender's bid, at the first tick."""
    scene.do(scene.auction, "post", *bid_of(scene, "lender", 0, CAPACITY, 85_000), by="lender")


@defence(
    "bids-on-credit",
    "8: backstop takers post on-chain: a dedicated sub-account whose margin is reserved",
    Edit(
        "Auction.vy",
        "minimum, markets, max_interval, cash)\n    self._require_initial(taker)\n",
        "minimum, markets, max_interval, cash)\n",
    ),
)
@search
@given(price=PRICE, own=st.floats(1, 30), capacity=st.integers(100, CAPACITY), tick=st.integers(1, 20))
def test_post__of_cash_that_is_only_owed__takes_nothing(
    scene: Scene, price: float, own: float, capacity: int, tick: int
):
    """A debt of the poster's with nothing behind it is cash of its bid's: what λ gives, for nothing."""
    with scene.trial():
        scene.deposit("attacker", 0, own)
        victim = scene.in_breach(price)
        before = scene.equity("attacker", 0)
        scene.attempt(scene.auction, "post", *bid_of(scene, "attacker", tick, capacity, 1.6 * capacity + 5))
        watch(scene, victim, 60)
        sweep(scene, victim, by="attacker")
        bid = int(scene.auction.address, 16) << 96 | 1
        no_gain(scene.equity("attacker", 0) + scene.worth(bid) - before)


@defence(
    "bids-on-money-of-a-batch",
    "8: standing bids whose margin is reserved; 2: batch is checked once per account, at its end",
    Edit(
        "modules/standing.vy",
        "    payer: IRiskEngine.Assessment = staticcall sightings.CLEARINGHOUSE.assess(taker)\n",
        "",
    ),
    Edit("modules/standing.vy", "_STAY: constant(uint256) = 600", "_STAY: constant(uint256) = 0"),
)
@settings(search, max_examples=5)
@given(price=PRICE, tick=st.integers(1, 70), capacity=st.integers(CAPACITY + 1, 60_000))
def test_book__filled_and_emptied_in_a_batch__keeps_the_honest_bid(
    scene: Scene, price: float, tick: int, capacity: int
):
    """Within a batch cash may be owed that nothing backs, and be there again at its end. Nobody posts in one."""
    with scene.trial():
        honest(scene)
        taker, victim = scene.deposit("attacker", 1, 80_000), scene.in_breach(price)
        before = scene.equity("attacker", 0, 1)
        bid = bid_of(scene, "attacker", tick, capacity, 1.6 * capacity + 10)
        posts = [(scene.auction, "post", bid) for _ in range(PLACES)]
        calls = posts + [(scene.auction, "remove", (2 + place,)) for place in range(PLACES)]
        said = scene.refusal(scene.batch, "batch", [scene.account("attacker")], [scene.step_call(*calls)])
        alone(scene, victim, taker)
        no_gain(scene.equity("attacker", 0, 1) - before)
        assert said == "clearinghouse: in a batch"


@pytest.fixture
def crowded(scene: Scene) -> Iterator[Scene]:
    """A full book in which everybody offers as much: others in another market, and last the honest bid."""
    with scene.trial():
        scene.deposit("maker", 0, 10_000_000)
        for _ in range(PLACES - 1):
            scene.do(scene.auction, "post", *bid_of(scene, "maker", 5, CAPACITY, 85_000, 1 << BTC), by="maker")
        honest(scene)
        yield scene


@defence(
    "place-for-whoever-comes",
    "8: standing bids: who offers more takes the place of who offers least",
    Edit("modules/standing.vy", 'assert capacity > least >> 32, "auction: book is full"', "pass"),
)
@search
@given(price=PRICE, capacity=st.floats(0.001, CAPACITY))
def test_post__on_a_full_book_with_no_more_than_the_least__drives_nobody_out(
    crowded: Scene, price: float, capacity: float
):
    """In the honest bid's place stands one that takes nothing here."""
    with crowded.trial():
        taker = crowded.deposit("attacker", 0, 200_000)
        victim = crowded.in_breach(price)
        before = crowded.equity("attacker", 0)
        cash = 1.6 * capacity + 100
        if crowded.attempt(crowded.auction, "post", *bid_of(crowded, "attacker", 0, capacity, cash, 1 << BTC)):
            before -= cash
        alone(crowded, victim, taker)
        no_gain(crowded.equity("attacker", 0) - before)


@defence(
    "bids-removed-by-anybody",
    "8: standing bids are their taker's",
    Edit(
        "Auction.vy",
        '    assert taker != 0, "auction: no standing bid"\n    self._check_allowed(taker)\n',
        '    assert taker != 0, "auction: no standing bid"\n',
    ),
)
@search
@given(price=PRICE, wait=st.integers(300, 10_000))
def test_remove__of_another_ones_bid__is_refused(scene: Scene, price: float, wait: int):
    """Without the honest bid the attacker is alone with what λ has risen to."""
    with scene.trial():
        honest(scene)
        scene.at(2 * wait)
        scene.prices()
        taker, victim = scene.deposit("attacker", 0, 100_000), scene.in_breach(price)
        before = scene.equity("attacker", 0)
        scene.attempt(scene.auction, "remove", 1)
        alone(scene, victim, taker)
        no_gain(scene.equity("attacker", 0) - before)


@defence(
    "bids-that-are-never-reached",
    "8: when λ reaches a tick anyone may sweep: one that λ never reaches is refused",
    Edit(
        "modules/standing.vy",
        "tick <= _TICKS and tick * 100 <= (curve >> _LAST_LAMBDA_AT) & (2**16 - 1)",
        "tick <= _TICKS and curve != 0",
    ),
)
@settings(search, max_examples=5)
@given(price=PRICE, tick=st.integers(66, 100), later=st.floats(1_600, 1_750))
def test_book__filled_with_bids_at_ticks_that_are_never_reached__keeps_the_honest_one(
    scene: Scene, price: float, tick: int, later: float
):
    """All of them backed, and none of them ever at any risk. What lenders lose by an account that nobody takes while
    its price falls, which the attacker's other account has won of it."""
    with scene.trial():
        honest(scene)
        scene.deposit("attacker", 2, 6_000_000)
        bid = (scene.account("attacker", 2), *bid_of(scene, "attacker", tick, CAPACITY + 1, 85_000)[1:])
        for _ in range(PLACES):
            if not scene.attempt(scene.auction, "post", *bid):
                break
        bad, _ = pair(scene, 10, 2_000)
        scene.prices({ETH: price})
        watch(scene, bad, 300)
        while price > later:
            sweep(scene, bad)
            price -= 40
            scene.prices({ETH: price})
        no_gain(-scene.worth(bad))


@defence(
    "bids-without-the-least-of-many-markets",
    "8: standing bids whose margin is reserved; one that lacks its margin pays the sweeper: not one that lost nothing",
    Edit("modules/standing.vy", "max(capacity, least) * (10 * iota", "(capacity + 0 * least) * (10 * iota"),
)
@search
@given(capacity=st.integers(5, 80), fall=st.floats(110, 130), seconds=st.integers(3, 30))
def test_sweep__of_an_account_in_many_markets__takes_no_honest_bond(
    scene: Scene, capacity: int, fall: float, seconds: int
):
    """A small part of an account wants the least requirement of each of its markets. The honest bid has the least cash
    that it may be posted with."""
    with scene.trial():
        markets = 1 << ETH | 1 << BTC | 1 << 3 | 1 << 4
        least = 1.5 * capacity + 5
        for cash in (least + capacity / 10, least + 120, 2 * least + 200):
            if scene.attempt(scene.auction, "post", *bid_of(scene, "lender", 2, capacity, cash, markets), by="lender"):
                break
        account, other = pair(scene, 2, 310)
        for market in (BTC, 3, 4):
            scene.do(scene.house, "deposit_spot", account, market, 1)
        scene.prices({ETH: 2_000 - fall})
        before = scene.equity("attacker", 0, 1)
        watch(scene, account, 2 * seconds)
        sweep(scene, account, by="attacker")
        assert other
        no_gain(scene.equity("attacker", 0, 1) - before)
