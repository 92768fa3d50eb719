"""What is kept of a compiled contract is of the sources as they are, or not used."""

from __future__ import annotations

import pytest
from vyper.exceptions import VyperException

from scripts._deployment import kept
from scripts._deployment.kept import made, main, names, place, sources, state

HOUSE = """
# pragma version ~=0.4.3
from .interfaces import IHouse
from .modules import rooms

@external
def number() -> uint256:
    return rooms.number()
"""
ROOMS = """
# pragma version ~=0.4.3
@internal
def number() -> uint256:
    return {}
"""
FACE = """
@external
@view
def number() -> uint256: ...
"""


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A folder of a contract, the module and the interface that it imports, and a contract that stands alone."""
    folder = tmp_path / "contracts"
    for name, text in {
        "House.vy": HOUSE,
        "Shed.vy": ROOMS.format(3),
        "testing/Tent.vy": ROOMS.format(4),
        "modules/rooms.vy": ROOMS.format(1),
        "modules/attic.vy": ROOMS.format(5),
        "interfaces/IHouse.vyi": FACE,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(kept, "KEPT", tmp_path / "kept")
    return folder


def test_names__contracts_and_those_for_tests__and_no_modules(tree):
    assert names(tree) == ["House", "Shed", "testing/Tent"]


def test_sources__of_a_contract__are_its_file_and_all_it_imports(tree):
    found = [str(path.relative_to(tree)) for path in sources(tree / "House.vy")]
    assert found == ["House.vy", "interfaces/IHouse.vyi", "modules/rooms.vy"]


@pytest.mark.parametrize(
    ("changed", "another"),
    [
        ("House.vy", True),
        ("modules/rooms.vy", True),
        ("interfaces/IHouse.vyi", True),
        ("modules/attic.vy", False),
        ("Shed.vy", False),
    ],
)
def test_state__a_source_changed__is_another_for_what_stands_on_it(tree, changed, another):
    before = state("House", tree)
    assert state("House", tree) == before
    (tree / changed).write_text((tree / changed).read_text() + "# otherwise\n")
    assert (state("House", tree) != before) is another


def test_made__module_changed__is_compiled_again_and_otherwise_read(tree, monkeypatch):
    first = made("House", tree)
    assert [entry["name"] for entry in first.abi] == ["number"]
    assert place("House", tree).is_file()
    (tree / "modules" / "rooms.vy").write_text(ROOMS.format(2))
    second = made("House", tree)
    assert second.bytecode != first.bytecode
    monkeypatch.setattr(kept, "compile_contract", lambda path, root: pytest.fail("it was compiled before"))
    assert made("House", tree) == second
    (tree / "modules" / "rooms.vy").write_text(ROOMS.format(1))
    assert made("House", tree) == first


def test_made__edited_while_it_was_compiled__is_not_kept(tree, monkeypatch):
    compile_contract = kept.compile_contract

    def slowly(path, root):
        (tree / "Shed.vy").write_text(ROOMS.format(9))
        return compile_contract(path, root)

    before = place("Shed", tree)
    monkeypatch.setattr(kept, "compile_contract", slowly)
    made("Shed", tree)
    assert not before.exists()
    assert not place("Shed", tree).exists()
    assert not before.parent.exists()


def test_made__refused_by_the_compiler__is_said_and_nothing_is_kept(tree):
    (tree / "House.vy").write_text(HOUSE.replace("rooms.number()", "rooms.unknown()"))
    with pytest.raises(VyperException, match="unknown"):
        made("House", tree)
    assert not place("House", tree).exists()


@pytest.mark.parametrize("line", ["from contracts.modules import rooms", "import contracts.modules.rooms as rooms"])
def test_sources__import_that_is_not_relative__refused(tree, line):
    """What it imports would not count, and a contract of before be deployed."""
    (tree / "House.vy").write_text(HOUSE.replace("from .modules import rooms", line))
    with pytest.raises(ValueError, match=r"House.vy: imports of contracts/ are relative"):
        sources(tree / "House.vy")


def test_main__one_contract_refused__said_with_its_place_and_the_others_kept(tree, monkeypatch, capsys):
    monkeypatch.setenv("PLIMSOLL_COMPILED", str(kept.KEPT))
    (tree / "House.vy").write_text(HOUSE.replace("rooms.number()", "unheard"))
    assert main(tree) == 1
    told = capsys.readouterr()
    assert told.out == "compiled 2 of 3 contracts\n"
    assert "contracts/House.vy: " in told.err
    assert "unheard" in told.err
    assert [place(name, tree).is_file() for name in names(tree)] == [False, True, True]
    (tree / "House.vy").write_text(HOUSE)
    assert main(tree) == 0
    assert capsys.readouterr().out == "compiled 1 of 1 contracts\n"
    assert main(tree) == 0
    assert capsys.readouterr().out == ""
