"""
A pytest plugin: which bytes of which code the EVM in this process executed.

Ape's test network and titanoboa both run py-evm, whose computations take their opcodes from one iterator: that one is
exchanged for an iterator that leaves a mark at each opcode it gives. Loaded by name only (`-p scripts.coverage.recorder
--executed FOLDER`), so that other runs are as fast as they were.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boa.interpret
import pytest
from boa.vm.py_evm import TracingCodeStream
from eth.vm.code_stream import CodeStream
from eth.vm.opcode_values import STOP


class Recorder:
    """A mark for each byte of each code that ran, and the sources that titanoboa was given as text."""

    def __init__(self) -> None:
        self.executed: dict[bytes, bytearray] = {}
        self.sources: set[str] = set()

    def marks(self, code: bytes) -> bytearray:
        """The code's marks, made when it first runs."""
        found = self.executed.get(code)
        if found is None:
            found = self.executed[code] = bytearray(len(code))
        return found

    def exchange(self, patch: pytest.MonkeyPatch) -> None:
        """Put a marking iterator in the place of py-evm's and of titanoboa's, which also keeps the way it went."""
        recorder = self
        nowhere: deque[int] = deque(maxlen=0)
        compiler_data = boa.interpret.compiler_data

        def opcodes(stream: Any) -> Iterator[int]:
            code = stream._raw_code_bytes
            marks = recorder.marks(code)
            went = getattr(stream, "_trace", nowhere)
            length = len(code)
            while (position := stream.program_counter) < length:
                marks[position] = 1
                went.append(position)
                stream.program_counter = position + 1
                yield code[position]
            yield STOP

        def kept_source(source: str, name: str | None, filename: str | Path, *args: Any, **settings: Any) -> Any:
            if not Path(filename).is_file():
                recorder.sources.add(source)
            return compiler_data(source, name, filename, *args, **settings)

        patch.setattr(CodeStream, "__iter__", opcodes)
        patch.setattr(TracingCodeStream, "__iter__", opcodes)
        patch.setattr(boa.interpret, "compiler_data", kept_source)

    def write(self, folder: Path) -> None:
        """One file for this process, if any code ran in it."""
        if not self.executed:
            return
        codes = {
            code.hex(): [place for place, mark in enumerate(marks) if mark] for code, marks in self.executed.items()
        }
        kept = {"sources": sorted(self.sources), "codes": codes}
        (folder / f"{os.getpid()}.json").write_text(json.dumps(kept))


_recorder = Recorder()
_patch = pytest.MonkeyPatch()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where each process of the run leaves what it executed."""
    parser.addoption("--executed", type=Path, required=True, help="folder for what each process executed")


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is collected."""
    _recorder.exchange(_patch)


def pytest_unconfigure(config: pytest.Config) -> None:
    """After the last fixture is gone."""
    _patch.undo()
    _recorder.write(config.option.executed)
