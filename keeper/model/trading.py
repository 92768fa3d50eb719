"""Trades, settlement and slices: how positions move between accounts (docs/exact.md, 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from . import margin
from .ledger import (
    MARKETS,
    MAX_SIZE,
    NO_HOLDING,
    SIZE_OUT_OF_BOUNDS,
    TOO_MANY_MARKETS,
    UNKNOWN_MARKET,
    ZERO_OWNER,
    check_holding,
    with_holding,
)
from .limits import NOT_THE_AUCTION, PAUSED, Limits, Named
from .prices import LATE, LIVE, Reading
from .requirement import MAX_MARKETS, Assessment, Holding
from .risk_engine import RiskEngine
from .rounding import BPS, WAD, ceil_div, trunc_div
from .state import Journal, Table, act, require
from .words import PERP_ALLOWED, RETIRED, Settings

NOT_ALLOWED = "clearinghouse: not allowed"
SAME_ACCOUNT = "clearinghouse: same account"
MAX_NOTIONAL = 10**30
FLOOR = 10**12


def unsettled(holding: Holding, reading: Reading) -> int:
    """What a position is worth, toward −∞: the amount that settling would move into cash."""
    return holding.size * reading.p_star // WAD - holding.cost


@dataclass(slots=True)
class Side:
    """One account in a trade: what it was, what it becomes, and what its cash changes by."""

    account: int
    cash: int
    before: Mapping[int, Holding]
    holdings: Mapping[int, Holding]
    change: int
    value: int
    added: bool

    def resized(self, market: int) -> int:
        """What the trade alone adds to the market's Σ |size|."""
        old, new = self.before.get(market, NO_HOLDING), self.holdings.get(market, NO_HOLDING)
        return abs(new.size) - abs(old.size)


class Trading(Limits):
    """The Clearinghouse's state, and the acts of venues and of the auction."""

    def __init__(
        self, journal: Journal, engine: RiskEngine, settings: Settings, quote_decimals: int, named: Named
    ) -> None:
        super().__init__(journal, engine, settings, quote_decimals, named)
        self.operators = Table[tuple[int, int], bool](journal, "operators", False)
        self.venues = Table[int, bool](journal, "venues", False)
        self.spot_decimals = Table[int, int | None](journal, "spot_decimals", None)

    # Settling

    def profit_paid(self, market: int, value: int) -> int:
        """As much of a profit as the market's losers have paid in."""
        return min(value, max(0, -self.books[market].cost))

    def settle_one(self, market: int, account: int, reading: Reading) -> None:
        """Settle one account's position as `settle` does; in a retired market its size becomes a claim or a debt."""
        stored = self.accounts[account]
        old = stored.holdings.get(market, NO_HOLDING)
        value = unsettled(old, reading)
        holding = old
        if old.size and self.engine.parameters[market].flags & RETIRED:
            holding = old._replace(size=0, cost=-value)
            self.book_size(market, (old.size,), (0,))
        if value > 0:
            value = self.profit_paid(market, value)
        elif value < 0:
            assessment = self.assess(account)
            if assessment.state != LIVE or assessment.equity < 0:
                value = 0
        if value == 0 and holding is old:
            return
        settled = holding._replace(cost=holding.cost + value)
        check_holding(settled)
        self.book_cost(market, value)
        self.write(account, value, with_holding(stored.holdings, market, settled))

    # Trades

    @act
    def trade(
        self,
        caller: int,
        market: int,
        taker: int,
        maker: int,
        size: int,
        price: int,
        taker_fee: int,
        maker_fee: int,
    ) -> None:
        """Move `size` at `price` from maker to taker, take fees, settle both and test both."""
        require(self.venues[caller], "clearinghouse: not a venue")
        start = self.accrue()
        sides, afters = self._move(market, (taker, maker), size, price, (taker_fee, maker_fee))
        for side in sides:
            self._test(market, side, afters[side.account], stops=True)
        if sum(side.resized(market) for side in sides) > 0:
            self.require_below_cap(market)
        self.finish(start)

    @act
    def relieve(
        self,
        caller: int,
        market: int,
        account: int,
        maker: int,
        size: int,
        price: int,
        maker_fee: int,
        cost_rate: int,
        penalty_rate: int,
        target: int,
    ) -> tuple[int, int]:
        """A trade for an account in breach, bounded by what it releases; returns requirement released and penalty."""
        require(caller == self.named.auction, NOT_THE_AUCTION)
        self.require_alone(account)
        start = self.accrue()
        before = self.assess(account)
        sides, afters = self._move(market, (account, maker), size, price, (0, maker_fee))
        after = afters[account]
        holding = self.accounts[account].holdings.get(market, NO_HOLDING)
        require((holding.spot + holding.size) * size <= 0, "clearinghouse: beyond the rule")
        require(before.state != LATE, margin.PRICE_IS_LATE)
        released = max(0, before.mm - after.mm)
        penalty = penalty_rate * released // WAD
        cheap = (before.equity - after.equity) * WAD <= cost_rate * released
        bounded = (after.equity - penalty) * WAD <= target * after.mm or (after.mm == 0 and before.mm == before.floor)
        require(released > 0 and cheap and bounded, "clearinghouse: beyond the rule")
        self.move_cash(account, -penalty)
        self.add_reserve(penalty)
        self._test(market, sides[1], afters[maker], stops=False)
        self.finish(start)
        return released, penalty

    def _move(
        self, market: int, accounts: tuple[int, int], size: int, price: int, fees: tuple[int, int]
    ) -> tuple[tuple[Side, Side], dict[int, Assessment]]:
        taker, maker = accounts
        require(taker != maker, SAME_ACCOUNT)
        require(taker >> 96 != 0 and maker >> 96 != 0, ZERO_OWNER)
        require(size != 0, "clearinghouse: nothing to move")
        require(market < MARKETS, UNKNOWN_MARKET)
        reading, parameters = self.engine.price(market), self.engine.parameters[market]
        margin.require_live(reading.state)
        require(bool(parameters.flags & PERP_ALLOWED), "clearinghouse: no perp market")
        settings = self.settings.value
        in_band = abs(price - reading.index) * BPS <= settings.band * reading.index
        require(in_band, "clearinghouse: price outside the band")
        require(abs(size) <= MAX_SIZE, SIZE_OUT_OF_BOUNDS)
        notional = ceil_div(abs(size) * price, WAD)
        require(notional <= MAX_NOTIONAL, SIZE_OUT_OF_BOUNDS)
        highest = ceil_div(notional * settings.max_fee, BPS)
        require(max(fees) <= highest, "clearinghouse: fee too high")

        unsigned = {self.named.vault, self.named.auction}
        require(not {taker >> 96, maker >> 96} & unsigned, NOT_ALLOWED)

        cost = ceil_div(size * (price - reading.funding), WAD)
        self.add_reserve(sum(fees))
        sides = (
            self._side(market, taker, size, cost, fees[0], reading),
            self._side(market, maker, -size, -cost, fees[1], reading),
        )
        self.book_size(
            market,
            (side.before.get(market, NO_HOLDING).size for side in sides),
            (side.holdings.get(market, NO_HOLDING).size for side in sides),
        )
        afters: dict[int, Assessment] = {}
        for side in sorted(sides, key=lambda side: side.value >= 0):
            afters[side.account] = self._settle_side(market, side)
        return sides, afters

    def _test(self, market: int, side: Side, after: Assessment, stops: bool) -> None:
        """The test after a fill; `stops`: a pause of the market counts."""
        paused = stops and self.is_paused(1 << market)
        if side.account in self.deferred and not paused:
            return
        if paused:
            margin.require_live(after.state)
            require(margin.relieves(self.engine.assess(side.cash, side.before), after), PAUSED)
        else:
            margin.require_after_fill(after, partial(self.engine.assess, side.cash, side.before), side.added)

    def _side(self, market: int, account: int, size: int, cost: int, fee: int, reading: Reading) -> Side:
        principal, before = self.accounts[account]
        old = before.get(market, NO_HOLDING)
        new = old._replace(size=old.size + size, cost=old.cost + cost)
        holdings = self.hold(before, market, new)
        return Side(
            account, self.worth(principal), before, holdings, -fee, unsettled(new, reading), market not in before
        )

    def _settle_side(self, market: int, side: Side) -> Assessment:
        """Settle one side and store it; returns its assessment as stored."""
        holding = side.holdings.get(market, NO_HOLDING)
        value = self.profit_paid(market, side.value) if side.value > 0 else side.value
        assessment = self._measured(market, side, holding, value)
        if value < 0 and assessment.equity < 0:
            value = 0
            assessment = self._measured(market, side, holding, value)
        settled = holding._replace(cost=holding.cost + value)
        check_holding(settled)
        self.book_cost(market, value)
        self.write(side.account, side.change + value, with_holding(side.holdings, market, settled))
        return assessment

    def _measured(self, market: int, side: Side, holding: Holding, value: int) -> Assessment:
        change = side.change + value
        settled = with_holding(side.holdings, market, holding._replace(cost=holding.cost + value))
        return self.engine.assess(self.rounded(side.cash + change) if change else side.cash, settled)

    # Slices

    @act
    def slice(
        self,
        caller: int,
        account: int,
        taker: int,
        fraction: int,
        taker_pays: int,
        account_gets: int,
        opener: int,
        opener_gets: int,
    ) -> None:
        """Move a fraction of all that an account has to a taker; what the price leaves open, the vault's cash meets."""
        require(caller == self.named.auction, NOT_THE_AUCTION)
        require(account != taker, SAME_ACCOUNT)
        require(account >> 96 != 0 and taker >> 96 != 0, ZERO_OWNER)
        require(0 < fraction <= WAD, "clearinghouse: fraction out of range")
        self.require_alone(account)
        start = self.accrue()
        giver = self.accounts[account]
        cash_part = self.worth(giver.principal) * fraction // WAD
        left: dict[int, Holding] = {}
        taken = dict(self.accounts[taker].holdings)
        for market, holding in giver.holdings.items():
            part = Holding(
                holding.spot * fraction // WAD,
                trunc_div(holding.size * fraction, WAD),
                ceil_div(holding.cost * fraction, WAD),
            )
            old = taken.get(market, NO_HOLDING)
            rest = Holding(holding.spot - part.spot, holding.size - part.size, holding.cost - part.cost)
            new = Holding(old.spot + part.spot, old.size + part.size, old.cost + part.cost)
            if any(rest):
                left[market] = rest
            check_holding(new)
            taken = with_holding(taken, market, new)
            self.book_size(market, (holding.size, old.size), (rest.size, new.size))

        require(len(taken) <= MAX_MARKETS, TOO_MANY_MARKETS)
        self.write(account, account_gets - cash_part, left)
        to_opener = opener_gets if opener == taker else 0
        self.write(taker, cash_part - taker_pays + to_opener, taken)
        if opener != taker:
            self.move_cash(opener, opener_gets)
        vault_gets = taker_pays - account_gets - opener_gets
        if vault_gets > 0:
            self.add_reserve(vault_gets)
        elif vault_gets < 0:
            self._draw(-vault_gets)
        self.finish(start)

    def _draw(self, amount: int) -> None:
        """The vault pays, first from the reserve, then its cash; what is left all positive cash shares."""
        drawn = min(amount, self.custody.value.reserve)
        self.add_reserve(-drawn)
        paid = min(amount - drawn, max(0, self.vault_cash()))
        self.move_cash(self.vault_account, -paid)
        loss = amount - drawn - paid
        if loss:
            owned = self.totals.value.positive * self.indices.value.supply // WAD
            supply = self.indices.value.supply * (owned - loss) // owned if loss < owned else 0
            require(supply >= FLOOR, "clearinghouse: loss beyond the floor")
            self.indices.value = replace(self.indices.value, supply=supply)
