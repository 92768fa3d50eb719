"""Giving all contracts to a timelock, in three runs: name it, propose that it accepts, carry that out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ape.api import AccountAPI

from scripts._deployment.configuring import TIMELOCK
from scripts._deployment.council import Council
from scripts._deployment.record import CONTRACTS, Record, check_chain, is_of_gone_chain, read_record, record_path
from scripts._deployment.refusal import Refused
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
    record = read_record(path)
    if record is None or is_of_gone_chain(record, account.provider):
        raise Refused(f"{path}: there is no deployment of this chain: run deploy first")
    check_chain(record, path, account.provider)
    missing = [name for name in CONTRACTS if name not in record.contracts]
    if missing:
        raise Refused(f"{path}: the deployment is unfinished, without {', '.join(missing)}: run deploy again")
    session = Session(load, account, record, path)
    owned = [name for name in CONTRACTS if "accept_ownership" in _functions(record, name)]
    _check_owners(session, owned)
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


def _check_owners(session: Session, owned: Sequence[str]) -> None:
    known = session.record.contracts.get(TIMELOCK)
    allowed = {session.account.address} | ({known.address} if known else set())
    for name in owned:
        owner = session.contract(name).owner()
        if owner not in allowed:
            raise Refused(
                f"{name} at {session.record.address(name)} is owned by {owner}, not by {session.account.address}: "
                "only its owner may hand it over"
            )


def _functions(record: Record, name: str) -> set[str]:
    return {entry.get("name", "") for entry in record.contracts[name].abi if entry["type"] == "function"}
