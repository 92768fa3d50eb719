"""What every generator of random operations stands on: a world, its actors, and one seeded source of chance."""

from __future__ import annotations

import random

from tests.model.actors import Actors
from tests.model.chain import number
from tests.model.world import World

QUOTE_SCALE = 10**12


class Walk:
    """A world with actors, made from a seed."""

    world_class: type[World] = World

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.world = self.world_class(self.rng)
        self.actors = Actors(self.world, self.rng)
        self.model = self.world.model

    def act_for(self, account: int, function: str, *args: object, caller: str = "") -> str:
        """An act of the Clearinghouse on an account; what is withdrawn goes to a receiver that the model ignores."""
        caller = caller or self.actors.caller_for(account)
        act = getattr(self.model.clearinghouse, function)
        told = args[:-1] if function.startswith("withdraw") else args
        house = self.world.clearinghouse
        return self.world.both(function, house, function, args, caller, lambda: act(number(caller), *told))

    def vault_act(self, function: str, args: tuple[object, ...], caller: str) -> str:
        """An act of the vault; addresses among the arguments are numbers in the model."""
        act = getattr(self.model.vault, function)
        told = tuple(number(arg) if isinstance(arg, str) else arg for arg in args)
        kind = f"vault_{function}"
        return self.world.both(kind, self.world.vault, function, args, caller, lambda: act(number(caller), *told))

    def trade_act(
        self, market: int, taker: int, maker: int, size: int, price: int, fees: tuple[int, int], caller: str = ""
    ) -> str:
        """A venue's trade, past the Exchange."""
        caller = caller or self.world.venue
        args = (market, taker, maker, size, price, *fees)
        house, act = self.world.clearinghouse, self.model.clearinghouse.trade
        return self.world.both("trade", house, "trade", args, caller, lambda: act(number(caller), *args))
