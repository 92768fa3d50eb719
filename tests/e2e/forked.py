"""The `keeper` command in a process of its own that need not import everything first: forked from the tests'."""

from __future__ import annotations

import multiprocessing
import os
import sys
from subprocess import CompletedProcess
from tempfile import TemporaryFile

from keeper.cli import app
from tests.e2e.process import KEY_ENV, SECONDS

FORK = multiprocessing.get_context("fork")


def _carry_out(arguments: tuple[str, ...], out: int, err: int, key: str | None) -> None:
    os.dup2(out, 1)
    os.dup2(err, 2)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    os.environ.pop(KEY_ENV, None)
    if key is not None:
        os.environ[KEY_ENV] = key
    app(list(arguments), prog_name="keeper")


def command(*arguments: str, key: str | None = None) -> CompletedProcess[str]:
    """A `keeper` command that ends by itself, with nobody at its standard input."""
    with TemporaryFile() as out, TemporaryFile() as err:
        process = FORK.Process(target=_carry_out, args=(arguments, out.fileno(), err.fileno(), key))
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise AssertionError(f"not within {SECONDS} s: keeper {' '.join(arguments)}")
        out.seek(0)
        err.seek(0)
        return CompletedProcess(arguments, process.exitcode, out.read().decode(), err.read().decode())
