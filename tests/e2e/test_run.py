"""`keeper run` against a chain: sights at once, bids when it pays, counts its requests, stops when told."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from keeper.model.prices import DEAD, LATE
from tests.e2e.anvil import Anvil
from tests.e2e.process import KeeperProcess, command, configure, until
from tests.e2e.proxy import CountingProxy
from tests.e2e.world import BTC, ETH, HEARTBEAT, ORACLE, TERMS, World

LOW = {ETH: 1_900.0, BTC: 50_000.0}


def key_of(who: Any) -> str:
    return "0x" + bytes(who.key).hex()


def tick(world: World, keeper: KeeperProcess, prices: dict[int, float] = LOW, times: int = 1) -> None:
    """Blocks with fresh prices, each handled before the next."""
    for _ in range(times):
        world.prices(prices)
        keeper.handled(world.chain.head()["number"])


def test_run__price_falls__sighted_in_the_next_block_and_bid_for_later(
    world: World, chain: Anvil, config: Path
) -> None:
    victim, taker = world.account(world.trader, 1), world.account(world.taker)
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        tick(world, keeper)
        breach = chain.head()
        assert world.run(victim).last == 0
        tick(world, keeper)
        assert world.run(victim).start == chain.head()["time"] == breach["time"] + 2
        assert [world.run(world.account(world.trader, sub)).last for sub in range(2, 7)] == [0] * 5
        for _ in range(30):
            tick(world, keeper)
            if world.taken(breach["number"]):
                break
        (sale,) = world.taken(breach["number"])
        keeper.wait_for("mined", kind="bid")
        assert keeper.stop() == 0
    assert (sale.args.account, sale.args.taker) == (victim, taker)
    assert 0 < sale.args.fraction < 10**18
    equity, requirement = world.assess(victim)[:2]
    assert abs(equity * 100 // requirement - 140) <= 1
    assert world.size(taker, ETH) == 10**18 - world.size(victim, ETH)
    assert keeper.events("stopped")
    assert not [event for event in keeper.events() if event["level"] in ("warning", "error")]


def test_run__bidding_switched_off__sights_again_within_the_grace(world: World, chain: Anvil, tmp_path: Path) -> None:
    """Its own interest plays no part: nobody bids, and the run goes on over two graces."""
    endpoint = f"ws://127.0.0.1:{chain.port}"
    config = configure(tmp_path, endpoint, world.record(tmp_path), "[bid]\nenabled = false\n")
    victim = world.account(world.trader, 1)
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        tick(world, keeper, times=2)
        start = world.run(victim).start
        assert start > 0
        while chain.head()["time"] < start + 2 * 300:
            world.prices(LOW, seconds=10)
            keeper.handled(chain.head()["number"])
            run = world.run(victim)
            assert run.start == start
            assert chain.head()["time"] - run.last <= TERMS.watch
        # Once while the clock of a sighting runs, at 0.7 of it, and not at every head.
        assert 600 // TERMS.watch <= len(keeper.events("mined")) <= 600 // (0.7 * TERMS.watch) + 1
    assert world.taken() == []


FINE = {ETH: 2_000.0, BTC: 50_000.0}


def requests_a_head(
    world: World, keeper: KeeperProcess, proxy: CountingProxy, prices: dict[int, float], heads: int
) -> list[Counter[str]]:
    """What the keeper asks of the node at each of so many heads, one after the other."""
    counts = []
    for _ in range(heads):
        proxy.take()
        tick(world, keeper, prices)
        counts.append(proxy.take())
    return counts


def settle(world: World, more: int) -> None:
    """So many more accounts of the trader's, each long one ETH like the first ones, far from the line."""
    subs = range(100, 100 + more)
    for sub in subs:
        world.fund(world.trader, 1_000, sub)
    world.prices(FINE)
    for start in range(0, more, 64):
        for sub in subs[start : start + 64]:
            world.buy(sub, ETH, 1, 2_000)
        world.prices(FINE)


def assert_few(counts: list[Counter[str]]) -> None:
    """At most three requests at each single head, handing out transactions apart."""
    for head, asked in enumerate(counts):
        assert asked["eth_getLogs"] == 1, f"head {head}: {asked}"
        assert asked.total() - asked["eth_sendRawTransaction"] <= 3, f"head {head}: {asked}"


@pytest.mark.parametrize("transport", ["socket", "http"])
def test_run__few_accounts_or_two_hundred__the_same_three_requests_a_head_at_most(
    world: World, chain: Anvil, proxy: CountingProxy, tmp_path: Path, transport: str
) -> None:
    """Counted between keeper and node, head by head; polls that find no news are apart."""
    endpoint = proxy.socket if transport == "socket" else proxy.http
    config = configure(tmp_path, endpoint, world.record(tmp_path), "metrics_port = 0\n[bid]\nmin_profit = 0.1\n")
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        host, port = keeper.wait_for("serving metrics")["address"][0]
        keeper.started()
        tick(world, keeper, FINE)
        assert "keeper_accounts 9.0" in read(f"http://{host}:{port}/metrics").splitlines()
        few = requests_a_head(world, keeper, proxy, FINE, 6)
        settle(world, 191)
        tick(world, keeper, FINE)
        many = requests_a_head(world, keeper, proxy, FINE, 6)
        assert "keeper_accounts 200.0" in read(f"http://{host}:{port}/metrics").splitlines()
        assert few == many == [few[0]] * 6
        assert_few(few)
        busy = requests_a_head(world, keeper, proxy, LOW, 12)
        keeper.wait_for("mined", kind="bid")
        assert sum(busy, Counter())["eth_sendRawTransaction"] == 2
        assert_few(busy)


def test_run__transactions_get_lost__at_most_three_requests_a_head(
    world: World, chain: Anvil, proxy: CountingProxy, tmp_path: Path
) -> None:
    """However often one was replaced meanwhile, it costs a head no more."""
    config = configure(tmp_path, proxy.socket, world.record(tmp_path), "[bid]\nenabled = false\n")
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        tick(world, keeper, FINE)
        counts = []
        for _ in range(16):
            counts += requests_a_head(world, keeper, proxy, LOW, 1)
            chain.call("anvil_dropAllTransactions")
        assert len(keeper.events("replaced")) >= 4
        assert_few(counts)
        tick(world, keeper, times=4)
        keeper.wait_for("mined", kind="open")
    assert world.run(world.account(world.trader, 1)).last > 0


def test_run__socket_closed_cleanly__hears_again(
    world: World, chain: Anvil, proxy: CountingProxy, tmp_path: Path
) -> None:
    config = configure(tmp_path, proxy.socket, world.record(tmp_path))
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        proxy.cut(clean=True)
        keeper.wait_for("connected", count=2)
        tick(world, keeper, times=2)
    assert world.run(world.account(world.trader, 1)).last > 0


@pytest.mark.parametrize("method", ["eth_call", "eth_getLogs", "eth_sendRawTransaction"])
def test_run__requests_fail__account_not_forgotten(
    world: World, proxy: CountingProxy, tmp_path: Path, method: str
) -> None:
    """Whatever fails on the way to a sighting, it is tried again, and said."""
    config = configure(tmp_path, proxy.http, world.record(tmp_path), "[bid]\nenabled = false\n")
    victim = world.account(world.trader, 1)
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        tick(world, keeper, {ETH: 2_000.0, BTC: 50_000.0})
        proxy.refuse(method, 2)
        for _ in range(10):
            tick(world, keeper)
            if world.run(victim).last > 0:
                break
        assert world.run(victim).last > 0
        assert [event for event in keeper.events() if event["level"] in ("warning", "error")]


def test_run__sightings_have_their_own_key__bids_do_not_wait_for_them(world: World, chain: Anvil, config: Path) -> None:
    config.write_text(config.read_text() + '[signer.opens]\nkey_env = "KEEPER_OPENS_KEY"\n')
    first = chain.head()["number"]
    with KeeperProcess(config, key_of(world.taker), KEEPER_OPENS_KEY=key_of(world.rival)) as keeper:
        keeper.started()
        while not world.taken(first):
            tick(world, keeper)
    (sale,) = world.taken(first)
    assert sale.args.taker == world.account(world.taker)
    senders = [
        world.web3.eth.get_transaction(event["hash"])["from"]
        for kind in ("open", "bid")
        for event in keeper.events("mined")
        if event["kind"] == kind
    ]
    assert senders[0] == world.rival.address
    assert set(senders[1:]) <= {world.taker.address}


def test_run__dry_run__says_what_it_would_do_and_sends_nothing(world: World, chain: Anvil, tmp_path: Path) -> None:
    endpoint = f"ws://127.0.0.1:{chain.port}"
    config = configure(tmp_path, endpoint, world.record(tmp_path), "[signer]\ndry_run = true\n")
    before = world.web3.eth.get_transaction_count(world.taker.address)
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        tick(world, keeper, times=3)
        keeper.wait_for("open", outcome="dry")
    assert world.web3.eth.get_transaction_count(world.taker.address) == before
    assert world.run(world.account(world.trader, 1)).last == 0


def test_run__second_process_with_the_key__refused_and_says_who_has_it(
    world: World, chain: Anvil, config: Path
) -> None:
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        second = command("run", "--config", str(config), key=key_of(world.taker))
        assert second.returncode == 1
        assert f"held by process {keeper.process.pid} on " in second.stderr
        assert keeper.stop(signal.SIGINT) == 0
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()


def test_run__no_key__says_where_it_looked(config: Path) -> None:
    ended = command("run", "--config", str(config))
    assert ended.returncode == 2
    assert ended.stderr.strip() == f"{config}: signer.key_env: the environment has no KEEPER_KEY"


def test_run__other_code_at_an_address__refused(world: World, config: Path, tmp_path: Path) -> None:
    record = json.loads((tmp_path / "deployment.json").read_text())
    record["contracts"]["Auction"]["address"] = record["contracts"]["Exchange"]["address"]
    (tmp_path / "deployment.json").write_text(json.dumps(record))
    ended = command("run", "--config", str(config), key=key_of(world.taker))
    assert ended.returncode == 2
    assert "its code is not the one that was deployed" in ended.stderr.replace("\n", " ")


def test_run__record_tells_the_genesis__only_a_chain_that_began_so_will_do(
    world: World, chain: Anvil, config: Path, tmp_path: Path
) -> None:
    """Chains of one id and one deployer have the same contracts at the same addresses."""
    file = tmp_path / "deployment.json"
    record = json.loads(file.read_text())
    genesis, other = chain.block("0x0")["hash"], "0x" + "12" * 32
    file.write_text(json.dumps({**record, "genesis": other}))
    for arguments in (("run",), ("scan",)):
        ended = command(*arguments, "--config", str(config), key=key_of(world.taker))
        assert ended.returncode == 2
        assert ended.stdout == ""
        assert ended.stderr.splitlines()[-1] == (
            f"ws://127.0.0.1:{chain.port}: block 0 is {genesis}, the deployment's chain began with {other}: "
            "this is another chain of the same id, or the chain was started anew; "
            "name an endpoint of the deployment's chain, or deploy to this one"
        )
    file.write_text(json.dumps({**record, "genesis": genesis}))
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()


def test_run__metrics_and_health__tell_of_heads_and_accounts(world: World, chain: Anvil, tmp_path: Path) -> None:
    endpoint = f"ws://127.0.0.1:{chain.port}"
    config = configure(tmp_path, endpoint, world.record(tmp_path), "metrics_port = 0\n[bid]\nenabled = false\n")
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        (address,) = keeper.wait_for("serving metrics")["address"]
        base = f"http://{address[0]}:{address[1]}"
        keeper.started()
        tick(world, keeper)
        health = until(lambda: read(f"{base}/health"), "health")
        assert json.loads(health)["head"] == chain.head()["number"]
        lines = read(f"{base}/metrics").splitlines()
        assert "keeper_accounts_under_line 1.0" in lines
        assert f"keeper_head_block {float(chain.head()['number'])}" in lines


def read(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError:
        return ""


def specks_of_btc(world: World) -> tuple[int, int]:
    """The first account and the taker, each with next to nothing of the other market."""
    world.buy(1, BTC, 0.00001, 50_000)
    world.buy(0, BTC, 0.00001, 50_000, world.taker)
    world.prices(FINE)
    return world.account(world.trader, 1), world.account(world.taker)


def sold(world: World, keeper: KeeperProcess, first: int) -> tuple[int, int]:
    """Blocks go on until somebody takes something: of whom, and who."""
    for _ in range(60):
        tick(world, keeper, {ETH: 1_900.0})
        if world.taken(first):
            break
    (sale,) = world.taken(first)
    return sale.args.account, sale.args.taker


def test_run__dust_of_a_dead_market__shields_no_account_from_sighting_and_bid(
    world: World, chain: Anvil, config: Path
) -> None:
    """A market that nobody prices any more counts with its last price, for the account and for whoever takes it."""
    victim, taker = specks_of_btc(world)
    world.prices({ETH: 2_000.0}, seconds=2 * HEARTBEAT)
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        tick(world, keeper, {ETH: 1_900.0})
        breach = chain.head()
        assert world.assess(victim)[-1] == DEAD
        tick(world, keeper, {ETH: 1_900.0})
        assert world.run(victim).start == breach["time"] + 2
        assert sold(world, keeper, breach["number"]) == (victim, taker)
        assert keeper.stop() == 0


def test_run__price_late_for_good__renewed_from_its_slow_feed_then_sighted_and_bid_for(
    world: World, chain: Anvil, config: Path
) -> None:
    """Nobody signs the market's price any more: no account that has a speck of it could be sighted for hours."""
    victim, taker = specks_of_btc(world)
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        for seconds in (30, 30, 4):
            world.prices({ETH: 1_900.0}, seconds=seconds)
            keeper.handled(chain.head()["number"])
        breach = chain.head()
        assert world.assess(victim)[-1] == LATE
        tick(world, keeper, {ETH: 1_900.0}, times=2)
        assert world.run(victim).start == breach["time"] + 4
        assert sold(world, keeper, breach["number"]) == (victim, taker)
        assert keeper.stop() == 0
    assert {event["outcome"] for event in keeper.events("refresh")} == {"sent"}
    # Each look holds for as long as a price lives.
    assert 1 <= len(keeper.events("refresh")) <= 1 + (chain.head()["time"] - breach["time"]) // ORACLE[2]
