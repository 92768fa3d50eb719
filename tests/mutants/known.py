"""All mutants that people wrote: by section of the specification, of invariants, and one for each attack's defence."""

from __future__ import annotations

import importlib
import pkgutil

import tests.mutants
from tests.attacks.defence import ATTACKS
from tests.mutants.mutant import Mutant
from tests.mutants.tree import ROOT


def known() -> dict[str, Mutant]:
    """By name."""
    for path in sorted((ROOT / "tests" / "attacks").glob("test_*.py")):
        importlib.import_module(f"tests.attacks.{path.stem}")
    found = dict(ATTACKS)
    for module in sorted(pkgutil.iter_modules(tests.mutants.__path__), key=lambda module: module.name):
        if module.name.startswith(("__", "test_")):
            continue
        for mutant in getattr(importlib.import_module(f"tests.mutants.{module.name}"), "MUTANTS", ()):
            if mutant.name in found:
                raise ValueError(f"two mutants are named {mutant.name}")
            found[mutant.name] = mutant
    return found
