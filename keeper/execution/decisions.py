"""What a transaction is to do, as it is journaled: one maker for the keeper's own and for those by hand."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import astuple

from keeper.chain.types import Header
from keeper.decide.bids import Bid
from keeper.decide.match import Match
from keeper.decide.sweep import Sweep
from keeper.execution.calls import bid_call, match_call, open_call, refresh_call, sweep_call
from keeper.store.journal import Decision

BID, OPEN, MATCH, SWEEP, REFRESH = "bid", "open", "match", "sweep", "refresh"
KINDS = (BID, OPEN, MATCH, SWEEP, REFRESH)


def open_decision(auction: str, sender: str, accounts: Collection[int], gas: int, head: Header) -> Decision:
    """Sightings of some accounts, decided at `head`."""
    return _decided(OPEN, auction, sender, accounts, open_call(tuple(accounts)), gas, head)


def bid_decision(auction: str, sender: str, bid: Bid, head: Header) -> Decision:
    """A bid, decided at `head`; it reserves its margin."""
    accounts = [lot.account for lot in bid.lots]
    data = bid_call(bid.taker, [lot.as_tuple() for lot in bid.lots])
    return _decided(BID, auction, sender, accounts, data, bid.gas, head, bid.margin, bid.profit)


def match_decision(auction: str, exchange: str, sender: str, match: Match, head: Header) -> Decision:
    """A match, decided at `head`."""
    fills = [(astuple(signed.order), signed.signature, amount) for signed, amount in match.fills]
    data = match_call(match.account, exchange, fills)
    return _decided(MATCH, auction, sender, [match.account], data, match.gas, head, profit=match.gain)


def sweep_decision(auction: str, sender: str, sweep: Sweep, head: Header) -> Decision:
    """A sweep, decided at `head`."""
    data = sweep_call(sweep.account, len(sweep.bids))
    return _decided(SWEEP, auction, sender, [sweep.account], data, sweep.gas, head, profit=sweep.gain)


def refresh_decision(
    engine: str, sender: str, markets: Sequence[int], accounts: Collection[int], gas: int, head: Header
) -> Decision:
    """A look at slow feeds, for accounts that cannot be sighted until then; decided at `head`."""
    return _decided(REFRESH, engine, sender, accounts, refresh_call(markets), gas, head)


def _decided(
    kind: str,
    target: str,
    sender: str,
    accounts: Collection[int],
    data: bytes,
    gas: int,
    head: Header,
    reserved: int = 0,
    profit: int = 0,
) -> Decision:
    return Decision(
        id=uuid.uuid4().hex,
        kind=kind,
        sender=sender,
        block=head.number,
        time=head.time,
        accounts=tuple(accounts),
        target=target,
        data=data,
        gas=gas,
        reserved=reserved,
        profit=profit,
    )
