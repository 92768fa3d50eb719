"""The end of the protocol: who may bring it about, and when."""

from __future__ import annotations

import ape
import pytest
from ape import chain

from tests.unit.system import TERMS
from tests.unit.winding.scene import NO_RATES

MOST = 2**127


@pytest.fixture
def ready(frozen):
    """Frozen, and without interest."""
    frozen.stop_interest()
    return frozen


def test_shut_down__by_an_outsider__reverts(ready):
    for outsider in (ready.stranger, ready.lender):
        with ready.refused("ownable: caller is not the owner"):
            ready.shut_down(sender=outsider)


def test_shut_down__interest_runs__reverts(frozen):
    with frozen.refused("vault: interest runs"):
        frozen.shut_down()


def test_shut_down__nothing_lent_but_rates_above_0__reverts(frozen):
    system = frozen.system
    system.fund(frozen.borrower, 9_000)
    assert system.clearinghouse.indices() >> 192 == 0
    # What settles later is lent again.
    with frozen.refused("vault: interest runs"):
        frozen.shut_down()


def test_shut_down__all_is_ready__leaves_no_terms_and_an_exit_rate_of_0(ready):
    auction = ready.system.auction
    receipt = ready.shut_down()
    now = chain.blocks[receipt.block_number].timestamp
    (event,) = receipt.decode_logs(auction.ShutDown)
    assert event.time == auction.closed_at() == now
    assert auction.terms() == 0
    assert ready.system.clearinghouse.entries() == MOST
    assert ready.system.clearinghouse.exit_rate() == 0
    assert ready.system.vault.totalAssets() == 0


def test_open__run_and_entry_of_before__are_cleared(ending, frozen):
    account = frozen.accounts["loser"]
    ending.auction.open([account], sender=frozen.stranger)
    known = ending.auction.entry(account)
    assert known > 0
    frozen.stop_interest()
    frozen.shut_down()
    assert ending.clearinghouse.entries() == MOST + known
    ending.auction.open([account], sender=frozen.stranger)
    assert ending.auction.entry(account) == 0
    assert ending.clearinghouse.entries() == MOST
    assert ending.clearinghouse.exit_rate() == 0


def test_require_frozen__market_still_open__reverts(system, owner):
    system.clearinghouse.set_settings(NO_RATES.pack(), sender=owner)
    with ape.reverts("vault: market not frozen"):
        system.auction.shut_down(sender=owner)
    assert system.auction.closed_at() == 0
    assert system.auction.terms() == TERMS.pack()
