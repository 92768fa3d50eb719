"""Roles, and the protocol deployed once a session on Ape's test network; what each test did is undone."""

from __future__ import annotations

from functools import cache

import pytest

from tests.chain_speed import quick_chain  # noqa: F401  # found by name
from tests.chain_state import module_state, pytest_fixture_setup, test_state  # noqa: F401  # found by name
from tests.unit.compiled import contract
from tests.unit.system import BTC, ETH, MARKETS, ORACLE, PRICES, RISK, System, deploy_core

NOBODY = "0x" + "00" * 20


@pytest.fixture(scope="session")
def load():
    """A contract by its path below contracts/, without `.vy`."""
    return cache(contract)


@pytest.fixture(scope="session")
def owner(accounts):
    return accounts[0]


@pytest.fixture(scope="session")
def maker(accounts):
    return accounts[1]


@pytest.fixture(scope="session")
def taker(accounts):
    return accounts[2]


@pytest.fixture(scope="session")
def lender(accounts):
    return accounts[3]


@pytest.fixture(scope="session")
def attacker(accounts):
    return accounts[4]


@pytest.fixture(scope="session")
def guardian(accounts):
    return accounts[5]


@pytest.fixture(scope="session")
def operator(accounts):
    return accounts[6]


@pytest.fixture(scope="session")
def signers(accounts):
    return [accounts[number] for number in range(10, 14)]


@pytest.fixture(scope="session")
def quote(load, owner):
    return owner.deploy(load("testing/TestToken"), "Quote", "QUOTE", 6)


@pytest.fixture(scope="session")
def eth(load, owner):
    return owner.deploy(load("testing/TestToken"), "Ether", "ETH", 18)


@pytest.fixture(scope="session")
def btc(load, owner):
    return owner.deploy(load("testing/TestToken"), "Bitcoin", "BTC", 8)


@pytest.fixture(scope="session")
def feeds(load, owner):
    return {market: owner.deploy(load("testing/TestFeed"), 8) for market in MARKETS}


@pytest.fixture(scope="session")
def risk_engine(load, owner):
    engine = owner.deploy(load("RiskEngine"), ORACLE, NOBODY, 0)
    # Other contracts check their terms against it when they are deployed.
    engine.set_risk(RISK.pack(), sender=owner)
    return engine


@pytest.fixture(scope="session")
def core(load, owner, quote, risk_engine):
    """Clearinghouse, Auction and InsuranceVault, which name each other."""
    return deploy_core(load, owner, quote, risk_engine)


@pytest.fixture(scope="session")
def clearinghouse(core):
    return core.clearinghouse


@pytest.fixture(scope="session")
def auction(core):
    return core.auction


@pytest.fixture(scope="session")
def vault(core):
    return core.vault


@pytest.fixture(scope="session")
def batch(core):
    return core.batch


@pytest.fixture(scope="session")
def exchange(load, owner, clearinghouse):
    return owner.deploy(load("Exchange"), clearinghouse, 3, 0)


@pytest.fixture(scope="session")
def lens(load, owner, clearinghouse, auction, vault):
    return owner.deploy(load("Lens"), clearinghouse, auction, vault)


@pytest.fixture(scope="session")
def system(owner, signers, quote, eth, btc, feeds, risk_engine, clearinghouse, auction, vault, batch, exchange):
    """Everything wired, with four markets and their prices of `PRICES` published."""
    system = System(
        owner=owner,
        signers=signers,
        quote=quote,
        spot_tokens={ETH: eth, BTC: btc},
        feeds=feeds,
        risk_engine=risk_engine,
        clearinghouse=clearinghouse,
        auction=auction,
        vault=vault,
        batch=batch,
        exchange=exchange,
    )
    system.set_up()
    system.prices(PRICES)
    return system


@pytest.fixture(scope="session")
def ground(system, lens):
    """All contracts."""
