"""What an owner does is scheduled, waits, and can be taken back; nobody else does anything."""

from __future__ import annotations

from dataclasses import replace

import ape
import pytest

from tests.unit.system import RISK
from tests.unit.timelock.conftest import DELAY, NOBODY

TIGHTER = replace(RISK, iota=RISK.iota + 1_000).pack()


@pytest.fixture
def tighten(council):
    return council.call("set_risk", TIGHTER)


def test_execute__after_the_delay__by_anybody__acts_as_the_owner(council, tighten, attacker):
    council.schedule(tighten)
    council.wait()
    council.execute(tighten, sender=attacker)
    assert council.engine.risk() == TIGHTER
    assert council.timelock.is_operation_done(council.id(tighten))


def test_execute__a_second_early__reverts(council, tighten):
    council.schedule(tighten)
    council.wait(DELAY - 2)
    with ape.reverts("timelock_controller: operation is not ready"):
        council.execute(tighten)
    assert council.engine.risk() == RISK.pack()


def test_execute__twice__reverts(council, tighten):
    council.schedule(tighten)
    council.wait()
    council.execute(tighten)
    with ape.reverts("timelock_controller: operation is not ready"):
        council.execute(tighten)


def test_execute__what_the_engine_refuses__reverts_with_its_reason(council):
    zero = council.call("set_risk", 0)
    council.schedule(zero)
    council.wait()
    with ape.reverts("risk_engine: risk out of range"):
        council.execute(zero)
    assert not council.timelock.is_operation_done(council.id(zero))


def test_schedule__by_an_outsider__reverts(council, tighten, attacker, owner):
    for outsider in (attacker, owner):
        with ape.reverts("access_control: account is missing role"):
            council.schedule(tighten, sender=outsider)
    assert not council.timelock.is_operation(council.id(tighten))


def test_schedule__shorter_than_the_delay__reverts(council, tighten):
    with ape.reverts("timelock_controller: insufficient delay"):
        council.schedule(tighten, delay=DELAY - 1)


def test_cancel__by_a_proposer__takes_it_back(council, tighten):
    council.schedule(tighten)
    council.timelock.cancel(council.id(tighten), sender=council.proposer)
    council.wait()
    with ape.reverts("timelock_controller: operation is not ready"):
        council.execute(tighten)


def test_cancel__by_an_outsider__reverts(council, tighten, attacker):
    council.schedule(tighten)
    with ape.reverts("access_control: account is missing role"):
        council.timelock.cancel(council.id(tighten), sender=attacker)
    assert council.timelock.is_operation_pending(council.id(tighten))


def test_owned__former_owner__can_do_nothing(council, owner):
    with ape.reverts("ownable: caller is not the owner"):
        council.engine.set_risk(TIGHTER, sender=owner)
    assert council.engine.risk() == RISK.pack()


def test_roles__who_deployed_it__has_none(council, owner):
    timelock = council.timelock
    for role in (timelock.DEFAULT_ADMIN_ROLE(), timelock.PROPOSER_ROLE(), timelock.CANCELLER_ROLE()):
        assert not timelock.hasRole(role, owner)
    with ape.reverts("access_control: account is missing role"):
        timelock.grantRole(timelock.PROPOSER_ROLE(), owner, sender=owner)


def test_update_delay__not_by_itself__reverts(council):
    with ape.reverts("timelock_controller: caller must be timelock"):
        council.timelock.update_delay(0, sender=council.proposer)


@pytest.mark.parametrize(
    ("delay", "proposers", "executors", "reason"),
    [
        (30 * 86_400 + 1, 1, 1, "timelock: delay out of range"),
        (DELAY, 0, 1, "timelock: nobody to act"),
        (DELAY, 1, 0, "timelock: nobody to act"),
        (DELAY, 2, 1, "timelock: zero address"),
    ],
)
def test_deploy__out_of_range__reverts(load, owner, delay, proposers, executors, reason):
    with ape.reverts(reason):
        owner.deploy(load("Timelock"), delay, [owner, NOBODY][:proposers], [owner][:executors])
