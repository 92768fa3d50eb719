"""Deploying the contracts; run again it goes on where it stopped, or finds nothing to do."""

from __future__ import annotations

from pathlib import Path

from ape.api import AccountAPI, ProviderAPI
from ape.utils import ZERO_ADDRESS

from scripts._deployment.parameters import LOCAL, Market, Parameters
from scripts._deployment.record import (
    DeployedQuote,
    Record,
    check_chain,
    genesis_of,
    is_local,
    is_of_gone_chain,
    read_record,
    record_path,
)
from scripts._deployment.refusal import Refused
from scripts._deployment.session import Loader, Session

LOCAL_FEED_DECIMALS = 8
GROUP = ("Clearinghouse", "Auction", "InsuranceVault", "Batch")
"""Contracts that name each other for good, in the order in which they are deployed."""
AFTER_GROUP = ("Exchange", "Lens")
LINKS = (
    ("Clearinghouse", "quote_token", "quote token"),
    ("Clearinghouse", "risk_engine", "RiskEngine"),
    ("Clearinghouse", "auction", "Auction"),
    ("Clearinghouse", "vault", "InsuranceVault"),
    ("Clearinghouse", "batch", "Batch"),
    ("Auction", "clearinghouse", "Clearinghouse"),
    ("InsuranceVault", "clearinghouse", "Clearinghouse"),
    ("Batch", "clearinghouse", "Clearinghouse"),
    ("Exchange", "clearinghouse", "Clearinghouse"),
    ("Lens", "clearinghouse", "Clearinghouse"),
    ("Lens", "auction", "Auction"),
    ("Lens", "vault", "InsuranceVault"),
)
"""Which contract's getter says that it points at which other."""


def deploy(
    load: Loader,
    account: AccountAPI,
    parameters: Parameters,
    parameters_path: Path,
    path: Path | None = None,
) -> tuple[Record, list[str]]:
    """Deploy what the connected network lacks; returns its record and what was done, in words.

    `load` gives contracts by name; `account` becomes their owner. The record is at `path`, by default under
    deployments/, and is written after each contract. Refused if the file or the network is not what the other says.
    """
    provider = account.provider
    path = path or record_path(provider)
    check_local_parts(parameters, parameters_path, provider)
    record, done = _start(provider, parameters_path, path)
    session = Session(load, account, record, path, done)
    _forget_interrupted(session)
    check_wiring(session)
    _deploy_quote(session, parameters)
    _deploy_core(session, parameters)
    check_wiring(session)
    return record, session.done


def check_local_parts(parameters: Parameters, parameters_path: Path, provider: ProviderAPI) -> None:
    """Refused if tokens or feeds for tests are wanted on a network that is not local."""
    parts = parameters.local_parts()
    if parts and not is_local(provider):
        raise Refused(
            f'{parameters_path}: {", ".join(parts)}: "{LOCAL}" is for local networks only; '
            f"chain {provider.chain_id} needs addresses"
        )


def _start(provider: ProviderAPI, parameters_path: Path, path: Path) -> tuple[Record, list[str]]:
    record = read_record(path)
    done: list[str] = []
    if record is not None and is_of_gone_chain(record, provider):
        done.append(f"{path} was of a local chain that is gone: started anew")
        record = None
    if record is None:
        network = f"{provider.network.ecosystem.name}:{provider.network.name}:{provider.name}"
        record = Record(
            network=network,
            chain_id=provider.chain_id,
            genesis=genesis_of(provider),
            block=int(provider.get_block("latest").number or 0) + 1,
            parameters=parameters_path.as_posix(),
        )
    check_chain(record, path, provider)
    return record, done


def _deploy_quote(session: Session, parameters: Parameters) -> None:
    quote = parameters.quote
    token = quote.token
    if token == LOCAL:
        token = session.deploy("TestToken", quote.symbol, quote.symbol, quote.decimals, testing="quote token")
    session.record.quote = DeployedQuote(token=token, decimals=quote.decimals, symbol=quote.symbol)


def _deploy_core(session: Session, parameters: Parameters) -> None:
    quote, terms = parameters.quote, parameters.auction
    feed = quote.feed or ZERO_ADDRESS
    if feed == LOCAL:
        feed = session.deploy("TestFeed", LOCAL_FEED_DECIMALS, testing="quote feed")
    engine = session.deploy("RiskEngine", parameters.oracle.arguments(), feed, quote.heartbeat)
    # The Auction holds its terms against iota as it is made.
    if session.contract("RiskEngine").risk() == 0:
        session.send("RiskEngine", "set_risk", parameters.risk.word(), why="correlations, kappa, iota, minimum")
    assert session.record.quote is not None
    if "Clearinghouse" not in session.record.contracts:
        # They name each other for good: each is deployed where the Clearinghouse was told that it will be.
        house, auction, vault, batch = session.addresses_to_come(len(GROUP))
        settings = parameters.settings.word()
        named = (session.record.quote.token, engine, settings, auction, vault, batch)
        session.deploy("Clearinghouse", *named, at=house)
        session.deploy("Auction", house, *terms.words(), at=auction)
        share = parameters.vault
        session.deploy("InsuranceVault", house, share.name, share.symbol, share.cooldown_seconds, at=vault)
        session.deploy("Batch", house, at=batch)
    house, auction, vault = (session.record.address(name) for name in GROUP[:3])
    session.deploy("Exchange", house, parameters.exchange.taker_fee, parameters.exchange.maker_fee)
    session.deploy("Lens", house, auction, vault)


def _forget_interrupted(session: Session) -> None:
    """Take a group that is not whole out of the record, unless something points at it already: it is deployed anew."""
    contracts = session.record.contracts
    there = [name for name in GROUP if name in contracts]
    if len(there) in (0, len(GROUP)) or any(name in contracts for name in AFTER_GROUP):
        return
    for name in there:
        del contracts[name]
    session.record.save(session.path)
    session.done.append(f"{', '.join(there)}: without the others of their group, deployed anew")


def check_wiring(session: Session) -> None:
    """Refused unless each contract of the record points at the others of the record, as far as there are some."""
    record = session.record
    addresses = {name: contract.address for name, contract in record.contracts.items()}
    if record.quote is not None:
        addresses["quote token"] = record.quote.token
    for name, getter, target in LINKS:
        if name not in record.contracts:
            continue
        found, right = str(getattr(session.contract(name), getter)()), addresses.get(target)
        if found != right:
            raise Refused(
                f"{session.path}: {name} at {addresses[name]} is wired to a different contract: "
                f"its {getter} is {found}, the file says {right or 'nothing'}"
            )


def deploy_market_parts(session: Session, market: Market) -> tuple[str | None, str | None]:
    """A market's token and feed; those for tests are deployed unless the record has them."""
    token, feed = market.token, market.feed
    symbol = market.symbol.upper()
    if token == LOCAL:
        token = session.deploy("TestToken", symbol, symbol, market.token_decimals, testing=f"{market.symbol} token")
    if feed == LOCAL:
        feed = session.deploy("TestFeed", market.feed_decimals, testing=f"{market.symbol} feed")
    return token, feed
