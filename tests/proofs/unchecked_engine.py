"""Unchecked arithmetic of prices and of the requirement: cases as in unchecked.py."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import z3

from tests.proofs.symbolic import Run, isqrt
from tests.proofs.unchecked import (
    COST,
    NET_MARK,
    PRICE,
    REFUSAL,
    SIZE,
    TIME,
    UNIT,
    Packed,
    case,
    rounding,
    signed,
    word,
)
from tests.proofs.vyper_source import Value, load

# prices.vy


def oracle() -> SimpleNamespace:
    """Within what the constructor takes."""
    return SimpleNamespace(
        price_age=word("price_age", 255, 1),
        fast_life=word("fast_life", 255),
        tau=word("tau", 240, 1),
        one_source=word("one_source", 65_535),
        dead=word("dead", 65_535),
        basis_rate=word("basis_rate", 2**19 - 1),
        basis_window=word("basis_window", 86_400, 1),
        funding_period=word("funding_period", 31_536_000, 1),
    )


def prices(**given: Any) -> SimpleNamespace:
    return load(
        "prices",
        rounding=rounding(),
        ORACLE=oracle(),
        slow_feed=SimpleNamespace(g=lambda feed: word("g", 65_535), price_of=lambda slow: word("slow_price", PRICE)),
        block=SimpleNamespace(timestamp=word("now", TIME)),
        **given,
    )


for _width in (72, 20, 16, 9):

    @case("prices.vy", "_signed", "constants", part=str(_width))
    def _(width: int = _width) -> Any:
        return prices()._signed(word("word"), 187, width)

    @case("prices.vy", "_field", "constants", part=str(_width))
    def _(width: int = _width) -> Any:
        return prices()._field(signed("number", 2**200), 54, width)


@case("prices.vy", "_gap", "a slow price ≤ 1e27 < 2^90, a fast one 1e9 to 2^111")
def _() -> Any:
    module = prices()
    return module._gap(_Slow(word("price", PRICE)), word("feed"), _Encoded(word("index", PRICE, 10**9)))


class _Encoded:
    """A price word of which only the price is asked."""

    def __init__(self, price: Value) -> None:
        self.price = price

    def __and__(self, mask: int) -> _Encoded:
        return self

    def __rshift__(self, bits: int) -> int:
        return 0

    def __lshift__(self, bits: int) -> Value:
        return self.price


class _Slow(_Encoded):
    """What a slow feed said, of which only the price is asked."""

    def __and__(self, mask: int) -> Value:
        return self.price


@case("prices.vy", "_accrue", "index ≤ 2^111, lag 16 bits, basis int20, funding int72")
def _() -> Any:
    module = prices(decode=lambda word_: word("index", UNIT), funding_of=lambda word_: signed("funding", 2**71))
    return module._accrue(word("word"), signed("basis", 2**19), word("elapsed", 255))


@case("prices.vy", "_next_basis", "basis int20, elapsed ≤ 255 s, g 16 bits, rate < 2^19")
def _() -> Any:
    return prices()._next_basis(
        signed("basis", 2**19), signed("target", 2**19), word("elapsed", 255), word("g", 65_535)
    )


@case(
    "prices.vy",
    "advance",
    "times 32 bits; a slow price counts until now or later, and now is at the price's time or later",
)
def _() -> Any:
    module = prices(
        _accrue=lambda *_: word("accrued"),
        _next_basis=lambda *_: signed("next_basis", 2**19),
        _gap=lambda *_: signed("gap", 32_767),
        _field=lambda *_: word("fields"),
        _signed=lambda word_, end, width: signed(f"field_{end}", 2 ** (width - 1) - 1, -(2 ** (width - 1))),
    )
    slow, time = word("slow"), word("time", TIME)
    # `look` answers 0 unless now ≤ until, and no report is of the future.
    Run.now().learn(z3.Or(slow.term == 0, (slow >> 200).term >= time.term), time.term <= z3.Int("now"))
    return module.advance(
        word("word"),
        time,
        word("encoded", 2**54),
        word("confidence", 65_535),
        signed("target", 2**19),
        slow,
        word("feed"),
    )


@case(
    "prices.vy", "relook", "times 32 bits; a slow price counts until now or later; a frozen word is of later than now"
)
def _() -> Any:
    module = prices(
        encode=lambda price: word("encoded", 2**54),
        _gap=lambda *_: signed("gap", 32_767),
        _field=lambda *_: word("fields"),
        _signed=lambda word_, end, width: signed(f"field_{end}", 2 ** (width - 1) - 1, -(2 ** (width - 1))),
        time_of=lambda word_: word("time", TIME),
    )
    slow = word("slow")
    Run.now().learn(z3.Or(slow.term == 0, (slow >> 200).term >= z3.Int("now")), z3.Int("time") <= z3.Int("now"))
    return module.relook(word("word"), slow, word("feed"))


class PriceWord(Packed):
    """A price word by its fields, of which the signed ones are shifted up to their sign and down again."""

    SIGNED: ClassVar[dict[int, tuple[str, int]]] = {130: ("funding", 72), 110: ("basis", 20), 78: ("gap", 16)}

    def __lshift__(self, bits: int) -> Signed:
        name, width = self.SIGNED[bits]
        return Signed(name, width)

    def __rshift__(self, bits: int) -> Any:
        return self.fields[bits] if bits == 255 else Packed(self.fields, self.at + bits)


class Signed:
    """A signed field at the top of a word."""

    def __init__(self, name: str, width: int) -> None:
        self.name, self.width = name, width

    def __rshift__(self, bits: int) -> Value:
        most = 2 ** (self.width - 1)
        return signed(self.name, most - 1, -most)


@case(
    "prices.vy",
    "read",
    "fields as wide as they are; the word is of now or earlier (a frozen one is of later: its age wraps, and is "
    "asked for by its highest bit)",
)
def _() -> Any:
    module = prices(_signed=lambda word_, end, width: signed(f"field_{end}", 2 ** (width - 1) - 1, -(2 ** (width - 1))))
    time = word("time", TIME)
    Run.now().learn(time.term <= z3.Int("now"))
    stored = PriceWord(
        {0: word("mantissa", 2**48 - 1), 48: word("exponent", 63), 146: word("confidence", 65_535), 187: time}
        | {219: word("slow_for", 2**20 - 1), 255: word("from_slow", 1)}
    )
    return module.read(stored)


# requirement.vy

EXPOSURE = 2 * SIZE * PRICE
SIDE = 2**51 - 1
"""An interval's side: a confidence of 16 bits and a gap, which counts as 2^50 where its field does not hold it."""


@case("requirement.vy", "_floor_of_wad", "any sum")
def _() -> Any:
    return load("requirement", rounding=rounding())._floor_of_wad(signed("scaled", 2**255 - 1))


@case("requirement.vy", "_rounded", "16 markets of at most 65,535·2e33·1e27")
def _() -> Any:
    return load("requirement", rounding=rounding())._rounded(signed("exposure", 16 * 65_535 * EXPOSURE))


@case("requirement.vy", "_total", "Q < 2^250, G of 16 markets")
def _() -> Any:
    module = load("requirement", rounding=rounding(), isqrt=lambda value: Value(isqrt(value).term, "uint256"))
    return module._total(signed("square", 2**250), signed("gross", 16 * 65_535 * EXPOSURE, 0))


@case("requirement.vy", "_on_the_way", "a ramp has begun: start ≤ now, and ends after it starts")
def _() -> Any:
    module = load(
        "requirement",
        rounding=rounding(),
        block=SimpleNamespace(timestamp=word("now", TIME)),
        market_parameters=SimpleNamespace(risk_times=word("times", 2**64 - 1)),
    )
    times = module_times = word("times", 2**64 - 1)
    start, end = times & TIME, module_times >> 32
    Run.now().learn(start.term < end.term, start.term <= z3.Int("now"))
    minimum = (2**24 - 1) * 10**16
    return module._on_the_way(
        signed("square", 2**250), signed("to", 2**250), word("least", minimum), word("least_to", minimum)
    )


def _sums(markets: int) -> SimpleNamespace:
    """What so many markets have added up, at most."""
    most = markets * 65_535 * EXPOSURE
    return SimpleNamespace(
        value=signed("value", markets * (SIZE * UNIT + 2**127 * NET_MARK)),
        lose=word("lose", markets * EXPOSURE * SIDE),
        gain=word("gain", markets * EXPOSURE * SIDE),
        gross=signed("gross", most, 0),
        idiosyncratic=word("own", markets * 2**224),
        claims=word("claims", markets * 2**180),
        cost=signed("cost_sum", markets * 2**127),
        held=word("held", markets),
        state=word("state", 2),
        owes=False,
        ramping=False,
        buckets=word("buckets", 255),
        bucket=0,
        systematic=[signed("systematic", most)] * 8,
    )


def _sum_of_one() -> Any:
    reading = SimpleNamespace(
        state=word("reading_state", 2),
        index=signed("index", PRICE, 0),
        net_mark=signed("net_mark", NET_MARK),
        **{name: word(name, SIDE) for name in ("up", "down", "up_faded", "down_faded")},
    )
    # s, u and g of a market without a ramp, in the first bucket.
    stored = Packed({0: word("s", 65_535), 16: word("u", 65_535), 32: word("g", 65_535), 128: 0, 200: 0})
    module = load(
        "requirement",
        rounding=rounding(),
        refusal=REFUSAL,
        MAX_MARKETS=1,
        empty=lambda kind: _sums(15),
        account=SimpleNamespace(lowest=lambda bit: 0),
        prices=SimpleNamespace(read=lambda word_: reading, words={0: 0}),
        market_parameters=SimpleNamespace(words={0: stored}, RAMP_END=0, at=None),
    )
    spot, position = signed("spot", SIZE, 0), _Position(signed("size", SIZE), signed("cost", COST))
    return module._sum(2**64 + 1, [spot, position], False)


class _Position:
    """A position's word, of which its halves are asked."""

    def __init__(self, size: Value, cost: Value) -> None:
        self.size, self.cost = size, cost

    def __lshift__(self, bits: int) -> _Position:
        return _Position(self.cost, self.size)

    def __rshift__(self, bits: int) -> Value:
        return self.cost


@case(
    "requirement.vy",
    "_sum",
    "a 16th market after 15: |size|, spot ≤ 1e33, |cost| ≤ 1e36, index ≤ 1e27, |P*| < 1e28, fields 16 bits, sides of "
    "an interval < 2^51",
)
def _() -> Any:
    return _sum_of_one()
