"""The deployment file: which contracts, on which chain, since which block."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from keeper.config.load import ConfigError

REQUIRED = ("Clearinghouse", "RiskEngine", "Auction")


class Contract(BaseModel):
    """One deployed contract. `code_hash` is the keccak of its runtime code and is checked at start-up if given."""

    model_config = ConfigDict(frozen=True)

    address: str
    code_hash: str | None = None
    abi: list[dict[str, Any]] | None = None

    @field_validator("address")
    @classmethod
    def _checksum(cls, address: str) -> str:
        return to_checksum_address(address)


class MarketEntry(BaseModel):
    """What people call a market, and the token behind its spot."""

    model_config = ConfigDict(frozen=True)

    id: int = Field(ge=0, lt=64)
    symbol: str
    token: str | None = None
    token_decimals: int | None = None
    feed: str | None = None


class Deployment(BaseModel):
    """The file as deploy writes it; keys that the keeper has no use for are left to others.

    `genesis` is the hash of the chain's block 0 and is checked at start-up if given.
    """

    model_config = ConfigDict(frozen=True)

    network: str
    chain_id: int
    genesis: str | None = None
    block: int = Field(ge=0)
    contracts: dict[str, Contract]
    markets: list[MarketEntry] = []
    quote: dict[str, Any] = {}

    @model_validator(mode="after")
    def _complete(self) -> Deployment:
        missing = [name for name in REQUIRED if name not in self.contracts]
        if missing:
            raise ValueError(f"contracts: missing {', '.join(missing)}")
        return self

    def address(self, name: str) -> str:
        """Checksummed address of a contract."""
        return self.contracts[name].address

    def symbol(self, market: int) -> str:
        """What people call the market, or its number."""
        return next((entry.symbol for entry in self.markets if entry.id == market), f"#{market}")


def load_deployment(path: Path) -> Deployment:
    """The deployment in `path`. Raises ConfigError naming file and key."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"chain.deployment: {path} cannot be read: {error.strerror}; `ape run deploy` writes such files"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not valid JSON: byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}: not valid JSON: {error.msg}") from error
    try:
        return Deployment.model_validate(raw)
    except ValidationError as error:
        lines = [
            f"{path}: {'.'.join(str(p) for p in e['loc']) or 'the file'}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()
        ]
        raise ConfigError("\n".join(lines)) from error
