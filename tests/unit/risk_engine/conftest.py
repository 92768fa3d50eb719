"""A RiskEngine of its own, with one market for each kind of slow feed, and a desk to publish its prices from."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ape
import pytest
from ape import chain

from keeper.model.words import LISTED, PERP_ALLOWED, SPOT_ALLOWED, Parameters, PriceWord
from keeper.publish.reports import Entry, Report, encode_payload, sign_payload
from tests.unit.system import DEVIATION, HEARTBEAT, ORACLE, RISK, WAD

NOBODY = "0x" + "00" * 20
ALL = LISTED | PERP_ALLOWED | SPOT_ALLOWED
FED, FEEDLESS, OTHER, DELISTED = range(4)
"""A market with a slow feed, one without, one with and in another bucket, and one that takes no prices."""
UNKNOWN = 9
PARAMETERS = {
    FED: Parameters(5_000, 1_000, 1_000, bucket=0, flags=ALL),
    FEEDLESS: Parameters(4_000, 0, 100, bucket=0, flags=ALL),
    OTHER: Parameters(6_000, 2_000, 1_000, bucket=1, flags=ALL),
    DELISTED: Parameters(5_000, 1_000, 1_000, bucket=0, flags=PERP_ALLOWED),
}
ROUND, MAX_REPORT_AGE, PRICE_AGE, FAST_LIFE, TAU, ONE_SOURCE, DEAD, *_ = ORACLE
LIVE, LATE, GONE = range(3)


def start() -> int:
    """A round's second to begin at: a day from now, since until then the test chain's clock follows the machine's."""
    return (chain.pending_timestamp + 86_400) // ROUND * ROUND


@dataclass
class Desk:
    """Publishes prices to one engine: rounds at their own second unless told otherwise."""

    engine: Any
    owner: Any
    signers: list[Any]
    feeds: dict[int, Any]

    def at(self, time: int) -> None:
        """Make `time` the second of the next transaction."""
        if time != chain.pending_timestamp:
            chain.pending_timestamp = time

    def seen_at(self, time: int) -> None:
        """Make `time` the second of the newest block, and so of a call."""
        self.at(time + 1)

    def sign(self, signer: Any, time: int, entries: Iterable[Entry], **domain: Any) -> Report:
        """One signer's report of the round at `time`."""
        return self.sign_payload(signer, time, encode_payload(entries), **domain)

    def sign_payload(self, signer: Any, time: int, payload: bytes, **domain: Any) -> Report:
        """One signer's report whose payload is any bytes."""
        where = {"chain_id": chain.chain_id, "engine": self.engine.address} | domain
        return sign_payload(time // ROUND, payload, key=signer.private_key, **where)

    def reports(self, time: int, *lists: list[Entry]) -> list[Report]:
        """A report for each list by as many signers; one list stands for three that agree."""
        if len(lists) == 1:
            lists *= 3
        return [self.sign(signer, time, entries) for signer, entries in zip(self.signers, lists, strict=False)]

    def publish(self, time: int, *lists: list[Entry], at: int | None = None) -> Any:
        """Update with the reports of the round at `time`, at that second or at `at`."""
        self.at(time if at is None else at)
        return self.engine.update(self.reports(time, *lists), sender=self.owner)

    def quote(self, time: int, price: float, *, market: int = FED, at: int | None = None, **fields: int) -> Any:
        """Update one market with three reports that agree."""
        return self.publish(time, [Entry(market, int(price * WAD), **fields)], at=at)

    def push(self, price: float, updated_at: int, market: int = FED) -> None:
        """A new round of a market's slow feed; to be done before the second that matters."""
        self.feeds[market].push(int(price * 10**8), updated_at, sender=self.owner)

    def word(self, market: int = FED) -> PriceWord:
        """A market's stored price."""
        return PriceWord.unpack(self.engine.price_word(market))

    def words(self) -> list[int]:
        """All stored prices."""
        return [self.engine.price_word(market) for market in PARAMETERS]

    @contextmanager
    def refused(self, message: str):
        """What happens within reverts with `message`, and no price changes."""
        before = self.words()
        with ape.reverts(message):
            yield
        assert self.words() == before


@pytest.fixture(scope="session")
def slow_feeds(load, owner):
    return {market: owner.deploy(load("testing/TestFeed"), 8) for market in (FED, OTHER)}


@pytest.fixture(scope="session")
def make_engine(load, owner, signers):
    """Deploy an engine with the markets of `PARAMETERS` and the feeds given."""

    def make(feeds, quote_feed=NOBODY, quote_heartbeat=0, oracle=ORACLE):
        engine = owner.deploy(load("RiskEngine"), oracle, quote_feed, quote_heartbeat)
        engine.set_risk(RISK.pack(), sender=owner)
        engine.set_signers([signer.address for signer in signers], 3, sender=owner)
        for market, parameters in PARAMETERS.items():
            feed = feeds.get(market, NOBODY)
            engine.add_market(parameters.pack(), feed, HEARTBEAT, DEVIATION, sender=owner)
        return engine

    return make


@pytest.fixture(scope="session")
def engine(make_engine, slow_feeds):
    return make_engine(slow_feeds)


@pytest.fixture(scope="session")
def ground(engine):
    """The engine alone."""


@pytest.fixture
def desk(engine, owner, signers, slow_feeds):
    return Desk(engine, owner, signers, slow_feeds)


@pytest.fixture
def strange(load, owner):
    """A feed that answers with any bytes."""
    return owner.deploy(load("testing/StrangeFeed"), 18)


@pytest.fixture
def begin():
    return start()
