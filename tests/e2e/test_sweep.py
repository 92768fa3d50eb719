"""Standing bids on a chain: a keeper that does not bid has them take what is under the line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.e2e.anvil import Anvil
from tests.e2e.process import KeeperProcess, command, configure
from tests.e2e.test_run import key_of, tick
from tests.e2e.world import ETH, WAD, World


def post(world: World, tick: int, *, markets: int = 1 << ETH, cash: int = 10_000) -> int:
    """A standing bid of the rival's for up to 1,000 of requirement; its id."""
    taker = world.account(world.rival)
    call = world.contracts["Auction"].functions.post(taker, tick, 1_000 * WAD, WAD, markets, 2 * 10**5, cash * WAD)
    number: int = call.call({"from": world.rival.address})
    world.send(world.rival, call)
    world.prices({ETH: 2_000.0})
    return number


def own(world: World, number: int) -> int:
    """The account of a standing bid."""
    return int(world.contracts["Auction"].address, 16) << 96 | number


def until_taken(world: World, keeper: KeeperProcess, first: int, blocks: int = 60) -> list[Any]:
    for _ in range(blocks):
        tick(world, keeper)
        if sales := world.taken(first):
            return sales
    raise AssertionError("nothing was taken")


def test_run__bidding_off_and_bids_standing__swept_when_their_tick_is_reached(
    world: World, chain: Anvil, tmp_path: Path
) -> None:
    dear, cheap, other = post(world, 25), post(world, 10), post(world, 5, markets=0b10)
    victim = world.account(world.trader, 1)
    endpoint = f"ws://127.0.0.1:{chain.port}"
    more = "[bid]\nenabled = false\n[sweep]\nmax_cost = 100.0\n"
    config = configure(tmp_path, endpoint, world.record(tmp_path), more)
    first = chain.head()["number"]
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        tick(world, keeper, times=2)
        start = world.run(victim).start
        (sale,) = until_taken(world, keeper, first)
        keeper.wait_for("mined", kind="sweep")
        tick(world, keeper, times=2)
        assert keeper.stop() == 0
        warnings = [event for event in keeper.events() if event["level"] in ("warning", "error")]
    assert not warnings
    assert (sale.args.account, sale.args.taker) == (victim, own(world, cheap))
    # λ is 35% after a minute: the tick of 10% is reached after 18 seconds, and a sweep is in the next block.
    assert 18 <= world.web3.eth.get_block(sale.blockNumber)["timestamp"] - start <= 22
    equity, requirement = world.assess(victim)[:2]
    assert abs(equity * 100 // requirement - 140) <= 1
    assert world.size(own(world, cheap), ETH) == WAD - world.size(victim, ETH)
    assert world.size(own(world, dear), ETH) == world.size(own(world, other), ETH) == 0
    # What others bought is not the keeper's.
    rows = json.loads(command("history", "--kind", "sweep", "--config", str(config), "--json").stdout)["rows"]
    assert [(row["state"], row["taker_paid"]) for row in rows] == [("mined", None)]


def test_run__a_sweep_costs_more_than_it_may__none_and_why_says_so(world: World, chain: Anvil, tmp_path: Path) -> None:
    post(world, 10)
    victim = world.account(world.trader, 1)
    more = "[bid]\nenabled = false\n[sight]\nenabled = false\n"
    config = configure(tmp_path, f"ws://127.0.0.1:{chain.port}", world.record(tmp_path), more)
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        tick(world, keeper)
        world.send(world.rival, world.contracts["Auction"].functions.open([victim]))
        tick(world, keeper, times=20)
        told = command("why", hex(victim), "--config", str(config), key=key_of(world.taker))
        assert keeper.stop() == 0
    assert told.returncode == 0
    assert "standing bids would take some of it (1, the first at λ 0.10)" in told.stdout
    assert world.run(victim).last
    assert world.taken() == []
    assert not keeper.events("sweep")


def test_run__bids_itself__nothing_is_left_to_sweep(world: World, chain: Anvil, tmp_path: Path) -> None:
    post(world, 60)
    config = configure(
        tmp_path,
        f"ws://127.0.0.1:{chain.port}",
        world.record(tmp_path),
        "[bid]\nmin_profit = 0.1\n[sweep]\nmax_cost = 100.0\n",
    )
    first = chain.head()["number"]
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        (sale,) = until_taken(world, keeper, first)
        assert keeper.stop() == 0
    assert sale.args.taker == world.account(world.taker)
    assert not keeper.events("sweep")
