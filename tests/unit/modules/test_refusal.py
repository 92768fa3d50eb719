"""Reasons that are kept as words spell what their names say: a reader of the code never decodes one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

MODULES = Path(__file__).parents[3] / "contracts" / "modules"
CONSTANT = re.compile(r"^([A-Z_]+): constant\(bytes32\) = (0x[0-9a-f]+)(?:  # (.*))?$", re.MULTILINE)
KEPT_BY_VYPER = {"NO_ADDRESS": "zero address"}
"""`ZERO_ADDRESS` is a word of the language, so its constant has another name and a comment that says it."""
SOURCES = {file: (MODULES / f"{file}.vy").read_text() for file in ("refusal", "engine_refusal")}
WORDS = [(file, *found) for file, text in SOURCES.items() for found in CONSTANT.findall(text)]


def test_refusal__every_bytes32_constant__is_among_those_looked_at():
    assert len(WORDS) == sum(text.count("constant(bytes32)") for text in SOURCES.values()) > 50
    assert len({(file, word) for file, _, word, _ in WORDS}) == len(WORDS)


@pytest.mark.parametrize(("file", "name", "word", "comment"), WORDS, ids=[".".join(found[:2]) for found in WORDS])
def test_refusal__word__spells_its_constants_name(file, name, word, comment):
    data = bytes.fromhex(word.removeprefix("0x"))
    assert len(data) == 32
    # `refuse` needs an end within the word, and takes the text up to the first zero.
    text = data.rstrip(b"\0").decode("ascii")
    assert 0 < len(text) < 32
    assert text == KEPT_BY_VYPER.get(name, name.lower().replace("_", " "))
    assert comment == KEPT_BY_VYPER.get(name, "")
