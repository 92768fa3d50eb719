"""`make soak MINUTES=20`: a keeper among two thousand accounts, random prices, random faults, for as long as is asked.

Every few blocks faults stop for a moment, and whoever is under the line must have been sighted. At the end each of the
keeper's transactions must be in its journal, no decision carried out twice, no capital bound, and memory where it was.
One JSON object; exit 1 where something of this does not hold.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from sqlalchemy import select

from benches.crowd import FIRST_OWNER, Crowd
from keeper.store.database import decisions, open_database, transactions
from tests.e2e.anvil import Anvil
from tests.e2e.process import KeeperProcess, configure, until
from tests.e2e.world import BTC, ETH, PRICES
from tests.faults.proxy import Fault, FaultProxy
from tests.faults.test_endpoints import READS, garbage, without_last_log

CHECK_EVERY = 25
"""Blocks."""
GRACE = 4
"""Blocks without faults, at one price, in which whoever is under the line has to be sighted."""
GROWTH = 1.25
"""Of resident memory, from after the first tenth of the time to the end, that still counts as flat."""


def rss(process: int) -> int:
    """Resident bytes of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


class Soak:
    """One run."""

    def __init__(self, crowd: Crowd, proxies: list[FaultProxy], keeper: KeeperProcess, rng: random.Random) -> None:
        self.crowd, self.proxies, self.keeper, self.rng = crowd, proxies, keeper, rng
        self.price = float(PRICES[ETH])
        self.blocks = self.refilled = 0
        self.missed: set[int] = set()
        self.faults: Counter[str] = Counter()
        self.memory: list[int] = []

    def move(self) -> None:
        """The price goes on."""
        self.price *= 1 + self.rng.gauss(0, 0.004)
        if self.rng.random() < 0.01:
            self.price *= 1 - self.rng.uniform(0.01, 0.05)
        self.price += (1_950 - self.price) * 0.01

    def block(self) -> None:
        """One block with the price, which the keeper may or may not hear of."""
        self.crowd.world.prices({ETH: self.price, BTC: PRICES[BTC]})
        self.blocks += 1

    def disturb(self) -> None:
        """One fault at one endpoint, or at the chain."""
        proxy = self.rng.choice(self.proxies)
        chain = self.crowd.node
        acts: dict[str, Callable[[], Any]] = {
            "slow": lambda: proxy.add(Fault("slow", delay=0.5, times=5)),
            "errors": lambda: proxy.add(Fault("errors", methods=READS, error="internal error", times=6)),
            "page": lambda: proxy.add(Fault("page", change=garbage, times=4)),
            "log": lambda: proxy.add(Fault("log", methods=("eth_getLogs",), change=without_last_log, times=2)),
            "send": lambda: proxy.add(Fault("send", methods=("eth_sendRawTransaction",), error="busy", times=3)),
            "cut": lambda: proxy.cut(clean=self.rng.random() < 0.5),
            "deaf": lambda: setattr(proxy, "deaf", True),
            "doubled": lambda: setattr(proxy, "doubled", True),
            "lag": lambda: setattr(proxy, "lag", 4),
            "dropped": lambda: chain.call("anvil_dropAllTransactions"),
            "reorg": lambda: self._reorg(self.rng.randint(1, 4)),
        }
        name = self.rng.choice(sorted(acts))
        acts[name]()
        self.faults[name] += 1

    def _reorg(self, depth: int) -> None:
        self.crowd.node.call("anvil_reorg", depth, [])
        self.crowd.node.call("anvil_dropAllTransactions")

    def calm(self) -> None:
        """Faults end and the price stands; a few blocks later nobody may be under the line unsighted."""
        for proxy in self.proxies:
            proxy.clear()
        for _ in range(GRACE):
            self.block()
            number = self.crowd.node.head()["number"]
            until(lambda number=number: self.keeper.has_handled(number), f"head {number}", 60)
        self.missed |= self.unsighted()
        self.memory.append(rss(self.keeper.process.pid))

    def unsighted(self) -> set[int]:
        """Accounts under the line at the kind end of their prices, of which no run tells."""
        world = self.crowd.world
        house, auction = world.contracts["Clearinghouse"], world.contracts["Auction"]
        found = set()
        for place in range(self.crowd.count):
            if self.crowd.line(place) < self.price * 0.97 and self.rng.random() < 0.95:
                continue
            account = self.crowd.account(place)
            seen = house.functions.assess(account).call()
            equity, requirement, up = seen[0], seen[1], seen[5]
            if requirement and equity + up < requirement and auction.functions.run(account).call() & 2**192 - 1 == 0:
                found.add(account)
        return found

    def refill(self, count: int) -> None:
        """Some that were relieved come back with money, and as long as they were."""
        world = self.crowd.world
        seeder = world.contracts["Crowd"]
        for _ in range(count):
            place = self.rng.randrange(self.crowd.count)
            account = self.crowd.account(place)
            lacking = 10**18 - world.size(account, ETH)
            if lacking <= 0:
                continue
            cash = round(self.rng.uniform(300, 600) * 10**6)
            price = int(self.price * 10**6) * 10**12
            call = seeder.functions.settle_in(
                FIRST_OWNER + place, [cash], ETH, lacking, price, world.account(world.maker)
            )
            world.send(world.owner, call)
            self.refilled += 1


def accounted(directory: Path, crowd: Crowd, first: int) -> dict[str, int]:
    """What of the chain the journal lacks, what was done twice, what is still bound."""
    with open_database(directory / "keeper.sqlite").connect() as connection:
        known = {row[0]: row[1] for row in connection.execute(select(transactions.c.hash, transactions.c.decision))}
        chosen = select(decisions.c.reserved).where(decisions.c.state.in_(["planned", "signed", "sent"]))
        bound = sum(int(row[0]) for row in connection.execute(chosen))
    sender, carried_out = crowd.world.taker.address.lower(), Counter()
    unjournaled = 0
    for number in range(first, crowd.node.head()["number"] + 1):
        for transaction in crowd.node.block(hex(number))["transactions"]:
            if transaction["from"] == sender:
                unjournaled += transaction["hash"] not in known
                carried_out[known.get(transaction["hash"], transaction["hash"])] += 1
    runs = crowd.world.contracts["Auction"].events.RunChanged().get_logs(from_block=first)
    return {
        "sighted": len({event.args.account for event in runs}),
        "taken": len(crowd.world.taken(first)),
        "transactions": carried_out.total(),
        "unjournaled": unjournaled,
        "double_spends": sum(count > 1 for count in carried_out.values()),
        "reserved": bound,
    }


def soak(minutes: float, accounts: int, seed: int) -> dict[str, Any]:
    """Run it; the result as it is printed."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as made, Anvil() as node:
        folder = Path(made)
        crowd = Crowd(node, accounts, seed)
        first = node.head()["number"] + 1
        with FaultProxy(node.port) as one, FaultProxy(node.port) as two:
            config = configure(folder, "replaced", crowd.world.record(folder), "[bid]\nmin_profit = 0.2\n")
            ends = (
                f"endpoints = {json.dumps([one.socket, two.socket])}\n"
                "request_seconds = 2.0\nhedge_seconds = 0.3\ndeaf_seconds = 1.0\n"
            )
            config.write_text(config.read_text().replace('endpoints = ["replaced"]\n', ends))
            with KeeperProcess(config, "0x" + bytes(crowd.world.taker.key).hex()) as keeper:
                keeper.started()
                run = Soak(crowd, [one, two], keeper, rng)
                begun = time.monotonic()
                with Progress(console=Console(stderr=True)) as progress:
                    task = progress.add_task("soak", total=minutes * 60)
                    while (gone := time.monotonic() - begun) < minutes * 60:
                        progress.update(task, completed=gone, description=f"soak: {run.blocks} blocks")
                        for _ in range(CHECK_EVERY):
                            run.move()
                            run.block()
                            if rng.random() < 0.25:
                                run.disturb()
                            until(lambda: keeper.process.poll() is None, "alive", 1)
                        run.calm()
                        run.refill(40)
                run.calm()
                run.calm()
                ended = keeper.stop()
                struck = one.struck + two.struck
        told = accounted(folder, crowd, first)
    early = run.memory[len(run.memory) // 10]
    return {
        "minutes": minutes,
        "seed": seed,
        "accounts": accounts,
        "blocks": run.blocks,
        "refilled": run.refilled,
        "faults": dict(run.faults),
        "struck": struck.total(),
        "missed": len(run.missed),
        **told,
        "exit_code": ended,
        "rss_mib_early": early >> 20,
        "rss_mib_end": run.memory[-1] >> 20,
        "flat": run.memory[-1] <= GROWTH * early,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--accounts", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    result = soak(asked.minutes, asked.accounts, asked.seed)
    print(json.dumps(result))
    wrong = [result[name] for name in ("missed", "unjournaled", "double_spends", "reserved", "exit_code")]
    sys.exit(1 if any(wrong) or not result["flat"] else 0)


if __name__ == "__main__":
    main()
