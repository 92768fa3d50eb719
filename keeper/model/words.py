"""Every packed storage word of the contracts (docs/exact.md, section 1), one frozen dataclass each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from .bits import Bits, Word, check_word, in_range
from .rounding import ceil_div

BUCKETS = 8
LISTED = 1
PERP_ALLOWED = 2
SPOT_ALLOWED = 4
RETIRING = 16
RETIRED = 32
QUOTE_FEED = 2**256 - 1
"""The market number that stands for the quote token's own feed in SlowFeedSet."""


@dataclass(frozen=True, slots=True)
class Header(Word):
    """One an account: cash principal (WAD) and the maps of markets with spot and with a position word."""

    LAYOUT: ClassVar[tuple[Bits, ...]] = (
        Bits("principal", 0, 128, signed=True),
        Bits("spots", 128, 64),
        Bits("perps", 192, 64),
    )
    principal: int = 0
    spots: int = 0
    perps: int = 0


@dataclass(frozen=True, slots=True)
class Position(Word):
    """A perp position: size in WAD base, cost in WAD quote."""

    LAYOUT: ClassVar[tuple[Bits, ...]] = (Bits("size", 0, 128, signed=True), Bits("cost", 128, 128, signed=True))
    size: int = 0
    cost: int = 0


@dataclass(frozen=True, slots=True)
class PriceWord(Word):
    """A market's stored price; units are those of docs/exact.md, section 1."""

    LAYOUT: ClassVar[tuple[Bits, ...]] = (
        Bits("mantissa", 0, 48),
        Bits("exponent", 48, 6),
        Bits("funding", 54, 72, signed=True),
        Bits("basis", 126, 20, signed=True),
        Bits("confidence", 146, 16),
        Bits("gap", 162, 16, signed=True),
        Bits("gap_age", 178, 9, signed=True),
        Bits("time", 187, 32),
        Bits("slow_for", 219, 20),
        Bits("funding_lag", 239, 16),
        Bits("from_slow", 255, 1),
    )
    mantissa: int = 0
    exponent: int = 0
    funding: int = 0
    basis: int = 0
    confidence: int = 0
    gap: int = 0
    gap_age: int = 0
    time: int = 0
    slow_for: int = 0
    funding_lag: int = 0
    from_slow: int = 0

    @property
    def index(self) -> int:
        """The price in WAD quote."""
        return self.mantissa << self.exponent


@dataclass(frozen=True, slots=True)
class Parameters(Word):
    """A market's risk parameters: s, u, g and their ramp targets in 1e-5, ramp times in seconds, cap in whole quote."""

    LAYOUT: ClassVar[tuple[Bits, ...]] = (
        Bits("s", 0, 16),
        Bits("u", 16, 16),
        Bits("g", 32, 16),
        Bits("s_target", 48, 16),
        Bits("u_target", 64, 16),
        Bits("g_target", 80, 16),
        Bits("ramp_start", 96, 32),
        Bits("ramp_end", 128, 32),
        Bits("cap", 160, 40),
        Bits("bucket", 200, 8),
        Bits("flags", 208, 8),
        Bits("calibrated", 216, 32),
    )
    s: int
    u: int
    g: int
    s_target: int = 0
    u_target: int = 0
    g_target: int = 0
    ramp_start: int = 0
    ramp_end: int = 0
    cap: int = 0
    bucket: int = field(kw_only=True)
    flags: int = field(kw_only=True)
    calibrated: int = field(kw_only=True, default=0)

    def __post_init__(self) -> None:
        Word.__post_init__(self)
        in_range("Parameters.bucket", self.bucket, 0, BUCKETS - 1)

    def at(self, now: int) -> Self:
        """The same with s, u and g as they are at `now`, and no ramp."""
        if not self.ramp_end:
            return self
        gone, length = min(now, self.ramp_end) - self.ramp_start, self.ramp_end - self.ramp_start
        pairs = ((self.s, self.s_target), (self.u, self.u_target), (self.g, self.g_target))
        return self._settled(*(low + ceil_div((high - low) * gone, length) for low, high in pairs))

    @property
    def aim(self) -> Self:
        """The same when its ramp has ended."""
        return self._settled(self.s_target, self.u_target, self.g_target) if self.ramp_end else self

    def _settled(self, s: int, u: int, g: int) -> Self:
        return replace(self, s=s, u=u, g=g, s_target=0, u_target=0, g_target=0, ramp_start=0, ramp_end=0)

    def ramped_from(self, old: Self, now: int, ramp: int) -> Self:
        """This word, as it is stored after `old`: what rises sets out from what it is now."""
        before = old.at(now)
        low = (min(before.s, self.s), min(before.u, self.u), min(before.g, self.g))
        if not ramp or low == (self.s, self.u, self.g):
            return self
        targets = {"s_target": self.s, "u_target": self.u, "g_target": self.g}
        return replace(self, s=low[0], u=low[1], g=low[2], ramp_start=now, ramp_end=now + ramp, **targets)


def _pair_offsets() -> dict[tuple[int, int], int]:
    pairs = [(i, j) for i in range(BUCKETS) for j in range(i + 1, BUCKETS)]
    return {pair: place for place, pair in enumerate(pairs)}


PAIRS = _pair_offsets()
"""Where the correlation of buckets i < j stands in `Risk.rho`."""


@dataclass(frozen=True, slots=True)
class Risk(Word):
    """
    Correlations of buckets (percent, in the order of `PAIRS`), κ and ι in bps, minimum requirement in 0.01 quote.

    `ramping` is set while a change of it ramps in.
    """

    LAYOUT: ClassVar[tuple[Bits, ...]] = (
        Bits("kappa", 196, 14),
        Bits("iota", 210, 16),
        Bits("min_requirement", 226, 24),
        Bits("ramping", 250, 1),
    )
    rho: tuple[int, ...]
    kappa: int
    iota: int
    min_requirement: int
    ramping: int = 0

    def __post_init__(self) -> None:
        Word.__post_init__(self)
        if len(self.rho) != len(PAIRS):
            raise ValueError(f"Risk.rho: {len(self.rho)} correlations, not {len(PAIRS)}")
        for (i, j), place in PAIRS.items():
            in_range(f"Risk.rho({i},{j})", self.rho[place], 0, 100)

    def rho_at(self, i: int, j: int) -> int:
        """The correlation of buckets i and j in percent; 100 for i = j."""
        return 100 if i == j else self.rho[PAIRS[min(i, j), max(i, j)]]

    def pack(self) -> int:
        """The word as the contracts store it."""
        word = Word.pack(self)
        for place, percent in enumerate(self.rho):
            word |= percent << 7 * place
        return word

    @classmethod
    def unpack(cls, word: int) -> Self:
        """Read a stored word; ValueError if a correlation is above 100."""
        check_word("Risk", word, 251)
        rho = tuple(word >> 7 * place & 127 for place in range(len(PAIRS)))
        return cls(rho, *(part.read(word) for part in cls.LAYOUT))


@dataclass(frozen=True, slots=True)
class SlowFeed(Word):
    """A market's aggregator: heartbeat in seconds, deviation threshold in 1e-5, the answer's decimals."""

    LAYOUT: ClassVar[tuple[Bits, ...]] = (
        Bits("address", 0, 160),
        Bits("heartbeat", 160, 24),
        Bits("deviation", 184, 16),
        Bits("decimals", 200, 8),
    )
    address: int = 0
    heartbeat: int = 0
    deviation: int = 0
    decimals: int = 0

    def __post_init__(self) -> None:
        Word.__post_init__(self)
        in_range("SlowFeed.decimals", self.decimals, 0, 18)


@dataclass(frozen=True, slots=True)
class Indices(Word):
    """Supply and borrow index (WAD), when they were accrued, and the rates since then (1e-9 a year)."""

    LAYOUT: ClassVar[tuple[Bits, ...]] = (
        Bits("supply", 0, 80),
        Bits("borrow", 80, 80),
        Bits("time", 160, 32),
        Bits("supply_rate", 192, 32),
        Bits("borrow_rate", 224, 32),
    )
    supply: int
    borrow: int
    time: int = 0
    supply_rate: int = 0
    borrow_rate: int = 0


@dataclass(frozen=True, slots=True)
class Totals(Word):
    """Sums of positive and of negative cash principal, both as magnitudes."""

    LAYOUT: ClassVar[tuple[Bits, ...]] = (Bits("positive", 0, 128), Bits("negative", 128, 128))
    positive: int = 0
    negative: int = 0


@dataclass(frozen=True, slots=True)
class Custody(Word):
    """Quote tokens held, and interest that is the vault's but not yet in its account (both WAD)."""

    LAYOUT: ClassVar[tuple[Bits, ...]] = (Bits("held", 0, 128), Bits("reserve", 128, 128))
    held: int = 0
    reserve: int = 0


@dataclass(frozen=True, slots=True)
class MarketBook(Word):
    """A market's sums over all accounts: Σ cost and Σ |size|."""

    LAYOUT: ClassVar[tuple[Bits, ...]] = (Bits("cost", 0, 128, signed=True), Bits("size", 128, 128))
    cost: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Settings(Word):
    """The rate curve (kink in bps of utilisation, rates in 1e-9 a year), the reserve, band and fee limits in bps.

    `target`: vault assets at which caps count in full, 1,000 quote. `paused`: the markets of a pause, and its end.
    """

    LAYOUT: ClassVar[tuple[Bits, ...]] = (
        Bits("kink", 0, 16),
        Bits("at_kink", 16, 32),
        Bits("at_full", 48, 32),
        Bits("reserve", 80, 16),
        Bits("band", 96, 16),
        Bits("max_fee", 112, 16),
        Bits("target", 128, 32),
        Bits("paused_until", 160, 32),
        Bits("paused", 192, 64),
    )
    kink: int
    at_kink: int
    at_full: int
    reserve: int
    band: int
    max_fee: int
    target: int = 0
    paused_until: int = 0
    paused: int = 0


@dataclass(frozen=True, slots=True)
class Run(Word):
    """A run of sightings of one account; `listed`: it has an entry; `paid`: share of the opener's cap, in 1/1023."""

    LAYOUT: ClassVar[tuple[Bits, ...]] = (
        Bits("opener", 0, 160),
        Bits("start", 160, 32),
        Bits("last", 192, 32),
        Bits("nonce", 224, 16),
        Bits("curve", 240, 5),
        Bits("listed", 245, 1),
        Bits("paid", 246, 10),
    )
    opener: int = 0
    start: int = 0
    last: int = 0
    nonce: int = 0
    curve: int = 0
    listed: int = 0
    paid: int = 0


@dataclass(frozen=True, slots=True)
class Curve:
    """λ over a run's age: three points (seconds, bps); times rise strictly and λ never falls."""

    points: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]

    def __post_init__(self) -> None:
        if len(self.points) != 3:
            raise ValueError(f"Curve.points: {len(self.points)} points, not 3")
        for number, (seconds, bps) in enumerate(self.points):
            in_range(f"Curve.points[{number}].seconds", seconds, 0, 2**32 - 1)
            in_range(f"Curve.points[{number}].bps", bps, 0, 10_000)
        for number in (1, 2):
            if self.points[number][0] <= self.points[number - 1][0]:
                raise ValueError(f"Curve.points[{number}].seconds: times must rise")
            if self.points[number][1] < self.points[number - 1][1]:
                raise ValueError(f"Curve.points[{number}].bps: the curve must not fall")

    def pack(self) -> int:
        """The word as the contracts store it."""
        return sum((seconds | bps << 32) << 48 * place for place, (seconds, bps) in enumerate(self.points))

    @classmethod
    def unpack(cls, word: int) -> Self:
        """Read a stored word; ValueError if it is no valid curve."""
        check_word("Curve", word, 144)
        first, second, third = ((word >> at & 0xFFFFFFFF, word >> at + 32 & 0xFFFF) for at in (0, 48, 96))
        return cls((first, second, third))


@dataclass(frozen=True, slots=True)
class Terms(Word):
    """The auction's terms: target B and penalty φ in bps, backstop ramp, grace and watch in seconds, opener's cap."""

    LAYOUT: ClassVar[tuple[Bits, ...]] = (
        Bits("target", 0, 16),
        Bits("penalty", 16, 16),
        Bits("backstop", 32, 32),
        Bits("grace", 64, 32),
        Bits("opener_cap", 96, 128),
        Bits("watch", 224, 16),
    )
    target: int
    penalty: int
    backstop: int
    grace: int
    opener_cap: int = 0
    watch: int = 60


@dataclass(frozen=True, slots=True)
class Limits(Word):
    """The most that the vault pays of λ in an epoch for accounts with equity left (WAD), and the epoch's seconds."""

    LAYOUT: ClassVar[tuple[Bits, ...]] = (Bits("most", 0, 128), Bits("seconds", 128, 32))
    most: int
    seconds: int
