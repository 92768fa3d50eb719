"""Accounts by band of h, for the live view and the report."""

from __future__ import annotations

from collections.abc import Iterable

BANDS: tuple[tuple[str, float, float], ...] = (
    ("insolvent, h < 0", float("-inf"), 0.0),
    ("under the line, h < 1", 0.0, 1.0),
    ("margin call, h < 1.5", 1.0, 1.5),
    ("1.5 to 2", 1.5, 2.0),
    ("2 to 4", 2.0, 4.0),
    ("4 and above", 4.0, float("inf")),
)


def count_bands(health: Iterable[float]) -> list[int]:
    """How many values fall in each of BANDS; a band holds its lower bound."""
    counts = [0] * len(BANDS)
    for value in health:
        for place, (_, low, high) in enumerate(BANDS):
            if low <= value < high:
                counts[place] += 1
                break
    return counts
