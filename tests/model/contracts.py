"""Contracts for titanoboa as ABI and bytecode alone: a test that only deploys and calls needs nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boa
from boa.contracts.abi.abi_contract import ABIContractFactory, ABIFunction

from scripts._deployment import kept

CONTRACTS = Path(os.environ.get("PLIMSOLL_CONTRACTS", kept.CONTRACTS))
"""A mutant's are elsewhere."""


@dataclass(frozen=True)
class Compiled:
    """What a contract is deployed and called with."""

    name: str
    abi: list[dict[str, Any]]
    bytecode: bytes

    def deploy(self, *args: Any) -> Any:
        """A new one on titanoboa's present chain; `args` are its constructor's."""
        encoded = b""
        for entry in self.abi:
            if entry["type"] == "constructor":
                encoded = ABIFunction(entry, self.name).prepare_calldata(*map(_plain, args))
        address, _ = boa.env.deploy(bytecode=self.bytecode + encoded)
        return ABIContractFactory(self.name, self.abi).at(address)


def _plain(arg: Any) -> Any:
    """A contract stands for its address."""
    return getattr(arg, "address", arg)


@cache
def contract(name: str) -> Compiled:
    """contracts/<name>.vy, compiled unless it is kept for these sources."""
    return compiled(name, CONTRACTS)


def compiled(name: str, folder: Path) -> Compiled:
    """<name>.vy in a folder of contracts, compiled unless it is kept for these sources."""
    made = kept.made(name, folder)
    return Compiled(Path(name).name, made.abi, bytes.fromhex(made.bytecode.removeprefix("0x")))
