"""A contract's code as the compiler of this environment makes it, its hashes, and whether a chain has it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

ROOT = Path(__file__).parents[2]
HASHES = ROOT / "deployments" / "hashes.json"
CONTRACTS = ROOT / "contracts"


@dataclass(frozen=True)
class Code:
    """What a contract's source compiles to: the code that deploys it, and the code that is then on the chain."""

    name: str
    creation: bytes
    """Without the constructor's arguments."""
    runtime: bytes
    """Without the immutables."""
    immutables: int
    """Bytes of them, after the runtime code."""

    @property
    def hashes(self) -> dict[str, Any]:
        """What is kept of it in the file of hashes."""
        return {
            "creation": "0x" + keccak(self.creation).hex(),
            "runtime": "0x" + keccak(self.runtime).hex(),
            "runtime_bytes": len(self.runtime),
            "immutable_bytes": self.immutables,
        }

    def is_at(self, deployed: bytes) -> bool:
        """Whether code on a chain is this one, whatever its immutables."""
        return len(deployed) == len(self.runtime) + self.immutables and deployed.startswith(self.runtime)


def _immutables(layout: dict[str, Any]) -> int:
    if "offset" in layout and "length" in layout:
        return int(layout["offset"]) + int(layout["length"])
    return max((_immutables(part) for part in layout.values() if isinstance(part, dict)), default=0)


def compile_contract(path: Path, root: Path = ROOT) -> Code:
    """Compile one contract afresh. RuntimeError with the compiler's words where it refuses."""
    vyper = Path(sys.executable).with_name("vyper")
    command = [str(vyper), "-f", "bytecode,bytecode_runtime,layout", str(path.relative_to(root))]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{path.name}: {done.stderr.strip()}")
    creation, runtime, layout = done.stdout.strip().splitlines()
    return Code(
        path.stem,
        bytes.fromhex(creation.removeprefix("0x")),
        bytes.fromhex(runtime.removeprefix("0x")),
        _immutables(json.loads(layout).get("code_layout", {})),
    )


def compile_all(root: Path = ROOT) -> dict[str, Code]:
    """Every contract that is deployed, compiled afresh, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        codes = pool.map(lambda path: compile_contract(path, root), sorted((root / "contracts").glob("*.vy")))
        return {code.name: code for code in codes}


def document(codes: dict[str, Code]) -> dict[str, Any]:
    """What the file of hashes says of them."""
    return {
        "compiler": f"vyper {version('vyper')}",
        "library": f"snekmate {version('snekmate')}",
        "contracts": {name: code.hashes for name, code in sorted(codes.items())},
    }


def differences(kept: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    """In words, where two documents differ."""
    for key in ("compiler", "library"):
        if kept.get(key) != found[key]:
            yield f"{key}: the file says {kept.get(key)}, here is {found[key]}"
    names = sorted({*kept.get("contracts", {}), *found["contracts"]})
    for name in names:
        before, now = kept.get("contracts", {}).get(name), found["contracts"].get(name)
        if before is None or now is None:
            yield f"{name}: {'is not in the file' if before is None else 'has no source'}"
            continue
        for key, value in now.items():
            if before.get(key) != value:
                yield f"{name}: {key}: the file says {before.get(key)}, the source compiles to {value}"
