"""The whole protocol on revm, and what an attacker may do with it: signed orders, batches, calls in their middle."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from typing import Any

import boa
from eth_abi.abi import encode
from eth_keys import keys

from keeper.model.auction_house import Lot
from keeper.model.orders import Order
from keeper.model.prices import encode_price
from keeper.model.requirement import Assessment
from keeper.model.risk_engine import Quoted, Report
from keeper.model.words import QUOTE_FEED, Position
from tests.model.chain import NOBODY, START, Reports, domain, number, send, set_time
from tests.model.signing import sign_order
from tests.model.world import FEED_DECIMALS, World

WAD = 10**18
UNIT = 10**6
"""Of the quote token in 1.0."""
QUOTE_SCALE = 10**12
BTC, ETH, SOL = range(3)
PRICES = {BTC: 60_000, ETH: 2_000, SOL: 100, 3: 10, 4: 1}
SPOT_SCALE = {BTC: 10**10, ETH: 1, 3: 10**12, 4: 10**18}
SEED = 7
NAMES = ("attacker", "lender", "maker", "victim", "other")
FOREVER = 2**255
CALLER = """
# pragma version ~=0.4.3
struct Call:
    target: address
    data: Bytes[4096]

calls: DynArray[Call, 160]

@external
def arm(target: address, data: Bytes[4096]):
    self.calls.append(Call(target=target, data=data))

@external
def go():
    for call: Call in self.calls:
        raw_call(call.target, call.data)

@external
def on_batch(caller: address, data: Bytes[4096]):
    for call: Call in self.calls:
        raw_call(call.target, call.data)
"""


class RefusedError(AssertionError):
    """The chain refused an act; its words are the contract's."""


class Scene:
    """A world of contracts alone, at prices that the slow feeds confirm, with somebody who lends."""

    def __init__(self, lent: int = 1_000_000) -> None:
        rng = random.Random(SEED)
        self.world = World(rng)
        self.house, self.auction = self.world.clearinghouse, self.world.auction
        self.vault, self.batch, self.exchange = self.world.vault, self.world.batch, self.world.exchange
        self.engine, self.quote = self.world.engines.contract, self.world.quote
        self.keys = {name: keys.PrivateKey(rng.randbytes(32)) for name in NAMES}
        self.wallets = {name: key.public_key.to_address() for name, key in self.keys.items()}
        self.nonces = 0
        self.now_prices = dict(PRICES)
        self.now = START
        for name in self.wallets:
            self.world.endow(self.wallets[name])
        self.prices()
        self.deposit("lender", 0, lent)

    @contextmanager
    def trial(self) -> Iterator[None]:
        """All that happens inside is undone at the end: each example of a search begins alike."""
        kept = boa.env.evm.snapshot()
        now, nonces, prices = self.now, self.nonces, dict(self.now_prices)
        try:
            yield
        finally:
            boa.env.evm.revert(kept)
            self.now, self.nonces, self.now_prices = now, nonces, prices
            set_time(now)

    # Who

    def account(self, name: str, sub: int = 0) -> int:
        """A wallet's account."""
        return number(self.wallets[name]) << 96 | sub

    def do(self, contract: Any, function: str, *args: Any, by: str = "attacker") -> Any:
        """An act that must happen."""
        reason, computation = send(contract, function, *args, sender=self.wallets.get(by, by))
        if reason:
            raise RefusedError(f"{function}: {reason}")
        return computation

    def attempt(self, contract: Any, function: str, *args: Any, by: str = "attacker") -> bool:
        """An act that a defence may refuse; whether it happened."""
        return not self.refusal(contract, function, *args, by=by)

    def refusal(self, contract: Any, function: str, *args: Any, by: str = "attacker") -> str:
        """Why an act is refused; empty if it happened."""
        return str(send(contract, function, *args, sender=self.wallets.get(by, by))[0])

    # Prices

    def at(self, seconds: int) -> None:
        """Let time go on."""
        self.now += seconds
        set_time(self.now)

    def push(self, prices: dict[int, float] | None = None) -> None:
        """The slow feeds, and nothing else."""
        self.now_prices |= prices or {}
        feeds = {QUOTE_FEED: 1.0} | {market: self.now_prices[market] for market in FEED_DECIMALS}
        for market, price in feeds.items():
            feed = self.world.engines.feeds[self.engine.slow_feed(market) & 2**160 - 1]
            feed.set_round(1, int(price * 10 ** feed.decimals()), self.now, self.now, 1)

    def reports(self, prices: dict[int, float]) -> Any:
        """Signed reports of this moment, not brought yet."""
        engines = self.world.engines
        named = self.now_prices | prices
        entries = tuple(Quoted(market, encode_price(int(price * WAD)), 0, 0) for market, price in named.items())
        made = Reports([], [])
        for key in engines.signers[:3]:
            made.add(engines, Report(self.now // 2, entries, number(key.public_key.to_address())), key)
        return made.signed

    def prices(self, prices: dict[int, float] | None = None) -> None:
        """Slow feeds and a round of reports, two seconds later."""
        self.at(2)
        self.push(prices)
        self.do(self.engine, "update", self.reports({}))

    # Acts

    def deposit(self, name: str, sub: int, amount: float, by: str = "") -> int:
        """Quote into an account of a wallet."""
        account = self.account(name, sub)
        self.do(self.house, "deposit", account, int(amount * UNIT), by=by or name)
        return account

    def deposit_spot(self, name: str, sub: int, market: int, amount: float) -> int:
        """Collateral into an account of a wallet."""
        account = self.account(name, sub)
        self.do(self.house, "deposit_spot", account, market, int(amount * WAD) // SPOT_SCALE[market], by=name)
        return account

    def fill_call(
        self, taker: int, maker: int, market: int, size: float, price: float, exchange: Any = None
    ) -> tuple[Any, ...]:
        """Arguments of a fill in which `taker` gains `size` of an order that the maker's owner signed."""
        self.nonces += 1
        amount = round(abs(size) * 10**9) * 10**9
        given = -amount if size > 0 else amount
        order = Order(maker, market, given, int(price * WAD), 100, FOREVER, self.nonces, False, 0)
        key = next(self.keys[name] for name, wallet in self.wallets.items() if number(wallet) == maker >> 96)
        signed = sign_order(order, domain(exchange or self.exchange), key)
        return (*signed.call, taker, amount, 100)

    def trade(self, taker: int, maker: int, market: int, size: float, price: float, by: str = "attacker") -> None:
        """`taker` gains `size`."""
        self.do(self.exchange, "fill", *self.fill_call(taker, maker, market, size, price), by=by)

    def run(self, accounts: list[int], *steps: Any, by: str = "attacker") -> None:
        """A batch."""
        self.do(self.batch, "batch", accounts, list(steps), by=by)

    def step_fill(self, *args: Any) -> Any:
        """A batch's fill, arguments as of `trade`."""
        data = self.exchange.fill.prepare_calldata(*self.fill_call(*args))
        return (6, str(self.exchange.address), 0, 0, 0, data)

    def step_withdraw(self, account: int, amount: float, by: str = "attacker") -> Any:
        """Quote to a wallet."""
        return (2, self.wallets[by], account, 0, int(amount * UNIT), b"")

    def step_deposit(self, account: int, amount: float) -> Any:
        """Quote from the caller."""
        return (1, NOBODY, account, 0, round(amount * UNIT), b"")

    def step_deposit_spot(self, account: int, market: int, amount: float) -> Any:
        """Collateral from the caller."""
        return (3, NOBODY, account, market, round(amount * WAD) // SPOT_SCALE[market], b"")

    def step_settle(self, market: int, *accounts: int) -> Any:
        """A batch's settlement."""
        return (5, NOBODY, 0, 0, 0, encode(["uint256", "uint256[]"], [market, list(accounts)]))

    def step_call(self, *calls: tuple[Any, str, tuple[Any, ...]], by: str = "attacker") -> Any:
        """A call of a contract that the caller made an operator, which calls all these in turn."""
        receiver = self.armed(*calls)
        self.do(self.house, "approve_operator", receiver.address, True, by=by)
        return (8, str(receiver.address), 0, 0, 0, b"")

    def step_spot(self, account: int, market: int, amount: float, by: str = "attacker") -> Any:
        """Collateral to a wallet."""
        return (4, self.wallets[by], account, market, int(amount * WAD) // SPOT_SCALE[market], b"")

    def known_loss(self) -> float:
        """Half a million that one account lacks, listed, and an empty vault; returns what leaving is worth."""
        loser, winner = self.deposit("victim", 0, 200_000), self.deposit("maker", 0, 1_000_000)
        self.trade(loser, winner, ETH, 1_000, 2_000, by="victim")
        for price in (1_800, 1_600, 1_300):
            self.prices({ETH: price})
        self.do(self.auction, "open", [loser], by="other")
        return float(self.house.exit_rate() / WAD)

    def in_breach(self, price: float = 1_890) -> int:
        """The victim's account: long 10 at 2,000 with 2,000, of which the price has left too little."""
        victim, maker = self.deposit("victim", 0, 2_000), self.deposit("maker", 0, 200_000)
        self.trade(victim, maker, ETH, 10, 2_000, by="victim")
        self.prices({ETH: price})
        return victim

    def armed(self, *calls: tuple[Any, str, tuple[Any, ...]]) -> Any:
        """A contract that makes all these calls in turn."""
        caller = boa.loads(CALLER)
        for contract, function, args in calls:
            caller.arm(contract.address, getattr(contract, function).prepare_calldata(*args))
        return caller

    def bid(self, taker: int, victim: int, fraction: float = 1, by: str = "attacker", **limits: int) -> None:
        """A bid of one lot."""
        self.do(self.auction, "bid", taker, [astuple(Lot(victim, int(fraction * WAD), **limits))], by=by)

    # What is

    def assess(self, account: int) -> Assessment:
        """An account as it stands."""
        return Assessment(*self.house.assess(account))

    def position(self, account: int, market: int) -> Position:
        """Size and cost."""
        return Position.unpack(self.house.position(account, market))

    def cash(self, account: int) -> float:
        """Cash in quote."""
        return self.house.cash(account) / WAD

    def worth(self, *accounts: int) -> float:
        """Equity of accounts in quote, spot at its price."""
        total = 0
        for account in accounts:
            total += self.engine.appraise(*self.house.book_of(account)).equity
        return total / WAD

    def wallet(self, name: str) -> float:
        """What a wallet has gained of tokens, in quote at the prices of now."""
        total = (self.quote.balanceOf(self.wallets[name]) - 2**200) / UNIT
        for market, token in self.world.tokens.items():
            if market in SPOT_SCALE:
                units = token.balanceOf(self.wallets[name]) - 2**200
                total += units * SPOT_SCALE[market] * self.now_prices[market] / WAD
        return total

    def equity(self, name: str, *subs: int) -> float:
        """All that a wallet has: tokens, the named accounts, and shares of the vault."""
        shares = self.vault.balanceOf(self.wallets[name]) + self.vault.request_of(self.wallets[name])[0]
        return (
            self.wallet(name)
            + self.worth(*(self.account(name, sub) for sub in subs))
            + self.vault.convertToAssets(shares) / UNIT
        )
