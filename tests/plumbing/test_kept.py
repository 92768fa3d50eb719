"""What is kept of compiled contracts is of the sources as they are, or not used."""

from __future__ import annotations

import json

import pytest

from scripts._deployment import kept as module
from scripts._deployment.kept import keep, kept, main, state


@pytest.fixture(autouse=True)
def tree(tmp_path, monkeypatch):
    """A project of one contract, a module and an interface."""
    for name in ("contracts/House.vy", "contracts/modules/rooms.vy", "contracts/interfaces/IHouse.vyi"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "ape-config.yaml").write_text("name: house")
    for name, value in {
        "ROOT": tmp_path,
        "CONTRACTS": tmp_path / "contracts",
        "KEPT": tmp_path / "kept",
        "BUILT": tmp_path / "built.json",
    }.items():
        monkeypatch.setattr(module, name, value)
    return tmp_path


@pytest.mark.parametrize(
    "changed",
    ["contracts/House.vy", "contracts/modules/rooms.vy", "contracts/interfaces/IHouse.vyi", "ape-config.yaml"],
)
def test_state__any_source_or_the_settings_changed__is_another(tree, changed):
    before = state()
    assert state() == before
    (tree / changed).write_text("something else")
    assert state() != before


def test_state__source_added_or_renamed__is_another(tree):
    states = {state()}
    (tree / "contracts" / "New.vy").write_text("")
    states.add(state())
    (tree / "contracts" / "New.vy").rename(tree / "contracts" / "Newer.vy")
    states.add(state())
    assert len(states) == 3


def test_keep__sources_as_they_were__is_found_for_these_alone(tree):
    sources = state()
    assert kept("House", sources) is None
    keep("House", sources, "made")
    assert kept("House", sources) == "made"
    assert kept("House", "another") is None


def test_keep__source_changed_while_it_compiled__is_dropped(tree):
    sources = state()
    (tree / "contracts" / "House.vy").write_text("edited meanwhile")
    keep("House", sources, "made of whichever")
    assert kept("House", sources) is None
    assert kept("House", state()) is None


def test_main__after_a_compilation__keeps_all_of_it_and_no_other_state(tree):
    keep("House", old := state(), "old")
    (tree / "contracts" / "House.vy").write_text("edited")
    (tree / "built.json").write_text(json.dumps({"contractTypes": {"House": {"abi": []}, "Shed": {"abi": [1]}}}))
    main()
    assert json.loads(kept("House", state())) == {"abi": []}
    assert json.loads(kept("Shed", state())) == {"abi": [1]}
    assert kept("House", old) is None
