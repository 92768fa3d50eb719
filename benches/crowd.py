"""A chain with very many leveraged accounts, for benches that watch a real keeper at work on it."""

from __future__ import annotations

import random
import time
from typing import Any

from tests.e2e.anvil import Anvil
from tests.e2e.world import BTC, ETH, PRICES, World

BATCH = 140
"""Accounts that one transaction settles in."""
GAS = 16_000_000
"""Below what a transaction may have since EIP-7825."""
FIRST_OWNER = 0x1000_0000_0000
LEAST, MOST = 230.0, 900.0
"""Quote that an account long one ETH at 2,000 has: the line is near 1,880 for the first, far below for the last."""

CLOSE = 330.0
"""The most with which one price breaches all of them and leaves none insolvent."""


class Crowd:
    """`count` accounts long one ETH at 2,000 each, with cash from a seed; blocks are held afterwards."""

    def __init__(self, node: Anvil, count: int, seed: int = 7, breached: int = 0, most: float = MOST) -> None:
        rng = random.Random(seed)
        self.node = node
        self.world = World(node)
        self.count = count
        world = self.world
        world.prices(PRICES)
        maker = world.fund(world.maker, 900_000_000)
        world.fund(world.taker, 500_000)
        house = world.contracts["Clearinghouse"]
        quote = world.contracts["Quote"]
        seeder = world.deploy("Crowd", "testing/Crowd", house.address, quote.address)
        world.own(house.functions.set_venue(seeder.address, True))
        world.own(quote.functions.mint(seeder.address, 10**12 * 10**6))
        world.prices(PRICES)
        self.cash = [
            (LEAST if place < breached else rng.uniform(LEAST + 5 * (breached > 0), most)) for place in range(count)
        ]
        self.cash.sort()
        for start in range(0, count, BATCH):
            amounts = [round(amount * 10**6) for amount in self.cash[start : start + BATCH]]
            call = seeder.functions.settle_in(FIRST_OWNER + start, amounts, ETH, 10**18, PRICES[ETH] * 10**18, maker)
            sent = call.transact({"from": world.owner.address, "gas": GAS})
            receipt = world.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01, timeout=300)
            assert receipt["status"] == 1, "accounts could not be settled in"
            if start // BATCH % 4 == 0:
                world.prices(PRICES)
        node.hold()
        world.prices({ETH: PRICES[ETH], BTC: PRICES[BTC]})

    def account(self, place: int) -> int:
        """The account of a place in the order of cash."""
        return (FIRST_OWNER + place) << 96

    def line(self, place: int) -> float:
        """About the price at which an account is under the line."""
        return self._line(self.cash[place])

    @staticmethod
    def _line(cash: float) -> float:
        # 1 ETH: cash + P − 2000 + up·P = (R + G share)·P, with the shares of the market's parameters.
        share = (0.046**2 + 0.0047**2) ** 0.5 + 0.014
        return (2_000.0 - cash) / (1.0 - share)


def wait(condition: Any, seconds: float, what: str) -> None:
    """Until a condition holds. RuntimeError where it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.002)
