"""What the executed code says of the lines: which there are, which ran, which did not."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.coverage.lines import CONTRACTS, Code, Line, compiled, compiled_file


@dataclass(frozen=True)
class Coverage:
    """By source the lines that have code and those that ran; and how many codes ran that no source compiles to."""

    lines: dict[str, set[int]]
    covered: dict[str, set[int]]
    unknown: int

    @property
    def totals(self) -> tuple[int, int]:
        """How many lines there are and how many ran."""
        return sum(map(len, self.lines.values())), sum(map(len, self.covered.values()))

    @property
    def percent(self) -> float:
        """Of all lines, those that ran, rounded down to a hundredth."""
        lines, covered = self.totals
        return covered * 10_000 // lines / 100

    @property
    def missing(self) -> dict[str, list[int]]:
        """The lines that did not run, by source."""
        left = {source: sorted(lines - self.covered[source]) for source, lines in self.lines.items()}
        return {source: lines for source, lines in left.items() if lines}

    def as_json(self) -> str:
        """All of it on one line."""
        lines, covered = self.totals
        return json.dumps({"lines": lines, "covered": covered, "percent": self.percent, "missing": self.missing})

    def as_table(self) -> str:
        """A row for each source."""
        rows = [f"{'source':<40}{'lines':>7}{'covered':>9}  missing"]
        for source, lines in self.lines.items():
            missing = _ranges(self.missing.get(source, []))
            rows.append(f"{source:<40}{len(lines):>7}{len(self.covered[source]):>9}  {missing}".rstrip())
        return "\n".join(rows)


def _ranges(numbers: list[int]) -> str:
    """1-3, 7 for 1, 2, 3, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join("-".join(map(str, run)) for run in runs)


def read(folder: Path) -> tuple[set[str], dict[bytes, set[int]]]:
    """Texts compiled and opcodes executed in all processes of a run."""
    sources: set[str] = set()
    codes: dict[bytes, set[int]] = defaultdict(set)
    for path in folder.glob("*.json"):
        kept: dict[str, Any] = json.loads(path.read_text())
        sources.update(kept["sources"])
        for code, places in kept["codes"].items():
            codes[bytes.fromhex(code)].update(places)
    return sources, codes


def codes_of(sources: Iterable[str], workers: int) -> list[Code]:
    """Those of every contract, of the tests' contracts, and of the texts."""
    paths = sorted([*CONTRACTS.glob("*.vy"), *(CONTRACTS / "testing").glob("*.vy")])
    with ProcessPoolExecutor(workers) as pool:
        pairs = [*pool.map(compiled_file, paths), *pool.map(compiled, sources)]
    return [code for pair in pairs for code in pair]


def coverage(codes: list[Code], executed: dict[bytes, set[int]]) -> Coverage:
    """Lines of all codes; a line of a module that several contracts have runs if it runs in one of them."""
    lines: dict[str, set[int]] = defaultdict(set)
    covered: dict[str, set[int]] = defaultdict(set)
    for code in codes:
        _add(lines, code.lines.values())
    unknown = 0
    for ran, places in executed.items():
        # What follows the prefix are immutables, or the sources' sum and the constructor's arguments.
        known = next((code for code in codes if ran.startswith(code.prefix)), None)
        if known is None:
            unknown += 1
        else:
            _add(covered, (known.lines[place] for place in places if place in known.lines))
    sources = sorted(lines)
    return Coverage({each: lines[each] for each in sources}, {each: covered[each] for each in sources}, unknown)


def _add(to: dict[str, set[int]], lines: Iterable[Line]) -> None:
    for source, line in lines:
        to[source].add(line)
