"""Between which numbers a term lies, from the bounds of the unknowns in it: quick, and enough for most products."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf

import z3

Interval = tuple[float, float]
ALL: Interval = (-inf, inf)


def known(facts: Iterable[z3.BoolRef]) -> dict[str, Interval]:
    """What facts of the form `unknown ≥ number` or `≤`, and no others, say of each unknown."""
    found: dict[str, Interval] = {}
    for fact in facts:
        if fact.num_args() != 2 or not z3.is_const(fact.arg(0)) or not z3.is_int_value(fact.arg(1)):
            continue
        name, number = str(fact.arg(0)), fact.arg(1).as_long()
        low, high = found.get(name, ALL)
        if z3.is_ge(fact):
            found[name] = max(low, number), high
        elif z3.is_le(fact):
            found[name] = low, min(high, number)
    return found


def _times(a: Interval, b: Interval) -> Interval:
    products = [0 if 0 in (x, y) else x * y for x in a for y in b]
    return min(products), max(products)


def of(
    value: z3.ArithRef, bounds: Mapping[str, Interval], divided: Mapping[str, tuple], seen: dict | None = None
) -> Interval:
    """The interval of a term; `divided` says of a quotient what it is one of."""
    seen = {} if seen is None else seen
    key = value.get_id()
    if key not in seen:
        seen[key] = _of(value, bounds, divided, seen)
    return seen[key]


def _of(value: z3.ArithRef, bounds: Mapping[str, Interval], divided: Mapping[str, tuple], seen: dict) -> Interval:
    if z3.is_int_value(value):
        return value.as_long(), value.as_long()
    if z3.is_const(value):
        low, high = bounds.get(str(value), ALL)
        if (parts := divided.get(str(value))) is not None:
            (least, most), (by, widest) = (of(part, bounds, divided, seen) for part in parts)
            by = max(by, 1)
            low = max(
                low,
                least
                if least in (inf, -inf)
                else least // (by if least < 0 else widest)
                if widest != inf
                else min(least, 0),
            )
            high = min(
                high,
                most
                if most in (inf, -inf)
                else most // (by if most >= 0 else widest)
                if widest != inf or most >= 0
                else 0,
            )
        return low, high
    parts = [of(part, bounds, divided, seen) for part in value.children() if z3.is_arith(part)]
    if z3.is_add(value):
        return sum(low for low, _ in parts), sum(high for _, high in parts)
    if z3.is_mul(value):
        found = parts[0]
        for part in parts[1:]:
            found = _times(found, part)
        return found
    if z3.is_sub(value):
        low, high = parts[0]
        return low - sum(most for _, most in parts[1:]), high - sum(least for least, _ in parts[1:])
    if value.decl().kind() == z3.Z3_OP_UMINUS:
        return -parts[0][1], -parts[0][0]
    if value.decl().kind() == z3.Z3_OP_ITE:
        return min(parts[0][0], parts[1][0]), max(parts[0][1], parts[1][1])
    return ALL
