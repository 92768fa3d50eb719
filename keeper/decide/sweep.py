"""Standing bids: anybody may have them take an account in breach, and somebody must (docs/exact.md, section 7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from keeper.book.exact import Exact
from keeper.config import wad
from keeper.config.schema import FeesSection, SweepSection
from keeper.decide.offer import cost_of_gas
from keeper.model.auction import Quote, opener_share
from keeper.model.standing import MAX_SWEPT, Standing

GAS_SWEEP = 450_000
"""For the sweep itself, the first look at an account of 16 markets above all; what is not used costs nothing."""
GAS_PLACE = 25_000
"""For each bid on the book: all of them are read, and looked at again for each that is passed over."""
GAS_PART, GAS_PART_MARKET = 650_000, 55_000
"""A part of one market to a bid that holds 16 itself, and loses its bond; and two new words for each other one."""
USED_SWEEP, USED_PLACE, USED_PART, USED_PART_MARKET = 60_000, 2_500, 110_000, 30_000
"""What of that is used: measured 201,500 for one part of one market with three bids on the book."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One account that standing bids would take now, and which of them. `gain`: WAD quote, what we get less gas."""

    account: int
    bids: tuple[int, ...]
    gain: int
    gas: int


def on_book(exact: Exact) -> list[Standing]:
    """The bids on the book in the order in which they are taken: the lowest tick first, then the oldest."""
    minimums = exact.mirror.minimums
    found = sorted((word, number) for number, word in exact.mirror.standing.items() if word)
    return [Standing.unpack(word, minimums[number]) for word, number in found]


def fitting(exact: Exact, account: int, bids: Iterable[Standing]) -> list[Standing]:
    """Those that λ has reached, that accept the account's markets and interval, and that would get a part of it now.

    Whether a bid's own account can bear it is not asked: one that cannot leaves the book, and that needs a sweep too.
    """
    quote = exact.quote(account)
    if quote.reason:
        return []
    assessment = exact.assess(account)
    held = exact.maps(account)
    auction = exact.mirror.scalars.get("auction", 0)
    found = []
    for bid in bids:
        if bid.accepts(held, quote.lambda_now, assessment) and auction << 96 | bid.id != account:
            part, weight = part_of(exact, account, bid)
            if bid.wants(part, weight):
                found.append(bid)
    return found


def part_of(exact: Exact, account: int, bid: Standing) -> tuple[Quote, int]:
    """What a bid would get of the account now, and the account's requirement as capacity counts it."""
    asked, weight = bid.asks(exact.assess(account), exact.risk.iota)
    return exact.quote(account, asked, bid.tick), weight


def sweep_of(
    exact: Exact, account: int, sender: int, section: SweepSection, fees: FeesSection, book: Sequence[Standing]
) -> Sweep | None:
    """The sweep to send for this account now, or None if nothing on the book would take it or it costs us too much.

    Only who began the run is paid for it (`sender`, or whoever: then a sweep costs its gas): what is counted is its
    share of the first bid's part, as what the next ones get depends on that. Before a run there is none: sighting comes
    first.
    """
    if not exact.running(account):
        return None
    markets = exact.maps(account).bit_count()
    most = min(MAX_SWEPT, (fees.max_gas - sweep_gas(markets, len(book), 0)) // part_gas(markets))
    bids = fitting(exact, account, book)[: max(0, most)]
    if not bids:
        return None
    paid = 0
    if exact.run(account).opener == sender:
        quote, _ = part_of(exact, account, bids[0])
        paid, _ = opener_share(quote.penalty_paid, quote.run.paid, exact.terms.opener_cap)
    used = USED_SWEEP + USED_PLACE * len(book) + len(bids) * (USED_PART + USED_PART_MARKET * markets)
    gain = paid - cost_of_gas(exact, fees, used)
    if gain < -wad(section.max_cost):
        return None
    return Sweep(account, tuple(bid.id for bid in bids), gain, sweep_gas(markets, len(book), len(bids)))


def part_gas(markets: int) -> int:
    """What one bid that is tried adds to a limit, for an account of so many markets."""
    return GAS_PART + GAS_PART_MARKET * markets


def sweep_gas(markets: int, places: int, parts: int) -> int:
    """A limit that a sweep stays below: an account of so many markets, bids on the book, and bids that are tried."""
    return GAS_SWEEP + GAS_PLACE * places + parts * part_gas(markets)
