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

ROOT = Path(__file__).parents[2]
COMPILED = ROOT / ".build" / "compiled"


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


def run_tests(folder: Path, tests: Sequence[str], timeout: float = 600) -> tuple[int, str]:
    """Run tests in a tree until one fails: pytest's exit status, and what it printed."""
    ape = any(test.startswith(("tests/unit", "tests/deploy", "tests/gas")) for test in tests)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        *([] if ape else ["-p", "no:ape_test"]),
    ]
    made = subprocess.run(
        [*command, *tests],
        cwd=folder,
        env={**os.environ, "PLIMSOLL_COMPILED": str(COMPILED), "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    return made.returncode, made.stdout + made.stderr
