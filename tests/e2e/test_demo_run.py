"""The demo as it is started: at full size with a keeper, on a small population and a short path for the rest."""

from __future__ import annotations

import html
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


def told(ran: Ran, act: str) -> str:
    """What the run says at its end that an act came to; the report says the same."""
    (line,) = [line for line in ran.lines if line.startswith(f"{act}: ")]
    name, text = line.removeprefix(f"{act}: ").split(": ", 1)
    assert re.match(r"block \d+, ", name), line
    assert html.escape(text) in (ran.folder / "report.html").read_text(encoding="utf-8").replace("&#39;", "&#x27;")
    return text


def numbers(pattern: str, text: str) -> list[float]:
    found = re.search(pattern, text)
    assert found is not None, text
    return [float(number.replace(",", "")) for number in found.groups()]


def test_demo__with_keeper__brings_every_act(attended: Ran) -> None:
    assert attended.outcome["acts"] == ["match", "sweep", "flash bid", "hedge unwound", "shared loss"]


def test_demo__match__brings_an_account_back_above_its_line_by_an_order_that_rested(attended: Ran) -> None:
    text = told(attended, "match")

    age, released, penalty, before, after = numbers(
        r"signed (\d+) blocks ago.* ([\d,.]+) of requirement released, penalty ([\d,.]+), h ([\d.]+) -> ([\d.]+)", text
    )
    assert age > 1 and released > 0 and penalty == pytest.approx(0.05 * released, abs=0.01)
    assert before < 1 < after <= 1.4


def test_demo__sweep__relieves_accounts_while_the_keeper_is_down(attended: Ran) -> None:
    text = told(attended, "sweep")

    slices, rate, released, gained = numbers(
        r"keeper down: (\d+) slices of .* at λ up to (\d+)%: ([\d,.]+) of requirement released for ([\d,.]+)", text
    )
    assert slices >= 1 and released > 0
    assert 0 < gained <= released * rate / 100 + 0.01
    said = [index for index, line in enumerate(attended.lines) if re.match(r"block \d+: (keeper |sweep )", line)]
    killed, *sweeps, back = [attended.lines[index].split(": ")[1] for index in said]
    assert killed.startswith("keeper killed") and back == "keeper works again"
    assert sweeps and all(sweep.startswith("sweep") for sweep in sweeps)


def test_demo__flash_bid__ends_with_a_profit_of_who_put_nothing_in(attended: Ran) -> None:
    text = told(attended, "flash bid")

    rate, sold, kept = numbers(r"at λ ([\d.]+)%, sells .* for ([\d,.]+), and keeps ([\d,.]+)", text)
    assert "with an empty purse" in text
    assert rate > 0 and 20 <= kept < 0.1 * sold


def test_demo__hedge__is_unwound_where_no_leg_could_go_alone(attended: Ran) -> None:
    text = told(attended, "hedge unwound")

    spot, loan, left = numbers(r"([\d,.]+) eth sold, .* loan of ([\d,.]+) repaid: ([\d,.]+) left", text)
    assert spot > 0 and loan > 0 and left > 0
    assert text.endswith("Each leg alone is refused: clearinghouse: below initial margin")


def test_demo__shared_loss__empties_the_vault_and_lowers_the_index(attended: Ran) -> None:
    text = told(attended, "shared loss")

    vault, shared, before, after, rate, asked, paid = numbers(
        r"with ([\d,.]+) left in the vault: ([\d,.]+) of loss shared, supply index ([\d.]+) -> ([\d.]+)\. "
        r"Before that leaving was worth as little as ([\d.]+): lender 0 leaves with ([\d,.]+) and is paid ([\d,.]+)",
        text,
    )
    assert "late whale" in text
    assert vault < 0.01 * shared and shared == attended.outcome["loss_shared"]
    assert after < before and rate < 1
    assert rate * asked - 1 <= paid < asked
    assert attended.outcome["bad_debt"] <= shared + attended.outcome["vault_paid"]


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
    assert ran.outcome["acts"] == [] and not any("did not happen" in line for line in ran.lines)
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
