"""Places of the contracts' syntax trees, and what may stand there instead.

Operators, bounds, constants, rounding directions, the order of arguments, and checks that are dropped.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from vyper import ast as nodes
from vyper.ast import parse_to_ast

from tests.model.contracts import CONTRACTS
from tests.mutants.mutant import Mutant, Replacement

OPERATORS = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "+": "-",
    "-": "+",
    "*": "//",
    "//": "*",
    "%": "//",
    "&": "|",
    "|": "&",
    "^": "|",
    "<<": ">>",
    ">>": "<<",
    "and": "or",
    "or": "and",
}
CALLS = {
    "unsafe_add": "unsafe_sub",
    "unsafe_sub": "unsafe_add",
    "unsafe_mul": "unsafe_div",
    "unsafe_div": "unsafe_mul",
    "min": "max",
    "max": "min",
    "rounding.floor_div": "rounding.ceil_div",
    "rounding.ceil_div": "rounding.floor_div",
    "rounding.ceil_udiv": "unsafe_div",
}
SAME_EITHER_WAY = {"unsafe_add", "unsafe_mul", "min", "max"}
SYNTAX = {
    *("convert", "method_id", "abi_encode", "abi_decode", "range", "empty", "extract32", "raw_call"),
    *("concat", "slice", "constant", "immutable", "public"),
}
"""Calls whose arguments are types or of the compiler: another order is no program."""
OPERATOR = re.compile(r"\*\*|<<|>>|<=|>=|==|!=|//|\band\b|\bor\b|[-+*%&|^<>]")
CHECK = re.compile(r"\b(_?check\w*|refuse)$")
LAYOUT = ("<<", ">>", "**")
"""A number there is a field's place: moved by one it breaks everything, and says nothing."""


@dataclass(frozen=True)
class Site:
    """A place, what may stand there instead, and what surrounds it, as it is shown."""

    file: str
    """Below contracts/."""
    function: str
    line: int
    start: int
    end: int
    new: str
    before: str
    after: str
    nth: int = 1
    """Of those in its function that are shown alike."""

    @property
    def key(self) -> str:
        """What stays when lines elsewhere move."""
        return f"{self.file} {self.function}: {self.before} → {self.after}" + (f" ({self.nth})" if self.nth > 1 else "")

    @property
    def shown(self) -> str:
        """`file:line: before → after`."""
        return f"{self.file}:{self.line}: {self.before} → {self.after}"

    @property
    def mutant(self) -> Mutant:
        """The mutant of it alone; who kills it is found out."""
        return Mutant(self.key, "", (Replacement(self.file, self.start, self.end, self.new),), ())


class Source:
    """A file, its syntax tree, and its nodes' places in the text."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.text = (CONTRACTS / file).read_text()
        self.tree = parse_to_ast(self.text)
        self.function = ""
        self.lines = [0]
        for line in self.text.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))

    def sites(self) -> list[Site]:
        """All of them, in the order of the tree."""
        seen: Counter[str] = Counter()
        found = []
        for site in self._all():
            seen[site.key] += 1
            found.append(replace(site, nth=seen[site.key]))
        return found

    def _all(self) -> Iterator[Site]:
        for part in self.tree.body:
            if isinstance(part, nodes.FunctionDef):
                self.function = part.name
                for statement in part.body:
                    yield from self._below(statement, statement)
            elif isinstance(part, nodes.VariableDecl) and part.value is not None:
                self.function = part.target.id
                yield from self._below(part.value, part.value)

    def _start(self, node: Any) -> int:
        return self.lines[node.lineno - 1] + int(node.col_offset)

    def _end(self, node: Any) -> int:
        return self.lines[node.end_lineno - 1] + int(node.end_col_offset)

    def _of(self, node: Any) -> str:
        return self.text[self._start(node) : self._end(node)]

    def _site(self, start: int, end: int, new: str, around: Any) -> Site:
        first, last = self._start(around), self._end(around)
        shown = self.text[first:last], self.text[first:start] + new + self.text[end:last]
        before, after = (re.sub(r"\s+", " ", text) for text in shown)
        line = self.text.count("\n", 0, start) + 1
        return Site(self.file, self.function, line, start, end, new, before, after)

    def _whole(self, node: Any, new: str, around: Any) -> Site:
        return self._site(self._start(node), self._end(node), new, around)

    def _below(self, node: Any, parent: Any) -> Iterator[Site]:
        yield from self._at(node, parent)
        # Types are no code, and what a refusal says is no rule.
        apart = [getattr(node, field, None) for field in ("annotation", "msg")]
        for child in sorted(node.get_children(), key=lambda child: (child.lineno, child.col_offset)):
            if not any(child is other for other in apart):
                # Of a long statement its inner part says enough.
                yield from self._below(child, node if isinstance(node, nodes.ExprNode) else child)

    def _at(self, node: Any, parent: Any) -> Iterator[Site]:
        if isinstance(node, nodes.Compare | nodes.BinOp):
            yield from self._operator(node, node.left, node.right)
        elif isinstance(node, nodes.BoolOp):
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield from self._operator(node, left, right)
        elif isinstance(node, nodes.UnaryOp):
            yield self._whole(node, self._of(node.operand), parent)
        elif isinstance(node, nodes.Int):
            if not (isinstance(parent, nodes.BinOp) and self._between(parent.left, parent.right) in LAYOUT):
                for other in (node.value + 1, node.value - 1):
                    yield self._whole(node, str(other), parent)
        elif isinstance(node, nodes.NameConstant) and node.value in (True, False):
            yield self._whole(node, str(not node.value), parent)
        elif self._is_check(node):
            yield self._whole(node, "pass", node)
        if isinstance(node, nodes.Call):
            yield from self._call(node)

    def _is_check(self, node: Any) -> bool:
        called = getattr(node.value, "func", None) if isinstance(node, nodes.Expr) else None
        return isinstance(node, nodes.Assert) or (called is not None and CHECK.search(self._of(called)) is not None)

    def _gap(self, left: Any, right: Any) -> tuple[int, re.Match[str] | None]:
        start = self._end(left)
        blanked = re.sub(r"#.*", lambda match: " " * len(match[0]), self.text[start : self._start(right)])
        return start, OPERATOR.search(blanked)

    def _between(self, left: Any, right: Any) -> str:
        _, found = self._gap(left, right)
        return found[0] if found else ""

    def _operator(self, node: Any, left: Any, right: Any) -> Iterator[Site]:
        start, found = self._gap(left, right)
        if found is None or found[0] not in OPERATORS:
            return
        yield self._site(start + found.start(), start + found.end(), OPERATORS[found[0]], node)
        if found[0] == "//":
            divisor = self._of(right)
            yield self._whole(node, f"({self._of(left)} + ({divisor}) - 1) // ({divisor})", node)

    def _call(self, node: Any) -> Iterator[Site]:
        called = self._of(node.func)
        if called in CALLS:
            yield self._whole(node.func, CALLS[called], node)
        if called in SAME_EITHER_WAY or called in SYNTAX:
            return
        for left, right in zip(node.args, node.args[1:], strict=False):
            between = self.text[self._end(left) : self._start(right)]
            swapped = self._of(right) + between + self._of(left)
            if self._of(left) != self._of(right):
                yield self._site(self._start(left), self._end(right), swapped, node)


def files() -> list[str]:
    """Contracts and modules; those for tests and interfaces apart."""
    found = [*CONTRACTS.glob("*.vy"), *CONTRACTS.glob("modules/*.vy")]
    return sorted(str(path.relative_to(CONTRACTS)) for path in found)
