"""The population comes in: tokens, deposits, signed orders and loans, as the transactions of its own wallets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from web3.contract import Contract

from keeper.model.orders import Order
from keeper.orders import FOREVER, sign_order

from .deployer import Deployment
from .population import Book, World
from .settings import MARKETS
from .wallets import Wallet

WAD = 10**18
SPREAD = 2 * 10**14
"""What the maker's price is away from the index, as a part of it (WAD): 2 bps."""

MAX_FEE_BPS = 10
TOKEN_GAS = 120_000
DEPOSIT_GAS = 450_000
CROSS_GAS = 1_200_000
WITHDRAW_GAS = 700_000

Signed = tuple[Order, bytes]
"""An order and its signature."""


def to_units(amount: int, decimals: int) -> int:
    """WAD to a token's units, rounded up."""
    return -(-amount // 10 ** (18 - decimals))


@dataclass(frozen=True, slots=True)
class Member:
    """A planned book and the wallet that owns it."""

    book: Book
    wallet: Wallet


class Opening:
    """Makes the transactions; who mines them is not its concern."""

    def __init__(self, deployment: Deployment, world: World, relayer: Wallet) -> None:
        """`relayer` carries signed orders to the exchange; it can do nothing that the orders do not say."""
        self._deployment = deployment
        self._world = world
        self._relayer = relayer
        self._nonces: dict[int, int] = {}

    def deposits(self, member: Member) -> Iterator[str]:
        """Mint, approve and deposit what a book starts with: quote, then spot."""
        if member.book.deposit:
            yield from self.quote_deposit(member.wallet, member.book.deposit)
        house = self._deployment.contracts["Clearinghouse"]
        for name, amount in member.book.spots.items():
            units = to_units(amount, self._deployment.token_decimals[name])
            yield self._token(member.wallet, name, "mint", member.wallet.address, units)
            yield self._token(member.wallet, name, "approve", house.address, units)
            data = house.encode_abi("deposit_spot", [member.wallet.account, self._deployment.markets[name], units])
            yield member.wallet.sign(str(house.address), data, DEPOSIT_GAS)

    def quote_deposit(self, wallet: Wallet, amount: int) -> Iterator[str]:
        """Mint quote and deposit it into the wallet's own account."""
        house = self._deployment.contracts["Clearinghouse"]
        units = to_units(amount, self._deployment.quote_decimals)
        yield from self._quote(wallet, str(house.address), units)
        yield wallet.sign(str(house.address), house.encode_abi("deposit", [wallet.account, units]), DEPOSIT_GAS)

    def vault_deposit(self, wallet: Wallet, amount: int) -> Iterator[str]:
        """Mint quote and put it into the insurance vault."""
        vault = self._deployment.contracts["InsuranceVault"]
        units = to_units(amount, self._deployment.quote_decimals)
        yield from self._quote(wallet, str(vault.address), units)
        yield wallet.sign(str(vault.address), vault.encode_abi("deposit", [units, wallet.address]), DEPOSIT_GAS)

    def _quote(self, wallet: Wallet, spender: str, units: int) -> Iterator[str]:
        quote = self._deployment.quote
        yield wallet.sign(str(quote.address), quote.encode_abi("mint", [wallet.address, units]), TOKEN_GAS)
        yield wallet.sign(str(quote.address), quote.encode_abi("approve", [spender, units]), TOKEN_GAS)

    def _token(self, wallet: Wallet, name: str, method: str, who: str, units: int) -> str:
        token = self._deployment.tokens[name]
        return wallet.sign(str(token.address), token.encode_abi(method, [who, units]), TOKEN_GAS)

    def trades(self, members: Sequence[Member]) -> Iterator[str]:
        """Each book's perps against the makers' two standing orders a market."""
        makers = {next(iter(m.book.perps)): m.wallet for m in members if m.book.kind == "maker"}
        takers = [member for member in members if member.book.kind not in ("maker", "lender")]
        for market in MARKETS:
            for side in (1, -1):
                wanted = [m for m in takers if m.book.perps.get(market, 0) * side > 0]
                yield from self._crosses(makers[market], market, side, wanted)

    def _crosses(self, maker: Wallet, market: str, side: int, takers: Sequence[Member]) -> Iterator[str]:
        if not takers:
            return
        total = sum(abs(member.book.perps[market]) for member in takers)
        price = self._world.prices[market] * (WAD + side * SPREAD) // WAD
        standing = self.order(maker, market, -side * total, price)
        for member in takers:
            order = self.order(member.wallet, market, member.book.perps[market], price)
            yield self.cross(order, standing, abs(member.book.perps[market]))

    def order(self, wallet: Wallet, market: str, size: int, price: int) -> Signed:
        """An order of the wallet's account, signed, with its next nonce: good for ever, against anybody."""
        nonce = self._nonces.get(wallet.account, 0) + 1
        self._nonces[wallet.account] = nonce
        order = Order(
            account=wallet.account,
            market=self._deployment.markets[market],
            size=size,
            price=price,
            max_fee=MAX_FEE_BPS,
            expiry=FOREVER,
            nonce=nonce,
            reduce_only=False,
            taker=0,
        )
        exchange = self._deployment.address("Exchange")
        return order, sign_order(order, self._deployment.chain_id, exchange, wallet.key)

    def cross(self, taker: Signed, maker: Signed, amount: int) -> str:
        """The relayer takes two orders to the exchange."""
        arguments = [fields_of(taker[0]), taker[1], fields_of(maker[0]), maker[1], amount]
        return self.relay(self._deployment.contracts["Exchange"], "cross", arguments, CROSS_GAS)

    def relay(self, contract: Contract, method: str, arguments: Sequence[Any], gas: int) -> str:
        """A call that the relayer makes."""
        return self._relayer.sign(str(contract.address), contract.encode_abi(method, list(arguments)), gas)

    def loans(self, members: Sequence[Member]) -> Iterator[str]:
        """Borrowing is withdrawing past zero with collateral behind it."""
        house = self._deployment.contracts["Clearinghouse"]
        for member in members:
            if member.book.borrow:
                units = member.book.borrow // 10 ** (18 - self._deployment.quote_decimals)
                arguments = [member.wallet.account, units, member.wallet.address]
                data = house.encode_abi("withdraw", arguments)
                yield member.wallet.sign(str(house.address), data, WITHDRAW_GAS)


def fields_of(order: Order) -> tuple[int | bool, ...]:
    """An order as the contracts' ABI takes it."""
    return (
        order.account,
        order.market,
        order.size,
        order.price,
        order.max_fee,
        order.expiry,
        order.nonce,
        order.reduce_only,
        order.taker,
    )
