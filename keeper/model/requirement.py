"""The margin requirement of one account, to the wei (docs/exact.md, 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isqrt
from typing import NamedTuple

from .prices import Reading
from .rounding import BPS, WAD, ceil_div, trunc_div
from .words import BUCKETS, PAIRS, Parameters, Risk

MAX_MARKETS = 16
_E32 = 10**32
_E23 = 10**23
_E16 = 10**16
_E6 = 10**6


class Holding(NamedTuple):
    """What an account has in one market: spot and size in WAD base, cost in WAD quote."""

    spot: int = 0
    size: int = 0
    cost: int = 0


class Assessment(NamedTuple):
    """What a margin check knows of an account. WAD quote; `state` 0 live, 1 late, 2 dead."""

    equity: int
    mm: int
    im: int
    floor: int
    down: int
    up: int
    claims: int
    state: int

    @property
    def sighted(self) -> bool:
        """In breach even if every price lay at the better end of its (faded) interval."""
        return self.mm > 0 and self.equity + self.up < self.mm

    @property
    def in_breach(self) -> bool:
        """Health below 1 at the prices as they are."""
        return self.equity < self.mm


Market = Callable[[int], tuple[Reading, Parameters]]


def owes_nothing(cash: int, holdings: Mapping[int, Holding]) -> bool:
    """Cash is not negative, and no position has size or a cost to pay: no requirement, whatever the prices."""
    if cash < 0:
        return False
    for _, size, cost in holdings.values():  # noqa: SIM110 - asked of every account after every price: a loop is quicker
        if size or cost > 0:
            return False
    return True


class RiskRamp(NamedTuple):
    """The way of all that markets share to another risk word."""

    target: Risk
    start: int
    end: int


class Shared(NamedTuple):
    """What all markets share, and the second that ramps are looked at."""

    risk: Risk
    ramp: RiskRamp | None = None
    now: int = 0


_Sums = tuple[int, int, int, int, int, list[int], int, int, int, bool]
"""What prices and parameters make of a book: equity; the worse and the better side, gross holdings and single-name risk
squared, each as summed up; exposure by bucket; claims; markets held; the worst state; and whether a parameter of one of
its markets is on its way. Bare, as most of what is asked of the model is made of this.
"""


def assess(cash: int, holdings: Mapping[int, Holding], market: Market, shared: Shared) -> Assessment:
    """Equity and requirement of an account; no price is read for one that owes nothing."""
    if owes_nothing(cash, holdings):
        claims = -sum(cost for _, _, cost in holdings.values())
        return Assessment(cash + claims, 0, 0, 0, 0, 0, claims, 0)
    return _measure(cash, holdings, market, shared)


def appraise(cash: int, holdings: Mapping[int, Holding], market: Market, shared: Shared) -> Assessment:
    """As `assess`, but an account that owes nothing has its spot priced: equity holds it, state is the worst."""
    if not owes_nothing(cash, holdings):
        return _measure(cash, holdings, market, shared)
    claims = value = state = 0
    for number, (spot, _, cost) in holdings.items():
        claims -= cost
        if spot:
            reading = market(number)[0]
            value += spot * reading.index
            state = max(state, reading.state)
    return Assessment(cash + claims + value // WAD, 0, 0, 0, 0, 0, claims, state)


def _measure(cash: int, holdings: Mapping[int, Holding], market: Market, shared: Shared) -> Assessment:
    risk, ramp, now = shared
    equity, worse, better, gross, own, buckets, claims, held, state, ramping = _sum(cash, holdings, market, now)
    square, minimum = _square(own, buckets, risk), risk.min_requirement
    held = held or 1
    later = 0
    if ramp or ramping:
        aim = ramp.target if ramp else risk
        if ramp:
            gone, length = min(now, ramp.end) - ramp.start, ramp.end - ramp.start
            square += trunc_div((_square(own, buckets, aim) - square) * gone, length)
            rise = aim.min_requirement - minimum
            minimum = minimum + ceil_div(rise * gone, length) if rise > 0 else aim.min_requirement
        _, _, _, aimed_gross, aimed_own, aimed_buckets, *_ = _sum(cash, holdings, market, None)
        later = max(_total(_square(aimed_own, aimed_buckets, aim), aimed_gross), aim.min_requirement * _E16 * held)
    floor = minimum * _E16 * held
    mm = max(_total(square, gross), floor)
    im = ceil_div(max(mm, later) * risk.iota, BPS)
    return Assessment(equity, mm, im, floor, ceil_div(worse, _E23), better // _E23, claims, state)


def _sum(cash: int, holdings: Mapping[int, Holding], market: Market, when: int | None) -> _Sums:
    """With the parameters of a second, or None: with those that they are on their way to."""
    value = costs = claims = worse = better = gross = idiosyncratic = held = worst = 0
    ramping = False
    sums = [0] * BUCKETS
    for number, (spot, size, cost) in holdings.items():
        costs += cost
        if not (spot or size or cost > 0):
            claims -= cost
            continue
        held += 1
        reading, parameters = market(number)
        if parameters.ramp_end:
            ramping = True
            parameters = parameters.aim if when is None else parameters.at(when)
        index = reading.index
        if reading.state > worst:
            worst = reading.state
        worth = size * reading.p_star
        value += spot * index + worth
        claim = worth // WAD - cost
        if claim > 0:
            claims += claim
        gross += parameters.g * (spot + abs(size)) * index
        exposure = (spot + size) * index
        sums[parameters.bucket] += parameters.s * exposure
        if exposure > 0:
            worse += exposure * reading.down
            better += exposure * reading.up_faded
            term = -(-parameters.u * exposure // _E32)
        else:
            worse -= exposure * reading.up
            better -= exposure * reading.down_faded
            term = -(parameters.u * exposure // _E32)
        idiosyncratic += term * term
    equity = cash - costs + value // WAD
    return equity, worse, better, gross, idiosyncratic, sums, claims, held, worst, ramping


def _total(square: int, gross: int) -> int:
    """R + G in WAD quote: the root of `square` and the charge on gross holdings, each rounded up."""
    root = isqrt(square - 1) + 1 if square > 0 else 0
    return root * _E6 + ceil_div(gross, _E23)


def _square(idiosyncratic: int, sums: list[int], risk: Risk) -> int:
    """Q: bucket and single-name risk squared, in (1e-9 quote)²."""
    buckets: list[tuple[int, int]] = []
    positive = negative = own = cross = 0
    rho = risk.rho
    for bucket, total in enumerate(sums):
        if not total:
            continue
        if total > 0:
            scaled = -(-total // _E32)
            positive += scaled
        else:
            scaled = total // _E32
            negative += scaled
        own += scaled * scaled
        for other, before in buckets:
            cross += rho[PAIRS[other, bucket]] * before * scaled
        buckets.append((bucket, scaled))
    kappa = risk.kappa
    return (
        _E6 * idiosyncratic
        + (BPS - kappa) * (100 * own + 2 * cross)
        + 100 * kappa * (positive * positive + negative * negative)
    )
