"""Contracts as they are on disk now, compiled once for each state of their sources."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import vyper
from ape import project
from ape.contracts import ContractContainer
from ethpm_types import ContractType
from vyper.cli.vyper_compile import compile_files

CACHE = project.path / ".cache" / "contracts"


def contract(path: str) -> ContractContainer:
    """
    The contract of `contracts/<path>.vy`.

    Ape's own cache looks at that file alone. This one's key is the compiler's sum over the file and all it imports.
    """
    source = f"contracts/{path}.vy"
    name = Path(path).name
    key = _key(source)
    kept = CACHE / f"{name}-{key}.json"
    if kept.is_file():
        return ContractContainer(ContractType.model_validate_json(kept.read_text()))
    container: Any = project.load_contracts(source, use_cache=False)[name]
    if _key(source) != key:
        return container  # a source changed meanwhile: whose state this is, nobody can say
    kept.parent.mkdir(parents=True, exist_ok=True)
    # Another worker may be writing the same contract: a rename is whole or not at all.
    unfinished = kept.with_suffix(f".{os.getpid()}")
    unfinished.write_text(container.contract_type.model_dump_json(by_alias=True))
    unfinished.replace(kept)
    return container


def _key(source: str) -> str:
    path = str(project.path / source)
    (output,) = compile_files([path], ["integrity"], paths=[str(project.path)]).values()
    settings = (project.path / "ape-config.yaml").read_bytes()
    parts = f"{vyper.__version__} {output['integrity']} ".encode() + settings
    return hashlib.sha256(parts).hexdigest()[:32]
