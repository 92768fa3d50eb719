"""Random trades: by a venue directly, against signed orders, and of two orders with each other."""

from __future__ import annotations

from dataclasses import replace

from keeper.model.orders import Order
from keeper.model.trading import unsettled
from tests.model.actors import WAD
from tests.model.chain import number
from tests.model.governance import Governance
from tests.model.signing import SignedOrder, sign_order, spoiled
from tests.model.world import MAIN, MARKETS

FOREVER = 2**255


class OrderFlow(Governance):
    """Orders that wait to be filled, and what is done with them."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.book: list[SignedOrder] = []
        self.nonces: dict[int, int] = {}

    def _pair(self, market: int) -> tuple[int, int, int]:
        """A taker, a maker and what the taker gains: new risk, less risk, or an account in breach that gets out."""
        rng, actors = self.rng, self.actors
        first, second = actors.account(), actors.account()
        roll = rng.random()
        holders = actors.with_position(market) if market < MARKETS else []
        if roll < 0.2 and (breached := [account for account in actors.in_breach() if account in holders]):
            first = rng.choice(breached)
            return first, rng.choice(actors.takers + actors.traders), actors.reducing(first, market)
        if roll < 0.5 and holders:
            first = rng.choice(holders)
            return first, rng.choice(holders + actors.takers), actors.reducing(first, market)
        if roll < 0.7:
            second = rng.choice(actors.takers)
        return first, second, actors.affordable(first, market)

    def _help(self) -> bool:
        """Somebody helps an account in breach out, at a price in its favour and for no fee; False if none needs it."""
        rng, actors = self.rng, self.actors
        assessed = [(account, actors.assess(account)) for account in actors.all]
        needy = [account for account, found in assessed if found.in_breach and not found.state]
        insolvent = [account for account, found in assessed if found.equity < 0 and not found.state]
        if not needy:
            return False
        account = rng.choice(insolvent if insolvent and rng.random() < 0.6 else needy)
        holdings = self.model.clearinghouse.accounts[account].holdings
        markets = [market for market, holding in holdings.items() if holding.size]
        if not markets:
            return False
        market = rng.choice(markets)
        size = actors.reducing(account, market)
        favour = rng.randint(1, 25) * (1 if size > 0 else -1)
        price = actors.index(market) * (1_000 - favour) // 1_000
        helper = rng.choice(actors.takers)
        if not self.trade_act(market, account, helper, size, price, (0, 0)):
            self.count(market, account, helper)
        return True

    def trade(self) -> None:
        rng = self.rng
        if not self.model.clearinghouse.venues[number(self.world.venue)] and rng.random() < 0.3:
            self.allow_venue()
        if rng.random() < 0.3 and self._help():
            return
        market = self.actors.market()
        taker, maker, size = self._pair(market)
        if rng.random() < 0.02:
            size = rng.choice([0, 10**33 + 1, -(10**40), 1, 10**31, 10**33])
        price = self.actors.near(market)
        notional = abs(size) * price // WAD
        fees = [rng.choice([0, 0, notional // rng.randint(101, 9_999)]) for _ in range(2)]
        if rng.random() < 0.02:
            fees[rng.randrange(2)] = notional // 50 + 2
        if rng.random() < 0.5:
            taker, maker, size = maker, taker, -size
        caller = self.actors.anyone() if rng.random() < 0.03 else ""
        if not self.trade_act(market, taker, maker, size, price, (fees[0], fees[1]), caller):
            self.count(market, taker, maker)

    def count(self, market: int, *sides: int) -> None:
        """What became of the sides of a trade."""
        reading = self.model.engine.reading(market)
        for account in sides:
            value = unsettled(self.actors.holding(account, market), reading)
            assessment = self.actors.assess(account)
            what = {
                "trade: loss left unsettled": value < 0,
                "trade: profit left unsettled": value > 0,
                "trade: relief below the initial margin": assessment.equity - assessment.down < assessment.im,
                "trade: side still in breach": assessment.in_breach,
                "trade: position closed": self.actors.holding(account, market).size == 0,
            }
            self.world.traits.update(name for name, holds in what.items() if holds)

    # Orders

    def _nonce(self, account: int) -> int:
        roll = self.rng.random()
        nonce = self.nonces.get(account, 0)
        if roll < 0.06:
            return self.rng.choice([max(0, nonce - 1), max(0, nonce - 256), 0, 2**64 - 1 if roll < 0.001 else 5])
        self.nonces[account] = nonce + self.rng.choice([1, 1, 1, 255, 256])
        return nonce

    def make(self, account: int, market: int, size: int, price: int, taker: int = 0) -> SignedOrder:
        """Sign an order for an account; now and then it is by the wrong key, spoiled, narrow or already late."""
        rng = self.rng
        order = Order(
            account=account,
            market=market,
            size=size,
            price=price,
            max_fee=rng.choice([100, 100, 3, 1, 0]) if rng.random() < 0.2 else 100,
            expiry=rng.choice([self.model.now - 1, self.model.now]) if rng.random() < 0.04 else FOREVER,
            nonce=self._nonce(account),
            reduce_only=rng.random() < 0.07,
            taker=rng.choice([taker, taker, rng.choice(self.actors.all)]) if rng.random() < 0.1 else 0,
        )
        roll = rng.random()
        if roll < 0.01:
            order = replace(order, nonce=2**64)
        elif roll < 0.015:
            order = replace(order, price=2**127)
        owner = account >> 96
        by_contract = owner == number(self.actors.contract_wallet.address)
        key = self.actors.key_of.get(owner, self.actors.keys[2])
        operators = [who for who in self.actors.wallets if self.model.clearinghouse.operators[owner, number(who)]]
        if rng.random() < 0.03:
            key = rng.choice(self.actors.keys)
            by_contract = by_contract and key == self.actors.keys[0]
        elif operators and not by_contract and rng.random() < 0.2:
            key = self.actors.key_of[number(rng.choice(operators))]
        signed = sign_order(order, self.world.order_domain, key, by_contract)
        return spoiled(signed) if rng.random() < 0.01 else signed

    def fill(self) -> None:
        rng = self.rng
        if self.book and rng.random() < 0.3:
            signed = rng.choice(self.book)
            taker = rng.choice(self.actors.traders + self.actors.takers)
        else:
            market = self.actors.market() if rng.random() < 0.3 else rng.randrange(MAIN - 1)
            taker, maker, size = self._pair(market)
            signed = self.make(maker, market, -size, self.actors.near(market), taker)
            self.book = [*self.book[-30:], signed]
        order = signed.order
        left = abs(order.size) - self.model.exchange.slots[order.account, order.nonce % 256].filled
        amount = rng.choice([left, abs(order.size) * rng.randint(1, 100) // 100, abs(order.size) // 7])
        if rng.random() < 0.03:
            amount = rng.choice([0, 1, abs(order.size) + 1, 2**127])
        amount = max(0, amount)
        max_fee = rng.choice([0, 2, 3]) if rng.random() < 0.05 else 100
        caller = self.actors.caller_for(taker)
        act = self.model.exchange.fill
        self.world.both(
            "fill",
            self.world.exchange,
            "fill",
            (*signed.call, taker, amount, max_fee),
            caller,
            lambda: act(number(caller), signed.model, taker, amount, max_fee),
        )

    def cross(self) -> None:
        rng = self.rng
        market = rng.randrange(MAIN - 1)
        first, second, size = self._pair(market)
        price = self.actors.near(market, 0.005)
        better = price * rng.randint(995, 1_030) // 1_000
        worse = price * rng.randint(970, 1_005) // 1_000
        a = self.make(first, market, size, better if size > 0 else worse, second)
        b = self.make(second, market, -size, worse if size > 0 else better, first)
        if self.book and rng.random() < 0.1:
            b = rng.choice(self.book)
        amount = rng.choice([abs(size), abs(size), abs(size) // 3, 0 if rng.random() < 0.1 else abs(size)])
        caller = self.actors.anyone()
        act = self.model.exchange.cross
        self.world.both(
            "cross",
            self.world.exchange,
            "cross",
            (*a.call, *b.call, amount),
            caller,
            lambda: act(number(caller), a.model, b.model, amount),
        )
        self.book = [*self.book[-30:], a, b]

    def cancel(self) -> None:
        order = self.rng.choice(self.book).order if self.book else None
        account = order.account if order else self.actors.account()
        nonce = order.nonce if order else 3
        if self.rng.random() < 0.2:
            nonce = self.rng.choice([nonce + 1, nonce + 256, 2**64 - 1 if self.rng.random() < 0.1 else 0, 2**64])
        self._cancel("cancel", account, nonce)

    def cancel_below(self) -> None:
        account = self.actors.account()
        lowest = self.model.exchange.lowest[account]
        reached = max(lowest, self.nonces.get(account, 0))
        nonce = self.rng.choice([lowest, (lowest + reached) // 2, reached, max(0, lowest - 1), 2**64 + 1])
        self._cancel("cancel_below", account, nonce)

    def _cancel(self, function: str, account: int, nonce: int) -> None:
        caller = self.actors.caller_for(account)
        act = getattr(self.model.exchange, function)
        exchange = self.world.exchange
        self.world.both(
            function, exchange, function, (account, nonce), caller, lambda: act(number(caller), account, nonce)
        )
