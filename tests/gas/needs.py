"""
What acts on the heaviest accounts need of gas, and the limit that the keeper gives them, as one JSON object.

Each case is a call that the keeper would send; it is done if nothing was left out of it for want of gas. What is needed
is found by halving; what is said to be done or not with the limit, and with half of it, is what `eth_call` says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from functools import partial
from typing import Any, NamedTuple
from unittest.mock import patch

import ape
from ape.api import ReceiptAPI
from ape_foundry.provider import FoundryProvider
from eth_utils import keccak

from benches.gas import ANY_NONCE, NO_LIMIT, on_anvil, undone
from keeper.decide.match import fill_gas, match_gas
from keeper.decide.offer import GAS_BID, lot_gas
from keeper.decide.sight import gas_of
from keeper.decide.sweep import sweep_gas
from keeper.execution.calls import bid_call, match_call, open_call, sweep_call
from keeper.model.requirement import Assessment
from keeper.model.rounding import WAD
from keeper.model.standing import BOND, MAX_SWEPT, PLACES
from tests.gas.heavy import LONG, MARKETS, RAMP, SHORT, SPOT, Heavy

MOST = 16_000_000
"""What any transaction may have."""
ALL = 2**MARKETS - 1
FILLS = 8
STEPS = 128
"""What is needed is found to this part of the limit."""
WIDE = 10**6
"""An interval (1e-5) that a standing bid accepts any account's prices with."""


class Kind(NamedTuple):
    """Accounts of one make, in the same markets or each in its own."""

    name: str
    markets: int
    accounts: list[int]


class Case(NamedTuple):
    """A call of the keeper's, its limit, and the event that says how much of it was done."""

    name: str
    sender: Any
    data: bytes
    limit: int
    event: str
    times: int


def solvent(seen: Assessment) -> int:
    """Equity (WAD quote) of an account in breach, whatever its prices' intervals, that has something left."""
    return seen.mm * 6 // 10


def insolvent(seen: Assessment) -> int:
    """Equity (WAD quote) of one that lacks more than its prices' intervals may be worth."""
    return -seen.mm // 2


STATES = {"solvent": solvent, "insolvent": insolvent}


class Cases:
    """The accounts that are relieved, and what is asked of them."""

    def __init__(self, heavy: Heavy) -> None:
        self.heavy = heavy
        self.kinds = [
            self._kind("16 in spot and perp", 3, 16, LONG, SPOT),
            self._kind("16 perps", 3, 16, LONG),
            self._kind("4 in spot and perp", 4, 4, LONG, SPOT),
            self._kind("1 perp", 16, 1, LONG),
        ]
        self.poster = self._rich(heavy.owner)
        self.takers = {"a new taker": self._rich(heavy.owner), "a taker in 16": self._rich(heavy.owner, LONG, SPOT)}

    def opens(self) -> Iterator[Case]:
        """Sightings of what nobody has sighted."""
        for state, kind in self._states():
            exact = self.heavy.exact(kind.accounts)
            for several in (kind.accounts[:1], kind.accounts):
                name = f"open {len(several)} x {kind.name}, {state}"
                limit = gas_of(exact, several)
                yield Case(name, self.heavy.sender, open_call(several), limit, "RunChanged", len(several))

    def sight(self) -> None:
        """Sight all accounts while they are solvent, so that what they lack later has no entry yet."""
        heavy = self.heavy
        for kind in self.kinds:
            heavy.dial(kind.accounts, solvent)
            heavy.auction.open(kind.accounts, sender=heavy.opener)
        heavy.system.pass_time(50)
        heavy.prices()

    def bids(self) -> Iterator[Case]:
        """Bids of an operator's, for what the target asks for, or for a part of what has nothing left."""
        for state, kind in self._states():
            exact = self.heavy.exact(kind.accounts)
            fraction = WAD if state == "solvent" else WAD // 5
            for taker, account in self.takers.items():
                for several in (kind.accounts[:1], kind.accounts):
                    lots = [(one, fraction, NO_LIMIT, 0, 0, exact.maps(one), ANY_NONCE) for one in several]
                    limit = GAS_BID + sum(lot_gas(exact, one) for one in several)
                    name = f"bid {len(several)} x {kind.name}, {state}, {taker}"
                    yield Case(name, self.heavy.operator, bid_call(account, lots), limit, "Taken", len(several))

    def sweeps(self) -> Iterator[Case]:
        """Sweeps by bids that have nothing yet, on a book of one, of eight, and of all that it takes."""
        with undone():
            self._post(1)
            yield from self._sweeps("1 on the book", "Taken", 1)
            self._post(MAX_SWEPT - 1)
            yield from self._sweeps("8 on the book", "Taken", MAX_SWEPT)
            # They want next to nothing of an account, which the auction does not sell: they come first in vain.
            self._post(PLACES - MAX_SWEPT, tick=0, capacity=WAD)
            yield from self._sweeps("a full book", "Taken", PLACES)

    def sweeps_in_vain(self) -> Iterator[Case]:
        """Sweeps by bids that lose their bond, with 16 markets and too little margin, or with next to no cash."""
        heavy = self.heavy
        for name in ("bids in 16", "bids without cash"):
            with undone():
                bids = self._post(MAX_SWEPT)
                if name == "bids in 16":
                    heavy.dial([heavy.part(bid, LONG, SPOT) for bid in bids], lambda seen: seen.im + seen.down - WAD)
                else:
                    heavy.dial(bids, lambda _: 2 * BOND)
                yield from self._sweeps(name, "StandingChanged", MAX_SWEPT)

    def matches(self) -> Iterator[Case]:
        """Matches with makers that have nothing, and with such as are themselves heavy and in breach, or insolvent."""
        heavy = self.heavy
        for name, equity in (("new makers", None), *((f"{state} makers in 16", STATES[state]) for state in STATES)):
            with undone():
                makers = [heavy.fresh(heavy.maker) for _ in range(FILLS)]
                for maker in makers:
                    if equity is None:
                        heavy.pay(heavy.bank, maker, 10**6 * WAD)
                    else:
                        heavy.dial([heavy.part(maker, SHORT, SPOT)], equity)
                for state, kind in self._states(alone=True):
                    held = MARKETS if equity else 0
                    yield from self._matches(f"{kind.name}, {state}, {name}", kind, makers, held)

    def _kind(self, name: str, number: int, size: int, *sides: int) -> Kind:
        heavy, accounts = self.heavy, []
        for place in range(number):
            first = place * size % MARKETS
            markets = tuple(range(first, first + size))
            accounts.append(heavy.part(heavy.fresh(heavy.owner), *sides, markets=markets))
        return Kind(name, size, accounts)

    def _rich(self, wallet: Any, *sides: int) -> int:
        account = self.heavy.part(self.heavy.fresh(wallet), *sides)
        self.heavy.pay(self.heavy.bank, account, 10**7 * WAD)
        return account

    def _states(self, alone: bool = False) -> Iterator[tuple[str, Kind]]:
        """Each kind in each state, with all of its accounts or with one alone."""
        for state, equity in STATES.items():
            for kind in self.kinds:
                # What acts on one alone counts no words: it gives perpetuals alone the limit of a heavier account.
                if not (alone and kind.name == "16 perps"):
                    self.heavy.dial(kind.accounts[:1] if alone else kind.accounts, equity)
                    yield state, kind

    def _post(self, number: int, tick: int = 1, capacity: int = 40 * WAD) -> list[int]:
        """Put bids on the book; their accounts."""
        heavy, cash = self.heavy, 10_000 * WAD
        bids = []
        for _ in range(number):
            args = (self.poster, tick, capacity, WAD, ALL, WIDE, cash)
            (posted,) = heavy.auction.post(*args, sender=heavy.owner).decode_logs(heavy.auction.StandingPosted)
            bids.append(heavy.system.account(heavy.auction, posted.id))
        return bids

    def _sweeps(self, name: str, event: str, places: int) -> Iterator[Case]:
        for state, kind in self._states(alone=True):
            account = kind.accounts[0]
            for parts in sorted({1, min(places, MAX_SWEPT)}):
                limit = sweep_gas(kind.markets, places, parts)
                told = f"sweep {parts} x {kind.name}, {state}, {name}"
                yield Case(told, self.heavy.sender, sweep_call(account, parts), limit, event, parts)

    def _matches(self, name: str, kind: Kind, makers: Sequence[int], held: int) -> Iterator[Case]:
        # At the mark nobody loses anything, as it must be where neither side has anything.
        heavy, system = self.heavy, self.heavy.system
        fills = []
        for place, maker in enumerate(makers):
            price = heavy.mark() / WAD
            order = system.order(maker, place % kind.markets, 10, price, reduce_only=held > 0)
            fills.append((astuple(order), system.sign(order, heavy.operator), (8 if place == 0 else 2) * WAD))
        for several in (fills[:1], fills):
            data = match_call(kind.accounts[0], system.exchange.address, several)
            limit = match_gas(kind.markets) + len(several) * fill_gas(kind.markets, held)
            yield Case(f"match {len(several)} x {name}", heavy.sender, data, limit, "Filled", len(several))


class Meter:
    """Asks the node what calls would do."""

    def __init__(self, heavy: Heavy) -> None:
        self._target = heavy.auction.address
        self._ask = ape.chain.provider.web3.provider.make_request
        events = [*heavy.auction.contract_type.events, *heavy.system.exchange.contract_type.events]
        self._topics = {event.name: "0x" + keccak(text=event.selector).hex() for event in events}

    def measure(self, case: Case) -> dict[str, Any]:
        """A case with what it needs, and whether it does with its limit, and with half of that, by `eth_call`."""
        half = case.limit // 2
        low, high = (0, half) if self._done(case, half) else (half, case.limit)
        if not self._done(case, high):
            low, high = case.limit, MOST
            assert self._done(case, high), case.name
        while high - low > case.limit // STEPS:
            middle = (low + high) // 2
            low, high = (low, middle) if self._done(case, middle) else (middle, high)
        called = {name: self._called(case, gas) for name, gas in (("full", case.limit), ("half", half))}
        return {"name": case.name, "needed": high, "limit": case.limit, **called}

    def _call(self, case: Case, gas: int) -> dict[str, str]:
        return {"from": case.sender.address, "to": self._target, "data": "0x" + case.data.hex(), "gas": hex(gas)}

    def _called(self, case: Case, gas: int) -> bool:
        return "result" in self._ask("eth_call", [self._call(case, gas), "latest"])

    def _done(self, case: Case, gas: int) -> bool:
        """Whether all of it is done with so much gas: a part or a fill that fails for want of it is only left out."""
        calls = {"blockStateCalls": [{"calls": [self._call(case, gas)]}], "validation": False}
        (call,) = self._ask("eth_simulateV1", [calls, "latest"])["result"][0]["calls"]
        found = [log for log in call["logs"] if log["topics"][0] == self._topics[case.event]]
        return call["status"] == "0x1" and len(found) == case.times


@contextmanager
def quickly() -> Iterator[Any]:
    """A chain's wallets; without a record of each step of each transaction, which takes gigabytes, and nobody reads."""
    command = FoundryProvider.build_command

    def without_steps(provider: FoundryProvider) -> list[str]:
        return [option for option in command(provider) if option != "--steps-tracing"]

    with (
        patch.object(FoundryProvider, "build_command", without_steps),
        patch.object(ReceiptAPI, "show_debug_logs", lambda _: None),
        on_anvil() as wallets,
    ):
        eth = ape.chain.provider.web3.eth
        with patch.object(
            eth, "wait_for_transaction_receipt", partial(eth.wait_for_transaction_receipt, poll_latency=0.002)
        ):
            yield wallets


def measure(heavy: Heavy) -> list[dict[str, Any]]:
    """All cases while ramps are under way, and again when they have ended."""
    cases, meter = Cases(heavy), Meter(heavy)
    measured = []

    def note(when: str, *acts: Callable[[], Iterator[Case]]) -> None:
        for act in acts:
            measured.extend(meter.measure(case._replace(name=f"{case.name}, {when}")) for case in act())

    heavy.begin_ramps()
    for when, gone in (("ramps", RAMP // 8), ("ramps ended", RAMP)):
        heavy.system.pass_time(gone)
        heavy.prices()
        note(when, cases.opens)
        with undone():
            cases.sight()
            note(when, cases.bids, cases.sweeps, cases.sweeps_in_vain, cases.matches)
    return measured


def main() -> None:
    """Print the figures."""
    with quickly() as wallets:
        print(json.dumps(measure(Heavy(wallets))))


if __name__ == "__main__":
    main()
