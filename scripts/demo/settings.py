"""What a demo run is told: by the command line, or by variables that `make demo` passes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MARKETS = ("eth", "btc", "sol", "link")
"""The demo's four markets, in the order in which its path columns stand."""

SPOT_MARKETS = ("eth", "btc")
BLOCK_SECONDS = 2
SEED = 20240805
BLOCKS = 700
ACCOUNTS = 220
FEWEST_ACCOUNTS = 60
FEWEST_BLOCKS = 60


class UsageError(Exception):
    """What was asked for cannot be done; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One run: `columns` names the file's columns, `start` and `end` bound it, `keeper` False plays it unattended."""

    prices: Path | None = None
    start: str | None = None
    end: str | None = None
    columns: str | None = None
    keeper: bool = True
    seed: int = SEED
    blocks: int = BLOCKS
    accounts: int = ACCOUNTS
    output: Path = Path("demo")


def _number(variables: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = variables.get(name, "").strip()
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        raise UsageError(f"{name}: {text!r} is not a whole number") from None
    if value < least:
        raise UsageError(f"{name}: {value} is too few, at least {least}")
    return value


def _switch(variables: Mapping[str, str], name: str) -> bool:
    text = variables.get(name, "").strip() or "1"
    if text not in ("0", "1"):
        raise UsageError(f"{name}: {text!r} is neither 0 nor 1")
    return text == "1"


def read_settings(variables: Mapping[str, str]) -> Settings:
    """Settings from variables (the environment); UsageError names the variable and what it may be."""
    prices = variables.get("PRICES", "").strip()
    bounds = {key: variables.get(key, "").strip() or None for key in ("FROM", "TO", "COLUMNS")}
    for key, value in bounds.items():
        if value and not prices:
            raise UsageError(f"{key}: says which part of PRICES to play, but PRICES is not set")
    return Settings(
        prices=Path(prices) if prices else None,
        start=bounds["FROM"],
        end=bounds["TO"],
        columns=bounds["COLUMNS"],
        keeper=_switch(variables, "KEEPER"),
        seed=_number(variables, "SEED", SEED, 0),
        blocks=_number(variables, "BLOCKS", BLOCKS, FEWEST_BLOCKS),
        accounts=_number(variables, "ACCOUNTS", ACCOUNTS, FEWEST_ACCOUNTS),
        output=Path(variables.get("OUTPUT", "").strip() or "demo"),
    )
