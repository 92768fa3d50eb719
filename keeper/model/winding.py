"""What everybody gets once the protocol is shut down for good (docs/exact.md, 7, Shutdown, and 8, Winding up)."""

from __future__ import annotations

from collections.abc import Sequence

from . import interest
from .auction import SHUT_DOWN
from .auction_house import AuctionHouse
from .clearinghouse import Clearinghouse
from .rounding import WAD, ceil_div
from .state import act, require
from .vault import NO_REQUEST, NOTHING_TO_WITHDRAW, VIRTUAL_SHARES, Vault
from .words import RETIRED

MORE_THAN_ALL = 2**127
"""Loss known after a shutdown, so that no cash leaves."""
MOST_SPOT = 16
SETTLE, CLAIM, LAST = 1_209_600, 1_814_400, 5_184_000
"""Seconds after the shutdown from which losses and debts are taken, claims are paid, and nothing holds them up."""
UNSETTLED = 10**16
SPARE = 10**12


class Winding:
    """Shutdown and what follows it; `pool` is the account that debts are taken into."""

    def __init__(self, house: Clearinghouse, auction: AuctionHouse, vault: Vault) -> None:
        self.journal = house.journal
        self.house = house
        self.auction = auction
        self.vault = vault
        self.pool = vault.account | 1
        self.nothing = vault.account | 2**96 - 1

    @act
    def shut_down(self) -> None:
        """The owner ends the protocol; every market is frozen and no interest runs."""
        require(not self.auction.closed_at.value, SHUT_DOWN)
        self._require_frozen()
        self.auction.closed_at.value = self.house.clock.now
        self.house.change_entries(self.auction.address, MORE_THAN_ALL)

    def _require_frozen(self) -> None:
        parameters = self.house.engine.parameters
        require(all(parameters[market].flags & RETIRED for market in parameters), "vault: market not frozen")
        tokens = sum(self.house.spot_decimals[market] is not None for market in parameters)
        require(tokens <= MOST_SPOT, "vault: too many tokens")
        settings = self.house.settings.value
        require(not (settings.at_kink or settings.at_full), "vault: interest runs")

    @act
    def absorb(self, accounts: Sequence[int]) -> None:
        """Make good what accounts lack, and take what they owe into the pool with as much of what they have."""
        self._require_since(SETTLE)
        house = self.house
        for account in accounts:
            if account == self.pool:
                continue
            equity = house.judged(account).equity
            if equity < 0:
                self._require_bearable(account, SPARE - equity)
                self._move(self.nothing, account, WAD, equity - SPARE, 0)
                equity = house.judged(account).equity
            cash = house.cash_now(account)
            if cash >= 0 or equity < 0 or house.accounts[account].perps:
                continue
            fraction = ceil_div(-cash * WAD, equity - cash)
            pays = equity * fraction // WAD
            self._move(account, self.pool, fraction, pays, pays)

    def _require_bearable(self, account: int, lacks: int) -> None:
        house = self.house
        indices, custody = interest.accrue(
            house.indices.value, house.totals.value, house.custody.value, house.clock.now
        )
        own = house.cash_now(house.vault_account)
        shared = lacks - own - custody.reserve
        lent = house.totals.value.positive * indices.supply // WAD
        others = lent - own - max(0, house.cash_now(account))
        require(shared <= 0 or shared < others, "vault: loss beyond all cash")

    @act
    def claim(self, caller: int, account: int) -> int:
        """An account's share of the pool, and its cash to its owner; returns the units paid out."""
        house = self.house
        require(house.is_allowed(account, caller), "vault: not allowed")
        closed = self._require_since(CLAIM)
        house.collect()
        owned = house.accounts[self.pool].principal
        totals = house.totals.value
        if house.clock.now < closed + LAST:
            self._require_settled(totals.negative, owned)
        require(house.judged(account).mm == 0, "vault: account owes")
        mine = house.accounts[account].principal
        require(mine > 0, "vault: nothing to claim")
        share = mine * WAD // (totals.positive - max(owned, 0))
        pooled = house.cash_now(self.pool)
        if pooled < 0:
            share = min(share, house.cash_now(account) * WAD // -pooled)
        if share:
            self._move(self.pool, account, share, 0, 0)
        amount = house.cash_now(account) // house.quote_scale
        if amount:
            house.withdraw(self.auction.address, account, amount)
        return amount

    def _require_settled(self, debts: int, owned: int) -> None:
        require(debts == max(-owned, 0), "vault: debts are left")
        for market in sorted(self.house.engine.parameters):
            book = self.house.books[market]
            require(book.size == 0, "vault: positions are left")
            require(book.cost >= -UNSETTLED, "vault: profits are left")

    @act
    def leave_in_kind(self, caller: int) -> int:
        """All of the caller's shares for that part of the vault's account; returns the fraction."""
        self._require_since(CLAIM)
        vault = self.vault
        self.house.collect()
        asked, shares = vault.requests[caller].shares, vault.balances[caller]
        fraction = (shares + asked) * WAD // (vault.supply.value + VIRTUAL_SHARES)
        require(fraction > 0, NOTHING_TO_WITHDRAW)
        vault.requests[caller] = NO_REQUEST
        vault.balances[caller] -= shares
        vault.balances[vault.address] -= asked
        vault.supply.value -= shares + asked
        self._move(vault.account, caller << 96, fraction, 0, 0)
        return fraction

    def _require_since(self, seconds: int) -> int:
        closed = self.auction.closed_at.value
        require(closed != 0 and self.house.clock.now >= closed + seconds, "vault: not yet")
        return closed

    def _move(self, account: int, taker: int, fraction: int, pays: int, gets: int) -> None:
        self.house.slice(self.auction.address, account, taker, fraction, pays, gets, taker, 0)
