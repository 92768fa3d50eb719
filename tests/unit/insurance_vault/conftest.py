"""Wallets with quote tokens, and a check that what is refused changes nothing."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ape
import pytest

from tests.unit.system import COOLDOWN, ETH, UNITS, System, deploy_core

SHARE = 10**12
"""One whole share: six decimals of the token and six more."""


@dataclass
class Insurance:
    """The vault and its asset; amounts are units of the token."""

    system: System
    vault: Any

    @property
    def account(self) -> int:
        return self.system.account(self.vault)

    def give(self, wallet: Any, units: int) -> None:
        """Mint quote to a wallet, and let the vault and the Clearinghouse pull it."""
        self.system.quote.mint(wallet, units, sender=wallet)
        for spender in (self.vault, self.system.clearinghouse):
            self.system.quote.approve(spender, 2**255, sender=wallet)

    def deposit(self, wallet: Any, units: int) -> int:
        """Give a wallet units and have it deposit them; returns the shares."""
        self.give(wallet, units)
        before = self.vault.balanceOf(wallet)
        self.vault.deposit(units, wallet, sender=wallet)
        return self.vault.balanceOf(wallet) - before

    def gain(self, wallet: Any, units: int) -> None:
        """Somebody pays into the vault's account."""
        self.give(wallet, units)
        self.system.clearinghouse.deposit(self.account, units, sender=wallet)

    def lend_out(self, wallet: Any, units: int) -> None:
        """A borrower with plenty of collateral takes quote out."""
        account = self.system.fund_spot(wallet, ETH, 1_000_000)
        self.system.prices()
        self.system.clearinghouse.withdraw(account, units, wallet, sender=wallet)

    def leave(self, wallet: Any, shares: int | None = None) -> int:
        """The wallet asks to leave with shares, all by default, and the cooldown passes; returns their value."""
        shares = self.vault.balanceOf(wallet) if shares is None else shares
        self.vault.request(shares, wallet, sender=wallet)
        self.system.pass_time(COOLDOWN)
        self.system.quote.mint(wallet, 0, sender=wallet)  # a block at which the request is ready
        return self.vault.request_of(wallet).value

    def cash(self) -> int:
        """Cash of the vault's account, WAD."""
        return self.system.clearinghouse.cash(self.account)

    def state(self, *wallets: Any) -> list[Any]:
        """Shares, tokens and the account of the vault."""
        system, house = self.system, self.system.clearinghouse
        wallets = (*wallets, self.vault, house)
        return [
            [(self.vault.balanceOf(wallet), system.quote.balanceOf(wallet)) for wallet in wallets],
            [tuple(self.vault.request_of(wallet)) for wallet in wallets],
            [self.vault.totalSupply(), house.header(self.account), house.totals(), house.custody()],
        ]

    @contextmanager
    def refused(self, message: str, *wallets: Any):
        """The body reverts with exactly this message, and moves nothing."""
        before = self.state(*wallets)
        with ape.reverts(message):
            yield
        assert self.state(*wallets) == before


@pytest.fixture
def insurance(system, vault):
    return Insurance(system, vault)


@pytest.fixture
def borrower(accounts):
    return accounts[9]


@pytest.fixture
def odd_price(insurance, lender, guardian):
    """Shares that are worth no round number: 7 units deposited have become 10 and a bit."""
    insurance.deposit(lender, 7 * UNITS)
    insurance.gain(guardian, 3 * UNITS + 333_337)


@pytest.fixture
def other_vault(load, owner, risk_engine):
    """Deploys another Clearinghouse on a token of this kind, and its vault."""

    def deploy(token_path: str) -> tuple[Any, Any]:
        token = owner.deploy(load(token_path), 6)
        return deploy_core(load, owner, token, risk_engine).vault, token

    return deploy
