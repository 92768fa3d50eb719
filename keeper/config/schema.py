"""What an operator may set, with its defaults, units and allowed values."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

WAD = 10**18
GWEI = 10**9

Quote = Annotated[Decimal, Field(ge=0, le=Decimal(10) ** 12)]
Bps = Annotated[int, Field(ge=0, le=10_000)]


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
    poll_seconds: Annotated[float, Field(gt=0, le=60)] = 0.5
    deaf_seconds: Annotated[float, Field(gt=0, le=3600)] = 20.0
    request_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    log_range: Annotated[int, Field(ge=1, le=1_000_000)] = 2_000
    history_blocks: Annotated[int, Field(ge=8, le=10_000)] = 128

    @field_validator("endpoints")
    @classmethod
    def _known_scheme(cls, endpoints: list[str]) -> list[str]:
        for url in endpoints:
            if not url.startswith(("http://", "https://", "ws://", "wss://")):
                raise ValueError(f"{url!r}: must start with one of http://, https://, ws://, wss://")
        return endpoints


class StoreSection(Section):
    """The keeper's own file: snapshots of the book and the journal."""

    path: Path = Path("keeper.sqlite")
    snapshot_blocks: Annotated[int, Field(ge=1, le=1_000_000)] = 200


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

    dry_run: bool = False
    opens: KeySection | None = None


class TakerSection(Section):
    """The account that receives what is bought: `owner << 96 | sub`. Without an owner it is the signer's own."""

    sub: Annotated[int, Field(ge=0, lt=2**96)] = 0
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


class SightSection(Section):
    """Sighting is the keeper's duty; only where another process does it is it switched off."""

    enabled: bool = True
    resight: Annotated[float, Field(gt=0, le=0.9)] = 0.7
    batch: Annotated[int, Field(ge=1, le=64)] = 64
    clear_recovered: bool = False


class BidSection(Section):
    """When to bid, for how much, and what the taker may carry. Money is in quote units."""

    enabled: bool = True
    model: str = "threshold"
    min_profit: Quote = Decimal(1)
    min_return_bps: Bps = 100
    target_lambda_bps: Bps = 2_000
    hazard_per_second: Annotated[float, Field(ge=0, le=10)] = 0.02
    unwind_bps_of_requirement: Bps = 500
    unwind_bps_of_notional: Bps = 10
    max_requirement: Quote = Decimal(1_000_000)
    margin_buffer_bps: Bps = 200
    cost_slack_bps: Bps = 100
    min_fraction: Annotated[float, Field(gt=0, le=1)] = 0.02
    lots: Annotated[int, Field(ge=1, le=16)] = 16
    markets: Annotated[list[Annotated[int, Field(ge=0, lt=64)]], Field(min_length=1)] | None = None
    allow: list[str] = []
    deny: list[str] = []


class FeesSection(Section):
    """What a transaction may cost. `native_price` is quote units for 1.0 of the chain's own coin."""

    max_fee_gwei: Annotated[Decimal, Field(gt=0, le=1_000_000)] = Decimal(100)
    tip_gwei: Annotated[Decimal, Field(ge=0, le=1_000_000)] = Decimal("0.1")
    native_price: Quote = Decimal(3_000)
    replace_after_blocks: Annotated[int, Field(ge=1, le=1_000)] = 3
    bump_percent: Annotated[int, Field(ge=10, le=200)] = 15
    max_gas: Annotated[int, Field(ge=500_000, le=16_777_216)] = 16_000_000

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
    """What the keeper says of itself. A port of 0 takes a free one and logs it."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] | None = None


class Config(Section):
    """The whole file."""

    chain: ChainSection
    store: StoreSection = StoreSection()
    book: BookSection = BookSection()
    signer: SignerSection = SignerSection()
    taker: TakerSection = TakerSection()
    sight: SightSection = SightSection()
    bid: BidSection = BidSection()
    fees: FeesSection = FeesSection()
    watch: WatchSection = WatchSection()
