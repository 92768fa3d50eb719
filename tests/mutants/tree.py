"""A copy of the contracts in which a mutant is made, and tests that deploy from there, in a fork with imports done."""

from __future__ import annotations

import gc
import importlib
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.model import contracts

ROOT = Path(__file__).parents[2]
CONFIG = "pyproject.toml"
ON_APES_NETWORK = ("tests/unit", "tests/deploy", "tests/gas")
SLOW_TO_IMPORT = ("ape", "ape.pytest.plugin", "ape_test", "hypothesis", "tests.unit.system", "tests.model.world")
"""What each fork has already."""


@contextmanager
def tree() -> Iterator[Path]:
    """A folder with the contracts, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="plimsoll-mutant-") as made:
        folder = Path(made)
        shutil.copytree(ROOT / "contracts", folder / "contracts")
        shutil.copy(ROOT / "ape-config.yaml", folder)
        yield folder


def _from_anywhere(argument: str) -> str:
    """An argument of pytest's with the path in it, if there is one, made whole."""
    option, mark, path = argument.rpartition("=")
    return f"{option}{mark}{ROOT / path}" if path.startswith("tests/") else argument


def _session(folder: Path, tests: Sequence[str], output: Any, examples: int) -> None:
    """In a fork: a session of pytest in which contracts are those of a tree."""
    os.setsid()
    sys.stdout.flush()
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    contracts.CONTRACTS = folder / "contracts"
    # For what tests start in another process.
    os.environ |= {"PLIMSOLL_CONTRACTS": str(contracts.CONTRACTS), "PYTHONPATH": str(ROOT)}
    os.environ["PLIMSOLL_EXAMPLES"] = str(examples)
    contracts.contract.cache_clear()
    # Sources that tests have in themselves import modules from where they run, before any path that is named.
    os.chdir(folder)
    sys.path[:] = [path for path in sys.path if path not in ("", ".")]
    plugins = [] if any(test.startswith(ON_APES_NETWORK) for test in tests) else ["-p", "no:ape_test"]
    options = ["-x", "-q", "--tb=short", "-p", "no:cacheprovider", "--rootdir", str(ROOT), "-c", str(ROOT / CONFIG)]
    status = pytest.ExitCode.INTERNAL_ERROR
    try:
        status = pytest.main([*options, *plugins, *(_from_anywhere(test) for test in tests)])
    finally:
        sys.stdout.flush()
        os._exit(int(status))


def failed(folder: Path, tests: Sequence[str], timeout: float, examples: int = 25) -> tuple[bool, str]:
    """Whether one of some tests fails with a tree's contracts, or takes too long, and what they printed.

    They end with the first that fails. An attack is tried `examples` times at most.
    """
    for name in SLOW_TO_IMPORT:
        importlib.import_module(name)
    gc.freeze()
    with tempfile.TemporaryFile("w+") as output:
        child = os.fork()
        if child == 0:
            _session(folder, tests, output, examples)
        until = time.monotonic() + timeout
        ended = 0
        while ended == 0:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended == 0 and time.monotonic() > until:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return True, f"FAILED: not done in {timeout:.0f} s"
            time.sleep(0.02)
        output.seek(0)
        printed = output.read()
    code = os.waitstatus_to_exitcode(status)
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return False, f"ERROR: tests could not run\n{printed}"
    return code == pytest.ExitCode.TESTS_FAILED, printed


def why(printed: str) -> str:
    """The first failure's line of a session's summary."""
    lines = [line for line in printed.splitlines() if line.startswith(("FAILED", "ERROR"))]
    # The session was not where its tests are.
    return re.sub(r"^(\w+) \S*?(?=tests/)", r"\1 ", lines[0]) if lines else ""
