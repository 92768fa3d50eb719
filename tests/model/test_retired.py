"""A market given up in mid-walk: contracts and model end its positions alike, and every act goes on round it."""

from __future__ import annotations

from collections import Counter

import pytest

from keeper.model.words import RETIRED
from tests.model.chain import use_own_cache
from tests.model.operations import Operations
from tests.model.revm import fresh_chain
from tests.model.world import MAIN, MARKETS

SEEDS = (61, 62)
BEFORE, AFTER = 900, 250
"""Random operations before the market is retired, and after it is frozen."""
STEP = 12
"""Seconds between updates while it is averaged: less than a price's age, so that each counts whole."""


class GivenUp(Operations):
    """A walk in which one of the busy markets is retired, after a jump that some cannot pay."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.market = self.rng.randrange(MAIN - 1)
        self.seen: Counter[str] = Counter()

    def retire(self) -> None:
        """The owner gives it up, and a jump and an hour of prices pass before anybody freezes it."""
        engine, contract = self.model.engine, self.world.engines.contract
        market, owner = self.market, self.actors.owner
        self.data.true[market] = self.data.true[market] * self.rng.choice([70, 140]) // 100
        self.world.both("retire", contract, "retire", (market,), owner, lambda: engine.retire(market))
        refusal = "risk_engine: not averaged yet"
        while refusal:
            assert refusal == "risk_engine: not averaged yet"
            for _ in range(25):
                self.world.at(self.model.now + STEP)
                self.data.update(everywhere=True)
            self.seen[refusal] += 1
            caller = self.actors.anyone()
            refusal = self.world.both("freeze", contract, "freeze", (market,), caller, lambda: engine.freeze(market))

    def end(self, market: int) -> None:
        """Settle the market's holders a few at a time in random order, and compare in between."""
        model = self.model.clearinghouse
        # Accounts of standing bids among them.
        holders = [account for account in model.accounts if market in model.accounts[account].holdings]
        self.rng.shuffle(holders)
        while holders:
            some, holders = holders[:3], holders[3:]
            caller = self.actors.anyone()
            args = (market, some)
            self.world.both(
                "settle",
                self.world.clearinghouse,
                "settle",
                args,
                caller,
                lambda some=some: model.settle(market, some),
            )
            self.world.compare_all()


@pytest.mark.parametrize("seed", SEEDS)
def test_retired__random_walk_round_it__contracts_equal_the_model_to_the_wei(seed):
    use_own_cache()
    with fresh_chain():
        walk = GivenUp(seed)
        for _ in range(BEFORE):
            walk.step()
        held = len(walk.actors.with_position(walk.market))
        walk.retire()
        assert walk.model.engine.parameters[walk.market].flags & RETIRED
        # Some settle as the walk goes on; then strangers end what is left.
        for _ in range(AFTER):
            walk.step()
        walk.world.compare_all()
        open_ = len(walk.actors.with_position(walk.market))
        walk.data.confirm()
        walk.data.update(everywhere=True)
        walk.end(walk.market)
        assert walk.actors.with_position(walk.market) == []
        left = [holding for holding in walk.world.held_in(walk.market) if not holding.spot or holding.cost]
        walk.seen["claims"] = sum(holding.cost < 0 for holding in left)
        walk.seen["debts"] = sum(holding.cost > 0 for holding in left)
    print(f"seed {seed}: market {walk.market} of {MARKETS}, held by {held}, then {open_}; {dict(walk.seen)}")
    print({reason: count for (reason, _), count in walk.world.reasons.items() if "perp market" in reason})
    assert held > open_ > 1
    assert all(holding.size == 0 for holding in left)
    assert walk.seen["risk_engine: not averaged yet"]
    assert walk.seen["debts"] or walk.seen["claims"]
