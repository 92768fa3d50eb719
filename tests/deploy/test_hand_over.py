"""Handing all contracts to a timelock, and configuring them through it afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from ape import chain

from scripts._deployment import Refused, hand_over
from tests.deploy.conftest import load

DELAY = 3_600
NOBODY = "0x" + "00" * 20
OWNED = ("RiskEngine", "Clearinghouse", "Auction", "Exchange", "InsuranceVault")


@pytest.fixture
def hand(site, owner):
    """Run the command, as the owner unless another account is given."""

    def hand(account: Any = None) -> list[str]:
        return hand_over(load, account or owner, DELAY, [owner.address], [NOBODY], site.path)[1]

    return hand


@pytest.fixture
def handed(site, hand):
    """The timelock owns everything."""
    hand()
    chain.pending_timestamp += DELAY
    hand()
    return site


def owners(site) -> set[str]:
    return {str(site.at(name).owner()) for name in OWNED if hasattr(site.at(name), "owner")}


def test_hand_over__three_runs__name_wait_accept_and_change_nothing(site, hand, owner):
    first = hand()
    timelock = site.record.address("Timelock")
    assert any(line.startswith("Timelock deployed to") for line in first)
    assert any(line == "scheduled, for 3600 s from now: RiskEngine is the timelock's" for line in first)
    assert owners(site) == {owner.address}

    assert all(line.startswith("waits in the timelock until") for line in hand())
    chain.pending_timestamp += DELAY
    assert all(line.startswith("carried out: ") for line in hand())
    assert owners(site) == {timelock}
    assert hand() == []


def test_hand_over__not_the_owner__refused_and_nothing_sent(site, hand, stranger):
    height = chain.blocks.height
    with pytest.raises(Refused, match="only its owner may hand it over"):
        hand(stranger)
    assert chain.blocks.height == height
    assert "Timelock" not in site.record.contracts


def test_configure__owned_by_the_timelock__proposes_then_carries_out(handed):
    handed.edit_parameters(risk__iota="1.6")
    engine = handed.at("RiskEngine")
    before = engine.risk()
    (line,) = handed.configure()
    assert line.startswith("scheduled, for 3600 s from now: RiskEngine.set_risk")
    assert engine.risk() == before
    (line,) = handed.configure()
    assert line.startswith("waits in the timelock")

    chain.pending_timestamp += DELAY
    (line,) = handed.configure()
    assert line.startswith("carried out: RiskEngine.set_risk")
    assert engine.risk() != before
    assert handed.configure() == []


def test_configure__back_and_forth__the_same_change_can_be_proposed_again(handed):
    for iota in ("1.6", "1.5", "1.6"):
        handed.edit_parameters(risk__iota=iota)
        assert handed.configure()[0].startswith("scheduled")
        chain.pending_timestamp += DELAY
        assert handed.configure()[0].startswith("carried out")


def test_configure__by_who_may_not_propose__refused(handed, stranger):
    handed.edit_parameters(risk__iota="1.6")
    with pytest.raises(Refused, match="may not propose to the timelock"):
        handed.configure(stranger)


def test_configure__owned_by_the_timelock__nothing_to_change__says_so(handed):
    assert handed.configure() == []
