"""Two dozen accounts that a fall puts under the line one after the other, and what a keeper must have done."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from keeper.store.database import decisions, open_database, transactions
from tests.e2e.anvil import Anvil
from tests.e2e.process import KeeperProcess, configure, until
from tests.e2e.world import BTC, ETH, PRICES, World

ACCOUNTS = 24
LOWEST = 1_800.0
FALL = (1_960.0, 1_930.0, 1_900.0, 1_870.0, 1_840.0, LOWEST)
"""At the first of these nobody is under the line, at the last one all are."""
BREACHES = 20


def crowd(node: Anvil) -> World:
    """The accounts long one ETH each with 150 to 265 of cash; blocks held."""
    made = World(node)
    made.lever([182 + 4 * sub for sub in range(1, ACCOUNTS + 1)], takers=400_000)
    return made


@dataclass
class Ended:
    """What a run came to, without what depends on its timing."""

    sighted: list[int] = field(default_factory=list)
    sold: list[int] = field(default_factory=list)
    under: list[int] = field(default_factory=list)
    """Accounts that are left under the line without a sighting."""
    twice: list[str] = field(default_factory=list)
    """Decisions of which two transactions are in the chain."""
    unjournaled: list[str] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    """Decisions of which the journal says that they never happened, and the chain has them."""
    reserved: int = 0


class Run:
    """A keeper at work on the crowd while prices fall."""

    def __init__(self, world: World, directory: Path, endpoints: Sequence[str], more: str = "") -> None:
        self.world = world
        self.chain = world.chain
        self.directory = directory
        self.first = self.chain.head()["number"]
        chain = (
            "request_seconds = 1.5\nhedge_seconds = 0.3\ndeaf_seconds = 1.0\nhistory_blocks = 64\n"
            + f"endpoints = {json.dumps(list(endpoints))}\n"
        )
        path = configure(directory, "replaced", world.record(directory), "[bid]\nmin_profit = 0.2\n" + more)
        text = path.read_text().replace('endpoints = ["replaced"]\n', chain)
        path.write_text(text)
        self.config = path

    @property
    def accounts(self) -> list[int]:
        return [self.world.account(self.world.trader, sub) for sub in range(1, ACCOUNTS + 1)]

    def key(self) -> str:
        return "0x" + bytes(self.world.taker.key).hex()

    def keeper(self, launcher: str = "keeper", **environment: str) -> KeeperProcess:
        return KeeperProcess(self.config, self.key(), launcher=launcher, **environment)

    def tick(self, price: float, keeper: KeeperProcess | None = None, seconds: float = 20) -> None:
        """A block with a price, which the keeper handles before the next one."""
        self.world.prices({ETH: price, BTC: PRICES[BTC]})
        if keeper is not None:
            number = self.chain.head()["number"]
            until(lambda: keeper.process.poll() is not None or keeper.has_handled(number), f"head {number}", seconds)

    def fall(self, keeper: KeeperProcess) -> Iterator[int]:
        """Prices down to the lowest, two blocks each: yields before each step."""
        for step, price in enumerate(FALL):
            yield step
            self.tick(price, keeper)
            self.tick(price, keeper)

    def to_the_end(self, keeper: KeeperProcess, blocks: int = 90) -> None:
        """Blocks at the lowest price until everybody is served."""
        for _ in range(blocks):
            if not self.unserved():
                break
            self.tick(LOWEST, keeper)
        # What was sent last is mined and accounted for.
        for _ in range(2):
            self.tick(LOWEST, keeper)

    def unserved(self) -> list[int]:
        """Accounts that are still under the line."""
        healths = zip(self.accounts, self.world.healths(self.accounts), strict=True)
        return [account for account, (equity, requirement) in healths if equity < requirement > 0]

    def ended(self) -> Ended:
        """What the chain and the keeper's store say afterwards."""
        auction = self.world.contracts["Auction"]
        runs = auction.events.RunChanged().get_logs(from_block=self.first)
        sales = self.world.taken(self.first)
        mined = self._mined()
        with open_database(self.directory / "keeper.sqlite").connect() as connection:
            rows = connection.execute(select(transactions.c.hash, transactions.c.decision)).all()
            known = {row[0]: row[1] for row in rows}
            open_states = select(decisions.c.reserved).where(decisions.c.state.in_(["planned", "signed", "sent"]))
            reserved = sum(int(row[0]) for row in connection.execute(open_states))
            over = select(decisions.c.id).where(decisions.c.state.in_(["dropped", "given_up"]))
            denied = {row[0] for row in connection.execute(over)}
        carried_out = [known[hash_] for hash_ in mined if hash_ in known]
        return Ended(
            sighted=sorted({event.args.account for event in runs if event.args.account in self.accounts}),
            sold=sorted({event.args.account for event in sales if event.args.account in self.accounts}),
            under=[a for a in self.unserved() if self.world.run(a).last == 0],
            twice=sorted({name for name in carried_out if carried_out.count(name) > 1}),
            unjournaled=[hash_ for hash_ in mined if hash_ not in known],
            denied=sorted(denied.intersection(carried_out)),
            reserved=reserved,
        )

    def _mined(self) -> list[str]:
        """The keeper's own transactions in the chain since the run began."""
        sender = self.world.taker.address.lower()
        found = []
        for number in range(self.first + 1, self.chain.head()["number"] + 1):
            block: dict[str, Any] = self.chain.block(hex(number))
            found += [tx["hash"] for tx in block["transactions"] if tx["from"] == sender]
        return found


def assert_served(run: Run, ended: Ended) -> None:
    """Nobody is forgotten, nothing is done twice, nothing is sent that the journal does not hold."""
    assert len(ended.sighted) >= BREACHES
    assert ended.under == [], "accounts under the line were left unsighted"
    assert run.unserved() == [], "accounts are still under the line"
    assert ended.twice == [], "decisions were carried out twice"
    assert ended.unjournaled == [], "transactions that the journal does not hold"
    assert ended.denied == [], "decisions were carried out that the journal has as dropped"
    assert ended.reserved == 0, "capital is reserved for what has ended"
