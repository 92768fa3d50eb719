"""
The requirement: rounded against the account, and a norm, so that merging accounts never needs more.

What the model computes is proven on integers without bounds. That its root is a norm is proven over the reals, step
by step, as docs/maths.md (section 2) derives it; the steps are put together on paper:

1. A form Sᵀ ρ S that is nowhere below 0 keeps Cauchy's inequality (`test_form__…`), so its root is subadditive. That
   ρ is such a form is what the contract's factorisation refuses otherwise (tests/unit/modules).
2. P and −N are sums of positive parts, which are subadditive (`test_sides__…`).
3. R is the root of a sum of squares of subadditive numbers not below 0; two at a time they make another such number
   (`test_squares__…`), so by induction all do: (u x)² of each market, P², N², and the form, each times a weight not
   below 0.
4. Rounding the root up keeps it subadditive (`test_root__…`), and so does the larger of it and the floor
   (`test_floor__…`).

Rounding of the exposures before they are squared moves R by less than tests/model/test_subadditivity.py allows.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import pytest
import z3

from keeper.model import requirement
from keeper.model.requirement import Holding
from keeper.model.rounding import BPS, WAD
from keeper.model.words import PAIRS
from tests.proofs.symbolic import Claim, counterexample, ints, isqrt, refuted, term
from tests.proofs.twin import broken, without

# What the model computes


def totalled(module: ModuleType):
    square, gross = ints("square gross")

    def run():
        whole, charge = module._total(square, gross), module._total(0, gross)
        return whole - charge, charge

    def claims(result):
        root, charge = map(term, result)
        unit = 10**6
        yield Claim(
            "the root is not below the exact one", z3.Or(square.term <= 0, root * root >= square.term * unit**2)
        )
        yield Claim(
            "and less than a unit above it",
            z3.Or(square.term <= 0, (root - unit) * (root - unit) < square.term * unit**2),
        )
        yield Claim("a form below 0 counts as 0", z3.Or(square.term > 0, root == 0))
        yield Claim("so with the charge", z3.And(charge * 10**23 >= gross.term, (charge - 1) * 10**23 < gross.term))

    with without(module, isqrt=isqrt):
        return counterexample(run, claims, gross.term >= 0)


def test_total__of_any_square_and_charge__is_rounded_up():
    assert totalled(requirement) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [("isqrt(square - 1) + 1", "isqrt(square)"), ("ceil_div(gross, _E23)", "gross // _E23")],
)
def test_total__rounded_down__is_refuted(old, new):
    assert totalled(broken(requirement, old, new)) is not None


def squared(module: ModuleType):
    """Three buckets; the code treats all of them alike."""
    totals, own, kappa = ints("x y z"), *ints("idiosyncratic kappa")
    pairs = dict(zip(((0, 1), (0, 2), (1, 2)), ints("rho_01 rho_02 rho_12"), strict=True))
    # Of the pairs among the first three buckets; the others are not asked for.
    risk = SimpleNamespace(kappa=kappa, rho={PAIRS[pair]: correlation for pair, correlation in pairs.items()})

    def run():
        result = module._square(own, totals, risk)
        # Away from zero; nothing of what is 0.
        sides = [-(-total // 10**32) if total > 0 else total // 10**32 for total in totals]
        longs = sum(side for side, total in zip(sides, totals, strict=True) if total > 0)
        shorts = sum(side for side, total in zip(sides, totals, strict=True) if total < 0)
        return result, sides, longs, shorts

    def claims(found):
        result, (x, y, z), longs, shorts = found
        xy, xz, yz = (pairs[pair] for pair in sorted(pairs))
        form = 100 * (x * x + y * y + z * z) + 2 * (xy * x * y + xz * x * z + yz * y * z)
        sides = 100 * kappa * (longs * longs + shorts * shorts)
        exact = 10**6 * own + (BPS - kappa) * form + sides
        yield Claim("Q is the form", z3.simplify(term(result - exact), som=True) == 0)

    return counterexample(run, claims)


def test_square__of_any_exposures__is_the_quadratic_form():
    assert squared(requirement) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("100 * own + 2 * cross", "100 * own + cross"),
        ("positive * positive + negative * negative", "(positive + negative) * positive"),
        ("for other, before in buckets:", "for other, before in buckets[1:]:"),
    ],
)
def test_square__broken__is_refuted(old, new):
    assert squared(broken(requirement, old, new)) is not None


def measured(module: ModuleType, *assumed: z3.BoolRef):
    """An account with one market: each figure against what it is without rounding."""
    cash, spot, size, cost = ints("cash spot size cost")
    index, p_star, up, down, faded_up, faded_down, s, u, g, iota, least = ints(
        "index p up down fup fdown s u g iota least"
    )
    reading = SimpleNamespace(
        state=0, index=index, p_star=p_star, up=up, down=down, up_faded=faded_up, down_faded=faded_down
    )
    parameters = SimpleNamespace(s=s, u=u, g=g, bucket=0, ramp_end=0)
    parameters.at = lambda now: parameters
    risk = SimpleNamespace(kappa=2_500, iota=iota, min_requirement=least, rho=(0,) * len(PAIRS))

    def run():
        return module._measure(
            cash, {0: Holding(spot, size, cost)}, lambda market: (reading, parameters), module.Shared(risk)
        )

    def claims(it):
        worth = spot.term * index.term + size.term * p_star.term
        exact = (cash.term - cost.term) * WAD + worth
        equity = term(it.equity) * WAD
        held = z3.Or(spot.term != 0, size.term != 0, cost.term > 0)
        yield Claim(
            "equity is rounded down, less than a wei", z3.Implies(held, z3.And(equity <= exact, equity > exact - WAD))
        )
        exposure = (spot.term + size.term) * index.term
        lose = z3.If(exposure > 0, exposure * down.term, -exposure * up.term)
        gain = z3.If(exposure > 0, exposure * faded_up.term, -exposure * faded_down.term)
        yield Claim("what may be lost is rounded up", z3.Implies(held, term(it.down) * 10**23 >= lose))
        yield Claim("what may be gained down", z3.Implies(held, term(it.up) * 10**23 <= gain))
        yield Claim("initial margin up", term(it.im) * BPS >= term(it.mm) * iota.term)
        yield Claim("the requirement is at least its floor", term(it.mm) >= term(it.floor))
        yield Claim("which is one market's", term(it.floor) == least.term * 10**16)

    with without(module, isqrt=isqrt):
        return counterexample(
            run,
            claims,
            index.term > 0,
            *(z3.Int(name) >= 0 for name in ["spot", "up", "down", "fup", "fdown", "s", "u", "g", "iota", "least"]),
            *assumed,
        )


FIXED = tuple(
    z3.Int(name) == value
    for name, value in {
        "index": 3 * WAD + 1,
        "p": 3 * WAD - 7,
        "up": 300,
        "down": 100,
        "fup": 70,
        "fdown": 30,
        "s": 0,
        "u": 0,
        "g": 1_301,
        "iota": 15_001,
        "least": 1,
    }.items()
)
"""A market in which a broken twin is looked for: with it all is linear."""


def test_assessment__of_any_account__is_rounded_against_it():
    assert measured(requirement) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ceil_div(worse, _E23)", "worse // _E23"),
        ("better // _E23", "ceil_div(better, _E23)"),
        ("ceil_div(max(mm, later) * risk.iota, BPS)", "max(mm, later) * risk.iota // BPS"),
        ("equity = cash - costs + value // WAD", "equity = cash - costs + ceil_div(value, WAD)"),
        ("worse -= exposure * reading.up", "worse -= exposure * reading.down"),
    ],
)
def test_assessment__rounded_for_it__is_refuted(old, new):
    assert measured(broken(requirement, old, new), *FIXED) is not None


# That it is a norm


def test_form__nowhere_below_0__keeps_cauchys_inequality():
    """b² <= a·c for a = xᵀρx, b = xᵀρy, c = yᵀρy, as a + 2tb + t²c >= 0 for every t; then √(a + 2b + c) <= √a + √c."""
    a, b, c, r, s = z3.Reals("a b c r s")

    def at(t):
        return a + 2 * t * b + t * t * c >= 0

    assert refuted([a >= 0, c > 0, at(-b / c)], b * b <= a * c) is None
    assert refuted([a >= 0, c == 0, b != 0, at(-(a + 1) / (2 * b))], z3.BoolVal(False)) is None
    assert refuted([r >= 0, s >= 0, r * r == a, s * s == c, b * b <= a * c], a + 2 * b + c <= (r + s) * (r + s)) is None
    assert refuted([r >= 0, s >= 0, r * r == a, s * s == c], a + 2 * b + c <= (r + s) * (r + s)) is not None


def test_sides__of_a_sum__are_no_more_than_the_sides_summed():
    x, y, p, q = z3.Reals("x y p q")

    def part(value):
        return z3.If(value > 0, value, 0)

    # A bucket more: `p` bounds the sides of the buckets before it.
    assert refuted([p <= q], p + part(x + y) <= q + part(x) + part(y)) is None
    assert refuted([], part(x + y) >= part(x) + part(y)) is not None


def test_squares__of_subadditive_numbers__have_a_subadditive_root():
    """X² = x₁² + x₂² with x ≤ y + z in both places gives X ≤ Y + Z: Minkowski in two places, and by induction in
    all."""
    x1, x2, y1, y2, z1, z2, x, y, z = z3.Reals("x1 x2 y1 y2 z1 z2 x y z")
    cauchy = (y1 * z1 + y2 * z2) * (y1 * z1 + y2 * z2) <= (y1 * y1 + y2 * y2) * (z1 * z1 + z2 * z2)
    assert refuted([], cauchy) is None
    inner, yy, zz = z3.Reals("inner yy zz")
    facts = [y >= 0, z >= 0, y * y == yy, z * z == zz, inner * inner <= yy * zz]
    assert refuted(facts, inner <= y * z) is None
    wider = [x1 >= 0, x2 >= 0, x1 <= y1 + z1, x2 <= y2 + z2]
    assert refuted(wider, x1 * x1 <= (y1 + z1) * (y1 + z1)) is None
    # With y² = y₁² + y₂² and so on, and what the lines above say of the products:
    squares = [x * x <= y * y + z * z + 2 * inner, inner <= y * z, x >= 0, y >= 0, z >= 0]
    assert refuted(squares, x <= y + z) is None
    assert refuted(squares[:1] + squares[2:], x <= y + z) is not None


def test_root__rounded_up__stays_subadditive():
    """√Q ≤ a + b for the roots a, b of two accounts, whose own are rounded up to `first` and `second`."""
    a, b, first, second = z3.Reals("a b first second")
    apart = [a >= 0, b >= 0, a <= first, b <= second]
    assert refuted(apart, (a + b) * (a + b) <= (first + second) * (first + second)) is None
    # `whole` is the least whole number with whole² ≥ Q; `both` is first + second, a whole number too.
    q, whole, both = z3.Ints("q whole both")
    least = [whole >= 0, whole * whole >= q, z3.Or(whole == 0, (whole - 1) * (whole - 1) < q)]
    assert refuted([*least, both >= 0, q <= both * both], whole <= both) is None
    assert refuted([*least, both >= 0, q <= both * both], whole < both) is not None


def test_floor__beside_the_norm__stays_subadditive():
    a, b, c, f, g, h = z3.Reals("a b c f g h")

    def larger(x, y):
        return z3.If(x > y, x, y)

    assert refuted([a <= b + c, f <= g + h], larger(a, f) <= larger(b, g) + larger(c, h)) is None
    # A merged account holds no more markets than both did, and each of them counts as one at least.
    held, first, second = z3.Ints("held first second")
    counted = [held >= 0, first >= 0, second >= 0, held <= first + second]
    assert refuted(counted, larger(1, held) <= larger(1, first) + larger(1, second)) is None
    assert refuted(counted[:3], larger(1, held) <= larger(1, first) + larger(1, second)) is not None
