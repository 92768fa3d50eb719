"""The chain's own process ends and begins again: from what it had, or from nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.anvil import Anvil
from tests.e2e.process import until
from tests.faults.crowd import FALL, Run, assert_served, crowd


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Anvil]:
    """One of this test alone, that writes down what it has when it ends."""
    with Anvil(state=tmp_path / "state.json") as made:
        yield made


def test_chain__restarted_from_its_state__followed_on_and_all_served(node: Anvil, tmp_path: Path) -> None:
    run = Run(crowd(node), tmp_path, [f"ws://127.0.0.1:{node.port}"])
    with run.keeper() as keeper:
        keeper.started()
        for step in run.fall(keeper):
            if step == 3:
                before = node.head()
                node.restart()
                node.hold()
                assert node.head() == before
                keeper.wait_for("an endpoint is lost")
        run.to_the_end(keeper)
        assert keeper.stop() == 0
    assert_served(run, run.ended())


def test_chain__started_anew__keeper_ends_and_says_why(node: Anvil, tmp_path: Path) -> None:
    """Nothing is sent to a chain that is not the deployment's, though it has its id and answers at its address."""
    run = Run(crowd(node), tmp_path, [f"ws://127.0.0.1:{node.port}"])
    record = tmp_path / "deployment.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "genesis": node.block("0x0")["hash"]}))
    with run.keeper() as keeper:
        keeper.started()
        run.tick(FALL[0], keeper)
        node.restart(anew=True)
        until(lambda: keeper.process.poll() is not None, "the end")
        assert keeper.process.returncode == 2
        assert "this is another chain of the same id, or the chain was started anew" in keeper.said()
    assert node.call("eth_getTransactionCount", run.world.taker.address, "latest") == "0x0"
