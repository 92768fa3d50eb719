"""`python -m scripts.coverage`: run the tests that execute contracts in this process, and say which lines they miss."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.coverage.report import codes_of, coverage, read

LEAST = 98
"""Percent."""
TESTS = ["tests/unit", "tests/deploy"]
"""What runs on py-evm. The others drive anvil or revm, which do not say what they execute."""


def run(tests: list[str], workers: int, folder: Path) -> bool:
    """The tests with the recorder; whether they pass."""
    plugin = ["-p", "scripts.coverage.recorder", "--executed", str(folder)]
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), "--dist", "loadfile", *plugin, *tests]
    return subprocess.run(command, check=False).returncode == 0


def main() -> None:
    """Run, and print the table and one JSON object."""
    parser = argparse.ArgumentParser(prog="coverage", description=__doc__)
    parser.add_argument("tests", nargs="*", default=TESTS, help=f"instead of {' '.join(TESTS)}")
    parser.add_argument("-n", "--workers", type=int, default=2, help="processes that test, and that compile")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        passed = run(given.tests, given.workers, Path(folder))
        sources, executed = read(Path(folder))
    found = coverage(codes_of(sorted(sources), given.workers), executed)
    print(found.as_table())
    print(found.as_json(), flush=True)
    if not passed:
        sys.exit("coverage: tests failed")
    if found.unknown:
        sys.exit(f"coverage: {found.unknown} codes ran that no source compiles to: did one change during the run?")
    if found.percent < LEAST:
        sys.exit(f"coverage: below {LEAST}%")


if __name__ == "__main__":
    main()
