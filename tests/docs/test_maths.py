"""The numbers of docs/maths.md are what the model computes."""

from __future__ import annotations

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "maths.md"


def test_maths__every_example__computes_what_it_says():
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert result.attempted >= 30
    assert result.failed == 0
