"""
How long from a head to the opening transaction, with very many accounts, as one JSON object.

A real keeper on anvil, behind a tap on loopback that notes when it passed a head on and when a transaction came in.
Each price update puts a few more accounts under the line. `p50_ms` and `p99_ms` are over the updates that breached
somebody; `missed` counts accounts under the line that no transaction named within that block's time.

    python -m benches.latency --accounts 100000 --updates 200
    python -m benches.latency --accounts 10000 --at-once      # all of them breached by one price, blocks of 30M gas
    python -m benches.latency --accounts 10000 --at-once --insolvent   # by one so low that most of them owe money
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from benches.crowd import CLOSE, MOST, Crowd, wait
from benches.tap import Tap
from tests.e2e.anvil import Anvil
from tests.e2e.process import KeeperProcess, configure
from tests.e2e.world import BTC, ETH, PRICES

BLOCK_GAS = 30_000_000


def started(crowd: Crowd, tap: Tap, folder: Path) -> KeeperProcess:
    """A keeper that only sights, so that its sightings alone are measured."""
    config = configure(folder, tap.socket, crowd.world.record(folder), "[bid]\nenabled = false\n")
    text = config.read_text().replace('log_level = "debug"', 'log_level = "info"')
    config.write_text(text)
    return KeeperProcess(config, "0x" + bytes(crowd.world.taker.key).hex())


def updates(crowd: Crowd, tap: Tap, count: int) -> dict[str, object]:
    """One price after the other, each a little lower."""
    latencies, missed, breached = [], 0, 0
    place = 0
    for _ in range(count):
        # The next one to three accounts in the order of cash.
        place = min(crowd.count - 1, place + 1 + breached % 3)
        price = crowd.line(place) - 0.02
        before, heads = len(tap.arrived), len(tap.passed)
        crowd.world.prices({ETH: price, BTC: PRICES[BTC]})
        wait(lambda heads=heads: len(tap.passed) > heads, 30, "a head")
        try:
            wait(lambda before=before: len(tap.arrived) > before, 1, "an opening transaction")
        except RuntimeError:
            # Lines lie close together: the price before may have been below this one too.
            missed += crowd.world.run(crowd.account(place)).last == 0
            continue
        latencies.append(1_000 * (tap.arrived[before] - tap.passed[heads]))
        breached += 1
    # Whoever is under the line must have been sighted by now.
    crowd.world.prices({ETH: crowd.line(place) - 0.02, BTC: PRICES[BTC]})
    crowd.node.mine()
    missed += sum(crowd.world.run(crowd.account(other)).last == 0 for other in range(0, place, max(1, place // 50)))
    latencies.sort()
    return {
        "updates": count,
        "breaching": breached,
        "p50_ms": round(statistics.median(latencies), 2),
        "p99_ms": round(latencies[max(0, -(-99 * len(latencies) // 100) - 1)], 2),
        "max_ms": round(latencies[-1], 2),
        "missed": missed,
    }


def at_once(crowd: Crowd, tap: Tap) -> dict[str, object]:
    """All accounts under the line with one price: blocks until everybody is sighted."""
    begun = time.monotonic()
    crowd.world.prices({ETH: crowd.line(crowd.count - 1) - 1, BTC: PRICES[BTC]})
    first = crowd.node.head()["number"]
    price = crowd.line(crowd.count - 1) - 1
    blocks = 0
    while blocks < 64:
        blocks += 1
        # As a block of two seconds on a chain: what has arrived by then is in it.
        seen = -1
        quiet = time.monotonic()
        while time.monotonic() - quiet < 0.5:
            if len(tap.arrived) != seen:
                seen, quiet = len(tap.arrived), time.monotonic()
            time.sleep(0.01)
        crowd.world.prices({ETH: price, BTC: PRICES[BTC]})
        sighted = crowd.world.contracts["Auction"].events.RunChanged().get_logs(from_block=first)
        if len({event.args.account for event in sighted}) == crowd.count:
            break
    return {
        "blocks": blocks,
        "sighted": len({event.args.account for event in sighted}),
        "missed": crowd.count - len({event.args.account for event in sighted}),
        "transactions": len(tap.arrived),
        "seconds": round(time.monotonic() - begun, 1),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--updates", type=int, default=200)
    parser.add_argument("--at-once", action="store_true")
    parser.add_argument("--insolvent", action="store_true", help="with --at-once")
    asked = parser.parse_args()
    options = ["--prune-history", "32"]
    if asked.at_once:
        options += ["--enable-tx-gas-limit"]
    with tempfile.TemporaryDirectory() as made, Anvil(options=options) as node:
        crowd = Crowd(node, asked.accounts, most=CLOSE if asked.at_once and not asked.insolvent else MOST)
        if asked.at_once:
            node.call("evm_setBlockGasLimit", hex(BLOCK_GAS))
        with Tap(node.port) as tap:
            keeper = started(crowd, tap, Path(made))
            begun = time.monotonic()
            with keeper:
                keeper.wait_for("started")
                start = round(time.monotonic() - begun, 1)
                crowd.world.prices({ETH: PRICES[ETH], BTC: PRICES[BTC]})
                result = at_once(crowd, tap) if asked.at_once else updates(crowd, tap, asked.updates)
    print(json.dumps({"accounts": asked.accounts, "start_s": start, **result}))


if __name__ == "__main__":
    main()
