"""Ending a network for good, a step a run: give markets up, freeze them, shut down, and after that wind up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ape.api import AccountAPI
from ape.exceptions import ContractLogicError
from ape.utils import ZERO_ADDRESS

from keeper.model.winding import SETTLE
from keeper.model.words import RETIRED, RETIRING, Parameters, Settings
from scripts._deployment.configuring import TIMELOCK
from scripts._deployment.council import Council
from scripts._deployment.parameters import MOST_TOKENS
from scripts._deployment.record import CONTRACTS, Record, check_chain, is_of_gone_chain, read_record, record_path
from scripts._deployment.refusal import Refused
from scripts._deployment.session import Loader, Session
from scripts._deployment.winding_up import when, wind_up

OWNED = ("RiskEngine", "Clearinghouse", "Auction")
"""Whose owner's acts a shutdown takes."""
NOT_AVERAGED = "risk_engine: not averaged yet"


def shut_down(load: Loader, account: AccountAPI, path: Path | None = None) -> tuple[Record, list[str]]:
    """Take the next step to the end of the protocol; returns the record and what was done and comes next, in words.

    What is the owner's goes through the record's timelock where that owns the contracts: proposed by one run, carried
    out by a run after the delay. Before the shutdown refused for who is not the owner, and where it could never
    come about; after it anybody may run this.
    """
    session = _session(load, account, path or record_path(account.provider))
    closed = int(session.contract("Auction").closed_at())
    if closed:
        wind_up(session, closed)
        return session.record, session.done
    council = _council(session)
    _check_tokens(session)
    given_up = _give_up(session, council)
    if given_up and _freeze(session):
        _close(session, council)
    return session.record, session.done


def _session(load: Loader, account: AccountAPI, path: Path) -> Session:
    record = read_record(path)
    if record is None or is_of_gone_chain(record, account.provider):
        raise Refused(f"{path}: there is no deployment of this chain: nothing to shut down")
    check_chain(record, path, account.provider)
    missing = [name for name in CONTRACTS if name not in record.contracts]
    if missing:
        raise Refused(f"{path}: the deployment is unfinished, without {', '.join(missing)}: nothing to shut down")
    return Session(load, account, record, path)


def _council(session: Session) -> Council | None:
    """The timelock that owns all that a shutdown needs, or None where the account does."""
    known = session.record.contracts.get(TIMELOCK)
    for owner in (session.account.address, known.address if known else None):
        if owner and all(session.contract(name).owner() == owner for name in OWNED):
            return None if owner == session.account.address else Council(session.contract(TIMELOCK), session.account)
    owners = ", ".join(f"{name} by {session.contract(name).owner()}" for name in OWNED)
    raise Refused(
        f"neither {session.account.address} nor a timelock of the deployment file owns all of it ({owners}): "
        "only its owner may shut it down"
    )


def _check_tokens(session: Session) -> None:
    house = session.contract("Clearinghouse")
    listed = [market for market in _markets(session) if str(house.spot_token(market)) != ZERO_ADDRESS]
    if len(listed) > MOST_TOKENS:
        raise Refused(
            f"{len(listed)} markets have a token: no more than {MOST_TOKENS} fit the pool of debts, and a token cannot "
            "be taken off: this deployment cannot be shut down; docs/migration.md is the other way out"
        )


def _markets(session: Session) -> range:
    return range(int(session.contract("RiskEngine").market_count()))


def _flags(session: Session, market: int) -> int:
    return Parameters.unpack(int(session.contract("RiskEngine").parameters(market))).flags


def _name(session: Session, market: int) -> str:
    symbols = {known.id: known.symbol for known in session.record.markets}
    return f"{market} {symbols[market]}" if market in symbols else str(market)


def _give_up(session: Session, council: Council | None) -> bool:
    """No more interest, and every market given up: all at once. Returns whether it is so on chain."""
    # The owner's acts of one run are one proposal: all of them or none.
    session.council = council
    settings = Settings.unpack(int(session.contract("Clearinghouse").settings()))
    if settings.at_kink or settings.at_full:
        free = replace(settings, at_kink=0, at_full=0, paused_until=0, paused=0)
        session.send("Clearinghouse", "set_settings", free.pack(), why="no more interest, all else as it is")
    left = [market for market in _markets(session) if not _flags(session, market) & (RETIRING | RETIRED)]
    for market in left:
        session.send("RiskEngine", "retire", market, why=f"{_name(session, market)} is given up, for good")
    session.council = None
    if council is None:
        return True
    session.done += council.propose()
    if council.targets and not _is_given_up(session):
        session.done.append("next: run this again once the timelock's delay has passed")
        return False
    return True


def _is_given_up(session: Session) -> bool:
    settings = Settings.unpack(int(session.contract("Clearinghouse").settings()))
    retired = all(_flags(session, market) & (RETIRING | RETIRED) for market in _markets(session))
    return retired and not settings.at_kink and not settings.at_full


def _freeze(session: Session) -> bool:
    """Freeze what can be frozen, as anybody may. Returns whether every market is frozen."""
    engine, waits = session.contract("RiskEngine"), False
    for market in _markets(session):
        if _flags(session, market) & RETIRED:
            continue
        try:
            engine.freeze.call(market, sender=session.account)
        except ContractLogicError as error:
            if error.revert_message != NOT_AVERAGED:
                raise Refused(f"RiskEngine.freeze of market {market} is refused: {error.message}") from error
            waits = True
            session.done.append(f"waits for its price: {_name(session, market)} cannot be frozen yet")
        else:
            session.send("RiskEngine", "freeze", market, why=f"{_name(session, market)} has its last price")
    if waits:
        session.done.append(
            "next: prices of every market for an hour after it was given up, with none missing for more than half of "
            "that; then run this again"
        )
    return not waits


def _refusal(session: Session) -> str:
    """Why the vault would not have the protocol shut down, "" if it would."""
    try:
        session.contract("InsuranceVault").require_frozen()
    except ContractLogicError as error:
        return error.revert_message or error.message
    return ""


def _close(session: Session, council: Council | None) -> None:
    reason = _refusal(session)
    if reason:
        raise Refused(f"Auction.shut_down would be refused: {reason}")
    # A proposal of its own: the other may have been carried out a moment ago.
    council = council and Council(council.timelock, council.account)
    session.council = council
    session.send("Auction", "shut_down", why="the end: no more auctions, no borrowing, no withdrawal but by claim")
    session.council = None
    if council is not None:
        session.done += council.propose()
    closed = int(session.contract("Auction").closed_at())
    if not closed:
        session.done.append("next: run this again once the timelock's delay has passed; only that shuts down")
        return
    session.done.append(
        f"next: owners have until {when(closed + SETTLE)} to settle and repay; then run this again, and debts "
        "are absorbed"
    )
