"""The answer to eth_getLogs, from its bytes: changes of accounts stay numbers in arrays, the rest become events.

A general decoder makes 5,000 events a second; this one hundreds of thousands (`benches.ingest`).
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from keeper.chain.events import KNOWN, NO_CHANGES, READERS, WORD, Changes, Event, Told, topic
from keeper.chain.types import LinkError

CHANGED = topic(next(signature for signature in KNOWN if signature.startswith("AccountChanged(")))
_DIGITS = 2 * WORD
_FIXED = 6
"""Words of a change before those that changed: account, act, header, map, offset and length of the list."""


class Raw(msgspec.Struct, rename="camel", gc=False):
    """A log as a node tells it, as far as we read it."""

    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    log_index: str
    transaction_hash: str
    removed: bool = False


class Logs(NamedTuple):
    """What an answer's logs say, and the transactions that said it: hash to block's number and hash."""

    told: Told
    seen: dict[str, tuple[int, str]]
    known: int


_decoder = msgspec.json.Decoder(list[Raw])


def read_logs(answer: bytes) -> Logs:
    """The known events in an answer, in the order of the chain. Raises LinkError for a log that cannot be read."""
    try:
        return _read(_decoder.decode(answer))
    except (msgspec.MsgspecError, UnicodeError, IndexError, TypeError, ValueError) as error:
        raise LinkError(f"a log cannot be read: {error!r}") from error


def _read(raw: list[Raw]) -> Logs:
    places = [int(log.block_number, 16) << 32 | int(log.log_index, 16) for log in raw]
    if any(map(int.__gt__, places, places[1:])):
        raw = [log for _, log in sorted(zip(places, raw, strict=True), key=lambda pair: pair[0])]
    events: list[Event] = []
    digits: list[str] = []
    sizes: list[int] = []
    seen: dict[str, tuple[int, str]] = {}
    readers = READERS
    count = 0
    for log in raw:
        if log.removed:
            continue
        # Whatever it says: that its transaction went through, it says too.
        if log.transaction_hash not in seen:
            seen[log.transaction_hash] = (int(log.block_number, 16), log.block_hash)
        topics = log.topics
        kind = topics[0] if topics else ""
        if kind not in readers:
            continue
        count += 1
        data = log.data
        if kind == CHANGED:
            digits.append(topics[1][2:])
            digits.append(data[2:])
            sizes.append(len(data) - 2)
        else:
            words = [int(data[at : at + _DIGITS], 16) for at in range(2, len(data), _DIGITS)]
            events.append(readers[kind]([int(word, 16) for word in topics[1:]], words))
    return Logs(Told(_changes(digits, sizes), events), seen, count)


def _changes(digits: list[str], sizes: list[int]) -> Changes:
    if not sizes:
        return NO_CHANGES
    lengths = np.array(sizes, dtype=np.int64)
    if (lengths % _DIGITS).any() or (lengths < _DIGITS * (_FIXED - 1)).any():
        raise ValueError("the data of a change is cut short")
    ends = np.cumsum(lengths // _DIGITS + 1)
    at = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    big = np.frombuffer(bytes.fromhex("".join(digits)), dtype=">u8")
    if len(big) != 4 * ends[-1]:
        raise ValueError("a topic or the data of a change is cut short")
    # The last of four limbs is the lowest.
    words = big.astype(np.uint64).reshape(-1, 4)[:, ::-1]
    words = np.ascontiguousarray(words)
    offsets, listed = words[at + 4], words[at + 5]
    if (offsets[:, 0] != 4 * WORD).any() or offsets[:, 1:].any() or listed[:, 1:].any():
        raise ValueError("the list of a change is not where it should be")
    if (listed[:, 0] > (lengths // _DIGITS + 1 - _FIXED).astype(np.uint64)).any():
        raise ValueError("the list of a change is cut short")
    return Changes(words, at)
