"""A taker with accounts, a maker that quotes, and a contract that a batch may call."""

from __future__ import annotations

import pytest

from tests.unit.batch.acts import Acts
from tests.unit.system import ETH


@pytest.fixture(scope="module")
def receiver(load, owner, clearinghouse):
    return owner.deploy(load("testing/BatchReceiver"), clearinghouse)


@pytest.fixture(scope="module")
def acts(system, taker, maker, receiver):
    system.prices()
    system.fund(maker, 1_000_000)
    for token in (system.quote, *system.spot_tokens.values()):
        token.approve(system.batch, 2**256 - 1, sender=taker)
    # The taker is long 5 ETH of spot and short 5 by a perp, with little cash: a hedge.
    account = system.fund(taker, 500)
    system.fund_spot(taker, ETH, 5)
    system.prices()
    system.trade(taker, maker, ETH, -5, 1600)
    return Acts(system, taker, maker, receiver, account)


@pytest.fixture(autouse=True)
def fresh(acts):
    """Fresh prices before each test."""
    acts.system.prices(slow=False)
