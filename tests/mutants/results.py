"""What came of each mutant, kept for the state of everything that it depends on: a run goes on where one ended."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from tests.mutants.mutant import Mutant
from tests.mutants.tree import ROOT

KEPT = ROOT / ".build" / "mutants"
ALL = ("tests/attacks", "tests/model", "tests/unit")
"""What a mutant meets that names no killers."""
SHARED = (
    *("tests/attacks", "tests/model", "tests/proofs", "tests/stateful", "tests/unit"),
    *("keeper/model", "keeper/publish", "scripts/_deployment"),
)
ALONE = ("keeper/__init__.py", "keeper/orders.py", "tests/model/test_requirement.py", "tests/proofs/test_trades.py")
"""Files of other folders, and tests that others take something from."""


@dataclass(frozen=True)
class Result:
    """What came of a mutant."""

    name: str
    caught: bool
    why: str
    """The test that failed and its first line, or what the attacker gained; empty for a survivor."""
    seconds: float


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(filter(Path.is_file, paths)):
        content = path.read_bytes()
        digest.update(f"\n{path.relative_to(ROOT)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


@cache
def contracts() -> str:
    """The state of the contracts."""
    return _digest((ROOT / "contracts").rglob("*.vy*"))


def shared() -> list[Path]:
    """All that the tests share which a mutant meets: what is no test itself. They import nothing else of ours."""
    found = [path for name in SHARED for path in (ROOT / name).rglob("*.py") if not path.name.startswith("test_")]
    return [*found, *(ROOT / "tests").glob("*.py"), *(ROOT / name for name in ALONE)]


@cache
def support() -> str:
    """The state of that."""
    return _digest(shared())


def _files(tests: Iterable[str]) -> Iterator[Path]:
    for test in tests:
        path = ROOT / test.split("::")[0]
        yield from path.rglob("test_*.py") if path.is_dir() else [path]


def _met(mutant: Mutant, result: Result) -> list[Path]:
    """The files of tests that a result rests on: the one that noticed, or all that did not."""
    noticed = re.search(r"^(?:FAILED|ERROR) ([\w./]+\.py)", result.why)
    return list(_files([noticed[1]] if result.caught and noticed else mutant.killers or ALL))


def key(mutant: Mutant) -> str:
    """The state of a mutant, of the contracts that it is of and of what its tests share."""
    parts = [repr(mutant.edits), repr(mutant.killers), repr(mutant.gains), contracts(), support()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def kept(mutant: Mutant) -> Result | None:
    """What came of it, if it has run in this state, and the tests that this rests on are as they were."""
    path = KEPT / f"{key(mutant)}.json"
    if not path.is_file():
        return None
    found = json.loads(path.read_text())
    result = Result(**found["result"])
    return result if found["tests"] == _digest(_met(mutant, result)) else None


def keep(mutant: Mutant, result: Result) -> None:
    """Leave what came of it for the next run."""
    path = KEPT / f"{key(mutant)}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps({"result": asdict(result), "tests": _digest(_met(mutant, result))}))
    unfinished.replace(path)
