"""
The keeper's gas limits suffice for the heaviest accounts, alone and together, while ramps go on and after them.

Sixteen markets in spot and perpetual, sixteen perpetuals, four markets, one; with something left, and insolvent.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from keeper.config.schema import SIGHTED_TOGETHER
from keeper.decide import sight
from tests.gas.test_snapshot import SNAPSHOT

ACTS = ("open", "bid", "sweep", "match")
HEADROOM = 8
"""Percent that each limit is above what is needed, at least: the next block may be worse for the account."""
TIMES = 6
"""No limit is so many times what is needed. A sweep's is the furthest: any bid may hold much itself."""


@pytest.fixture(scope="module")
def measured():
    done = subprocess.run([sys.executable, "-m", "tests.gas.needs"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    cases = json.loads(done.stdout.splitlines()[-1])
    assert {case["name"].split()[0] for case in cases} == set(ACTS)
    return cases


def failing(cases, holds):
    return {case["name"]: (case["needed"], case["limit"]) for case in cases if not holds(case)}


def test_limit__each_act__is_enough(measured):
    assert failing(measured, lambda case: case["full"]) == {}


def test_limit__each_act__leaves_headroom(measured):
    assert failing(measured, lambda case: case["needed"] * (100 + HEADROOM) <= case["limit"] * 100) == {}


def test_limit__half_of_it__is_too_little_to_sight_or_to_bid_for_what_is_heaviest(measured):
    heaviest = ("bid 1 x 16 in spot and perp", "bid 3 x 16 in spot and perp")
    # A sighting has room for a loss of each of its accounts, which only an insolvent one brings.
    cases = [case for case in measured if case["name"].startswith("open") and ", insolvent" in case["name"]]
    cases += [case for case in measured if case["name"].startswith(heaviest[0])]
    cases += [case for case in measured if case["name"].startswith(heaviest[1]) and "new taker" in case["name"]]
    assert len(cases) == 28
    assert failing(cases, lambda case: not case["half"]) == {}


def test_limit__each_act__is_not_many_times_what_it_needs(measured):
    assert failing(measured, lambda case: case["limit"] < TIMES * case["needed"]) == {}


def test_limit__ten_thousand_usual_accounts__fit_into_fifteen_blocks():
    """A transaction goes into a block if its limit does: what the others left of the block, not what it will use."""
    costs = json.loads(SNAPSHOT.read_text())
    limit = sight.GAS_FIXED + SIGHTED_TOGETHER * (sight.GAS_ACCOUNT + sight.GAS_MARKET)
    used = costs["open_1"] + (SIGHTED_TOGETHER - 1) * costs["open_each_more"]
    together = (30_000_000 - limit) // used + 1
    assert 15 * together * SIGHTED_TOGETHER >= 10_000
