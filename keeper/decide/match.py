"""Signed orders that relieve an account in breach at their own prices (docs/exact.md, section 7: `match`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from keeper.book.exact import Exact, Holdings
from keeper.config import wad
from keeper.config.schema import FeesSection, MatchSection
from keeper.decide.offer import cost_of_gas
from keeper.model.auction import BPS_TO_WAD, LEAST, Quote
from keeper.model.margin import relieves, spare
from keeper.model.orders import SLOTS, Order
from keeper.model.prices import LIVE
from keeper.model.requirement import Assessment, Holding
from keeper.model.rounding import BPS, WAD, ceil_div
from keeper.model.words import Settings

MAX_FILLS = 8
TRIED = 32
"""Orders that are looked at for one account, however many there are."""
HALVINGS = 20
KEPT = 98
"""Percent of what the rule allows that is asked for: prices move until it is mined, and a fill beyond it is skipped."""
GAS_MATCH, GAS_MATCH_MARKET = 270_000, 25_000
"""For the match itself, which looks at the account before and after it; what is not used costs nothing."""
GAS_FILL, GAS_FILL_MARKET = 160_000, 40_000
"""For each fill, and for each market of both sides: each side is assessed up to three times."""
USED_MATCH, USED_FILL, USED_FILL_MARKET = 70_000, 150_000, 20_000
"""What of that is used: measured 228,000 to 250,000 for one fill, one market and a maker that held nothing."""
NOTHING = Holding()


@dataclass(frozen=True, slots=True)
class Signed:
    """An order, its signature, and the address (as a number) that gave it."""

    order: Order
    signature: bytes
    signer: int


@dataclass(frozen=True, slots=True)
class Match:
    """Fills for one account: orders and amounts (WAD base).

    `released`: requirement, `gain`: less than nothing by what gas costs; WAD quote.
    """

    account: int
    fills: tuple[tuple[Signed, int], ...]
    released: int
    gain: int
    gas: int


@dataclass(frozen=True, slots=True)
class Side:
    """An account as it is between two fills."""

    account: int
    cash: int
    holdings: Holdings
    seen: Assessment

    def traded(self, exact: Exact, market: int, size: int, price: int, fee: int = 0) -> Side:
        """The same after it has gained `size` (signed) at a price, and paid a fee."""
        old = self.holdings.get(market, NOTHING)
        cost = ceil_div(size * (price - exact.reading(market).funding), WAD)
        new = old._replace(size=old.size + size, cost=old.cost + cost)
        cash = self.cash - fee
        if new.size == 0:
            # What a closed position leaves is settled in the same act.
            cash, new = cash - new.cost, new._replace(cost=0)
        holdings = {**self.holdings, market: new}
        if new == NOTHING:
            del holdings[market]
        return Side(self.account, cash, holdings, exact.measure(cash, holdings))

    def paid(self, exact: Exact, amount: int) -> Side:
        """The same with less cash."""
        return replace(self, cash=self.cash - amount, seen=exact.measure(self.cash - amount, self.holdings))


def side_of(exact: Exact, account: int) -> Side:
    """The account as it is."""
    return Side(account, exact.cash(account), exact.holdings(account), exact.assess(account))


def match_of(
    exact: Exact,
    account: int,
    orders: Iterable[Signed],
    filled: Mapping[Order, int],
    section: MatchSection,
    fees: FeesSection,
    skip: int = 0,
) -> Match | None:
    """The fills to send for this account now, or None if no order relieves it or gas would cost too much.

    `filled`: what is known to be filled of an order. `skip`: how many orders, the best first, are left out, as they
    were looked at in vain. A match pays nobody but the account and the maker, so it costs its gas.
    """
    quote = exact.quote(account)
    if quote.reason:
        return None
    side, makers = side_of(exact, account), dict[int, Side]()
    before = side.seen
    fills: list[tuple[Signed, int]] = []
    slots: set[tuple[int, int]] = set()
    released, gas, used = 0, match_gas(len(side.holdings)), USED_MATCH
    for signed in islice(_best_first(exact, side, orders), skip, skip + TRIED):
        order = signed.order
        maker = makers.get(order.account) or side_of(exact, order.account)
        # Both sides are assessed, each with all that it holds.
        markets = max(len(side.holdings), len(maker.holdings) + 1)
        more_gas = fill_gas(len(side.holdings), len(maker.holdings))
        if len(fills) == MAX_FILLS or gas + more_gas > fees.max_gas:
            break
        slot = order.account, order.nonce % SLOTS
        if slot in slots:
            continue
        fill = _fill(exact, side, maker, order, abs(order.size) - filled.get(order, 0), quote)
        if fill is None:
            continue
        amount, after, maker = fill
        more = side.seen.mm - after.seen.mm
        side, makers[order.account] = after.paid(exact, quote.penalty * more // WAD), maker
        released += more
        gas += more_gas
        used += USED_FILL + USED_FILL_MARKET * markets
        slots.add(slot)
        fills.append((signed, amount))
    # Less is nothing to the Auction.
    if not fills or (side.seen.equity < side.seen.mm and released < before.floor // LEAST):
        return None
    gain = -cost_of_gas(exact, fees, used)
    if gain < -wad(section.max_cost):
        return None
    return Match(account, tuple(fills), released, gain, gas)


def match_gas(markets: int) -> int:
    """A limit that a match without its fills stays below, for an account of so many markets."""
    return GAS_MATCH + GAS_MATCH_MARKET * markets


def fill_gas(markets: int, makers: int) -> int:
    """What a fill adds to a limit: markets of the account, and of the maker, which may come into one more."""
    return GAS_FILL + GAS_FILL_MARKET * (markets + makers + 1)


def _best_first(exact: Exact, side: Side, orders: Iterable[Signed]) -> Iterator[Signed]:
    """Orders that would take positions of the account down and were signed by who may, the best price for it first."""

    band = Settings.unpack(exact.mirror.scalars["settings"]).band

    def fits(signed: Signed) -> bool:
        order = signed.order
        reading = exact.reading(order.market)
        return (
            side.holdings.get(order.market, NOTHING).size * order.size > 0
            and reading.state == LIVE
            and abs(order.price - reading.index) * BPS <= band * reading.index
            and order.expiry > exact.now
            and order.account != side.account
            and order.taker in (0, side.account)
            and signed.signer != 0
            and exact.mirror.is_allowed(order.account, signed.signer)
        )

    def price(signed: Signed) -> float:
        order = signed.order
        part = order.price / exact.reading(order.market).index
        return -part if order.size > 0 else part

    yield from sorted((signed for signed in orders if fits(signed)), key=price)


def _both(exact: Exact, side: Side, maker: Side, order: Order, amount: int) -> tuple[Side, Side]:
    """The account and the maker after a fill; the maker pays as much of a fee as its order allows."""
    size = -amount if order.size > 0 else amount
    fee = ceil_div(ceil_div(amount * order.price, WAD) * order.max_fee, BPS)
    return (
        side.traded(exact, order.market, size, order.price),
        maker.traded(exact, order.market, -size, order.price, fee),
    )


def _fill(
    exact: Exact, side: Side, maker: Side, order: Order, left: int, quote: Quote
) -> tuple[int, Side, Side] | None:
    """How much of the order to fill (WAD base), so that both sides pass, and both after it; None if nothing does."""
    held = side.holdings.get(order.market, NOTHING)
    # An earlier fill may have closed it. The market's exposure goes down and does not turn round.
    if held.size * order.size <= 0 or (held.spot + held.size) * held.size < 0:
        return None
    most = min(left, abs(held.size), abs(held.spot + held.size))
    if order.reduce_only:
        theirs = maker.holdings.get(order.market, NOTHING).size
        most = min(most, abs(theirs) if theirs * order.size < 0 else 0)
    if most <= 0:
        return None
    target = exact.terms.target * BPS_TO_WAD

    def bounded(after: Side) -> bool:
        released = max(0, side.seen.mm - after.seen.mm)
        equity = after.seen.equity - quote.penalty * released // WAD
        whole = after.seen.mm == 0 and side.seen.mm == side.seen.floor
        return equity * WAD <= target * after.seen.mm or whole

    def carried(after: Side) -> bool:
        return after.seen.state == LIVE and (spare(after.seen) >= 0 or relieves(maker.seen, after.seen))

    def passing(amount: int) -> tuple[Side, Side] | None:
        after, other = _both(exact, side, maker, order, amount)
        return (after, other) if bounded(after) and carried(other) else None

    amount, sides = most, passing(most)
    if sides is None:
        low, high = 0, most
        for _ in range(HALVINGS):
            middle = (low + high) // 2
            low, high = (middle, high) if passing(middle) else (low, middle)
        amount = low * KEPT // 100
        sides = passing(amount) if amount > 0 else None
    if sides is None:
        return None
    released = side.seen.mm - sides[0].seen.mm
    cheap = (side.seen.equity - sides[0].seen.equity) * WAD <= quote.lambda_account * released
    return (amount, *sides) if released > 0 and cheap else None
