"""
The words of the contracts, on the bytecode that Vyper makes of their modules: every value of every field, every word.

What holds is said in faces/*.vy, one function a statement; here each is run symbolically and must hold on all its
paths. tests/mutants/proofs.py has modules on which they must not.
"""

from __future__ import annotations

import re

import pytest

from tests.proofs.bytecode import FACES, counterexample

REFUSE = ("check_header__packed__is_in_range", "check_position__packed__is_in_range")
"""Those that may revert: the rest must return, whatever they are given."""
GIVEN = "check_correlation__is_seven_bits_at_its_place"
PAIRS = [(low, high) for low in range(8) for high in range(low + 1, 8)]


def checks() -> list[tuple[str, str]]:
    """Face and function of every check there is."""
    found = []
    for path in sorted(FACES.glob("*.vy")):
        names = re.findall(r"^def (check_\w+)", path.read_text(), re.MULTILINE)
        found += [(path.stem, name) for name in names if name != GIVEN]
    return found


@pytest.mark.parametrize(("face", "function"), checks())
def test_bytecode__whatever_the_words__holds(face, function):
    assert counterexample(face, function, reverts=function in REFUSE) is None


def test_correlation__of_each_pair__is_seven_bits_of_its_own():
    for place, (low, high) in enumerate(PAIRS):
        assert counterexample("parameters", GIVEN, low=low, high=high, place=place) is None


def test_correlation__of_a_pair__is_not_its_neighbours_bits():
    assert counterexample("parameters", GIVEN, low=0, high=1, place=1) is not None
