"""Contracts for titanoboa as ABI and bytecode alone, each kept for the state of what it is compiled from.

A test that only deploys and calls needs nothing else of the compiler's output, which takes seconds to read back. A
contract's state is that of its own file and of all that it imports: where one module changes, as in a mutant, only the
contracts that stand on it are compiled again.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boa
from boa.contracts.abi.abi_contract import ABIContractFactory, ABIFunction
from boa.interpret import get_search_paths
from vyper.compiler import compile_code
from vyper.compiler.input_bundle import FilesystemInputBundle

ROOT = Path(__file__).parents[2]
CONTRACTS = Path(os.environ.get("PLIMSOLL_CONTRACTS", ROOT / "contracts"))
"""A mutant's are elsewhere."""
KEPT = Path(os.environ.get("PLIMSOLL_COMPILED", ROOT / ".build" / "compiled"))
"""Where compiled contracts are; trees with other sources may share it."""
IMPORT = re.compile(r"^from\s+(\.+)([\w.]*)\s+import\s+(\w+)", re.MULTILINE)


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


def sources(path: Path) -> list[Path]:
    """A contract's file and all of ours that it imports, whatever they import in turn, sorted."""
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for dots, folder, name in IMPORT.findall(path.read_text()):
            base = path.parents[len(dots) - 1].joinpath(*folder.split(".")) / name
            # An interface and a module of the same name: the compiler takes the module.
            waiting += [file for suffix in (".vy", ".vyi") if (file := base.with_suffix(suffix)).is_file()][:1]
    return sorted(found)


def state(name: str, folder: Path = CONTRACTS) -> str:
    """A sum over all that decides what <name>.vy in a folder of contracts compiles to."""
    digest = hashlib.sha256(f"{version('vyper')} {version('snekmate')}".encode())
    for path in sources(folder / f"{name}.vy"):
        content = path.read_bytes()
        digest.update(f"\n{path.relative_to(folder)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:32]


@cache
def contract(name: str) -> Compiled:
    """contracts/<name>.vy, compiled unless it is kept for these sources."""
    return compiled(name, CONTRACTS)


@contextmanager
def _no_collection() -> Iterator[None]:
    """The compiler makes so many small objects that a quarter of its time is looking for garbage among them."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def compiled(name: str, folder: Path) -> Compiled:
    """<name>.vy in a folder of contracts, compiled unless it is kept for these sources."""
    kept = KEPT / f"{Path(name).name}-{state(name, folder)}.json"
    if kept.is_file():
        made = json.loads(kept.read_text())
    else:
        path = folder / f"{name}.vy"
        with _no_collection():
            made = compile_code(
                path.read_text(),
                contract_path=path,
                input_bundle=FilesystemInputBundle([*get_search_paths(), folder.parent]),
                output_formats=["abi", "bytecode"],
            )
        kept.parent.mkdir(parents=True, exist_ok=True)
        # Another process may be writing the same contract: a rename is whole or not at all.
        unfinished = kept.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(made))
        unfinished.replace(kept)
    return Compiled(Path(name).name, made["abi"], bytes.fromhex(made["bytecode"].removeprefix("0x")))
