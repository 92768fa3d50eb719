"""One chain with the crowd for the session; each test begins from the same state of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.anvil import Anvil
from tests.e2e.world import World
from tests.faults.crowd import crowd
from tests.faults.proxy import FaultProxy


@pytest.fixture(scope="session")
def prepared() -> Iterator[World]:
    with Anvil() as node:
        yield crowd(node)


@pytest.fixture
def world(prepared: World) -> Iterator[World]:
    state = prepared.chain.call("evm_snapshot")
    yield prepared
    prepared.chain.call("anvil_dropAllTransactions")
    assert prepared.chain.call("evm_revert", state)


@pytest.fixture
def first(world: World) -> Iterator[FaultProxy]:
    with FaultProxy(world.chain.port) as made:
        yield made


@pytest.fixture
def second(world: World) -> Iterator[FaultProxy]:
    with FaultProxy(world.chain.port) as made:
        yield made
