"""A Clearinghouse whose venue, auction and vault are wallets, so that a test can act as each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ape

from keeper.model.words import Custody, Header, Indices, MarketBook, Totals
from tests.unit.system import ETH, MARKETS, ORACLE, WAD, System, wad

DEPOSIT, WITHDRAW, DEPOSIT_SPOT, WITHDRAW_SPOT, SETTLE, TRADE, GIVEN, TAKEN, VAULT, OPENER, COLLECT = range(1, 12)
"""The acts an AccountChanged names."""
QUOTE_UNIT = 10**12
"""WAD in one unit of the quote token of 6 decimals."""


@dataclass
class House(System):
    """The system with a Clearinghouse of its own. Amounts of its methods are human numbers, as the System's are."""

    venue: Any = None
    auctioneer: Any = None
    vault_wallet: Any = None
    batcher: Any = None

    def trade(  # type: ignore[override]  # a venue's trade takes accounts, not wallets and a signature
        self,
        taker: int,
        maker: int,
        size: float,
        price: float,
        *,
        market: int = ETH,
        fees: tuple[float, float] = (0, 0),
        **options: Any,
    ) -> Any:
        """`taker` gains `size` from `maker`; fees in quote."""
        arguments = (market, taker, maker, wad(size), wad(price), wad(fees[0]), wad(fees[1]))
        return self.clearinghouse.trade(*arguments, sender=options.pop("sender", self.venue), **options)

    def slice(
        self,
        account: int,
        taker: int,
        fraction: float,
        *,
        pays: float = 0,
        gets: float = 0,
        opener: int = 0,
        reward: float = 0,
        **options: Any,
    ) -> Any:
        """The auction moves `fraction` of an account to a taker."""
        arguments = (account, taker, wad(fraction), wad(pays), wad(gets), opener, wad(reward))
        return self.clearinghouse.slice(*arguments, sender=options.pop("sender", self.auctioneer), **options)

    def settle(self, *accounts: int, market: int = ETH, **options: Any) -> Any:
        """Anybody settles accounts in this order."""
        return self.clearinghouse.settle(market, list(accounts), sender=options.pop("sender", self.owner), **options)

    @property
    def vault_account(self) -> int:
        """Where fees, penalties and reserve go."""
        return self.account(self.vault_wallet)

    def cash(self, account: int) -> int:
        """Cash now, WAD."""
        return int(self.clearinghouse.cash(account))

    def stored(self, account: int) -> int:
        """Cash as the last act left it, WAD: without the interest of the second that a view is later."""
        return worth(self.header(account).principal, self.indices)

    def header(self, account: int) -> Header:
        """The stored header."""
        return Header.unpack(self.clearinghouse.header(account))

    def book(self, market: int = ETH) -> tuple[int, int]:
        """Σ cost and Σ |size| of a market."""
        book = MarketBook.unpack(self.clearinghouse.market_book(market))
        return book.cost, book.size

    @property
    def indices(self) -> Indices:
        """As stored."""
        return Indices.unpack(self.clearinghouse.indices())

    @property
    def totals(self) -> Totals:
        """As stored."""
        return Totals.unpack(self.clearinghouse.totals())

    @property
    def custody(self) -> Custody:
        """As stored."""
        return Custody.unpack(self.clearinghouse.custody())

    def accrued(self) -> tuple[Indices, Totals, Custody]:
        """The three words as they are now."""
        indices, totals, custody = self.clearinghouse.accrued()
        return Indices.unpack(indices), Totals.unpack(totals), Custody.unpack(custody)

    def changes(self, receipt: Any) -> list[tuple[int, int]]:
        """Account and act of every AccountChanged of a transaction, in order."""
        return [(log.account, log.act) for log in receipt.decode_logs(self.clearinghouse.AccountChanged)]

    def check_logged(self, receipt: Any) -> None:
        """What a transaction logged is what is stored: of each account its last event, and the words of the whole."""
        house = self.clearinghouse
        last = {log.account: log for log in receipt.decode_logs(house.AccountChanged)}
        for account, log in last.items():
            assert log.header == house.header(account)
            assert list(log.words) == list(self._words(account, log.changed))
        for log in receipt.decode_logs(house.InterestChanged):
            assert (log.indices, log.totals, log.custody) == (house.indices(), house.totals(), house.custody())
        books = {log.market: log.book for log in receipt.decode_logs(house.BookChanged)}
        for market, book in books.items():
            assert book == house.market_book(market)

    def _words(self, account: int, changed: int) -> Iterator[int]:
        for market in range(64):
            if changed >> market & 1:
                yield self.clearinghouse.spot(account, market)
            if changed >> market + 64 & 1:
                yield self.clearinghouse.position(account, market)

    def check_custody(self, accounts: Iterable[int]) -> None:
        """Tokens held are what accounts and vault own, and the rest is dust of the protocol's; the tokens are there."""
        _, _, custody = self.accrued()
        owned = sum(self.cash(account) for account in set(accounts)) + custody.reserve
        claims = -sum(self.book(market)[0] for market in MARKETS)
        dust = custody.held - owned - claims
        assert 0 <= dust < 10**6, dust
        house = self.clearinghouse
        assert self.quote.balanceOf(house) * house.quote_scale() >= custody.held
        for market, token in self.spot_tokens.items():
            assert token.balanceOf(house) * 10 ** (18 - token.decimals()) >= house.spot_total(market)

    @contextmanager
    def refuses(self, message: str, *accounts: int) -> Iterator[None]:
        """The body reverts with exactly this message, and nothing kept of these accounts or of the whole changed."""

        def state() -> dict[Any, Any]:
            house = self.clearinghouse
            tokens = {token.address: token.balanceOf(house) for token in (self.quote, *self.spot_tokens.values())}
            totals = {f"total {market}": house.spot_total(market) for market in self.spot_tokens}
            books = {f"book {market}": house.market_book(market) for market in MARKETS}
            whole = {"indices": house.indices(), "totals": house.totals(), "custody": house.custody()}
            kept = {account: (house.header(account), house.book_of(account)[2]) for account in accounts}
            return tokens | totals | books | whole | kept | {"vault": house.header(self.vault_account)}

        before = state()
        with ape.reverts(message):
            yield
        after = state()
        changed = {name: (before[name], after[name]) for name in before if after[name] != before[name]}
        assert not changed, changed


def worth(principal: int, indices: Indices) -> int:
    """Cash behind a principal, rounded against the account."""
    return principal * (indices.supply if principal >= 0 else indices.borrow) // WAD


def soon(house: System) -> int:
    """The number of a round of reports that has just begun."""
    house.pass_time(ORACLE[0])
    return int(ape.chain.pending_timestamp // ORACLE[0])
