from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeper.book.exact import Exact
from keeper.book.mirror import slots
from keeper.book.near import Watch
from keeper.book.rows import USED
from keeper.book.store import EMPTY, Book, Entry, UnreadableError, packed
from keeper.book.warm import MACHINE, warm_up
from keeper.chain.events import AccountChanged, changes_of
from keeper.model.requirement import Holding
from keeper.model.words import Header
from tests.keeper.books import NOW, ORACLE, WAD, changed, mirror_of, random_holdings, set_up

LOW_64 = (1 << 64) - 1


def merged(old: Entry, event: AccountChanged) -> Entry:
    """What a book must make of a change, in plain words."""
    new = dict(zip(slots(old.spots, old.perps), old.words, strict=True))
    new.update(zip(slots(event.changed & LOW_64, event.changed >> 64), event.words, strict=True))
    held = slots(event.header >> 128 & LOW_64, event.header >> 192)
    return Entry(event.header, tuple(new[place] for place in held))


def random_change(rng: random.Random, old: Entry, account: int, markets: int) -> AccountChanged:
    """Some markets taken up, some left, some changed; words of all magnitudes."""
    before = set(slots(old.spots, old.perps))
    possible = [(market, side) for market in range(markets) for side in (False, True)]
    taken_up = set(rng.sample(possible, rng.randint(0, min(6, len(possible)))))
    left = {place for place in before if rng.random() < rng.choice([0.1, 0.5, 1.0])}
    told = sorted(taken_up | left | {place for place in before if rng.random() < 0.3})
    held = (before - left) | taken_up
    header = Header(rng.randint(-(2**127), 2**127 - 1), *maps_of(held)).pack()
    spots, perps = maps_of(told)
    words = tuple(rng.getrandbits(256) if place in held else 0 for place in told)
    return AccountChanged(account, rng.randint(0, 9), header, spots | perps << 64, words)


def maps_of(places: object) -> tuple[int, int]:
    maps = [0, 0]
    for market, side in places:  # type: ignore[attr-defined]
        maps[side] |= 1 << market
    return maps[0], maps[1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_apply__any_changes__every_word_as_a_plain_table_has_it(seed: int) -> None:
    rng = random.Random(seed)
    markets = rng.choice([1, 3, 16, 64])
    accounts = [rng.getrandbits(256) for _ in range(rng.randint(1, 40))]
    book, plain = Book(), dict.fromkeys(accounts, EMPTY)
    history: list[tuple[object, dict[int, Entry]]] = []
    for _ in range(rng.randint(1, 30)):
        before = dict(plain)
        events = []
        for _ in range(rng.randint(1, 20)):
            account = rng.choice(accounts)
            events.append(random_change(rng, plain[account], account, markets))
            plain[account] = merged(plain[account], events[-1])
        history.append((book.apply(changes_of(events)), before))
        while history and rng.random() < 0.3:
            undo, plain = history.pop()
            book.undo(undo)  # type: ignore[arg-type]
        assert {account: book.entry(account) for account in accounts} == plain
    assert dict(book.items()) == {account: entry for account, entry in plain.items() if entry.header}


def test_row__thousands_of_accounts__each_found_and_none_that_is_not_there() -> None:
    rng = random.Random(5)
    owners = [rng.getrandbits(160) for _ in range(50)]
    accounts = sorted({rng.choice(owners) << 96 | rng.randint(0, 500) for _ in range(5_000)})
    book = Book()
    for first in range(0, len(accounts), 700):
        book.apply(changes_of([changed(a, a % 977 + 1, {}) for a in accounts[first : first + 700]]))
    assert [book.account(book.row(account)) for account in accounts] == accounts
    strangers = set(range(1, 3_000)) - set(accounts)
    assert all(book.row(account) == -1 for account in strangers)
    assert book.entry(7) == EMPTY


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (AccountChanged(9, 6, Header(0, spots=0b11).pack(), 0b1, (5,)), "0x9: market 1 is held but its word"),
        (AccountChanged(9, 6, Header(0, perps=0b1).pack(), 0b1, (5,)), "0x9: market 0 is held but its word"),
        (AccountChanged(9, 6, Header(0, spots=0b1).pack(), 0b11, (5,)), "0x9: 1 words for 2 changes"),
        (AccountChanged(9, 6, Header(0, spots=0b1).pack(), 0b1, (5, 6)), "0x9: 2 words for 1 changes"),
    ],
)
def test_apply__one_change_of_many_does_not_fit__none_is_taken(event: AccountChanged, told: str) -> None:
    rng = random.Random(3)
    book = Book()
    first = [changed(account, 5, random_holdings(rng, 16)) for account in range(1, 30)]
    book.apply(changes_of(first))
    before = dict(book.items())
    second = [changed(account, 6, random_holdings(rng, 16)) for account in range(20, 60)]
    with pytest.raises(UnreadableError, match=told):
        book.apply(changes_of([*second, event, *first]))
    assert dict(book.items()) == before


def test_apply__rows_that_outgrow_their_places__others_get_them() -> None:
    book = Book()
    four = {market: Holding(spot=market + 1) for market in range(4)}
    eight = {market: Holding(spot=market + 1) for market in range(8)}
    book.apply(changes_of([changed(account, 1, four) for account in range(1, 101)]))
    assert book.columns.counts[USED] == 400
    book.apply(changes_of([changed(account, 1, eight) for account in range(1, 101)]))
    assert book.columns.counts[USED] == 1_200
    book.apply(changes_of([changed(account, 1, four) for account in range(101, 201)]))
    assert book.columns.counts[USED] == 1_200
    assert book.entry(5).words == tuple(range(1, 9))
    assert book.entry(105).words == (1, 2, 3, 4)


def test_take_changed__since_asked_last__rows_of_changes_and_of_what_was_taken_back() -> None:
    book = Book()
    book.apply(changes_of([changed(1, 5, {}), changed(2, 5, {})]))
    assert list(book.take_changed()) == [0, 1]
    assert list(book.take_changed()) == []
    undo = book.apply(changes_of([changed(2, 6, {}), changed(3, 6, {})]))
    book.take_changed()
    book.undo(undo)
    assert list(book.take_changed()) == [1, 2]


def test_take_changed__many_blocks__each_row_once() -> None:
    book = Book()
    for turn in range(1_000):
        book.apply(changes_of([changed(turn % 3 + 1, turn + 1, {})]))
    assert list(book.take_changed()) == [0, 1, 2]


def test_unpacked__emptied_accounts__have_no_row_any_more() -> None:
    rng = random.Random(4)
    book = Book()
    book.apply(changes_of([changed(account, 5, random_holdings(rng, 64)) for account in range(1, 50)]))
    book.apply(changes_of([changed(account, 0, {}) for account in range(1, 50, 2)]))
    again = Book.unpacked(*packed(book.copied()))
    assert len(again) == 24
    assert dict(again.items()) == dict(book.items())
    again.apply(changes_of([changed(account, 7, random_holdings(rng, 64)) for account in range(1, 50)]))
    assert len(again) == 49


def test_unpacked__words_missing__refused() -> None:
    book = Book()
    book.apply(changes_of([changed(1, 5, random_holdings(random.Random(1), 16))]))
    ids, headers, words = packed(book.copied())
    with pytest.raises(UnreadableError, match="do not belong together"):
        Book.unpacked(ids, headers, words[:-1])


def test_copied__book_goes_on__copy_stays() -> None:
    book = Book()
    book.apply(changes_of([changed(1, 5, {})]))
    kept = book.copied()
    book.apply(changes_of([changed(1, 6, {}), changed(2, 6, {})]))
    ids, headers, _ = packed(kept)
    assert (len(ids), int(headers[0, 0])) == (1, 5)


def test_warm_up__all_that_a_head_needs__nothing_is_compiled_later() -> None:
    warm_up()
    made = {function.__name__: len(function.signatures) for function in MACHINE}
    assert made
    rng = random.Random(2)
    mirror = mirror_of(*set_up({0: 2_000 * WAD, 1: 3 * WAD}))
    watch = Watch(mirror.book)
    watch.select(Exact(mirror, ORACLE, NOW))
    mirror.apply(2, "2", NOW, 0, [changed(a << 96, -(10**20), random_holdings(rng, 2)) for a in range(1, 3_000)])
    watch.select(Exact(mirror, ORACLE, NOW))
    watch.select(Exact(mirror, ORACLE, NOW + 3))
    mirror.rollback(1)
    watch.renew(Exact(mirror, ORACLE, NOW))
    Book.unpacked(*packed(mirror.book.copied()))
    mirror.entry(1)
    assert {function.__name__: len(function.signatures) for function in MACHINE} == made


def test_limbs__same_words_either_way() -> None:
    rng = random.Random(6)
    words = tuple(rng.getrandbits(256) for _ in range(4))
    changes = changes_of([AccountChanged(rng.getrandbits(256), 1, 2, 0, words)])
    assert changes.words.dtype == np.uint64
    assert int.from_bytes(changes.words[6:].tobytes(), "little") == sum(
        word << 256 * at for at, word in enumerate(words)
    )
