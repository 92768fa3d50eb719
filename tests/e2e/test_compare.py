"""The book against the contracts on a chain: they agree to the wei, and where the book is wrong the chain decides."""

from __future__ import annotations

import json
from pathlib import Path

from eth_utils.crypto import keccak

from keeper.chain.events import AccountChanged, changes_of
from keeper.model.words import Header, Position
from keeper.store.database import open_database
from keeper.store.snapshots import freeze, load_snapshot, save_snapshot, snapshots_of
from scripts._deployment import kept
from tests.e2e.anvil import Anvil
from tests.e2e.process import KeeperProcess, configure
from tests.e2e.test_run import FINE, LOW, key_of, read, tick
from tests.e2e.world import ETH, WAD, World

SETTINGS = "metrics_port = 0\n[book]\ncompare = 32\ncompare_blocks = 1\n[bid]\nenabled = false\n"


def with_lens(world: World, directory: Path) -> Path:
    """The deployment file, with a lens in it."""
    names = ("Clearinghouse", "Auction", "InsuranceVault")
    made = kept.made("Lens")
    factory = world.web3.eth.contract(abi=made.abi, bytecode=made.bytecode)
    deploy = factory.constructor(*(world.contracts[name].address for name in names))
    sent = deploy.transact({"from": world.owner.address, "gas": 10_000_000})
    world.chain.call("evm_mine")
    address = world.web3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
    record = world.record(directory)
    told = json.loads(record.read_text())
    code = bytes(world.web3.eth.get_code(address))
    told["contracts"]["Lens"] = {"address": address, "code_hash": "0x" + keccak(code).hex(), "abi": made.abi}
    record.write_text(json.dumps(told))
    return record


def metrics_of(keeper: KeeperProcess) -> dict[str, float]:
    host, port = keeper.wait_for("serving metrics")["address"][0]
    lines = read(f"http://{host}:{port}/metrics").splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_compare__every_account_at_every_block__agrees_to_the_wei(world: World, chain: Anvil, tmp_path: Path) -> None:
    config = configure(tmp_path, f"ws://127.0.0.1:{chain.port}", with_lens(world, tmp_path), SETTINGS)
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        for price in (2_000.0, 1_990.0, 1_950.0, 1_900.0, 1_950.0):
            tick(world, keeper, {**FINE, ETH: price})
        world.fund(world.trader, 77, 3)
        tick(world, keeper, LOW, times=3)
        numbers = metrics_of(keeper)
        assert numbers["keeper_accounts_compared_total"] >= 8 * numbers["keeper_accounts"]
        assert numbers["keeper_accounts_quarantined"] == 0
        assert not [event for event in keeper.events() if event["level"] in ("warning", "error")]


def test_compare__book_is_wrong_about_an_account__said_and_sighted_by_what_the_chain_says(
    world: World, chain: Anvil, tmp_path: Path
) -> None:
    """As if an event had been missed: in the book the victim has a million more than it has."""
    victim = world.account(world.trader, 1)
    config = configure(tmp_path, f"ws://127.0.0.1:{chain.port}", with_lens(world, tmp_path), SETTINGS)
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        tick(world, keeper, FINE)
        keeper.stop()
    spoil(tmp_path / "keeper.sqlite", victim)
    with KeeperProcess(config, key_of(world.taker)) as keeper:
        keeper.started()
        tick(world, keeper, FINE, times=2)
        told = keeper.wait_for("an account differs from the contract")
        assert int(told["account"], 16) == victim
        assert told["level"] == "error"
        assert metrics_of(keeper)["keeper_accounts_quarantined"] == 1
        tick(world, keeper, LOW, times=3)
        assert world.run(victim).last > 0
        assert len(keeper.events("an account differs from the contract")) == 1


def spoil(path: Path, victim: int) -> None:
    """Write a snapshot as the keeper had it, but for one account's cash."""
    engine = open_database(path)
    with engine.connect() as connection:
        ((name,),) = connection.exec_driver_sql("select distinct deployment from snapshots").fetchall()
    newest = snapshots_of(engine, name)[0]
    mirror = load_snapshot(engine, newest.number, 8)
    (word,) = mirror.entry(victim).words
    position = Position.unpack(word)
    header = Header(10**6 * WAD, perps=1 << ETH).pack()
    mirror.book.apply(changes_of([AccountChanged(victim, 0, header, 1 << ETH + 64, (position.pack(),))]))
    save_snapshot(engine, name, freeze(mirror))
    engine.dispose()
