"""
Compiled contracts, kept for each state of all sources; `python -m scripts._deployment.kept` keeps what Ape has made.

Ape's own cache looks at a contract's file alone and does not see that an import or an interface changed: what is
deployed, or tested, must not come from there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "contracts"
KEPT = ROOT / ".cache" / "contracts"
BUILT = ROOT / ".build" / "__local__.json"
"""Where `ape compile` leaves what it made."""


def state() -> str:
    """A sum over everything that decides what the contracts compile to: sources, settings, compiler and library."""
    digest = hashlib.sha256(f"{version('vyper')} {version('snekmate')}".encode())
    for path in (ROOT / "ape-config.yaml", *sorted(CONTRACTS.rglob("*.vy*"))):
        content = path.read_bytes()
        digest.update(f"\n{path.relative_to(ROOT)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:32]


def kept(name: str, sources: str) -> str | None:
    """A contract type as Ape writes it, of the sources' state; None if nobody has compiled it."""
    path = KEPT / sources / f"{name}.json"
    return path.read_text() if path.is_file() else None


def keep(name: str, sources: str, content: str) -> None:
    """Leave a contract type for the next who needs it, unless the sources are others by now."""
    if state() != sources:
        return  # whose state this is, nobody can say
    path = KEPT / sources / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Another process may be writing the same contract: a rename is whole or not at all.
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(content)
    unfinished.replace(path)


def main() -> None:
    """Keep all that `ape compile --force` has just made, and drop what was kept of other states."""
    sources = state()
    if KEPT.is_dir():
        for other in KEPT.iterdir():
            if other.is_dir() and other.name != sources:
                shutil.rmtree(other)
    for name, made in json.loads(BUILT.read_text())["contractTypes"].items():
        keep(name, sources, json.dumps(made))


if __name__ == "__main__":
    main()
