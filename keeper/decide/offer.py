"""What one account in an auction is worth to us: value of the discount less what it costs to take and to get rid of."""

from __future__ import annotations

from dataclasses import dataclass

from keeper.book.exact import Exact, Holdings
from keeper.config import wad
from keeper.config.schema import BidSection, FeesSection
from keeper.model.auction import Quote, clock_start, lambda_at
from keeper.model.prices import DEAD
from keeper.model.requirement import Holding
from keeper.model.rounding import BPS, E5, WAD, ceil_div
from keeper.model.words import RETIRED, RETIRING, SPOT_ALLOWED

GAS_BID = 450_000
"""For the bid itself, the taker's margin check over 16 markets above all; what is not used costs nothing."""
GAS_LOT = 250_000
GAS_LOT_MARKET, GAS_LOT_WORD = 55_000, 10_000
USED_LOT = 100_000
USED_LOT_MARKET = 40_000
"""What a lot uses: measured 90,000 for one market the taker holds already, and two new words for each other one."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An account that may be taken, with its numbers for the whole account (f = 1). WAD quote."""

    account: int
    quote: Quote
    floor: int
    """The least requirement of the markets it holds."""
    cash: int
    holdings: Holdings
    maps: int
    unwind: int
    """Cost of getting rid of all of it."""
    gas: int
    """Gas limit of its lot."""
    gas_cost: int
    age: int
    """Seconds since the run's start."""
    slope: int
    """What λ gains in the next second, WAD."""
    doubtful: bool
    """Whether its owner may add collateral to it that nobody stands behind the price of."""

    @property
    def discount(self) -> int:
        """λ_t·MM: what the whole account comes cheaper than its equity."""
        return self.quote.lambda_taker * self.quote.mm // WAD

    def profit(self, fraction: int) -> int:
        """After unwinding and gas, for this fraction (WAD), rounded down."""
        return fraction * (self.discount - self.unwind) // WAD - self.gas_cost

    def requirement(self, fraction: int) -> int:
        """Requirement released by this fraction."""
        return self.quote.mm * fraction // WAD

    def least(self, profit: int) -> int | None:
        """The smallest fraction (WAD) whose profit is at least this; None if no fraction's is."""
        unit = self.discount - self.unwind
        if unit <= 0:
            return None
        fraction = ceil_div((profit + self.gas_cost) * WAD, unit)
        return fraction if fraction <= WAD else None


def cost_of_gas(exact: Exact, fees: FeesSection, used: int) -> int:
    """What so much gas costs at the head, WAD quote, rounded down."""
    price = min(exact.mirror.base_fee + fees.tip, fees.max_fee)
    return used * price * wad(fees.native_price) // WAD


def lot_gas(exact: Exact, account: int) -> int:
    """A limit that the account's lot of a bid stays below."""
    markets = exact.maps(account).bit_count()
    return GAS_LOT + GAS_LOT_MARKET * markets + GAS_LOT_WORD * (exact.words(account) - markets)


def unpriced(exact: Exact, holdings: Holdings) -> int:
    """What may be worth less than it is counted for, as nobody stands behind its price; WAD quote, rounded up.

    What a dead market has is reckoned at the far end of its interval. Collateral of a market at its end is nothing:
    the price it counts with is frozen. A position of one that is about to end can be closed with nobody until then,
    and is reckoned as far off as the market is on its way to charge for.
    """
    loss = 0
    for market, held in holdings.items():
        reading, parameters = exact.reading(market), exact.parameters(market)
        exposure = (held.spot + held.size) * reading.index
        if parameters.flags & RETIRED:
            loss += held.spot * reading.index * E5
        elif parameters.flags & RETIRING:
            loss += abs(exposure) * parameters.aim.u
        elif reading.state == DEAD:
            loss += exposure * reading.down if exposure > 0 else -exposure * reading.up
    return ceil_div(loss, WAD * E5)


def is_doubtful(exact: Exact, market: int, held: Holding) -> bool:
    """Whether who holds this may add collateral of the market, and nobody stands behind its price, or soon will."""
    flags = exact.parameters(market).flags
    takes = not flags & RETIRED if held.spot else bool(flags & SPOT_ALLOWED)
    return takes and (exact.reading(market).state == DEAD or bool(flags & RETIRING))


def offer_of(exact: Exact, account: int, bid: BidSection, fees: FeesSection) -> Offer | None:
    """The offer that this account makes now, or None if it cannot be bid for or is not in a run yet.

    Without a run λ starts at its curve's first point: sighting comes first, bidding when λ has grown.
    """
    if not exact.running(account):
        return None
    quote = exact.quote(account)
    if quote.reason:
        return None
    holdings = exact.holdings(account)
    maps = exact.maps(account)
    run = exact.run(account)
    curve = exact.curve(account)
    age = exact.now - clock_start(run, exact.terms, exact.now)
    used = USED_LOT + USED_LOT_MARKET * maps.bit_count()
    unwind = (bid.unwind_bps_of_requirement * quote.mm + bid.unwind_bps_of_notional * exact.notional(holdings)) // BPS
    unwind += unpriced(exact, holdings)
    return Offer(
        account=account,
        quote=quote,
        floor=exact.assess(account).floor,
        cash=exact.cash(account),
        holdings=holdings,
        maps=maps,
        unwind=unwind,
        gas=lot_gas(exact, account),
        gas_cost=cost_of_gas(exact, fees, used),
        age=age,
        slope=lambda_at(curve, age + 1) - lambda_at(curve, age),
        doubtful=any(is_doubtful(exact, market, held) for market, held in holdings.items()),
    )
