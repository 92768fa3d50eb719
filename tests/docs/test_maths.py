"""The numbers of the pages that compute are what the model computes."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("page", "least"), [("maths.md", 30), ("threat-model.md", 10)])
def test_page__every_example__computes_what_it_says(page, least):
    result = doctest.testfile(str(DOCS / page), module_relative=False)
    assert result.attempted >= least
    assert result.failed == 0
