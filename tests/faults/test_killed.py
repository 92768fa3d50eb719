"""kill -9 at every step between a decision and its receipt, one life after the other, from a list that is generated."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.world import World
from tests.faults.crowd import FALL, LOWEST, Run, assert_served
from tests.faults.launcher import steps
from tests.faults.proxy import FaultProxy

LAUNCHER = "tests.faults.launcher"
RARE = ("journal.unmine", "journal.abandon_planned", "journal.end")
"""Not on the way of a decision that nothing disturbs."""


def test_steps__generated__are_those_of_a_decisions_way() -> None:
    assert {"journal.plan", "journal.sign", "journal.sent", "journal.mined", "ledger.reserve", "ledger.release"} <= set(
        steps()
    )
    assert {"signer.sign", "node.send"} <= set(steps())


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed__at_each_step_in_turn__all_served_and_nothing_twice(
    world: World, first: FaultProxy, tmp_path: Path, when: str
) -> None:
    run = Run(world, tmp_path, [first.socket])
    died = []
    prices = [price for price in FALL for _ in range(4)]
    for step in steps():
        with run.keeper(LAUNCHER, DIE_AT=f"{step}:1:{when}") as keeper:
            keeper.started_or_dead()
            for _ in range(2 if step in RARE else 12):
                if keeper.process.poll() is not None:
                    died.append(step)
                    break
                run.tick(prices.pop(0) if prices else LOWEST, keeper)
                if not run.unserved() and not prices:
                    break
    with run.keeper() as keeper:
        keeper.started()
        run.to_the_end(keeper)
        assert keeper.stop() == 0
    assert len(died) >= 6, f"it died only at {died}"
    assert {"journal.plan", "journal.sign", "journal.sent", "node.send", "signer.sign"} <= set(died)
    assert_served(run, run.ended())
