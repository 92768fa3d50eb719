"""One deployment for all attacks: each finds the chain as the first one did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks.scene import Scene
from tests.model.chain import use_own_cache
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
    with deployed.trial():
        yield deployed
