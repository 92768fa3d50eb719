"""
Every function with unchecked arithmetic, and the bounds within which it is run.

A bound is the width of the field that a number is read from, or what refuses more where it enters; docs/proofs.md
says which. A case runs one function of a contract on all numbers within them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import z3

from keeper.model.state import Refused
from tests.proofs.symbolic import Run
from tests.proofs.vyper_source import Value, load

WAD = 10**18
CASH, SIZE, COST = 10**30, 10**33, 10**36
INDEX = 2**80 - 1
TOTAL = 2**128 - 1
PRICE = 10**27
UNIT = 2**111
"""An index as a price word can hold one at most."""
NET_MARK = 10**28
TIME = 2**32 - 1


def word(name: str, most: int = 2**256 - 1, least: int = 0) -> Value:
    """An unknown uint256 within bounds."""
    return _known(name, "uint256", least, most)


def signed(name: str, most: int, least: int | None = None) -> Value:
    """An unknown int256 within bounds, which are of its magnitude."""
    return _known(name, "int256", -most if least is None else least, most)


def _known(name: str, kind: str, low: int, high: int) -> Value:
    value = z3.Int(name)
    Run.now().learn(value >= low, value <= high)
    return Value(value, kind, high if low >= 0 else None)


def _refuse(reason: object) -> None:
    raise Refused(str(reason))


class Packed:
    """A word of which the fields are known by where they begin."""

    def __init__(self, fields: dict[int, Any], at: int = 0) -> None:
        self.fields, self.at = fields, at

    def __rshift__(self, bits: int) -> Packed:
        return Packed(self.fields, self.at + bits)

    def __and__(self, mask: int) -> Any:
        return self.fields[self.at] if mask else 0


class Names:
    """Any name stands for itself: reasons of refusals, acts of events."""

    def __getattr__(self, name: str) -> Any:
        return _refuse if name == "refuse" else name


REFUSAL = Names()


def rounding() -> SimpleNamespace:
    return load("rounding")


def money() -> SimpleNamespace:
    """What an act carries: an index has 80 bits and never falls below its floor, a sum 128."""
    return SimpleNamespace(
        supply=word("supply", INDEX, 10**12),
        borrow=word("borrow", INDEX, WAD),
        rates=0,
        positive=word("positive", TOTAL),
        negative=word("negative", TOTAL),
        held=word("held", TOTAL),
        reserve=word("reserve", TOTAL),
        indices_before=0,
        totals_before=word("totals_before"),
        custody_before=0,
    )


def interest(**given: Any) -> SimpleNamespace:
    return load("interest", refusal=REFUSAL, rounding=rounding(), **given)


@dataclass(frozen=True)
class Case:
    """A function of a file, and a run of it within its bounds."""

    file: str
    function: str
    run: Callable[[], Any]
    bounds: str
    part: str = field(default="")


CASES: list[Case] = []


def case(file: str, function: str, bounds: str, part: str = "") -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Keep a run as the case of a function."""

    def keep(run: Callable[[], Any]) -> Callable[[], Any]:
        CASES.append(Case(file, function, run, bounds, part))
        return run

    return keep


# rounding.vy

for _name in ("floor_div", "ceil_div"):

    @case("rounding.vy", _name, "any dividend, any divisor above 0")
    def _(name: str = _name) -> Any:
        return getattr(rounding(), name)(signed("a", 2**255 - 1), signed("b", 2**255 - 1, 1))


@case("rounding.vy", "ceil_udiv", "any dividend, any divisor above 0")
def _() -> Any:
    return rounding().ceil_udiv(word("a"), word("b", least=1))


# interest.vy


@case("interest.vy", "cash_of", "principal int128, indices 80 bits")
def _() -> Any:
    return interest().cash_of(signed("principal", 2**127 - 1, -(2**127)), word("supply", INDEX), word("borrow", INDEX))


@case("interest.vy", "changed", "|cash| ≤ 1e30 after (refused else), supply index ≥ 1e12; a sum holds its parts")
def _() -> Any:
    before, principal = money(), signed("principal", 2**127 - 1, -(2**127))
    Run.now().learn(before.positive.term >= principal.term, before.negative.term >= -principal.term)
    # All others' principal beside this one's: sums are stored in 128 bits and refused beyond.
    return interest().changed(before, principal, signed("change", 2**250))


@case("interest.vy", "_grown", "indices 80 bits, rates 32 bits, the clock since the last accrual 32 bits")
def _() -> Any:
    module = interest(block=SimpleNamespace(timestamp=word("now", 2**33 - 1)))
    indices = word("indices")
    Run.now().learn(((indices >> 160) & TIME).term <= z3.Int("now"))
    return module._grown(indices)


@case("interest.vy", "share_loss", "the loss is less than all positive cash (refused else)")
def _() -> Any:
    return interest().share_loss(money(), 0, word("loss"))


@case(
    "interest.vy",
    "rates",
    "settings as `set_settings` takes them: kink 1..9,999 bps, rates 32 bits, reserve ≤ 10,000 bps",
)
def _() -> Any:
    module = interest()
    kink, low, high, kept = word("kink", 9_999, 1), word("low", TIME), word("high", TIME), word("kept", 10_000)
    Run.now().learn(low.term <= high.term)
    module.settings = Packed({0: kink, 16: low, 48: high, 80: kept})
    return module.rates(money())


@case("interest.vy", "load", "as `_grown`; sums 128 bits: a product has 208 bits, a reserve in all 129")
def _() -> Any:
    supply, borrow = word("grown_supply", INDEX), word("grown_borrow", INDEX)
    module = interest(block=SimpleNamespace(timestamp=word("now", TIME)), _grown=lambda indices: (supply, borrow))
    module.indices, module.totals, module.custody = word("indices"), word("totals"), word("custody")
    return module.load()


@case("interest.vy", "store", "half of a word")
def _() -> Any:
    module = interest(block=SimpleNamespace(timestamp=word("now", TIME)), words=lambda money: (1, word("t"), 2))
    module.rates = lambda money: 0
    module.first = 0
    return module.store(money())


# ledger.vy, margin.vy, losses.vy, limits.vy


@case("ledger.vy", "value_of", "|size| int128, |P*| < 1e28, |cost| int128")
def _() -> Any:
    ledger = load("ledger", rounding=rounding(), refusal=REFUSAL)
    return ledger.value_of(signed("size", 2**127), signed("cost", 2**127), signed("unit", NET_MARK))


@case("margin.vy", "relieves", "|equity|, requirements and claims < 2^190, mm before above mm after")
def _() -> Any:
    margin = load("margin", refusal=REFUSAL)
    before = SimpleNamespace(
        equity=signed("equity", 2**190),
        mm=word("mm", 2**190),
        im=word("im", 2**190),
        claims=word("claims", 2**190),
    )
    after = SimpleNamespace(
        equity=signed("equity_after", 2**190), mm=word("mm_after", 2**190), im=word("im_after", 2**190)
    )
    Run.now().learn(before.mm.term > 0)
    return margin.relieves(before, after)


def _assessed() -> SimpleNamespace:
    sums = {name: word(name, 2**190) for name in ("im", "down", "claims")}
    return SimpleNamespace(equity=signed("equity", 2**190), state=0, **sums)


@case("margin.vy", "has_initial", "|equity|, requirements, possible losses and claims < 2^190")
def _() -> Any:
    return load("margin", refusal=REFUSAL).has_initial(_assessed())


@case("margin.vy", "check_withdrawal", "as `has_initial`")
def _() -> Any:
    return load("margin", refusal=REFUSAL, check_live=lambda state: None).check_withdrawal(_assessed())


def _losses() -> SimpleNamespace:
    own, books = word("own", 2**200), interest()
    books.first = word("first", TOTAL)
    return load(
        "losses",
        refusal=REFUSAL,
        rounding=rounding(),
        interest=books,
        roles=SimpleNamespace(vault_account=lambda: 1, AUCTION=2),
        ledger=SimpleNamespace(cash_at=lambda *_: own),
        msg=SimpleNamespace(sender=3),
    )


@case("losses.vy", "rate", "known losses < 2^160 (and 2^127 more after a shutdown), the vault's cash ≤ 1e30")
def _() -> Any:
    losses = _losses()
    losses.known = word("known", 2**160)
    return losses.rate(money())


@case("losses.vy", "leaving", "amount ≤ 1e30, a rate of 1 at most")
def _() -> Any:
    losses = _losses()
    losses.rate = lambda money: word("rate", WAD)
    return losses.leaving(money(), word("account"), word("amount", CASH))


@case(
    "limits.vy",
    "check_cap",
    "sums of balances 128 bits, an index 111 bits, a cap 40 bits of whole quote, target 32 bits of 1,000",
)
def _() -> Any:
    books = interest()
    books.settings = word("settings")
    limits = load(
        "limits",
        refusal=REFUSAL,
        interest=books,
        roles=SimpleNamespace(vault_account=lambda: 1),
        ledger=SimpleNamespace(cash_at=lambda *_: word("own", CASH), spot_totals={0: word("spots", TOTAL)}),
    )
    price = SimpleNamespace(cap=word("cap", (2**40 - 1) * WAD), index=word("index", UNIT))
    return limits.check_cap(money(), price, 0, word("size", TOTAL))


# parameters.vy


def parameters() -> SimpleNamespace:
    return load("parameters", refusal=REFUSAL, rounding=rounding(), block=SimpleNamespace(timestamp=word("now", TIME)))


@case("parameters.vy", "at", "fields 16 bits, targets not below them, the ramp's start ≤ now < its end")
def _() -> Any:
    found, stored = parameters(), word("word")
    run = Run.now()
    run.learn(((stored >> 96) & TIME).term <= z3.Int("now"))
    for offset in (0, 16, 32):
        run.learn(((stored >> offset) & 65_535).term <= ((stored >> (offset + 48)) & 65_535).term)
    return found.at(stored, False)


@case("parameters.vy", "cap", "40 bits")
def _() -> Any:
    return parameters().cap(word("word"))


@case("parameters.vy", "min_requirement", "24 bits")
def _() -> Any:
    return parameters().min_requirement(word("word"))


@case("parameters.vy", "correlation", "low < high ≤ 7")
def _() -> Any:
    low, high = word("low", 7), word("high", 7)
    Run.now().learn(low.term < high.term)
    return parameters().correlation(word("risk"), low, high)


@case("parameters.vy", "_is_far", "any two numbers")
def _() -> Any:
    return parameters()._is_far(word("old"), word("new"))
