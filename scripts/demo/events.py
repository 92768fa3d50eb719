"""Logs as they come from a node, decoded by the ABIs that the deployment file carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode
from eth_utils.abi import event_abi_to_log_topic


@dataclass(frozen=True, slots=True)
class Event:
    """One decoded log: which contract said what, with the arguments by name."""

    contract: str
    name: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Shape:
    contract: str
    name: str
    topics: tuple[tuple[str, str], ...]
    data_names: tuple[str, ...]
    data_types: tuple[str, ...]


def _shape(contract: str, abi: Mapping[str, Any]) -> _Shape:
    inputs: Sequence[Mapping[str, Any]] = abi["inputs"]
    data = [item for item in inputs if not item["indexed"]]
    return _Shape(
        contract,
        abi["name"],
        tuple((item["name"], item["type"]) for item in inputs if item["indexed"]),
        tuple(item["name"] for item in data),
        tuple(item["type"] for item in data),
    )


class Decoder:
    """Decodes the logs of known contracts and passes over those of others."""

    def __init__(self, contracts: Mapping[str, tuple[str, Sequence[Mapping[str, Any]]]]) -> None:
        """`contracts` gives each name its address and ABI."""
        self._shapes: dict[tuple[str, str], _Shape] = {}
        for name, (address, abi) in contracts.items():
            for item in abi:
                if item["type"] == "event":
                    topic = "0x" + event_abi_to_log_topic(dict(item)).hex()  # type: ignore[arg-type]
                    self._shapes[address.lower(), topic] = _shape(name, item)

    def decode(self, logs: Iterable[Mapping[str, Any]]) -> list[Event]:
        """The events of raw JSON logs, in their order."""
        events = []
        for log in logs:
            shape = self._shapes.get((log["address"].lower(), log["topics"][0]))
            if shape:
                events.append(_event(shape, log))
        return events


def _event(shape: _Shape, log: Mapping[str, Any]) -> Event:
    args: dict[str, Any] = {}
    for (name, kind), topic in zip(shape.topics, log["topics"][1:], strict=True):
        args[name] = decode([kind], bytes.fromhex(topic[2:]))[0]
    values = decode(shape.data_types, bytes.fromhex(log["data"][2:]))
    args.update(zip(shape.data_names, values, strict=True))
    return Event(shape.contract, shape.name, args)
