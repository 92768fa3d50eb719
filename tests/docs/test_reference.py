"""What docs/reference says is what the contracts say."""

from __future__ import annotations

import pytest

from scripts.reference.__main__ import FOLDER
from scripts.reference.facts import contracts
from scripts.reference.pages import pages


@pytest.fixture(scope="module")
def made():
    return pages(contracts())


def test_reference__as_made_from_the_contracts__is_what_is_there(made):
    kept = {path.name: path.read_text() for path in FOLDER.glob("*.md")}
    assert sorted(kept) == sorted(made), "run `make reference`"
    assert [name for name in made if kept[name] != made[name]] == [], "run `make reference`"


def test_reference__privileged_act__names_its_role(made):
    access = made["access.md"]
    assert "| Clearinghouse | `slice` | Auction | locked |" in access
    assert "| RiskEngine | `set_risk` | owner | locked |" in access
