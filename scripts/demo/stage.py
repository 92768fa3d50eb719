"""One block after the other: prices go out, the block is mined, its logs are taken in, and everything is checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .checks import custody_fault, sums_fault
from .deployer import Deployment
from .events import Decoder, Event
from .feeds import Feeds
from .node import Node
from .observer import BlockRecord, Observer
from .settings import BLOCK_SECONDS

CHUNK = 250
"""Transactions of the opening a block."""

LOG_BLOCKS = 500


class StageError(Exception):
    """A transaction of the demo's own was refused by the protocol."""


@dataclass(slots=True)
class Faults:
    """The first break of each identity, "" while it holds."""

    custody: str = ""
    sums: str = ""


@dataclass(slots=True)
class Stage:
    """The chain as the driver drives it; `events` are those of its last block."""

    node: Node
    deployment: Deployment
    feeds: Feeds
    observer: Observer
    decoder: Decoder
    timestamp: int
    faults: Faults = field(default_factory=Faults)
    number: int = 0
    events: list[Event] = field(default_factory=list)
    _balance_calls: list[tuple[str, list[Any]]] = field(init=False)

    def __post_init__(self) -> None:
        house = self.deployment.address("Clearinghouse")
        self._balance_calls = [
            ("eth_call", [{"to": str(token.address), "data": token.encode_abi("balanceOf", [house])}, "latest"])
            for token in (self.deployment.quote, *self.deployment.tokens.values())
        ]

    def catch_up(self) -> None:
        """Take in what was said since the deployment began."""
        first, last = self.deployment.block, int(self.node.call("eth_blockNumber"), 16)
        for start in range(first, last + 1, LOG_BLOCKS):
            bounds = {"fromBlock": hex(start), "toBlock": hex(min(last, start + LOG_BLOCKS - 1))}
            for event in self.decoder.decode(self.node.call("eth_getLogs", bounds)):
                self.observer.mirror.apply(event)
        self.number = last

    def advance(self, prices: Mapping[str, float], transactions: Sequence[str] = ()) -> BlockRecord:
        """Mine the next block with these prices in it, and check what it left."""
        self.timestamp += BLOCK_SECONDS
        self.node.mine(self.timestamp, [*self.feeds.transactions(prices, self.timestamp), *transactions])
        number, logs, *balances = self.node.batch(
            [
                ("eth_blockNumber", []),
                ("eth_getLogs", [{"fromBlock": "latest", "toBlock": "latest"}]),
                *self._balance_calls,
            ]
        )
        self.number = int(number, 16)
        self.events = self.decoder.decode(logs)
        record = self.observer.block(self.number, self.timestamp, self.events)
        self._check([int(balance, 16) for balance in balances])
        return record

    def perform(self, prices: Mapping[str, float], transactions: Iterable[str]) -> None:
        """Mine the demo's own transactions, some a block; StageError says why the first that failed did."""
        waiting = list(transactions)
        for start in range(0, len(waiting), CHUNK):
            self.advance(prices, waiting[start : start + CHUNK])
            failed = self.node.failures()
            if failed:
                raise StageError(
                    f"block {self.number}: {len(failed)} reverted; the first: {self.node.reason(failed[0])}"
                )

    def _check(self, balances: Sequence[int]) -> None:
        deployment, mirror = self.deployment, self.observer.mirror
        quote, *spots = balances
        held = {
            deployment.markets[name]: units * 10 ** (18 - deployment.token_decimals[name])
            for name, units in zip(deployment.tokens, spots, strict=True)
        }
        self.faults.custody = self.faults.custody or self._at(
            custody_fault(mirror, quote * 10 ** (18 - deployment.quote_decimals), held)
        )
        self.faults.sums = self.faults.sums or self._at(sums_fault(mirror))

    def _at(self, fault: str) -> str:
        return f"block {self.number}: {fault}" if fault else ""


def decoder_of(deployment: Deployment) -> Decoder:
    """Decodes the logs of the protocol's contracts."""
    names = ("Clearinghouse", "RiskEngine", "Auction", "Exchange")
    return Decoder({name: (deployment.address(name), deployment.contracts[name].abi) for name in names})
