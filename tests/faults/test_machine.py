"""The machine fails: no room on the disk, a locked store, a clock that jumps; and a dry run signs nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.e2e.world import World
from tests.faults.crowd import FALL, Run, assert_served
from tests.faults.proxy import FaultProxy

LAUNCHER = "tests.faults.launcher"


def test_disk__is_full_for_a_while__nothing_is_sent_meanwhile_and_all_are_served_then(
    world: World, first: FaultProxy, tmp_path: Path
) -> None:
    """What cannot be journaled is not sent."""
    flag = tmp_path / "full"
    run = Run(world, tmp_path, [first.socket])
    with run.keeper(LAUNCHER, DISK_FULL=str(flag)) as keeper:
        keeper.started()
        run.tick(FALL[0], keeper)
        run.tick(FALL[1], keeper)
        flag.touch()
        sent = len(first.sent)
        for block, price in enumerate(FALL[2:5]):
            run.tick(price)
            keeper.wait_for("a head was not handled", count=block + 1)
        assert len(run.unserved()) > 10
        assert len(first.sent) == sent, "something was sent that could not be journaled"
        flag.unlink()
        run.to_the_end(keeper)
        assert keeper.stop() == 0
        assert "disk" in keeper.events("a head was not handled")[0]["error"]
    assert_served(run, run.ended())


def test_store__is_locked_for_a_while__heads_are_tried_again(world: World, first: FaultProxy, tmp_path: Path) -> None:
    run = Run(world, tmp_path, [first.socket])
    with run.keeper() as keeper:
        keeper.started()
        locked = None
        for step in run.fall(keeper):
            if step == 2:
                locked = sqlite3.connect(tmp_path / "keeper.sqlite", isolation_level=None)
                locked.execute("BEGIN IMMEDIATE")
                run.tick(1_900.0)
                keeper.wait_for("a head was not handled")
                locked.execute("ROLLBACK")
                locked.close()
        assert locked is not None
        run.to_the_end(keeper)
        assert keeper.stop() == 0
        assert "locked" in keeper.events("a head was not handled")[0]["error"]
    assert_served(run, run.ended())


def test_clock__jumps_both_ways__all_served(world: World, first: FaultProxy, tmp_path: Path) -> None:
    """The time of day decides nothing: a jump is told and no more."""
    file = tmp_path / "clock"
    run = Run(world, tmp_path, [first.socket])
    with run.keeper(LAUNCHER, CLOCK_FILE=str(file)) as keeper:
        keeper.started()
        for step in run.fall(keeper):
            file.write_text(str([0, 86_400, -86_400, 10**7, -(10**7), 0][step]))
        run.to_the_end(keeper)
        assert keeper.stop() == 0
    assert_served(run, run.ended())


def test_dry_run__accounts_fall__nothing_is_signed_and_nothing_sent(
    world: World, first: FaultProxy, tmp_path: Path
) -> None:
    """Looked at where it is decided: at the signer, and at the endpoint."""
    signatures = tmp_path / "signatures"
    run = Run(world, tmp_path, [first.socket], "[signer]\ndry_run = true\n")
    with run.keeper(LAUNCHER, SIGNATURES=str(signatures)) as keeper:
        keeper.started()
        for _ in run.fall(keeper):
            pass
        assert len(keeper.events("open")) > 0
        assert keeper.stop() == 0
    assert not signatures.exists()
    assert first.sent == []
    assert first.asked["eth_sendRawTransaction"] == 0
    assert len(run.unserved()) >= 20
