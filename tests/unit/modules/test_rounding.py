"""rounding.vy: division toward the side its name says, at every sign and at the ends of the range."""

from __future__ import annotations

import secrets
from random import Random

import boa
import pytest

FACE = """
from contracts.modules import rounding

@external
@pure
def floor_div(a: int256, b: int256) -> int256:
    return rounding.floor_div(a, b)

@external
@pure
def ceil_div(a: int256, b: int256) -> int256:
    return rounding.ceil_div(a, b)

@external
@pure
def ceil_udiv(a: uint256, b: uint256) -> uint256:
    return rounding.ceil_udiv(a, b)
"""
LOW, HIGH = -(2**255), 2**255 - 1
DIVIDENDS = [LOW, LOW + 1, -(10**18) - 1, -(10**18), -7, -1, 0, 1, 7, 10**18, 10**18 + 1, HIGH - 1, HIGH]
DIVISORS = [1, 2, 3, 7, 10**18, HIGH - 1, HIGH]


@pytest.fixture(scope="module")
def face():
    return boa.loads(FACE)


@pytest.mark.parametrize("divisor", DIVISORS)
def test_floor_div__any_sign__is_rounded_down(face, divisor):
    assert [face.floor_div(each, divisor) for each in DIVIDENDS] == [each // divisor for each in DIVIDENDS]


@pytest.mark.parametrize("divisor", DIVISORS)
def test_ceil_div__any_sign__is_rounded_up(face, divisor):
    assert [face.ceil_div(each, divisor) for each in DIVIDENDS] == [-(-each // divisor) for each in DIVIDENDS]


@pytest.mark.parametrize("divisor", [*DIVISORS, 2**256 - 1])
def test_ceil_udiv__is_rounded_up(face, divisor):
    dividends = [each for each in DIVIDENDS if each >= 0] + [2**256 - 2, 2**256 - 1]
    assert [face.ceil_udiv(each, divisor) for each in dividends] == [-(-each // divisor) for each in dividends]


def test_division__random_numbers__is_pythons(face):
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    random = Random(seed)
    for _ in range(50):
        a = random.getrandbits(random.randint(1, 255)) * random.choice((-1, 1))
        b = random.getrandbits(random.randint(1, 255)) or 1
        assert face.floor_div(a, b) == a // b
        assert face.ceil_div(a, b) == -(-a // b)
        assert face.ceil_udiv(abs(a), b) == -(-abs(a) // b)


@pytest.mark.parametrize("function", ["floor_div", "ceil_div", "ceil_udiv"])
def test_division__by_zero__reverts(face, function):
    with boa.reverts():
        getattr(face, function)(1, 0)
