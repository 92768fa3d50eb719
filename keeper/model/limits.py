"""The vault's account, losses known before they fall, caps, pauses and deferral (docs/exact.md, 5)."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from .ledger import Ledger
from .risk_engine import RiskEngine
from .rounding import WAD, ceil_div
from .state import Cell, Journal, act, require
from .words import Settings

NOT_THE_AUCTION = "clearinghouse: not the auction"
NOT_THE_GUARDIAN = "clearinghouse: not the guardian"
PAUSED = "clearinghouse: paused"
EVERYTHING = 2**64 - 1
PAUSE = 172_800
COOLDOWN = 432_000
TARGET_UNIT = 1_000 * WAD


class Named(NamedTuple):
    """Addresses of the contracts that the Clearinghouse names for good."""

    auction: int
    vault: int
    batch: int


class Limits(Ledger):
    """What bounds acts beside margin. `deferred`: accounts in a batch; `positive_before`: principal lent before it."""

    def __init__(
        self, journal: Journal, engine: RiskEngine, settings: Settings, quote_decimals: int, named: Named
    ) -> None:
        super().__init__(journal, engine, settings, quote_decimals)
        self.named = named
        self.entries = Cell[int](journal, "entries", 0)
        self.guardian = Cell[int](journal, "guardian", 0)
        self.deferred: set[int] = set()
        self.positive_before: int | None = None

    @property
    def vault_account(self) -> int:
        """The insurance vault's own account."""
        return self.named.vault << 96

    def vault_cash(self) -> int:
        """Cash of the vault's account at the stored indices."""
        return self.worth(self.accounts[self.vault_account].principal)

    def add_reserve(self, change: int) -> None:
        """What is the vault's and not yet in its account."""
        custody = self.custody.value
        self.custody.value = replace(custody, reserve=custody.reserve + change)

    def require_alone(self, account: int) -> None:
        """Refuse an account that is in a batch."""
        require(account not in self.deferred, "clearinghouse: in a batch")

    # Losses

    @act
    def change_entries(self, caller: int, delta: int) -> None:
        """The auction knows of `delta` more to be lost."""
        require(caller == self.named.auction, NOT_THE_AUCTION)
        self.entries.value += delta

    def exit_rate(self) -> int:
        """What one of cash that leaves is worth, at the stored indices; below 1 while known losses exceed the vault."""
        vault = self.vault_cash()
        short = max(0, self.entries.value - vault - self.custody.value.reserve)
        positive = self.totals.value.positive
        if self.positive_before is not None:
            # What a batch made of cash against debt bears no loss.
            positive = min(positive, self.positive_before)
        others = positive * self.indices.value.supply // WAD - vault
        if short == 0:
            return WAD
        return 0 if short >= others else WAD - ceil_div(short * WAD, others)

    def leaving(self, caller: int, account: int, amount: int) -> int:
        """What is paid (WAD, whole token units) where `amount` of cash is taken: owned or borrowed, at the rate."""
        whole = account == self.vault_account or caller == self.named.auction
        rate = WAD if whole else self.exit_rate()
        return amount * rate // WAD // self.quote_scale * self.quote_scale

    # Caps

    def require_below_cap(self, market: int) -> None:
        """Refuse a market in which more is open than its cap, which counts as far as the vault is filled."""
        whole = self.engine.parameters[market].cap
        if not whole:
            return
        units = self.spot_totals[market] + ceil_div(self.books[market].size, 2)
        cap, target = whole * WAD, self.settings.value.target * TARGET_UNIT
        if target:
            cap = cap * min(WAD, (self.vault_cash() + self.custody.value.reserve) * WAD // target) // WAD
        require(units * self.engine.price(market).index // WAD <= cap, "clearinghouse: above the cap")

    # Pauses

    def is_paused(self, markets: int) -> bool:
        """A pause is on that counts for all of these markets."""
        settings = self.settings.value
        return settings.paused_until > self.clock.now and settings.paused & markets == markets

    @act
    def pause(self, caller: int, markets: int) -> None:
        """The guardian stops what adds risk in a map of markets, for two days."""
        require(caller == self.guardian.value, NOT_THE_GUARDIAN)
        require(0 < markets <= EVERYTHING, "clearinghouse: nothing to pause")
        settings, now = self.settings.value, self.clock.now
        require(now >= settings.paused_until + COOLDOWN, "clearinghouse: paused lately")
        self.settings.value = replace(settings, paused_until=now + PAUSE, paused=markets)

    @act
    def unpause(self, caller: int, owner: int) -> None:
        """Guardian or owner ends a pause."""
        require(caller in (self.guardian.value, owner), NOT_THE_GUARDIAN)
        if self.settings.value.paused_until > self.clock.now:
            self.settings.value = replace(self.settings.value, paused_until=self.clock.now)

    @act
    def set_guardian(self, guardian: int) -> None:
        """Name who may pause."""
        self.guardian.value = guardian
