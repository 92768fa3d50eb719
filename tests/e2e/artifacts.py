"""Contracts as they are on disk now, compiled once for each state of their sources."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import vyper
from vyper.cli.vyper_compile import compile_files

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".build" / "e2e"


class Artifact(NamedTuple):
    abi: list[dict[str, Any]]
    bytecode: str


def artifact(path: str) -> Artifact:
    """The contract of `contracts/<path>.vy`; the key of what is kept is the compiler's sum over all it imports."""
    source = str(ROOT / "contracts" / f"{path}.vy")
    key = hashlib.sha256(f"{vyper.__version__} {_compile(source, 'integrity')}".encode()).hexdigest()[:32]
    kept = KEPT / f"{Path(path).name}-{key}.json"
    if kept.is_file():
        return Artifact(**json.loads(kept.read_text()))
    made = Artifact(_compile(source, "abi"), _compile(source, "bytecode"))
    kept.parent.mkdir(parents=True, exist_ok=True)
    # Another worker may be writing the same: a rename is whole or not at all.
    unfinished = kept.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(made._asdict()))
    unfinished.replace(kept)
    return made


def _compile(source: str, what: str) -> Any:
    (output,) = compile_files([source], [what], paths=[str(ROOT)]).values()
    return output[what]
