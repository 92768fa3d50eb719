"""Random batches, pauses and limits: several acts at once, some that must fail alone and pass together."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any

from eth_abi.abi import encode

from keeper.model.auction_house import Lot
from keeper.model.batch import Step
from keeper.model.rounding import WAD
from tests.model.chain import NOBODY, number
from tests.model.order_flow import OrderFlow
from tests.model.walk import QUOTE_SCALE
from tests.model.world import MARKETS, SPOT_DECIMALS

EVERYTHING = 2**64 - 1
MOST = 10**40
"""Of a token: beyond every bound of the protocol, and what a wallet has many times of."""
Told = tuple[Step, tuple[Any, ...]]
"""A step as the model takes it, and as the contract does."""


class BatchFlow(OrderFlow):
    """Batches of a wallet over its accounts, and what the guardian and the owner may limit."""

    def batch(self) -> None:
        rng, actors = self.rng, self.actors
        first = actors.account()
        caller = actors.caller_for(first)
        own = [account for account in actors.all if account >> 96 == first >> 96]
        accounts = [first, *rng.sample(own, k=min(len(own), rng.choice([0, 0, 1, 2])))][:4]
        if rng.random() < 0.9:
            accounts = list(dict.fromkeys(accounts))
        steps = self._unwound(first) if rng.random() < 0.3 else []
        steps += [self._step(rng.choice(accounts)) for _ in range(rng.choice([0, 1, 1, 2, 3]))]
        act = self.model.batch.batch
        args = (accounts, [told for _, told in steps])
        modelled = [step for step, _ in steps]
        refusal = self.world.both(
            "batch", self.world.batch, "batch", args, caller, lambda: act(number(caller), accounts, modelled)
        )
        if not refusal and len(steps) > 1:
            self.world.traits["batch: several steps"] += 1

    def _unwound(self, account: int) -> list[Told]:
        """Spot out and a perp closed: one leg alone may want margin that both together do not."""
        holdings = self.model.clearinghouse.accounts[account].holdings
        spots = [market for market, holding in holdings.items() if holding.spot]
        perps = [market for market, holding in holdings.items() if holding.size]
        steps = [self._spot(4, account, market) for market in spots[:1]]
        return steps + [self._fill(account, market) for market in perps[:1]]

    def _step(self, account: int) -> Told:
        rng = self.rng
        kind = rng.choice([1, 1, 2, 2, 2, 3, 4, 5, 6, 6, 7])
        if rng.random() < 0.02:
            kind = rng.choice([0, 9])
            return Step(kind), (kind, NOBODY, 0, 0, 0, b"")
        if rng.random() < 0.03:
            account = self.actors.account()
        if kind in (1, 2):
            amount = min(MOST, self.actors.units(rng.choice([1, 50, 3_000]) * rng.randint(1, WAD), QUOTE_SCALE))
            return Step(kind, account, 0, amount), (kind, self.actors.anyone(), account, 0, amount, b"")
        if kind in (3, 4):
            return self._spot(kind, account, rng.choice([*SPOT_DECIMALS]))
        if kind == 5:
            market = self.actors.market()
            accounts = (self.actors.with_position(market) if market < MARKETS else [])[:3]
            data = encode(["uint256", "uint256[]"], [market, accounts])
            return Step(5, market=market, data=accounts), (5, NOBODY, 0, 0, 0, data)
        return self._fill(account, self.actors.market()) if kind == 6 else self._bid(account)

    def _spot(self, kind: int, account: int, market: int) -> Told:
        scale = 10 ** (18 - SPOT_DECIMALS[market])
        held = self.actors.holding(account, market).spot
        wanted = held * self.rng.choice([10, 50, 100]) // 100 if kind == 4 else 500 * WAD * WAD
        amount = min(MOST, self.actors.units(wanted if kind == 4 else wanted // self.actors.index(market), scale))
        return Step(kind, account, market, amount), (kind, self.actors.anyone(), account, market, amount, b"")

    def _fill(self, account: int, market: int) -> Told:
        reducing = self.actors.holding(account, market).size != 0 and self.rng.random() < 0.8
        size = self.actors.reducing(account, market) if reducing else self.actors.affordable(account, market)
        signed = self.make(self.rng.choice(self.actors.takers), market, -size, self.actors.near(market), account)
        amount = abs(size)
        exchange = self.world.exchange
        data = exchange.fill.prepare_calldata(*signed.call, account, amount, 100)
        return Step(6, data=(signed.model, account, amount, 100)), (6, exchange.address, 0, 0, 0, data)

    def _bid(self, account: int) -> Told:
        sighted = self.actors.sighted()
        victim = self.rng.choice(sighted) if sighted else self.actors.account()
        lot = Lot(victim, self.rng.choice([WAD, WAD // 3]))
        data = self.world.auction.bid.prepare_calldata(account, [astuple(lot)])
        return Step(7, data=(account, [lot])), (7, NOBODY, 0, 0, 0, data)

    def limit(self) -> None:
        """The guardian pauses or ends a pause, the owner names it or says how full the vault must be."""
        rng, house, model = self.rng, self.world.clearinghouse, self.model.clearinghouse
        owner = self.actors.owner
        guardian = self.actors.wallets[0]
        caller = rng.choice([guardian, guardian, owner, self.actors.anyone()])
        what = rng.choice(["pause", "unpause", "unpause", "settings"])
        if number(guardian) != model.guardian.value:
            act = model.set_guardian
            self.world.both("limit", house, "set_guardian", (guardian,), owner, lambda: act(number(guardian)))
        elif what == "settings":
            settings = replace(model.settings.value, target=rng.choice([0, 100, 300, 1_000]), paused_until=0, paused=0)
            self.world.both(
                "limit", house, "set_settings", (settings.pack(),), owner, lambda: model.set_settings(settings)
            )
        elif what == "pause":
            markets = rng.choice([EVERYTHING, 0b10, 0b111, 0, EVERYTHING + 1])
            self.world.both("limit", house, "pause", (markets,), caller, lambda: model.pause(number(caller), markets))
        else:
            self.world.both("limit", house, "unpause", (), caller, lambda: model.unpause(number(caller), number(owner)))
