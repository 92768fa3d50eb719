"""No account that the exact rule sights is missed, whatever moved and however little was looked at."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeper.book import near
from keeper.book.exact import Exact
from keeper.book.mirror import Mirror
from keeper.book.near import Watch
from keeper.book.screen import markets_of, moved
from keeper.chain.events import Event, InterestChanged, MarketSet, PricesUpdated, RiskSet
from keeper.model.requirement import Holding
from keeper.model.words import Indices, Parameters, PriceWord, Risk
from tests.keeper.books import FLAGS, NOW, ORACLE, RISK, WAD, changed, price_word, random_holdings, set_up

MARKETS = 16
ACCOUNTS = 60


def one_factor(rng: random.Random) -> Risk:
    """Correlations that are semidefinite, singular ones among them."""
    loads = [rng.choice([0.0, 1.0, rng.random(), rng.uniform(0.7, 0.99)]) for _ in range(8)]
    rho = tuple(int(100 * loads[i] * loads[j]) for i in range(8) for j in range(i + 1, 8))
    return replace(RISK, rho=rho, kappa=rng.choice([0, 500, 2_500, 10_000]), min_requirement=rng.randint(1, 10_000))


class World:
    """A protocol whose accounts stand close to the line, and the ways in which time moves it."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.now = NOW
        self.mirror = Mirror(64)
        self.words: dict[int, PriceWord] = {}
        self.prices = {m: 10**9 + rng.randint(1, 10 ** rng.randint(12, 22)) for m in range(MARKETS)}
        self.parameters = {m: self._parameters(m % 8) for m in range(MARKETS)}
        self.block(*set_up(self.prices, self.parameters), RiskSet(one_factor(rng).pack()), self.quoted(*range(MARKETS)))
        self.near_the_line(range(1, ACCOUNTS))

    def _parameters(self, bucket: int) -> Parameters:
        rng = self.rng
        s, u = rng.choice([0, 1, rng.randint(1, 20_000)]), rng.choice([0, rng.randint(1, 20_000)])
        return Parameters(s, u, rng.choice([0, rng.randint(0, 5_000)]), bucket=bucket, flags=FLAGS)

    @property
    def exact(self) -> Exact:
        return Exact(self.mirror, ORACLE, self.now)

    def block(self, *events: Event) -> None:
        number = self.mirror.number + 1
        self.mirror.apply(number, str(number), self.now, 0, events)

    def quoted(self, *markets: int) -> PricesUpdated:
        """New prices; all else of a price word stays half of the time, so that the price's own move counts."""
        rng = self.rng
        renewed = not self.words or rng.random() < 0.5
        for market in markets:
            time = self.now - rng.randint(0, 3)
            if not renewed:
                plain = price_word(self.prices[market], time=time)
                self.words[market] = replace(
                    self.words[market], mantissa=plain.mantissa, exponent=plain.exponent, time=time
                )
                continue
            self.words[market] = price_word(
                self.prices[market],
                time=time,
                confidence=rng.choice([50, 50, rng.randint(0, 2_000)]),
                gap=rng.choice([0, 0, rng.randint(-300, 300)]),
                gap_age=rng.randint(-60, 60),
                basis=rng.choice([0, 100, rng.randint(-20_000, 20_000)]),
                funding=rng.choice([0, rng.randint(-(10**12), 10**12)]),
                slow_for=rng.choice([3_600, 3_600, 0, 30]),
            )
        ordered = sorted(markets)
        return PricesUpdated(
            1, sum(1 << market for market in ordered), tuple(self.words[market].pack() for market in ordered)
        )

    def near_the_line(self, accounts: range) -> None:
        """Cash such that equity + W⁺ is what MM is, and a little more or less."""
        rng, exact = self.rng, self.exact
        events = []
        for account in accounts:
            holdings = random_holdings(rng, MARKETS, rng.choice([1, 3, 16]))
            if rng.random() < 0.1:
                holdings = {market: Holding(spot=held.spot + 1) for market, held in holdings.items()}
            seen = exact.measure(-1, holdings)
            more = rng.choice([-1, 0, 1, int(seen.mm * 10 ** -rng.uniform(0, 9)), seen.mm * rng.randint(1, 20)])
            cash = -1 + seen.mm - seen.up - seen.equity + more
            if abs(cash) < 2**120:
                events.append(changed(account << 96, cash, holdings))
        self.block(*events)

    def missed(self, watch: Watch) -> set[int]:
        """Accounts that are sighted by the exact rule and not selected."""
        exact = self.exact
        selected = {self.mirror.book.account(int(row)) for row in watch.select(exact).rows}
        return {account for account, _ in self.mirror.book.items() if exact.assess(account).sighted} - selected

    # What may happen

    def one_price(self) -> None:
        market = self.rng.randrange(MARKETS)
        self._move(market)
        self.block(self.quoted(market))

    def all_prices(self) -> None:
        part = 10 ** -self.rng.uniform(1, 7)
        for market in range(MARKETS):
            self._move(market, part)
        self.block(self.quoted(*range(MARKETS)))

    def _move(self, market: int, part: float | None = None) -> None:
        rng = self.rng
        part = part if part is not None else rng.choice([10 ** -rng.uniform(0.1, 8), 9.0])
        factor = 1 + part if rng.random() < 0.5 else 1 / (1 + part)
        self.prices[market] = min(10**26, max(10**9, int(self.prices[market] * factor)))

    def time(self) -> None:
        self.now += self.rng.choice([1, 2, 5, 12, 20, 60, 300])
        self.block()

    def interest(self) -> None:
        rng = self.rng
        supply, borrow = (int(WAD * rng.uniform(0.9, 1.1)) for _ in range(2))
        supply, borrow = rng.choice([(supply, borrow), (WAD, WAD), (WAD - rng.randint(0, 10**12), WAD)])
        rates = rng.randint(0, 2**32 - 1), rng.randint(0, 2**32 - 1)
        self.block(InterestChanged(Indices(supply, borrow, self.now, *rates).pack(), 0, 0))

    def parameter(self) -> None:
        rng, market = self.rng, self.rng.randrange(MARKETS)
        old = self.parameters[market]
        new = self._parameters(old.bucket if rng.random() < 0.8 else rng.randrange(8))
        self.parameters[market] = new.ramped_from(old, self.now, rng.choice([0, 100, 100_000]))
        self.block(MarketSet(market, self.parameters[market].pack()))

    def risk(self) -> None:
        rng = self.rng
        risk, aim = one_factor(rng), one_factor(rng)
        if rng.random() < 0.5:
            self.block(RiskSet(risk.pack()))
        else:
            times = self.now | self.now + rng.choice([10, 1_000]) << 32
            self.block(RiskSet(replace(risk, ramping=1).pack(), aim.pack(), times))

    def accounts(self) -> None:
        first = self.rng.randint(1, 2 * ACCOUNTS)
        self.near_the_line(range(first, first + self.rng.randint(1, 5)))

    def undone(self) -> None:
        if self.mirror.number > 2:
            self.mirror.rollback(self.mirror.number - 1)


LIVELY = (World.one_price, World.all_prices, World.time, World.accounts)
RARE = (World.interest, World.parameter, World.risk, World.undone)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32))
def test_select__anything_moves__no_sighted_account_is_missed(seed: int) -> None:
    world = World(seed)
    watch = Watch(world.mirror.book)
    for _ in range(25):
        acts = LIVELY if world.rng.random() < 0.8 else RARE
        acts[world.rng.randrange(len(acts))](world)
        assert world.missed(watch) == set(), f"seed {seed}"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([World.one_price, World.all_prices, World.time, World.interest]))
def test_select__only_those_near_are_looked_at__none_is_missed(seed: int, act: Callable[[World], None]) -> None:
    """One reference for all moves, and no row but those within the radius: what the bound alone lets through."""
    world = World(seed)
    watch = Watch(world.mirror.book)
    watch.select(world.exact)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near, "FULL", 10**9)
        for _ in range(25):
            act(world)
            assert world.missed(watch) == set(), f"seed {seed}"


def a_market(count: int) -> tuple[Mirror, list[int]]:
    """Longs in one market at 2,000 whose distance is spread over ten times their requirement."""
    mirror = Mirror(8)
    accounts = [account << 96 for account in range(1, count + 1)]
    rng = np.random.default_rng(1)
    cash = [int(WAD * (120 + 1_000 * part)) for part in rng.random(count)]
    events = [changed(a, c, {0: Holding(0, WAD, 2_000 * WAD)}) for a, c in zip(accounts, cash, strict=True)]
    mirror.apply(1, "1", NOW, 0, [*set_up({0: 2_000 * WAD, 1: WAD}), *events])
    return mirror, accounts


def ticked(mirror: Mirror, price: int, market: int = 0) -> Exact:
    word = price_word(price)
    mirror.apply(mirror.number + 1, "", NOW, 0, [PricesUpdated(1, 1 << market, (word.pack(),))])
    return Exact(mirror, ORACLE, NOW)


def test_select__small_move__only_accounts_near_the_line_are_looked_at() -> None:
    mirror, accounts = a_market(2_000)
    watch = Watch(mirror.book)
    watch.select(Exact(mirror, ORACLE, NOW))
    exact = ticked(mirror, 1_998 * WAD)
    found = watch.select(exact)
    sighted = {account for account in accounts if exact.assess(account).sighted}
    assert sighted
    assert {mirror.book.account(int(row)) for row in found.rows} == sighted
    assert found.looked_at < 0.03 * len(accounts)


def test_select__nothing_moved__only_selected_accounts_are_looked_at_again() -> None:
    mirror, _ = a_market(500)
    watch = Watch(mirror.book)
    first = watch.select(Exact(mirror, ORACLE, NOW))
    again = watch.select(Exact(mirror, ORACLE, NOW))
    assert list(again.rows) == list(first.rows)
    assert again.looked_at == len(first.rows)


def test_select__account_changed__measured_around_the_same_reference() -> None:
    mirror, accounts = a_market(500)
    watch = Watch(mirror.book)
    watch.select(Exact(mirror, ORACLE, NOW))
    mirror.apply(2, "", NOW, 0, [changed(accounts[7], 100 * WAD, {0: Holding(0, WAD, 2_000 * WAD)})])
    found = watch.select(Exact(mirror, ORACLE, NOW))
    assert accounts[7] in {mirror.book.account(int(row)) for row in found.rows}
    assert found.looked_at < 50
    mirror.rollback(1)
    found = watch.select(Exact(mirror, ORACLE, NOW))
    assert accounts[7] not in {mirror.book.account(int(row)) for row in found.rows}


def test_renew__small_moves_far_from_the_reference__few_are_looked_at_again() -> None:
    mirror, _ = a_market(30_000)
    watch = Watch(mirror.book)
    watch.select(Exact(mirror, ORACLE, NOW))
    assert watch.select(ticked(mirror, 2_100 * WAD)).looked_at > 1_000
    # Had it been taken anew before, this move would have cost the same.
    assert not watch.is_worn
    exact = ticked(mirror, 2_101 * WAD)
    far = watch.select(exact).looked_at
    assert watch.is_worn
    watch.renew(exact)
    assert not watch.is_worn
    assert watch.select(ticked(mirror, 2_102 * WAD)).looked_at < far / 4


@pytest.mark.parametrize(
    "event",
    [
        RiskSet(replace(RISK, kappa=2_600).pack()),
        MarketSet(0, Parameters(4600, 470, 1400, bucket=5, flags=FLAGS).pack()),
        PricesUpdated(1, 1 << 20, (price_word(WAD).pack(),)),
        RiskSet(replace(RISK, ramping=1).pack(), RISK.pack(), NOW | NOW + 100 << 32),
    ],
)
def test_moved__what_the_bound_does_not_count__infinite(event: Event) -> None:
    mirror, _ = a_market(1)
    before = markets_of(Exact(mirror, ORACLE, NOW))
    assert moved(before, before) == 0
    mirror.apply(2, "", NOW, 0, [event])
    now = markets_of(Exact(mirror, ORACLE, NOW))
    assert moved(before, now) == float("inf")


def test_select__risk_word_that_has_come_to_its_end__few_are_looked_at() -> None:
    """The contract keeps where it was going, and when, until the next one is set."""
    mirror, accounts = a_market(2_000)
    aim = replace(RISK, kappa=5_000, min_requirement=4_000)
    mirror.apply(2, "", NOW, 0, [RiskSet(replace(RISK, ramping=1).pack(), aim.pack(), NOW - 100 | NOW << 32)])
    watch = Watch(mirror.book)
    watch.select(Exact(mirror, ORACLE, NOW))
    exact = ticked(mirror, 1_998 * WAD)
    found = watch.select(exact)
    sighted = {account for account in accounts if exact.assess(account).sighted}
    assert {mirror.book.account(int(row)) for row in found.rows} == sighted
    assert 0 < found.looked_at < 0.03 * len(accounts)


def test_moved__correlations_that_are_not_semidefinite__never_counted() -> None:
    mirror, _ = a_market(1)
    rho = list(RISK.rho)
    rho[0], rho[1], rho[7] = 100, 100, 0
    mirror.apply(2, "", NOW, 0, [RiskSet(replace(RISK, rho=tuple(rho)).pack())])
    now = markets_of(Exact(mirror, ORACLE, NOW))
    assert moved(now, now) == float("inf")
