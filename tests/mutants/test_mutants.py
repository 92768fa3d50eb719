"""Mutants that people wrote still say what they are: their texts are in the contracts, their tests are there."""

from __future__ import annotations

import ast
import importlib
from functools import cache

import pytest

from tests.attacks.defence import ATTACKS
from tests.mutants import known as collecting
from tests.mutants.equivalent import EQUIVALENT
from tests.mutants.generated import COUNT, groups, shares, turn
from tests.mutants.known import known
from tests.mutants.mutant import Mutant, change
from tests.mutants.results import SHARED, key, shared
from tests.mutants.sentences import SENTENCES
from tests.mutants.sites import Source, files
from tests.mutants.tree import ROOT

MUTANTS = known()


def of_sections() -> list[Mutant]:
    paths = sorted((ROOT / "tests" / "mutants").glob("section_*.py"))
    modules = [importlib.import_module(f"tests.mutants.{path.stem}") for path in paths]
    return [mutant for module in modules for mutant in module.MUTANTS]


@cache
def functions(file: str) -> set[str]:
    """What a file of tests defines."""
    parsed = ast.parse((ROOT / file).read_text())
    return {node.name for node in parsed.body if isinstance(node, ast.FunctionDef)}


def test_mutants__edits__apply_to_the_contracts(tmp_path):
    for mutant in MUTANTS.values():
        before = {}
        for file in {edit.file for edit in mutant.edits}:
            before[file] = (ROOT / "contracts" / file).read_text()
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text(before[file])
        mutant.apply(tmp_path)
        unchanged = [file for file, text in before.items() if (tmp_path / file).read_text() == text]
        assert unchanged == [], mutant.name


def test_mutants__killers__are_tests():
    missing = []
    for mutant in MUTANTS.values():
        named = [killer.partition("::") for killer in mutant.killers]
        missing += [mutant.name] if not named else []
        for file, _, test in named:
            if not (ROOT / file).is_file() or test.split("[")[0] not in functions(file):
                missing.append((mutant.name, f"{file}::{test}"))
    assert missing == []


def test_mutants__two_of_one_name__are_refused(monkeypatch):
    twice = change("a-name", "3: At most 64.", "Auction.vy", "a", "b", "tests/unit")
    monkeypatch.setattr(collecting, "ATTACKS", {"a-name": twice})
    module = importlib.import_module("tests.mutants.section_3")
    monkeypatch.setattr(module, "MUTANTS", [twice])
    with pytest.raises(ValueError, match="two mutants are named a-name"):
        known()


def test_mutants__attacks_and_sections__are_all_collected():
    assert set(ATTACKS) | {mutant.name for mutant in of_sections()} <= set(MUTANTS)


def test_sentences__each__has_a_mutant_and_no_other_is_quoted():
    assert sorted({mutant.sentence for mutant in of_sections()}) == sorted(SENTENCES)


def test_edit__text_that_stands_twice_or_not_at_all__is_refused(tmp_path):
    (tmp_path / "House.vy").write_text("a door, a door")
    for old, count in (("door", 2), ("window", 0)):
        with pytest.raises(ValueError, match=f"stands there {count} times"):
            change("", "", "House.vy", old, "").apply(tmp_path)


def test_key__edit_or_killers_differ__is_another():
    keys = [
        key(change("", "", file, old, "", killer))
        for file, old, killer in (
            ("Auction.vy", "a", "tests/unit/auction/test_bid.py"),
            ("Auction.vy", "b", "tests/unit/auction/test_bid.py"),
            ("Batch.vy", "a", "tests/unit/auction/test_bid.py"),
            ("Auction.vy", "a", "tests/unit/auction/test_open.py"),
        )
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("file", files())
def test_site__each__changes_what_it_says(file):
    text = (ROOT / "contracts" / file).read_text()
    sites = Source(file).sites()
    assert len({site.key for site in sites}) == len(sites)
    for site in sites:
        assert text[site.start : site.end] != site.new, site.shown
        assert site.before != site.after, site.shown


def test_site__lines_above_it_added__keeps_its_key_and_its_turn(monkeypatch, tmp_path):
    before = Source("modules/rounding.vy").sites()
    (tmp_path / "modules").mkdir()
    text = (ROOT / "contracts" / "modules" / "rounding.vy").read_text()
    (tmp_path / "modules" / "rounding.vy").write_text("# one line more\n" + text)
    monkeypatch.setattr("tests.mutants.sites.CONTRACTS", tmp_path)
    after = Source("modules/rounding.vy").sites()
    assert [(site.key, turn(site)) for site in after] == [(site.key, turn(site)) for site in before]
    assert [site.line for site in after] == [site.line + 1 for site in before]


def test_shares__any_counts__are_in_proportion_and_add_up():
    given = shares({"a": 50, "b": 30, "c": 19, "d": 1}, COUNT)
    assert given == {"a": 50, "b": 30, "c": 19, "d": 1}
    given = shares({"a": 1, "b": 1, "c": 1}, COUNT)
    assert (sum(given.values()), max(given.values())) == (COUNT, COUNT // 3 + 1)


def test_groups__any_contract__end_with_all_unit_tests():
    for contracts in (["Lens"], ["Clearinghouse", "Lens"], ["RiskEngine"]):
        named = [test for group in groups(contracts, f"{contracts[0]}.vy") for test in group]
        folders = [path for path in (ROOT / "tests" / "unit").iterdir() if list(path.glob("test_*.py"))]
        assert {str(path.relative_to(ROOT)) for path in folders} <= set(named)
        assert ("tests/attacks" in named) == (contracts != ["Lens"])


def test_groups__module_with_tests_of_its_own__before_those_of_its_contracts():
    named = [test for group in groups(["Auction", "Lens"], "modules/account.vy") for test in group]
    assert named.index("tests/unit/modules/test_account.py") < named.index("tests/unit/auction")
    assert "tests/unit/modules/test_bidding.py" not in [
        test for group in groups(["Auction"], "modules/bidding.vy") for test in group
    ]


def test_equivalent__each__is_a_site_with_a_reason():
    sites = {site.key for file in files() for site in Source(file).sites()}
    assert set(EQUIVALENT) <= sites
    assert all(len(reason) > 20 for reason in EQUIVALENT.values())


def test_results__rest_on_all_that_their_tests_import():
    """A change of what is imported from elsewhere would leave results that are of something else."""
    tests = [path for name in SHARED if name.startswith("tests/") for path in (ROOT / name).rglob("test_*.py")]
    known = set(shared())
    for path in [*tests, *known]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ImportFrom) or node.level or node.module is None:
                continue
            top, *rest = node.module.split(".")
            if top not in ("tests", "keeper", "scripts", "benches") or rest[:1] == ["mutants"]:
                continue
            base = ROOT.joinpath(top, *rest)
            named = [base.with_suffix(".py"), base / "__init__.py", *(base / f"{name.name}.py" for name in node.names)]
            assert known.intersection(named), f"{path.relative_to(ROOT)} imports {node.module}"
