"""Random standing bids: posted with enough and too little behind them, swept, and taken back."""

from __future__ import annotations

from keeper.model.rounding import ceil_div
from keeper.model.standing import BOND, LACKING, TAKEN, Swept
from tests.model.actors import WAD
from tests.model.auction_flow import AuctionFlow
from tests.model.chain import number
from tests.model.world import MARKETS

EVERYTHING = 2**16 - 1


class StandingFlow(AuctionFlow):
    """What is done with the auction's book of standing bids."""

    def post(self) -> None:
        rng = self.rng
        taker = rng.choice(self.actors.takers) if rng.random() < 0.9 else self.actors.account()
        tick = rng.choice([0, 0, 0, 0, rng.randint(0, 40), rng.randint(0, 100), 101 if rng.random() < 0.2 else 5])
        capacity = rng.choice([30, 500, 4_000, 20_000]) * rng.randint(1, WAD)
        minimum = max(1, rng.choice([1, capacity // 100, capacity // 3, capacity, capacity + (rng.random() < 0.2)]))
        markets = rng.choice(
            [EVERYTHING, EVERYTHING, EVERYTHING, rng.getrandbits(16), 15, 2**17 - 1 if rng.random() < 0.2 else 7]
        )
        interval = rng.choice([20_000, 400_000, 10**6, 2**32 if rng.random() < 0.1 else 10**6])
        iota = self.model.engine.risk.value.iota
        needed = ceil_div(capacity * (10 * iota + interval), 10**5) + BOND
        cash = needed + rng.choice([0, 0, 0, capacity // 10, -1 if rng.random() < 0.3 else 0])
        args = (taker, tick, capacity, minimum, markets, interval, cash)
        caller = self.actors.caller_for(taker)
        act = self.model.auction.post
        self.world.both("post", self.world.auction, "post", args, caller, lambda: act(number(caller), *args))

    def remove(self) -> None:
        count, takers = self.model.auction.count.value, self.model.auction.takers
        there = [one for one in range(1, count + 1) if takers[one]]
        chosen = self.rng.choice(there) if there and self.rng.random() < 0.5 else self.rng.randint(0, count + 1)
        caller = self.actors.caller_for(takers[chosen]) if takers[chosen] else self.actors.anyone()
        act = self.model.auction.remove
        self.world.both("remove", self.world.auction, "remove", (chosen,), caller, lambda: act(number(caller), chosen))

    def sweep(self) -> None:
        rng = self.rng
        sighted = self.actors.sighted()
        account = rng.choice(sighted) if sighted and rng.random() < 0.95 else self.actors.account()
        most = rng.choice([1, 2, 8, 8, 0 if rng.random() < 0.1 else 3])
        caller = self.actors.anyone()
        done: list[Swept] = []
        act = self.model.auction.sweep
        refusal = self.world.both(
            "sweep",
            self.world.auction,
            "sweep",
            (account, most),
            caller,
            lambda: done.extend(act(number(caller), account, most)),
        )
        if not refusal:
            what = {
                "sweep: several bids": sum(one.outcome == TAKEN for one in done) > 1,
                "sweep: bid without margin": any(one.outcome == LACKING for one in done),
                "sweep: bid goes on": any(self.model.auction.book[one.id] for one in done),
                "sweep: bid is full": any(one.outcome == TAKEN and not self.model.auction.book[one.id] for one in done),
            }
            self.world.traits.update(name for name, holds in what.items() if holds)


assert MARKETS > 16, "an account may be in markets that no mask of 16 names"
