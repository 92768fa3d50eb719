"""Running one mutant: in a tree of its own, against its tests, until one fails."""

from __future__ import annotations

import time
from pathlib import Path

from tests.mutants.building import ROOM, TooLargeError, UnbuiltError, affected, differing
from tests.mutants.generated import groups
from tests.mutants.mutant import Mutant
from tests.mutants.results import Result
from tests.mutants.tree import failed, tree, why

PROOFS = "tests/proofs/"
"""What is proven is proven of modules, whichever contracts use them."""
EXAMPLES = 250
"""How often an attack is tried where its own defence is gone: one that gains ends the search."""
TIMEOUT = 900.0
"""Seconds that one group of tests may take. What never ends has failed."""


def gained(printed: str) -> str:
    """What an attacker gained, of what its test printed; empty where nothing says so."""
    return next((line.split("Gained: ")[1] for line in printed.splitlines() if "Gained: " in line), "")


def built(folder: Path) -> None:
    """See that contracts can be built, with two getters less where that is needed. Raises UnbuiltError."""
    try:
        differing(folder, first=True)
    except TooLargeError:
        for edit in ROOM:
            edit.apply(folder)
        differing(folder, first=True)


def rule(mutant: Mutant) -> Result:
    """A mutant that takes a rule away: one of its killers must fail, an attack by its gain."""
    began = time.monotonic()
    with tree() as folder:
        mutant.apply(folder / "contracts")
        try:
            if not all(killer.startswith(PROOFS) for killer in mutant.killers):
                built(folder / "contracts")
        except UnbuiltError as error:
            return Result(mutant.name, False, f"not built: {error}", time.monotonic() - began)
        found, printed = failed(folder, mutant.killers, TIMEOUT, EXAMPLES)
    reason = why(printed)
    if mutant.gains:
        reason = gained(printed)
        found = found and bool(reason)
    # A test that is not there, or whose fixtures fail, says nothing of the rule.
    found = found and "ERROR at setup of" not in printed
    return Result(mutant.name, found, reason, time.monotonic() - began)


def generated(mutant: Mutant) -> Result:
    """A mutant that nobody wrote: whatever test notices, the quick ones first."""
    began = time.monotonic()
    with tree() as folder:
        mutant.apply(folder / "contracts")
        for group in groups(affected(folder / "contracts"), mutant.edits[0].file):
            found, printed = failed(folder, group, TIMEOUT)
            if found:
                return Result(mutant.name, True, why(printed), time.monotonic() - began)
    return Result(mutant.name, False, "", time.monotonic() - began)
