from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.capital import InsufficientError, Ledger


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 100), st.booleans()), max_size=40))
def test_ledger__any_order_of_acts__never_reserves_more_than_there_is(acts: list[tuple[str, int, bool]]) -> None:
    ledger = Ledger()
    ledger.observe(150)
    held: dict[str, int] = {}
    for name, amount, is_release in acts:
        if is_release:
            ledger.release(name)
            held.pop(name, None)
        elif name not in held and amount <= 150 - sum(held.values()):
            ledger.reserve(name, amount)
            held[name] = amount
        else:
            with pytest.raises((InsufficientError, ValueError)):
                ledger.reserve(name, amount)
        assert ledger.reserved == sum(held.values()) <= 150
        assert ledger.free == 150 - ledger.reserved


def test_reserve__more_than_free__refused_and_nothing_bound() -> None:
    ledger = Ledger()
    ledger.observe(10)
    ledger.reserve("a", 6)
    with pytest.raises(InsufficientError, match="5 asked for, 4 free"):
        ledger.reserve("b", 5)
    assert ledger.reserved == 6


def test_observe__margin_falls_below_what_is_reserved__nothing_free() -> None:
    ledger = Ledger()
    ledger.observe(10)
    ledger.reserve("a", 6)
    ledger.observe(-3)
    assert ledger.free == 0
    with pytest.raises(InsufficientError, match="1 asked for, 0 free"):
        ledger.reserve("b", 1)


def test_restore__pending_bid_of_an_earlier_process__bound_whatever_the_margin() -> None:
    ledger = Ledger()
    ledger.restore("a", 6)
    ledger.observe(10)
    assert ledger.free == 4
    ledger.release("a")
    assert ledger.free == 10
