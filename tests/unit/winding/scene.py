"""Lenders, a borrower, winners and losers of a falling ETH, and the holders of a vault that cannot pay for it all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import ape
from ape import chain

from keeper.model.requirement import Assessment
from keeper.model.words import Header
from tests.unit.system import COOLDOWN, ETH, MARKETS, ORACLE, SETTINGS, UNITS, WAD, System

DAY = 86_400
LAST_PRICE = 1_200
LONG = 255
"""Seconds that a price counts for here, so that few updates make an average."""
PATIENT = (*ORACLE[:2], LONG, LONG, *ORACLE[4:])
NO_RATES = replace(SETTINGS, at_kink=0, at_full=0)
DUST = 10**13
"""WAD; a few units of the quote token."""


@dataclass
class Scene:
    """
    ETH falls from 1,600 to 1,200 and all markets are frozen there.

    The borrower owes 8,000 against 10 ETH, and has lost 400 on another; the loser has lost 4,000 of 1,600; the payer
    has lost 2,000 of 8,000; the winner has won it all. The vault has 1,500; who has 500 of it has asked to leave.
    """

    system: System
    lender: Any
    saver: Any
    borrower: Any
    winner: Any
    loser: Any
    payer: Any
    holder: Any
    leaver: Any
    stranger: Any
    accounts: dict[str, int] = field(default_factory=dict)

    def set_up(self) -> None:
        """Fund everybody, lend, trade and insure."""
        system = self.system
        # Before any fee, so that a share is worth what was paid for it.
        for wallet, amount in ((self.holder, 1_000), (self.leaver, 500)):
            system.quote.mint(wallet, amount * UNITS, sender=wallet)
            system.quote.approve(system.vault, amount * UNITS, sender=wallet)
            system.vault.deposit(amount * UNITS, wallet, sender=wallet)
        system.prices()
        for role, amount in (("lender", 50_000), ("saver", 30_000), ("winner", 20_000)):
            self.accounts[role] = system.fund(getattr(self, role), amount)
        for role, size, cash in (("loser", 10, 1_600), ("payer", 5, 8_000)):
            wallet = getattr(self, role)
            self.accounts[role] = system.fund(wallet, cash + size * 1600 * 3 / 10_000)
            system.trade(wallet, self.winner, ETH, size, 1600)
        self.accounts["borrower"] = system.fund_spot(self.borrower, ETH, 10)
        system.clearinghouse.withdraw(self.accounts["borrower"], 8_000 * UNITS, self.borrower, sender=self.borrower)
        system.trade(self.borrower, self.winner, ETH, 1, 1600)
        system.vault.request(system.vault.balanceOf(self.leaver), self.leaver, sender=self.leaver)
        self.accounts["vault"] = system.account(system.vault)
        self.accounts["pool"] = system.vault.pool()

    def freeze(self) -> None:
        """Give up every market at ETH's last price, and freeze it."""
        system = self.system
        for market in MARKETS:
            system.risk_engine.retire(market, sender=system.owner)
        for _ in range(9):
            system.pass_time(LONG - ORACLE[0] - 5)
            system.prices({ETH: LAST_PRICE}, slow=False)
        system.pass_time(3_600)
        for market in MARKETS:
            system.risk_engine.freeze(market, sender=self.stranger)

    def stop_interest(self) -> None:
        """Rates of nothing from now on."""
        self.system.clearinghouse.set_settings(NO_RATES.pack(), sender=self.system.owner)

    def shut_down(self, sender: Any = None) -> Any:
        """The end."""
        return self.system.auction.shut_down(sender=sender or self.system.owner)

    def days(self, days: int, early: int = 0) -> None:
        """So many days after the shutdown when the next block comes, but for some seconds."""
        chain.pending_timestamp = self.system.auction.closed_at() + days * DAY - early

    def seen_at(self, days: int) -> None:
        """The same, with a block mined, for what only looks."""
        self.days(days)
        chain.mine()

    # Acts

    def absorb(self, *roles: str) -> Any:
        """A stranger absorbs accounts."""
        return self.system.vault.absorb([self.accounts[role] for role in roles], sender=self.stranger)

    def settle(self, *roles: str) -> Any:
        """A stranger settles accounts in ETH."""
        return self.system.clearinghouse.settle(ETH, [self.accounts[role] for role in roles], sender=self.stranger)

    def make_whole(self) -> None:
        """All losses made good, all positions settled, all debts in the pool."""
        self.settle("payer", "borrower")
        # A loss that all share is the loser's too, so that his account lacks a little again.
        self.absorb("borrower", *["loser"] * 10)
        self.settle("loser", "winner")
        self.absorb("loser", "payer", "winner")

    def claim(self, role: str, sender: Any = None) -> Any:
        """A claim by the account's owner."""
        return self.system.vault.claim(self.accounts[role], sender=sender or getattr(self, role))

    def leave_in_kind(self, wallet: Any) -> Any:
        """A holder of shares takes part of the vault's account."""
        return self.system.vault.leave_in_kind(sender=wallet)

    # Looks

    def cash(self, role: str) -> int:
        """Cash of an account, WAD."""
        return int(self.system.clearinghouse.cash(self.accounts[role]))

    def spot(self, role: str) -> int:
        """ETH of an account, WAD."""
        return int(self.system.clearinghouse.spot(self.accounts[role], ETH))

    def units(self, wallet: Any) -> int:
        """Quote tokens of a wallet."""
        return int(self.system.quote.balanceOf(wallet))

    def header(self, role: str) -> Header:
        """Principal and maps of an account."""
        return Header.unpack(self.system.clearinghouse.header(self.accounts[role]))

    def assessment(self, role: str) -> Assessment:
        """An account as the Clearinghouse sees it."""
        return Assessment(*self.system.clearinghouse.assess(self.accounts[role]))

    def state(self) -> str:
        """All that a refusal might have changed."""
        system = self.system
        runs = [system.auction.run(account) for account in self.accounts.values()]
        wallets = [self.holder, self.leaver, self.stranger]
        shares = [system.vault.balanceOf(one) for one in [*wallets, system.vault]]
        asked = [list(system.vault.request_of(one)) for one in wallets]
        closing = [system.auction.closed_at(), system.auction.terms(), system.clearinghouse.entries()]
        house = system.clearinghouse
        accounts = [(house.header(one), house.book_of(one)[2]) for one in self.accounts.values()]
        whole = [house.totals(), house.custody(), house.indices(), house.spot_total(ETH)]
        books = [house.market_book(market) for market in MARKETS]
        return json.dumps([accounts, whole, books, runs, shares, asked, closing], default=str)

    @contextmanager
    def refused(self, message: str) -> Iterator[None]:
        """The body reverts with exactly this message and nothing has changed."""
        before = self.state()
        with ape.reverts(message):
            yield
        assert self.state() == before


assert COOLDOWN <= DAY
assert WAD == 10**18
