"""What a head's duty sends: sightings, and renewals of the late prices that stand in their way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from keeper.book.exact import Exact
from keeper.chain.events import PricesUpdated
from keeper.chain.types import Header
from keeper.config.schema import FeesSection, SightSection
from keeper.decide.attempts import Attempts
from keeper.decide.sight import gas_of
from keeper.execution.calls import open_call, refresh_call
from keeper.execution.decisions import KINDS, OPEN, REFRESH
from keeper.execution.lane import TOGETHER
from keeper.execution.simulation import Outcome
from keeper.model.requirement import Holding
from keeper.run.duty import Duty
from keeper.store.journal import Decision
from tests.keeper.books import NOW, WAD, changed, exact_of, price_word, set_up

HEAD = Header(7, "0x7", "0x6", NOW, 10**9)
LONG = Holding(0, WAD, 2_000 * WAD)
TAKER = 9 << 96


@dataclass
class Config:
    """As much of it as a duty reads."""

    sight: SightSection = field(default_factory=SightSection)
    fees: FeesSection = field(default_factory=FeesSection)


class Contracts:
    def address(self, name: str) -> str:
        return name


class World:
    """A duty whose transactions end as they are told to."""

    def __init__(self, outcome: Outcome = Outcome.SENT, **sight: Any) -> None:
        self.attempts = {kind: Attempts() for kind in KINDS}
        self.outcome = outcome
        self.sent: list[Decision] = []
        self.pending: set[int] = set()
        config = Config(sight=SightSection(**sight))
        # Neither is the real thing, but as much of it as a duty asks for.
        self.duty = Duty(
            config, Contracts(), "0x" + "01" * 20, TAKER, self.attempts, lambda _: self.pending, Exact.assess
        )  # type: ignore[arg-type]

    async def submit(self, *decisions: Decision) -> list[Outcome]:
        self.sent += decisions
        for decision in decisions if self.outcome is Outcome.REFUSED else ():
            self.attempts[decision.kind].failed(decision.accounts, "refused", HEAD.number)
        return [self.outcome] * len(decisions)

    def sight(self, exact: Exact, under: list[int]) -> list[tuple[int, ...]]:
        self.sent.clear()
        act = self.duty.sight(exact, under, HEAD, self.submit)
        asyncio.run(act)
        assert all(one.kind == OPEN and one.data == open_call(one.accounts) for one in self.sent)
        return [decision.accounts for decision in self.sent]

    def renew(self, exact: Exact, late: list[int], block: int = 7, *, stuck: bool = False) -> list[tuple[int, ...]]:
        """The accounts of each renewal."""
        self.sent.clear()
        head = HEAD._replace(number=block)
        asyncio.run(self.duty.renew(exact, late, stuck, head, self.submit))
        assert all(one.kind == REFRESH and one.target == "RiskEngine" for one in self.sent)
        return [decision.accounts for decision in self.sent]


def in_breach(count: int) -> tuple[Exact, list[int]]:
    accounts = [number << 96 for number in range(1, count + 1)]
    events = [changed(account, (50 + place) * WAD, {0: LONG}) for place, account in enumerate(accounts)]
    return exact_of(*set_up({0: 2_000 * WAD}), *events), accounts


def late(*markets: int, taker: dict[int, Holding] | None = None) -> tuple[Exact, list[int]]:
    """An account a market, whose price is late by a minute."""
    accounts = [number << 96 for number in range(1, len(markets) + 1)]
    word = price_word(2_000 * WAD, time=NOW - 61).pack()
    changes = [changed(account, 50 * WAD, {market: LONG}) for account, market in zip(accounts, markets, strict=True)]
    prices = PricesUpdated(1, sum(1 << m for m in {*markets}), (word,) * len({*markets}))
    known = dict.fromkeys(range(4), 2_000 * WAD)
    return exact_of(*set_up(known), prices, *changes, changed(TAKER, 10**6 * WAD, taker or {})), accounts


def test_sight__more_than_a_batch__as_much_gas_for_the_last_as_for_the_one_before() -> None:
    """Some nodes drop a smaller one that stands where a larger one found no room."""
    exact, accounts = in_breach(5)
    world = World(batch=2)
    assert world.sight(exact, accounts) == [tuple(accounts[:2]), tuple(accounts[2:4]), tuple(accounts[4:])]
    assert len({decision.gas for decision in world.sent}) == 1


def test_sight__failed_with_others__alone_with_twice_the_gas() -> None:
    exact, accounts = in_breach(3)
    world = World()
    world.attempts[OPEN].failed(accounts[:1], "out of gas", HEAD.number - 1)
    assert world.sight(exact, accounts) == [tuple(accounts[1:]), (accounts[0],)]
    assert world.sent[1].gas == 2 * gas_of(exact, accounts[:1])


def test_sight__nothing_can_be_sent_now__not_tried_for_all() -> None:
    exact, accounts = in_breach(2 * TOGETHER)
    assert len(World(Outcome.SENT, batch=1).sight(exact, accounts)) == 2 * TOGETHER
    assert len(World(Outcome.HELD, batch=1).sight(exact, accounts)) == TOGETHER


def test_renew__markets_of_accounts_that_would_be_sighted__once_for_all() -> None:
    exact, accounts = late(0, 1, 1)
    world = World()
    assert world.renew(exact, accounts) == [tuple(accounts)]
    assert world.sent[0].data == refresh_call([0, 1])
    world.pending = {accounts[0]}
    assert world.renew(exact, accounts) == []
    assert World(refresh=False).renew(exact, accounts) == []


def test_renew__refused_with_others__each_alone_so_that_the_good_ones_are_renewed() -> None:
    exact, accounts = late(0, 1)
    world = World(Outcome.REFUSED)
    tried = [world.renew(exact, accounts, block) for block in range(7, 12)]
    assert tried[0] == [tuple(accounts)]
    alone = {group for groups in tried[1:] for group in groups}
    assert alone == {(accounts[0],), (accounts[1],)}


def test_renew__taker_late__only_while_something_cannot_be_carried() -> None:
    exact, _ = late(2, taker={2: LONG})
    world = World()
    assert world.renew(exact, []) == []
    assert world.renew(exact, [], stuck=True) == [(TAKER,)]


def test_renew__something_late_that_cannot_be_renewed__holds_up_nobody() -> None:
    """A fast price keeps its place for a minute: whoever has such a one waits, and others do not."""
    exact, accounts = late(0, 1)
    young = 5 << 96
    word = price_word(2_000 * WAD, time=NOW - 20).pack()
    exact.mirror.apply(2, "0x02", NOW, 10**9, [PricesUpdated(1, 1 << 3, (word,)), changed(young, 50 * WAD, {3: LONG})])
    exact = Exact(exact.mirror, exact.oracle, NOW)
    world = World(Outcome.REFUSED)
    tried = [world.renew(exact, [young, *accounts], block) for block in range(7, 12)]
    assert tried[0] == [tuple(accounts)]
    assert {group for groups in tried[1:] for group in groups} == {(accounts[0],), (accounts[1],)}
