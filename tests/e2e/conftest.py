"""One chain with the protocol for the session; each test begins from the same state of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.anvil import Anvil
from tests.e2e.process import configure
from tests.e2e.proxy import CountingProxy
from tests.e2e.world import World

TRADERS = 6


@pytest.fixture(scope="session")
def prepared() -> Iterator[World]:
    """Six accounts long one ETH at 2,000 with 210 to 260 of cash, blocks held; at 1,900 the first is in breach."""
    with Anvil() as node:
        made = World(node)
        made.lever([200 + 10 * sub for sub in range(1, TRADERS + 1)], takers=100_000)
        yield made


@pytest.fixture
def world(prepared: World) -> Iterator[World]:
    state = prepared.chain.call("evm_snapshot")
    yield prepared
    prepared.chain.call("anvil_dropAllTransactions")
    assert prepared.chain.call("evm_revert", state)


@pytest.fixture
def chain(world: World) -> Anvil:
    return world.chain


@pytest.fixture
def proxy(chain: Anvil) -> Iterator[CountingProxy]:
    with CountingProxy(chain.port) as between:
        yield between


@pytest.fixture
def config(world: World, chain: Anvil, tmp_path: Path) -> Path:
    """A keeper on the node's websocket that bids for small profits too."""
    endpoint = f"ws://127.0.0.1:{chain.port}"
    return configure(tmp_path, endpoint, world.record(tmp_path), "[bid]\nmin_profit = 0.1\n")
