"""Giving all contracts to a timelock, in three runs: name it, propose that it accepts, carry that out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ape.api import AccountAPI

from scripts._deployment.configuring import TIMELOCK, check_owners
from scripts._deployment.council import Council
from scripts._deployment.record import CONTRACTS, Record, open_record, record_path
from scripts._deployment.session import Loader, Session


def hand_over(
    load: Loader,
    account: AccountAPI,
    delay: int,
    proposers: Sequence[str],
    executors: Sequence[str],
    path: Path | None = None,
) -> tuple[Record, list[str]]:
    """Deploy the timelock unless there is one, name it the next owner of all contracts, and have it accept.

    Run again after the delay it carries the acceptance out. `delay`, `proposers` and `executors` count for a timelock
    that is not there yet. Refused where an owned contract is neither the account's nor the timelock's.
    """
    path = path or record_path(account.provider)
    record = open_record(path, account.provider)
    session = Session(load, account, record, path)
    owned = [name for name in CONTRACTS if "accept_ownership" in _functions(record, name)]
    known = record.contracts.get(TIMELOCK)
    check_owners(session, owned, {account.address} | ({known.address} if known else set()), "hand it over")
    session.deploy(TIMELOCK, delay, list(proposers), list(executors))
    timelock = session.contract(TIMELOCK)
    council = Council(timelock, account)
    for name in owned:
        contract = session.contract(name)
        if contract.owner() == timelock.address:
            continue
        if contract.pending_owner() != timelock.address:
            session.send(name, "transfer_ownership", timelock.address, why=f"to the timelock at {timelock.address}")
        council.add(contract, "accept_ownership", why=f"{name} is the timelock's")
    session.done += council.propose()
    return record, session.done


def _functions(record: Record, name: str) -> set[str]:
    return {entry.get("name", "") for entry in record.contracts[name].abi if entry["type"] == "function"}
