"""What the limits count, in small: tests/gas/test_limits.py holds them against a node."""

from __future__ import annotations

import pytest

from keeper.decide.match import GAS_FILL_MARKET, GAS_MATCH_MARKET, fill_gas, match_gas
from keeper.decide.offer import GAS_LOT, GAS_LOT_MARKET, GAS_LOT_WORD, lot_gas
from keeper.decide.sight import GAS_ACCOUNT, GAS_FIXED, GAS_MARKET, GAS_SEVERAL, GAS_WORD, gas_of
from keeper.decide.sweep import GAS_PART, GAS_PART_MARKET, GAS_PLACE, GAS_SWEEP, sweep_gas
from keeper.model.requirement import Holding
from tests.keeper.books import WAD, changed, exact_of, set_up

PRICE = 2_000
LONG = Holding(0, WAD, PRICE * WAD)
BOTH = Holding(WAD, WAD, PRICE * WAD)
ONE, TWO = 1 << 96, 2 << 96
SIGHTED = GAS_ACCOUNT + GAS_MARKET


@pytest.mark.parametrize(
    ("cash", "holdings", "gas"),
    [
        (110, {0: LONG}, SIGHTED),
        (-1_800, {0: BOTH}, SIGHTED + GAS_WORD),
        (200, {0: LONG, 1: LONG}, SIGHTED + GAS_MARKET + GAS_SEVERAL),
    ],
)
def test_gas_of__account__markets_second_words_and_correlations(cash, holdings, gas) -> None:
    exact = exact_of(*set_up({0: PRICE * WAD, 1: PRICE * WAD}), changed(ONE, cash * WAD, holdings))
    assert gas_of(exact, [ONE]) == GAS_FIXED + gas


def test_gas_of__several_accounts__what_is_fixed_once() -> None:
    events = [changed(account, 110 * WAD, {0: LONG}) for account in (ONE, TWO)]
    assert gas_of(exact_of(*set_up({0: PRICE * WAD}), *events), [ONE, TWO]) == GAS_FIXED + 2 * SIGHTED


def test_lot_gas__market_in_spot_and_perpetual__has_two_words() -> None:
    exact = exact_of(*set_up({0: PRICE * WAD, 1: PRICE * WAD}), changed(ONE, 0, {0: BOTH, 1: LONG}))
    assert lot_gas(exact, ONE) == GAS_LOT + 2 * GAS_LOT_MARKET + GAS_LOT_WORD


def test_sweep_gas__counts_the_book_and_each_part() -> None:
    assert sweep_gas(3, 5, 2) == GAS_SWEEP + 5 * GAS_PLACE + 2 * (GAS_PART + 3 * GAS_PART_MARKET)


def test_fill_gas__markets_of_both_sides__count_alike() -> None:
    assert fill_gas(16, 1) == fill_gas(1, 16) == fill_gas(1, 0) + 16 * GAS_FILL_MARKET
    assert match_gas(16) == match_gas(1) + 15 * GAS_MATCH_MARKET
