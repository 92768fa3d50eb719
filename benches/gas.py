"""
Gas of the protocol's acts on a local anvil, as one JSON object; what it costs once its storage slots are in use.

An auction's accounts are long one perp, or one in each of four buckets for `bid_4_partial`, or in all 16 markets for
`bid_16`; the taker is in those markets too. The quote token stands behind a minimal proxy, a slow feed behind one that
looks it up, and keeps its rounds in a word each, as those in use do. `req_*` is a margin check alone, all storage cold.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ape
from ape.logging import LogLevel, logger

from keeper.model.words import LISTED, PERP_ALLOWED, Parameters, Position
from keeper.publish.reports import Entry
from tests.unit.compiled import contract
from tests.unit.system import (
    BTC,
    DEVIATION,
    ETH,
    HEARTBEAT,
    LINK,
    MARKETS,
    ORACLE,
    PRICES,
    RISK,
    SOL,
    WAD,
    System,
    deploy_core,
    wad,
)

NOBODY = "0x" + "00" * 20
BUCKETS_OF_REST = (3, 4, 5, 6, 3, 4, 5, 6, 0, 1, 2, 7)
"""Buckets of the markets after the first four: two of each bucket in all."""
VICTIMS = range(1, 9)
"""Sub-accounts of one wallet, each long 10 ETH on 1,500 of cash."""
FOUR_LEGS = {ETH: 10, BTC: 0.1, SOL: 20, LINK: 100}
"""What one further sub-account is long, on 2,200 of cash."""
SIXTEEN_LEGS = {ETH: 10, BTC: 0.01, SOL: 1, LINK: 10} | dict.fromkeys(range(4, 16), 50)
"""What the last sub-account is long, on 1,650 of cash."""
PROXY = "3d602d80600a3d3981f3363d3d373d3d3d363d73{}5af43d82803e903d91602b57fd5bf3"
"""EIP-1167: passes each call on to the code at an address."""
BREACH = PRICES | {ETH: 1480}
ANY_NONCE = 2**256 - 1
ANY_MARKET = 2**128 - 1
NO_LIMIT = 2**255 - 1


class Bench:
    """The protocol on a local chain, with its usual accounts in use."""

    def __init__(self, wallets: Any) -> None:
        self.owner, self.maker, self.taker, self.victim = wallets[:4]
        self.system = deploy(self.owner, [wallets[number] for number in range(10, 14)])
        self.meter = self.owner.deploy(contract("testing/GasMeter"))
        self.victims = [self.system.account(self.victim, sub) for sub in VICTIMS]
        self.four_markets = [self.system.account(self.victim, VICTIMS.stop)]
        self.sixteen_markets = [self.system.account(self.victim, VICTIMS.stop + 1)]
        self.populate()

    def populate(self) -> None:
        """Trade, lend, insure and open runs once, so that no slot that acts share is written for the first time."""
        system = self.system
        for wallet in (self.maker, self.taker):
            # Sub-accounts of their own for many markets, so that acts in one market meet accounts in one market.
            for sub in (0, 1, 2):
                system.fund(wallet, 1_000_000, sub=sub)
            system.quote.approve(system.clearinghouse, 2**256 - 1, sender=wallet)
            system.quote.mint(wallet, 10**12, sender=wallet)
        system.fund_account(system.account(system.vault), self.owner, 100_000)
        system.fund(self.owner, 1_000)  # who opens, and is paid into this account
        for sub in VICTIMS:
            system.fund(self.victim, 1_500, sub=sub)
            system.prices()
            system.trade(self.victim, self.maker, ETH, 10, PRICES[ETH], subs=(sub, 0))
        self.build_up(VICTIMS.stop, 2_200, FOUR_LEGS, 1)
        self.build_up(VICTIMS.stop + 1, 1_650, SIXTEEN_LEGS, 2)
        accounts = (self.victims, self.four_markets, self.sixteen_markets)
        for prices in (BREACH, PRICES):
            self.at(prices, rest=True)
            system.auction.open([one for some in accounts for one in some], sender=self.owner)
            if prices is BREACH:
                for some in accounts:
                    self.bid(some, 0.03 if some == self.sixteen_markets else 0.01)
        # The next order takes its slot over from one 256 nonces ago.
        for nonce in (200, 456):
            self.fill(nonce)

    def build_up(self, sub: int, cash: float, legs: dict[int, float], other: int) -> None:
        """Bring a sub-account of the victim's, and the taker's sub-account `other`, into several markets."""
        system = self.system
        system.fund(self.victim, cash, sub=sub)
        for market, size in legs.items():
            self.at(PRICES, rest=True)
            price = PRICES.get(market, 1)
            system.trade(self.victim, self.maker, market, size, price, subs=(sub, other))
            system.trade(self.taker, self.maker, market, 0.1, price, subs=(other, other))

    def at(self, prices: dict[int, float], rest: bool = False) -> Any:
        """Publish prices, those of the markets after the first four only where they are wanted."""
        if rest:
            self.publish_rest()
        return self.system.prices(prices)

    def fill(self, nonce: int) -> Any:
        """The taker takes a quarter of an order of the maker's."""
        system = self.system
        self.at(PRICES)
        order = system.order(system.account(self.maker), ETH, -1, PRICES[ETH], nonce=nonce)
        return system.fill(order, system.sign(order, self.maker), self.taker, 0.25)

    def open(self, accounts: list[int], rest: bool = False) -> Any:
        """Sight accounts which are in breach and have been before."""
        self.at(BREACH, rest)
        return self.system.auction.open(accounts, sender=self.owner)

    def resight(self) -> Any:
        """Sight an account again whose run goes on."""
        self.open(self.victims[:1])
        return self.open(self.victims[:1])

    def bid(self, accounts: list[int], fraction: float) -> Any:
        """Take a fraction of each account, without limits."""
        lots = [(account, wad(fraction), NO_LIMIT, 0, 0, ANY_MARKET, ANY_NONCE) for account in accounts]
        sub = {tuple(self.four_markets): 1, tuple(self.sixteen_markets): 2}.get(tuple(accounts), 0)
        taker = self.system.account(self.taker, sub)
        return self.system.auction.bid(taker, lots, sender=self.taker)

    def bid_partial(self, accounts: list[int]) -> Any:
        """Take a fifth of accounts sighted half a minute ago."""
        rest = accounts == self.sixteen_markets
        self.open(accounts, rest)
        self.system.pass_time(30)
        self.at(BREACH, rest)
        return self.bid(accounts, 0.2)

    def open_and_take(self) -> Any:
        """Sight an account and take as much of it as may be, in one act."""
        self.at(BREACH)
        return self.bid(self.victims[:1], 1)

    def deposit(self) -> Any:
        """Deposit quote into an account in use, the first act of its second: it writes the interest since the last."""
        self.system.pass_time(1)
        return self.system.clearinghouse.deposit(self.system.account(self.taker), 10**6, sender=self.taker)

    def withdraw(self) -> Any:
        """Withdraw quote from an account with a position."""
        self.at(PRICES)
        account = self.system.account(self.taker)
        return self.system.clearinghouse.withdraw(account, 10**6, self.taker, sender=self.taker)

    def requirement(self, count: int) -> int:
        """Gas of `RiskEngine.assess` for so many perps, one in each bucket before a second in any."""
        engine = self.system.risk_engine
        self.at(PRICES)
        self.publish_rest()
        words = [Position(size=WAD, cost=PRICES.get(market, 1) * WAD).pack() for market in range(count)]
        data = engine.assess.encode_input(100_000 * WAD, ((1 << count) - 1) << 64, words)
        return int(self.meter.measure.call(engine, data))

    def publish_rest(self) -> None:
        """Prices of the markets after the first four."""
        self.system.pass_time(ORACLE[0])
        entries = [Entry(market, WAD) for market in range(4, 16)]
        self.system.update(entries, ape.chain.pending_timestamp // ORACLE[0])


def deploy(owner: Any, signers: list[Any]) -> System:
    """The protocol with four markets as in the unit tests, and twelve more for margin checks."""
    token = contract("testing/TestToken")
    tokens = (owner.deploy(token, name, name, decimals) for name, decimals in (("Q", 6), ("E", 18), ("B", 8)))
    quote, eth, btc = (behind_proxy(owner, token, implementation) for implementation in tokens)
    engine = owner.deploy(contract("RiskEngine"), ORACLE, NOBODY, 0)
    engine.set_risk(RISK.pack(), sender=owner)
    core = deploy_core(contract, owner, quote, engine)
    system = System(
        owner=owner,
        signers=signers,
        quote=quote,
        spot_tokens={ETH: eth, BTC: btc},
        feeds={market: slow_feed(owner) for market in MARKETS},
        risk_engine=engine,
        **core._asdict(),
        exchange=owner.deploy(contract("Exchange"), core.clearinghouse, 3, 0),
    )
    system.set_up()
    for bucket in BUCKETS_OF_REST:
        parameters = Parameters(5000, 2500, 1750, bucket=bucket, flags=LISTED | PERP_ALLOWED)
        own = slow_feed(owner)
        own.push(10**8, ape.chain.blocks.head.timestamp, sender=owner)
        engine.add_market(parameters.pack(), own, HEARTBEAT, DEVIATION, sender=owner)
    system.prices()
    return system


def slow_feed(owner: Any) -> Any:
    """A feed behind its proxy."""
    return owner.deploy(contract("testing/FeedProxy"), owner.deploy(contract("testing/PackedFeed"), 8))


def behind_proxy(owner: Any, container: Any, implementation: Any) -> Any:
    """A contract that keeps its own storage and runs the code of another."""
    code = PROXY.format(implementation.address.removeprefix("0x").lower())
    receipt = owner.call(ape.networks.ethereum.create_transaction(data=bytes.fromhex(code)))
    return container.at(receipt.contract_address, fetch_from_explorer=False)


@contextmanager
def undone() -> Iterator[None]:
    """The chain is afterwards as it was before."""
    snapshot = ape.chain.snapshot()
    try:
        yield
    finally:
        ape.chain.restore(snapshot)


def acts_of(bench: Bench) -> dict[str, Callable[[], Any]]:
    """What is measured: each gives the receipt of its last transaction."""
    return {
        "open_1": lambda: bench.open(bench.victims[:1]),
        "open_5": lambda: bench.open(bench.victims[:5]),
        "resight_1": bench.resight,
        "bid_1_partial": lambda: bench.bid_partial(bench.victims[:1]),
        "bid_of_5": lambda: bench.bid_partial(bench.victims[:5]),
        "open_and_take_1": bench.open_and_take,
        "bid_4_partial": lambda: bench.bid_partial(bench.four_markets),
        "bid_16": lambda: bench.bid_partial(bench.sixteen_markets),
        "fill_1": lambda: bench.fill(456),
        "deposit": bench.deposit,
        "withdraw_with_position": bench.withdraw,
        "oracle_update_4x3": lambda: bench.at(PRICES),
    }


def measure(bench: Bench) -> dict[str, int]:
    """Each act from the same state of the chain; differences are named `each_more`."""
    gas: dict[str, int] = {}
    for name, act in acts_of(bench).items():
        with undone():
            gas[name] = act().gas_used
    gas["open_each_more"] = (gas.pop("open_5") - gas["open_1"]) // 4
    gas["bid_each_more"] = (gas.pop("bid_of_5") - gas["bid_1_partial"]) // 4
    for count in (1, 4, 16):
        with undone():
            gas[f"req_{count}"] = bench.requirement(count)
    return gas


@contextmanager
def on_anvil() -> Iterator[Any]:
    """A chain of this bench's own, gone at the end; gives wallets with ether."""
    # Compiler and anvil are this environment's.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    logger.set_level(LogLevel.ERROR)
    # Ape starts the node on a free port, and ends it with the context or, at the latest, with this process.
    with ape.networks.parse_network_choice("ethereum:local:foundry"):
        yield ape.accounts.test_accounts


def main() -> None:
    """Print the figures."""
    with on_anvil() as wallets:
        print(json.dumps(measure(Bench(wallets))))


if __name__ == "__main__":
    main()
