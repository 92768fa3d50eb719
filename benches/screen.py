"""
The book of many accounts: how long all of it takes after a price, how long a tick, what it weighs, what it misses.

`python -m benches.screen --accounts 1000000` prints one JSON object:

- `full_ms`: every account against a new price; `tick_ms`: prices move by 0.1%, which brings 1% of the accounts within
  reach of the line, all of what a head asks for (markets, move, who is near, who is under). Medians; `…_cpu_ms` is what
  the processors spent on it, all threads together: on a busy machine it says more than the clock.
- `renewals`, `walk_ms`: ticks one after the other, as prices wander off; how often all accounts were looked at anew
  between heads, and the mean tick.
- `rss_gib`: what the process weighs above what it weighed before it had the book; `rss_total_gib`: all of it.
- `false_negatives`: accounts that the exact rule sights and the screen did not select, over `pairs` accounts at prices.
- `exact_us`: the exact decision of an account of three positions.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np

from benches.measure import GIB, machine, median, rss
from benches.population import NOW, ORACLE, PRICES, at_prices, mirror_of, moved, place, price_words
from keeper.book.exact import Exact
from keeper.book.mirror import Mirror
from keeper.book.near import Watch
from keeper.book.screen import markets_of
from keeper.book.screen import moved as distance
from keeper.book.warm import warm_up

TICK = 0.001
NEAR = 0.01
CLOSE = 10_000
"""Accounts in the search for false negatives, all of them close to the line."""


def reach_of(mirror: Mirror, part: float) -> float:
    """How far the markets move, in the number of radii, when all prices move by this part."""
    before = markets_of(Exact(mirror, ORACLE, NOW))
    mirror.apply(mirror.number + 1, "", NOW, 0, [price_words([int(price * (1 + part)) for price in PRICES], NOW)])
    reach = distance(before, markets_of(Exact(mirror, ORACLE, NOW)))
    mirror.rollback(mirror.number - 1)
    return reach


def timed(accounts: int, ticks: int) -> dict[str, object]:
    """All but the false negatives."""
    warm_up()
    gc.collect()
    base = rss()
    rng = np.random.default_rng(1)
    mirror = mirror_of(accounts, rng)
    place(mirror, NEAR, reach_of(mirror, TICK), rng)
    watch = Watch(mirror.book)
    watch.renew(Exact(mirror, ORACLE, NOW))

    def ticked(prices: list[int], time: int = NOW) -> None:
        nonlocal exact
        exact = at_prices(mirror, prices, time)

    exact = Exact(mirror, ORACLE, NOW)
    full = median(lambda: watch.renew(Exact(mirror, ORACLE, NOW)), 15, lambda: ticked(moved(PRICES, TICK, rng)))
    ticked(PRICES)
    watch.renew(exact)
    looked = []
    tick = median(lambda: looked.append(watch.select(exact).looked_at), ticks, lambda: ticked(moved(PRICES, TICK, rng)))
    walk, renewals = wander(mirror, watch, ticks, rng)
    gc.collect()
    weight = rss()
    return {
        "accounts": accounts,
        "words_per_account": round(float(mirror.book.columns.counts[1]) / accounts, 2),
        "full_ms": full.ms,
        "full_cpu_ms": full.cpu_ms,
        "tick_ms": tick.ms,
        "tick_cpu_ms": tick.cpu_ms,
        "looked_at": int(np.median(looked)),
        "walk_ms": walk,
        "renewals": renewals,
        "rss_gib": round((weight - base) / GIB, 3),
        "rss_total_gib": round(weight / GIB, 3),
        "exact_us": exact_us(mirror),
    }


def wander(mirror: Mirror, watch: Watch, ticks: int, rng: np.random.Generator) -> tuple[float, int]:
    """Ticks of 0.1% on top of each other, one every two seconds; renewals between heads are not a head's time."""
    prices, took, renewals = PRICES, 0.0, 0
    for tick in range(ticks):
        prices = moved(prices, TICK, rng)
        exact = at_prices(mirror, prices, NOW + 2 * tick)
        started = time.perf_counter()
        watch.select(exact)
        took += time.perf_counter() - started
        if watch.is_worn:
            watch.renew(exact)
            renewals += 1
    return round(1e3 * took / ticks, 3), renewals


def exact_us(mirror: Mirror, count: int = 20_000) -> float:
    """Microseconds an account that the screen selected, its words read, its prices known; the best of five rounds."""
    book = mirror.book
    chosen = [row for row in range(min(len(book), 5 * count)) if len(book.entry_at(row).words) == 3]
    rows = np.array(chosen[:count], np.int64)
    best = float("inf")
    for _ in range(5):
        exact = Exact(mirror, ORACLE, NOW)
        started = time.perf_counter()
        for account in exact.accounts(rows):
            exact.assess(account)
        best = min(best, time.perf_counter() - started)
    return round(1e6 * best / len(chosen), 2)


def missed(pairs: int, seed: int) -> tuple[int, int, int]:
    """Accounts close to the line at prices that move: pairs looked at, sighted ones, and those of them not selected."""
    rng = np.random.default_rng(seed)
    mirror = mirror_of(CLOSE, rng)
    place(mirror, 0.9, 5 * reach_of(mirror, TICK), rng)
    watch = Watch(mirror.book)
    accounts = [mirror.book.account(row) for row in range(CLOSE)]
    prices, now = PRICES, NOW
    seen = sighted = lost = 0
    while seen < pairs:
        # Back toward where they began, so that accounts stay close to the line.
        prices = [(9 * price + start) // 10 for price, start in zip(prices, PRICES, strict=True)]
        prices = moved(prices, float(10 ** rng.uniform(-5, -2.3)), rng)
        now += int(rng.integers(0, 13))
        exact = at_prices(mirror, prices, now - int(rng.integers(0, 3)))
        exact = Exact(mirror, ORACLE, now)
        selected = {mirror.book.account(int(row)) for row in watch.select(exact).rows}
        found = {account for account in accounts if exact.assess(account).sighted}
        seen += len(accounts)
        sighted += len(found)
        lost += len(found - selected)
    return seen, sighted, lost


def search(pairs: int, processes: int) -> dict[str, object]:
    """The same in several processes."""
    work: Callable[[int], tuple[int, int, int]] = partial(missed, max(1, pairs // processes))
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        parts = list(pool.map(work, range(100, 100 + processes)))
    return {
        "pairs": sum(part[0] for part in parts),
        "sighted": sum(part[1] for part in parts),
        "false_negatives": sum(part[2] for part in parts),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--ticks", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=10_000_000, help="account-prices compared with the exact rule")
    parser.add_argument("--processes", type=int, default=2, help="for these")
    asked = parser.parse_args()
    figures = timed(asked.accounts, asked.ticks)
    if asked.pairs:
        figures |= search(asked.pairs, asked.processes)
    print(json.dumps(figures | machine()))


if __name__ == "__main__":
    main()
