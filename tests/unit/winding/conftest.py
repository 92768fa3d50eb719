"""A protocol of its own, whose prices count for long, before and after its end."""

from __future__ import annotations

import pytest

from tests.unit.conftest import NOBODY
from tests.unit.system import BTC, ETH, MARKETS, RISK, System, deploy_core
from tests.unit.winding.scene import PATIENT, Scene


@pytest.fixture(scope="session")
def ending(load, owner, signers, system):
    """Contracts that this folder alone brings to their end."""
    token = load("testing/TestToken")
    quote = owner.deploy(token, "Quote", "QUOTE", 6)
    spot = {ETH: owner.deploy(token, "Ether", "ETH", 18), BTC: owner.deploy(token, "Bitcoin", "BTC", 8)}
    feeds = {market: owner.deploy(load("testing/TestFeed"), 8) for market in MARKETS}
    engine = owner.deploy(load("RiskEngine"), PATIENT, NOBODY, 0)
    engine.set_risk(RISK.pack(), sender=owner)
    core = deploy_core(load, owner, quote, engine)
    exchange = owner.deploy(load("Exchange"), core.clearinghouse, 3, 0)
    made = System(owner, signers, quote, spot, feeds, engine, *core, exchange)
    made.set_up()
    return made


@pytest.fixture(scope="session")
def ground(ending, lens):
    """All contracts."""


@pytest.fixture(scope="session")
def roles(accounts, lender, maker, taker, attacker):
    return {
        "lender": lender,
        "winner": maker,
        "saver": taker,
        "stranger": attacker,
        "borrower": accounts[7],
        "loser": accounts[8],
        "payer": accounts[9],
        "holder": accounts[14],
        "leaver": accounts[15],
    }


@pytest.fixture(scope="module")
def open_scene(ending, roles):
    """Before any of it."""
    scene = Scene(ending, **roles)
    scene.set_up()
    return scene


@pytest.fixture(scope="module")
def frozen(open_scene):
    """Every market is frozen, interest runs."""
    open_scene.freeze()
    return open_scene


@pytest.fixture(scope="module")
def scene(frozen):
    """Shut down."""
    frozen.stop_interest()
    frozen.shut_down()
    return frozen
