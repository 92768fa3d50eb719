"""
Start from a snapshot: reading it from the store into a book that is ready for the first head.

`python -m benches.snapshot --accounts 1000000` prints one JSON object: `start_s` (read, unpack, index, look at all),
`freeze_ms` (what the loop waits for when one is written), `write_s` (in a thread beside it), `mib` of its row.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from benches.measure import GIB, Took, machine, median, rss
from benches.population import NOW, ORACLE, mirror_of
from keeper.book.exact import Exact
from keeper.book.near import Watch
from keeper.book.rows import ROWS
from keeper.book.warm import warm_up
from keeper.store.database import open_database
from keeper.store.snapshots import Frozen, freeze, load_snapshot, save_snapshot, snapshots_of


def frozen_of(accounts: int) -> tuple[Took, Frozen]:
    """A copy of a mirror of so many accounts, and how long it takes to make."""
    mirror = mirror_of(accounts, np.random.default_rng(3))
    return median(lambda: freeze(mirror), 5), freeze(mirror)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    asked = parser.parse_args()
    warm_up()
    frozen, copy = frozen_of(asked.accounts)
    accounts = int(copy.columns.counts[ROWS])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "keeper.sqlite"
        engine = open_database(path)
        started, used = time.perf_counter(), time.process_time()
        save_snapshot(engine, "bench", copy)
        wrote, write_cpu = time.perf_counter() - started, time.process_time() - used
        del copy
        size = path.stat().st_size
        started, used = time.perf_counter(), time.process_time()
        (snapshot,) = snapshots_of(engine, "bench")
        read = load_snapshot(engine, snapshot.number, 128)
        Watch(read.book).select(Exact(read, ORACLE, NOW))
        took, cpu = time.perf_counter() - started, time.process_time() - used
        engine.dispose()
    assert len(read.book) == accounts
    figures = {
        "accounts": accounts,
        "start_s": round(took, 2),
        "start_cpu_s": round(cpu, 2),
        "freeze_ms": frozen.ms,
        "freeze_cpu_ms": frozen.cpu_ms,
        "write_s": round(wrote, 2),
        "write_cpu_s": round(write_cpu, 2),
        "mib": round(size / 2**20, 1),
        "rss_total_gib": round(rss() / GIB, 3),
    }
    print(json.dumps(figures | machine()))


if __name__ == "__main__":
    main()
