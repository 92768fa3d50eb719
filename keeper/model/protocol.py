"""The whole protocol as one state machine: the contracts' models, wired; it can be copied and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from .batch import Batch
from .clearinghouse import Clearinghouse
from .exchange import Exchange
from .limits import Named
from .matching import MatchingHouse
from .prices import Oracle
from .risk_engine import Clock, RiskEngine
from .state import Journal, Table, trial
from .vault import Vault
from .winding import Winding
from .words import Curve, Limits, Settings, SlowFeed, Terms


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the contracts are; only their being distinct matters to the arithmetic."""

    exchange: int = 0xE
    auction: int = 0xA
    vault: int = 0xF
    batch: int = 0xB


UNLIMITED = Limits(most=2**128 - 1, seconds=86_400)


@dataclass(frozen=True, slots=True)
class Setup:
    """What the contracts are constructed with."""

    oracle: Oracle
    settings: Settings
    terms: Terms
    curve: Curve
    taker_bps: int
    maker_bps: int
    quote_decimals: int = 6
    quote_feed: SlowFeed | None = None
    addresses: Addresses = Addresses()
    limits: Limits = UNLIMITED
    cooldown: int = 0


class Protocol:
    """RiskEngine, Clearinghouse, Exchange, auction and vault with one journal and one clock, wired.

    Every act either happens or raises `state.Refused` with the contracts' reason and changes nothing.
    """

    def __init__(self, setup: Setup, now: int) -> None:
        self.setup = setup
        self.journal = Journal()
        self.clock = Clock(now)
        self.engine = RiskEngine(self.journal, self.clock, setup.oracle, setup.quote_feed)
        addresses = setup.addresses
        named = Named(addresses.auction, addresses.vault, addresses.batch)
        self.clearinghouse = Clearinghouse(self.journal, self.engine, setup.settings, setup.quote_decimals, named)
        self.exchange = Exchange(
            self.journal, self.clearinghouse, setup.addresses.exchange, setup.taker_bps, setup.maker_bps
        )
        self.auction = MatchingHouse(
            self.journal, self.clearinghouse, setup.addresses.auction, setup.terms, setup.curve, setup.limits
        )
        self.vault = Vault(self.journal, self.clearinghouse, setup.addresses.vault, setup.cooldown)
        self.batch = Batch(self.clearinghouse, self.exchange, self.auction)
        self.winding = Winding(self.clearinghouse, self.auction, self.vault)
        self.clearinghouse.set_venue(setup.addresses.exchange, True)

        self.update = self.engine.update
        self.refresh = self.engine.refresh
        self.deposit = self.clearinghouse.deposit
        self.deposit_spot = self.clearinghouse.deposit_spot
        self.withdraw = self.clearinghouse.withdraw
        self.withdraw_spot = self.clearinghouse.withdraw_spot
        self.settle = self.clearinghouse.settle
        self.trade = self.clearinghouse.trade
        self.collect = self.clearinghouse.collect
        self.approve_operator = self.clearinghouse.approve_operator
        self.fill = self.exchange.fill
        self.cross = self.exchange.cross
        self.cancel = self.exchange.cancel
        self.cancel_below = self.exchange.cancel_below
        self.open = self.auction.open
        self.bid = self.auction.bid
        self.quote = self.auction.quote

    @property
    def now(self) -> int:
        """Chain time."""
        return self.clock.now

    @now.setter
    def now(self, now: int) -> None:
        if now < self.clock.now:
            raise ValueError(f"now: {now} is before {self.clock.now}")
        self.clock.now = now

    def tables(self) -> Iterator[Table[Any, Any]]:
        """All state there is, time apart."""
        for part in (self.engine, self.clearinghouse, self.exchange, self.auction, self.vault):
            yield from (held for held in vars(part).values() if isinstance(held, Table))

    def clone(self) -> Protocol:
        """An independent copy; values are immutable, so only the tables are copied."""
        twin = Protocol(self.setup, self.clock.now)
        for theirs, ours in zip(twin.tables(), self.tables(), strict=True):
            theirs.rows = dict(ours.rows)
        return twin

    def trial(self) -> AbstractContextManager[int]:
        """Whatever is done inside `with protocol.trial():` is taken back at its end; time is not."""
        return trial(self.journal)

    def checkpoint(self) -> int:
        """Keep what is replaced from here on, for `rollback`; every checkpoint ends in a rollback or a release."""
        return self.journal.begin()

    def rollback(self, checkpoint: int) -> None:
        """All state is again as it was at the checkpoint."""
        self.journal.undo(checkpoint)

    def release(self, checkpoint: int) -> None:
        """What was done since the checkpoint stays."""
        self.journal.end(checkpoint)
