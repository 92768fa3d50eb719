"""The RiskEngine's state: parameters, feeds and prices, and the acts that change them (docs/exact.md, 2 and 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median_low
from typing import NamedTuple

from . import prices, requirement
from .prices import Answer, Entry, Oracle, Reading, SlowPrice
from .requirement import Assessment, Holding, RiskRamp, Shared
from .state import Cell, Journal, Table, act, require
from .words import (
    LISTED,
    PERP_ALLOWED,
    QUOTE_FEED,
    RETIRED,
    RETIRING,
    SPOT_ALLOWED,
    Parameters,
    PriceWord,
    Risk,
    SlowFeed,
)

UNKNOWN_MARKET = "risk_engine: unknown market"
UNLISTED = Parameters(0, 0, 0, bucket=0, flags=0)
RETIRE = 3_600
"""Seconds over which the price of a market that is given up is averaged."""
CALIBRATION_PERIOD = 86_400
"""Seconds between two calibrations of a market."""
NO_RISK = Risk((0,) * 28, 0, 0, 0)


class Quoted(NamedTuple):
    """One place of a report's payload; `price` as in the price word (mantissa | exponent << 48)."""

    market: int
    price: int
    confidence: int
    basis: int


@dataclass(frozen=True, slots=True)
class Report:
    """One signer's prices of one round; `signer` is what its signature recovers to (0: nobody)."""

    round: int
    entries: tuple[Quoted, ...]
    signer: int


class Retirement(NamedTuple):
    """The average that a market's price will be frozen at: since when, when last seen, seconds and their sum."""

    start: int = 0
    last: int = 0
    seconds: int = 0
    total: int = 0


class Clock:
    """Chain time, shared by all contracts."""

    def __init__(self, now: int) -> None:
        self.now = now


class RiskEngine:
    """Parameters, slow feeds, signers and prices; readings of them and what an account needs."""

    def __init__(self, journal: Journal, clock: Clock, oracle: Oracle, quote_feed: SlowFeed | None = None) -> None:
        self.journal = journal
        self.clock = clock
        self.oracle = oracle
        self.risk = Cell[Risk](journal, "risk", NO_RISK)
        self.risk_ramp = Cell[RiskRamp | None](journal, "risk_ramp", None)
        self.calibrator = Cell[int](journal, "calibrator", 0)
        self.retirements = Table[int, Retirement](journal, "retirements", Retirement())
        self.signers = Cell[tuple[tuple[int, ...], int]](journal, "signers", ((), 0))
        self.parameters = Table[int, Parameters](journal, "parameters", UNLISTED)
        self.feeds = Table[int, SlowFeed](journal, "feeds", SlowFeed())
        self.feeds[QUOTE_FEED] = quote_feed or SlowFeed()
        self.prices = Table[int, PriceWord | None](journal, "prices", None)
        self.answers = Table[int, Answer | None](journal, "answers", None)
        """What each aggregator, by address, answers now; None for a call that fails."""
        self._readings: dict[int, tuple[PriceWord | None, int, Reading]] = {}

    # Reading

    def reading(self, market: int) -> Reading:
        """What the market's price word says now."""
        word, now = self.prices[market], self.clock.now
        cached = self._readings.get(market)
        if cached is None or cached[0] is not word or cached[1] != now:
            cached = (word, now, prices.read(word, self.oracle, now))
            self._readings[market] = cached
        return cached[2]

    def price(self, market: int) -> Reading:
        """As `reading`, for a market that is there."""
        require(market in self.parameters.rows, UNKNOWN_MARKET)
        return self.reading(market)

    def market(self, market: int) -> tuple[Reading, Parameters]:
        """The market's reading and parameters, as the requirement wants them."""
        return self.reading(market), self.parameters[market]

    @property
    def shared(self) -> Shared:
        """What all markets share, now."""
        return Shared(self.risk.value, self.risk_ramp.value, self.clock.now)

    def assess(self, cash: int, holdings: Mapping[int, Holding]) -> Assessment:
        """Equity and requirement at the present prices."""
        return requirement.assess(cash, holdings, self.market, self.shared)

    def appraise(self, cash: int, holdings: Mapping[int, Holding]) -> Assessment:
        """As `assess`, with the spot of an account that owes nothing priced too."""
        return requirement.appraise(cash, holdings, self.market, self.shared)

    def slow_price(self, market: int) -> SlowPrice | None:
        """The market's slow feed, if it counts now."""
        feed, quote = self.feeds[market], self.feeds[QUOTE_FEED]
        return prices.slow_price(feed, self.answers[feed.address], quote, self.answers[quote.address], self.clock.now)

    def is_listed(self, market: int) -> bool:
        """The market exists and is listed."""
        return bool(self.parameters[market].flags & LISTED)

    # Acts

    @act
    def update(self, reports: Sequence[Report]) -> list[int]:
        """Take a round's prices, the median of k signers; returns the markets that changed."""
        signers, threshold = self.signers.value
        require(len(reports) >= max(threshold, 1), "risk_engine: too few reports")
        require(len(reports) <= threshold, "risk_engine: too many reports")
        first = reports[0]
        time = first.round * self.oracle.round_seconds
        require(time <= self.clock.now, "risk_engine: report from the future")
        require(self.clock.now - time <= self.oracle.max_report_age, "risk_engine: report too old")
        seen: set[int] = set()
        for report in reports:
            require(report.round == first.round, "risk_engine: mixed rounds")
            require(0 < len(report.entries) == len(first.entries), "risk_engine: payload length")
            require(report.signer in signers, "risk_engine: unknown signer")
            require(report.signer not in seen, "risk_engine: signer twice")
            seen.add(report.signer)
        return self._take(time, [report.entries for report in reports])

    def _take(self, time: int, columns: list[tuple[Quoted, ...]]) -> list[int]:
        changed = []
        for place in zip(*columns, strict=True):
            market = place[0].market
            require(all(quoted.market == market for quoted in place), "risk_engine: mixed markets")
            require(self.is_listed(market), UNKNOWN_MARKET)
            worth = [prices.decode_price(quoted.price) for quoted in place]
            in_bounds = all(prices.MIN_PRICE <= price <= prices.MAX_PRICE for price in worth)
            require(in_bounds, "risk_engine: price out of bounds")
            old = self.prices[market]
            if old is not None and old.time >= time and not old.from_slow:
                continue
            entry = Entry(
                prices.encode_price(median_low(worth)),
                median_low(quoted.confidence for quoted in place),
                median_low(quoted.basis for quoted in place),
                time,
            )
            self._see(market)
            g = self.parameters[market].aim.g
            slow, now = self.slow_price(market), self.clock.now
            self.prices[market] = prices.fast_update(old, entry, slow, self.oracle, g, now)
            changed.append(market)
        return changed

    @act
    def refresh(self, markets: Sequence[int]) -> list[int]:
        """Look at the slow feeds of some markets again; returns the markets whose word changed."""
        changed = []
        for market in markets:
            require(self.is_listed(market), UNKNOWN_MARKET)
            old = self.prices[market]
            word = prices.refresh(old, self.slow_price(market), self.oracle, self.clock.now)
            if word != old:
                self._see(market)
                self.prices[market] = word
                changed.append(market)
        return changed

    def _see(self, market: int) -> None:
        """Before a retiring market's price moves: the one that held until now counts for as long as a price lives."""
        word = self.prices[market]
        if self.parameters[market].flags & RETIRING:
            start, last, seconds, total = self.retirements[market]
            gone = min(self.clock.now - last, self.oracle.price_age) if last else 0
            total += gone * (word.index if word else 0)
            self.retirements[market] = Retirement(start, self.clock.now, seconds + gone, total)

    @act
    def retire(self, market: int) -> None:
        """Give a market up: nothing is added there, its price is averaged, and s and u rise to the most there is."""
        require(market in self.parameters.rows, UNKNOWN_MARKET)
        old = self.parameters[market]
        require(not old.flags & (RETIRING | RETIRED), "risk_engine: already retired")
        new = replace(old.aim, s=2**16 - 1, u=2**16 - 1, flags=(old.flags | RETIRING) & ~(PERP_ALLOWED | SPOT_ALLOWED))
        self.parameters[market] = new.ramped_from(old, self.clock.now, self.oracle.ramp)
        self.retirements[market] = Retirement(start=self.clock.now)

    @act
    def freeze(self, market: int) -> None:
        """Freeze a retiring market's price at its average; what is left there is charged by its amount."""
        require(market in self.parameters.rows, UNKNOWN_MARKET)
        old, kept = self.parameters[market], self.retirements[market]
        require(bool(old.flags & RETIRING), "risk_engine: not retiring")
        enough = self.clock.now >= kept.start + RETIRE and kept.seconds >= RETIRE // 2
        require(enough, "risk_engine: not averaged yet")
        self.prices[market] = prices.frozen(self.prices[market], kept.total // kept.seconds)
        new = replace(old.aim, s=1, u=2**16 - 1, g=2**16 - 1, flags=old.flags ^ (RETIRING | RETIRED))
        self.parameters[market] = new.ramped_from(old, self.clock.now, self.oracle.ramp)

    # The owner's: the contract checks who and what; here the result is taken over.

    @act
    def add_market(self, parameters: Parameters, feed: SlowFeed | None = None) -> int:
        """List the next market; returns its number."""
        market = len(self.parameters)
        self.parameters[market] = parameters
        self.feeds[market] = feed or SlowFeed()
        return market

    @act
    def set_parameters(self, market: int, parameters: Parameters) -> None:
        """Replace a market's parameters; what rises ramps in."""
        require(market in self.parameters.rows, UNKNOWN_MARKET)
        old = self.parameters[market]
        require(not old.flags & LISTED or parameters.bucket == old.bucket, "risk_engine: bucket is fixed")
        kept = old.flags & (RETIRING | RETIRED)
        flags = parameters.flags & ~(PERP_ALLOWED | SPOT_ALLOWED) if kept else parameters.flags
        new = replace(parameters, flags=flags | kept, calibrated=old.calibrated)
        self.parameters[market] = new.ramped_from(old, self.clock.now, self.oracle.ramp)

    @act
    def set_calibrator(self, calibrator: int) -> None:
        """Replace who may calibrate."""
        self.calibrator.value = calibrator

    @act
    def calibrate(self, caller: int, market: int, s: int, u: int, g: int, cap: int) -> None:
        """Move a market's s, u, g and cap by at most a fifth of what they are to be, once a day."""
        require(caller == self.calibrator.value, "risk_engine: not the calibrator")
        require(market in self.parameters.rows, UNKNOWN_MARKET)
        old, now = self.parameters[market], self.clock.now
        require(not old.flags & (RETIRING | RETIRED), "risk_engine: already retired")
        require(now >= old.calibrated + CALIBRATION_PERIOD, "risk_engine: calibrated lately")
        aim = old.aim
        pairs = ((aim.s, s), (aim.u, u), (aim.g, g), (aim.cap, cap))
        require(all(5 * abs(new - before) <= before for before, new in pairs), "risk_engine: step too large")
        require(max(s, u, g) < 2**16 and cap < 2**40, "risk_engine: parameters out of range")
        new = replace(aim, s=s, u=u, g=g, cap=cap, calibrated=now)
        self.parameters[market] = new.ramped_from(old, now, self.oracle.ramp)

    @act
    def set_slow_feed(self, market: int, feed: SlowFeed) -> None:
        """Replace a market's slow feed, or (market `QUOTE_FEED`) the quote token's own."""
        self.feeds[market] = feed

    @act
    def set_risk(self, risk: Risk) -> None:
        """Replace correlations, κ, ι and the minimum; all but ι ramps in, and meanwhile ι alone may change."""
        old, ramp, now = self.risk.value, self.oracle.ramp, self.clock.now
        way = self.risk_ramp.value
        if way and now < way.end:
            require(replace(way.target, iota=risk.iota) == risk, "risk_engine: risk is ramping")
            self.risk.value = replace(old, iota=risk.iota)
            self.risk_ramp.value = way._replace(target=risk)
            return
        if way:
            old = way.target
        before = replace(old, iota=risk.iota, ramping=0)
        if not ramp or before == risk or old == NO_RISK:
            self.risk.value, self.risk_ramp.value = risk, None
        else:
            self.risk.value = replace(before, ramping=1)
            self.risk_ramp.value = RiskRamp(risk, now, now + ramp)

    @act
    def set_signers(self, signers: Sequence[int], threshold: int) -> None:
        """Replace the signers and how many of them a round needs."""
        self.signers.value = (tuple(signers), threshold)
