"""The book at one second in the exact integers of the model: what the contracts would say then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache

from keeper.book.mirror import Mirror
from keeper.book.rows import I64
from keeper.model import auction, interest, prices
from keeper.model.auction import Quote
from keeper.model.prices import Oracle, Reading
from keeper.model.requirement import Assessment, Holding, RiskRamp, Shared, appraise, assess
from keeper.model.rounding import WAD, ceil_div, trunc_div
from keeper.model.words import (
    Curve,
    Custody,
    Indices,
    Limits,
    Parameters,
    PriceWord,
    Risk,
    Run,
    Terms,
    Totals,
)

NO_PARAMETERS = Parameters(0, 0, 0, bucket=0, flags=0)
UNLIMITED = Limits(auction.UNCAPPED, 1)
"""Before a word of limits is seen."""
Holdings = dict[int, Holding]
LOW_64, LOW_128 = (1 << 64) - 1, (1 << 128) - 1
from_bytes = int.from_bytes
# These words stay the same for many heads.
_parameters = lru_cache(maxsize=256)(Parameters.unpack)
_risk = lru_cache(maxsize=16)(Risk.unpack)
_run = lru_cache(maxsize=4_096)(Run.unpack)


class Exact:
    """A view of the mirror at `now`; it must not outlive the mirror's next change."""

    def __init__(self, mirror: Mirror, oracle: Oracle, now: int) -> None:
        self.mirror = mirror
        self.oracle = oracle
        self.now = now
        self._readings: dict[int, Reading] = {}
        self._parameters: dict[int, Parameters] = {}
        self._markets: dict[int, tuple[Reading, Parameters]] = {}
        self._assessments: dict[int, Assessment] = {}
        self._words: dict[int, tuple[int, bytes]] = {}
        self.told: dict[int, tuple[int, Holdings]] = {}
        """Accounts that the chain itself was asked about: cash and holdings."""

    @cached_property
    def risk(self) -> Risk:
        """Correlations, κ, ι."""
        return _risk(self.mirror.scalars["risk"])

    @cached_property
    def shared(self) -> Shared:
        """What all markets share, with the way it is on."""
        target, times = self.mirror.scalars.get("risk_target", 0), self.mirror.scalars.get("risk_times", 0)
        ramp = RiskRamp(_risk(target), times & 2**32 - 1, times >> 32) if target else None
        return Shared(self.risk, ramp, self.now)

    @cached_property
    def terms(self) -> Terms:
        """The auction's terms."""
        return Terms.unpack(self.mirror.scalars["terms"])

    @cached_property
    def indices(self) -> Indices:
        """Indices with interest up to now."""
        return self._accrued[0]

    @property
    def custody(self) -> Custody:
        """Tokens held, and the reserve with the vault's interest up to now."""
        return self._accrued[1]

    @cached_property
    def totals(self) -> Totals:
        """Sums of positive and of negative principal."""
        return Totals.unpack(self.mirror.scalars.get("totals", 0))

    @cached_property
    def _accrued(self) -> tuple[Indices, Custody]:
        scalars = self.mirror.scalars
        stored = Indices.unpack(scalars["indices"]) if "indices" in scalars else Indices(WAD, WAD)
        return interest.accrue(stored, self.totals, Custody.unpack(scalars.get("custody", 0)), self.now)

    @property
    def ready(self) -> bool:
        """Whether the protocol is set up as far as sightings and bids need, and has not ended."""
        scalars = self.mirror.scalars
        known = "risk" in scalars and "terms" in scalars and "vault" in scalars and 0 in self.mirror.curves
        return known and not self.shut_down

    @property
    def shut_down(self) -> int:
        """Second of the protocol's end; 0: it goes on."""
        return self.mirror.scalars.get("shut_down", 0)

    def reading(self, market: int) -> Reading:
        """The market's price now."""
        found = self._readings.get(market)
        if found is None:
            word = self.mirror.prices.get(market, 0)
            found = prices.read(PriceWord.unpack(word) if word else None, self.oracle, self.now)
            self._readings[market] = found
        return found

    def parameters(self, market: int) -> Parameters:
        """The market's risk parameters; zeros for an unknown one."""
        found = self._parameters.get(market)
        if found is None:
            word = self.mirror.parameters.get(market)
            found = NO_PARAMETERS if word is None else _parameters(word)
            self._parameters[market] = found
        return found

    def accounts(self, rows: I64) -> list[int]:
        """Whose rows these are; their words are read in one go, which is quicker than one by one."""
        found = []
        for account, header, words in self.mirror.book.read(rows):
            found.append(account)
            self._words[account] = header, words
        return found

    def cash(self, account: int) -> int:
        """WAD quote, interest included."""
        return self._held(account)[0]

    def holdings(self, account: int) -> Holdings:
        """What the account has, market by market."""
        return self._held(account)[1]

    def maps(self, account: int) -> int:
        """Markets in either map of the header."""
        if account in self.told:
            return sum(1 << market for market in self.told[account][1])
        maps = self._read(account)[0] >> 128
        return maps >> 64 | maps & LOW_64

    def words(self, account: int) -> int:
        """How many words the account has: a market in both maps has two."""
        if account in self.told:
            return sum((held.spot != 0) + (held.size != 0 or held.cost != 0) for held in self.told[account][1].values())
        return (self._read(account)[0] >> 128).bit_count()

    def assess(self, account: int) -> Assessment:
        """Equity and requirement as the contracts compute them."""
        found = self._assessments.get(account)
        if found is None:
            found = self._assessments[account] = self.measure(*self._held(account))
        return found

    def tell(self, account: int, cash: int, holdings: Holdings, seen: Assessment) -> None:
        """From now on the account is what the chain says; `seen` is what `appraise` would give."""
        self.told[account] = cash, holdings
        self._assessments[account] = seen if seen.mm else self.measure(cash, holdings)

    def appraise(self, account: int) -> Assessment:
        """As `assess`, with the spot of an account that owes nothing priced too."""
        return appraise(*self._held(account), self._market, self.shared)

    def measure(self, cash: int, holdings: Mapping[int, Holding]) -> Assessment:
        """The same of any book."""
        return assess(cash, holdings, self._market, self.shared)

    def notional(self, holdings: Mapping[int, Holding]) -> int:
        """Σ (|spot| + |size|)·index, WAD quote."""
        return sum((h.spot + abs(h.size)) * self.reading(m).index for m, h in holdings.items()) // WAD

    def run(self, account: int) -> Run:
        """The account's run as stored."""
        return _run(self.mirror.runs.get(account, 0))

    def running(self, account: int) -> bool:
        """Whether there is a run that a sighting now would carry on."""
        return auction.run_continues(self.run(account), self.terms, self.now)

    def curve(self, account: int) -> Curve:
        """The curve that a bid now would follow."""
        number = self.run(account).curve if self.running(account) else max(self.mirror.curves)
        return Curve.unpack(self.mirror.curves[number])

    def quote(self, account: int, fraction: int = WAD, tick: int | None = None) -> Quote:
        """What a bid for this fraction would move now; `tick`: at this λ, in percent, as for a standing bid."""
        return auction.bid_quote(
            self.assess(account),
            self.run(account),
            self.curve(account),
            self.terms,
            self.now,
            fraction,
            self.vault_left,
            tick,
        )

    @cached_property
    def vault_left(self) -> int:
        """What the vault may still pay of λ in this epoch, for accounts that have equity left."""
        scalars = self.mirror.scalars
        limits = Limits.unpack(scalars["limits"]) if "limits" in scalars else UNLIMITED
        spent = scalars.get("spent", 0)
        epoch, paid = spent >> 128, spent & (1 << 128) - 1
        return max(0, limits.most - (paid if epoch == self.now // limits.seconds else 0))

    def _held(self, account: int) -> tuple[int, Holdings]:
        """Cash and holdings, straight from the bytes."""
        if account in self.told:
            return self.told[account]
        header, data = self._read(account)
        principal = header & LOW_128
        if principal >> 127:
            principal -= 1 << 128
        spots, perps = header >> 128 & LOW_64, header >> 192
        found: Holdings = {}
        at = 0
        maps = spots | perps
        while maps:
            bit = maps & -maps
            maps ^= bit
            spot = size = cost = 0
            if spots & bit:
                spot = from_bytes(data[at : at + 32], "little")
                at += 32
            if perps & bit:
                size = from_bytes(data[at : at + 16], "little", signed=True)
                cost = from_bytes(data[at + 16 : at + 32], "little", signed=True)
                at += 32
            found[bit.bit_length() - 1] = Holding(spot, size, cost)
        return interest.cash_of(principal, self.indices), found

    def _read(self, account: int) -> tuple[int, bytes]:
        """Its header, and its words as bytes; nothing of one never seen."""
        if words := self._words.get(account):
            return words
        book = self.mirror.book
        row = book.row(account)
        return (0, b"") if row < 0 else book.raw(row)

    def _market(self, market: int) -> tuple[Reading, Parameters]:
        found = self._markets.get(market)
        if found is None:
            found = self._markets[market] = self.reading(market), self.parameters(market)
        return found


def part_of(cash: int, holdings: Mapping[int, Holding], fraction: int) -> tuple[int, Holdings]:
    """What a slice moves (docs/exact.md, 5): fraction in WAD, and all of it for WAD."""
    if fraction == WAD:
        return cash, dict(holdings)
    parts = {
        market: Holding(
            held.spot * fraction // WAD, trunc_div(held.size * fraction, WAD), ceil_div(held.cost * fraction, WAD)
        )
        for market, held in holdings.items()
    }
    return cash * fraction // WAD, parts


def joined(books: Iterable[Mapping[int, Holding]]) -> Holdings:
    """Books added up, without what came out as nothing."""
    total: Holdings = {}
    for book in books:
        for market, held in book.items():
            have = total.get(market, Holding())
            total[market] = Holding(have.spot + held.spot, have.size + held.size, have.cost + held.cost)
    return {market: held for market, held in total.items() if held != Holding()}
