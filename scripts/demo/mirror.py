"""The protocol's state from its events alone: what the driver checks the chain against.

It shares only the words' layout and the arithmetic with the keeper, not its book: a fault there does not hide here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from keeper.model.interest import accrue, cash_of
from keeper.model.prices import Oracle, Reading, read
from keeper.model.requirement import Assessment, Holding, RiskRamp, Shared, assess
from keeper.model.words import (
    Curve,
    Custody,
    Header,
    Indices,
    MarketBook,
    Parameters,
    Position,
    PriceWord,
    Risk,
    Run,
    Terms,
    Totals,
)

from .events import Event

WAD = 10**18
MAPS = 64


@dataclass(slots=True)
class Account:
    """One account's principal and holdings, as its last event said."""

    principal: int = 0
    holdings: dict[int, Holding] = field(default_factory=dict)


def bits(mask: int) -> list[int]:
    """The set bits of a mask, rising."""
    return [place for place in range(mask.bit_length()) if mask >> place & 1]


@dataclass(slots=True)
class Mirror:
    """Everything that the events have said so far."""

    oracle: Oracle
    accounts: dict[int, Account] = field(default_factory=dict)
    prices: dict[int, PriceWord] = field(default_factory=dict)
    parameters: dict[int, Parameters] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    curves: dict[int, Curve] = field(default_factory=dict)
    books: dict[int, MarketBook] = field(default_factory=dict)
    indices: Indices = field(default_factory=lambda: Indices(WAD, WAD))
    totals: Totals = field(default_factory=Totals)
    custody: Custody = field(default_factory=Custody)
    risk: Risk | None = None
    risk_ramp: RiskRamp | None = None
    terms: Terms | None = None

    def apply(self, event: Event) -> None:
        """Take in one event; those that change nothing here are passed over."""
        act = _ACTS.get(event.name)
        if act:
            act(self, event.args)

    def cash(self, account: Account) -> int:
        """An account's cash in WAD quote at the indices as last written, rounded down."""
        return cash_of(account.principal, self.indices)

    def sighted(self, number: int, now: int) -> bool:
        """The account has a run whose last sighting is at most a grace ago."""
        run = self.runs.get(number)
        return bool(run and self.terms and run.start and now - run.last <= self.terms.grace)


class Moment:
    """The mirror read at one second: interest accrued, prices as intervals of that age."""

    def __init__(self, mirror: Mirror, now: int) -> None:
        """`now` is the timestamp of the block that the mirror has just taken in."""
        if mirror.risk is None:
            raise RuntimeError("mirror: no risk word was seen; were the logs read from the deployment on?")
        self.now = now
        self._mirror = mirror
        self._shared = Shared(mirror.risk, mirror.risk_ramp, now)
        self._indices = accrue(mirror.indices, mirror.totals, mirror.custody, now)[0]
        self._seen: dict[int, tuple[Reading, Parameters]] = {}

    def market(self, number: int) -> tuple[Reading, Parameters]:
        """A market's reading and parameters, worked out once."""
        if number not in self._seen:
            word = self._mirror.prices.get(number)
            self._seen[number] = read(word, self._mirror.oracle, self.now), self._mirror.parameters[number]
        return self._seen[number]

    def assess(self, number: int) -> Assessment:
        """An account's equity and requirement."""
        account = self._mirror.accounts[number]
        return assess(cash_of(account.principal, self._indices), account.holdings, self.market, self._shared)


def _account_changed(mirror: Mirror, args: Mapping[str, Any]) -> None:
    header = Header.unpack(args["header"])
    account = mirror.accounts.setdefault(args["account"], Account())
    account.principal = header.principal
    spots = {market: holding.spot for market, holding in account.holdings.items()}
    positions = {market: (holding.size, holding.cost) for market, holding in account.holdings.items()}
    changed: int = args["changed"]
    words = iter(args["words"])
    for market in bits((changed | changed >> MAPS) & ((1 << MAPS) - 1)):
        if changed >> market & 1:
            spots[market] = next(words)
        if changed >> (market + MAPS) & 1:
            position = Position.unpack(next(words))
            positions[market] = position.size, position.cost
    account.holdings = {
        market: Holding(
            spots.get(market, 0) if header.spots >> market & 1 else 0,
            *(positions.get(market, (0, 0)) if header.perps >> market & 1 else (0, 0)),
        )
        for market in bits(header.spots | header.perps)
    }


def _prices_updated(mirror: Mirror, args: Mapping[str, Any]) -> None:
    for market, word in zip(bits(args["markets"]), args["words"], strict=True):
        mirror.prices[market] = PriceWord.unpack(word)


def _interest_changed(mirror: Mirror, args: Mapping[str, Any]) -> None:
    mirror.indices = Indices.unpack(args["indices"])
    mirror.totals = Totals.unpack(args["totals"])
    mirror.custody = Custody.unpack(args["custody"])


def _book_changed(mirror: Mirror, args: Mapping[str, Any]) -> None:
    mirror.books[args["market"]] = MarketBook.unpack(args["book"])


def _market_set(mirror: Mirror, args: Mapping[str, Any]) -> None:
    mirror.parameters[args["market"]] = Parameters.unpack(args["parameters"])


def _risk_set(mirror: Mirror, args: Mapping[str, Any]) -> None:
    mirror.risk = Risk.unpack(args["risk"])
    target, times = args["target"], args["times"]
    mirror.risk_ramp = RiskRamp(Risk.unpack(target), times & 2**32 - 1, times >> 32) if target else None


def _run_changed(mirror: Mirror, args: Mapping[str, Any]) -> None:
    mirror.runs[args["account"]] = Run.unpack(args["run"])


def _curve_added(mirror: Mirror, args: Mapping[str, Any]) -> None:
    mirror.curves[args["id"]] = Curve.unpack(args["curve"])


def _terms_set(mirror: Mirror, args: Mapping[str, Any]) -> None:
    mirror.terms = Terms.unpack(args["terms"])


_ACTS: dict[str, Callable[[Mirror, Mapping[str, Any]], None]] = {
    "AccountChanged": _account_changed,
    "PricesUpdated": _prices_updated,
    "InterestChanged": _interest_changed,
    "BookChanged": _book_changed,
    "MarketSet": _market_set,
    "RiskSet": _risk_set,
    "RunChanged": _run_changed,
    "CurveAdded": _curve_added,
    "TermsSet": _terms_set,
}
