"""
Contracts as ABI and bytecode, each compiled once for the state of what it is compiled from.

Commands and tests take them from here; `python -m scripts._deployment.kept` compiles what is not kept yet, several at a
time. Ape's own cache looks at a contract's file alone and does not see that an import or an interface changed: what is
deployed, or tested, must not come from there. A contract's state is that of its own file and of all that it imports:
where one module changes, only the contracts that stand on it are compiled again.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "contracts"
KEPT = Path(os.environ.get("PLIMSOLL_COMPILED", ROOT / ".cache" / "contracts"))
"""Where compiled contracts are; trees with other sources may share it."""
IMPORT = re.compile(r"^from\s+(\.+)([\w.]*)\s+import\s+(\w+)", re.MULTILINE)
ABSOLUTE = re.compile(r"^(?:from|import)\s+contracts\b", re.MULTILINE)


class Made(NamedTuple):
    """What a contract is deployed and called with; the bytecode as 0x and hexadecimal digits."""

    abi: list[dict[str, Any]]
    bytecode: str


def names(folder: Path = CONTRACTS) -> list[str]:
    """Every contract in a folder of contracts, those for tests last."""
    found = [*sorted(folder.glob("*.vy")), *sorted(folder.glob("testing/*.vy"))]
    return [str(path.relative_to(folder).with_suffix("")) for path in found]


def sources(path: Path) -> list[Path]:
    """A contract's file and all of ours that it imports, whatever they import in turn, sorted.

    Raises ValueError for an import of ours that is not relative, which would not be found.
    """
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        text = path.read_text()
        if ABSOLUTE.search(text):
            raise ValueError(f"{path}: imports of contracts/ are relative: from . import …")
        for dots, folder, name in IMPORT.findall(text):
            base = path.parents[len(dots) - 1].joinpath(*folder.split(".")) / name
            # An interface and a module of the same name: the compiler takes the module.
            waiting += [file for suffix in (".vy", ".vyi") if (file := base.with_suffix(suffix)).is_file()][:1]
    return sorted(found)


def state(name: str, folder: Path = CONTRACTS) -> str:
    """A sum over all that decides what <name>.vy in a folder of contracts compiles to."""
    return _sum(sources(folder / f"{name}.vy"), folder)


def whole() -> str:
    """The same of all contracts."""
    return _sum(sorted(CONTRACTS.rglob("*.vy*")), CONTRACTS)


def _sum(files: list[Path], folder: Path) -> str:
    digest = hashlib.sha256(f"{version('vyper')} {version('snekmate')}".encode())
    for path in files:
        content = path.read_bytes()
        digest.update(f"\n{path.relative_to(folder)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:32]


def place(name: str, folder: Path = CONTRACTS) -> Path:
    """Where <name>.vy is kept as it is now."""
    return KEPT / f"{Path(name).name}-{state(name, folder)}.json"


def made(name: str, folder: Path = CONTRACTS) -> Made:
    """<name>.vy in a folder of contracts, compiled unless it is kept for these sources.

    Raises VyperException where the compiler refuses it.
    """
    kept = place(name, folder)
    if kept.is_file():
        return Made(**json.loads(kept.read_text()))
    compiled = compile_contract(folder / f"{name}.vy", folder.parent)
    # Edited while it was compiled: of which state this is, nobody can say.
    if place(name, folder) == kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        # Another process may be writing the same contract: a rename is whole or not at all.
        unfinished = kept.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(compiled._asdict()))
        unfinished.replace(kept)
    return compiled


def compile_contract(path: Path, root: Path) -> Made:
    """A contract compiled afresh; its imports are relative, or of this environment."""
    # Half a second that is not needed for what is kept.
    from vyper.cli.vyper_compile import get_search_paths
    from vyper.compiler import compile_code
    from vyper.compiler.input_bundle import FilesystemInputBundle

    with _no_collection():
        output = compile_code(
            path.read_text(),
            contract_path=path,
            input_bundle=FilesystemInputBundle([*get_search_paths(), root]),
            output_formats=["abi", "bytecode"],
        )
    return Made(output["abi"], output["bytecode"])


@contextmanager
def _no_collection() -> Iterator[None]:
    """The compiler makes so many small objects that a quarter of its time is looking for garbage among them."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def refused(name: str, folder: Path = CONTRACTS) -> str:
    """What the compiler says against a contract; empty where there is nothing, and it is kept."""
    from vyper.exceptions import VyperException

    try:
        made(name, folder)
    except VyperException as error:
        # The exception itself does not go from one process to another.
        return f"{folder.name}/{name}.vy: {error}"
    return ""


def main(folder: Path = CONTRACTS) -> int:
    """Compile what is not kept; 1 if the compiler refuses any of it."""
    missing = [name for name in names(folder) if not place(name, folder).is_file()]
    if not missing:
        return 0
    # What takes longest is begun first.
    missing.sort(key=lambda name: -sum(file.stat().st_size for file in sources(folder / f"{name}.vy")))
    with ProcessPoolExecutor(min(len(missing), os.cpu_count() or 1), get_context("spawn")) as pool:
        refusals = [refusal for refusal in pool.map(partial(refused, folder=folder), missing) if refusal]
    print(f"compiled {len(missing) - len(refusals)} of {len(missing)} contracts")
    for refusal in refusals:
        print(refusal, file=sys.stderr)
    return 1 if refusals else 0


if __name__ == "__main__":
    sys.exit(main())
