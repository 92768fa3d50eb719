"""The auction's scene, seen through the lens."""

from tests.unit.auction.scene import opener, scene, victim  # noqa: F401  # found by name
