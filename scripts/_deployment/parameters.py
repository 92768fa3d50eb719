"""The reviewed parameter file of a network: what it may say, and the words that the contracts take."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

from eth_utils.address import is_checksum_address
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from keeper.model.words import BUCKETS, LISTED, PAIRS, PERP_ALLOWED, SPOT_ALLOWED, Curve, Limits, Risk, Settings, Terms
from keeper.model.words import Parameters as MarketWord
from scripts._deployment.correlation import check_correlations
from scripts._deployment.units import (
    BPS,
    Bps,
    Cents,
    Fine,
    Multiple,
    Percent,
    Seconds,
    Step,
    Wad,
    YearlyRate,
    decimal,
    plain,
)

LOCAL = "local"
"""In place of an address: deploy one for tests, on a local network only."""
MOST_TOKENS = 16
"""Markets with a token: an account holds no more, and after a shutdown each must get its share of all of them."""


def _address(value: str) -> str:
    if value != LOCAL and not is_checksum_address(value):
        raise ValueError(f'{value} is neither "{LOCAL}" nor an address in checksum case')
    return value


Address = Annotated[str, AfterValidator(_address)]


class Section(BaseModel):
    """A part of the file: no key that is not known, nothing converted in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Oracle(Section):
    """Timing and interval constants, fixed when the RiskEngine is deployed."""

    round_seconds: Annotated[Seconds, Field(ge=1)]
    max_report_age: Annotated[Seconds, Field(ge=1)]
    price_age: Annotated[Seconds, Field(ge=1)]
    fast_life: Annotated[Seconds, Field(lt=256)]
    tau: Annotated[Seconds, Field(ge=2, le=240)]
    one_source: Fine
    dead: Fine
    basis_rate: Step
    basis_window: Annotated[Seconds, Field(ge=1, le=86_400)]
    funding_period: Annotated[Seconds, Field(ge=1, le=31_536_000)]
    ramp_seconds: Annotated[Seconds, Field(le=2_592_000)]

    @model_validator(mode="after")
    def _ages_nest(self) -> Self:
        if not self.round_seconds <= self.max_report_age <= self.fast_life:
            raise ValueError(
                f"max_report_age {self.max_report_age} is not within round_seconds {self.round_seconds} "
                f"and fast_life {self.fast_life}"
            )
        if self.price_age > self.fast_life:
            raise ValueError(f"price_age {self.price_age} is above fast_life {self.fast_life}")
        if self.one_source > self.dead:
            raise ValueError(f"one_source {plain(self.one_source, 5)} is above dead {plain(self.dead, 5)}")
        return self

    def arguments(self) -> tuple[int, ...]:
        """The RiskEngine's `Oracle` struct."""
        return tuple(getattr(self, name) for name in type(self).model_fields)


class RiskSection(Section):
    """What all markets share: correlations of the buckets, kappa, iota, minimum requirement, who calibrates."""

    kappa: Annotated[int, decimal(BPS, 500, 10_000)]
    iota: Multiple
    min_requirement: Cents
    calibrator: Address | None
    rho: list[list[Percent]]

    @field_validator("rho")
    @classmethod
    def _correlations(cls, rho: list[list[int]]) -> list[list[int]]:
        check_correlations(rho, BUCKETS)
        return rho

    @field_validator("calibrator")
    @classmethod
    def _calibrator_acts(cls, calibrator: str | None) -> str | None:
        if calibrator == LOCAL:
            raise ValueError(f'a calibrator must be an address or null, not "{LOCAL}"')
        return calibrator

    def word(self) -> int:
        """The RiskEngine's risk word."""
        pairs = sorted(PAIRS, key=PAIRS.__getitem__)
        return Risk(tuple(self.rho[i][j] for i, j in pairs), self.kappa, self.iota, self.min_requirement).pack()


class Quote(Section):
    """The quote token, and its own feed if markets' feeds are not in it."""

    token: Address
    symbol: Annotated[str, Field(min_length=1, max_length=32)]
    decimals: Annotated[int, Field(ge=0, le=18)]
    feed: Address | None
    heartbeat: Annotated[Seconds, Field(lt=2**24)]

    @model_validator(mode="after")
    def _feed_has_heartbeat(self) -> Self:
        if self.feed is not None and self.heartbeat == 0:
            raise ValueError("heartbeat is 0: a feed needs one of at least 1 second")
        return self


class SettingsSection(Section):
    """The Clearinghouse's rate curve and limits."""

    kink: Annotated[int, decimal(BPS, 1, 9_999)]
    rate_at_kink: YearlyRate
    rate_at_full: YearlyRate
    reserve: Bps
    price_band: Annotated[int, decimal(BPS, 1, 9_999)]
    highest_fee: Bps

    @model_validator(mode="after")
    def _rates_rise(self) -> Self:
        if self.rate_at_full < self.rate_at_kink:
            raise ValueError(
                f"rate_at_full {plain(self.rate_at_full, 9)} is below rate_at_kink {plain(self.rate_at_kink, 9)}: "
                "rates must not fall with utilisation"
            )
        return self

    def word(self) -> int:
        """The Clearinghouse's settings word."""
        return Settings(
            self.kink, self.rate_at_kink, self.rate_at_full, self.reserve, self.price_band, self.highest_fee
        ).pack()


class CurvePoint(Section):
    """λ at an age of the run."""

    seconds: Seconds
    discount: Bps


class AuctionSection(Section):
    """The auction's terms and its newest curve."""

    target: Multiple
    penalty: Bps
    backstop_seconds: Annotated[Seconds, Field(ge=1)]
    grace_seconds: Seconds
    watch_seconds: Annotated[int, Field(ge=1, lt=2**16)]
    opener_cap: Wad
    vault_limit: Wad
    vault_limit_seconds: Annotated[Seconds, Field(ge=1)]
    curve: Annotated[list[CurvePoint], Field(min_length=3, max_length=3)]

    @field_validator("curve")
    @classmethod
    def _curve_rises(cls, curve: list[CurvePoint]) -> list[CurvePoint]:
        for before, point in pairwise(curve):
            if point.seconds <= before.seconds:
                raise ValueError(f"{point.seconds} s comes after {before.seconds} s: times must rise strictly")
            if point.discount < before.discount:
                raise ValueError(
                    f"discount {plain(point.discount, BPS)} comes after {plain(before.discount, BPS)}: "
                    "the curve must not fall"
                )
        return curve

    @model_validator(mode="after")
    def _penalty_leaves_the_target(self) -> Self:
        if self.penalty >= self.target - 10_000:
            raise ValueError(
                f"penalty {plain(self.penalty, BPS)} is not below target - 1 = {plain(self.target - 10_000, BPS)}"
            )
        return self

    def terms_word(self) -> int:
        """The Auction's terms word."""
        backstop, grace = self.backstop_seconds, self.grace_seconds
        return Terms(self.target, self.penalty, backstop, grace, self.opener_cap, self.watch_seconds).pack()

    def limits_word(self) -> int:
        """The Auction's word of the vault's limits."""
        return Limits(self.vault_limit, self.vault_limit_seconds).pack()

    def words(self) -> tuple[int, int, int]:
        """What the Auction is deployed with."""
        return self.terms_word(), self.curve_word(), self.limits_word()

    def curve_word(self) -> int:
        """The Auction's curve word."""
        first, second, third = ((point.seconds, point.discount) for point in self.curve)
        return Curve((first, second, third)).pack()


class Vault(Section):
    """The insurance vault's share."""

    name: Annotated[str, Field(min_length=1, max_length=25)]
    symbol: Annotated[str, Field(min_length=1, max_length=5)]
    cooldown_seconds: Annotated[int, Field(ge=0, le=30 * 86_400)]


class Exchange(Section):
    """Fees of the exchange, as fractions of the notional."""

    taker_fee: Annotated[int, decimal(BPS, 0, 100)]
    maker_fee: Annotated[int, decimal(BPS, 0, 100)]


class Signers(Section):
    """Who signs fast prices, and how many of them must agree."""

    addresses: Annotated[list[Address], Field(min_length=1, max_length=16)]
    threshold: Annotated[int, Field(ge=1, le=7)]

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if LOCAL in self.addresses:
            raise ValueError(f'a signer must be an address, not "{LOCAL}"')
        if len(set(self.addresses)) != len(self.addresses):
            raise ValueError("an address is named twice")
        if self.threshold % 2 == 0:
            raise ValueError(f"threshold {self.threshold} is even: only an odd number of reports has a median report")
        if self.threshold > len(self.addresses):
            raise ValueError(f"threshold {self.threshold} is above the number of signers, {len(self.addresses)}")
        return self


class Market(Section):
    """One market; its place in the file is its id."""

    symbol: Annotated[str, Field(pattern=r"^[a-z0-9]{1,16}$")]
    perp: bool
    token: Address | None
    token_decimals: Annotated[int, Field(ge=0, le=18)] | None
    feed: Address | None
    feed_decimals: Annotated[int, Field(ge=0, le=18)]
    heartbeat: Annotated[Seconds, Field(lt=2**24)]
    deviation: Fine
    bucket: Annotated[int, Field(ge=0, lt=BUCKETS)]
    s: Annotated[int, decimal(5, 1, 2**16 - 1)]
    u: Fine
    g: Fine
    basis: Fine
    """Of g, what the perp may be away from the index; the rest is for crowding."""
    cap: Annotated[int, Field(ge=0, lt=2**40)]
    """Whole quote that may be open at most; 0 for no limit."""
    depth: Annotated[int, Field(ge=1, lt=2**63)] | None
    """Whole quote that moves the price by 1, if a share of it moves it by that share; null where nobody knows."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.token is None) != (self.token_decimals is None):
            raise ValueError("token and token_decimals go together: both null, or neither")
        if self.token is None and not self.perp:
            raise ValueError("neither a perp nor a token: nothing could be held in this market")
        if self.feed is not None and self.heartbeat == 0:
            raise ValueError("heartbeat is 0: a feed needs one of at least 1 second")
        return self

    @model_validator(mode="after")
    def _gross_charge_bears_the_cap(self) -> Self:
        """Who closes all that may be open moves the price by its share of the depth, and g must have room for that."""
        crowding = -(-self.cap * 10**5 // self.depth) if self.depth else 0
        if self.g < self.basis + crowding:
            raise ValueError(
                f"g {plain(self.g, 5)} is below {plain(self.basis + crowding, 5)}: basis {plain(self.basis, 5)} and "
                f"{plain(crowding, 5)} for a cap of {self.cap} over a depth of {self.depth}"
            )
        return self

    def word(self) -> int:
        """The RiskEngine's parameter word, without a ramp."""
        flags = LISTED | PERP_ALLOWED * self.perp | SPOT_ALLOWED * (self.token is not None)
        return MarketWord(self.s, self.u, self.g, cap=self.cap, bucket=self.bucket, flags=flags).pack()


class Parameters(Section):
    """The whole file."""

    oracle: Oracle
    risk: RiskSection
    quote: Quote
    settings: SettingsSection
    auction: AuctionSection
    vault: Vault
    exchange: Exchange
    signers: Signers
    markets: Annotated[list[Market], Field(min_length=1, max_length=64)]

    @field_validator("markets")
    @classmethod
    def _markets_differ(cls, markets: list[Market]) -> list[Market]:
        symbols = [market.symbol for market in markets]
        for symbol in symbols:
            if symbols.count(symbol) > 1:
                raise ValueError(f"{symbol} is there {symbols.count(symbol)} times: once is right")
        return markets

    @field_validator("markets")
    @classmethod
    def _can_be_shut_down(cls, markets: list[Market]) -> list[Market]:
        tokens = sum(market.token is not None for market in markets)
        if tokens > MOST_TOKENS:
            raise ValueError(
                f"{tokens} of them have a token: at most {MOST_TOKENS} may, or the protocol could never be shut down"
            )
        return markets

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        if self.auction.target > self.risk.iota:
            raise ValueError(
                f"auction.target {plain(self.auction.target, BPS)} is above risk.iota {plain(self.risk.iota, BPS)}: "
                "the target must be at most iota"
            )
        highest = max(self.exchange.taker_fee, self.exchange.maker_fee)
        if highest > self.settings.highest_fee:
            raise ValueError(
                f"exchange: a fee of {plain(highest, BPS)} is above settings.highest_fee "
                f"{plain(self.settings.highest_fee, BPS)}"
            )
        return self

    def local_parts(self) -> list[str]:
        """Key paths of all tokens and feeds that are to be deployed for tests."""
        named: list[tuple[str, str | None]] = [("quote.token", self.quote.token), ("quote.feed", self.quote.feed)]
        for place, market in enumerate(self.markets):
            named += [(f"markets[{place}].token", market.token), (f"markets[{place}].feed", market.feed)]
        return [path for path, value in named if value == LOCAL]
