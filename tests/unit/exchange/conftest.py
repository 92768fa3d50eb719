"""Two funded traders, fresh prices, and a check that what is refused changes nothing."""

from __future__ import annotations

from contextlib import contextmanager

import ape
import pytest

from tests.unit.system import ETH


@pytest.fixture(scope="module")
def maker_account(system, maker):
    return system.fund(maker, 10_000)


@pytest.fixture(scope="module")
def taker_account(system, taker):
    return system.fund(taker, 10_000)


@pytest.fixture(scope="module")
def wallet(load, owner, maker, system):
    """A contract wallet of the maker's, funded; its modes are listed in the contract."""
    wallet = owner.deploy(load("testing/SignerWallet"), maker)
    system.fund_account(system.account(wallet), owner, 10_000)
    return wallet


@pytest.fixture(autouse=True)
def fresh(system, maker_account, taker_account, wallet):
    """Prices as in `PRICES`, a few seconds old at most when the test starts."""
    system.prices(slow=False)


@pytest.fixture
def sell(system, maker_account):
    """The maker's offer of 2 ETH at 1,600."""
    return system.order(maker_account, ETH, -2, 1600)


@pytest.fixture
def refused(system, exchange, vault, maker_account, taker_account):
    """The body reverts with exactly this message, and no account, book, total or fill has changed."""
    always = {maker_account, taker_account, system.account(vault)}

    def state(orders):
        accounts = sorted(always | {order.account for order in orders})
        fills = [exchange.slot(order.account, order.nonce & 255) for order in orders]
        lowest = [exchange.lowest_nonce(order.account) for order in orders]
        return system.fingerprint(*accounts), fills, lowest

    @contextmanager
    def refused(message, *orders):
        before = state(orders)
        with ape.reverts(message):
            yield
        assert state(orders) == before

    return refused
