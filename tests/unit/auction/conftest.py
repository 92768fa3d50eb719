"""The scene of every test of the auction: an account that a falling price brings below the line."""

from tests.unit.auction.scene import opener, scene, victim  # noqa: F401  # found by name
