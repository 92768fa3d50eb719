"""
The Python model run on unknown integers: z3 Ints without bounds in place of numbers, path by path.

An `Int` does what an int does to the model's code; `min`, `max` and `abs` are of whichever it is. Where the code asks
a question of one, the run forks: `paths` runs it again for each answer that the path so far allows, so all of the
code's cases are met. `//` is what it is in Python for a divisor above 0, which is proven on the spot: the q with b·q
≤ a < b·q + b.

A path that the code refuses has no result and changes nothing. What a word of storage can hold (`Word.__post_init__`)
is not asked: the proofs are of numbers without bounds.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import z3

from keeper.model import words
from keeper.model.state import Refused

EFFORT = 40_000_000
"""z3's own count of steps, the same on every machine; past it a question is undecided."""
LOOK = 400_000
PATIENCE = 1_000
"""The same, and in milliseconds, for whether a path can be: where z3 does not say, it is taken as one that can."""


class Undecided(Exception):  # noqa: N818 - neither proven nor refuted
    """z3 gave up: nothing is proven."""


def term(value: Any) -> z3.ArithRef:
    """The z3 term of an unknown or known integer."""
    return value.term if isinstance(value, Int) else z3.IntVal(value)


class Truth:
    """What comparing unknown integers gives; asking it forks the run."""

    __slots__ = ("term",)

    def __init__(self, condition: z3.BoolRef) -> None:
        self.term = condition

    def __bool__(self) -> bool:
        return Run.now().decide(self.term)

    def __lt__(self, other: object) -> bool:
        # What is sorted by an answer.
        return bool(self) < bool(other)


def _operation(combine: Callable[[Any, Any], Any], result: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def operate(self: Any, other: Any) -> Any:
        if not isinstance(other, (int, Int)):
            return NotImplemented
        return result(combine(term(self), term(other)))

    return operate


class Int:
    """An unknown integer."""

    __slots__ = ("term",)
    __hash__ = object.__hash__

    def __init__(self, value: z3.ArithRef) -> None:
        self.term = value

    __add__ = _operation(lambda a, b: a + b, lambda value: Int(value))
    __radd__ = _operation(lambda a, b: b + a, lambda value: Int(value))
    __sub__ = _operation(lambda a, b: a - b, lambda value: Int(value))
    __rsub__ = _operation(lambda a, b: b - a, lambda value: Int(value))
    __mul__ = _operation(lambda a, b: a * b, lambda value: Int(value))
    __rmul__ = _operation(lambda a, b: b * a, lambda value: Int(value))
    __lt__ = _operation(lambda a, b: a < b, Truth)
    __le__ = _operation(lambda a, b: a <= b, Truth)
    __gt__ = _operation(lambda a, b: a > b, Truth)
    __ge__ = _operation(lambda a, b: a >= b, Truth)
    __eq__ = _operation(lambda a, b: a == b, Truth)  # type: ignore[assignment]
    __ne__ = _operation(lambda a, b: a != b, Truth)  # type: ignore[assignment]

    def __neg__(self) -> Int:
        return Int(-self.term)

    def __abs__(self) -> Int:
        return Int(z3.If(self.term < 0, -self.term, self.term))

    def __bool__(self) -> bool:
        return Run.now().decide(self.term != 0)

    def __floordiv__(self, other: Any) -> Int:
        return Run.now().divide(self.term, term(other))

    def __rfloordiv__(self, other: Any) -> Int:
        return Run.now().divide(term(other), self.term)

    def __mod__(self, other: Any) -> Int:
        return self - (self // other) * other


def isqrt(value: Any) -> Int:
    """The whole root of an unknown integer, as `math.isqrt`."""
    return Run.now().root(term(value))


def _linear() -> z3.Solver:
    """A solver to which a product of unknowns is one more unknown: quick, and right where it says that nothing can
    be."""
    solver = z3.SimpleSolver()
    solver.set("arith.nl", False)
    solver.set("rlimit", EFFORT)
    return solver


class Run:
    """One path through the code: the answers given so far, and what follows from them."""

    _current: Run | None = None

    def __init__(self, assumed: Iterable[z3.BoolRef], answers: list[bool]) -> None:
        self.facts = list(assumed)
        self.answers = answers
        self.met = 0
        self.open: list[list[bool]] = []
        self.quotients: dict[tuple[int, int], Int] = {}
        self.divided: dict[str, tuple[z3.ArithRef, z3.ArithRef]] = {}
        self.solver = _linear()
        self.solver.set("rlimit", LOOK)
        self.solver.set("timeout", PATIENCE)
        self.solver.add(*self.facts)

    @staticmethod
    def now() -> Run:
        """The run under way."""
        if Run._current is None:
            raise RuntimeError("an unknown integer was asked a question outside of a run")
        return Run._current

    def learn(self, *facts: z3.BoolRef) -> None:
        """What is true on this path from here on."""
        self.facts += facts
        self.solver.add(*facts)

    def _may_be(self, condition: z3.BoolRef) -> bool:
        return self.solver.check(condition) != z3.unsat

    def decide(self, condition: z3.BoolRef) -> bool:
        """The answer that this path takes; the other one is kept for later if it may be."""
        condition = z3.simplify(condition)
        if z3.is_true(condition) or z3.is_false(condition):
            return z3.is_true(condition)
        if self.met < len(self.answers):
            answer = self.answers[self.met]
        else:
            answer = self._may_be(condition)
            if answer and self._may_be(z3.Not(condition)):
                self.open.append([*self.answers, False])
            self.answers = [*self.answers, answer]
        self.met += 1
        self.learn(condition if answer else z3.Not(condition))
        return answer

    def divide(self, a: z3.ArithRef, b: z3.ArithRef) -> Int:
        """a // b, for b above 0."""
        a, b = z3.simplify(a), z3.simplify(b)
        known = self.quotients.get((a.get_id(), b.get_id()))
        if known is not None:
            return known
        if not (z3.is_int_value(b) and b.as_long() > 0) and self._may_be(b <= 0):
            solver = z3.Solver()
            solver.set("rlimit", EFFORT)
            if solver.check(*self.facts, b <= 0) != z3.unsat:
                raise Undecided(f"a divisor is not known to be above 0: {b}")
        quotient = z3.Int(f"quotient_{len(self.quotients)}")
        self.learn(b * quotient <= a, a < b * quotient + b)
        self.divided[str(quotient)] = a, b
        self.quotients[a.get_id(), b.get_id()] = Int(quotient)
        return Int(quotient)

    def root(self, a: z3.ArithRef) -> Int:
        """The r with r² ≤ a < (r + 1)²."""
        found = z3.Int(f"root_{len(self.facts)}")
        self.learn(found >= 0, found * found <= a, a < (found + 1) * (found + 1))
        return Int(found)


@dataclass(frozen=True)
class Path:
    """A path that was not refused: what holds on it, and what the code returned."""

    facts: tuple[z3.BoolRef, ...]
    result: Any


def _chosen(builtin: Callable[..., Any], first: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def choose(*values: Any, **options: Any) -> Any:
        if not any(isinstance(value, Int) for value in values):
            return builtin(*values, **options)
        best = term(values[0])
        for value in values[1:]:
            best = z3.If(first(best, term(value)), best, term(value))
        return Int(best)

    return choose


LEAST = _chosen(builtins.min, lambda a, b: a <= b)
MOST = _chosen(builtins.max, lambda a, b: a >= b)


@contextmanager
def _unbounded() -> Iterator[None]:
    checked, least, most = words.Word.__post_init__, builtins.min, builtins.max
    words.Word.__post_init__ = lambda self: None  # type: ignore[method-assign]
    builtins.min, builtins.max = LEAST, MOST
    try:
        yield
    finally:
        builtins.min, builtins.max = least, most
        words.Word.__post_init__ = checked  # type: ignore[method-assign]
        Run._current = None


def paths(code: Callable[[], Any], *assumed: z3.BoolRef) -> Iterator[Path]:
    """Every path through `code` that its assumptions allow and that it does not refuse."""
    waiting: list[list[bool]] = [[]]
    while waiting:
        run = Run(assumed, waiting.pop())
        with _unbounded():
            Run._current = run
            try:
                result = code()
            except Refused:
                result = None
        waiting += run.open
        if result is not None:
            yield Path(tuple(run.facts), result)


def ints(names: str) -> tuple[Int, ...]:
    """Unknown integers by their names."""
    return tuple(Int(z3.Int(name)) for name in names.split())


@dataclass(frozen=True)
class Claim:
    """What a proof states on one path."""

    name: str
    holds: z3.BoolRef


def refuted(facts: Iterable[z3.BoolRef], claim: z3.BoolRef, effort: int = EFFORT) -> z3.ModelRef | None:
    """Numbers for which the facts hold and the claim does not; None: it follows. Undecided where z3 gives up."""
    facts = [*facts, z3.Not(claim)]
    if _linear().check(*facts) == z3.unsat:
        return None
    for solver in (z3.Solver(), z3.Tactic("qfnia").solver()):
        solver.set("rlimit", effort)
        answer = solver.check(*facts)
        if answer == z3.unsat:
            return None
        if answer == z3.sat:
            return solver.model()
    raise Undecided(f"{claim}")


def counterexample(
    code: Callable[[], Any], claims: Callable[[Any], Iterable[Claim]], *assumed: z3.BoolRef
) -> tuple[str, z3.ModelRef] | None:
    """
    A claim that a path of the code does not keep, and numbers for which it does not; None: all hold on all paths.

    That some path has a result at all is part of it, else nothing would be claimed.
    """
    met = False
    for path in paths(code, *assumed):
        quick = _linear()
        quick.add(*path.facts)
        for claim in claims(path.result):
            met = True
            if quick.check(z3.Not(claim.holds)) == z3.unsat:
                continue
            found = refuted(path.facts, claim.holds)
            if found is not None:
                return claim.name, found
    if not met:
        raise Undecided("no path has a result")
    return None
