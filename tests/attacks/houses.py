"""Other deployments beside the scene's: the same RiskEngine, but tokens of the attack's choice."""

from __future__ import annotations

from typing import Any

import boa

from scripts._deployment.addresses import addresses_after
from tests.attacks.scene import ETH, WAD, Scene
from tests.model.chain import load, send
from tests.model.world import COOLDOWN, CURVE, LIMITS, SETTINGS, TERMS

PLENTY = 2**200


class House:
    """A Clearinghouse with vault, auction, batch and exchange; amounts are units of the tokens."""

    def __init__(self, scene: Scene, quote: Any, spot: Any = None, market: int = ETH, settings: int = 0) -> None:
        self.scene, self.quote, self.token, self.market = scene, quote, spot, market
        deployer = str(boa.env.eoa)
        named = addresses_after(deployer, boa.env.evm.revm.basic(deployer).nonce, 4)[1:]
        self.house = load("Clearinghouse", quote, scene.engine, settings or SETTINGS.pack(), *named)
        self.auction = load("Auction", self.house, TERMS.pack(), CURVE.pack(), LIMITS.pack())
        self.vault = load("InsuranceVault", self.house, "Other insurance", "oINS", COOLDOWN)
        self.batch = load("Batch", self.house)
        self.exchange = load("Exchange", self.house, 3, 1)
        self.house.set_venue(self.exchange.address, True)
        if spot is not None:
            self.house.list_spot(market, spot.address)

    def endow(self, *names: str) -> None:
        """Tokens for wallets, and leave to pull them."""
        for token in filter(None, (self.quote, self.token)):
            for name in names:
                wallet = self.scene.wallets.get(name, name)
                token.mint(wallet, PLENTY)
                for spender in (self.house, self.vault, self.batch):
                    send(token, "approve", spender.address, PLENTY, sender=wallet)

    def deposit(self, name: str, amount: int, sub: int = 0) -> int:
        """Quote into a wallet's account."""
        account = self.scene.account(name, sub)
        self.scene.do(self.house, "deposit", account, amount, by=name)
        return account

    def trade(self, taker: str, maker: str, size: float, price: float) -> None:
        """The first account of one wallet gains `size` of the market from another's."""
        accounts = (self.scene.account(taker), self.scene.account(maker))
        fill = self.scene.fill_call(*accounts, self.market, size, price, self.exchange)
        self.scene.do(self.exchange, "fill", *fill, by=taker)

    def missing(self) -> int:
        """Quote (WAD) that accounts and vault are owed and no token is there for, by the books against the tokens."""
        scale = self.house.quote_scale()
        return int((self.house.custody() & 2**128 - 1) - self.quote.balanceOf(self.house) * scale)

    def missing_spot(self) -> int:
        """The same of the collateral, in WAD base."""
        scale = 10 ** (18 - self.token.decimals())
        return int(self.house.spot_total(self.market) - self.token.balanceOf(self.house) * scale)

    def worth(self, *accounts: int) -> float:
        """Equity of accounts, collateral at its price."""
        return float(sum(self.scene.engine.appraise(*self.house.book_of(account)).equity for account in accounts) / WAD)

    def spent(self, name: str) -> float:
        """Quote tokens that a wallet has less than it began with; below 0: more."""
        return float((PLENTY - self.quote.balanceOf(self.scene.wallets.get(name, name))) * self._unit())

    def shares(self, *names: str) -> float:
        """What shares of the vault are worth to wallets, those they are leaving with too."""
        total = 0
        for name in names:
            wallet = self.scene.wallets[name]
            total += self.vault.convertToAssets(self.vault.balanceOf(wallet) + self.vault.request_of(wallet)[0])
        return float(total * self._unit())

    def _unit(self) -> float:
        return float(self.house.quote_scale() / WAD)
