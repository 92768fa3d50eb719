"""The core's logs as words: fixed layouts, read straight from the data without a general decoder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from eth_utils.crypto import keccak
from numpy.typing import NDArray


class AccountChanged(NamedTuple):
    """An account's header and every changed word, as they are after the act."""

    account: int
    act: int
    header: int
    changed: int
    words: tuple[int, ...]


class InterestChanged(NamedTuple):
    """Indices, totals and custody."""

    indices: int
    totals: int
    custody: int


class BookChanged(NamedTuple):
    """A market's sums."""

    market: int
    book: int


class OperatorSet(NamedTuple):
    """An operator of all accounts of an owner; addresses as numbers."""

    owner: int
    operator: int
    allowed: bool


class SpotListed(NamedTuple):
    """A market's collateral token; the address as a number."""

    market: int
    token: int
    decimals: int


class SettingsSet(NamedTuple):
    """Interest curve, band and fee limit."""

    settings: int


class Wired(NamedTuple):
    """The auction, the vault and the batch of the Clearinghouse; addresses as numbers."""

    auction: int
    vault: int
    batch: int


class PricesUpdated(NamedTuple):
    """New price words of the markets in the map."""

    round: int
    markets: int
    words: tuple[int, ...]


class MarketSet(NamedTuple):
    """A market's parameters."""

    market: int
    parameters: int


class SlowFeedSet(NamedTuple):
    """A market's slow feed."""

    market: int
    feed: int


class RiskSet(NamedTuple):
    """Correlations, κ, ι, minimum requirement; and the word it is on its way to, with start and end (0: none)."""

    risk: int
    target: int = 0
    times: int = 0


class RunChanged(NamedTuple):
    """An account's run of sightings."""

    account: int
    run: int


class Taken(NamedTuple):
    """A slice was sold; amounts in WAD quote."""

    account: int
    taker: int
    fraction: int
    clipped: bool
    equity: int
    requirement: int
    lambda_account: int
    lambda_taker: int
    taker_paid: int
    account_got: int
    opener_got: int
    vault_got: int


class StandingPosted(NamedTuple):
    """A standing bid came on the book: least requirement it takes at a time, and its word."""

    id: int
    taker: int
    minimum: int
    word: int


class StandingChanged(NamedTuple):
    """A standing bid's word; 0: it is off the book."""

    id: int
    word: int


class CurveAdded(NamedTuple):
    """A curve for runs that start from now on."""

    id: int
    curve: int


class TermsSet(NamedTuple):
    """The auction's terms."""

    terms: int


class ShutDown(NamedTuple):
    """The protocol ended, for good."""

    time: int


class LimitsSet(NamedTuple):
    """The most that the vault pays of λ in an epoch for accounts that have equity left."""

    limits: int


class SpentChanged(NamedTuple):
    """What it has paid of λ in an epoch."""

    spent: int


Event = (
    AccountChanged
    | InterestChanged
    | BookChanged
    | OperatorSet
    | SpotListed
    | SettingsSet
    | Wired
    | PricesUpdated
    | MarketSet
    | SlowFeedSet
    | RiskSet
    | RunChanged
    | Taken
    | StandingPosted
    | StandingChanged
    | CurveAdded
    | TermsSet
    | ShutDown
    | LimitsSet
    | SpentChanged
)

Read = Callable[[list[int], list[int]], Event]
WORD = 32


class Changes(NamedTuple):
    """Changes of accounts in the order of the chain: the account, then the words of AccountChanged's data.

    Words are four limbs of 64 bits, the lowest first.
    """

    words: NDArray[np.uint64]
    at: NDArray[np.int64]
    """Where in `words` each begins."""


NO_CHANGES = Changes(np.zeros((0, 4), np.uint64), np.zeros(0, np.int64))


class Told(NamedTuple):
    """What a block's events say: changes of accounts, and all else in the order of the chain."""

    changes: Changes
    events: list[Event]


def limbs(words: list[int]) -> NDArray[np.uint64]:
    """Words as limbs."""
    data = b"".join(word.to_bytes(WORD, "little") for word in words)
    return np.frombuffer(data, dtype=np.uint64).reshape(-1, 4).copy()


def changes_of(events: Iterable[AccountChanged]) -> Changes:
    """The same changes as limbs."""
    words: list[int] = []
    at = []
    for event in events:
        at.append(len(words))
        words += (event.account, event.act, event.header, event.changed, 4 * WORD, len(event.words), *event.words)
    return Changes(limbs(words), np.array(at, dtype=np.int64)) if at else NO_CHANGES


def told_by(events: Iterable[Event]) -> Told:
    """Events one by one."""
    changed: list[AccountChanged] = []
    others: list[Event] = []
    for event in events:
        if isinstance(event, AccountChanged):
            changed.append(event)
        else:
            others.append(event)
    return Told(changes_of(changed), others)


def signed(word: int) -> int:
    """A word as int256."""
    return word - (1 << 256) if word >> 255 else word


def _listed(data: list[int], head: int) -> tuple[int, ...]:
    """The dynamic list whose offset stands at `head`."""
    start = data[head] // 32
    return tuple(data[start + 1 : start + 1 + data[start]])


# Topics without the first (the event's own), and the data's words.
KNOWN: dict[str, Read] = {
    "AccountChanged(uint256,uint256,uint256,uint256,uint256[])": lambda t, d: AccountChanged(
        t[0], d[0], d[1], d[2], _listed(d, 3)
    ),
    "InterestChanged(uint256,uint256,uint256)": lambda t, d: InterestChanged(d[0], d[1], d[2]),
    "BookChanged(uint256,uint256)": lambda t, d: BookChanged(t[0], d[0]),
    "OperatorSet(address,address,bool)": lambda t, d: OperatorSet(t[0], t[1], d[0] != 0),
    "SpotListed(uint256,address,uint256)": lambda t, d: SpotListed(t[0], d[0], d[1]),
    "SettingsSet(uint256)": lambda t, d: SettingsSet(d[0]),
    "Wired(address,address,address)": lambda t, d: Wired(d[0], d[1], d[2]),
    "PricesUpdated(uint256,uint256,uint256[])": lambda t, d: PricesUpdated(t[0], d[0], _listed(d, 1)),
    "MarketSet(uint256,uint256)": lambda t, d: MarketSet(t[0], d[0]),
    "SlowFeedSet(uint256,uint256)": lambda t, d: SlowFeedSet(t[0], d[0]),
    "RiskSet(uint256,uint256,uint256)": lambda t, d: RiskSet(*d),
    "RunChanged(uint256,uint256)": lambda t, d: RunChanged(t[0], d[0]),
    "Taken(uint256,uint256,uint256,bool,int256,uint256,uint256,uint256,int256,uint256,uint256,int256)": (
        lambda t, d: Taken(
            t[0], t[1], d[0], d[1] != 0, signed(d[2]), d[3], d[4], d[5], signed(d[6]), d[7], d[8], signed(d[9])
        )
    ),
    "StandingPosted(uint256,uint256,uint256,uint256)": lambda t, d: StandingPosted(t[0], t[1], d[0], d[1]),
    "StandingChanged(uint256,uint256)": lambda t, d: StandingChanged(t[0], d[0]),
    "CurveAdded(uint256,uint256)": lambda t, d: CurveAdded(t[0], d[0]),
    "TermsSet(uint256)": lambda t, d: TermsSet(d[0]),
    "ShutDown(uint256)": lambda t, d: ShutDown(d[0]),
    "LimitsSet(uint256)": lambda t, d: LimitsSet(d[0]),
    "SpentChanged(uint256)": lambda t, d: SpentChanged(d[0]),
}
IGNORED = (
    "VenueSet(address,bool)",
    "SignersSet(address[],uint256)",
    "CalibratorSet(address)",
    "Skipped(uint256,string)",
    "EntryChanged(uint256,uint256)",
    "GuardianSet(address)",
    "LossShared(uint256,uint256,uint256)",
    "Matched(uint256,uint256,uint256,uint256)",
    "FillSkipped(uint256,uint256,bytes)",
    "StandingRemoved(uint256)",
    "EntriesChanged(uint256)",
    "OwnershipTransferStarted(address,address)",
    "OwnershipTransferred(address,address)",
)
"""Events of the core that change nothing the book holds."""


def topic(signature: str) -> str:
    """The first topic of an event."""
    return "0x" + keccak(text=signature).hex()


READERS: dict[str, Read] = {topic(signature): read for signature, read in KNOWN.items()}
