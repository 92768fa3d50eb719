"""
Where a contract computes in another form than the model, both give the same integer: proven, as the proofs are the
model's.

The contract's functions run from their source (vyper_source.py), on the same unknown numbers as the model's. A
contract that reverts where a number leaves its type has no result there; its unchecked operations are
test_unchecked.py's.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import z3

from keeper.model import interest, trading
from keeper.model.requirement import Holding
from keeper.model.rounding import WAD, ceil_div
from keeper.model.words import Indices
from tests.proofs import unchecked as bounds
from tests.proofs.symbolic import Claim, Int, counterexample, refuted, term
from tests.proofs.unchecked import money, signed, word
from tests.proofs.vyper_source import load


def plain(value: Any) -> Any:
    """The same number without Vyper's arithmetic."""
    return Int(value.term) if isinstance(value, Int) else value


def same(code: Any) -> tuple[str, z3.ModelRef] | None:
    """Where pairs of contract and model differ."""

    def claims(pairs: Any):
        for place, (contract, model) in enumerate(pairs):
            yield Claim(f"pair {place}", term(contract) == term(model))

    return counterexample(code, claims)


def indices(carried: SimpleNamespace) -> Indices:
    return Indices(plain(carried.supply), plain(carried.borrow), 0)


def divisions():
    a, b = signed("a", 2**255 - 1), signed("b", 2**255 - 1, 1)
    module = bounds.rounding()
    return [(module.floor_div(a, b), plain(a) // plain(b)), (module.ceil_div(a, b), ceil_div(plain(a), plain(b)))]


def unsigned_ceil():
    a, b = word("a"), word("b", least=1)
    return [(bounds.rounding().ceil_udiv(a, b), ceil_div(plain(a), plain(b)))]


def cash():
    carried, principal = money(), signed("principal", 2**127)
    found = bounds.interest().cash_of(principal, carried.supply, carried.borrow)
    return [(found, interest.cash_of(plain(principal), indices(carried)))]


def renewed():
    carried, principal, change = money(), signed("principal", 2**127), signed("change", 2**250)
    after, found = bounds.interest().changed(carried, principal, change)
    if change == 0:
        return [(found, plain(principal)), (after.positive, carried.positive), (after.negative, carried.negative)]
    worth = interest.cash_of(plain(principal), indices(carried)) + plain(change)
    mine = interest.principal_of(worth, indices(carried))
    old, zero = plain(principal), Int(z3.IntVal(0))
    positive = plain(carried.positive) - max(old, zero) + max(mine, zero)
    return [
        (found, mine),
        (after.positive, positive),
        (after.negative, plain(carried.negative) - max(-old, zero) + max(-mine, zero)),
    ]


def value():
    size, cost, unit = signed("size", 2**127), signed("cost", 2**127), signed("unit", bounds.NET_MARK)
    found = load("ledger", rounding=bounds.rounding(), refusal=bounds.REFUSAL).value_of(size, cost, unit)
    return [(found, trading.unsettled(Holding(0, plain(size), plain(cost)), SimpleNamespace(p_star=plain(unit))))]


def halves():
    scaled = signed("scaled", 2**255 - 1)
    module = load("requirement", rounding=bounds.rounding())
    exposure = signed("exposure", 2**200)
    away = ceil_div(plain(exposure), 10**32) if exposure > 0 else plain(exposure) // 10**32
    return [(module._floor_of_wad(scaled), plain(scaled) // WAD), (module._rounded(exposure), away)]


FORMS = {
    "rounding.floor_div and ceil_div": divisions,
    "rounding.ceil_udiv": unsigned_ceil,
    "interest.cash_of": cash,
    "interest.changed": renewed,
    "ledger.value_of": value,
    "requirement._floor_of_wad and _rounded": halves,
}


@pytest.mark.parametrize("form", FORMS)
def test_form__of_the_contract__is_the_models_to_the_wei(form):
    assert same(FORMS[form]) is None


def test_form__that_truncates__is_refuted():
    def truncated():
        a = signed("a", 2**255 - 1)
        return [(a // WAD, plain(a) // WAD)]

    assert same(truncated) is not None


# Forms that are one line of a contract each, as integers.

A, B, C, D = z3.Ints("a b c d")


def test_ramp__in_two_parts__is_the_whole_truncated():
    """requirement.vy `_on_the_way`: d // n · k + d % n · k // n is d·k // n, for a distance d of one sign (both
    truncate)."""
    q, r = z3.Ints("q r")
    whole, part = z3.Ints("whole part")
    facts = [A >= 0, B > 0, C >= 0, q * B + r == A, r >= 0, r < B]
    facts += [
        part * B <= r * C,
        r * C < part * B + B,
        whole * B <= A * C,
        whole * B + B > A * C,
        q * B * C + r * C == A * C,
    ]
    assert refuted(facts, whole == q * C + part) is None
    assert refuted(facts, whole == q * C) is not None


def test_reserve__earned_less_passed_on__is_the_models():
    """interest.vy `load` adds before it subtracts, and adds WAD − 1 to round up: nothing else differs."""
    assert refuted([A >= 0], (A + WAD - 1) / WAD == -((-A) / WAD)) is None
    assert (
        refuted([], z3.If(A + B > C + D, A + B - (C + D), 0) == z3.If((A - C) - (D - B) > 0, (A - C) - (D - B), 0))
        is None
    )


def test_band__as_two_prices__is_the_models_distance():
    """trading.vy `_checked` compares with index ± band·index // 1e4, the model |price − index|·1e4 with band·index."""
    band, whole = z3.Ints("band whole")
    facts = [whole * 10_000 <= band, band < whole * 10_000 + 10_000]
    model = z3.And(band >= (A - B) * 10_000, band >= (B - A) * 10_000)
    assert refuted(facts, z3.And(B + whole >= A, B - whole <= A) == model) is None
    assert refuted(facts, z3.And(B + whole > A, B - whole <= A) == model) is not None


def test_health__clamped_before_or_after_the_division__is_the_same():
    """margin.vy `relieves`: min(max(E, 0)·WAD // mm, WAD) is clamp(E·WAD // mm, 0, WAD)."""
    q, p = z3.Ints("q p")
    most = z3.If(A > 0, A, 0)
    facts = [B > 0, q * B <= A * WAD, q * B + B > A * WAD, p * B <= most * WAD, most * WAD < p * B + B]
    clamped = z3.If(q < 0, 0, z3.If(q > WAD, WAD, q))
    assert refuted(facts, z3.If(p > WAD, WAD, p) == clamped) is None
    assert refuted(facts, z3.If(p > WAD, WAD, p) == q) is not None


def test_open_interest__that_cancels__is_the_models_change():
    """slicing.vy `_move_position`: what cancels of |taker's| and |part| is what the model's four sizes sum to."""
    size, part, taker = z3.Ints("size part taker")

    def magnitude(value: z3.ArithRef) -> z3.ArithRef:
        return z3.If(value < 0, -value, value)

    within = [z3.Or(z3.And(part >= 0, part <= size), z3.And(part <= 0, part >= size))]
    cancelled = magnitude(taker) + magnitude(part) - magnitude(taker + part)
    model = magnitude(size - part) + magnitude(taker + part) - magnitude(size) - magnitude(taker)
    assert refuted(within, -cancelled == model) is None
    assert refuted([], -cancelled == model) is not None


def test_exposures__whose_magnitudes_sum_to_x__have_squares_within_x_squared():
    """requirement.vy `_form`: one bucket more, by induction; so each of its sums is at most X², and Q < 5e74 with X
    = 2.1e34."""
    total, squares, pairs, x = z3.Reals("total squares pairs x")
    before = [total >= 0, x >= 0, squares <= total * total, pairs * 2 <= total * total]
    after = (total + x) * (total + x)
    assert refuted(before, squares + x * x <= after) is None
    assert refuted(before, 2 * (pairs + x * total) <= after) is None
    assert refuted(before, squares + x * x <= total * total) is not None
