"""What all commands have, and what `init` makes of the example."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from keeper.cli import app
from keeper.cli.init import EXAMPLE, answered
from keeper.cli.stored import since_of

ROOT = Path(__file__).parents[2]
COMMANDS = {command.name or command.callback.__name__: command.callback for command in app.registered_commands}


def test_commands__all_there_are__those_an_operator_needs() -> None:
    assert set(COMMANDS) == {
        "init", "doctor", "run", "scan", "why", "auctions", "positions", "history", "opportunities", "export", "backup",
        "restore", "kill", "resume", "quote", "bid",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help__each_command__ends_with_examples_of_itself(name: str) -> None:
    text, _, examples = COMMANDS[name].__doc__.partition("Examples:")
    assert text.strip()
    assert f"keeper {name}" in examples


PAGES = [ROOT / "README.md", ROOT / "docs" / "operator.md", ROOT / "docs" / "runbook.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_docs__commands_and_metrics_they_name__are_there(page: Path) -> None:
    text = page.read_text()
    named = set(re.findall(r"(?:`|^ {4})keeper ([a-z]+)", text, re.M))
    assert named
    assert named <= set(COMMANDS)
    known = {sample.name for family in REGISTRY.collect() for sample in family.samples}
    known |= {family.name for family in REGISTRY.collect()} | {f"{family.name}_total" for family in REGISTRY.collect()}
    assert set(re.findall(r"\bkeeper_[a-z_]+[a-z]\b", text)) <= known


def test_answered__values_and_settings_that_were_commented__every_other_line_as_it_was() -> None:
    before = EXAMPLE.read_text()
    after = answered(
        before,
        {
            ("chain", "endpoints"): ["ws://a/#x", 'http://b"'],
            ("signer", "key_env"): None,
            ("signer", "keystore"): "k.json",
            ("watch", "metrics_port"): 0,
        },
    )
    read = tomllib.loads(after)
    assert read["chain"]["endpoints"] == ["ws://a/#x", 'http://b"']
    assert read["signer"] == {"keystore": "k.json", "dry_run": False}
    assert read["watch"]["metrics_port"] == 0
    old, new = before.splitlines(), after.splitlines()
    assert len(old) == len(new)
    changed = [number for number, (one, other) in enumerate(zip(old, new, strict=True)) if one != other]
    assert len(changed) == 4
    for number in changed:
        assert old[number].rpartition("# ")[2] == new[number].rpartition("# ")[2], "its comment stays"


def test_since__forms__chain_seconds() -> None:
    assert since_of("1970-01-02") == 86_400 == since_of("86400") == since_of("1970-01-02T01:00+01:00")
    assert since_of("2h") - since_of("3h") == pytest.approx(3_600, abs=2)
    assert since_of(None) is None
