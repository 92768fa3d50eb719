"""What each act costs is what the snapshot says, within 1%: a change of cost is seen where it is made."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SNAPSHOT = Path(__file__).parents[2] / "benches" / "gas.json"


@pytest.fixture(scope="module")
def measured():
    done = subprocess.run([sys.executable, "-m", "benches.gas"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_gas__each_act__costs_what_the_snapshot_says(measured):
    kept = json.loads(SNAPSHOT.read_text())
    assert sorted(measured) == sorted(kept), "run `make gas`"
    off = {act: (kept[act], gas) for act, gas in measured.items() if abs(gas - kept[act]) * 100 > kept[act]}
    assert off == {}, "kept and measured; if the change is meant, run `make gas`"
