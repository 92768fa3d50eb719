"""The commands that look: what they say is what the contracts say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.anvil import Anvil
from tests.e2e.process import KEY_ENV, command
from tests.e2e.test_run import LOW, key_of
from tests.e2e.world import BTC, ETH, HEARTBEAT, World


def shown(*arguments: str, key: str, columns: str | None) -> list[str]:
    """The lines of a command whose output is piped: COLUMNS as given, None for an environment without it."""
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {KEY_ENV: key}
    if columns is not None:
        environment["COLUMNS"] = columns
    line = [sys.executable, "-m", "keeper", *arguments]
    ended = subprocess.run(line, capture_output=True, text=True, env=environment, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_scan__some_under_the_line__lowest_health_first(world: World, config: Path) -> None:
    world.prices(LOW)
    ended = command("scan", "--json", "--below", "1.2", "--config", str(config))
    assert ended.returncode == 0, ended.stderr
    read = json.loads(ended.stdout)
    assert read["accounts"] == 9
    assert read["under_line"] == 1
    names = [f"{world.trader.address.lower()}:{sub}" for sub in (1, 2, 3)]
    assert [row["account"] for row in read["rows"]] == names
    assert [row["standing"] for row in read["rows"]] == ["breach", "call", "call"]
    equity, requirement = world.assess(world.account(world.trader, 1))[:2]
    assert read["rows"][0]["health"] == equity / requirement
    assert read["rows"][0]["markets"] == ["ETH"]


def test_scan__for_people__a_table_within_the_limit(world: World, config: Path) -> None:
    ended = command("scan", "--all", "--limit", "2", "--config", str(config))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count(":") >= 3
    assert "7 more; --limit shows them" in ended.stdout


def test_why__account_in_breach__distances_shares_and_what_comes_next(world: World, config: Path) -> None:
    world.prices(LOW)
    account = world.account(world.trader, 1)
    for name in (f"{world.trader.address}:1", hex(account), str(account)):
        ended = command("why", name, "--json", "--config", str(config), key=key_of(world.taker))
        assert ended.returncode == 0, ended.stderr
        read = json.loads(ended.stdout)
        assert read["standing"] == "breach"
    (market,) = read["markets"]
    assert (market["market"], market["size"], market["to_line"]) == ("ETH", 1.0, 0.0)
    parts = market["systematic"] + market["idiosyncratic"] + market["gross"]
    assert abs(parts - read["requirement"]) < 1e-6
    assert read["keeper"] == [
        "sight it now",
        "no bid yet: it has not been sighted, so λ has not begun to grow",
    ]


def test_why__dust_of_a_dead_market__still_to_be_sighted_of_a_late_one__not(world: World, config: Path) -> None:
    name = f"{world.trader.address}:1"
    world.buy(1, BTC, 0.00001, 50_000)
    world.prices({ETH: 1_900.0})
    cases = (
        (20, "prices late", "nothing: a price"),
        (50, "prices late", "renew its late prices"),
        (2 * HEARTBEAT, "breach", "sight it now"),
    )
    for seconds, standing, plan in cases:
        for wait in (seconds, 2):
            # The slow feed's word of the update before is too old after such a time.
            world.prices({ETH: 1_900.0}, seconds=wait)
        read = json.loads(command("why", name, "--json", "--config", str(config), key=key_of(world.taker)).stdout)
        assert read["standing"] == standing
        assert read["keeper"][0].startswith(plan)
        listed = json.loads(command("scan", "--json", "--limit", "1", "--config", str(config)).stdout)["rows"]
        assert [(row["account"], row["standing"]) for row in listed] == [(name.lower(), standing)]
    assert [market["state"] for market in read["markets"]] == ["live", "dead"]


def test_why__healthy_account__falls_to_the_line_at_the_distance_told(world: World, config: Path) -> None:
    ended = command("why", f"{world.trader.address}:1", "--json", "--config", str(config))
    read = json.loads(ended.stdout)
    assert read["keeper"] == ["nothing: it is above the line"]
    move = read["markets"][0]["to_line"]
    assert -0.06 < move < -0.03
    assert abs(read["to_line_all"] - move) < 1e-9
    for side, under in ((1e-5, False), (-1e-5, True)):
        state = world.chain.call("evm_snapshot")
        world.prices({ETH: 2_000 * (1 + move + side)})
        equity, requirement = world.assess(world.account(world.trader, 1))[:2]
        assert (equity < requirement) is under
        assert world.chain.call("evm_revert", state)


def test_why__for_people__words_and_numbers(world: World, config: Path) -> None:
    world.prices(LOW)
    ended = command("why", f"{world.trader.address}:1", "--config", str(config), key=key_of(world.taker))
    assert ended.returncode == 0, ended.stderr
    for word in ("breach, health 0.9", "to a sighting", "systematic", "keeper: sight it now"):
        assert word in ended.stdout


def test_auctions__a_run_goes_on__numbers_of_the_contract(world: World, chain: Anvil, config: Path) -> None:
    world.prices(LOW)
    account = world.account(world.trader, 1)
    auction = world.contracts["Auction"]
    world.send(world.rival, auction.functions.open([account]))
    chain.mine()
    world.prices(LOW, seconds=60)
    ended = command("auctions", "--json", "--config", str(config))
    assert ended.returncode == 0, ended.stderr
    (row,) = json.loads(ended.stdout)["rows"]
    assert row["account"] == f"{world.trader.address.lower()}:1"
    assert row["since"] == chain.head()["time"] - world.run(account).start
    names = [part["name"] for part in auction.get_function_by_name("quote").abi["outputs"][0]["components"]]
    quote = dict(zip(names, auction.functions.quote(account, 10**18).call(), strict=True))
    assert row["lambda"] == quote["lambda_now"] / 10**18
    assert row["fraction_max"] == quote["fraction_max"] / 10**18
    assert row["taker_pays"] == quote["taker_pays"] / 10**18
    why = command("why", hex(account), "--config", str(config), key=key_of(world.taker))
    assert "keeper: sight it now" in why.stdout
    assert "keeper: bid for a fraction of 0.44" in why.stdout


def test_why__no_account__told_what_one_looks_like(config: Path) -> None:
    for name in ("nobody", "0", "12", "0x12:-1"):
        ended = command("why", name, "--config", str(config))
        assert ended.returncode == 2
        assert "Invalid value" in ended.stderr


def test_commands__narrow_or_piped__every_account_and_number_whole(world: World, chain: Anvil, config: Path) -> None:
    world.prices(LOW)
    account = world.account(world.trader, 1)
    world.send(world.rival, world.contracts["Auction"].functions.open([account]))
    chain.mine()
    world.prices(LOW, seconds=60)
    name, key = f"{world.trader.address.lower()}:1", key_of(world.taker)
    for arguments in (("auctions",), ("scan", "--all"), ("why", name)):
        read = json.loads(command(*arguments, "--json", "--config", str(config), key=key).stdout)
        for columns in ("80", None):
            lines = shown(*arguments, "--config", str(config), key=key, columns=columns)
            text = "\n".join(lines)
            assert "…" not in text, text
            assert max(map(len, lines)) <= int(columns or 200), text
            for number in numbers_of(read):
                assert number in text.split(), f"{number} in\n{text}"
            for row in read.get("rows", [read]):
                assert row["account"] in text.split(), text


def numbers_of(read: dict) -> list[str]:
    """Money as people read it, of every row of what `--json` tells."""
    rows = read.get("rows", read.get("markets"))
    names = ("requirement", "equity", "taker_pays", "discount", "value", "exposure", "systematic", "gross")
    found = [f"{row[name]:,.2f}" for row in rows for name in names if name in row]
    assert found
    return found


def test_scan__below_nan__refused(config: Path) -> None:
    ended = command("scan", "--below", "nan", "--config", str(config))
    assert ended.returncode == 2
    assert "nan is no health: nothing is below it" in ended.stderr
    assert ended.stdout == ""


def test_keeper__as_setup_leaves_it__works_from_any_folder(config: Path, tmp_path: Path) -> None:
    """A folder with modules of its own does not get in its way."""
    (tmp_path / "keeper").mkdir()
    (tmp_path / "keeper" / "__init__.py").write_text("raise ImportError")
    program = Path(sys.executable).parent / "keeper"
    line = [program, "scan", "--all", "--json", "--config", config.name]
    ended = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["accounts"] == 9
