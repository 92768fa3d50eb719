"""Long files come first, and the walks are shared among processes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.order import APART, LONGEST, ByFile, longest_first

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("file", sorted({*LONGEST, *APART}))
def test_files__named__exist(file):
    assert (ROOT / file).is_file()


def test_longest_first__named_files__lead_and_the_rest_stays():
    names = ["tests/a.py::one", f"{LONGEST[1]}::one", "tests/b.py::two", f"{LONGEST[0]}::one", f"{LONGEST[0]}::two"]
    items = [SimpleNamespace(nodeid=name) for name in names]
    longest_first(items)
    assert [item.nodeid for item in items] == [names[3], names[4], names[1], names[0], names[2]]


def test_scope__file__is_one_unit_unless_its_tests_are_apart():
    split = ByFile._split_scope
    by_file = ByFile.__new__(ByFile)
    assert split(by_file, "tests/a.py::one[x]") == split(by_file, "tests/a.py::two") == "tests/a.py"
    assert split(by_file, f"{APART[0]}::walk[1]") != split(by_file, f"{APART[0]}::walk[2]")
