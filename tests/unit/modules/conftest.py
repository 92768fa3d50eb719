"""These tests run modules by themselves: nothing has to be deployed first."""

import pytest


@pytest.fixture(scope="session")
def ground():
    """Nothing."""
