"""Matching: signed orders relieve an account in breach, within what a slice would cost it (docs/exact.md, 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .auction import BPS_TO_WAD, LEAST, NOT_RELIEVED, known_loss
from .auction_house import NONCES, ended
from .exchange import Exchange, Signed
from .rounding import WAD
from .standing import StandingHouse
from .state import Refused, act, require


@dataclass(frozen=True, slots=True)
class Match:
    """What a match did: how many fills, the requirement released, the penalty, and why other fills were skipped."""

    fills: int
    released: int
    penalty: int
    skipped: tuple[tuple[int, str], ...]


class MatchingHouse(StandingHouse):
    """The auction with all its ways to relieve an account."""

    @act
    def match(self, caller: int, account: int, exchange: Exchange, fills: Sequence[tuple[Signed, int]]) -> Match:
        """Trade signed orders for an account in breach, each within what its relief may cost."""
        require(self.clearinghouse.venues[exchange.address], "auction: not a venue")
        quote = self.quote(account, WAD, caller)
        if quote.reason in NOT_RELIEVED:
            raise Refused(quote.reason)
        run = self.sighting(self.runs[account], caller)
        least = self.clearinghouse.judged(account).floor
        released = penalty = 0
        skipped: list[tuple[int, str]] = []
        for place, (signed, amount) in enumerate(fills):
            try:
                more, fine = self._fill(account, exchange, signed, amount, quote.lambda_account, quote.penalty)
            except Refused as refused:
                skipped.append((place, refused.reason))
                continue
            released += more
            penalty += fine
        require(len(skipped) < len(fills), "auction: nothing matched")
        after = self.clearinghouse.judged(account)
        # Less would be worth nobody's while but who wants to move the nonce.
        require(after.equity >= after.mm or released >= least // LEAST, "auction: nothing matched")
        run = replace(run, nonce=(run.nonce + 1) % NONCES)
        known = known_loss(after) if after.sighted else 0
        self.enter(account, ended(run) if after.equity >= after.mm else run, known)
        return Match(len(fills) - len(skipped), released, penalty, tuple(skipped))

    @act
    def _fill(
        self, account: int, exchange: Exchange, signed: Signed, amount: int, cost_rate: int, penalty_rate: int
    ) -> tuple[int, int]:
        order = signed.order
        require(order.account != account, "auction: taker is the account")
        fee = exchange.book(self.address, signed, account, amount)
        size = -amount if order.size > 0 else amount
        target = self.terms.value.target * BPS_TO_WAD
        return self.clearinghouse.relieve(
            self.address, order.market, account, order.account, size, order.price, fee, cost_rate, penalty_rate, target
        )
