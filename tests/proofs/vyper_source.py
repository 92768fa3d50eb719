"""
The contracts' own functions run on unknown integers, as `symbolic.py` runs the model's.

A function's body in Vyper is, but for a few words, a body in Python. Those words are replaced, the rest is run: `//`
and `%` truncate, checked arithmetic has no result where it would leave its type, and every `unsafe_` operation leaves
an obligation: that on this path its exact result is within its type, so that leaving out the check changes nothing.

Words are integers here: fields are quotients and remainders of them by powers of 2. What is combined by `|`, `^` or
an unknown shift is known by its bounds alone; what packing does is proven on the bytecode (test_bytecode.py).
"""

from __future__ import annotations
import __future__

import ast
import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import z3

from tests.model.contracts import CONTRACTS
from tests.proofs.symbolic import Int, Run, Truth, term

RANGES = {
    "uint256": (0, 2**256 - 1),
    "int256": (-(2**255), 2**255 - 1),
    "bytes32": (0, 2**256 - 1),
    "address": (0, 2**160 - 1),
}
UNSAFE = {"add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b}


@dataclass(frozen=True)
class Obligation:
    """An unchecked operation as a path met it."""

    place: str
    facts: tuple[z3.BoolRef, ...]
    value: z3.ArithRef
    kind: str
    divided: dict[str, tuple[z3.ArithRef, z3.ArithRef]]

    @property
    def holds(self) -> z3.BoolRef:
        """The exact result is one of the operation's type."""
        return within(self.value, self.kind)


OWED: list[Obligation] = []
"""What the runs so far have left to be proven."""


def kind_of(*values: Any) -> str | None:
    """The Vyper type that some operands agree on; constants have any."""
    return next((value.kind for value in values if isinstance(value, Value) and value.kind), None)


def within(value: z3.ArithRef, kind: str | None) -> z3.BoolRef:
    """A value fits its type."""
    low, high = RANGES[kind or "uint256"]
    return z3.And(value >= low, value <= high)


def _checked(combine: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def operate(self: Value, other: Any) -> Value:
        result, kind = z3.simplify(combine(term(self), term(other))), kind_of(self, other)
        if kind:
            Run.now().learn(within(result, kind))
        return Value(result, kind)

    return operate


class Value(Int):
    """An unknown number of a Vyper type; `most` is a bound that its making gave it."""

    __slots__ = ("kind", "most")
    __hash__ = object.__hash__

    def __init__(self, value: z3.ArithRef, kind: str | None = None, most: int | None = None) -> None:
        super().__init__(value)
        self.kind = kind
        self.most = most

    __add__ = _checked(lambda a, b: a + b)
    __radd__ = _checked(lambda a, b: b + a)
    __sub__ = _checked(lambda a, b: a - b)
    __rsub__ = _checked(lambda a, b: b - a)
    __mul__ = _checked(lambda a, b: a * b)
    __rmul__ = _checked(lambda a, b: b * a)

    def __neg__(self) -> Value:
        return 0 - self

    def __abs__(self) -> Value:
        return Value(z3.If(self.term < 0, -self.term, self.term), self.kind)

    def __floordiv__(self, other: Any) -> Value:
        return divided(self, other)

    def __rfloordiv__(self, other: Any) -> Value:
        return divided(other, self)

    def __mod__(self, other: Any) -> Value:
        return Value(self.term - divided(self, other).term * term(other), self.kind)

    def __rshift__(self, other: Any) -> Value:
        if isinstance(other, Int):
            return self._between(0, self.term)
        return Value(Run.now().divide(self.term, z3.IntVal(2**other)).term, self.kind)

    def __lshift__(self, other: Any) -> Value:
        if isinstance(other, Int):
            most = getattr(other, "most", None)
            return self._between(0, self.term * 2**most if most is not None else z3.IntVal(2**256 - 1))
        moved = self.term * 2**other
        lost = Run.now().divide(moved, z3.IntVal(2**256))
        return Value(moved - lost.term * 2**256, self.kind)

    def __rlshift__(self, other: int) -> Value:
        return self._between(0, z3.IntVal(other * 2**255))

    def __and__(self, mask: Any) -> Value:
        if isinstance(mask, int) and mask & (mask + 1) == 0:
            quotient = Run.now().divide(self.term, z3.IntVal(mask + 1))
            return Value(self.term - quotient.term * (mask + 1), self.kind, mask)
        found = self._between(0, self.term)
        Run.now().learn(found.term <= term(mask))
        return found

    __rand__ = __and__

    def _joined(self, other: Any) -> Value:
        return self._between(0, self.term + term(other))

    __or__ = __ror__ = __xor__ = __rxor__ = _joined

    def __invert__(self) -> Value:
        return Value(2**256 - 1 - self.term, "uint256")

    def _between(self, low: int, high: z3.ArithRef) -> Value:
        run = Run.now()
        found = z3.Int(f"bits_{len(run.facts)}")
        run.learn(found >= low, found <= high)
        return Value(found, self.kind)


def divided(a: Any, b: Any) -> Any:
    """a // b of Vyper, for b above 0: toward zero."""
    if not isinstance(a, Int) and not isinstance(b, Int):
        return a // b if a >= 0 else -(-a // b)
    kind = kind_of(a, b)
    if kind != "int256":
        return Value(Run.now().divide(term(a), term(b)).term, kind)
    if a < 0:
        return Value(-Run.now().divide(-term(a), term(b)).term, kind)
    return Value(Run.now().divide(term(a), term(b)).term, kind)


def unsafe(name: str, place: str, a: Any, b: Any) -> Any:
    """An unchecked operation: its exact result, and the obligation that it is one of its type."""
    kind, run = kind_of(a, b), Run.now()
    if name == "div":
        # That the divisor is above 0 is proven as it divides, and a quotient is no larger than what is divided.
        quotient = divided(a, b)
        OWED.append(Obligation(place, tuple(run.facts), term(quotient), kind or "uint256", run.divided))
        return quotient
    result = UNSAFE[name](term(a), term(b))
    if kind is None:
        kind = "uint256" if z3.simplify(result).as_long() >= 0 else "int256"
    OWED.append(Obligation(place, tuple(run.facts), z3.simplify(result), kind, run.divided))
    # Proven apart; known from here on.
    run.learn(within(result, kind))
    return Value(z3.simplify(result), kind) if isinstance(a, Int) or isinstance(b, Int) else UNSAFE[name](a, b)


def convert(value: Any, kind: str) -> Any:
    """Between types: bits stay to and from bytes32, numbers stay (or revert) otherwise."""
    if not isinstance(value, Int):
        return value
    old = getattr(value, "kind", None)
    if kind == "bytes32" and old == "int256":
        return Value(z3.If(value.term < 0, value.term + 2**256, value.term), kind)
    if kind == "int256" and old == "bytes32":
        return Value(z3.If(value.term >= 2**255, value.term - 2**256, value.term), kind)
    if kind == "bool":
        return value != 0
    Run.now().learn(within(value.term, kind))
    return Value(value.term, kind)


def _chosen(first: Callable[[Any, Any], z3.BoolRef]) -> Callable[[Any, Any], Any]:
    def choose(a: Any, b: Any) -> Any:
        if not isinstance(a, Int) and not isinstance(b, Int):
            return a if first(a, b) else b
        return Value(z3.If(first(term(a), term(b)), term(a), term(b)), kind_of(a, b))

    return choose


def passed(value: Any) -> Any:
    """Structs are passed by value."""
    return copy.copy(value) if isinstance(value, (SimpleNamespace, list)) else value


class _Rewritten(ast.NodeTransformer):
    def __init__(self, file: str) -> None:
        self.file = file

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name.startswith("unsafe_"):
            place = ast.Constant(f"{self.file}:{node.lineno}:{node.col_offset}")
            return ast.Call(ast.Name("_unsafe", ast.Load()), [ast.Constant(name[7:]), place, *node.args], [])
        if name == "convert":
            return ast.Call(node.func, [node.args[0], ast.Constant(ast.unparse(node.args[1]))], [])
        if name in ("empty", "max_value", "min_value"):
            return ast.Call(node.func, [ast.Constant(ast.unparse(node.args[0]))], [])
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        return ast.Assign(node.targets, self._copied(node.value), lineno=node.lineno)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        assert node.value is not None
        return ast.Assign([node.target], self._copied(node.value), lineno=node.lineno)

    @staticmethod
    def _copied(value: ast.expr) -> ast.expr:
        return ast.Call(ast.Name("_passed", ast.Load()), [value], [])


CONSTANT = re.compile(r"^(\w+): constant\(\s*[^)]*?\s*\) = ", re.MULTILINE)
FIELD = re.compile(r"^    (\w+): ", re.MULTILINE)
STRUCT = re.compile(r"^struct (\w+):", re.MULTILINE)
FUNCTION = re.compile(r"^def (\w+)\(", re.MULTILINE)
LOOP = re.compile(r"^(\s*for \w+): [\w\[\], ]+ in ", re.MULTILINE)


def place_of_every_unsafe() -> Iterator[tuple[str, str, str]]:
    """File, function and `file:line:column` of every unchecked operation in the contracts."""
    for path in sorted(CONTRACTS.glob("*.vy")) + sorted((CONTRACTS / "modules").glob("*.vy")):
        function = ""
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if (found := FUNCTION.match(line)) is not None:
                function = found[1]
            code = line.split("#")[0]
            for use in re.finditer(r"unsafe_(?:add|sub|mul|div)\(", code):
                yield path.name, function, f"{path.name}:{number}:{use.start()}"


def block(text: str, start: int) -> str:
    """The lines of a definition that begins at `start`, to the next line that is not indented."""
    end = re.compile(r"^(?![\s)\]])\S", re.MULTILINE).search(text, text.index("\n", start))
    return text[start : end.start() if end else len(text)]


def load(name: str, **given: Any) -> SimpleNamespace:
    """The functions of contracts/modules/<name>.vy, or of contracts/<Name>.vy; `given` are names that they use."""
    path = next(path for path in (CONTRACTS / "modules" / f"{name}.vy", CONTRACTS / f"{name}.vy") if path.is_file())
    text = LOOP.sub(r"\1 in ", path.read_text()).replace("staticcall ", "").replace("extcall ", "")
    space: dict[str, Any] = {
        "_unsafe": unsafe,
        "_passed": passed,
        "convert": convert,
        "min": _chosen(lambda a, b: a <= b),
        "max": _chosen(lambda a, b: a >= b),
        "max_value": lambda kind: RANGES[kind][1],
        "range": lambda first, last=None, bound=None: range(first) if last is None else range(first, last),
    }
    self = SimpleNamespace()
    space["self"] = self
    space.update(given)
    structs: dict[str, list[str]] = {}
    for found in STRUCT.finditer(text):
        space.setdefault(found[1], SimpleNamespace)
        structs[found[1]] = FIELD.findall(block(text, found.start()))

    def empty(kind: str) -> Any:
        if kind in structs:
            return SimpleNamespace(**dict.fromkeys(structs[kind], 0))
        return [0] * 8 if kind.endswith("[8]") else False if kind == "bool" else 0

    if "empty" not in given:
        space["empty"] = empty
    for found in CONSTANT.finditer(text):
        expression = text[found.end() :].split("\n\n")[0]
        for end in range(1, expression.count("\n") + 2):
            try:
                source = "\n".join(expression.split("\n")[:end]).split("  #")[0]
                space.setdefault(found[1], eval(source.strip(), dict(space)))
                break
            except (SyntaxError, NameError, TypeError, AttributeError):
                continue
    flags = __future__.annotations.compiler_flag
    for found in FUNCTION.finditer(text):
        source = block(text, found.start())
        if re.search(r"^\s+(log|assert) ", source, re.MULTILINE):
            source = re.sub(r"^(\s+)log (.*)$", r"\1pass  #", source, flags=re.MULTILINE)
        try:
            tree = ast.parse(source)
        except SyntaxError:
            continue
        ast.increment_lineno(tree, text.count("\n", 0, found.start()))
        tree = ast.fix_missing_locations(_Rewritten(path.name).visit(tree))
        local: dict[str, Any] = {}
        exec(compile(tree, str(path), "exec", flags, dont_inherit=True), space, local)
        if not hasattr(self, found[1]):
            setattr(self, found[1], local[found[1]])
    for key, value in given.items():
        if hasattr(self, key):
            setattr(self, key, value)
    return self


def unknown(name: str, kind: str, low: int, high: int) -> tuple[Value, list[z3.BoolRef]]:
    """A number of a type within bounds, and those bounds as facts."""
    value = z3.Int(name)
    return Value(value, kind), [value >= low, value <= high]


__all__ = ["OWED", "Truth", "Value", "load", "place_of_every_unsafe", "unknown"]
