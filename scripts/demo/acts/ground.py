"""What an act sees of the chain, and how it tells what came of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from web3.contract import Contract

from keeper.model.auction import Quote, bid_quote
from keeper.model.requirement import Assessment
from keeper.model.words import Run

from ..events import Event
from ..mirror import Account, Mirror, Moment
from ..node import NodeError
from ..opening import Opening
from ..path import PricePath
from ..settings import BLOCK_SECONDS
from ..stage import Stage
from ..wallets import Wallet
from .cast import Actors

WAD = 10**18
ANY = 2**256 - 1


@dataclass(slots=True)
class Ground:
    """The chain, who acts, and whether the keeper is down; `population` are the accounts that others may relieve."""

    stage: Stage
    path: PricePath
    opening: Opening
    actors: Actors
    names: Mapping[int, str]
    population: frozenset[int]
    members: Mapping[str, Wallet]
    step: int = 0
    down: bool = False

    @property
    def mirror(self) -> Mirror:
        """The state as the events tell it."""
        return self.stage.observer.mirror

    @property
    def next_time(self) -> int:
        """The timestamp of the block that is mined next."""
        return self.stage.timestamp + BLOCK_SECONDS

    def moment(self) -> Moment:
        """The state at the last block's second."""
        return Moment(self.mirror, self.stage.timestamp)

    def contract(self, name: str) -> Contract:
        """One of the protocol's."""
        return self.stage.deployment.contracts[name]

    def events(self, name: str) -> list[Event]:
        """Those of the last block that are called so."""
        return [event for event in self.stage.events if event.name == name]

    def breached(self) -> Iterator[tuple[int, Account, Assessment]]:
        """The population's accounts that anybody may relieve, at prices that are live."""
        for account, assessment in self.stage.observer.assessments.items():
            if account in self.population and assessment.sighted and assessment.state == 0:
                yield account, self.mirror.accounts[account], assessment

    def quote(self, account: int, assessment: Assessment, fraction: int = WAD, tick: int | None = None) -> Quote:
        """What a slice would be in the next block if prices stayed as they are, and the vault paid nothing of λ."""
        mirror = self.mirror
        assert mirror.terms is not None
        run = mirror.runs.get(account, Run())
        curve = mirror.curves[run.curve if mirror.sighted(account, self.next_time) else max(mirror.curves)]
        return bid_quote(assessment, run, curve, mirror.terms, self.next_time, fraction, 0, tick)

    def refusal(self, wallet: Wallet, to: Contract, data: str, gas: int) -> str:
        """Why the chain refuses a transaction just now; "" if it does not."""
        request = {"from": wallet.address, "to": str(to.address), "data": data, "gas": hex(gas)}
        try:
            self.stage.node.call("eth_call", request, "latest")
        except NodeError as error:
            return str(error).rpartition("reverted: ")[2]
        return ""

    def number(self, contract: Contract, method: str, *arguments: Any) -> int:
        """What a view says that returns one number."""
        data = contract.encode_abi(method, list(arguments))
        return int(self.stage.node.call("eth_call", {"to": str(contract.address), "data": data}, "latest"), 16)

    def purse(self, wallet: Wallet) -> float:
        """Quote tokens in a wallet."""
        deployment = self.stage.deployment
        return self.number(deployment.quote, "balanceOf", wallet.address) / 10**deployment.quote_decimals


@dataclass(frozen=True, slots=True)
class Told:
    """An act for the report: `block` is None while it has not happened."""

    name: str
    who: str
    block: int | None
    what: str


class Act(ABC):
    """Something that a wallet does once, when the chain gives it cause."""

    name: ClassVar[str]
    who: ClassVar[str]
    missing: ClassVar[str] = "these prices gave no cause for it"

    def __init__(self, ground: Ground) -> None:
        """Nothing has happened yet."""
        self.ground = ground
        self.block: int | None = None
        self.what = ""

    @abstractmethod
    def transactions(self) -> list[str]:
        """What is sent for the block to come."""

    @abstractmethod
    def look(self) -> None:
        """See what the last block brought."""

    def happened(self, what: str) -> None:
        """It is done; `what` says it in figures."""
        self.block, self.what = self.ground.stage.number, what

    @property
    def told(self) -> Told:
        """The act as it stands."""
        return Told(self.name, self.who, self.block, self.what or self.missing)

    def called(self, account: int) -> str:
        """What people call an account."""
        return self.ground.names.get(account, hex(account))
