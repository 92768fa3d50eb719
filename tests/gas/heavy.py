"""The heaviest accounts that the protocol allows, on a chain of its own: sixteen markets, each in spot and perpetual.

Accounts are parts of a few large ones, moved as the auction moves a slice, and brought to a health by cash alone: that
takes few transactions, and prices need not move.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import ape

from benches.gas import NOBODY, behind_proxy, slow_feed
from keeper.book.exact import Exact
from keeper.book.mirror import Mirror, slots
from keeper.model.prices import Oracle
from keeper.model.requirement import Assessment, Holding
from keeper.model.standing import NOTHING
from keeper.model.words import LISTED, PERP_ALLOWED, SPOT_ALLOWED, Parameters, Position
from keeper.publish.reports import Entry
from tests.unit.compiled import contract
from tests.unit.system import (
    DEVIATION,
    FEED_UNITS,
    HEARTBEAT,
    ORACLE,
    RISK,
    WAD,
    System,
    deploy_core,
    wad,
)

MARKETS = 16
BUCKETS = (1, 0, 2, 7, 3, 4, 5, 6, 3, 4, 5, 6, 0, 1, 2, 7)
"""Of the markets: two in each of the eight, and no two of four in a row in one."""
RAMP = 86_400
LASTING = (*ORACLE[:2], 200, 250, *ORACLE[4:-1], RAMP)
"""Prices that live long enough for all that is measured at them: that costs nothing."""
EARLIER, LATER, PRICE = 100, 96, 98
"""What positions were traded at, and the price since: longs of the earlier trades and shorts of the later have lost."""
BASIS, SLOW = 500, 1.015
"""Basis in 1e-6; what slow feeds say over the fast price, so that no price is read by the short way."""
LARGE = 1_000
"""Units in each market of an account that others are parts of."""
PART = WAD // 40
LONG, SHORT, SPOT = range(3)
"""What large accounts hold: one side in all of their markets."""


class Heavy:
    """The protocol with large accounts, in 16 markets, in 4 and in one."""

    def __init__(self, wallets: Any) -> None:
        self.owner, self.holder, self.maker, self.operator, self.opener, self.sender = wallets[:6]
        """`opener` and `sender` have nothing yet: what they are paid writes a new word."""
        self.system = deploy(self.owner, [wallets[number] for number in range(10, 14)])
        self.auction = self.system.auction
        ape.chain.provider.set_balance(self.auction.address, 10**24)
        self._auctioneer = wallets.impersonate_account(self.auction.address)
        self._subs = count(1)
        self.bank = self.system.fund(self.owner, 10**9)
        self.large: dict[tuple[int, tuple[int, ...]], int] = {}
        # It has next to nothing, so that a loss is shared too.
        self.system.fund_account(self.system.account(self.system.vault), self.owner, 10)
        for owner in (self.owner, self.maker):
            self.system.clearinghouse.approve_operator(self.operator, True, sender=owner)
        groups = {size: [tuple(range(first, first + size)) for first in range(0, MARKETS, size)] for size in (16, 4, 1)}
        self.prices(EARLIER)
        self._trade(LONG, [markets for size in groups for markets in groups[size]], EARLIER)
        self.prices(LATER)
        self._trade(SHORT, groups[16], LATER)
        self._deposit([*groups[16], *groups[4]])
        self.prices()

    def _trade(self, side: int, groups: Sequence[tuple[int, ...]], price: float) -> None:
        """Large accounts gain positions on a side, each in its own markets; the other side is the bank's."""
        system, bank = self.system, self.bank
        for markets in groups:
            account = self._large(side, markets)
            self.pay(bank, account, 10**6 * WAD)
            for market in markets:
                size = LARGE if side == LONG else -LARGE
                order = system.order(bank, market, -size, price)
                system.fill(order, system.sign(order, self.owner), self.holder, LARGE, sub=account & 2**96 - 1)

    def _deposit(self, groups: Sequence[tuple[int, ...]]) -> None:
        """Large accounts of tokens alone."""
        for market, token in self.system.spot_tokens.items():
            token.mint(self.holder, LARGE * len(groups) * WAD, sender=self.holder)
            token.approve(self.system.clearinghouse, LARGE * len(groups) * WAD, sender=self.holder)
            for markets in groups:
                if market in markets:
                    account = self._large(SPOT, markets)
                    self.system.clearinghouse.deposit_spot(account, market, LARGE * WAD, sender=self.holder)

    def _large(self, side: int, markets: tuple[int, ...]) -> int:
        return self.large.setdefault((side, markets), self.fresh(self.holder))

    def prices(self, price: float = PRICE) -> None:
        """Publish one price for all markets; slow feeds say somewhat more."""
        system = self.system
        for feed in system.feeds.values():
            feed.push(round(price * SLOW * FEED_UNITS), ape.chain.blocks.head.timestamp, sender=self.owner)
        system.pass_time(ORACLE[0])
        entries = [Entry(market, wad(price), 0, BASIS) for market in range(MARKETS)]
        system.update(entries, ape.chain.pending_timestamp // ORACLE[0])

    def begin_ramps(self) -> None:
        """All parameters of all markets begin to rise, and so does what the markets share."""
        engine = self.system.risk_engine
        for market in range(MARKETS):
            old = Parameters.unpack(engine.parameters(market))
            new = replace(old, s=old.s + 500, u=old.u + 300, g=old.g + 200)
            engine.set_parameters(market, new.pack(), sender=self.owner)
        engine.set_risk(replace(RISK, kappa=3_000, min_requirement=2_500).pack(), sender=self.owner)

    def mark(self, market: int = 0) -> int:
        """WAD quote."""
        return int(self.system.risk_engine.price(market).mark)

    def fresh(self, wallet: Any) -> int:
        """An account of a wallet's that has never had anything."""
        return self.system.account(wallet, next(self._subs))

    def part(self, account: int, *sides: int, markets: tuple[int, ...] = tuple(range(MARKETS))) -> int:
        """Give an account a part of large ones, a larger one of those in fewer markets; returns it."""
        for side in sides:
            self._slice(self.large[side, markets], account, PART * MARKETS // len(markets))
        return account

    def pay(self, payer: int, receiver: int, amount: int) -> None:
        """Move cash (WAD quote)."""
        self._slice(self.system.account(self.auction, NOTHING), payer, WAD, amount, receiver)

    def _slice(self, account: int, taker: int, fraction: int, pays: int = 0, receiver: int = 0) -> None:
        """Move a fraction (WAD) of an account, and what the taker pays (WAD quote) to a receiver, without any test."""
        args = (account, taker, fraction, pays, 0, receiver or taker, pays)
        self.system.clearinghouse.slice(*args, sender=self._auctioneer)

    def dial(self, accounts: Sequence[int], equity: Callable[[Assessment], int]) -> None:
        """Bring accounts to the equity (WAD quote) that a function of their assessment says."""
        for account in accounts:
            seen = self.assess(account)
            surplus = seen.equity - equity(seen)
            payer, receiver = (account, self.bank) if surplus > 0 else (self.bank, account)
            self.pay(payer, receiver, abs(surplus))

    def assess(self, account: int) -> Assessment:
        """Equity and requirement of an account."""
        return Assessment(*self.system.clearinghouse.assess(account))

    def exact(self, accounts: Sequence[int]) -> Exact:
        """The book of a keeper that knows these accounts."""
        exact = Exact(Mirror(1), Oracle(*LASTING), ape.chain.blocks.head.timestamp)
        for account in accounts:
            cash, maps, words = self.system.clearinghouse.book_of(account)
            holdings: dict[int, Holding] = {}
            for (market, perp), word in zip(slots(maps & 2**64 - 1, maps >> 64), words, strict=True):
                position = Position.unpack(word)
                change = {"size": position.size, "cost": position.cost} if perp else {"spot": word}
                holdings[market] = holdings.get(market, Holding())._replace(**change)
            exact.tell(account, cash, holdings, self.assess(account))
        return exact


def deploy(owner: Any, signers: Sequence[Any]) -> System:
    """The protocol with sixteen markets, all with a token."""
    token = contract("testing/TestToken")
    kinds = [("Q", 6), *((f"T{market}", 18) for market in range(MARKETS))]
    quote, *tokens = (behind_proxy(owner, token, owner.deploy(token, name, name, units)) for name, units in kinds)
    engine = owner.deploy(contract("RiskEngine"), LASTING, NOBODY, 0)
    engine.set_risk(RISK.pack(), sender=owner)
    core = deploy_core(contract, owner, quote, engine)
    exchange = owner.deploy(contract("Exchange"), core.clearinghouse, 3, 0)
    feeds = {market: slow_feed(owner) for market in range(MARKETS)}
    system = System(
        owner=owner,
        signers=list(signers),
        quote=quote,
        spot_tokens=dict(enumerate(tokens)),
        feeds=feeds,
        risk_engine=engine,
        **core._asdict(),
        exchange=exchange,
    )
    engine.set_signers([signer.address for signer in signers], 3, sender=owner)
    for market, bucket in enumerate(BUCKETS):
        parameters = Parameters(4600, 2470, 1400, bucket=bucket, flags=LISTED | PERP_ALLOWED | SPOT_ALLOWED)
        engine.add_market(parameters.pack(), feeds[market], HEARTBEAT, DEVIATION, sender=owner)
        core.clearinghouse.list_spot(market, tokens[market], sender=owner)
    core.clearinghouse.set_venue(exchange, True, sender=owner)
    return system
