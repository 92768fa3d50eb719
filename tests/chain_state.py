"""
What a test does to Ape's network is undone after it, and what a module's fixtures did after the module.

Ape's own isolation names a state by the hash of its block. When nothing was mined between a module's state and a
test's, both have one name, and undoing the test forgets the module's: the next module then starts on its leftovers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ape import chain

_modules: list[str] = []


@contextmanager
def undone() -> Iterator[None]:
    """What the body does to the chain is undone when it ends."""
    state = chain.provider.snapshot()
    yield
    chain.provider.restore(state)
    chain.history.revert_to_block(chain.blocks.height)


@pytest.fixture(scope="session")
def ground() -> None:
    """What a session's fixtures put on the chain, for a folder to name: all of it comes before its first module."""


@pytest.fixture(scope="module", autouse=True)
def module_state(request: pytest.FixtureRequest, ground: Any) -> Iterator[None]:
    """The chain as this module found it, for the next one."""
    _modules.append(request.node.name)
    with undone():
        yield
    _modules.pop()


@pytest.fixture(autouse=True)
def test_state(module_state: None) -> Iterator[None]:
    """The chain as this test found it, for the next one."""
    with undone():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Any:
    """Refuse a session's fixture that would be undone with the module that first asks for it."""
    late = fixturedef.scope == "session" and _modules
    height = chain.blocks.height if late else 0
    result = yield
    if late and chain.blocks.height != height:
        pytest.fail(f"{fixturedef.argname} reaches the chain after {_modules[-1]} began: `ground` must ask for it")
    return result
