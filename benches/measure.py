"""What the benches of the keeper measure with."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from keeper.book.threads import cores

PAGE = os.sysconf("SC_PAGE_SIZE")
GIB = 2**30


class Took(NamedTuple):
    """Milliseconds of many runs: the median by the clock, and of the processor's time, all threads together."""

    ms: float
    cpu_ms: float


def rss() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def median(work: Callable[[], object], times: int, before: Callable[[], object] = lambda: None) -> Took:
    """The work again and again; what comes before each is not counted."""
    clock, cpu = [], []
    for _ in range(times):
        before()
        started, used = time.perf_counter(), time.process_time()
        work()
        cpu.append(time.process_time() - used)
        clock.append(time.perf_counter() - started)
    return Took(round(1e3 * statistics.median(clock), 3), round(1e3 * statistics.median(cpu), 3))


def machine() -> dict[str, object]:
    """What the figures depend on: cores, and how busy others kept them."""
    return {"cores": cores(), "load": round(os.getloadavg()[0], 2)}
