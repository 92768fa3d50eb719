"""A copy of the project in which a mutant's tests run, beside others and without touching what is worked on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.model.contracts import KEPT

ROOT = Path(__file__).parents[2]
ON_APES_NETWORK = ("tests/unit", "tests/deploy", "tests/gas")


@contextmanager
def tree() -> Iterator[Path]:
    """A folder with everything that git knows or would know of, gone afterwards."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    with tempfile.TemporaryDirectory(prefix="plimsoll-mutant-") as made:
        folder = Path(made)
        for name in filter(None, listed.stdout.split("\0")):
            source = ROOT / name
            if source.is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, folder / name)
        yield folder


def failed(folder: Path, tests: Sequence[str], timeout: float) -> tuple[bool, str]:
    """Whether one of some tests fails in a tree, or takes too long, and what they printed. They end with the first."""
    plugins = [] if any(test.startswith(ON_APES_NETWORK) for test in tests) else ["-p", "no:ape_test"]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=short", "-p", "no:cacheprovider", *plugins, *tests]
    try:
        made = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PLIMSOLL_COMPILED": str(KEPT), "PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        return True, f"FAILED: not done in {timeout:.0f} s"
    printed = made.stdout + made.stderr
    if made.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"tests could not run\n{printed}")
    return made.returncode == pytest.ExitCode.TESTS_FAILED, printed


def why(printed: str) -> str:
    """The first failure's line of a session's summary."""
    lines = [line for line in printed.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return lines[0] if lines else ""
