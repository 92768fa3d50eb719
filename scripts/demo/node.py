"""The demo's chain: an anvil process of its own on a free loopback port, and JSON-RPC to it in batches."""

from __future__ import annotations

import shutil
import signal
import socket
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import requests

from .children import Child

START_SECONDS = 20.0
STOP_SECONDS = 5.0
REQUEST_SECONDS = 120.0
BASE_FEE = 10_000_000
"""wei a unit of gas: a rollup's, so that gas decides nothing."""

GAS_LIMIT = 400_000_000
KEPT_STATES = 64


class NodeError(Exception):
    """The node is not there, or answered with an error."""


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Node:
    """Anvil, stopped on leaving the context whatever happened; blocks come from `mine` once `hold_blocks` is called."""

    def __init__(self, log: Path) -> None:
        """Output of the process goes to `log`."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.socket_url = f"ws://127.0.0.1:{self.port}"
        self._log = log
        self._session = requests.Session()
        self._anvil = Child()

    def __enter__(self) -> Self:
        binary = shutil.which("anvil")
        if binary is None:
            raise NodeError("anvil is not on PATH: run `make setup`")
        command = [binary, "--host", "127.0.0.1", "--port", str(self.port), "--prune-history", str(KEPT_STATES)]
        command += ["--base-fee", str(BASE_FEE), "--gas-limit", str(GAS_LIMIT)]
        try:
            with self._log.open("wb") as log:
                self._anvil.start(command, log)
            self._await_start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process; again is harmless."""
        self._session.close()
        self._anvil.end(signal.SIGTERM, STOP_SECONDS)

    def _await_start(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if not self._anvil.running:
                raise NodeError(f"anvil ended with {self._anvil.exit_code}: see {self._log}")
            try:
                self.call("eth_chainId")
                return
            except NodeError:
                time.sleep(0.05)
        raise NodeError(f"anvil did not answer within {START_SECONDS:.0f} s: see {self._log}")

    def _post(self, body: Any) -> Any:
        try:
            answer = self._session.post(self.url, json=body, timeout=REQUEST_SECONDS)
            answer.raise_for_status()
            return answer.json()
        except requests.RequestException as error:
            raise NodeError(f"the node does not answer: {error}") from error

    def call(self, method: str, *params: Any) -> Any:
        """The result of one request; NodeError for an error."""
        return self.batch([(method, params)])[0]

    def batch(self, calls: Iterable[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of many requests in one round trip, in order; NodeError names the first that failed.

        The node may work on them at once: one must not depend on another.
        """
        listed = list(calls)
        if not listed:
            return []
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
            for number, (method, params) in enumerate(listed)
        ]
        answers = sorted(self._post(body), key=lambda answer: int(answer["id"]))
        for (method, _), answer in zip(listed, answers, strict=True):
            if "error" in answer:
                raise NodeError(f"{method}: {answer['error'].get('message')}")
        return [answer["result"] for answer in answers]

    def hold_blocks(self) -> None:
        """From now on a block comes only when it is mined by hand."""
        self.call("evm_setAutomine", False)

    def mine(self, timestamp: int, transactions: Sequence[str]) -> None:
        """Send signed transactions, then mine them and what else is waiting in a block of that time."""
        self.batch([("eth_sendRawTransaction", [raw]) for raw in transactions])
        self.call("evm_mine", timestamp)

    def failures(self) -> list[str]:
        """Hashes of the transactions of the newest block that were reverted."""
        receipts = self.call("eth_getBlockReceipts", "latest")
        return [receipt["transactionHash"] for receipt in receipts if int(receipt["status"], 16) == 0]

    def reason(self, transaction_hash: str) -> str:
        """Why a transaction was reverted, as far as calling it again tells."""
        sent = self.call("eth_getTransactionByHash", transaction_hash)
        request = {"from": sent["from"], "to": sent["to"], "data": sent["input"], "gas": sent["gas"]}
        try:
            self.call("eth_call", request, "latest")
        except NodeError as error:
            return str(error)
        return "it does not revert when called again"
