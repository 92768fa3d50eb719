"""`ape run deploy` and `ape run configure` as typed, against a node that runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.anvil import ROOT, Anvil

SECONDS = 300


@pytest.fixture(scope="module")
def node():
    with Anvil() as anvil:
        yield anvil


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("deployments")


def run(node: Anvil, folder: Path, command: str, *options: str) -> tuple[int, str]:
    programs = Path(sys.executable).parent
    environment = {
        **os.environ,
        "APE_FOUNDRY_HOST": node.url,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }
    line = [programs / "ape", "run", command, "--network", "ethereum:local:foundry", "--deployments", folder, *options]
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    return done.returncode, done.stdout + done.stderr


def height(node: Anvil) -> int:
    return int(node.call("eth_blockNumber"), 16)


def test_commands__deploy_then_configure_then_both_again__second_time_nothing_changes(node, folder) -> None:
    code, output = run(node, folder, "deploy")
    assert code == 0, output
    code, output = run(node, folder, "configure")
    assert code == 0, output
    assert "RiskEngine.add_market: 3 link" in output

    file = folder / "ethereum-local-foundry.json"
    record, before = json.loads(file.read_text()), height(node)
    assert record["chain_id"] == 31337
    assert [market["symbol"] for market in record["markets"]] == ["eth", "btc", "sol", "link"]
    for command in ("deploy", "configure"):
        code, output = run(node, folder, command)
        assert code == 0, output
        assert f"nothing to change: the network is as {file} says" in output
    assert height(node) == before
    assert json.loads(file.read_text()) == record


def test_hashes__record_of_a_chain__says_whose_code_is_there(node, folder, tmp_path) -> None:
    line = [sys.executable, "-m", "scripts.hashes", "--node", node.url, "--record"]
    file = folder / "ethereum-local-foundry.json"
    done = subprocess.run([*line, file], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("is this source") == 7
    record = json.loads(file.read_text())
    record["contracts"]["Lens"]["address"] = record["contracts"]["Batch"]["address"]
    other = tmp_path / "other.json"
    other.write_text(json.dumps(record))
    done = subprocess.run([*line, other], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 1
    assert "other code than these sources compile to: Lens" in done.stderr


def test_commands__wrong_parameter_file__error_and_nothing_sent(node, folder, tmp_path) -> None:
    content = json.loads((ROOT / "deployments/parameters/local.json").read_text())
    content["risk"]["rho"][0][1] = "1.01"
    file = tmp_path / "wrong.json"
    file.write_text(json.dumps(content))
    before = height(node)
    code, output = run(node, folder, "deploy", "--parameters", str(file))
    assert code == 1
    assert f"Error: {file}: risk.rho[0][1]: a correlation of 101% is impossible here: allowed are 0% to 100%" in output
    assert height(node) == before


def test_commands__account_that_is_none__error_and_nothing_sent(node, folder) -> None:
    before = height(node)
    code, output = run(node, folder, "configure", "--account", "plimsoll-nobody")
    assert code == 1
    assert "Error: --account plimsoll-nobody: no such account; there are: " in output
    assert height(node) == before
