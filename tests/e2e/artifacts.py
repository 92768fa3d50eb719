"""Contracts as they are on disk now, without Ape: what is kept of them, or compiled and kept for the other tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from vyper.cli.vyper_compile import compile_files

from scripts._deployment.kept import ROOT, keep, kept, state


class Artifact(NamedTuple):
    abi: list[dict[str, Any]]
    bytecode: str


def artifact(path: str) -> Artifact:
    """The contract of `contracts/<path>.vy`."""
    sources, name = state(), Path(path).name
    if content := kept(name, sources):
        made = json.loads(content)
        return Artifact(made["abi"], made["deploymentBytecode"]["bytecode"])
    if content := kept(f"{name}-plain", sources):
        return Artifact(**json.loads(content))
    source = str(ROOT / "contracts" / f"{path}.vy")
    (output,) = compile_files([source], ["abi", "bytecode"], paths=[str(ROOT)]).values()
    found = Artifact(output["abi"], output["bytecode"])
    keep(f"{name}-plain", sources, json.dumps(found._asdict()))
    return found
