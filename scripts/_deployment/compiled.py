"""Contracts as they are on disk now, for Ape."""

from __future__ import annotations

from pathlib import Path

from ape.contracts import ContractContainer
from ethpm_types import Bytecode, ContractType

from scripts._deployment import kept


def contract(name: str) -> ContractContainer:
    """The contract in `<name>.vy`, in contracts/ or its folder for tests. ValueError where there is none."""
    found = [path for path in kept.names() if Path(path).name == name]
    if not found:
        raise ValueError(f"contracts/: there is no {name}.vy")
    return container(name, kept.made(found[0]))


def container(name: str, made: kept.Made) -> ContractContainer:
    """The same of a contract that is compiled."""
    code = Bytecode(bytecode=made.bytecode)
    return ContractContainer(ContractType(contractName=name, abi=made.abi, deploymentBytecode=code))
