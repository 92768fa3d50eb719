"""What came of each mutant, kept for the state of everything that it depends on: a run goes on where one ended."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from tests.mutants.mutant import Mutant
from tests.mutants.tree import ROOT

KEPT = ROOT / ".build" / "mutants"
ALL = ("tests/attacks", "tests/model", "tests/unit")
"""What a mutant meets that names no killers."""


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
    for path in sorted(paths):
        content = path.read_bytes()
        digest.update(f"\n{path.relative_to(ROOT)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


@cache
def contracts() -> str:
    """The state of the contracts."""
    return _digest((ROOT / "contracts").rglob("*.vy*"))


@cache
def support() -> str:
    """The state of all that tests share: what is no test itself, nor of the mutants."""
    folders = [ROOT / name for name in ("tests", "keeper", "scripts")]
    found = [path for folder in folders for path in folder.rglob("*.py") if not path.name.startswith("test_")]
    return _digest([path for path in found if path.parent != ROOT / "tests" / "mutants"])


def _files(tests: Iterable[str]) -> Iterator[Path]:
    for test in tests:
        path = ROOT / test.split("::")[0]
        yield from path.rglob("test_*.py") if path.is_dir() else [path]


@cache
def _tests(tests: tuple[str, ...]) -> str:
    return _digest(set(_files(tests)))


def key(mutant: Mutant) -> str:
    """The state of a mutant, the contracts that it is of and the tests that it meets."""
    tests = mutant.killers or ALL
    parts = [repr(mutant.edits), repr(tests), repr(mutant.gains), contracts(), support(), _tests(tests)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def kept(key: str) -> Result | None:
    """What came of it, if it has run in this state."""
    path = KEPT / f"{key}.json"
    return Result(**json.loads(path.read_text())) if path.is_file() else None


def keep(key: str, result: Result) -> None:
    """Leave what came of it for the next run."""
    path = KEPT / f"{key}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(asdict(result)))
    unfinished.replace(path)
