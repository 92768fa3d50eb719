"""Resting orders on a chain: a keeper that is told of them has them relieve what is under the line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from keeper.model.orders import Order
from keeper.orders import FOREVER, sign_order
from tests.e2e.anvil import Anvil
from tests.e2e.process import KeeperProcess, command, configure
from tests.e2e.test_run import LOW, key_of, tick
from tests.e2e.world import ETH, WAD, World


def order(
    world: World, nonce: int, size: float, price: float, *, signer: Any = None, who: Any = None
) -> dict[str, Any]:
    """As an exchange tells it."""
    exchange = world.contracts["Exchange"]
    made = Order(
        account=world.account(world.rival),
        market=ETH,
        size=round(size * 10**6) * 10**12,
        price=round(price * 10**6) * 10**12,
        max_fee=100,
        expiry=FOREVER,
        nonce=nonce,
    )
    key = (signer or world.rival).key
    signature = sign_order(made, world.web3.eth.chain_id, exchange.address, key)
    written = {name: value if isinstance(value, bool) else str(value) for name, value in asdict(made).items()}
    return {"order": written, "signature": "0x" + signature.hex()}


def keeper_with(
    world: World, chain: Anvil, folder: Path, orders: list[dict[str, Any]], more: str = ""
) -> KeeperProcess:
    (folder / "orders.json").write_text(json.dumps({"orders": orders}))
    text = '[bid]\nenabled = false\n[match]\norders = ["orders.json"]\nrefresh_seconds = 0.01\n'
    config = configure(folder, f"ws://127.0.0.1:{chain.port}", world.record(folder), text)
    return KeeperProcess(config, key_of(world.taker))


def matched(world: World, first: int) -> list[Any]:
    return list(world.contracts["Auction"].events.Matched().get_logs(from_block=first))


def test_run__orders_told__the_good_ones_relieve_the_account_to_its_target(
    world: World, chain: Anvil, tmp_path: Path
) -> None:
    victim, first = world.account(world.trader, 1), chain.head()["number"]
    orders = [
        order(world, 1, 0.03, 1_899),
        # The best price there is, by somebody who is not the owner.
        order(world, 2, 1, 1_950, signer=world.taker),
        order(world, 3, 5, 1_896),
        order(world, 4, -5, 1_900),
    ]
    with keeper_with(world, chain, tmp_path, orders) as keeper:
        keeper.started()
        for _ in range(60):
            tick(world, keeper)
            if len(matched(world, first)) == 2:
                break
        # The dearer order later, when λ allows for its price.
        assert [(event.args.account, event.args.fills) for event in matched(world, first)] == [(victim, 1)] * 2
        tick(world, keeper)
        assert keeper.stop() == 0
    equity, requirement = world.assess(victim)[:2]
    # What the rule allows, less two percent of it.
    assert 1.3 <= equity / requirement <= 1.4
    moved = WAD - world.size(victim, ETH)
    assert world.size(world.account(world.rival), ETH) == moved
    assert not world.contracts["Auction"].events.FillSkipped().get_logs(from_block=first)
    config = tmp_path / "keeper.toml"
    rows = json.loads(command("history", "--kind", "match", "--config", str(config), "--json").stdout)["rows"]
    assert [row["state"] for row in rows] == ["mined", "mined"]


def test_run__order_filled_meanwhile__the_rest_is_matched(world: World, chain: Anvil, tmp_path: Path) -> None:
    """What an order has left is asked of the chain, not of who tells of it."""
    victim, first = world.account(world.trader, 1), chain.head()["number"]
    told = order(world, 1, 0.3, 1_899)
    made = Order(**{name: value if isinstance(value, bool) else int(value) for name, value in told["order"].items()})
    world.prices(LOW)
    fields = tuple(getattr(made, name) for name in Order.__slots__)
    signature = bytes.fromhex(told["signature"][2:])
    fill = world.contracts["Exchange"].functions.fill(fields, signature, world.account(world.taker), WAD // 10, 100)
    world.send(world.taker, fill)
    world.prices(LOW)
    assert world.size(world.account(world.rival), ETH) == WAD // 10
    with keeper_with(world, chain, tmp_path, [told]) as keeper:
        keeper.started()
        for _ in range(60):
            tick(world, keeper)
            if found := matched(world, first):
                break
        assert keeper.stop() == 0
    assert len(found) == 1
    assert world.size(victim, ETH) == WAD - WAD // 5
    assert world.size(world.account(world.rival), ETH) == 3 * WAD // 10


def test_run__match_reverts_as_the_order_is_cancelled_first__not_sent_again_at_once(
    world: World, chain: Anvil, tmp_path: Path
) -> None:
    """Who lists orders and takes them back in the same block would have the keeper pay for each try."""
    first = chain.head()["number"]
    with keeper_with(world, chain, tmp_path, [order(world, 1, 0.3, 1_899)]) as keeper:
        keeper.started()
        for _ in range(60):
            tick(world, keeper)
            if keeper.events("match"):
                break
        cancel = world.contracts["Exchange"].functions.cancel(world.account(world.rival), 1)
        fees = {"maxFeePerGas": 50 * 10**9, "maxPriorityFeePerGas": 20 * 10**9}
        cancel.transact({"from": world.rival.address, "gas": 200_000, **fees})
        (tmp_path / "orders.json").write_text(json.dumps({"orders": [order(world, 2, 0.3, 1_899)]}))
        tick(world, keeper, times=2)
        keeper.wait_for("reverted", kind="match")
        tick(world, keeper, times=10)
        assert keeper.stop() == 0
    assert len(keeper.events("match")) == 1
    assert matched(world, first) == []


def test_run__no_order_of_use__sights_and_waits(world: World, chain: Anvil, tmp_path: Path) -> None:
    victim, first = world.account(world.trader, 1), chain.head()["number"]
    orders = [order(world, 1, 1, 1_990, signer=world.taker), order(world, 2, -1, 1_900), {"order": 7}]
    with keeper_with(world, chain, tmp_path, orders) as keeper:
        keeper.started()
        tick(world, keeper, times=20)
        config = str(tmp_path / "keeper.toml")
        assert "no match: no order" in command("why", hex(victim), "--config", config).stdout
        (tmp_path / "orders.json").write_text(json.dumps({"orders": [order(world, 3, 1, 1_899)]}))
        told = command("why", hex(victim), "--config", config).stdout
        assert "unless it bids, match it with 1 orders, which releases" in told
        assert keeper.stop() == 0
    assert world.run(victim).last
    assert matched(world, first) == []
    assert not keeper.events("match")
    assert keeper.events("orders are left out")
