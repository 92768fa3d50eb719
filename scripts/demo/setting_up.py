"""From nothing to a protocol with its population: node, contracts, prices, deposits, trades and loans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from web3 import Web3

from keeper.model.prices import Oracle

from .acts.cast import Actors, engage
from .deployer import DeployError, Deployment, deploy, read_deployment
from .feeds import Feeds, quoted
from .mirror import Mirror
from .node import Node
from .observer import Observer
from .opening import Member, Opening
from .path import PricePath
from .population import World, plan
from .settings import BLOCK_SECONDS, MARKETS, Settings
from .stage import Stage, decoder_of
from .wallets import ETHER, Wallet, signer_keys, wallet

WAD = 10**18
VAULT_DEPOSIT = 250_000 * WAD
"""Ten times what the built-in crash costs it, and less than its second gap does."""

KEEPER_DEPOSIT = 12_000_000 * WAD
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part: the population, the keeper's wallet, and who plays the acts; without a keeper nobody does."""

    members: list[Member]
    keeper: Wallet
    opening: Opening
    actors: Actors | None = None

    @property
    def names(self) -> dict[int, str]:
        """What people call each account."""
        names = {**{m.wallet.account: m.book.name for m in self.members}, self.keeper.account: "keeper"}
        return {**names, **(self.actors.names if self.actors else {})}

    @property
    def kinds(self) -> dict[int, str]:
        """Each account's kind, the keeper's own left out."""
        return {member.wallet.account: member.book.kind for member in self.members}


def prices_at(path: PricePath, step: int) -> dict[str, float]:
    """The path's prices of one block, by market."""
    return dict(zip(MARKETS, path.prices[step].tolist(), strict=True))


def _view(node: Node, contract: Any, method: str) -> Any:
    """What a view without arguments returns."""
    data = contract.encode_abi(method)
    raw = node.call("eth_call", {"to": contract.address, "data": data}, "latest")
    function = contract.get_function_by_name(method)
    types = [_type_of(item) for item in function.abi["outputs"]]
    return Web3().codec.decode(types, bytes.fromhex(raw[2:]))[0]


def _type_of(item: Mapping[str, Any]) -> str:
    if item["type"].startswith("tuple"):
        inner = ",".join(_type_of(part) for part in item["components"])
        return f"({inner}){item['type'][5:]}"
    return str(item["type"])


def _signing_keys(node: Node, deployment: Deployment) -> list[bytes]:
    """As many keys as a round needs, of the signers that the deployment's parameters name."""
    engine = deployment.contracts["RiskEngine"]
    known = {address.lower(): key for address, key in signer_keys().items()}
    keys = [known[signer.lower()] for signer in _view(node, engine, "signers") if signer.lower() in known]
    threshold = int(_view(node, engine, "threshold"))
    if len(keys) < threshold:
        raise DeployError(
            f"{deployment.file}: the demo has {len(keys)} of the signers' keys, a round needs {threshold}"
        )
    return keys[:threshold]


def build_stage(node: Node, seed: int, output: Path) -> Stage:
    """Deploy, and be ready to mine the first block with prices."""
    deployment = read_deployment(deploy(node.url, output))
    node.hold_blocks()
    publisher = wallet(seed, "publisher", deployment.chain_id)
    _fund(node, [publisher])
    oracle = Oracle(*_view(node, deployment.contracts["RiskEngine"], "oracle"))
    if oracle.round_seconds != BLOCK_SECONDS:
        raise DeployError(
            f"{deployment.file}: rounds of {oracle.round_seconds} s, the demo's blocks take {BLOCK_SECONDS}"
        )
    vault = int(deployment.address("InsuranceVault"), 16) << 96
    latest = int(node.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    stage = Stage(
        node=node,
        deployment=deployment,
        feeds=Feeds(deployment, publisher, _signing_keys(node, deployment)),
        observer=Observer(Mirror(oracle), vault),
        decoder=decoder_of(deployment),
        timestamp=latest + BLOCK_SECONDS - latest % BLOCK_SECONDS,
    )
    stage.catch_up()
    return stage


def _fund(node: Node, wallets: list[Wallet]) -> None:
    node.batch([("anvil_setBalance", [entry.address, hex(ETHER)]) for entry in wallets])


def populate(stage: Stage, path: PricePath, settings: Settings, say: Say) -> Cast:
    """Fund the vault and the keeper, bring the accounts in, and start to watch them."""
    deployment, mirror = stage.deployment, stage.observer.mirror
    prices = prices_at(path, 0)
    stage.advance(prices)
    stage.advance(prices)
    assert mirror.risk is not None
    world = World(
        {name: quoted(price) for name, price in prices.items()},
        {name: mirror.parameters[deployment.markets[name]] for name in MARKETS},
        mirror.risk,
    )
    books = plan(world, settings.accounts, settings.seed)
    members = [Member(book, wallet(settings.seed, book.name, deployment.chain_id)) for book in books]
    others = {name: wallet(settings.seed, name, deployment.chain_id) for name in ("relayer", "insurer", "keeper")}
    _fund(stage.node, [*(member.wallet for member in members), *others.values()])

    opening = Opening(deployment, world, others["relayer"])
    say(f"funding the vault, {len(members)} accounts and the keeper")
    stage.perform(prices, opening.vault_deposit(others["insurer"], VAULT_DEPOSIT))
    stage.perform(prices, opening.quote_deposit(others["keeper"], KEEPER_DEPOSIT))
    stage.perform(prices, (raw for member in members for raw in opening.deposits(member)))
    say("crossing their signed orders, paying out their loans")
    stage.perform(prices, opening.trades(members))
    stage.perform(prices, opening.loans(members))
    actors = None
    if settings.keeper:
        say("bringing in who plays the acts: orders, standing bids and a hedge")
        actors = engage(stage, opening, world, members, settings.seed)
    stage.observer.watched = True
    return Cast(members, others["keeper"], opening, actors)
