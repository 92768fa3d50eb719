"""The hashes that are kept are of the sources as they are, and code on a chain is told from other code."""

from __future__ import annotations

import json

import pytest
from eth_utils.crypto import keccak

from scripts.hashes.codes import CONTRACTS, HASHES, Code, differences
from tests.model.contracts import contract

CODE = Code("House", b"creation", b"runtime", 4)


@pytest.mark.parametrize("name", sorted(path.stem for path in CONTRACTS.glob("*.vy")))
def test_hashes__of_each_contract__are_of_its_source(name):
    kept = json.loads(HASHES.read_text())["contracts"]
    assert kept[name]["creation"] == "0x" + keccak(contract(name).bytecode).hex(), "run `make hashes WRITE=1`"


def test_hashes__contracts_kept__are_those_there_are():
    kept = json.loads(HASHES.read_text())["contracts"]
    assert sorted(kept) == sorted(path.stem for path in CONTRACTS.glob("*.vy"))


@pytest.mark.parametrize(
    ("deployed", "same"),
    [
        (b"runtime1234", True),
        (b"runtime9999", True),
        (b"runtime", False),
        (b"runtime12345", False),
        (b"Runtime1234", False),
        (b"", False),
    ],
)
def test_is_at__code_of_a_chain__is_the_runtime_and_its_immutables(deployed, same):
    assert CODE.is_at(deployed) is same


def test_differences__another_compiler_a_changed_a_new_and_a_gone_contract__are_named():
    kept = {"compiler": "vyper 1", "library": "x", "contracts": {"House": CODE.hashes, "Gone": CODE.hashes}}
    changed = Code("House", b"creation", b"other", 4)
    found = {"compiler": "vyper 2", "library": "x", "contracts": {"House": changed.hashes, "New": CODE.hashes}}
    said = list(differences(kept, found))
    assert said[0] == "compiler: the file says vyper 1, here is vyper 2"
    assert said[1] == "Gone: has no source"
    assert [line.split(":")[1] for line in said if line.startswith("House")] == [" runtime", " runtime_bytes"]
    assert said[-1] == "New: is not in the file"
    assert list(differences(found, found)) == []
