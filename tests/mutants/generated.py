"""A hundred mutants that nobody wrote: places of the contracts' syntax trees, drawn with a fixed seed.

Files have their share by how many places they have. A place's turn follows from what stands there, not from where it
is, so that a change of a file leaves most of its mutants what they are.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import Executor
from pathlib import Path

from tests.mutants.building import UnbuiltError, differing
from tests.mutants.sites import Site, Source, files
from tests.mutants.tree import ROOT, tree

SEED = 20_260_801
COUNT = 100
QUICK = (
    ("tests/model/test_operations.py", "-k", "101"),
    ("tests/model", "--ignore=tests/model/test_operations.py"),
    ("tests/attacks",),
)
"""What runs on revm, for a mutant of one of the contracts that are deployed there: what notices most, soonest first."""
ON_REVM = {"RiskEngine", "Clearinghouse", "Auction", "InsuranceVault", "Batch", "Exchange"}
UNITS = {
    "Auction": "auction",
    "Batch": "batch",
    "Clearinghouse": "clearinghouse",
    "Exchange": "exchange",
    "InsuranceVault": "insurance_vault",
    "Lens": "lens",
    "RiskEngine": "risk_engine",
    "Timelock": "timelock",
}


def shares(counts: dict[str, int], whole: int) -> dict[str, int]:
    """Split a number in proportion, by largest remainders."""
    total = sum(counts.values())
    given = {name: whole * count // total for name, count in counts.items()}
    rest = sorted(counts, key=lambda name: (-(whole * counts[name] % total), name))
    for name in rest[: whole - sum(given.values())]:
        given[name] += 1
    return given


def turn(site: Site) -> bytes:
    """Where a site comes in the draw."""
    return hashlib.sha256(f"{SEED} {site.key}".encode()).digest()


def drawn(file: str, count: int) -> list[Site]:
    """The first so many of a file's places, in the order of their turns, that compile to something else."""
    found: list[Site] = []
    if count == 0:
        return found
    with tree() as folder:
        contracts = folder / "contracts"
        original = (contracts / file).read_text()
        for site in sorted(Source(file).sites(), key=turn):
            (contracts / file).write_text(original)
            site.mutant.apply(contracts)
            try:
                differing(contracts, first=True)
            except UnbuiltError:
                continue
            found.append(site)
            if len(found) == count:
                break
    return found


def chosen(pool: Executor) -> list[Site]:
    """All of them, by file."""
    given = shares({file: len(Source(file).sites()) for file in files()}, COUNT)
    return [site for sites in pool.map(drawn, given, given.values()) for site in sites]


def groups(contracts: list[str], file: str) -> tuple[tuple[str, ...], ...]:
    """The tests that a mutant of a file of some contracts meets: the quick ones, its own unit tests, all others."""
    module = ROOT / "tests" / "unit" / "modules" / f"test_{Path(file).stem}.py"
    of_module = ((str(module.relative_to(ROOT)),),) if file.startswith("modules/") and module.exists() else ()
    own = [f"tests/unit/{UNITS[name]}" for name in contracts]
    others = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "tests" / "unit").iterdir()) if path.is_dir()]
    rest = tuple(folder for folder in others if folder not in own and not folder.endswith("__"))
    quick = QUICK if ON_REVM & set(contracts) else ()
    return (*quick, *of_module, *((folder,) for folder in own), rest)
