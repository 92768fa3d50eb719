"""Several acts of one caller, tested together at their end (docs/exact.md, 5, Batch)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .auction_house import AuctionHouse
from .clearinghouse import Clearinghouse, owner_of
from .exchange import Exchange
from .ledger import Account
from .limits import EVERYTHING
from .prices import LATE, LIVE
from .requirement import Assessment, Holding
from .rounding import WAD
from .state import Refused, act, require


@dataclass(frozen=True, slots=True)
class Step:
    """One act; `data` is what the kind wants: settle's accounts, arguments of a fill or a bid, or what is called."""

    kind: int
    account: int = 0
    market: int = 0
    amount: int = 0
    data: Any = ()


class Batch:
    """Acts for accounts of its caller while their own tests wait."""

    def __init__(self, house: Clearinghouse, exchange: Exchange, auction: AuctionHouse) -> None:
        self.journal = house.journal
        self.house = house
        self.exchange = exchange
        self.auction = auction

    @act
    def batch(self, caller: int, accounts: Sequence[int], steps: Sequence[Step]) -> None:
        """Do the steps in order, then test each account."""
        house = self.house
        before: dict[int, tuple[int, Mapping[int, Holding]]] = {}
        house.positive_before = house.totals.value.positive
        try:
            for account in accounts:
                require(house.is_allowed(account, caller) and owner_of(account) != 0, "batch: not allowed")
                require(account not in before, "batch: account twice")
                before[account] = house.cash_now(account), house.accounts[account].holdings
                house.deferred.add(account)
            for step in steps:
                self._do(caller, step, accounts)
        finally:
            house.deferred.clear()
            house.positive_before = None
        for account, book in before.items():
            added = house.accounts[account].markets & ~Account(0, book[1]).markets != 0
            # At the prices of the end, which a step may have brought.
            require_after_batch(house.engine.assess(*book), house.assess(account), house.is_paused(EVERYTHING), added)

    def _do(self, caller: int, step: Step, accounts: Sequence[int]) -> None:
        house, me = self.house, self.house.named.batch
        kinds: dict[int, Callable[[], Any]] = {
            1: lambda: house.deposit(me, step.account, step.amount),
            2: lambda: house.withdraw(me, step.account, step.amount),
            3: lambda: house.deposit_spot(me, step.account, step.market, step.amount),
            4: lambda: house.withdraw_spot(me, step.account, step.market, step.amount),
            5: lambda: house.settle(step.market, step.data),
            6: lambda: self._fill(step.data),
            7: lambda: self.auction.bid(me, *step.data),
            8: lambda: step.data(caller),
        }
        require(step.kind in kinds, "batch: unknown step")
        require(step.kind not in (2, 4) or step.account in accounts, "batch: account not named")
        kinds[step.kind]()

    def _fill(self, arguments: Sequence[Any]) -> None:
        try:
            self.exchange.fill(self.house.named.batch, *arguments)
        except Refused:
            return  # left out, with an event


def require_after_batch(before: Assessment, after: Assessment, paused: bool, added: bool) -> None:
    """Initial margin with unsettled profit counted as nothing, or relief in both counts; paused: relief alone. Relief
    adds no market to an account in breach."""
    require(after.state != LATE, "batch: price is late")
    require(after.state == LIVE, "batch: market is dead")
    net = after.equity - after.claims
    if after.mm == 0 or (net >= after.im + after.down and not paused):
        return
    relief = before.mm > after.mm and before.im >= after.im and after.equity >= 0
    require(before.state == LIVE and relief, "batch: below initial margin")
    net_before = before.equity - before.claims
    # Settling in the batch turns claims into cash: neither may fall by more than the health without claims allows.
    most = min(max(net_before, 0) * WAD // before.mm, WAD) * (before.mm - after.mm)
    lost = max(net_before - net, before.equity - after.equity)
    require(lost * WAD <= most, "batch: below initial margin")
    require(before.equity >= before.mm or not added, "batch: in breach")
