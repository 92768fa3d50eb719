"""`python -m scripts.hashes`: compile all contracts afresh and compare their hashes with deployments/hashes.json.

`--write` makes the file anew. `--record FILE --node URL` also reads the code at each address of a deployment file from
a node and says whether it is what these sources compile to.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from web3 import Web3
from web3.exceptions import Web3Exception

from scripts._deployment.record import Record
from scripts.hashes.codes import HASHES, ROOT, Code, compile_all, differences, document

console = Console(soft_wrap=True, highlight=False)
errors = Console(stderr=True, soft_wrap=True, highlight=False)


def fail(message: str) -> typer.Exit:
    """Say why, and end with 1."""
    errors.print(message, style="red", markup=False)
    return typer.Exit(1)


def check_chain(codes: dict[str, Code], record_path: Path, node: str) -> None:
    """Each contract of a deployment file on its chain; typer.Exit where one is not what the sources compile to."""
    try:
        record = Record.model_validate_json(record_path.read_text(encoding="utf-8"))
        web3 = Web3(Web3.HTTPProvider(node))
        if (chain := web3.eth.chain_id) != record.chain_id:
            raise fail(f"{node}: chain {chain}, the deployment file is of chain {record.chain_id}")
        others = []
        for name, deployed in record.contracts.items():
            code = bytes(web3.eth.get_code(Web3.to_checksum_address(deployed.address)))
            same = name in codes and codes[name].is_at(code)
            console.print(f"{name:<16}{deployed.address}  {'is this source' if same else 'IS OTHER CODE'}")
            others += [] if same else [name]
    except (OSError, ValidationError, Web3Exception) as error:
        raise fail(f"{record_path}: {error}") from None
    if others:
        raise fail(f"other code than these sources compile to: {', '.join(others)}")


def main(
    write: Annotated[bool, typer.Option("--write", help="Make deployments/hashes.json anew.")] = False,
    record: Annotated[Path | None, typer.Option(help="A deployment file, to compare its chain's code.")] = None,
    node: Annotated[str, typer.Option(help="A node of that chain.")] = "http://127.0.0.1:8545",
) -> None:
    """Compile every deployed contract afresh and compare hashes with deployments/hashes.json."""
    codes = compile_all()
    found = document(codes)
    if write:
        HASHES.write_text(json.dumps(found, indent=2) + "\n")
    kept = json.loads(HASHES.read_text()) if HASHES.is_file() else {}
    wrong = list(differences(kept, found))
    for name, hashes in found["contracts"].items():
        console.print(f"{name:<16}{hashes['runtime_bytes']:>7} bytes  runtime {hashes['runtime']}")
    for line in wrong:
        errors.print(line, style="red", markup=False)
    if wrong:
        raise fail(f"{len(wrong)} differ from {HASHES.relative_to(ROOT)}; after a change of the sources: --write")
    if record:
        check_chain(codes, record, node)


if __name__ == "__main__":
    typer.run(main)
