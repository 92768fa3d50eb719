"""One account long 10 ETH on 1,600 of cash, who may take it, and how a test reads what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ape
import pytest
from ape import chain

from keeper.model.auction import Quote, bid_quote
from keeper.model.requirement import Assessment
from keeper.model.words import Custody, Run, Terms
from keeper.publish.reports import Entry
from tests.unit.system import BTC, CURVE, ETH, ORACLE, TERMS, WAD, System, wad

ANY = 2**256 - 1
"""Any nonce, or every market."""
NO_LIMIT = 2**255 - 1
FEE = 3
"""The taker's bps of a trade."""


def lot(
    account: int,
    fraction: int = WAD,
    *,
    max_cost: int = NO_LIMIT,
    min_release: int = 0,
    min_fraction: int = 0,
    markets: int = ANY,
    nonce: int = ANY,
) -> tuple[int, ...]:
    """A lot that accepts everything, unless said otherwise."""
    return (account, fraction, max_cost, min_release, min_fraction, markets, nonce)


@dataclass
class Scene:
    """Wallets and their accounts; `victim` breaches below a price of about 1,533."""

    system: System
    victim: Any
    taker: Any
    maker: Any
    lender: Any
    account: int = 0
    taker_account: int = 0

    def set_up(self) -> None:
        """Fund everybody and let the victim buy."""
        self.account = self.system.account(self.victim)
        self.taker_account = self.system.fund(self.taker, 100_000)
        self.system.fund(self.maker, 1_000_000)
        self.long(self.victim, 10, 1600)

    def long(self, wallet: Any, size: float, cash: float, sub: int = 0) -> int:
        """Give a wallet's account a long of ETH at 1,600 and exactly this cash after the fee; returns the account."""
        account = self.system.fund(wallet, cash + size * 1600 * FEE / 10_000, sub=sub)
        self.system.prices()
        self.system.trade(wallet, self.maker, ETH, size, 1600, subs=(sub, 0))
        return account

    def insure(self, amount: float) -> None:
        """The lender puts quote into the vault."""
        system, units = self.system, int(amount * 10**6)
        system.quote.mint(self.lender, units, sender=self.lender)
        system.quote.approve(system.vault, units, sender=self.lender)
        system.vault.deposit(units, self.lender, sender=self.lender)

    def price(self, price: float, **options: Any) -> None:
        """Publish a price of ETH."""
        self.system.prices({ETH: price}, **options)

    def price_only(self, price: float) -> None:
        """Publish a price of ETH and leave the other markets as old as they are."""
        self.system.push_feeds({ETH: price})
        self.system.pass_time(ORACLE[0])
        self.system.update([Entry(ETH, wad(price), 0, 0)], chain.pending_timestamp // ORACLE[0])

    def open(self, *accounts: int, sender: Any = None) -> Any:
        """Sight accounts; the victim's by default."""
        return self.system.auction.open(list(accounts or (self.account,)), sender=sender or self.maker)

    def bid(self, *lots: tuple[int, ...], sub: int = 0, sender: Any = None) -> Any:
        """The taker bids with its account `sub`; for all of the victim's by default."""
        account = self.system.account(self.taker, sub)
        return self.system.auction.bid(account, list(lots or (lot(self.account),)), sender=sender or self.taker)

    def age(self, seconds: int, price: float) -> None:
        """
        Publish the price again, and let the next block find the run of the victim's account exactly `seconds` old.

        A long way is gone in steps with a sighting each, so that its clock does not stand still.
        """
        start = self.run().start
        while chain.blocks.head.timestamp + TERMS.watch - 5 < start + seconds:
            self.system.pass_time(TERMS.watch - 15)
            self.price(price, slow=False)
            self.open()
        ahead = start + seconds - chain.blocks.head.timestamp
        if ahead > 8:
            self.system.pass_time(ahead - 8)
            self.price(price, slow=False)
        chain.pending_timestamp = start + seconds

    def sighted_at(self, price: float, seconds: int = 0) -> None:
        """A price at which the account is sighted by the maker, and a run so old when the next block comes."""
        self.price(price)
        self.open()
        if seconds:
            self.age(seconds, price)

    def run(self, account: int | None = None) -> Run:
        """An account's run."""
        return Run.unpack(self.system.auction.run(account or self.account))

    def assessment(self, account: int | None = None) -> Assessment:
        """An account as the Clearinghouse sees it."""
        return Assessment(*self.system.clearinghouse.assess(account or self.account))

    def cash(self, account: int | None = None) -> int:
        """An account's cash."""
        return self.system.clearinghouse.cash(account or self.account)

    def vault_cash(self) -> int:
        """The vault's cash, with the reserve that is not collected yet."""
        reserve = Custody.unpack(self.system.clearinghouse.accrued()[2]).reserve
        return self.cash(self.system.account(self.system.vault)) + reserve

    def expected(self, before: Assessment, run: Run, receipt: Any, fraction: int = WAD, terms: Terms = TERMS) -> Quote:
        """What the model of the arithmetic says of a bid that a receipt is of."""
        now = chain.blocks[receipt.block_number].timestamp
        return bid_quote(before, run, CURVE, terms, now, fraction)

    def taken(self, receipt: Any) -> Any:
        """The one slice that a bid took."""
        events = receipt.decode_logs(self.system.auction.Taken)
        assert len(events) == 1
        return events[0]

    def skipped(self, receipt: Any) -> list[tuple[int, str]]:
        """The lots that were skipped, and why."""
        events = receipt.decode_logs(self.system.auction.Skipped)
        return [(event.account, event.reason) for event in events]

    @contextmanager
    def refused(self, message: str, *accounts: int) -> Iterator[None]:
        """The body reverts with exactly this message, and no account, total, book or run has changed."""
        system = self.system
        watched = {
            self.account,
            self.taker_account,
            system.account(system.vault),
            system.account(self.maker),
            *accounts,
        }

        house = system.clearinghouse

        def state() -> list[Any]:
            accounts = [(house.header(one), house.book_of(one)[2], system.auction.run(one)) for one in sorted(watched)]
            return [accounts, house.market_book(ETH), house.market_book(BTC), house.totals(), house.custody()]

        before = state()
        with ape.reverts(message):
            yield
        assert state() == before


@pytest.fixture(scope="session")
def victim(accounts):
    return accounts[7]


@pytest.fixture(scope="session")
def opener(accounts):
    return accounts[8]


@pytest.fixture(scope="module")
def scene(system, victim, taker, maker, lender):
    system.prices()
    scene = Scene(system, victim, taker, maker, lender)
    scene.set_up()
    return scene
