"""What an operator types: from a configuration to a journal that is backed up, with a switch that stops it all."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import socket
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from keeper.store.upgrade import VERSION
from tests.e2e import process
from tests.e2e.anvil import Anvil, free_port
from tests.e2e.forked import command
from tests.e2e.process import KEY_ENV, KeeperProcess, configure, until
from tests.e2e.test_run import FINE, LOW, key_of, tick
from tests.e2e.world import World
from tests.keeper.services import Service


def passed(*arguments: str, key: str | None = None) -> str:
    ended = command(*arguments, key=key)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout


def refused(*arguments: str, key: str | None = None, code: int = 1) -> str:
    ended = command(*arguments, key=key)
    assert ended.returncode == code, ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr
    return ended.stderr.strip()


def page(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def metric(base: str, name: str) -> float:
    lines = page(f"{base}/metrics")[1].splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} "))


def doctored(config: Path, key: str | None, code: int) -> dict[str, dict[str, Any]]:
    """What doctor found, by name; of several of a name the worst."""
    ended = command("doctor", "--listen", "0", "--json", "--config", str(config), key=key)
    assert ended.returncode == code, ended.stdout + ended.stderr
    read = json.loads(ended.stdout)
    assert read["ok"] is (code == 0)
    order = ["ok", "warn", "fail"]
    return {check["name"]: check for check in sorted(read["checks"], key=lambda check: order.index(check["mark"]))}


def marks(found: dict[str, dict[str, Any]], mark: str) -> set[str]:
    return {name for name, check in found.items() if check["mark"] == mark}


def test_init__answers_given__a_configuration_that_doctor_finds_well(
    world: World, chain: Anvil, tmp_path: Path
) -> None:
    """The whole way of a new operator; nothing on the chain or the disk is changed by looking."""
    record, config = world.record(tmp_path), tmp_path / "here" / "keeper.toml"
    endpoint, port = f"ws://127.0.0.1:{chain.port}", str(free_port())
    said = passed(
        "init", "--config", str(config), "--deployment", str(record), "--endpoint", endpoint, "--endpoint", chain.url,
        "--key-env", KEY_ENV, "--metrics-port", port,
    )  # fmt: skip
    assert "keeper doctor --config" in said
    text = config.read_text()
    assert 'deployment = "../deployment.json" # as written by' in text
    assert text.count("#") > 50
    config.write_text(
        text.replace("head_age_seconds = 120.0", "head_age_seconds = 0.0").replace(
            "clock_seconds = 30.0", "clock_seconds = 1e10"
        )
    )
    before = {path.name for path in config.parent.iterdir()}, chain.head()
    found = doctored(config, key_of(world.taker), 0)
    assert ({path.name for path in config.parent.iterdir()}, chain.head()) == before
    assert marks(found, "warn") == {"notifications"}
    assert {
        "configuration",
        "key",
        "endpoint 1",
        "endpoint 2",
        "in sync",
        "contracts",
        "coin for gas",
        "pending",
    } < set(found)
    assert "5 contracts with the code that was deployed" in found["contracts"]["found"]
    assert "equity 100,000.00, 100,000.00 free" in found["taker"]["found"]


def test_init__file_is_there_or_answers_are_wrong__nothing_is_written(world: World, tmp_path: Path) -> None:
    record, config = str(world.record(tmp_path)), tmp_path / "keeper.toml"
    given = ("init", "--config", str(config), "--deployment", record)
    key = key_of(world.taker)
    for more, told, code in (
        (("--endpoint", "localhost"), "chain.endpoints: 'localhost': must start with one of", 2),
        (("--endpoint", "ws://h", "--key-env", key), "--key-env: that looks like a key", 2),
        (("--endpoint", "ws://h", "--key-env", "A", "--keystore", "b"), "give one of them", 2),
        (("--endpoint", "ws://h", "--owner", "0x12"), "taker.owner: must be an address", 2),
        ((), "--endpoint is required where nobody can be asked", 2),
    ):
        said = refused(*given, *more, code=code)
        assert told in said
        assert key[2:] not in said
        assert list(tmp_path.glob("*keeper.toml*")) == []
    config.write_text("mine")
    assert "exists already; --force replaces it" in refused(*given, "--endpoint", "ws://h")
    assert config.read_text() == "mine"
    passed(*given, "--endpoint", "ws://h", "--force")
    assert "[chain]" in config.read_text()


def test_doctor__much_is_wrong__each_named_with_what_to_do(world: World, chain: Anvil, tmp_path: Path) -> None:
    record = world.record(tmp_path)
    read = json.loads(record.read_text())
    read["contracts"]["Exchange"]["address"] = "0x" + "12" * 20
    read["contracts"]["Auction"]["code_hash"] = "0x" + "12" * 32
    record.write_text(json.dumps(read))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        more = (
            f"metrics_port = {taken.getsockname()[1]}\nnotify = ['NO_SUCH_VARIABLE']\nmin_disk_mb = 1000000\n"
            "[fees]\nmax_fee_gwei = 1000000\n[match]\norders = ['nowhere.json']\n"
        )
        config = configure(tmp_path, f"ws://127.0.0.1:{chain.port}", record, more)
        text = config.read_text().replace("head_age_seconds = 0.0\nclock_seconds = 1e10", "clock_seconds = 1")
        text = text.replace("endpoints = [", f'endpoints = ["http://127.0.0.1:{free_port()}", ')
        config.write_text(text)
        (tmp_path / "keeper.sqlite").write_bytes(b"spoiled" * 1_000)
        pauper = "0x" + "11" * 32
        found = doctored(config, pauper, 1)
    assert marks(found, "fail") == {
        "endpoint 1", "clock", "contracts", "coin for gas", "store", "metrics port", "notifications",
    } | ({"disk"} if found["disk"]["mark"] == "fail" else set())  # fmt: skip
    assert all(found[name]["do"] for name in marks(found, "fail") | marks(found, "warn"))
    assert "other code than was deployed: Auction at" in found["contracts"]["found"]
    assert "the environment has no NO_SUCH_VARIABLE" in found["notifications"]["found"]
    assert "keeper restore" in found["store"]["do"]
    assert f"send coin to {Account.from_key(pauper).address}" == found["coin for gas"]["do"]
    assert found["taker"]["mark"] == "warn"
    assert found["orders"]["found"] == f"{tmp_path}/nowhere.json: No such file or directory"


def test_doctor__other_chain_no_key_no_configuration__said(world: World, chain: Anvil, tmp_path: Path) -> None:
    record = world.record(tmp_path)
    config = configure(tmp_path, chain.url, record)
    found = doctored(config, None, 1)
    assert marks(found, "fail") == {"key"}
    assert "signer.key_env: the environment has no KEEPER_KEY" in found["key"]["found"]
    record.write_text(json.dumps({**json.loads(record.read_text()), "chain_id": 1}))
    found = doctored(config, key_of(world.taker), 1)
    assert "is chain 31337, the deployment is on 1" in found["endpoint 1"]["found"]
    assert found["contracts"]["mark"] == "fail"
    config.write_text(config.read_text() + "[bid]\nlots = 99\n")
    found = doctored(config, key_of(world.taker), 1)
    assert set(found) == {"configuration"}
    assert "bid.lots: Input should be less than or equal to 16" in found["configuration"]["found"]


def bids_until_mined(world: World, keeper: KeeperProcess, prices: dict[int, float] = LOW) -> None:
    for _ in range(40):
        tick(world, keeper, prices)
        if any(event["kind"] == "bid" for event in keeper.events("counted")):
            return
    raise AssertionError("no bid was counted")


def test_journal__bids_were_mined__history_positions_and_export_agree_with_the_chain(
    world: World, chain: Anvil, config: Path, tmp_path: Path
) -> None:
    given, key = ("--config", str(config)), key_of(world.taker)
    before = world.web3.eth.get_balance(world.taker.address)
    with KeeperProcess(config, key) as keeper:
        keeper.started()
        bids_until_mined(world, keeper)
        # Beside the keeper that runs.
        read = json.loads(passed("history", "--json", *given))
        assert "held by process" in doctored(config, key, 0)["key"]["found"]
        assert keeper.stop() == 0
    assert read["total"] == len(read["rows"])
    mined = [row for row in read["rows"] if row["state"] == "mined"]
    spent = before - world.web3.eth.get_balance(world.taker.address)
    assert sum(round(float(row["fee_native"]) * 10**18) for row in mined) == pytest.approx(spent, rel=1e-9)
    for row in mined:
        receipt = world.web3.eth.get_transaction_receipt(row["hash"])
        assert (row["mined_block"], row["gas_used"]) == (receipt["blockNumber"], receipt["gasUsed"])
    (bid,) = json.loads(passed("history", "--kind", "bid", "--json", *given))["rows"]
    (sale,) = world.taken()
    args = sale.args
    assert float(bid["taker_paid"]) == pytest.approx(args.taker_paid / 1e18)
    discount = args.lambda_taker * args.fraction // 10**18 * args.requirement / 1e36
    assert float(bid["discount"]) == pytest.approx(discount)
    assert float(bid["gain"]) == pytest.approx(discount - float(bid["fee_quote"]))
    assert float(bid["expected_profit"]) > 0
    assert json.loads(passed("history", "--account", world.rival.address, "--json", *given))["rows"] == []
    by_owner = json.loads(passed("history", "--account", world.trader.address, "--json", *given))
    assert by_owner["total"] == read["total"]
    assert bid["hash"] in passed("history", "--since", "2020-01-01", *given)
    assert "'yesterday' is none of: 90m" in refused("history", "--since", "yesterday", *given, code=2)

    target = tmp_path / "decisions.csv"
    passed("export", "--output", str(target), *given)
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [row["id"] for row in reversed(read["rows"])]
    assert {row["gain"] for row in rows if row["id"] == bid["id"]} == {bid["gain"]}
    assert "exists already" in refused("export", "--output", str(target), *given)
    (line,) = passed("export", "--what", "sales", "--format", "json", *given).splitlines()
    assert json.loads(line)["hash"] == bid["hash"]
    assert len(passed("export", "--what", "transactions", *given).splitlines()) >= 1 + len(mined)

    held = json.loads(passed("positions", "--json", *given, key=key))
    (market,) = held["markets"]
    account = world.account(world.taker)
    equity, requirement, initial, _, down = world.assess(account)[:5]
    assert (market["market"], market["size"]) == ("ETH", world.size(account, 0) / 1e18)
    assert (held["equity"], held["requirement"]) == pytest.approx((equity / 1e18, requirement / 1e18))
    assert held["free"] == pytest.approx((equity - down - initial) / 1e18)
    assert held["share_of_max_requirement"] == pytest.approx(requirement / 10**24)
    assert "to bid with" in passed("positions", *given, key=key)
    assert "taker.owner: set it" in refused("positions", *given, code=2)


def test_backup__beside_a_keeper__restored_only_when_nothing_is_forgotten(
    world: World, chain: Anvil, config: Path, tmp_path: Path
) -> None:
    given, key, copy = ("--config", str(config)), key_of(world.taker), tmp_path / "copy.sqlite"
    with KeeperProcess(config, key) as keeper:
        keeper.started()
        tick(world, keeper, LOW)
        keeper.wait_for("open", outcome="sent")
        said = json.loads(passed("backup", str(copy), "--json", *given))
        assert (said["decisions"], said["schema"]) == (1, VERSION)
        assert "held by process" in refused("restore", str(copy), *given)
        bids_until_mined(world, keeper)
        assert keeper.stop() == 0
    nonce = world.web3.eth.get_transaction_count(world.taker.address)
    told = refused("restore", str(copy), *given)
    assert re.search(r"not restored: \d+ decisions \(0 still pending\) and \d+ transactions will not be in", told)
    assert "double spends" in told
    assert json.loads(passed("history", "--json", *given))["total"] > 1
    forced = command("restore", str(copy), "--force", *given)
    assert forced.returncode == 0
    assert "warning: " in forced.stderr
    assert json.loads(passed("history", "--json", *given))["total"] == 1
    # It goes on with the chain's nonce, not with the journal's.
    with KeeperProcess(config, key) as keeper:
        assert keeper.wait_for("lane resumed")["nonce"] == nonce
        keeper.started()
    assert "spoiled.sqlite: " in refused("restore", str(spoiled(copy)), *given)


def spoiled(copy: Path) -> Path:
    target = copy.with_name("spoiled.sqlite")
    body = bytearray(copy.read_bytes())
    body[4_096:8_192] = os.urandom(4_096)
    target.write_bytes(body)
    return target


@pytest.mark.parametrize("way", ["command", "signal"])
def test_kill__a_breach_is_there__nothing_is_signed_until_resumed(
    world: World, chain: Anvil, tmp_path: Path, way: str
) -> None:
    config = configure(tmp_path, f"ws://127.0.0.1:{chain.port}", world.record(tmp_path), "metrics_port = 0\n")
    given, key = ("--config", str(config)), key_of(world.taker)
    victim, before = world.account(world.trader, 1), world.web3.eth.get_transaction_count(world.taker.address)
    with KeeperProcess(config, key) as keeper:
        host, port = keeper.wait_for("serving metrics")["address"][0]
        base = f"http://{host}:{port}"
        keeper.started()
        tick(world, keeper, FINE)
        if way == "command":
            passed("kill", "--reason", "prices look wrong", *given)
        else:
            keeper.process.send_signal(signal.SIGUSR1)
            keeper.wait_for("kill switch on")
        for _ in range(4):
            tick(world, keeper, LOW)
        # The book goes on, and all say that nothing else does.
        until(lambda: metric(base, "keeper_kill_switch") == 1, "the metric")
        assert metric(base, "keeper_accounts_under_line") == 1
        keeper.wait_for("alert", alert="kill_switch")
        status, text = page(f"{base}/health")
        report = json.loads(text)
        (problem,) = [problem for problem in report["problems"] if problem["name"] == "kill_switch"]
        assert (status, report["kill_switch"]) == (200, problem["detail"])
        assert problem["detail"] == ("prices look wrong" if way == "command" else "SIGUSR1")
        assert json.loads(passed("history", "--json", *given))["rows"] == []
        assert chain.call("eth_getTransactionCount", world.taker.address, "pending") == hex(before)
        assert doctored(config, key, 0)["kill switch"]["do"] == "nothing is sent until `keeper resume`"
        assert "is gone" in passed("resume", *given)
        for _ in range(2):
            tick(world, keeper, LOW)
        keeper.wait_for("mined", kind="open")
        until(lambda: metric(base, "keeper_kill_switch") == 0, "the metric")
        assert keeper.stop() == 0
    assert world.run(victim).last > 0
    assert "was not there" in passed("resume", *given)


def test_kill__sightings_spared__only_bids_stop_and_somebody_is_told(
    world: World, chain: Anvil, tmp_path: Path
) -> None:
    more = "kill_spares_sightings = true\nnotify = ['MY_SERVICE']\n[bid]\nmin_profit = 0.1\n"
    config = configure(tmp_path, f"ws://127.0.0.1:{chain.port}", world.record(tmp_path), more)
    passed("kill", "--reason", "a drill", "--config", str(config))
    with Service() as service, KeeperProcess(config, key_of(world.taker), MY_SERVICE=service.url) as keeper:
        keeper.started()
        assert service.got.wait(60)
        assert service.bodies[0]["title"] == "[keeper test] kill_switch: the kill switch is on"
        assert service.bodies[0]["message"] == "a drill"
        for _ in range(30):
            tick(world, keeper, LOW)
        keeper.wait_for("mined", kind="open")
        assert keeper.events("bid") == []
        passed("resume", "--config", str(config))
        bids_until_mined(world, keeper)


def test_run__port_is_taken_or_service_unknown__one_line_with_file_and_key(
    world: World, chain: Anvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, key = world.record(tmp_path), key_of(world.taker)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = configure(tmp_path, chain.url, record, f"metrics_port = {port}\n")
        said = refused("run", "--config", str(config), key=key, code=2).splitlines()[-1]
        at = config.read_text().splitlines().index(f"metrics_port = {port}") + 1
        assert said.startswith(f"{config}:{at}: watch.metrics_port: {port} on 127.0.0.1 cannot be had: ")
    monkeypatch.setenv("MY_SERVICE", "nothing-of-the-sort-7777")
    config = configure(tmp_path, chain.url, record, "notify = ['MY_SERVICE']\n")
    said = refused("run", "--config", str(config), key=key, code=2).splitlines()[-1]
    assert "watch.notify: MY_SERVICE holds no address that Apprise knows" in said
    assert "7777" not in said


def test_run__dry_by_option__signs_nothing(world: World, chain: Anvil, config: Path) -> None:
    before = world.web3.eth.get_transaction_count(world.taker.address)
    with KeeperProcess(config, key_of(world.taker), more=("--dry-run",)) as keeper:
        keeper.started()
        for _ in range(3):
            tick(world, keeper, LOW)
        keeper.wait_for("open", outcome="dry")
    assert chain.call("eth_getTransactionCount", world.taker.address, "pending") == hex(before)
    row = json.loads(passed("history", "--json", "--config", str(config)))["rows"][0]
    assert (row["state"], row["transactions"], row["hash"]) == ("dry", 0, None)


def test_bid__by_hand__as_quoted_and_never_beside_a_keeper(world: World, chain: Anvil, config: Path) -> None:
    given, key = ("--config", str(config)), key_of(world.taker)
    name, account = f"{world.trader.address}:1", world.account(world.trader, 1)
    world.prices(LOW)
    assert "no auction goes on" in refused("quote", name, *given, key=key)
    world.send(world.rival, world.contracts["Auction"].functions.open([account]))
    chain.mine()
    world.prices(LOW, seconds=60)
    quoted = json.loads(passed("quote", name, "--fraction", "0.25", "--json", *given, key=key))
    names = [
        part["name"]
        for part in world.contracts["Auction"].get_function_by_name("quote").abi["outputs"][0]["components"]
    ]
    there = dict(zip(names, world.contracts["Auction"].functions.quote(account, 10**18 // 4).call(), strict=True))
    assert (quoted["fraction"], quoted["taker_pays"]) == (0.25, there["taker_pays"] / 1e18)
    with KeeperProcess(config, key, more=("--dry-run",)) as keeper:
        keeper.started()
        assert "held by process" in refused("bid", name, "--fraction", "0.25", "--yes", *given, key=key)
    passed("kill", *given)
    assert "not sent: keeper kill" in refused("bid", name, "--fraction", "0.25", "--yes", *given, key=key)
    passed("resume", *given)
    with ThreadPoolExecutor(1) as beside:
        # A process of its own from the start: a thread of ours is not forked well.
        sending = beside.submit(process.command, "bid", name, "--fraction", "0.25", "--yes", "--json", *given, key=key)
        until(lambda: sending.done() or chain.call("txpool_status")["pending"] != "0x0", "the bid")
        chain.mine()
        ended = sending.result()
        assert ended.returncode == 0, ended.stderr
        row = json.loads(ended.stdout)
    sale = world.taken()[-1]
    assert (row["state"], row["hash"]) == ("mined", "0x" + sale.transactionHash.hex())
    assert (sale.args.account, sale.args.taker) == (account, world.account(world.taker))
    assert row["gas_used"] and float(row["taker_paid"]) == pytest.approx(sale.args.taker_paid / 1e18)
