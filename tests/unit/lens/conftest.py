"""The auction's scene, seen through the lens."""

from __future__ import annotations

import pytest

from tests.unit.auction.scene import Scene


@pytest.fixture(scope="session")
def victim(accounts):
    return accounts[7]


@pytest.fixture(scope="session")
def opener(accounts):
    return accounts[8]


@pytest.fixture(scope="module")
def scene(system, victim, taker, maker, lender):
    system.prices()
    scene = Scene(system, victim, taker, maker, lender)
    scene.set_up()
    return scene
