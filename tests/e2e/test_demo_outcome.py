"""The verdict: which runs pass, and what the last line holds."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from scripts.demo.observer import Bid
from scripts.demo.outcome import Ending, Outcome, failures, figures, times_under_line

GOOD = Outcome(
    accounts=220,
    breached=100,
    opened=120,
    bids=90,
    partial_bids=60,
    fully_taken=30,
    insolvent=10,
    median_fraction=0.5,
    median_lambda=0.14,
    bad_debt=100.0,
    vault_paid=120.0,
    time_under_line_p50_s=20.0,
    time_under_line_p95_s=70.0,
    max_unsighted_blocks=3,
    custody_ok=True,
    sums_ok=True,
    keeper_errors=0,
    keeper_restarts=1,
    loss_shared=250.0,
    acts=("match", "sweep"),
)
ENDING = Ending(keeper=True, counted=True, left_insolvent=0, on_target=20, missed_target=0, bids_after_restart=5)
BID = Bid(
    block=1,
    account=7,
    taker=8,
    age=30,
    fraction=0.4,
    whole=False,
    clipped=True,
    lambda_account=0.1,
    lambda_taker=0.1,
    health_before=0.9,
    health_after=1.4,
    off_target=1e-9,
    vault_paid=0.0,
    bad_debt=0.0,
)


def test_failures__all_as_it_should_be__is_empty() -> None:
    assert failures(GOOD, ENDING) == []


@pytest.mark.parametrize(
    ("outcome", "ending", "reason"),
    [
        ({"custody_ok": False}, {"custody_fault": "block 5: short"}, "custody: block 5: short"),
        ({"sums_ok": False}, {"sums_fault": "block 6: off"}, "sums: block 6: off"),
        ({"max_unsighted_blocks": 4}, {}, "an account was under the line and unsighted for 4 blocks, more than 3"),
        ({}, {"left_insolvent": 2}, "2 accounts were left with equity below zero"),
        ({}, {"missed_target": 1}, "1 bids that were clipped at the target did not land on it"),
        ({"breached": 29}, {}, "breached: 29, the path is to bring at least 30"),
        ({}, {"on_target": 9}, "partial bids that land on the target: 9, the path is to bring at least 10"),
        ({"fully_taken": 4}, {}, "full takes: 4, the path is to bring at least 5"),
        ({"insolvent": 0}, {}, "insolvent: 0, the path is to bring at least 1"),
        ({"keeper_restarts": 0}, {}, "restarts of the keeper: 0, the path is to bring at least 1"),
        ({}, {"bids_after_restart": 0}, "bids after the restart: 0, the path is to bring at least 1"),
        ({}, {"missing": ("sweep",)}, "sweep: the act did not happen, the path is to give cause for it"),
    ],
)
def test_failures__one_thing_wrong__is_the_one_reason(
    outcome: dict[str, int | bool], ending: dict[str, int | str], reason: str
) -> None:
    assert failures(replace(GOOD, **outcome), replace(ENDING, **ending)) == [reason]


def test_failures__several_acts_missing__are_each_named() -> None:
    reasons = failures(GOOD, replace(ENDING, missing=("match", "flash bid", "shared loss")))

    assert [reason.split(":")[0] for reason in reasons] == ["match", "flash bid", "shared loss"]


def test_failures__without_a_keeper__never_passes() -> None:
    reasons = failures(GOOD, replace(ENDING, keeper=False))

    assert reasons == ["KEEPER=0: nobody worked, the run shows what then happens and cannot pass"]


def test_failures__real_path__need_not_bring_counts_but_must_hold() -> None:
    quiet = replace(GOOD, breached=0, fully_taken=0, insolvent=0)
    ending = replace(ENDING, counted=False, on_target=0, missing=("match", "shared loss"))

    assert failures(quiet, ending) == []
    assert failures(replace(quiet, sums_ok=False), ending) != []


def test_to_json__last_line__has_the_agreed_keys_in_order() -> None:
    assert list(json.loads(GOOD.to_json())) == [
        "accounts",
        "breached",
        "opened",
        "bids",
        "partial_bids",
        "fully_taken",
        "insolvent",
        "median_fraction",
        "median_lambda",
        "bad_debt",
        "vault_paid",
        "time_under_line_p50_s",
        "time_under_line_p95_s",
        "max_unsighted_blocks",
        "custody_ok",
        "sums_ok",
        "keeper_errors",
        "keeper_restarts",
        "loss_shared",
        "acts",
    ]
    assert "\n" not in GOOD.to_json()


def test_figures__mixed_bids__are_counted_apart() -> None:
    astray = replace(BID, clipped=True, off_target=2e-6)
    smaller = replace(BID, clipped=False, off_target=0.1, fraction=0.1)
    whole = replace(BID, fraction=1.0, whole=True, off_target=None, vault_paid=12.5, bad_debt=10.25, lambda_taker=0.3)
    shared = replace(whole, vault_paid=0.5, bad_debt=80.0, shared=79.5)

    sums = figures([BID, astray, smaller, whole])
    with_loss = figures([BID, whole, shared])

    assert (sums.bids, sums.partial_bids, sums.on_target, sums.missed_target, sums.fully_taken) == (4, 3, 1, 1, 1)
    assert (sums.vault_paid, sums.bad_debt, sums.median_fraction, sums.loss_shared) == (12.5, 10.25, 0.4, 0.0)
    assert (with_loss.vault_paid, with_loss.bad_debt, with_loss.loss_shared) == (13.0, 90.25, 79.5)


def test_figures__no_bid__has_no_median() -> None:
    assert figures([]).median_lambda is None and times_under_line([]) == (None, None)
