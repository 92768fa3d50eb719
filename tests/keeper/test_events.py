from __future__ import annotations

import json
import random
from typing import Any

import pytest
from eth_abi.abi import encode

from keeper.chain.events import IGNORED, KNOWN, AccountChanged, Taken, topic
from keeper.chain.logs import Logs
from keeper.chain.logs import read_logs as read_bytes
from keeper.chain.types import LinkError
from scripts._deployment import kept


def signature(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(part['type'] for part in entry['inputs'])})"


@pytest.mark.parametrize("contract", ["Clearinghouse", "RiskEngine", "Auction"])
def test_events__every_event_of_the_core__read_or_ignored_on_purpose(contract: str) -> None:
    declared = {signature(entry) for entry in kept.made(contract).abi if entry["type"] == "event"}
    assert declared
    assert declared <= set(KNOWN) | set(IGNORED)


def test_events__all_known__declared_with_the_same_indexed_parts() -> None:
    """The readers take topics and data by position: which parts are indexed matters as much as their types."""
    declared = {
        signature(entry): entry
        for contract in ("Clearinghouse", "RiskEngine", "Auction")
        for entry in kept.made(contract).abi
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


def read_logs(logs: list[dict[str, Any]]) -> Logs:
    return read_bytes(json.dumps(logs).encode())


def changes_in(logs: Logs) -> list[AccountChanged]:
    """The changes of accounts as events."""
    words, found = logs.told.changes.words, []
    for at in logs.told.changes.at:
        account, act, header, changed, _, count = (number_at(words, at + place) for place in range(6))
        listed = tuple(number_at(words, at + 6 + place) for place in range(count))
        found.append(AccountChanged(account, act, header, changed, listed))
    return found


def number_at(words: Any, place: int) -> int:
    return int.from_bytes(words[place].tobytes(), "little")


CHANGED = next(name for name in KNOWN if name.startswith("AccountChanged"))
TAKEN = next(name for name in KNOWN if name.startswith("Taken"))


def test_read_logs__out_of_order__sorted_as_the_chain_has_them() -> None:
    data = encode(["uint256", "uint256", "uint256", "uint256[]"], [6, 1, 2, [3, 4]])
    logs = read_logs([raw(CHANGED, [9], data, 2, 1), raw(CHANGED, [8], data, 2, 0), raw(CHANGED, [7], data, 1, 5)])
    assert changes_in(logs) == [AccountChanged(account, 6, 1, 2, (3, 4)) for account in (7, 8, 9)]


def test_read_logs__negative_numbers__signed() -> None:
    kinds = ["uint256", "bool", "int256", "uint256", "uint256", "uint256", "int256", "uint256", "uint256", "int256"]
    data = encode(kinds, [1, True, -2, 3, 4, 5, -6, 7, 8, -9])
    (event,) = read_logs([raw(TAKEN, [10, 11], data, 1, 0)]).told.events
    assert event == Taken(10, 11, 1, True, -2, 3, 4, 5, -6, 7, 8, -9)


def test_read_logs__cut_short__refused_rather_than_skipped() -> None:
    data = encode(["uint256", "uint256", "uint256", "uint256[]"], [6, 1, 2, [3, 4]])
    with pytest.raises(LinkError, match="a log cannot be read"):
        read_logs([raw(CHANGED, [9], data[:64], 1, 0)])


def test_read_logs__unknown_or_removed__left_out() -> None:
    known = raw("TermsSet(uint256)", [], encode(["uint256"], [5]), 1, 0)
    other = raw("Skipped(uint256,string)", [5], b"", 1, 1)
    assert read_logs([known, other]).known == 1
    assert read_logs([{**known, "removed": True}]).known == 0


def test_read_logs__transactions__told_with_their_block() -> None:
    data = encode(["uint256"], [5])
    logs = [raw("TermsSet(uint256)", [], data, block, block + 3) for block in (1, 2)]
    assert read_logs(logs).seen == {f"0x{block + 3:064x}": (block, f"0x{block:064x}") for block in (1, 2)}


def test_read_logs__random_events_of_all_kinds__as_the_general_decoder_encodes_them() -> None:
    rng = random.Random(11)
    parts = {
        signature(entry): entry["inputs"]
        for contract in ("Clearinghouse", "RiskEngine", "Auction")
        for entry in kept.made(contract).abi
        if entry["type"] == "event"
    }
    logs, changes, others = [], [], []
    for place in range(2_000):
        name = rng.choice([CHANGED, *KNOWN])
        values = [value_of(part["type"], rng) for part in parts[name]]
        pairs = list(zip(parts[name], values, strict=True))
        data = encode([p["type"] for p, _ in pairs if not p["indexed"]], [v for p, v in pairs if not p["indexed"]])
        logs.append(raw(name, [number_of(v) for p, v in pairs if p["indexed"]], data, 1 + place // 50, place))
        (changes if name == CHANGED else others).append(tuple(number_of(value) for value in values))
    shuffled = rng.sample(logs, len(logs))
    told = read_logs(shuffled)
    assert [tuple(event) for event in changes_in(told)] == changes
    assert [tuple(event) for event in told.told.events] == others
    assert told.known == 2_000


@pytest.mark.parametrize(
    "broken",
    [
        {"data": "0x"},
        {"data": "0x" + "00" * 160 + "0"},
        {"data": "0x" + "00" * 3 * 32 + f"{160:064x}" + "00" * 64},
        {"data": "0x" + "00" * 3 * 32 + f"{128:064x}" + f"{2:064x}" + "00" * 32},
        {"topics": [topic(CHANGED)]},
        {"topics": [topic(CHANGED), "0x05"]},
        {"blockNumber": None},
        {"data": "0x" + "zz" * 160},
    ],
)
def test_read_logs__change_that_is_no_change__refused(broken: dict[str, Any]) -> None:
    data = encode(["uint256", "uint256", "uint256", "uint256[]"], [6, 1, 2, [3, 4]])
    with pytest.raises(LinkError, match="a log cannot be read"):
        read_logs([{**raw(CHANGED, [9], data, 1, 0), **broken}])


@pytest.mark.parametrize("answer", [b"", b"null", b"{}", b'"0x"', b"[null]", b"[[]]"])
def test_read_logs__answer_that_is_no_list_of_logs__refused(answer: bytes) -> None:
    with pytest.raises(LinkError, match="a log cannot be read"):
        read_bytes(answer)
