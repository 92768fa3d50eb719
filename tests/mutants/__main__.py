"""`python -m tests.mutants [NAME ...]`: run mutants, all or those named, and say which are caught."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from tests.attacks.defence import ATTACKS
from tests.mutants.mutant import Mutant
from tests.mutants.tree import ROOT, run_tests, tree


def known() -> dict[str, Mutant]:
    """Every mutant by name."""
    for path in sorted((ROOT / "tests" / "attacks").glob("test_*.py")):
        importlib.import_module(f"tests.attacks.{path.stem}")
    return dict(ATTACKS)


def caught(mutant: Mutant) -> tuple[bool, str]:
    """Whether its killers noticed a mutant, and what they printed."""
    with tree() as folder:
        mutant.apply(folder / "contracts")
        status, printed = run_tests(folder, mutant.killers)
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"{mutant.name}: its tests could not run\n{printed}")
    return status == pytest.ExitCode.TESTS_FAILED and (not mutant.gains or "Gained: " in printed), printed


def main(names: list[str]) -> int:
    """Run them; the number of those that were not caught."""
    mutants = known()
    survivors = 0
    for name in names or sorted(mutants):
        found, printed = caught(mutants[name])
        gained = next((line.split("Gained: ")[1] for line in printed.splitlines() if "Gained: " in line), "")
        print(f"{'caught' if found else 'SURVIVED':9} {name} {gained}", flush=True)
        survivors += not found
        if not found and names:
            print(printed)
    print(f"caught {len(names or mutants) - survivors} of {len(names or mutants)}")
    return survivors


if __name__ == "__main__":
    sys.exit(bool(main([Path(name).name for name in sys.argv[1:]])))
