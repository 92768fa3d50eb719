"""Contracts as they are on disk now, or in a mutant's folder, for Ape."""

from __future__ import annotations

from pathlib import Path

from ape.contracts import ContractContainer

from scripts._deployment import kept
from scripts._deployment.compiled import container
from tests.model import contracts


def contract(path: str) -> ContractContainer:
    """The contract of `contracts/<path>.vy`."""
    return container(Path(path).name, kept.made(path, contracts.CONTRACTS))
