"""The Clearinghouse's acts, trades and slices apart (docs/exact.md, 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from . import margin
from .interest import MAX_CASH
from .ledger import (
    CASH_OUT_OF_BOUNDS,
    MARKETS,
    MAX_SIZE,
    NO_HOLDING,
    SIZE_OUT_OF_BOUNDS,
    TOO_MANY_MARKETS,
    UNKNOWN_MARKET,
    ZERO_OWNER,
)
from .limits import EVERYTHING, PAUSED
from .requirement import MAX_MARKETS, Assessment
from .state import Refused, act, require
from .trading import NOT_ALLOWED, Trading
from .words import RETIRED, SPOT_ALLOWED, Settings

NOTHING_TO_MOVE = "clearinghouse: nothing to move"


def owner_of(account: int) -> int:
    """The address in an account's id."""
    return account >> 96


class Clearinghouse(Trading):
    """Custody, accounts, interest and settlement. `caller` is always the address that sends the act."""

    def is_allowed(self, account: int, caller: int) -> bool:
        """The caller owns the account or operates for its owner."""
        if caller == self.named.batch:
            return account in self.deferred
        owner = owner_of(account)
        return caller == owner or self.operators[owner, caller]

    def _check_door(self, account: int, amount: int) -> None:
        require(owner_of(account) != 0, ZERO_OWNER)
        require(amount > 0, NOTHING_TO_MOVE)

    def _cash_wad(self, amount: int) -> int:
        require(amount * self.quote_scale <= MAX_CASH, CASH_OUT_OF_BOUNDS)
        return amount * self.quote_scale

    def _spot_wad(self, market: int, amount: int) -> int:
        require(market < MARKETS, UNKNOWN_MARKET)
        decimals = self.spot_decimals[market]
        if decimals is None:
            raise Refused("clearinghouse: no spot market")
        scale: int = 10 ** (18 - decimals)
        require(amount * scale <= MAX_SIZE, SIZE_OUT_OF_BOUNDS)
        return amount * scale

    @act
    def deposit(self, caller: int, account: int, amount: int) -> None:
        """Quote in token units, from anybody, into an account's cash."""
        self._check_door(account, amount)
        wad = self._cash_wad(amount)
        before = self.accrue()
        self.move_tokens(wad)
        self.move_cash(account, wad)
        self.finish(before)

    @act
    def withdraw(self, caller: int, account: int, amount: int) -> int:
        """Quote in token units out of an account's cash, past zero if it can carry that; returns what is paid."""
        self._check_door(account, amount)
        require(caller == self.named.auction or self.is_allowed(account, caller), NOT_ALLOWED)
        wad = self._cash_wad(amount)
        before = self.accrue()
        paid = self.leaving(caller, account, wad)
        require(paid > 0, NOTHING_TO_MOVE)
        require(self.custody.value.held >= paid, "clearinghouse: not enough tokens")
        self.move_tokens(-paid)
        self.add_reserve(wad - paid)
        self.move_cash(account, -wad)
        self.finish(before)
        self._require_withdrawable(account)
        return paid // self.quote_scale

    @act
    def deposit_spot(self, caller: int, account: int, market: int, amount: int) -> None:
        """Spot in token units; a market new to the account only by who is allowed, and not into a breach."""
        self._check_door(account, amount)
        wad = self._spot_wad(market, amount)
        before = self.accrue()
        holdings = self.accounts[account].holdings
        holding = holdings.get(market, NO_HOLDING)
        adds_to: Assessment | None = None
        if not holding.spot:
            require(self.is_allowed(account, caller), NOT_ALLOWED)
            require(market in holdings or len(holdings) < MAX_MARKETS, TOO_MANY_MARKETS)
            if account not in self.deferred and not holding.size and holding.cost <= 0:
                adds_to = self.assess(account)
                margin.require_live(adds_to.state)
                require(not adds_to.in_breach, margin.IN_BREACH)
        after = self.hold(holdings, market, holding._replace(spot=holding.spot + wad))
        self.spot_totals[market] += wad
        self.write(account, 0, after)
        if adds_to is not None and adds_to.mm:
            margin.require_after_addition(adds_to, self.assess(account))
        flags = self.engine.parameters[market].flags
        accepted = not flags & RETIRED if holding.spot else flags & SPOT_ALLOWED
        require(bool(accepted), "clearinghouse: no spot market")
        if not holding.spot:
            self.require_below_cap(market)
        self.finish(before)

    @act
    def withdraw_spot(self, caller: int, account: int, market: int, amount: int) -> None:
        """Spot in token units out of an account that can do without it."""
        self._check_door(account, amount)
        wad = self._spot_wad(market, amount)
        require(self.is_allowed(account, caller), NOT_ALLOWED)
        before = self.accrue()
        holdings = self.accounts[account].holdings
        holding = holdings.get(market, NO_HOLDING)
        require(holding.spot >= wad, "clearinghouse: not enough spot")
        self.spot_totals[market] -= wad
        self.write(account, 0, self.hold(holdings, market, holding._replace(spot=holding.spot - wad)))
        self.finish(before)
        self._require_withdrawable(account)

    def _require_withdrawable(self, account: int) -> None:
        if account in self.deferred and not self.is_paused(EVERYTHING):
            return
        after = self.assess(account)
        require(not after.mm or not self.is_paused(EVERYTHING), PAUSED)
        if account not in self.deferred:
            margin.require_withdrawable(after)

    @act
    def settle(self, market: int, accounts: Sequence[int]) -> None:
        """Move what positions are worth into cash, in the order given; losses only of accounts that are solvent."""
        require(market < MARKETS, UNKNOWN_MARKET)
        before = self.accrue()
        reading = self.engine.price(market)
        margin.require_live(reading.state)
        for account in accounts:
            self.settle_one(market, account, reading)
        self.finish(before)

    @act
    def collect(self) -> None:
        """Move the vault's interest into its cash."""
        vault = self.vault_account
        before = self.accrue()
        custody = self.custody.value
        if custody.reserve:
            self.custody.value = replace(custody, reserve=0)
            self.move_cash(vault, custody.reserve)
        self.finish(before)

    @act
    def approve_operator(self, caller: int, operator: int, allowed: bool) -> None:
        """The caller lets an operator act for all its accounts, or no longer."""
        self.operators[caller, operator] = allowed

    def judged(self, account: int) -> Assessment:
        """An account's assessment as others see it: of one in a batch there is none."""
        self.require_alone(account)
        return self.assess(account)

    def require_initial(self, account: int) -> None:
        """Refuse unless the account meets its initial margin now."""
        if account not in self.deferred:
            margin.require_initial(self.assess(account))

    # The owner's: the contract checks who and what; here the result is taken over.

    @act
    def list_spot(self, market: int, decimals: int) -> None:
        """Give a market its collateral token."""
        self.spot_decimals[market] = decimals

    @act
    def set_venue(self, venue: int, allowed: bool) -> None:
        """Let a venue bring trades, or no longer."""
        self.venues[venue] = allowed

    @act
    def set_settings(self, settings: Settings) -> None:
        """Replace the interest curve and the trading limits; rates follow at once."""
        self.accrue()
        old = self.settings.value
        self.settings.value = replace(settings, paused_until=old.paused_until, paused=old.paused)
        self.set_rates()
