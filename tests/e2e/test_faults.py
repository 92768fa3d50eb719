"""What must not hurt: kill -9 at any moment, reorgs, a restart; nothing twice, nobody forgotten."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from sqlalchemy import select

from keeper.cli.common import account_of
from keeper.store.database import open_database, transactions
from tests.e2e.anvil import Anvil
from tests.e2e.process import KeeperProcess, command, configure
from tests.e2e.test_run import LOW, key_of, tick
from tests.e2e.world import BTC, ETH, World

DEEP = {ETH: 1_860.0, BTC: 50_000.0}
"""Five of the six accounts are in breach."""


def assert_book_is_the_chain_s(config: Path, world: World) -> None:
    """What a mirror says that starts from the keeper's store, of every account, against the contracts."""
    ended = command("scan", "--all", "--json", "--config", str(config))
    assert ended.returncode == 0, ended.stderr
    rows = json.loads(ended.stdout)["rows"]
    assert len(rows) >= 9
    for row in rows:
        equity, requirement = world.assess(account_of(row["account"]))[:2]
        assert (row["equity"], row["requirement"]) == (equity / 10**18, requirement / 10**18), row["account"]


def carried_out(world: World, chain: Anvil, first: int) -> list[str]:
    """The keeper's transactions in the chain since a block, in order."""
    sender = world.taker.address.lower()
    blocks = [chain.block(hex(number)) for number in range(first, chain.head()["number"] + 1)]
    return [tx["hash"] for block in blocks for tx in block["transactions"] if tx["from"] == sender]


def journaled(directory: Path) -> dict[str, str]:
    """The decision of each transaction that the journal knows to be in a block."""
    chosen = select(transactions.c.hash, transactions.c.decision).where(transactions.c.mined_block.is_not(None))
    with open_database(directory / "keeper.sqlite").connect() as connection:
        return {row[0]: row[1] for row in connection.execute(chosen)}


@pytest.mark.parametrize("seed", [1, 2])
def test_kill__again_and_again_at_any_moment__all_served_and_nothing_twice(
    world: World, chain: Anvil, config: Path, tmp_path: Path, seed: int
) -> None:
    """Killed after a random time in each of some lives; blocks go on meanwhile."""
    rng = random.Random(seed)
    first = chain.head()["number"]
    for _ in range(3):
        with KeeperProcess(config, key_of(world.taker)) as keeper:
            keeper.started()
            for _ in range(rng.randint(2, 8)):
                world.prices(DEEP)
                keeper.process.poll()
            if rng.random() < 0.5:
                keeper.handled(chain.head()["number"] - rng.randint(0, 1))
            keeper.kill()
        world.prices(DEEP)
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        for _ in range(40):
            tick(world, keeper, DEEP)
            if all(world.size(world.account(world.trader, sub), ETH) < 10**18 for sub in range(1, 6)):
                break
        assert keeper.stop() == 0
    sold = [sale.args.account for sale in world.taken(first)]
    assert set(sold) == {world.account(world.trader, sub) for sub in range(1, 6)}
    known = journaled(tmp_path)
    assert sorted(carried_out(world, chain, first)) == sorted(known), "journal and chain differ"
    assert len(set(known.values())) == len(known), "one decision was carried out twice"
    assert world.web3.eth.get_transaction_count(world.taker.address, "pending") == world.web3.eth.get_transaction_count(
        world.taker.address
    ), "something was left behind in the pool"
    assert_book_is_the_chain_s(config, world)


@pytest.mark.parametrize("depth", [1, 2])
def test_reorg__blocks_with_a_sighting_are_gone__sighted_again(
    world: World, chain: Anvil, config: Path, depth: int
) -> None:
    victim = world.account(world.trader, 1)
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        tick(world, keeper, times=2)
        assert world.run(victim).last > 0
        tick(world, keeper, times=depth - 1)
        # The blocks come anew without their transactions; all of them are forgotten by the node.
        chain.call("anvil_reorg", depth, [])
        chain.call("anvil_dropAllTransactions")
        assert world.run(victim).last == 0
        tick(world, keeper)
        keeper.wait_for("rolled back")
        tick(world, keeper, times=2)
        assert world.run(victim).last > 0
        keeper.wait_for("mined", kind="open", count=2)
    assert_book_is_the_chain_s(config, world)


def test_reorg__prices_were_other__book_follows(world: World, chain: Anvil, config: Path) -> None:
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        tick(world, keeper, {ETH: 1_990.0, BTC: 50_000.0}, times=3)
        chain.call("anvil_reorg", 2, [])
        chain.mine()
        keeper.handled(chain.head()["number"])
        keeper.wait_for("rolled back")
    assert_book_is_the_chain_s(config, world)


def test_restart__after_a_while__reads_only_what_is_new(world: World, chain: Anvil, config: Path) -> None:
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        tick(world, keeper)
        assert keeper.stop() == 0
    stopped = chain.head()["number"]
    for _ in range(5):
        world.prices(LOW)
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        assert keeper.wait_for("began from a snapshot")["block"] == stopped
        tick(world, keeper, times=2)
    assert world.run(world.account(world.trader, 1)).last > 0
    assert_book_is_the_chain_s(config, world)


def test_rival__takes_it_first__our_bid_costs_nothing_but_gas(world: World, chain: Anvil, config: Path) -> None:
    """Both want the same account; the rival's transaction stands first in the block."""
    victim, rival = world.account(world.trader, 1), world.account(world.rival)
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        tick(world, keeper, times=2)
        first = chain.head()["number"]
        while not keeper.events("bid"):
            tick(world, keeper)
        lot = (victim, 10**18, 2**255 - 1, 0, 0, 2**64 - 1, 2**256 - 1)
        bid = world.contracts["Auction"].functions.bid(rival, [lot])
        fees = {"maxFeePerGas": 50 * 10**9, "maxPriorityFeePerGas": 20 * 10**9}
        bid.transact({"from": world.rival.address, "gas": 3_000_000, **fees})
        tick(world, keeper, times=2)
        keeper.wait_for("reverted", kind="bid")
        tick(world, keeper, times=2)
    (sale,) = world.taken(first)
    assert sale.args.taker == rival
    told = json.loads(command("opportunities", "--config", str(config), "--json").stdout)
    assert told["labels"] == {"late": 1}
    (row,) = told["rows"]
    assert (row["block"], row["account"], row["taker"]) == (sale.blockNumber, hex(victim), hex(rival))
    assert row["seen_block"] < row["sent_block"] < row["block"]
    shown = command("opportunities", "--config", str(config)).stdout
    assert "1 late: a bid for it was sent and not mined yet" in shown
    assert world.size(world.account(world.taker), ETH) == 0


def test_base_fee__above_the_cap_for_some_blocks__then_all_sighted_together(
    world: World, chain: Anvil, tmp_path: Path
) -> None:
    """That nothing could be sent is not held against the accounts: none waits longer for it, or is tried on its own."""
    endpoint = f"ws://127.0.0.1:{chain.port}"
    config = configure(tmp_path, endpoint, world.record(tmp_path), "[fees]\nmax_fee_gwei = 5\n")
    accounts = [world.account(world.trader, sub) for sub in range(1, 6)]
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        for _ in range(4):
            chain.call("anvil_setNextBlockBaseFeePerGas", hex(10 * 10**9))
            tick(world, keeper, DEEP)
        assert [world.run(account).last for account in accounts] == [0] * 5
        chain.call("anvil_setNextBlockBaseFeePerGas", hex(10**9))
        tick(world, keeper, DEEP)
        tick(world, keeper, DEEP)
        assert [world.run(account).last for account in accounts] == [chain.head()["time"]] * 5
        tick(world, keeper, DEEP)
        assert keeper.stop() == 0
    tried = [event["outcome"] for event in keeper.events("open")]
    assert tried == ["held"] * 4 + ["sent"]
