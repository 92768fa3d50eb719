from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeper.book.exact import Exact
from keeper.book.mirror import TABLES, Mirror, bits, slots
from keeper.book.store import Entry, UnreadableError
from keeper.chain.events import (
    AccountChanged,
    BookChanged,
    Event,
    OperatorSet,
    PricesUpdated,
    RunChanged,
    ShutDown,
    StandingChanged,
    StandingPosted,
)
from keeper.model.requirement import Holding
from keeper.model.words import Header, Position
from keeper.store.snapshots import freeze, pack, unpack
from tests.keeper.books import NOW, ORACLE, changed, mirror_of, random_holdings, set_up


def state(mirror: Mirror) -> dict[str, Any]:
    tables = {name: dict(getattr(mirror, name)) for name in TABLES}
    tables["accounts"] = dict(mirror.book.items())
    return {**tables, "at": (mirror.number, mirror.block_hash, mirror.time, mirror.base_fee)}


def random_event(rng: random.Random) -> Event:
    account = rng.randint(1, 5) << 96
    return rng.choice(
        [
            lambda: changed(account, rng.randint(-(10**20), 10**20), random_holdings(rng, 6)),
            lambda: RunChanged(account, rng.getrandbits(256)),
            lambda: PricesUpdated(1, 0b101, (rng.getrandbits(256), rng.getrandbits(256))),
            lambda: BookChanged(rng.randint(0, 5), rng.getrandbits(256)),
            lambda: StandingPosted(rng.randint(1, 4), account, rng.getrandbits(121), rng.getrandbits(256)),
            lambda: StandingChanged(rng.randint(1, 4), rng.choice([0, rng.getrandbits(256)])),
            lambda: OperatorSet(rng.randint(1, 3), rng.randint(1, 3), rng.random() < 0.5),
        ]
    )()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_rollback__any_events__restores_each_earlier_block(seed: int) -> None:
    rng = random.Random(seed)
    mirror = Mirror(64)
    states = [state(mirror)]
    for number in range(rng.randint(1, 12)):
        mirror.apply(number, f"{seed}-{number}", number, 0, [random_event(rng) for _ in range(rng.randint(0, 5))])
        states.append(state(mirror))
    while len(states) > 1:
        states.pop()
        mirror.rollback(states[-1]["at"][0])
        assert state(mirror) == states[-1]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_snapshot__any_state__comes_back(seed: int) -> None:
    rng = random.Random(seed)
    mirror = Mirror(8)
    mirror.apply(7, "0x07", 9, 11, [random_event(rng) for _ in range(30)])
    mirror.operators = {key: value for key, value in mirror.operators.items() if value}
    read = unpack(pack(freeze(mirror)), 8)
    assert state(read) == state(mirror)
    assert [read.book.account(row) for row in read.book.take_changed()] == [account for account, _ in read.book.items()]


def test_apply__some_words_changed__others_kept() -> None:
    mirror = Mirror(8)
    account = 1 << 96
    mirror.apply(1, "a", 1, 0, [changed(account, 5, {0: Holding(spot=7), 2: Holding(3, 4, 5), 9: Holding(size=1)})])
    header = Header(6, spots=0b101, perps=1 << 2).pack()
    event = AccountChanged(account, 6, header, 1 << 2 + 64 | 1 << 9 + 64, (Position(8, 9).pack(), 0))
    mirror.apply(2, "b", 2, 0, [event])
    assert mirror.entry(account) == Entry(header, (7, 3, Position(8, 9).pack()))


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (AccountChanged(1 << 96, 6, Header(0, spots=0b11).pack(), 0b1, (5,)), "its word was never told"),
        (AccountChanged(1 << 96, 6, Header(0, spots=0b1).pack(), 0b11, (5,)), "1 words for 2 changes"),
    ],
)
def test_apply__words_that_do_not_fit__refused_and_nothing_changed(event: Event, told: str) -> None:
    mirror = Mirror(8)
    mirror.apply(1, "a", 1, 0, [RunChanged(1, 1)])
    before = state(mirror)
    with pytest.raises(UnreadableError, match=told):
        mirror.apply(2, "b", 2, 0, [RunChanged(1, 2), event])
    assert state(mirror) == before


def test_apply__shut_down__nothing_is_ready_until_it_is_undone() -> None:
    mirror = mirror_of(*set_up({0: 10**18}))
    assert Exact(mirror, ORACLE, NOW).ready
    mirror.apply(2, "0x02", NOW + 2, 10**9, [ShutDown(NOW + 2)])
    ended = Exact(mirror, ORACLE, NOW + 2)
    assert (ended.ready, ended.shut_down) == (False, NOW + 2)
    kept = unpack(pack(freeze(mirror)), 8)
    assert not Exact(kept, ORACLE, NOW + 2).ready
    mirror.rollback(1)
    assert Exact(mirror, ORACLE, NOW).ready


def test_rollback__past_the_history__refused() -> None:
    mirror = Mirror(2)
    for number in range(1, 5):
        mirror.apply(number, str(number), number, 0, [])
    with pytest.raises(UnreadableError, match="block 1 is further back than the history kept"):
        mirror.rollback(1)


def test_rollback__account_changed__screened_again() -> None:
    mirror = Mirror(8)
    mirror.apply(1, "a", 1, 0, [changed(1 << 96, 5, {})])
    mirror.apply(2, "b", 2, 0, [changed(1 << 96, 6, {}), changed(2 << 96, 6, {})])
    mirror.book.take_changed()
    mirror.rollback(1)
    assert {mirror.book.account(row) for row in mirror.book.take_changed()} == {1 << 96, 2 << 96}


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_slots__any_maps__rising_markets_spot_first(spots: int, perps: int) -> None:
    order = slots(spots, perps)
    assert order == sorted(order)
    assert [market for market, is_position in order if not is_position] == bits(spots)
    assert [market for market, is_position in order if is_position] == bits(perps)


def test_is_allowed__owner_and_operators__nobody_else() -> None:
    mirror = Mirror(8)
    mirror.apply(1, "a", 1, 0, [OperatorSet(1, 2, True), OperatorSet(1, 3, True), OperatorSet(1, 3, False)])
    account = 1 << 96 | 5
    assert [mirror.is_allowed(account, caller) for caller in (1, 2, 3, 4)] == [True, True, False, False]
