from __future__ import annotations

import random
from typing import Any

import pytest
from eth_abi.abi import encode

from keeper.chain.events import IGNORED, KNOWN, AccountChanged, Taken, read_logs, topic
from keeper.chain.types import LinkError
from tests.e2e.artifacts import artifact


def signature(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(part['type'] for part in entry['inputs'])})"


@pytest.mark.parametrize("contract", ["Clearinghouse", "RiskEngine", "Auction"])
def test_events__every_event_of_the_core__read_or_ignored_on_purpose(contract: str) -> None:
    declared = {signature(entry) for entry in artifact(contract).abi if entry["type"] == "event"}
    assert declared
    assert declared <= set(KNOWN) | set(IGNORED)


def test_events__all_known__declared_with_the_same_indexed_parts() -> None:
    """The readers take topics and data by position: which parts are indexed matters as much as their types."""
    declared = {
        signature(entry): entry
        for contract in ("Clearinghouse", "RiskEngine", "Auction")
        for entry in artifact(contract).abi
        if entry["type"] == "event"
    }
    rng = random.Random(7)
    for name, read in KNOWN.items():
        parts = declared[name]["inputs"]
        values = [value_of(part["type"], rng) for part in parts]
        indexed = [number_of(v) for part, v in zip(parts, values, strict=True) if part["indexed"]]
        plain = [(part["type"], v) for part, v in zip(parts, values, strict=True) if not part["indexed"]]
        data = encode([kind for kind, _ in plain], [v for _, v in plain]).hex()
        words = [int(data[at : at + 64], 16) for at in range(0, len(data), 64)]
        event = read(indexed, words)
        assert list(event) == [number_of(v) for v in values], name


def value_of(kind: str, rng: random.Random) -> Any:
    match kind:
        case "uint256":
            return rng.getrandbits(256)
        case "int256":
            return rng.getrandbits(255) - 2**254
        case "bool":
            return rng.random() < 0.5
        case "address":
            return f"0x{rng.getrandbits(160):040x}"
        case "uint256[]":
            return tuple(rng.getrandbits(256) for _ in range(rng.randint(0, 5)))
    raise AssertionError(kind)


def number_of(value: Any) -> Any:
    return int(value, 16) if isinstance(value, str) else value


def raw(name: str, topics: list[int], data: bytes, block: int, place: int) -> dict[str, Any]:
    return {
        "topics": [topic(name), *(f"0x{value:064x}" for value in topics)],
        "data": "0x" + data.hex(),
        "blockNumber": hex(block),
        "blockHash": f"0x{block:064x}",
        "logIndex": hex(place),
        "transactionHash": f"0x{place:064x}",
    }


CHANGED = next(name for name in KNOWN if name.startswith("AccountChanged"))
TAKEN = next(name for name in KNOWN if name.startswith("Taken"))


def test_read_logs__out_of_order__sorted_as_the_chain_has_them() -> None:
    data = encode(["uint256", "uint256", "uint256", "uint256[]"], [6, 1, 2, [3, 4]])
    logs = read_logs([raw(CHANGED, [9], data, 2, 1), raw(CHANGED, [8], data, 2, 0), raw(CHANGED, [7], data, 1, 5)])
    assert [log.event for log in logs] == [AccountChanged(account, 6, 1, 2, (3, 4)) for account in (7, 8, 9)]


def test_read_logs__negative_numbers__signed() -> None:
    kinds = ["uint256", "bool", "int256", "uint256", "uint256", "uint256", "int256", "uint256", "uint256", "int256"]
    data = encode(kinds, [1, True, -2, 3, 4, 5, -6, 7, 8, -9])
    (log,) = read_logs([raw(TAKEN, [10, 11], data, 1, 0)])
    assert log.event == Taken(10, 11, 1, True, -2, 3, 4, 5, -6, 7, 8, -9)


def test_read_logs__cut_short__refused_rather_than_skipped() -> None:
    data = encode(["uint256", "uint256", "uint256", "uint256[]"], [6, 1, 2, [3, 4]])
    with pytest.raises(LinkError, match="a log cannot be read"):
        read_logs([raw(CHANGED, [9], data[:64], 1, 0)])


def test_read_logs__unknown_or_removed__left_out() -> None:
    known = raw("TermsSet(uint256)", [], encode(["uint256"], [5]), 1, 0)
    other = raw("Skipped(uint256,string)", [5], b"", 1, 1)
    assert len(read_logs([known, other])) == 1
    assert read_logs([{**known, "removed": True}]) == []
