"""Who plays the acts, and what each has before the path begins: money, resting orders, standing bids, a hedge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from vyper.cli.vyper_compile import compile_files

from keeper.model.rounding import ceil_div
from keeper.model.standing import BOND

from ..deployer import ROOT, Deployment
from ..node import Node
from ..opening import Member, Opening, Signed, to_units
from ..population import World, hedged
from ..settings import MARKETS
from ..stage import Stage
from ..wallets import ETHER, Wallet, wallet

WAD = 10**18
NAMES = ("dip buyer", "backstop", "passer-by", "flash bidder", "hedger", "late whale", "late seller")
DESK = "spot desk"
DESK_SOURCE = "contracts/testing/BatchReceiver.vy"
"""A desk that buys spot: it has quote, and a batch hands it the spot before it pays."""

PURSE = {"dip buyer": 2_000_000 * WAD, "backstop": 6_000_000 * WAD}
DESK_PURSE = 5_000_000 * WAD
RUNGS = 40
"""The dip buyer's resting orders on each side of the starting price, 1% apart."""

RUNG_NOTIONAL = 400_000 * WAD
RUNG_MARKET = "eth"
STANDING = ((2, 150_000 * WAD), (4, 300_000 * WAD))
"""The backstop's bids: λ in percent, and the requirement that it would take over for it."""

STANDING_MINIMUM = 20 * WAD
STANDING_INTERVAL = 100_000
HEDGE_NOTIONAL = 200_000.0
HEDGE_HEALTH = 2.0
"""Enough for the hedge, and less than half of what one of its legs alone would need."""

POST_GAS = 1_500_000
DEPLOY_GAS = 2_000_000


@dataclass(frozen=True, slots=True)
class Actors:
    """The wallets by name, the dip buyer's orders, accounts of the standing bids by number, the desk's address, and the
    block at which all was in place.
    """

    wallets: Mapping[str, Wallet]
    ladder: tuple[Signed, ...]
    standing: Mapping[int, int]
    desk: str
    since: int

    @property
    def names(self) -> dict[int, str]:
        """What people call their accounts."""
        wallets = {entry.account: name for name, entry in self.wallets.items()}
        return {**wallets, **{account: f"backstop's bid {number}" for number, account in self.standing.items()}}


def engage(stage: Stage, opening: Opening, world: World, members: Sequence[Member], seed: int) -> Actors:
    """Fund the actors and let them sign, post and trade what they have standing when the path begins."""
    deployment = stage.deployment
    prices = {name: price / WAD for name, price in world.prices.items()}
    wallets = {name: wallet(seed, name, deployment.chain_id) for name in NAMES}
    stage.node.batch([("anvil_setBalance", [entry.address, hex(ETHER)]) for entry in wallets.values()])
    hedger = Member(hedged(world, "hedger", ("eth", ""), HEDGE_NOTIONAL, HEDGE_HEALTH, basis=True), wallets["hedger"])
    makers = [member for member in members if member.book.kind == "maker"]

    stage.perform(prices, (raw for name, cash in PURSE.items() for raw in opening.quote_deposit(wallets[name], cash)))
    stage.perform(prices, _posts(deployment, stage, wallets["backstop"]))
    stage.perform(prices, opening.deposits(hedger))
    stage.perform(prices, opening.trades([*makers, hedger]))
    stage.perform(prices, opening.loans([hedger]))
    desk = _open_desk(stage, prices, wallets["passer-by"])
    ladder = tuple(_ladder(opening, world, wallets["dip buyer"]))
    book = int(deployment.address("Auction"), 16) << 96
    standing = {number: book | number for number in range(1, len(STANDING) + 1)}
    return Actors(wallets, ladder, standing, desk, stage.number)


def _posts(deployment: Deployment, stage: Stage, backstop: Wallet) -> Iterator[str]:
    """Standing bids for any market, each with the cash that covers it whole."""
    risk = stage.observer.mirror.risk
    assert risk is not None
    auction = deployment.contracts["Auction"]
    markets = sum(1 << deployment.markets[name] for name in MARKETS)
    for tick, capacity in STANDING:
        cash = ceil_div(capacity * (10 * risk.iota + STANDING_INTERVAL), 10**5) + BOND
        arguments = [backstop.account, tick, capacity, STANDING_MINIMUM, markets, STANDING_INTERVAL, cash]
        yield backstop.sign(str(auction.address), auction.encode_abi("post", arguments), POST_GAS)


def _ladder(opening: Opening, world: World, buyer: Wallet) -> Iterator[Signed]:
    """Buys below the starting price, sells above it."""
    price = world.prices[RUNG_MARKET]
    size = RUNG_NOTIONAL * WAD // price
    for rung in range(1, RUNGS + 1):
        yield opening.order(buyer, RUNG_MARKET, size, price * (100 - rung) // 100)
        yield opening.order(buyer, RUNG_MARKET, -size, price * (100 + rung) // 100)


def _open_desk(stage: Stage, prices: Mapping[str, float], opener: Wallet) -> str:
    """Deploy the desk and give it quote of its own."""
    deployment = stage.deployment
    house = str(deployment.address("Clearinghouse"))
    (output,) = compile_files([str(ROOT / DESK_SOURCE)], ["bytecode"], paths=[str(ROOT)]).values()
    raw = opener.sign("", output["bytecode"] + house[2:].lower().rjust(64, "0"), DEPLOY_GAS)
    stage.perform(prices, [raw])
    address = _created(stage.node, raw)
    units = to_units(DESK_PURSE, deployment.quote_decimals)
    quote = deployment.quote
    stage.perform(prices, [opener.sign(str(quote.address), quote.encode_abi("mint", [address, units]), POST_GAS)])
    return address


def _created(node: Node, raw: str) -> str:
    receipt: Mapping[str, Any] = node.call("eth_getTransactionReceipt", "0x" + keccak(hexstr=raw).hex())
    return to_checksum_address(receipt["contractAddress"])
