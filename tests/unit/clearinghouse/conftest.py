"""Three funded accounts with fresh prices in a Clearinghouse that wallets stand round."""

from __future__ import annotations

from dataclasses import fields

import pytest

from tests.unit.clearinghouse.house import House
from tests.unit.system import SETTINGS


@pytest.fixture(scope="session")
def venue(accounts):
    return accounts[14]


@pytest.fixture(scope="session")
def auctioneer(accounts):
    return accounts[15]


@pytest.fixture(scope="session")
def vault_wallet(accounts):
    return accounts[16]


@pytest.fixture(scope="session")
def batcher(accounts):
    return accounts[17]


@pytest.fixture(scope="session")
def wallets(owner, venue, auctioneer, vault_wallet, batcher, guardian, attacker):
    """By role, for tests that try several."""
    return {
        "owner": owner,
        "venue": venue,
        "auctioneer": auctioneer,
        "vault_wallet": vault_wallet,
        "batcher": batcher,
        "guardian": guardian,
        "attacker": attacker,
    }


@pytest.fixture(scope="session")
def deploy(load, owner, risk_engine, auctioneer, vault_wallet, batcher):
    """Deploy a Clearinghouse over a quote token, with wallets for what it names."""

    def deploy(quote):
        named = (auctioneer, vault_wallet, batcher)
        return owner.deploy(load("Clearinghouse"), quote, risk_engine, SETTINGS.pack(), *named)

    return deploy


@pytest.fixture(scope="session")
def house(system, deploy, owner, quote, venue, auctioneer, vault_wallet, batcher):
    shared = {field.name: getattr(system, field.name) for field in fields(system)}
    clearinghouse = deploy(quote)
    roles = {"venue": venue, "auctioneer": auctioneer, "vault_wallet": vault_wallet, "batcher": batcher}
    house = House(**(shared | {"clearinghouse": clearinghouse} | roles))
    for market, token in house.spot_tokens.items():
        clearinghouse.list_spot(market, token, sender=owner)
    clearinghouse.set_venue(venue, True, sender=owner)
    return house


@pytest.fixture(scope="session")
def ground(house):
    """All contracts, and the Clearinghouse of wallets."""


@pytest.fixture(scope="module")
def alice(house, taker):
    """The taker's account: 10,000 of cash."""
    return house.fund(taker, 10_000)


@pytest.fixture(scope="module")
def bob(house, maker):
    """The maker's account: 10,000 of cash."""
    return house.fund(maker, 10_000)


@pytest.fixture(scope="module")
def pool(house, lender):
    """The lender's account: 100,000 of cash."""
    return house.fund(lender, 100_000)


@pytest.fixture
def known(house, alice, bob, pool):
    """Every account with cash; a test that uses another adds it, and the sum over all must be what is held."""
    return [alice, bob, pool, house.vault_account]


@pytest.fixture(autouse=True)
def whole(house, known):
    """Fresh prices before each test, the custody identity after it."""
    house.prices(slow=False)
    yield
    house.check_custody(known)
