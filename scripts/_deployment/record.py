"""The deployment file: where a network's contracts are, all that a keeper needs to know of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ape.api import ProviderAPI
from eth_utils.crypto import keccak
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scripts._deployment.refusal import Refused

DEPLOYMENTS = Path("deployments")
CONTRACTS = ("RiskEngine", "Clearinghouse", "Auction", "InsuranceVault", "Batch", "Exchange", "Lens")
"""In the order in which they are deployed."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DeployedContract(_Part):
    """A contract: where it is, which code it has there, and how to talk to it."""

    address: str
    code_hash: str
    abi: list[dict[str, Any]]


class DeployedMarket(_Part):
    """A market; token and its decimals are null for one without spot, feed for one without a slow feed."""

    id: int
    symbol: str
    token: str | None
    token_decimals: int | None
    feed: str | None


class DeployedQuote(_Part):
    """The quote token."""

    token: str
    decimals: int
    symbol: str


class Record(_Part):
    """One network's deployment. `testing` holds tokens and feeds that were deployed for tests, by what they are for."""

    network: str
    chain_id: int
    genesis: str
    block: int
    parameters: str
    quote: DeployedQuote | None = None
    contracts: dict[str, DeployedContract] = Field(default_factory=dict)
    markets: list[DeployedMarket] = Field(default_factory=list)
    testing: dict[str, DeployedContract] = Field(default_factory=dict)

    def address(self, name: str) -> str:
        """Where a contract is."""
        return self.contracts[name].address

    def save(self, path: Path) -> None:
        """Write the file whole or not at all, so that an interrupted deployment can go on."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("w", encoding="utf-8") as stream:
            stream.write(self.model_dump_json(indent=2) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)


def record_path(provider: ProviderAPI, folder: Path = DEPLOYMENTS) -> Path:
    """Where the deployment file of the connected network is."""
    network = provider.network
    return folder / f"{network.ecosystem.name}-{network.name}-{provider.name}.json"


def is_local(provider: ProviderAPI) -> bool:
    """Whether the network is one of this machine: test tokens, test feeds and test accounts are for these only."""
    return provider.network.is_dev or provider.chain_id in (1337, 31337)


def genesis_of(provider: ProviderAPI) -> str:
    """The hash of block 0: two chains of one id are told apart by it."""
    return "0x" + bytes(provider.get_block(0).hash).hex()


def code_hash(provider: ProviderAPI, address: str) -> str | None:
    """keccak256 of the code at an address, None where there is none."""
    code = bytes(provider.get_code(address))
    return "0x" + keccak(code).hex() if code else None


def read_record(path: Path) -> Record | None:
    """The deployment file, None where there is none."""
    try:
        return Record.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        mistake = error.errors()[0]
        where = ".".join(str(part) for part in mistake["loc"])
        raise Refused(f"{path}: {where}: {mistake['msg']}; a deployment file is written by deploy alone") from None


def is_of_gone_chain(record: Record, provider: ProviderAPI) -> bool:
    """Whether a local file is of a chain that has been started anew since: another block 0, or no contract at all.

    Two chains that were started with one timestamp have the same block 0.
    """
    if not is_local(provider) or record.chain_id != provider.chain_id:
        return False
    deployed = record.contracts.values()
    return record.genesis != genesis_of(provider) or (
        bool(deployed) and not any(code_hash(provider, contract.address) for contract in deployed)
    )


def open_record(path: Path, provider: ProviderAPI) -> Record:
    """The deployment file of the connected chain, with all contracts in it; refused if there is none such."""
    record = read_record(path)
    if record is None:
        raise Refused(f"{path}: there is no such deployment file: run deploy first")
    if is_of_gone_chain(record, provider):
        raise Refused(f"{path}: is of a local chain that is gone: run deploy first, or deploy --configure")
    check_chain(record, path, provider)
    missing = [name for name in CONTRACTS if name not in record.contracts]
    if missing or record.quote is None:
        raise Refused(f"{path}: the deployment is unfinished, without {', '.join(missing)}: run deploy again")
    return record


def check_chain(record: Record, path: Path, provider: ProviderAPI) -> None:
    """Refused unless the connected chain is the file's, with the file's code at each address."""
    if record.chain_id != provider.chain_id:
        raise Refused(f"{path}: chain_id is {record.chain_id}, the connected network's is {provider.chain_id}")
    if record.genesis != genesis_of(provider):
        raise Refused(
            f"{path}: genesis is {record.genesis}, the connected chain's is {genesis_of(provider)}: "
            "the file is of another chain with the same id"
        )
    for name, contract in {**record.contracts, **record.testing}.items():
        found = code_hash(provider, contract.address)
        if found is None:
            raise Refused(f"{path}: {name} at {contract.address} has no code on this chain")
        if found != contract.code_hash:
            raise Refused(
                f"{path}: {name} at {contract.address} has code {found}, the file says {contract.code_hash}: "
                "another contract is there"
            )
