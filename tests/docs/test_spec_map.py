"""docs/spec-map.md points at code and tests that are there, and says how much of the design nothing shows yet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.mutants.invariants import MUTANTS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "spec-map.md"
SECTIONS = 12
OPEN = 0
"""Rows whose test column begins with "open". Lower it when one is shown; raise it only if a sentence loses its test."""
CHECK = re.compile(r'^([A-Z_]+) = "(\d+) [^"]+"$', re.MULTILINE)
"""How a check of an invariant of section 12 is named in tests/stateful: its number first."""
HEAD, RULE = ("sentence", "code", "test"), ("---",) * 3
NAMED = re.compile(r"`([\w./-]+?)(::?)(\w+)`")
FILE = re.compile(r"`([\w.-]+(?:/[\w.-]+)+)`")
DEFINED = {
    ".vy": r"^(?:def {0}\(|(?:struct|event|interface|flag) {0}:|{0}:)",
    ".vyi": r"^(?:def {0}\(|(?:struct|event|interface|flag) {0}:|{0}:)",
    ".py": r"^(?:(?:async )?def {0}\(|    def {0}\(|class {0}\b|{0}\s*[:=])",
}
"""How each language begins the definition of a name: of a function, constant, state, struct, event or class."""


class Row(NamedTuple):
    """A row of a section's table."""

    section: int
    sentence: str
    code: str
    test: str


def rows() -> Iterator[Row]:
    """All rows, in order; a table's head and rule apart."""
    section = 0
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            section = int(line.removeprefix("## ").split(".")[0])
        if not line.startswith("|"):
            continue
        # A bar that belongs to a formula is escaped.
        cells = tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1])
        assert len(cells) == len(HEAD), line
        if cells not in (HEAD, RULE):
            yield Row(section, *cells)


def is_defined(path: Path, name: str) -> bool:
    """Whether a file begins the definition of a name."""
    pattern = DEFINED[path.suffix].format(re.escape(name))
    return re.search(pattern, path.read_text(), re.MULTILINE) is not None


@pytest.fixture(scope="module")
def table() -> list[Row]:
    return list(rows())


def test_spec_map__every_section__has_a_table(table):
    assert sorted({row.section for row in table}) == list(range(1, SECTIONS + 1))


def test_spec_map__every_row__says_something_in_each_column(table):
    assert [row for row in table if not all(row)] == []


def test_spec_map__code_column__names_what_is_defined_there(table):
    missing = []
    for row in table:
        for file, mark, name in NAMED.findall(row.code):
            path = ROOT / file
            if mark != ":" or not path.is_file() or not is_defined(path, name):
                missing.append((row.section, row.sentence, f"{file}{mark}{name}"))
        missing += [(row.section, row.sentence, file) for file in FILE.findall(row.code) if not (ROOT / file).exists()]
    assert missing == []


def test_spec_map__test_column__names_tests_that_are_defined_there(table):
    missing = []
    for row in table:
        named = NAMED.findall(row.test)
        for file, mark, name in named:
            path = ROOT / file
            is_test = mark == "::" and name.startswith("test_") and path.name.startswith("test_")
            if not is_test or not path.is_file() or not is_defined(path, name):
                missing.append((row.section, row.sentence, f"{file}{mark}{name}"))
        if not named and not row.test.startswith("open"):
            missing.append((row.section, row.sentence, row.test))
    assert missing == []


def test_spec_map__every_row__names_its_code_and_not_by_another_mark(table):
    # What is meant as a reference and is spelt otherwise would never be looked up.
    assert [row for row in table if "`" not in row.code] == []
    for row in table:
        quoted = re.findall(r"`([^`]*)`", row.code + row.test)
        assert [each for each in quoted if not NAMED.fullmatch(f"`{each}`") and not FILE.fullmatch(f"`{each}`")] == []


def test_spec_map__invariants__have_all_checks_and_mutants_of_their_number(table):
    checks = {
        (number, f"tests/stateful/{path.name}:{name}")
        for path in (ROOT / "tests" / "stateful").glob("*.py")
        for name, number in CHECK.findall(path.read_text())
    }
    mutants = {(mutant.sentence.removeprefix("12.").split(":")[0], mutant.name) for mutant in MUTANTS}
    said_checks, said_mutants = set(), set()
    for row in table:
        if row.section == SECTIONS:
            number = row.sentence.split(".")[0]
            said_checks |= {(number, "".join(named)) for named in NAMED.findall(row.code)}
            told = row.code.partition("; mutants: ")[2]
            said_mutants |= {(number, name) for name in told.split(", ") if name}
            assert f"::test_invariant__over_all_acts__holds` ({number})" in row.test
    assert said_checks == checks
    assert said_mutants == mutants
    assert {number for number, _ in checks} == {number for number, _ in mutants} == {str(n) for n in range(1, 11)}


def test_spec_map__rows_that_nothing_shows__are_as_many_as_known(table):
    unshown = [row.sentence for row in table if row.test.startswith("open")]
    assert len(unshown) == OPEN, unshown
