"""Prices, contract against model: random rounds, outages and answers give the same words, readings and refusals."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from keeper.model.prices import Answer, Oracle, encode_price, read
from keeper.model.risk_engine import Quoted, Report
from keeper.model.words import LISTED, PERP_ALLOWED, SPOT_ALLOWED, Parameters, PriceWord
from tests.model.chain import (
    HEARTBEAT,
    ORACLE,
    START,
    Engines,
    Reports,
    deploy_engine,
    new_key,
    number,
    outcome,
    send,
    use_own_cache,
)
from tests.model.revm import fresh_chain

WAD = 10**18
STEPS = 1_000
FLAGS = LISTED | PERP_ALLOWED | SPOT_ALLOWED
G = [1_400, 0, 65_535, 3, 700]
"""The last market is without a slow feed."""


class Walk:
    """Random acts on the prices of a few markets, driven on both sides and compared after each."""

    def __init__(self, seed: int, threshold: int, quote_decimals: int | None) -> None:
        self.rng = random.Random(seed)
        self.engines: Engines = deploy_engine(self.rng, threshold, quote_decimals)
        self.threshold = threshold
        self.now = START
        self.true = [2_000 * WAD, 60_000 * WAD, WAD // 10**6, 10**26, WAD]
        self.quote = WAD
        for place, g in enumerate(G):
            cap = self.rng.choice([0, 2**40 - 1])
            decimals = None if place == len(G) - 1 else self.rng.choice([0, 6, 8, 18])
            self.engines.add_market(
                Parameters(1_000, 500, g, cap=cap, bucket=place % 8, flags=FLAGS),
                decimals,
                HEARTBEAT,
                self.rng.choice([0, 500]),
            )
        self.markets = range(len(G))
        self.seen: Counter[str] = Counter()

    def step(self) -> None:
        rng = self.rng
        self.now += rng.choice([0, 1, 1, 2, 2, 3, 5, 12, 20, 40, 70, 650] if rng.random() < 0.3 else [1, 2, 3])
        self.engines.at(self.now)
        self.true = [min(10**27, max(10**9, int(price * rng.choice([1, 1.001, 0.98, 1.02])))) for price in self.true]
        act = rng.choice(["fast"] * 5 + ["push"] * 3 + ["refresh"] * 3)
        getattr(self, act)()
        self.engines.assert_same_words(self.markets)
        for market in self.rng.sample(self.markets, 2):
            self.assert_same_reading(market)

    def assert_same_reading(self, market: int) -> None:
        reading = self.engines.model.reading(market)
        word = self.engines.model.prices[market]
        shown = tuple(self.engines.contract.price(market))
        assert shown == (
            reading.state,
            reading.index,
            reading.mark,
            reading.funding,
            reading.up,
            reading.down,
            reading.up_faded,
            reading.down_faded,
            word.time if word else 0,
            self.engines.model.parameters[market].flags,
            self.engines.model.parameters[market].cap * WAD,
        )
        self.seen[f"state {reading.state}"] += 1
        self.seen["faded"] += reading.up != reading.up_faded or reading.down != reading.down_faded

    def both(self, reports: Reports) -> None:
        refusal = outcome(lambda: self.engines.model.update(reports.plain))
        assert send(self.engines.contract, "update", reports.signed)[0] == refusal
        self.seen[refusal or "update"] += 1

    def quoted(self, market: int) -> Quoted:
        rng = self.rng
        price = int(self.true[market % len(G)] * rng.uniform(0.99, 1.01))
        encoded = encode_price(min(10**27, max(10**9, price)))
        if rng.random() < 0.005:
            encoded = rng.choice([0, 1, encode_price(10**28)])
        # The same price in an encoding that is not the shortest.
        if encoded & 1 == 0 and encoded >> 48 < 63 and rng.random() < 0.3:
            encoded = (encoded & (1 << 48) - 1) >> 1 | (encoded >> 48) + 1 << 48
        basis = rng.choice([0, rng.randint(-3_000, 3_000), rng.randint(-(2**19), 2**19 - 1)])
        return Quoted(market, encoded, rng.choice([0, 20, rng.randint(0, 65_535)]), basis)

    def fast(self) -> None:
        rng, engines = self.rng, self.engines
        back = rng.choice([0, 0, 0, 1, 4, 5, 6]) if rng.random() < 0.2 else 0
        round_ = self.now // ORACLE.round_seconds - back + (rng.random() < 0.01)
        markets = [market for market in self.markets if rng.random() < 0.7] or [0]
        if rng.random() < 0.01:
            markets.append(rng.choice([len(G), 63, 64, 255]))
        keys = rng.sample(engines.signers, self.threshold)
        columns = [[self.quoted(market) for market in markets] for _ in keys]
        rounds = [round_] * len(keys)
        spoil = rng.random()
        if spoil < 0.01:
            columns[-1][0] = self.quoted((markets[0] + 1) % len(G))
        elif spoil < 0.02:
            columns[-1].append(self.quoted(0))
        elif spoil < 0.03:
            rounds[-1] += 1
        elif spoil < 0.04:
            keys[-1] = keys[0]
        elif spoil < 0.05:
            keys[-1] = new_key(rng)
        elif spoil < 0.06:
            keys.append(engines.signers[0])
            columns.append(columns[0])
            rounds.append(round_)
        elif spoil < 0.07:
            keys.pop()
        elif spoil < 0.08:
            columns = [[] for _ in keys]
        reports = Reports([], [])
        for key, column, of_round in zip(keys, columns, rounds, strict=False):
            reports.add(engines, Report(of_round, tuple(column), number(key.public_key.to_address())), key)
        self.both(reports)

    def push(self) -> None:
        rng = self.rng
        feed = rng.choice(list(self.engines.feeds))
        market = next((m for m in self.markets if self.engines.model.feeds[m].address == feed), None)
        decimals = self.engines.feeds[feed].decimals()
        worth = self.quote if market is None else self.true[market]
        price = int(worth * rng.choice([1, 0.9, 1.003, 1.2, 0.3, 5])) // 10 ** (18 - decimals)
        updated = self.now - rng.choice([0, 0, 0, 5, 60, 300, HEARTBEAT, HEARTBEAT + 1])
        answer = Answer(7, price, updated, updated, 7)
        spoil = rng.random()
        if spoil < 0.08:
            answer = answer._replace(answer=rng.choice([0, -1, -(2**255), 2**255 - 1, 2**190, 10**28]))
        elif spoil < 0.14:
            answer = answer._replace(updated_at=rng.choice([0, self.now + 1, 2**256 - 1]))
        elif spoil < 0.18:
            answer = answer._replace(answered_in_round=6)
        self.engines.push(feed, None if 0.18 <= spoil < 0.24 else answer)

    def refresh(self) -> None:
        markets = self.rng.sample(range(len(G)), self.rng.randint(1, len(G)))
        if self.rng.random() < 0.03:
            markets.append(len(G))
        refusal = outcome(lambda: self.engines.model.refresh(markets))
        assert send(self.engines.contract, "refresh", markets)[0] == refusal
        self.seen[refusal or "refresh"] += 1


@pytest.fixture(scope="module", autouse=True)
def compiled():
    use_own_cache()


@pytest.mark.parametrize(
    ("seed", "threshold", "quote_decimals"),
    [(1, 3, None), (2, 1, 8), (3, 3, 18), (4, 5, None)],
    ids=["usd", "quote-8", "quote-18", "five"],
)
def test_prices__random_rounds_and_outages__words_and_readings_equal_the_model(seed, threshold, quote_decimals):
    with fresh_chain():
        walk = Walk(seed, threshold, quote_decimals)
        for _ in range(max(300, STEPS // threshold)):
            walk.step()
    print(f"seed {seed}: {dict(walk.seen)}")
    assert min(walk.seen[f"state {state}"] for state in (0, 1, 2)) >= 20
    assert walk.seen["faded"] >= 20
    assert walk.seen["update"] >= 75
    assert walk.seen["refresh"] >= 50
    refusals = {reason for reason in walk.seen if reason.startswith("risk_engine")}
    assert {"risk_engine: report too old", "risk_engine: unknown signer"} <= refusals, refusals


def test_retirement__random_prices_until_frozen_and_after__equal_the_model():
    with fresh_chain():
        walk = Walk(5, 1, None)
        contract, model = walk.engines.contract, walk.engines.model
        frozen = 0
        for step in range(450):
            walk.now += 12
            walk.step()
            market = walk.rng.choice(walk.markets)
            act = "retire" if step < 12 else "freeze" if step % 7 == 0 else None
            if act:
                refusal = outcome(lambda act=act, market=market: getattr(model, act)(market))
                assert send(contract, act, market)[0] == refusal
                assert contract.parameters(market) == model.parameters[market].pack()
                walk.seen[refusal or act] += 1
                frozen += act == "freeze" and not refusal
            walk.engines.assert_same_words(walk.markets)
    print(dict(walk.seen))
    assert frozen
    assert walk.seen["risk_engine: not averaged yet"]


def test_read__gap_past_its_age__fades_to_nothing():
    oracle = Oracle(2, 10, 1_000, 60, 60, 1_000, 20_000, 1_000, 300, 28_800, 0)
    word = PriceWord(mantissa=1, exponent=60, confidence=5, gap=-30, time=START, slow_for=600)
    fresh, half, gone = (read(word, oracle, START + age) for age in (0, 30, 60))
    assert (fresh.up, fresh.down, fresh.down_faded) == (5, 305, 305)
    assert (half.down, half.down_faded) == (305, 155)
    assert (gone.down, gone.down_faded) == (305, 5)
