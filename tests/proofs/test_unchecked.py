"""
Unchecked arithmetic: within the bounds of what it is given, no `unsafe_` operation of a contract leaves its type.

Each function is run from its source (vyper_source.py) on all numbers within its bounds (unchecked.py); what is run on
none stands in `TOLD`, with the reason. docs/proofs.md lists all.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import z3

from tests.proofs import intervals, unchecked_acts, unchecked_engine
from tests.proofs.symbolic import paths, refuted
from tests.proofs.told import TOLD
from tests.proofs.unchecked import CASES, REFUSAL, Case, rounding, signed
from tests.proofs.vyper_source import OWED, RANGES, Obligation, load, place_of_every_unsafe

PAGE = Path(__file__).parents[2] / "docs" / "proofs.md"
assert unchecked_acts and unchecked_engine, "they have cases too"
MET: dict[tuple[str, str], set[str]] = {}


def owed(case: Case) -> list[Obligation]:
    OWED.clear()
    for _ in paths(lambda: (case.run(), True)):
        pass
    found = list(OWED)
    OWED.clear()
    return found


def broken(obligation: Obligation) -> z3.ModelRef | None:
    low, high = RANGES[obligation.kind]
    least, most = intervals.of(obligation.value, intervals.known(obligation.facts), obligation.divided)
    if low <= least and most <= high:
        return None
    return refuted(obligation.facts, obligation.holds)


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.file}-{case.function}{'-' * bool(case.part)}{case.part}"
)
def test_unchecked__within_its_bounds__never_leaves_its_type(case):
    found = owed(case)
    for obligation in found:
        assert broken(obligation) is None, obligation.place
    met = {obligation.place for obligation in found}
    MET.setdefault((case.file, case.function), set()).update(met)
    assert met, "nothing unchecked was met"


def test_unchecked__beyond_its_bounds__is_refuted():
    def run():
        ledger = load("ledger", rounding=rounding(), refusal=REFUSAL)
        return ledger.value_of(signed("size", 2**200), signed("cost", 2**127), signed("unit", 2**93))

    case = Case("ledger.vy", "value_of", run, "a size of 200 bits")
    assert any(broken(obligation) is not None for obligation in owed(case))


def test_unchecked__every_use__is_met_by_a_run_or_told_why():
    """Run after the others, in the file's order: each has kept the places that it met."""
    if len(MET) < len({(case.file, case.function) for case in CASES}):
        for case in CASES:
            MET.setdefault((case.file, case.function), set()).update(each.place for each in owed(case))
    met = set().union(*MET.values())
    left = [
        (file, function, place)
        for file, function, place in place_of_every_unsafe()
        if place not in met and (file, function) not in TOLD
    ]
    assert left == []


def test_told__functions__are_not_run_and_have_what_is_told():
    uses = Counter((file, function) for file, function, _ in place_of_every_unsafe())
    assert set(TOLD) <= set(uses)


def test_page__lists_every_function_with_unchecked_arithmetic():
    listed = re.findall(r"^\| `(\w+\.vy)` `(\w+)` \| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    uses = Counter((file, function) for file, function, _ in place_of_every_unsafe())
    assert {(file, function): int(number) for file, function, number in listed} == dict(uses)
