"""Trades, settlement and slices: how positions move between accounts (docs/exact.md, 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from . import margin
from .ledger import (
    MARKETS,
    MAX_SIZE,
    NO_HOLDING,
    SIZE_OUT_OF_BOUNDS,
    TOO_MANY_MARKETS,
    UNKNOWN_MARKET,
    ZERO_OWNER,
    Ledger,
    check_holding,
    with_holding,
)
from .prices import LIVE, Reading
from .requirement import MAX_MARKETS, Assessment, Holding
from .risk_engine import RiskEngine
from .rounding import BPS, WAD, ceil_div, trunc_div
from .state import Cell, Journal, Table, act, require
from .words import PERP_ALLOWED, Settings

SAME_ACCOUNT = "clearinghouse: same account"
MAX_NOTIONAL = 10**30
VAULT_SUB = 96


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


class Named(NamedTuple):
    """Addresses of the contracts that the Clearinghouse names for good."""

    auction: int
    vault: int
    batch: int


NOT_THE_AUCTION = "clearinghouse: not the auction"


class Trading(Ledger):
    """The Clearinghouse's state, and the acts of venues and of the auction."""

    def __init__(
        self, journal: Journal, engine: RiskEngine, settings: Settings, quote_decimals: int, named: Named
    ) -> None:
        super().__init__(journal, engine, settings, quote_decimals)
        self.named = named
        self.operators = Table[tuple[int, int], bool](journal, "operators", False)
        self.venues = Table[int, bool](journal, "venues", False)
        self.entries = Cell[int](journal, "entries", 0)
        self.spot_decimals = Table[int, int | None](journal, "spot_decimals", None)

    @property
    def vault_account(self) -> int:
        """The insurance vault's own account."""
        return self.named.vault << VAULT_SUB

    # Losses

    @act
    def change_entries(self, caller: int, delta: int) -> None:
        """The auction knows of `delta` more to be lost."""
        require(caller == self.named.auction, NOT_THE_AUCTION)
        self.entries.value += delta

    def vault_cash(self) -> int:
        """Cash of the vault's account at the stored indices."""
        return self.worth(self.accounts[self.vault_account].principal)

    def exit_rate(self) -> int:
        """What one of cash that leaves is worth, at the stored indices; below 1 while known losses exceed the vault."""
        vault = self.vault_cash()
        short = max(0, self.entries.value - vault - self.custody.value.reserve)
        others = self.totals.value.positive * self.indices.value.supply // WAD - vault
        if short == 0:
            return WAD
        return 0 if short >= others else WAD - ceil_div(short * WAD, others)

    # Settling

    def profit_paid(self, market: int, value: int) -> int:
        """As much of a profit as the market's losers have paid in."""
        return min(value, max(0, -self.books[market].cost))

    def settle_one(self, market: int, account: int, reading: Reading) -> None:
        """Settle one account's position as `settle` does."""
        stored = self.accounts[account]
        holding = stored.holdings.get(market, NO_HOLDING)
        value = unsettled(holding, reading)
        if value > 0:
            value = self.profit_paid(market, value)
        elif value < 0:
            assessment = self.assess(account)
            if assessment.state != LIVE or assessment.equity < 0:
                return
        if value == 0:
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
        require(taker != maker, SAME_ACCOUNT)
        require(taker >> 96 != 0 and maker >> 96 != 0, ZERO_OWNER)
        require(size != 0, "clearinghouse: nothing to move")
        require(market < MARKETS, UNKNOWN_MARKET)
        start = self.accrue()
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
        require(taker_fee <= highest and maker_fee <= highest, "clearinghouse: fee too high")

        cost = ceil_div(size * (price - reading.funding), WAD)
        self.move_cash(self.vault_account, taker_fee + maker_fee)
        sides = (
            self._side(market, taker, size, cost, taker_fee, reading),
            self._side(market, maker, -size, -cost, maker_fee, reading),
        )
        self.book_size(
            market,
            (side.before.get(market, NO_HOLDING).size for side in sides),
            (side.holdings.get(market, NO_HOLDING).size for side in sides),
        )
        afters: dict[int, Assessment] = {}
        for side in sorted(sides, key=lambda side: side.value >= 0):
            afters[side.account] = self._settle_side(market, side)
        for side in sides:
            measure_before = partial(self.engine.assess, side.cash, side.before)
            margin.require_after_fill(afters[side.account], measure_before, side.added)
        self.finish(start)

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
        vault = self.vault_account
        vault_gets = taker_pays - account_gets - opener_gets
        covered = self.worth(self.accounts[vault].principal) + vault_gets >= 0
        require(covered, "clearinghouse: vault cannot cover")
        self.move_cash(vault, vault_gets)
        self.finish(start)
