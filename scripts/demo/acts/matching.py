"""A match: an account in breach is relieved by an order that has rested since before the path began."""

from __future__ import annotations

from typing import NamedTuple

from keeper.model.requirement import Assessment

from ..mirror import Account
from ..observer import health
from ..opening import Signed, fields_of
from .cast import RUNG_MARKET
from .ground import WAD, Act

HEADROOM = 1_000
"""An order is used whose price is better than the market's by a thousandth: the next block's price is not known."""

PART = 80
"""Percent of what would land on the target: a match may not end above it."""

LEAST_HEALTH = 0.3
MATCH_GAS = 2_000_000


class _Deal(NamedTuple):
    account: int
    order: Signed
    amount: int
    before: float


class Match(Act):
    """Anybody carries a resting order to an account in breach; here a relayer does."""

    name = "match"
    who = "dip buyer"

    _deal: _Deal | None = None

    def transactions(self) -> list[str]:
        """Try the largest account that a resting order suits."""
        self._deal = None
        if self.block is not None:
            return []
        found = [
            (assessment.mm, deal)
            for account, book, assessment in self.ground.breached()
            if (deal := self._suited(account, book, assessment))
        ]
        if not found:
            return []
        _, self._deal = max(found)
        deal, auction = self._deal, self.ground.contract("Auction")
        order, signature = deal.order
        fills = [(fields_of(order), signature, deal.amount)]
        arguments = [deal.account, self.ground.stage.deployment.address("Exchange"), fills]
        return [self.ground.opening.relay(auction, "match", arguments, MATCH_GAS)]

    def _suited(self, account: int, book: Account, assessment: Assessment) -> _Deal | None:
        """The order nearest to the market among those that cost the account nothing, for one with one position."""
        number = self.ground.stage.deployment.markets[RUNG_MARKET]
        holding = book.holdings.get(number)
        before = health(assessment)
        if len(book.holdings) != 1 or holding is None or holding.spot or not holding.size or before is None:
            return None
        fraction = self.ground.quote(account, assessment).fraction_max * PART // 100
        if before < LEAST_HEALTH or assessment.mm * (WAD - fraction) // WAD < 2 * assessment.floor:
            return None
        mark, side = self.ground.moment().market(number)[0].mark, 1 if holding.size > 0 else -1
        least = mark + side * mark // HEADROOM
        suited = [
            signed
            for signed in self.ground.actors.ladder
            if signed[0].size * side > 0 and (signed[0].price - least) * side >= 0
        ]
        amount = abs(holding.size) * fraction // WAD
        if not suited or amount > abs(suited[0][0].size):
            return None
        return _Deal(account, min(suited, key=lambda signed: signed[0].price * side), amount, before)

    def look(self) -> None:
        """The account that was tried, and how it stands."""
        for event in self.ground.events("Matched"):
            if self._deal is None or self.block is not None or event.args["account"] != self._deal.account:
                continue
            order, ground = self._deal.order[0], self.ground
            after = health(ground.stage.observer.assessments[self._deal.account])
            self.happened(
                f"{self.called(self._deal.account)} meets an order to {'buy' if order.size > 0 else 'sell'} at "
                f"{order.price / WAD:,.2f} signed {ground.stage.number - ground.actors.since} blocks ago, for "
                f"{self._deal.amount / WAD:,.4f} {RUNG_MARKET}: {event.args['released'] / WAD:,.2f} of requirement "
                f"released, penalty {event.args['penalty'] / WAD:,.2f}, h {self._deal.before:.3f} -> {_shown(after)}"
            )


def _shown(ratio: float | None) -> str:
    return "no debt" if ratio is None else f"{ratio:.3f}"
