"""Loops over rows on all cores: compiled functions let go of Python's lock, so plain threads do."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

Found = TypeVar("Found")

MOST = 8
LEAST = 1_000
"""Rows below which another thread is not worth its while."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def halves(count: int) -> list[tuple[int, int]]:
    """Parts of 0..count of equal length, one a core."""
    parts = max(1, min(MOST, cores(), count // LEAST))
    return [(count * part // parts, count * (part + 1) // parts) for part in range(parts)]


def spread(work: Callable[[int, int], Found], parts: list[tuple[int, int]]) -> list[Found]:
    """The work for each part, all at the same time."""
    others = [_pool().submit(work, *part) for part in parts[1:]]
    return [work(*parts[0]), *(other.result() for other in others)]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST - 1, thread_name_prefix="rows")
