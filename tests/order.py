"""In which order tests run, and which of them one process runs together, when several processes share them."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

LONGEST = (
    "tests/gas/test_snapshot.py",
    "tests/gas/test_limits.py",
    "tests/e2e/test_demo_run.py",
    "tests/faults/test_endpoints.py",
    "tests/e2e/test_run.py",
    "tests/faults/test_transactions.py",
    "tests/e2e/test_commands.py",
    "tests/e2e/test_operator.py",
    "tests/e2e/test_faults.py",
    "tests/model/test_operations.py",
    "tests/faults/test_killed.py",
    "tests/e2e/test_deploy_commands.py",
    "tests/stateful/test_invariants.py",
)
"""Begun before all other files, in this order: a long one begun last keeps one process waiting for the other."""
APART = ("tests/model/test_operations.py", "tests/faults/test_endpoints.py", "tests/faults/test_transactions.py")
"""Files whose tests share nothing and are long: any process takes any of them."""


class ByFile(LoadFileScheduling):
    """A file's tests go to one process, for their fixtures' sake; but those of `APART` one by one."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return nodeid if file in APART else file


def longest_first(items: list[pytest.Item]) -> None:
    """Sort what was collected; what is not named stays in its order."""
    places = {file: place for place, file in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.split("::")[0], len(LONGEST)))


def scheduler(config: pytest.Config, log: Any) -> ByFile | None:
    """The scheduler of `--dist loadfile`; None leaves any other to the plug-in."""
    return ByFile(config, log) if config.option.dist == "loadfile" else None
