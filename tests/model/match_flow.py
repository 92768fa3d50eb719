"""Random matches: signed orders that relieve an account in breach, and some that must be skipped."""

from __future__ import annotations

from keeper.model.matching import Match
from keeper.model.rounding import WAD
from tests.model.chain import number
from tests.model.order_flow import OrderFlow
from tests.model.signing import SignedOrder
from tests.model.standing_flow import StandingFlow


class MatchFlow(OrderFlow, StandingFlow):
    """Orders of others for accounts in breach."""

    def match(self) -> None:
        rng, actors = self.rng, self.actors
        sighted = actors.sighted()
        account = rng.choice(sighted) if sighted and rng.random() < 0.95 else actors.account()
        fills = [self._relief(account) for _ in range(rng.choice([1, 1, 2, 4]))]
        if rng.random() < 0.02:
            fills = []
        exchange, caller = self.model.exchange, actors.anyone()
        done: list[Match] = []
        act = self.model.auction.match
        args = (account, self.world.exchange.address, [(*signed.call, amount) for signed, amount in fills])
        told = [(signed.model, amount) for signed, amount in fills]
        refusal = self.world.both(
            "match",
            self.world.auction,
            "match",
            args,
            caller,
            lambda: done.append(act(number(caller), account, exchange, told)),
        )
        if not refusal:
            what = {
                "match: several orders": done[0].fills > 1,
                "match: order skipped": bool(done[0].skipped),
                "match: pays a penalty": done[0].penalty > 0,
                "match: run ends": not self.model.auction.runs[account].start,
            }
            self.world.traits.update(name for name, holds in what.items() if holds)

    def _relief(self, account: int) -> tuple[SignedOrder, int]:
        """An order of a solvent account that takes some of the account's position, at a price round the index."""
        rng, actors = self.rng, self.actors
        holdings = self.model.clearinghouse.accounts[account].holdings
        markets = [market for market, holding in holdings.items() if holding.size]
        market = rng.choice(markets) if markets and rng.random() < 0.95 else actors.market()
        size = actors.reducing(account, market) if markets else actors.affordable(account, market)
        size = size * rng.choice([100, 100, 30, 5]) // 100
        maker = rng.choice(actors.takers) if rng.random() < 0.9 else actors.account()
        # At or better than the index it costs the account nothing; a little worse it may still be within the rule.
        favour = rng.choice([0, 0, 2, 10, -1, -5]) * (1 if size > 0 else -1)
        price = actors.index(market) * (1_000 - favour) // 1_000
        signed = self.make(maker, market, -size, price, account)
        amount = rng.choice([abs(size), abs(size), abs(size) // 2, abs(size) + (rng.random() < 0.2)])
        return signed, amount if rng.random() < 0.97 else rng.choice([0, WAD])
