"""One deployment for all attacks: each finds the chain as the first one did."""

from __future__ import annotations

from collections.abc import Iterator

import boa
import pytest

from tests.attacks.scene import Scene
from tests.model.chain import set_time, use_own_cache
from tests.model.revm import fresh_chain


@pytest.fixture(scope="module")
def deployed() -> Iterator[Scene]:
    """Everything deployed and wired."""
    use_own_cache()
    with fresh_chain():
        yield Scene()


@pytest.fixture
def scene(deployed: Scene) -> Iterator[Scene]:
    """The deployment, put back after the test."""
    kept = boa.env.evm.snapshot()
    now, nonces, prices = deployed.now, deployed.nonces, dict(deployed.now_prices)
    yield deployed
    boa.env.evm.revert(kept)
    deployed.now, deployed.nonces, deployed.now_prices = now, nonces, prices
    set_time(now)
