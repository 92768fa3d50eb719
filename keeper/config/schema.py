"""What an operator may set, with its defaults, units and allowed values."""

from __future__ import annotations

import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WAD = 10**18
GWEI = 10**9

Quote = Annotated[Decimal, Field(ge=0, le=Decimal(10) ** 12)]
OnOff = Annotated[bool, Field(strict=True)]
Bps = Annotated[int, Field(strict=True, ge=0, le=10_000)]


LEAST_GAS_BID, LEAST_GAS_LOT = 450_000, 305_000
"""Limits of a bid without lots, and of a lot of one market: as in keeper/decide/offer.py, which needs this module."""
SCHEMES = ("http://", "https://", "ws://", "wss://", "ipc://")


def expanded(text: str) -> str:
    """With the values of environment variables in place of `${NAME}`. ValueError names one that is not there."""

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if not found:
            raise ValueError(f"the environment has no {match[1]}")
        return found

    return re.sub(r"\$\{(\w+)\}", value, text)


def _check_address(written: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{written!r}: {str(error).lower()}") from None
    if parts.scheme == "ipc":
        if not parts.path.startswith("/") or parts.netloc:
            raise ValueError(f"{written!r}: must name a file, as ipc:///path/to/node.ipc")
        return
    if not parts.hostname or any(letter.isspace() for letter in url):
        raise ValueError(f"{written!r}: must be an address such as wss://host:8546/path")
    if port == 0:
        raise ValueError(f"{written!r}: port 0 is none")


def account_or_owner(name: str) -> int:
    """An account's id, or an owner's address, as a number."""
    try:
        found = int(name, 0)
    except ValueError:
        found = 0
    if not 0 < found < 1 << 256:
        raise ValueError(f"{name!r}: must be an account's number, decimal or 0x…, or an owner's address")
    return found


def wad(amount: Decimal) -> int:
    """Quote units to WAD, exact to the last digit that WAD has (toward zero)."""
    return int(amount * WAD)


class Section(BaseModel):
    """A table of the file: a key that is not known is refused rather than ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ChainSection(Section):
    """Where the chain is read, and how patiently."""

    deployment: Path
    endpoints: Annotated[list[str], Field(min_length=1)]
    poll_seconds: Annotated[float, Field(strict=True, gt=0, le=60)] = 0.5
    deaf_seconds: Annotated[float, Field(strict=True, gt=0, le=3600)] = 20.0
    request_seconds: Annotated[float, Field(strict=True, gt=0, le=300)] = 10.0
    attempts: Annotated[int, Field(strict=True, ge=1, le=10)] = 3
    hedge_seconds: Annotated[float, Field(strict=True, gt=0, le=60)] = 1.0
    confirm_logs: Annotated[bool, Field(strict=True)] = True
    log_range: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 2_000
    history_blocks: Annotated[int, Field(strict=True, ge=8, le=10_000)] = 128

    @field_validator("endpoints")
    @classmethod
    def _addresses(cls, endpoints: list[str]) -> list[str]:
        found: list[str] = []
        for written in endpoints:
            if not written.startswith(SCHEMES):
                raise ValueError(f"{written!r}: must start with one of {', '.join(SCHEMES)}")
            url = expanded(written)
            _check_address(written, url)
            if url.rstrip("/") in found:
                raise ValueError(f"{written!r}: is there twice; a second endpoint helps only if it is another")
            found.append(url.rstrip("/"))
        return found


class StoreSection(Section):
    """The keeper's own file: snapshots of the book and the journal."""

    path: Path = Path("keeper.sqlite")
    snapshot_blocks: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 200


class BookSection(Section):
    """How often the book is compared with the contracts: so many accounts, not more often than every so many blocks."""

    compare: Annotated[int, Field(ge=0, le=32)] = 4
    compare_blocks: Annotated[int, Field(ge=1, le=1_000_000)] = 5


class KeySection(Section):
    """One signing key, by reference only: the key itself never stands in a file that is read as configuration.

    With neither given, the key is in the environment variable KEEPER_KEY.
    """

    key_env: str | None = None
    keystore: Path | None = None
    password_env: str = "KEEPER_PASSWORD"  # noqa: S105 - the variable's name

    @model_validator(mode="after")
    def _not_both(self) -> KeySection:
        if self.key_env is not None and self.keystore is not None:
            raise ValueError("give key_env or keystore, not both")
        return self


class SignerSection(KeySection):
    """The key of every lane, unless `opens` has its own."""

    dry_run: OnOff = False
    opens: KeySection | None = None


class TakerSection(Section):
    """The account that receives what is bought: `owner << 96 | sub`. Without an owner it is the signer's own."""

    sub: Annotated[int, Field(strict=True, ge=0, lt=2**96)] = 0
    owner: str | None = None

    @field_validator("owner")
    @classmethod
    def _address(cls, owner: str | None) -> str | None:
        if owner is None:
            return None
        digits = owner[2:] if owner.startswith("0x") else ""
        if len(digits) != 40 or any(c not in "0123456789abcdefABCDEF" for c in digits) or int(digits, 16) == 0:
            raise ValueError("must be an address: 0x and 40 hexadecimal digits, not zero")
        return owner


SIGHTED_TOGETHER = 32
"""Accounts in a sighting: fewer than the contract takes (64), so that several with their limits of gas fill a block."""


class SightSection(Section):
    """Sighting is the keeper's duty; only where another process does it is it switched off."""

    enabled: OnOff = True
    resight: Annotated[float, Field(strict=True, gt=0, le=0.9)] = 0.7
    batch: Annotated[int, Field(strict=True, ge=1, le=64)] = SIGHTED_TOGETHER
    refresh: OnOff = True
    clear_recovered: OnOff = False


class BidSection(Section):
    """When to bid, for how much, and what the taker may carry. Money is in quote units."""

    enabled: OnOff = True
    model: str = "threshold"
    min_profit: Quote = Decimal(1)
    min_return_bps: Bps = 100
    target_lambda_bps: Bps = 2_000
    hazard_per_second: Annotated[float, Field(strict=True, ge=0, le=10)] = 0.02
    unwind_bps_of_requirement: Bps = 500
    unwind_bps_of_notional: Bps = 10
    max_requirement: Quote = Decimal(1_000_000)
    margin_buffer_bps: Bps = 200
    cost_slack_bps: Bps = 1_000
    release_slack_bps: Bps = 500
    min_fraction: Annotated[float, Field(strict=True, gt=0, le=1)] = 0.02
    lots: Annotated[int, Field(strict=True, ge=1, le=16)] = 16
    markets: Annotated[list[Annotated[int, Field(strict=True, ge=0, lt=64)]], Field(min_length=1)] | None = None
    allow: list[str] = []
    deny: list[str] = []

    @field_validator("allow", "deny")
    @classmethod
    def _accounts(cls, names: list[str]) -> list[str]:
        for name in names:
            account_or_owner(name)
        return names

    @model_validator(mode="after")
    def _not_both(self) -> BidSection:
        denied = {account_or_owner(name) for name in self.deny}
        for name in self.allow:
            account = account_or_owner(name)
            if account in denied or account >> 96 in denied:
                raise ValueError(f"{name} is in allow and in deny: nothing would be bid for it; take it out of one")
        return self


class SweepSection(Section):
    """Having standing bids take accounts: in quote units, what a sweep may cost us beyond what we are paid for it."""

    enabled: OnOff = True
    max_cost: Quote = Decimal(0)


class MatchSection(Section):
    """Signed orders of the Exchange that may relieve accounts: files, or addresses that answer with the same JSON."""

    orders: list[str] = []
    refresh_seconds: Annotated[float, Field(strict=True, gt=0, le=3_600)] = 5.0
    max_cost: Quote = Decimal(5)

    @field_validator("orders")
    @classmethod
    def _sources(cls, orders: list[str]) -> list[str]:
        found = []
        for written in orders:
            url = expanded(written)
            if "://" in url:
                if not url.startswith(("http://", "https://")):
                    raise ValueError(f"{written!r}: must be a file, or start with http:// or https://")
                _check_address(written, url)
            found.append(url)
        return found


class FeesSection(Section):
    """What a transaction may cost. `native_price` is quote units for 1.0 of the chain's own coin."""

    max_fee_gwei: Annotated[Decimal, Field(gt=0, le=1_000_000)] = Decimal(100)
    tip_gwei: Annotated[Decimal, Field(ge=0, le=1_000_000)] = Decimal("0.1")
    native_price: Quote = Decimal(3_000)
    replace_after_blocks: Annotated[int, Field(strict=True, ge=1, le=1_000)] = 3
    bump_percent: Annotated[int, Field(strict=True, ge=10, le=200)] = 15
    max_gas: Annotated[int, Field(strict=True, ge=500_000, le=16_777_216)] = 16_000_000

    @model_validator(mode="after")
    def _tip_below_fee(self) -> FeesSection:
        if self.tip_gwei > self.max_fee_gwei:
            raise ValueError(f"tip_gwei ({self.tip_gwei}) must not be above max_fee_gwei ({self.max_fee_gwei})")
        return self

    @property
    def max_fee(self) -> int:
        """wei for a unit of gas."""
        return int(self.max_fee_gwei * GWEI)

    @property
    def tip(self) -> int:
        """wei for a unit of gas."""
        return int(self.tip_gwei * GWEI)


class WatchSection(Section):
    """What the keeper says of itself, to whom, and from which number on something is wrong.

    A port of 0 takes a free one and logs it. `notify` names environment variables: an address that notifications go
    to holds a key.
    """

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(strict=True, ge=0, le=65_535)] | None = None
    notify: list[str] = []
    notify_level: Literal["warning", "critical"] = "warning"
    notify_repeat_minutes: Annotated[int, Field(strict=True, ge=1, le=10_080)] = 60
    notify_per_hour: Annotated[int, Field(strict=True, ge=1, le=1_000)] = 20
    kill_file: Path = Path("keeper.kill")
    kill_spares_sightings: OnOff = False
    head_age_seconds: Annotated[float, Field(strict=True, ge=0, le=86_400)] = 120.0
    lag_blocks: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 3
    stuck_blocks: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 20
    min_native: Annotated[Decimal, Field(ge=0, le=1_000_000)] = Decimal("0.05")
    clock_seconds: Annotated[float, Field(strict=True, gt=0, le=10**10)] = 30.0
    min_disk_mb: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 200

    @field_validator("notify")
    @classmethod
    def _names(cls, notify: list[str]) -> list[str]:
        for name in notify:
            # Not quoted: what stands here by mistake is an address with a key in it.
            if not ENV_NAME.fullmatch(name):
                raise ValueError("must name environment variables that hold the addresses, such as KEEPER_NOTIFY_URL")
        return notify

    @property
    def least_native(self) -> int:
        """wei."""
        return int(self.min_native * WAD)


class Config(Section):
    """The whole file."""

    chain: ChainSection
    store: StoreSection = StoreSection()
    book: BookSection = BookSection()
    signer: SignerSection = SignerSection()
    taker: TakerSection = TakerSection()
    sight: SightSection = SightSection()
    bid: BidSection = BidSection()
    match: MatchSection = MatchSection()
    sweep: SweepSection = SweepSection()
    fees: FeesSection = FeesSection()
    watch: WatchSection = WatchSection()

    @model_validator(mode="after")
    def _fit_together(self) -> Config:
        most = self.fees.max_gas
        if (gas := LEAST_GAS_BID + self.bid.lots * LEAST_GAS_LOT) > most:
            allowed = max(1, (most - LEAST_GAS_BID) // LEAST_GAS_LOT)
            raise ValueError(
                f"bid.lots: {self.bid.lots} lots need {gas:,} of gas, fees.max_gas is {most:,}: "
                f"set bid.lots to {allowed} or less, or fees.max_gas higher"
            )
        if self.signer.opens is not None and not self.sight.enabled:
            raise ValueError("signer.opens: a key for sightings, and sight.enabled is false: take one of them out")
        return self
