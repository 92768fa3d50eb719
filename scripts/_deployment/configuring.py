"""Bringing a deployed network to what the reviewed parameter file says; run again it finds nothing to change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from ape.api import AccountAPI
from ape.utils import ZERO_ADDRESS

from keeper.model.words import RETIRED, RETIRING, Risk, SlowFeed
from keeper.model.words import Parameters as MarketWord
from scripts._deployment.council import Council
from scripts._deployment.deploying import check_local_parts, check_wiring, deploy_market_parts
from scripts._deployment.parameters import LOCAL, Market, Parameters
from scripts._deployment.record import DeployedMarket, Record, open_record, record_path
from scripts._deployment.refusal import Refused
from scripts._deployment.session import Loader, Session

TIMELOCK = "Timelock"
OWNED = ("RiskEngine", "Clearinghouse", "Auction", "Exchange")


def configure(
    load: Loader,
    account: AccountAPI,
    parameters: Parameters,
    parameters_path: Path,
    path: Path | None = None,
) -> tuple[Record, list[str]]:
    """Send what makes the connected network equal to `parameters`; returns its record and what was done, in words.

    Contracts that the record's timelock owns are proposed to through it, and changed by a run after its delay.
    All that can be refused is refused before the first transaction: an unfinished or foreign deployment, an account
    that does not own it, constants that differ and cannot change, markets that the file lacks or has in another order.
    """
    provider = account.provider
    path = path or record_path(provider)
    check_local_parts(parameters, parameters_path, provider)
    record = open_record(path, provider)
    session = Session(load, account, record, path)
    check_wiring(session)
    session.council = _council(session)
    _check_constants(session, parameters, parameters_path)
    _check_markets(session, parameters, parameters_path)

    _set_limits(session, parameters)
    _set_calibrator(session, parameters)
    _set_signers(session, parameters)
    _set_house(session, parameters)
    for place, market in enumerate(parameters.markets):
        _set_market(session, place, market)
    if session.council is not None:
        session.done += session.council.propose()
    record.parameters = parameters_path.as_posix()
    record.save(path)
    return record, session.done


def _council(session: Session) -> Council | None:
    """The timelock that owns all of them, or None where the account does."""
    known = session.record.contracts.get(TIMELOCK)
    for owner in (session.account.address, known.address if known else None):
        if owner and all(session.contract(name).owner() == owner for name in OWNED):
            return None if owner == session.account.address else Council(session.contract(TIMELOCK), session.account)
    check_owners(session, OWNED, {session.account.address}, "configure it")
    return None


def check_owners(session: Session, names: Iterable[str], allowed: set[str], act: str) -> None:
    """Refused where a contract is owned by nobody of those allowed."""
    for name in names:
        owner = session.contract(name).owner()
        if owner not in allowed:
            raise Refused(
                f"{name} at {session.record.address(name)} is owned by {owner}, not by {session.account.address}: "
                f"only its owner may {act}"
            )


def _check_constants(session: Session, parameters: Parameters, file: Path) -> None:
    stored = session.contract("RiskEngine").oracle()
    for place, (name, right) in enumerate(parameters.oracle.model_dump().items()):
        if int(stored[place]) != right:
            raise Refused(
                f"{file}: oracle.{name}: the file makes it {right}, the deployed RiskEngine has {stored[place]} "
                "for good: a change needs a new deployment"
            )


def _check_markets(session: Session, parameters: Parameters, file: Path) -> None:
    engine, house = session.contract("RiskEngine"), session.contract("Clearinghouse")
    count = int(engine.market_count())
    known = {market.id: market.symbol for market in session.record.markets}
    for place in range(count):
        if place >= len(parameters.markets):
            raise Refused(
                f"{file}: markets[{place}]: missing: market {place} ({known.get(place, 'not in the deployment file')}) "
                "is on chain, and a market cannot be taken away"
            )
        market = parameters.markets[place]
        if place in known and known[place] != market.symbol:
            raise Refused(
                f"{file}: markets[{place}].symbol: {market.symbol}, but market {place} on chain is {known[place]}: "
                "the order of markets cannot change, new ones go last"
            )
        listed = str(house.spot_token(place))
        wanted = _known_token(session, market)
        if listed != ZERO_ADDRESS and listed != wanted:
            raise Refused(f"{file}: markets[{place}].token: {wanted}, but the token on chain is {listed} for good")


def _known_token(session: Session, market: Market) -> str | None:
    deployed = session.record.testing.get(f"{market.symbol} token")
    return deployed.address if market.token == LOCAL and deployed else market.token


def _set_limits(session: Session, parameters: Parameters) -> None:
    """Risk and terms, in the order in which the target never exceeds iota in between."""
    engine, auction = session.contract("RiskEngine"), session.contract("Auction")
    stored, risk = int(engine.risk()), parameters.risk.word()
    # On its way somewhere, what counts is where to.
    target = int(engine.risk_ramp()[0]) or stored

    def set_risk() -> None:
        if target != risk:
            session.send("RiskEngine", "set_risk", risk, why="correlations, kappa, iota, minimum")

    def set_terms() -> None:
        terms = parameters.auction.terms_word()
        if int(auction.terms()) != terms:
            session.send("Auction", "set_terms", terms, why="target, penalty, backstop, grace, opener's cap")

    limits = parameters.auction.limits_word()
    if int(auction.limits()) != limits:
        session.send("Auction", "set_limits", limits, why="what the vault pays of the discount in an epoch")
    steps: list[Callable[[], None]] = [set_risk, set_terms]
    if parameters.risk.iota < Risk.unpack(stored).iota:
        steps.reverse()
    for step in steps:
        step()
    curve = parameters.auction.curve_word()
    if int(auction.curve(int(auction.curve_count()) - 1)) != curve:
        session.send("Auction", "add_curve", curve, why="a new curve, for runs that start from now on")


def _set_calibrator(session: Session, parameters: Parameters) -> None:
    wanted = parameters.risk.calibrator or ZERO_ADDRESS
    if str(session.contract("RiskEngine").calibrator()) != wanted:
        session.send("RiskEngine", "set_calibrator", wanted, why=wanted)


def _set_signers(session: Session, parameters: Parameters) -> None:
    engine, signers = session.contract("RiskEngine"), parameters.signers
    stored = {str(signer) for signer in engine.signers()}
    if stored != set(signers.addresses) or int(engine.threshold()) != signers.threshold:
        why = f"{signers.threshold} of {len(signers.addresses)}"
        session.send("RiskEngine", "set_signers", signers.addresses, signers.threshold, why=why)


def _set_house(session: Session, parameters: Parameters) -> None:
    house, exchange = session.contract("Clearinghouse"), session.contract("Exchange")
    settings, fees = parameters.settings.word(), parameters.exchange
    if int(house.settings()) != settings:
        session.send("Clearinghouse", "set_settings", settings, why="rate curve, reserve, price band, highest fee")
    if (int(exchange.taker_bps()), int(exchange.maker_bps())) != (fees.taker_fee, fees.maker_fee):
        why = f"taker {fees.taker_fee} bps, maker {fees.maker_fee} bps"
        session.send("Exchange", "set_fees", fees.taker_fee, fees.maker_fee, why=why)
    if not house.is_venue(exchange.address):
        session.send("Clearinghouse", "set_venue", exchange.address, True, why="the Exchange may bring trades")


def _aim_of(stored: int) -> int:
    """What a market's parameters are when its ramp has ended; when they were calibrated is not the file's."""
    return replace(MarketWord.unpack(stored).aim, calibrated=0).pack()


def _is_given_up(stored: int) -> bool:
    """Its parameters are those of its end, whatever the file says."""
    return bool(MarketWord.unpack(stored).flags & (RETIRING | RETIRED))


def _set_market(session: Session, place: int, market: Market) -> None:
    engine, house, record = session.contract("RiskEngine"), session.contract("Clearinghouse"), session.record
    token, feed = deploy_market_parts(session, market)
    why = f"{place} {market.symbol}"
    address, word = feed or ZERO_ADDRESS, market.word()
    if place >= int(engine.market_count()):
        session.send("RiskEngine", "add_market", word, address, market.heartbeat, market.deviation, why=why)
    else:
        stored = int(engine.parameters(place))
        if not _is_given_up(stored) and _aim_of(stored) != word:
            session.send("RiskEngine", "set_parameters", place, word, why=why)
        slow = SlowFeed.unpack(int(engine.slow_feed(place)))
        wanted = (int(address, 16), market.heartbeat, market.deviation) if feed else (0, 0, 0)
        if (slow.address, slow.heartbeat, slow.deviation) != wanted:
            session.send("RiskEngine", "set_slow_feed", place, address, market.heartbeat, market.deviation, why=why)
    if token is not None and house.spot_token(place) == ZERO_ADDRESS:
        session.send("Clearinghouse", "list_spot", place, token, why=f"{why}, {token}")
    if place >= int(engine.market_count()):
        return  # proposed, and not there yet
    entry = DeployedMarket(id=place, symbol=market.symbol, token=token, token_decimals=market.token_decimals, feed=feed)
    if place < len(record.markets):
        record.markets[place] = entry
    else:
        record.markets.append(entry)
    record.save(session.path)
