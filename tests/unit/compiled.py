"""Contracts as they are on disk now, for Ape: ABI and bytecode, compiled once for the state of what each imports."""

from __future__ import annotations

from pathlib import Path

from ape.contracts import ContractContainer
from ethpm_types import Bytecode, ContractType

from tests.model import contracts


def contract(path: str) -> ContractContainer:
    """The contract of `contracts/<path>.vy`."""
    made = contracts.contract(path)
    code = Bytecode(bytecode=f"0x{made.bytecode.hex()}")
    return ContractContainer(ContractType(contractName=Path(path).name, abi=made.abi, deploymentBytecode=code))
