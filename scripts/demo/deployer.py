"""The contracts, brought to the demo's node by the deployer's own scripts, and what their record says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address
from web3 import Web3
from web3.contract import Contract

from .children import Child
from .settings import MARKETS

ROOT = Path(__file__).resolve().parents[2]
NETWORK = "ethereum:local:foundry"
RECORD = NETWORK.replace(":", "-") + ".json"
DEPLOY_SECONDS = 600


class DeployError(Exception):
    """The deployer's scripts failed, or their record is not what the demo needs."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The contracts by name, the quote token, and each market's number, token and feed by symbol."""

    file: Path
    block: int
    chain_id: int
    contracts: Mapping[str, Contract]
    quote: Contract
    quote_decimals: int
    markets: Mapping[str, int]
    tokens: Mapping[str, Contract]
    token_decimals: Mapping[str, int]
    feeds: Mapping[str, Contract]

    def address(self, name: str) -> str:
        """Where a contract is."""
        return str(self.contracts[name].address)

    def symbol(self, market: int) -> str:
        """What the demo calls a market."""
        return next(symbol for symbol, number in self.markets.items() if number == market)


def deploy(url: str, folder: Path) -> Path:
    """Run the deployer's script against the node at `url`; its record, which is returned, and its log go to `folder`.

    The project's own records, of networks that stay, are left alone.
    """
    # What Ape starts is this environment's.
    programs = Path(sys.executable).parent
    variables = {
        "APE_FOUNDRY_HOST": url,
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [str(programs / "ape"), "run", "deploy", "--configure", "--network", NETWORK]
    _run([*command, "--deployments", str(folder.resolve())], variables, folder / "deploy.log")
    return folder / RECORD


def _run(command: list[str], variables: Mapping[str, str], log: Path) -> None:
    ape = Child()
    try:
        with log.open("wb") as stream:
            ape.start(command, stream, folder=ROOT, **variables)
        code = ape.wait(DEPLOY_SECONDS)
    except subprocess.TimeoutExpired:
        raise DeployError(f"ape run deploy took more than {DEPLOY_SECONDS} s: see {log}") from None
    finally:
        # With all that it started.
        ape.kill()
    if code:
        tail = "\n".join(log.read_text(encoding="utf-8").splitlines()[-8:])
        raise DeployError(f"ape run deploy ended with {code}, see {log}:\n{tail}")


def read_deployment(file: Path) -> Deployment:
    """The record that the deployer wrote; DeployError if it lacks a market, a token or a feed."""
    record = json.loads(file.read_text(encoding="utf-8"))
    bind = _Binder(record)
    markets = {entry["symbol"].lower(): entry for entry in record["markets"]}
    missing = [symbol for symbol in MARKETS if symbol not in markets]
    if missing:
        raise DeployError(f"{file}: no market {', '.join(missing)}")
    with_token = {symbol: entry for symbol, entry in markets.items() if entry["token"]}
    return Deployment(
        file=file,
        block=record["block"],
        chain_id=record["chain_id"],
        contracts={name: bind.named(part) for name, part in record["contracts"].items()},
        quote=bind.at(record["quote"]["token"]),
        quote_decimals=record["quote"]["decimals"],
        markets={symbol: markets[symbol]["id"] for symbol in MARKETS},
        tokens={symbol: bind.at(entry["token"]) for symbol, entry in with_token.items()},
        token_decimals={symbol: entry["token_decimals"] for symbol, entry in with_token.items()},
        feeds={symbol: bind.at(markets[symbol]["feed"]) for symbol in MARKETS},
    )


class _Binder:
    """Addresses of a record as contracts with their ABI; nothing is asked of a node."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._web3 = Web3()
        self._testing = {part["address"].lower(): part for part in record["testing"].values()}

    def named(self, part: Mapping[str, Any]) -> Contract:
        bound: Contract = self._web3.eth.contract(address=to_checksum_address(part["address"]), abi=part["abi"])
        return bound

    def at(self, address: str | None) -> Contract:
        part = self._testing.get((address or "").lower())
        if part is None:
            raise DeployError(f"{address}: not a token or feed that was deployed for tests; the demo mints and pushes")
        return self.named(part)
