"""One connected network, one sender, one deployment file: how contracts are reached, deployed and written to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ape.api import AccountAPI, ProviderAPI
from ape.contracts import ContractContainer, ContractInstance
from ape.exceptions import ContractLogicError, TransactionError
from ape.utils import ManagerAccessMixin
from ethpm_types import ContractType

from scripts._deployment.addresses import addresses_after
from scripts._deployment.council import Council
from scripts._deployment.record import DeployedContract, Record, code_hash
from scripts._deployment.refusal import Refused

Loader = Callable[[str], ContractContainer]
"""Gives a contract by its name, as compiled from the sources of now."""


@dataclass
class Session(ManagerAccessMixin):
    """What the steps of a deployment share. `done` says in words what was changed, in order.

    With a council, what would be sent to contracts is collected there instead, for it to propose.
    """

    load: Loader
    account: AccountAPI
    record: Record
    path: Path
    done: list[str] = field(default_factory=list)
    council: Council | None = None

    @property
    def connected(self) -> ProviderAPI:
        """The network."""
        return self.provider

    def contract(self, name: str) -> ContractInstance:
        """A contract of the record, by the ABI it was deployed with."""
        deployed = self.record.contracts[name]
        # Not through Ape's cache of contracts, which copies all it compiled at each look.
        return ContractInstance(
            deployed.address, ContractType.model_validate({"contractName": name, "abi": deployed.abi})
        )

    def addresses_to_come(self, count: int) -> list[str]:
        """Where the next contracts of the account will be."""
        return addresses_after(self.account.address, self.account.nonce, count)

    def deploy(self, name: str, *arguments: Any, testing: str | None = None, at: str | None = None) -> str:
        """Deploy a contract unless the record has it, write the record, and return the address.

        `testing` names one of many of a kind, that is there for tests; `at` is where others say that it is.
        """
        part = self.record.contracts if testing is None else self.record.testing
        key = testing or name
        if key in part:
            return part[key].address
        instance = self._attempt(name, lambda: self.account.deploy(self.load(name), *arguments))
        if at not in (None, instance.address):
            raise Refused(
                f"{name}: deployed to {instance.address} instead of {at}: another transaction of {self.account} "
                "came between; run deploy again"
            )
        found = code_hash(self.connected, instance.address)
        if found is None:
            raise Refused(f"{name}: deployed to {instance.address}, but no code is there")
        abi = [entry.model_dump(mode="json", by_alias=True, exclude_none=True) for entry in instance.contract_type.abi]
        part[key] = DeployedContract(address=instance.address, code_hash=found, abi=abi)
        self.record.save(self.path)
        self.done.append(f"{key} deployed to {instance.address}")
        return str(instance.address)

    def send(self, name: str, method: str, *arguments: Any, why: str) -> None:
        """Call a contract's method in a transaction of the account, or have the council propose it."""
        if self.council is not None:
            self.council.add(self.contract(name), method, *arguments, why=f"{name}.{method}: {why}")
            return
        handler = getattr(self.contract(name), method)
        self._attempt(f"{name}.{method}", lambda: handler(*arguments, sender=self.account))
        self.done.append(f"{name}.{method}: {why}")

    def _attempt(self, what: str, act: Any) -> Any:
        try:
            return act()
        except ContractLogicError as error:
            raise Refused(f"{what} was refused on chain: {error.revert_message or error.message}") from error
        except TransactionError as error:
            raise Refused(f"{what} failed: {error}") from error
