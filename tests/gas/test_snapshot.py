"""
What each act costs is what the snapshot says, within 1%: a change of cost is seen where it is made.

And what the snapshot says is within the limits that were set, so that renewing it cannot pass them unseen.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SNAPSHOT = Path(__file__).parents[2] / "benches" / "gas.json"
LIMITS = {
    # A requirement with all storage cold: 1, 4 and 16 markets in 1, 4 and 8 buckets.
    "req_1": 22_000,
    "req_4": 52_000,
    "req_16": 160_000,
    "open_1": 76_000,
    "open_each_more": 40_000,
    "open_and_take_1": 180_000,
    "bid_16": 560_000,
    "bid_each_more": 85_000,
    "fill_1": 155_000,
    "deposit": 76_000,
    "withdraw_with_position": 100_000,
}
"""The most gas that an act may cost."""


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


@pytest.mark.parametrize(("act", "limit"), LIMITS.items())
def test_gas__recorded_cost__is_within_its_limit(act, limit):
    assert 0 < json.loads(SNAPSHOT.read_text())[act] <= limit
