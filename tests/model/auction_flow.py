"""Random sightings and bids, with limits that hold, that just fail and that are nonsense."""

from __future__ import annotations

from dataclasses import astuple, replace

from keeper.model.auction_house import ANY_MARKET, ANY_NONCE, Lot, Taken
from keeper.model.prices import LATE
from tests.model.actors import WAD
from tests.model.chain import number
from tests.model.walk import Walk

NO_COST_LIMIT = 2**255 - 1


class AuctionFlow(Walk):
    """What is done to accounts in breach, and tried on those that are not."""

    def open(self) -> None:
        rng = self.rng
        sighted = self.actors.sighted()
        rng.shuffle(sighted)
        accounts = sighted[:6] + rng.choices(self.actors.all, k=rng.randint(0, 3))
        if self.model.auction.count.value and rng.random() < 0.2:
            accounts.append(self.model.auction.account_of(rng.randint(1, self.model.auction.count.value)))
        running = [account for account, run in self.model.auction.runs.rows.items() if run.start]
        if running and rng.random() < 0.4:
            accounts.append(rng.choice(running))
        caller = self.actors.anyone()
        auction = self.world.auction
        self.world.both(
            "open", auction, "open", (accounts,), caller, lambda: self.model.auction.open(number(caller), accounts)
        )

    def bid(self) -> None:
        rng = self.rng
        sighted = [account for account in self.actors.sighted() if self.actors.assess(account).state != LATE]
        # Young runs cost too much and old ones are what a bidder waits for: the oldest come first, mostly.
        sighted.sort(key=lambda account: self.model.auction.runs[account].start or self.model.now)
        if rng.random() < 0.3:
            rng.shuffle(sighted)
        accounts = sighted[: rng.choice([1, 1, 1, 2, 4])]
        if not accounts or rng.random() < 0.1:
            accounts.append(rng.choice(self.actors.all))
        if rng.random() < 0.02:
            accounts = []
        takers = [account for account in self.actors.takers if account not in accounts]
        taker = rng.choice(takers) if takers and rng.random() < 0.93 else self.actors.account()
        caller = self.actors.caller_for(taker)
        lots = [self._lot(account, caller) for account in accounts]
        taken: list[Taken] = []
        args = (taker, [astuple(lot) for lot in lots])
        bid = self.model.auction.bid
        refusal = self.world.both(
            "bid", self.world.auction, "bid", args, caller, lambda: taken.extend(bid(number(caller), taker, lots)[0])
        )
        if not refusal:
            for one in taken:
                self._count(one, taker)

    def _count(self, taken: Taken, taker: int) -> None:
        quote = taken.quote
        what = {
            "bid: whole account": quote.fraction == WAD,
            "bid: clipped": quote.clipped,
            "bid: insolvent account": quote.equity < 0,
            "bid: vault pays the taker": quote.taker_pays < 0,
            "bid: pays a penalty": quote.penalty_paid > 0,
            "bid: ends the run": quote.ends,
            "bid: run goes on": not quote.ends,
            "bid: share to its opener": taken.opener_gets > 0 and taken.opener != taker,
            "bid: share to the taker": taken.opener_gets > 0 and taken.opener == taker,
            "bid: opener is the account": taken.opener_gets > 0 and taken.opener == taken.lot.account,
        }
        self.world.traits.update(name for name, holds in what.items() if holds)

    def _lot(self, account: int, caller: str) -> Lot:
        rng = self.rng
        fraction = rng.choice([WAD, WAD, WAD, WAD // 2, rng.randint(1, WAD), rng.randint(1, 10**6)])
        quote = self.model.auction.quote(account, fraction, number(caller))
        lot = Lot(account, fraction)
        roll = rng.random()
        if roll < 0.3:
            lot = replace(lot, max_cost=quote.unit_cost, min_release=quote.mm, min_fraction=quote.fraction)
        elif roll < 0.33:
            lot = replace(lot, max_cost=quote.unit_cost - 1)
        elif roll < 0.36:
            lot = replace(lot, min_release=quote.mm + 1)
        elif roll < 0.39:
            lot = replace(lot, min_fraction=quote.fraction + 1)
        if rng.random() < 0.4:
            lot = replace(lot, nonce=quote.run.nonce + (rng.random() < 0.1))
        if rng.random() < 0.3:
            stored = self.model.clearinghouse.accounts[account]
            held = stored.spots | stored.perps
            lot = replace(lot, markets=held if rng.random() < 0.8 else held & ~3)
        if rng.random() < 0.004:
            lot = replace(lot, fraction=rng.choice([0, WAD + 1]))
        return lot

    def slice(self) -> None:
        """Only the auction may slice: a stranger is refused, whatever he says."""
        rng = self.rng
        account, taker = rng.choices(self.actors.all, k=2)
        args = (account, taker, rng.choice([0, WAD // 2, WAD]), rng.randint(-WAD, WAD), 0, taker, 0)
        caller = self.actors.anyone()
        house, act = self.world.clearinghouse, self.model.clearinghouse.slice
        self.world.both("slice", house, "slice", args, caller, lambda: act(number(caller), *args))


assert (Lot(0).max_cost, Lot(0).nonce, Lot(0).markets) == (NO_COST_LIMIT, ANY_NONCE, ANY_MARKET)
