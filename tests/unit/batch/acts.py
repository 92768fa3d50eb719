"""Steps of a batch as tests name them, and a check that what is refused changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import Any

import ape
from eth_abi.abi import encode

from tests.unit.system import ETH, WAD, System, wad

NOBODY = "0x" + "00" * 20
Step = tuple[int, str, int, int, int, bytes]


@dataclass
class Acts:
    """Who acts on what; `account` is the taker's: 500 of cash, 5 ETH of spot, short 5 by a perp."""

    system: System
    taker: Any
    maker: Any
    receiver: Any
    account: int

    def run(self, *steps: Step, accounts: tuple[int, ...] | None = None, sender: Any = None) -> Any:
        """A batch for the taker's account by the taker, unless said otherwise."""
        named = [self.account] if accounts is None else list(accounts)
        return self.system.batch.batch(named, list(steps), sender=sender or self.taker)

    def fill(self, size: float, price: float = 1600, account: int | None = None) -> Step:
        """`account` gains `size` of ETH from the maker."""
        system = self.system
        order = system.order(system.account(self.maker), ETH, -size, price)
        arguments = (astuple(order), system.sign(order, self.maker), account or self.account, wad(abs(size)), 10_000)
        data = system.exchange.fill.encode_input(*arguments)
        return (6, system.exchange.address, 0, 0, 0, bytes(data))

    def deposit(self, amount: float, account: int | None = None) -> Step:
        """Quote from the caller."""
        return (1, NOBODY, account or self.account, 0, int(amount * 10**6), b"")

    def withdraw(self, amount: float, to: Any, account: int | None = None) -> Step:
        """Quote to a wallet."""
        return (2, getattr(to, "address", to), account or self.account, 0, int(amount * 10**6), b"")

    def withdraw_spot(self, amount: float, to: Any, account: int | None = None) -> Step:
        """ETH to a wallet."""
        return (4, getattr(to, "address", to), account or self.account, ETH, wad(amount), b"")

    def deposit_spot(self, amount: float, account: int | None = None) -> Step:
        """ETH from the caller."""
        return (3, NOBODY, account or self.account, ETH, wad(amount), b"")

    def call(self, account: int = 0, amount: float = 0) -> Step:
        """The receiver, which deposits `amount` of its own quote into an account."""
        data = encode(["uint256", "uint256"], [account, int(amount * 10**6)]) if amount else b""
        return (8, self.receiver.address, 0, 0, 0, data)

    def bid(self, victim: int, fraction: int = WAD) -> Step:
        """All of an account in breach, at any price."""
        any_of = 2**256 - 1
        lots = [(victim, fraction, 2**255 - 1, 0, 0, any_of, any_of)]
        return (7, NOBODY, 0, 0, 0, bytes(self.system.auction.bid.encode_input(self.account, lots)))

    def endow_receiver(self, amount: float) -> None:
        """Quote of the receiver's own."""
        self.system.quote.mint(self.receiver, int(amount * 10**6), sender=self.taker)

    @contextmanager
    def refused(self, message: str, *accounts: int) -> Iterator[None]:
        """The body reverts with exactly this message and leaves these accounts and all tokens as they were."""
        system = self.system
        holders = (self.taker, self.receiver, system.batch, system.clearinghouse)

        def state() -> Any:
            balances = [system.quote.balanceOf(holder) for holder in holders]
            return system.fingerprint(self.account, *accounts), balances

        before = state()
        with ape.reverts(message):
            yield
        assert state() == before
