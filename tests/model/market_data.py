"""Prices for the random operations: a walk with crashes, signers that disagree, slow feeds that lag and fail."""

from __future__ import annotations

import random

from keeper.model.prices import MAX_PRICE, MIN_PRICE, Answer, encode_price
from keeper.model.risk_engine import Quoted, Report
from tests.model.chain import ORACLE, Reports, new_key, number
from tests.model.world import FEED_DECIMALS, MAIN, MARKETS, PRICES, THRESHOLD, World

WAD = 10**18
JUMPS = [0.7, 0.85, 0.92, 0.94, 0.96, 0.97, 0.98, 1.02, 1.03, 1.04, 1.06, 1.08, 1.15, 1.3]
SHAKES = [0.93, 0.95, 0.96, 0.97, 1.03, 1.04, 1.05, 1.07]


class MarketData:
    """True prices, and what of them reaches the chain."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world = world
        self.rng = rng
        self.true = [price * WAD for price in PRICES]

    @property
    def now(self) -> int:
        """Chain time."""
        return self.world.model.now

    def pass_time(self) -> None:
        """Often nothing, mostly a second or two, seldom an outage, very seldom days."""
        roll = self.rng.random()
        if roll > 0.4:
            return
        if roll > 0.02:
            seconds = self.rng.randint(1, 3)
        elif roll > 0.0015:
            seconds = self.rng.randint(5, 45)
        else:
            seconds = self.rng.choice([61, 301, 3_600, 86_400, 700_000])
        self.world.at(self.now + seconds)
        if seconds > 10 and self.rng.random() < 0.8:
            self.confirm()
            self.update(everywhere=self.rng.random() < 0.3)
        elif self.age > ORACLE.price_age - 4 and self.rng.random() < 0.5:
            self.update()

    @property
    def age(self) -> int:
        """Seconds since the first market's price."""
        word = self.world.model.engine.prices[0]
        return self.now - word.time if word else 0

    def confirm(self) -> None:
        """Every slow feed tells the truth."""
        for market in FEED_DECIMALS:
            self.push(market, 1.0)

    def shake(self) -> None:
        """A jump that the slow feeds confirm, so that whom it breaks is sighted at once."""
        jump = self.rng.choice(SHAKES)
        self.true = [max(MIN_PRICE, int(price * jump)) for price in self.true]
        self.confirm()
        self.update(everywhere=self.rng.random() < 0.3)

    def move(self) -> None:
        """The next true prices: small steps, and now and then a crash or a squeeze of all or of one."""
        roll = self.rng.random()
        jump = self.rng.choice(JUMPS) if roll < 0.06 else 1.0
        alone = self.rng.randrange(MARKETS) if roll < 0.03 else None
        for market, price in enumerate(self.true):
            step = 1 + self.rng.gauss(0, 0.0015)
            if alone is None or alone == market:
                step *= 1 + (jump - 1) * self.rng.uniform(0.6, 1.1)
            # Prices are drawn back to where they began, so that a long walk stays in reach.
            pull = (PRICES[market] * WAD / price) ** 0.01
            self.true[market] = min(MAX_PRICE, max(MIN_PRICE, int(price * step * pull)))

    def update(self, everywhere: bool = False) -> None:
        """A round of signed reports; sometimes one that must be refused."""
        rng, engines = self.rng, self.world.engines
        self.move()
        markets = [market for market in range(MAIN) if rng.random() < 0.97] or [0]
        if everywhere or rng.random() < 0.35:
            markets = list(range(MARKETS))
        basis = rng.choice([0, 0, rng.randint(-4_000, 4_000)])
        round_ = self.now // ORACLE.round_seconds
        keys = rng.sample(engines.signers, THRESHOLD)
        columns = [[self._quoted(market, basis) for market in markets] for _ in keys]
        rounds = [round_] * THRESHOLD
        spoil = 1.0 if everywhere else rng.random()
        if spoil < 0.01:
            rounds = [round_ - 6] * THRESHOLD
        elif spoil < 0.02:
            rounds = [round_ + 1] * THRESHOLD
        elif spoil < 0.03:
            keys[1] = keys[0]
        elif spoil < 0.04:
            keys[2] = new_key(rng)
        elif spoil < 0.05:
            columns[0][-1] = columns[0][-1]._replace(market=MARKETS + 1)
        elif spoil < 0.06:
            columns[2][0] = columns[2][0]._replace(price=1)
        elif spoil < 0.07:
            rounds[1] -= 1
        elif spoil < 0.08:
            columns[1] = columns[1][:-1]
        elif spoil < 0.09:
            keys = keys[:2]
        elif spoil < 0.1:
            columns = [[quoted._replace(market=MARKETS) for quoted in column] for column in columns]
        reports = Reports([], [])
        for key, column, of_round in zip(keys, columns, rounds, strict=False):
            reports.add(engines, Report(of_round, tuple(column), number(key.public_key.to_address())), key)
        self._both("update", reports.signed, lambda: engines.model.update(reports.plain))

    def _quoted(self, market: int, basis: int) -> Quoted:
        price = int(self.true[market] * self.rng.uniform(0.9995, 1.0005))
        confidence = self.rng.choice([0, 10, 30])
        return Quoted(market, encode_price(min(MAX_PRICE, max(MIN_PRICE, price))), confidence, basis)

    def _both(self, kind: str, argument: object, act: object) -> None:
        self.world.both(kind, self.world.engines.contract, kind, (argument,), self.world.venue, act)

    def refresh(self) -> None:
        """A look at some slow feeds; sometimes at one of a market that is not there."""
        markets = self.rng.sample(range(MARKETS), self.rng.randint(1, 5))
        if self.rng.random() < 0.05:
            markets.append(self.rng.choice([MARKETS, 64, 2**200]))
        self._both("refresh", markets, lambda: self.world.model.engine.refresh(markets))

    def push(self, market: int, near: float) -> None:
        """A fresh answer of a market's slow feed, `near` times its true price; nothing where there is no feed."""
        feed = self.world.model.engine.feeds[market]
        if feed.address:
            answer = int(self.true[market] * near) // 10 ** (18 - FEED_DECIMALS[market])
            self.world.engines.push(feed.address, Answer(9, answer, self.now, self.now, 9))
        self.push_quote(1.0)

    def push_quote(self, worth: float) -> None:
        """A fresh answer of the quote token's feed."""
        for address in self.world.engines.feeds:
            if address not in {self.world.model.engine.feeds[market].address for market in FEED_DECIMALS}:
                self.world.engines.push(address, Answer(9, int(worth * 10**8), self.now, self.now, 9))

    def push_some(self) -> None:
        """What a slow feed answers from now on: mostly the truth, at times late, wrong, or nothing."""
        market = self.rng.choice(list(FEED_DECIMALS))
        roll = self.rng.random()
        if roll < 0.75:
            self.push(market, self.rng.choice([1, 1, 1.001, 0.999, self.rng.uniform(0.97, 1.03)]))
        elif roll < 0.8:
            self.push(market, self.rng.uniform(0.5, 1.6))
        elif roll < 0.9:
            old = self.now - self.rng.randint(1, 700)
            price = self.true[market] // 10 ** (18 - FEED_DECIMALS[market])
            self.world.engines.push(self.world.model.engine.feeds[market].address, Answer(9, price, old, old, 9))
        elif roll < 0.95:
            self.world.engines.push(self.world.model.engine.feeds[market].address, None)
        else:
            self.push_quote(self.rng.choice([1.0, 0.97, 1.02]))
        self.world.done["push"] += 1
