"""The whole protocol deployed on a test chain, and the few acts that every test needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any, NamedTuple

from ape import chain

from keeper.model.orders import Order
from keeper.model.words import LISTED, PERP_ALLOWED, SPOT_ALLOWED, Curve, Limits, Parameters, Risk, Settings, Terms
from keeper.orders import FOREVER, sign_order
from keeper.publish.reports import Entry, sign_report
from scripts._deployment.addresses import addresses_after

WAD = 10**18
UNITS = 10**6
"""Units of the quote token in 1.0."""
FEED_UNITS = 10**8
ETH, BTC, SOL, LINK = range(4)
PRICES = {ETH: 1600, BTC: 51200, SOL: 100, LINK: 10}
"""Prices that a mantissa of 48 bits holds exactly, so that a test can name results to the wei."""
HEARTBEAT = 3600
DEVIATION = 500
"""0.5%, in 1e-5."""

# round_seconds, max_report_age, price_age, fast_life, tau, one_source, dead, basis_rate, basis_window, funding_period
ORACLE = (2, 10, 15, 60, 60, 1_000, 20_000, 1_000, 300, 28_800, 0)
MARKETS = {
    ETH: Parameters(4600, 470, 1400, bucket=1, flags=LISTED | PERP_ALLOWED | SPOT_ALLOWED),
    BTC: Parameters(3250, 400, 1350, bucket=0, flags=LISTED | PERP_ALLOWED | SPOT_ALLOWED),
    SOL: Parameters(5860, 3200, 1750, bucket=2, flags=LISTED | PERP_ALLOWED),
    LINK: Parameters(5210, 2810, 1750, bucket=7, flags=LISTED | PERP_ALLOWED),
}
RISK = Risk(
    rho=(
        *(84, 83, 76, 57, 69, 80, 76),
        *(85, 82, 57, 75, 80, 88),
        *(89, 59, 78, 81, 87),
        *(58, 83, 82, 86),
        *(50, 52, 59),
        *(73, 77),
        78,
    ),
    kappa=2_500,
    iota=15_000,
    min_requirement=2_000,
)
# Kink at 80% with 6% a year, 100% a year at full use, 10% of interest to the vault; band 5%; no fee above 1%.
SETTINGS = Settings(kink=8_000, at_kink=60_000_000, at_full=1_000_000_000, reserve=1_000, band=500, max_fee=100)
CURVE = Curve(((0, 0), (60, 3_500), (300, 7_000)))
TERMS = Terms(target=14_000, penalty=500, backstop=300, grace=300, opener_cap=50 * WAD, watch=60)
LIMITS = Limits(most=10**6 * WAD, seconds=86_400)
COOLDOWN = 86_400
"""Seconds between a request to leave the vault and its payment."""


def wad(number: float | str | Decimal) -> int:
    """A human number as an 18-decimal integer, exactly."""
    return int(Decimal(str(number)) * WAD)


class Core(NamedTuple):
    """Contracts that name each other for good."""

    clearinghouse: Any
    auction: Any
    vault: Any
    batch: Any


def deploy_core(load: Callable[[str], Any], owner: Any, quote: Any, risk_engine: Any) -> Core:
    """Deploy what names each other, each where the Clearinghouse was told that it will be."""
    house, auction, vault, batch = addresses_after(owner.address, owner.nonce, 4)
    return Core(
        owner.deploy(load("Clearinghouse"), quote, risk_engine, SETTINGS.pack(), auction, vault, batch),
        owner.deploy(load("Auction"), house, TERMS.pack(), CURVE.pack(), LIMITS.pack()),
        owner.deploy(load("InsuranceVault"), house, "Plimsoll insurance", "pINS", COOLDOWN),
        owner.deploy(load("Batch"), house),
    )


@dataclass
class System:
    """Handles to every contract; amounts and prices of its methods are human numbers, and made WAD here."""

    owner: Any
    signers: list[Any]
    quote: Any
    spot_tokens: dict[int, Any]
    feeds: dict[int, Any]
    risk_engine: Any
    clearinghouse: Any
    auction: Any
    vault: Any
    batch: Any
    exchange: Any
    nonces: count[int] = field(default_factory=lambda: count(1))

    def set_up(self) -> None:
        """Name signers, add markets with their feeds, list the spot tokens and allow the venue."""
        owner = self.owner
        self.risk_engine.set_signers([signer.address for signer in self.signers], 3, sender=owner)
        for market, parameters in MARKETS.items():
            feed = self.feeds[market]
            self.risk_engine.add_market(parameters.pack(), feed, HEARTBEAT, DEVIATION, sender=owner)
        for market, token in self.spot_tokens.items():
            self.clearinghouse.list_spot(market, token, sender=owner)
        self.clearinghouse.set_venue(self.exchange, True, sender=owner)

    @property
    def chain_id(self) -> int:
        """The chain that signatures are made for."""
        return int(chain.chain_id)

    def account(self, wallet: Any, sub: int = 0) -> int:
        """The id of a wallet's account."""
        return int(getattr(wallet, "address", wallet), 16) << 96 | sub

    def prices(
        self, prices: Mapping[int, float] | None = None, *, basis: int = 0, confidence: int = 0, slow: bool = True
    ) -> Any:
        """
        Publish prices now: the slow feeds (unless `slow` is False), then an update by three signers.

        Basis in 1e-6, confidence in 1e-5. Markets that are not named get their price of `PRICES`.
        """
        named = PRICES | dict(prices or {})
        if slow:
            self.push_feeds(named)
        self.pass_time(ORACLE[0])
        entries = [Entry(market, wad(price), confidence, basis) for market, price in named.items()]
        return self.update(entries, chain.pending_timestamp // ORACLE[0])

    def push_feeds(self, prices: Mapping[int, float]) -> None:
        """A new round of each named market's slow feed."""
        for market, price in prices.items():
            answer = int(Decimal(str(price)) * FEED_UNITS)
            self.feeds[market].push(answer, chain.blocks.head.timestamp, sender=self.owner)

    def update(self, entries: list[Entry], round_: int, **options: Any) -> Any:
        """One update with the reports of three signers that agree."""
        engine = self.risk_engine
        reports = [
            sign_report(entries, round_, self.chain_id, engine.address, signer.private_key)
            for signer in self.signers[:3]
        ]
        return engine.update(reports, sender=self.owner, **options)

    def pass_time(self, seconds: int) -> None:
        """Let chain time go on."""
        chain.pending_timestamp += seconds

    def fund(self, wallet: Any, amount: float, sub: int = 0) -> int:
        """Mint quote to a wallet and have it deposit that; returns the account."""
        return self.fund_account(self.account(wallet, sub), wallet, amount)

    def fund_account(self, account: int, payer: Any, amount: float) -> int:
        """Mint quote to a payer and have it deposit that into any account."""
        units = wad(amount) * UNITS // WAD
        self.quote.mint(payer, units, sender=payer)
        self.quote.approve(self.clearinghouse, units, sender=payer)
        self.clearinghouse.deposit(account, units, sender=payer)
        return account

    def fund_spot(self, wallet: Any, market: int, amount: float, sub: int = 0) -> int:
        """Mint a market's token to a wallet and have it deposit that; returns the account."""
        token = self.spot_tokens[market]
        account = self.account(wallet, sub)
        units = wad(amount) * 10 ** token.decimals() // WAD
        token.mint(wallet, units, sender=wallet)
        token.approve(self.clearinghouse, units, sender=wallet)
        self.clearinghouse.deposit_spot(account, market, units, sender=wallet)
        return account

    def order(self, account: int, market: int, size: float, price: float, **fields: Any) -> Order:
        """An order with a fresh nonce that never expires and accepts any fee, unless `fields` say otherwise."""
        fields = {"max_fee": 10_000, "expiry": FOREVER, "nonce": next(self.nonces)} | fields
        return Order(account=account, market=market, size=wad(size), price=wad(price), **fields)

    def sign(self, order: Order, wallet: Any) -> bytes:
        """A wallet's signature of an order."""
        return sign_order(order, self.chain_id, self.exchange.address, wallet.private_key)

    def fill(
        self, order: Order, signature: bytes, taker: Any, amount: float, *, sub: int = 0, max_fee: int = 10_000
    ) -> Any:
        """The wallet `taker` takes `amount` of an order for its account `sub`."""
        account = self.account(taker, sub)
        return self.exchange.fill(astuple(order), signature, account, wad(amount), max_fee, sender=taker)

    def trade(
        self, taker: Any, maker: Any, market: int, size: float, price: float, *, subs: tuple[int, int] = (0, 0)
    ) -> Any:
        """`taker` gains `size` (signed) from `maker` at a price, through a signed order."""
        order = self.order(self.account(maker, subs[1]), market, -size, price)
        return self.fill(order, self.sign(order, maker), taker, abs(size), sub=subs[0])

    def position(self, account: int, market: int) -> tuple[int, int]:
        """Size and cost of a position, WAD."""
        word = self.clearinghouse.position(account, market)
        return signed(word & (1 << 128) - 1), signed(word >> 128)

    def fingerprint(self, *accounts: int) -> str:
        """All that the Clearinghouse keeps of some accounts and of the whole, as of the next block."""
        house = self.clearinghouse
        state = {
            "accounts": [house.book_of(account) for account in accounts],
            "books": [house.market_book(market) for market in MARKETS],
            "whole": [house.totals(), house.custody()],
        }
        return json.dumps(state, default=str)


def signed(word: int, bits: int = 128) -> int:
    """A two's complement field as a number."""
    return word - (1 << bits) if word >> bits - 1 else word
