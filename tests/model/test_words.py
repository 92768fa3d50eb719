"""Packed words: what goes in comes out, nothing overlaps, and what does not fit is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.model.bits import Word
from keeper.model.orders import Slot
from keeper.model.words import (
    BUCKETS,
    PAIRS,
    Curve,
    Custody,
    Header,
    Indices,
    MarketBook,
    Parameters,
    Position,
    PriceWord,
    Risk,
    Run,
    Settings,
    SlowFeed,
    Terms,
    Totals,
)

PLAIN = [Header, Position, PriceWord, Indices, Totals, Custody, MarketBook, Settings, Run, Terms, Slot]
LAYOUTS = [*PLAIN, Parameters, SlowFeed, Risk]
# Fields whose range is narrower than their bits.
NARROW = {("Parameters", "bucket"): BUCKETS - 1, ("SlowFeed", "decimals"): 18}


def values_of(kind: type[Word]) -> st.SearchStrategy[dict[str, int]]:
    return st.fixed_dictionaries(
        {
            field.name: st.integers(field.lowest, NARROW.get((kind.__name__, field.name), field.highest))
            for field in kind.LAYOUT
        }
    )


@pytest.mark.parametrize("kind", [*PLAIN, Parameters, SlowFeed], ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_pack__any_values__unpack_to_the_same(kind, data):
    made = kind(**data.draw(values_of(kind)))
    assert kind.unpack(made.pack()) == made


@pytest.mark.parametrize("kind", LAYOUTS, ids=lambda kind: kind.__name__)
def test_layout__fields__fill_the_word_in_order_without_overlap(kind):
    end = 7 * len(PAIRS) if kind is Risk else 0
    for field in kind.LAYOUT:
        assert field.offset == end
        end = field.offset + field.width
    assert end <= 256


@pytest.mark.parametrize("kind", [*PLAIN, Parameters, SlowFeed], ids=lambda kind: kind.__name__)
def test_construct__value_out_of_range__names_the_field(kind):
    fitting = {field.name: 0 for field in kind.LAYOUT}
    for field in kind.LAYOUT:
        highest = NARROW.get((kind.__name__, field.name), field.highest)
        for value in (field.lowest - 1, highest + 1):
            with pytest.raises(ValueError, match=f"{kind.__name__}.{field.name}: {value} is not within"):
                kind(**(fitting | {field.name: value}))


@pytest.mark.parametrize("kind", [SlowFeed, Terms, Parameters], ids=lambda kind: kind.__name__)
def test_unpack__a_bit_above_the_layout__is_refused(kind):
    with pytest.raises(ValueError, match=f"{kind.__name__}: .* is not a word of"):
        kind.unpack(1 << 255)


def test_unpack__beyond_256_bits_or_negative__is_refused():
    for word in (-1, 1 << 256):
        with pytest.raises(ValueError, match=r"Header: .* is not a word of 256 bits"):
            Header.unpack(word)


def test_header__known_word__has_fields_where_the_contracts_put_them():
    assert Header(-1, 1 << 3, 1 << 63).pack() == (2**128 - 1) | 1 << 131 | 1 << 255
    assert Header.unpack(1 << 127).principal == -(2**127)


def test_price_word__known_word__has_fields_where_the_contracts_put_them():
    word = PriceWord(5, 7, -1, -2, 3, -4, -5, 6, 8, 9, 1).pack()
    expected = 5 | 7 << 48 | (2**72 - 1) << 54 | (2**20 - 2) << 126 | 3 << 146 | (2**16 - 4) << 162
    expected |= (2**9 - 5) << 178 | 6 << 187 | 8 << 219 | 9 << 239 | 1 << 255
    assert word == expected
    assert PriceWord.unpack(word).index == 5 << 7


@given(st.lists(st.integers(0, 100), min_size=28, max_size=28), st.integers(0, 2**14 - 1), st.integers(0, 2**16 - 1))
def test_risk__any_correlations__unpack_to_the_same_and_are_symmetric(rho, kappa, iota):
    risk = Risk(tuple(rho), kappa, iota, 2**24 - 1)
    assert Risk.unpack(risk.pack()) == risk
    for i in range(BUCKETS):
        assert risk.rho_at(i, i) == 100
        for j in range(BUCKETS):
            assert risk.rho_at(i, j) == risk.rho_at(j, i)


def test_risk__pairs__stand_in_the_order_of_the_contracts():
    rho = tuple(range(28))
    assert Risk(rho, 0, 0, 0).pack() == sum(percent << 7 * place for place, percent in enumerate(rho))
    assert (PAIRS[0, 1], PAIRS[0, 7], PAIRS[1, 2], PAIRS[6, 7]) == (0, 6, 7, 27)


def test_risk__correlation_above_one_or_missing__is_refused():
    with pytest.raises(ValueError, match=r"Risk.rho\(0,1\): 101"):
        Risk((101,) + (0,) * 27, 0, 0, 0)
    with pytest.raises(ValueError, match=r"Risk.rho: 27 correlations"):
        Risk((0,) * 27, 0, 0, 0)
    with pytest.raises(ValueError, match=r"Risk.rho\(0,1\): 127"):
        Risk.unpack(127)


def test_curve__known_points__unpack_to_the_same():
    curve = Curve(((0, 0), (60, 3500), (300, 7000)))
    assert curve.pack() == (60 << 48 | 3500 << 80) | (300 << 96 | 7000 << 128)
    assert Curve.unpack(curve.pack()) == curve


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (((0, 0), (0, 1), (2, 2)), r"points\[1\].seconds: times must rise"),
        (((0, 0), (1, 5), (2, 4)), r"points\[2\].bps: the curve must not fall"),
        (((0, 0), (1, 1), (2, 10_001)), r"points\[2\].bps: 10001"),
        (((0, 0), (1, 1), (2**32, 2)), r"points\[2\].seconds"),
    ],
)
def test_curve__points_out_of_order_or_range__are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        Curve(points)
