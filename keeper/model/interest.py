"""Cash, its principal and its interest (docs/exact.md, 4)."""

from __future__ import annotations

from dataclasses import replace

from .rounding import BPS, E5, WAD, ceil_div, clamp
from .words import Custody, Indices, Settings, Totals

YEAR = 31_536_000
NANO = 10**9
MAX_CASH = 10**30
MAX_INDEX = 2**80 - 1


def cash_of(principal: int, indices: Indices) -> int:
    """Cash in WAD quote, toward −∞."""
    return principal * (indices.supply if principal >= 0 else indices.borrow) // WAD


def principal_of(cash: int, indices: Indices) -> int:
    """Principal of an amount of cash, toward −∞."""
    return cash * WAD // (indices.supply if cash >= 0 else indices.borrow)


def accrue(indices: Indices, totals: Totals, custody: Custody, now: int) -> tuple[Indices, Custody]:
    """Indices and reserve with the interest of the seconds since the last accrual; rates stay as they are."""
    elapsed = now - indices.time
    if elapsed <= 0:
        return indices, custody
    supply = min(MAX_INDEX, indices.supply + indices.supply * indices.supply_rate * elapsed // (NANO * YEAR))
    borrow = min(MAX_INDEX, indices.borrow + ceil_div(indices.borrow * indices.borrow_rate * elapsed, NANO * YEAR))
    charged = totals.negative * borrow // WAD - ceil_div(totals.negative * indices.borrow, WAD)
    credited = ceil_div(totals.positive * supply, WAD) - totals.positive * indices.supply // WAD
    reserve = custody.reserve + max(0, charged - credited)
    return replace(indices, supply=supply, borrow=borrow, time=now), replace(custody, reserve=reserve)


def utilisation(indices: Indices, totals: Totals, custody: Custody) -> int:
    """The part of all positive cash that is lent out (1e-9, rounded down); 0 where there is no positive cash."""
    assets = totals.positive * indices.supply // WAD
    if assets == 0:
        return 0
    return clamp((assets - custody.held) * NANO // assets, 0, NANO)


def set_rates(indices: Indices, totals: Totals, custody: Custody, settings: Settings) -> Indices:
    """Indices with the rates (1e-9 a year) that follow from the present utilisation."""
    used = utilisation(indices, totals, custody)
    kink = settings.kink * E5
    if used <= kink:
        borrow_rate = ceil_div(settings.at_kink * used, kink)
    else:
        steep = settings.at_full - settings.at_kink
        borrow_rate = settings.at_kink + ceil_div(steep * (used - kink), NANO - kink)
    supply_rate = borrow_rate * used * (BPS - settings.reserve) // (NANO * BPS)
    return replace(indices, supply_rate=supply_rate, borrow_rate=borrow_rate)
