"""What every test session does: the longest first; say how many were skipped, and on a build machine accept none."""

import os
from typing import Any

import pytest

from tests.order import longest_first, scheduler


def pytest_configure(config: pytest.Config) -> None:
    """Tests on Ape's network are isolated by `tests/chain_state.py`, not by Ape."""
    if hasattr(config.option, "disable_isolation"):
        config.option.disable_isolation = True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return scheduler(config, log)


def skips(session: pytest.Session) -> int:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    return len(reporter.stats.get("skipped", [])) if reporter else 0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    count = len(terminalreporter.stats.get("skipped", []))
    fails = count and os.environ.get("CI") == "true"
    terminalreporter.write_line(f"skipped: {count}" + (", and CI=true wants none: failed" if fails else ""))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if os.environ.get("CI") == "true" and skips(session) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
