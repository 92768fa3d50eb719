"""Contracts as they are on disk now."""

from __future__ import annotations

from pathlib import Path

from ape import project
from ape.contracts import ContractContainer

from scripts._deployment import compiled


def contract(path: str) -> ContractContainer:
    """The contract of `contracts/<path>.vy`."""
    return compiled.contract(project, Path(path).name)
