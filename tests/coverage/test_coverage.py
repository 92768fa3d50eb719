"""What the recorder and the compiler's map say of a module's lines, where it is known which of them ran."""

from __future__ import annotations

import json
from pathlib import Path

import boa
import pytest

from scripts.coverage.lines import ROOT, compiled, compiled_file
from scripts.coverage.recorder import Recorder
from scripts.coverage.report import coverage, read

FACE = """
from contracts.modules import rounding

@external
@pure
def ceil_div(a: int256, b: int256) -> int256:
    return rounding.ceil_div(a, b)

@external
@pure
def ceil_udiv(a: uint256, b: uint256) -> uint256:
    return rounding.ceil_udiv(a, b)
"""
MODULE = "contracts/modules/rounding.vy"


def body(function: str) -> list[int]:
    """Lines of the statements of a function of the module, by its text."""
    lines = (ROOT / MODULE).read_text().splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith(f"def {function}("))
    quotes = [number for number in range(head, len(lines)) if '"""' in lines[number]][:2]
    found = []
    for number in range(quotes[1] + 1, len(lines)):
        if not lines[number].startswith(" "):
            break
        if not lines[number].strip().startswith("#"):
            found.append(number + 1)
    return found


def measured(recorder: Recorder, folder: Path):
    """The coverage of what the recorder saw."""
    recorder.write(folder)
    sources, executed = read(folder)
    return coverage([code for source in sources for code in compiled(source)], executed)


@pytest.fixture
def recorder(monkeypatch):
    recorder = Recorder()
    recorder.exchange(monkeypatch)
    return recorder


def test_coverage__one_function_called__misses_the_other(recorder, tmp_path):
    boa.loads(FACE).ceil_udiv(7, 2)
    found = measured(recorder, tmp_path)
    assert sorted(found.covered[MODULE]) == body("ceil_udiv")
    assert found.missing == {MODULE: body("ceil_div")}
    assert found.unknown == 0


def test_coverage__branch_not_taken__misses_its_line_alone(recorder, tmp_path):
    face = boa.loads(FACE)
    face.ceil_udiv(7, 2)
    face.ceil_div(6, 2)
    assert measured(recorder, tmp_path).missing == {MODULE: [body("ceil_div")[-2]]}
    face.ceil_div(7, 2)
    found = measured(recorder, tmp_path)
    assert found.missing == {}
    assert json.loads(found.as_json()) == {
        "lines": len(found.lines[MODULE]),
        "covered": len(found.lines[MODULE]),
        "percent": 100.0,
        "missing": {},
    }


def test_coverage__code_of_a_source_it_has_not__is_unknown(recorder, tmp_path):
    face = boa.loads(FACE)
    recorder.sources.clear()
    face.ceil_udiv(7, 2)
    assert measured(recorder, tmp_path).unknown == 2


def test_compiled__contract__has_statements_and_getters_but_no_heads():
    path = ROOT / "contracts" / "Exchange.vy"
    texts = path.read_text().splitlines()
    runtime, creation = compiled_file(path)
    lines, deploying = (
        {line for source, line in code.lines.values() if source == "contracts/Exchange.vy"}
        for code in (runtime, creation)
    )
    first = {texts[line - 1].split()[0] for line in lines | deploying}
    assert {"assert", "return", "if", "log", "clearinghouse:"} <= first
    assert first & {"def", "@external", "@internal", "@view", "#", '"""'} == set()
    assert {texts[line - 1].strip() for line in deploying - lines} >= {"clearinghouse = clearinghouse_"}
