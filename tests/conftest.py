"""What every test session does: say how many tests were skipped, and on a build machine accept none."""

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Tests on Ape's network are isolated by `tests/chain_state.py`, not by Ape."""
    if hasattr(config.option, "disable_isolation"):
        config.option.disable_isolation = True


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
