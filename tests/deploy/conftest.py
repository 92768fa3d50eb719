"""A network deployed and configured once a session on Ape's test chain; Ape undoes what each test sends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from scripts._deployment import Record, configure, deploy, load_parameters
from scripts._deployment.record import read_record
from tests.chain_speed import quick_chain  # noqa: F401  # found by name
from tests.chain_state import module_state, pytest_fixture_setup, test_state  # noqa: F401  # found by name
from tests.unit.compiled import contract

FILE = Path("deployments/parameters/local.json")
TESTING = ("TestToken", "TestFeed")


@cache
def load(name: str) -> Any:
    return contract(f"testing/{name}" if name in TESTING else name)


@dataclass
class Site:
    """One deployment file, one parameter file, and who acts on them."""

    path: Path
    file: Path
    owner: Any

    def deploy(self, account: Any = None) -> list[str]:
        return deploy(load, account or self.owner, load_parameters(self.file), self.file, self.path)[1]

    def configure(self, account: Any = None) -> list[str]:
        return configure(load, account or self.owner, load_parameters(self.file), self.file, self.path)[1]

    @property
    def record(self) -> Record:
        record = read_record(self.path)
        assert record is not None
        return record

    def edit_record(self, **changes: Any) -> None:
        self.record.model_copy(update=changes).save(self.path)

    def edit_parameters(self, **changes: Any) -> None:
        """Set values by key path, as in `risk__kappa="0.5"`."""
        content = json.loads(self.file.read_text())
        for path, value in changes.items():
            *sections, key = path.split("__")
            part = content
            for section in sections:
                part = part[int(section) if section.isdigit() else section]
            part[int(key) if key.isdigit() else key] = value
        self.file.write_text(json.dumps(content))

    def at(self, name: str) -> Any:
        return load(name).at(self.record.address(name), fetch_from_explorer=False)


@pytest.fixture(scope="session")
def owner(accounts):
    return accounts[0]


@pytest.fixture(scope="session")
def stranger(accounts):
    return accounts[9]


def copy_of_file(folder: Path) -> Path:
    file = folder / "parameters.json"
    file.write_text(FILE.read_text())
    return file


@pytest.fixture
def blank(owner, tmp_path):
    """Nothing is deployed yet."""
    return Site(tmp_path / "network.json", copy_of_file(tmp_path), owner)


@pytest.fixture(scope="session")
def deployed_file(owner, tmp_path_factory):
    folder = tmp_path_factory.mktemp("deployed")
    site = Site(folder / "network.json", copy_of_file(folder), owner)
    site.deploy()
    return site.path


@pytest.fixture(scope="session")
def configured_file(owner, deployed_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("configured")
    site = Site(folder / "network.json", copy_of_file(folder), owner)
    site.path.write_text(deployed_file.read_text())
    site.configure()
    return site.path


@pytest.fixture(scope="session")
def ground(configured_file):
    """One deployment, configured."""


@pytest.fixture
def site(configured_file, owner, tmp_path):
    """All is deployed and configured; files are the test's own."""
    path = tmp_path / "network.json"
    path.write_text(configured_file.read_text())
    return Site(path, copy_of_file(tmp_path), owner)
