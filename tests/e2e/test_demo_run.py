"""The demo as it is started: at full size with a keeper, on a small population and a short path for the rest."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.demo.settings import SEED
from scripts.demo.wallets import wallet

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"ACCOUNTS": "60", "BLOCKS": "120"}
SECONDS = 900


@dataclass(frozen=True)
class Ran:
    code: int
    lines: list[str]
    errors: str
    folder: Path

    @property
    def outcome(self) -> dict:
        return json.loads(self.lines[-1])


def started(folder: Path, **variables: str) -> subprocess.Popen:
    names = ("PRICES", "FROM", "TO", "COLUMNS", "KEEPER", "SEED", "ACCOUNTS", "BLOCKS")
    clean = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.demo"],
        cwd=ROOT,
        env={**clean, "OUTPUT": str(folder), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen, folder: Path) -> Ran:
    try:
        output, errors = process.communicate(timeout=SECONDS)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    return Ran(process.returncode, output.splitlines(), errors, folder)


def living(folder: Path) -> list[str]:
    """Programs that still run of those started for this folder: all inherit the variable that names it."""
    mark = f"OUTPUT={folder}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append((entry / "cmdline").read_bytes().split(b"\0")[0].decode())
        except OSError:  # ended meanwhile
            continue
    return found


def records() -> dict[str, bytes]:
    """The project's own deployment files."""
    return {file.name: file.read_bytes() for file in (ROOT / "deployments").glob("*.json")}


@pytest.fixture(scope="module")
def attended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """`make demo` as it is, at full size."""
    folder = tmp_path_factory.mktemp("attended")
    before = records()
    ran = ended(started(folder), folder)
    assert records() == before, "a record of a network that stays was changed"
    yield ran


def figure(ran: Ran, name: str) -> int:
    """A number of the table that the run prints before its last line."""
    (line,) = [line for line in ran.lines if name in line]
    (number,) = re.findall(r"\d+", line.replace(name, ""))
    return int(number)


def test_demo__with_keeper__passes_and_brings_what_it_is_to_bring(attended: Ran) -> None:
    assert attended.code == 0, attended.errors + "\n".join(attended.lines[-40:])
    outcome = attended.outcome
    assert outcome["accounts"] == 220
    assert outcome["custody_ok"] is True and outcome["sums_ok"] is True
    assert outcome["max_unsighted_blocks"] <= 3
    assert outcome["breached"] >= 30
    assert figure(attended, "bids for a part that land on the target") >= 10
    assert outcome["fully_taken"] >= 5
    assert outcome["insolvent"] >= 1 and outcome["bad_debt"] > 0 and outcome["vault_paid"] > 0
    assert (outcome["keeper_restarts"], outcome["keeper_errors"]) == (1, 0)
    assert figure(attended, "bids after the restart") >= 1


def test_demo__with_keeper__leaves_a_report_and_no_process(attended: Ran) -> None:
    assert "All invariants held" in (attended.folder / "report.html").read_text(encoding="utf-8")
    assert living(attended.folder) == []


def test_demo__with_keeper__keeps_its_deployment_file_to_itself(attended: Ran) -> None:
    record = json.loads((attended.folder / "ethereum-local-foundry.json").read_text(encoding="utf-8"))
    assert [market["symbol"] for market in record["markets"]] == ["eth", "btc", "sol", "link"]
    assert 'deployment = "ethereum-local-foundry.json"' in (attended.folder / "keeper.toml").read_text()


def test_demo__with_keeper__writes_its_key_nowhere(attended: Ran) -> None:
    key = wallet(SEED, "keeper", 31337).key.hex()

    files = [file for file in attended.folder.iterdir() if file.is_file()]

    assert len(files) > 5
    assert [file.name for file in files if key in file.read_text(encoding="latin-1").lower()] == []


def test_demo__without_keeper__fails_on_a_real_path_too(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    rows = "\n".join(f"2024-08-0{day},{3000 - 250 * day},{60_000 - 3_000 * day}" for day in range(1, 5))
    file.write_text(f"date,eth,btc\n{rows}\n", encoding="utf-8")

    ran = ended(started(tmp_path, PRICES=str(file), KEEPER="0", **SMALL), tmp_path)

    assert ran.code == 1, ran.errors
    assert any(line.startswith("FAILED: KEEPER=0") for line in ran.lines)
    assert ran.outcome["custody_ok"] is True and ran.outcome["max_unsighted_blocks"] > 3
    assert "sol</strong>: not in the file" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert living(tmp_path) == []


def test_demo__no_such_file__is_misuse_and_starts_nothing(tmp_path: Path) -> None:
    ran = ended(started(tmp_path, PRICES="missing.csv"), tmp_path)

    assert (ran.code, ran.lines) == (2, [])
    assert ran.errors.strip() == "PRICES: no file missing.csv"
    assert not (tmp_path / "anvil.log").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo__interrupted_while_deploying__leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    process = started(tmp_path, **SMALL)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("deploying"):
            break
    running = living(tmp_path)
    process.send_signal(number)

    ran = ended(process, tmp_path)

    assert ran.code == 130, ran.errors
    assert any(program.endswith("anvil") for program in running)
    assert living(tmp_path) == []
