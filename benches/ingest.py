"""
Log ingestion: the bytes of an answer to eth_getLogs, decoded and applied to the book.

`python -m benches.ingest` prints one JSON object: `events_per_s` over all (by the clock; `events_per_cpu_s` of the
processor's time), of which `decode_share` is spent before the book is touched. The events are what trading makes: fills
(two accounts, a market's sums, interest), now and then prices and sightings.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from benches.measure import machine
from benches.population import NOW, PRICES, changes, mirror_of, price_words
from keeper.book.warm import warm_up
from keeper.chain.events import topic
from keeper.chain.logs import read_logs

CHANGED = topic("AccountChanged(uint256,uint256,uint256,uint256,uint256[])")
INTEREST = topic("InterestChanged(uint256,uint256,uint256)")
SUMS = topic("BookChanged(uint256,uint256)")
PRICED = topic("PricesUpdated(uint256,uint256,uint256[])")
RUN = topic("RunChanged(uint256,uint256)")


def words(*values: int) -> str:
    """Data of these words."""
    return "0x" + "".join(f"{value:064x}" for value in values)


def logs(accounts: int, count: int, rng: np.random.Generator) -> Iterator[tuple[list[str], str]]:
    """Topics and data of `count` events, accounts taken at random from those there are."""
    kept = changes(min(accounts, 50_000), rng)
    ends = np.append(kept.at[1:], len(kept.words))
    made = 0
    while made < count:
        for _ in range(2):
            place = int(rng.integers(len(kept.at)))
            block = kept.words[kept.at[place] : ends[place]]
            values = [int.from_bytes(word.tobytes(), "little") for word in block]
            yield [CHANGED, f"0x{values[0]:064x}"], words(*values[1:])
        yield [SUMS, words(int(rng.integers(16)))], words(int(rng.integers(2**62)) << 128 | 5)
        yield [INTEREST], words(10**18 | 10**18 << 80 | NOW << 160, int(rng.integers(2**62)), int(rng.integers(2**62)))
        made += 4
        if rng.random() < 0.01:
            prices = price_words(PRICES, NOW)
            yield [PRICED, words(1)], words(prices.markets, 64, 16, *prices.words)
            yield [RUN, f"0x{values[0]:064x}"], words(int(rng.integers(2**62)))
            made += 2


def answers(accounts: int, count: int, each: int, rng: np.random.Generator) -> Iterator[tuple[int, bytes]]:
    """Answers as nodes give them, of some thousand logs each."""
    batch: list[dict[str, Any]] = []
    for place, (topics, data) in enumerate(logs(accounts, count, rng)):
        block = place // 200
        batch.append(
            {
                "address": "0x5fbdb2315678afecb367f032d93f642f64180aa3",
                "topics": topics,
                "data": data,
                "blockHash": f"0x{block:064x}",
                "blockNumber": hex(block),
                "blockTimestamp": hex(NOW + block),
                "transactionHash": f"0x{place // 4:064x}",
                "transactionIndex": hex(place // 4 % 50),
                "logIndex": hex(place % 200),
                "removed": False,
            }
        )
        if len(batch) == each:
            yield len(batch), json.dumps(batch, separators=(",", ":")).encode()
            batch = []


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=200_000, help="in the book before")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--each", type=int, default=5_000, help="logs of one answer")
    asked = parser.parse_args()
    warm_up()
    rng = np.random.default_rng(2)
    mirror = mirror_of(asked.accounts, rng)
    told = list(answers(asked.accounts, asked.events, asked.each, rng))
    events, size = sum(count for count, _ in told), sum(len(answer) for _, answer in told)
    decoding = 0.0
    started, used = time.perf_counter(), time.process_time()
    for number, (_, answer) in enumerate(told, start=2):
        begun = time.process_time()
        read = read_logs(answer)
        decoding += time.process_time() - begun
        mirror.apply(number, hex(number), NOW + number, 0, read.told)
    took, cpu = time.perf_counter() - started, time.process_time() - used
    figures = {
        "events": events,
        "bytes_per_event": size // events,
        "words_per_change": round(len(read.told.changes.words) / len(read.told.changes.at) - 6, 2),
        "events_per_s": round(events / took),
        "events_per_cpu_s": round(events / cpu),
        "mib_per_cpu_s": round(size / cpu / 2**20, 1),
        "decode_share": round(decoding / cpu, 2),
    }
    print(json.dumps(figures | machine()))


if __name__ == "__main__":
    main()
