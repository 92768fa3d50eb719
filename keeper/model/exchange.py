"""The Exchange's acts: signed orders, filled or crossed (docs/exact.md, 6)."""

from __future__ import annotations

from dataclasses import dataclass

from .clearinghouse import Clearinghouse, owner_of
from .ledger import NO_HOLDING
from .orders import OVER_FILLED, SLOTS, UNUSED, Order, Slot, slot_after, slot_cancelled, slot_refusal
from .rounding import BPS, WAD, ceil_div
from .state import Cell, Journal, Table, act, require

NONCES = 2**64
AMOUNTS = 2**127
NOT_ALLOWED = "exchange: not allowed"
OUT_OF_RANGE = "exchange: order out of range"
FEE_ABOVE_LIMIT = "exchange: fee above limit"
NOTHING_TO_FILL = "exchange: nothing to fill"


@dataclass(frozen=True, slots=True)
class Signed:
    """An order, its EIP-712 hash, and what its signature says: the key that signed (0: none), or a contract's yes."""

    order: Order
    hash: int
    signer: int
    approved: bool = False


class Exchange:
    """A venue: fill state of orders, lowest nonces and fees; solvency is the Clearinghouse's business."""

    def __init__(
        self, journal: Journal, clearinghouse: Clearinghouse, address: int, taker_bps: int, maker_bps: int
    ) -> None:
        self.journal = journal
        self.clearinghouse = clearinghouse
        self.address = address
        self.fees = Cell[tuple[int, int]](journal, "fees", (taker_bps, maker_bps))
        self.slots = Table[tuple[int, int], Slot](journal, "slots", UNUSED)
        self.lowest = Table[int, int](journal, "lowest", 0)

    @act
    def fill(self, caller: int, signed: Signed, taker: int, amount: int, max_fee: int) -> None:
        """Account `taker` takes `amount` of an order at the order's price."""
        require(self.clearinghouse.is_allowed(taker, caller), NOT_ALLOWED)
        require(amount > 0, NOTHING_TO_FILL)
        taker_bps, maker_bps = self.fees.value
        require(taker_bps <= max_fee, FEE_ABOVE_LIMIT)
        self._use(signed, taker, amount, maker_bps)
        order = signed.order
        self._trade(order.market, taker, order.account, -amount if order.size > 0 else amount, order.price)

    @act
    def cross(self, caller: int, a: Signed, b: Signed, amount: int) -> None:
        """Two orders meet at the mid of their limits, rounded down; `a` is the taker."""
        matched = a.order.market == b.order.market and (a.order.size > 0) != (b.order.size > 0)
        require(matched, "exchange: orders do not match")
        buy, sell = (a.order.price, b.order.price) if a.order.size > 0 else (b.order.price, a.order.price)
        require(buy >= sell, "exchange: prices do not cross")
        require(amount > 0, NOTHING_TO_FILL)
        taker_bps, maker_bps = self.fees.value
        self._use(a, b.order.account, amount, taker_bps)
        self._use(b, a.order.account, amount, maker_bps)
        size = amount if a.order.size > 0 else -amount
        self._trade(a.order.market, a.order.account, b.order.account, size, (buy + sell) // 2)

    @act
    def book(self, caller: int, signed: Signed, counterparty: int, amount: int) -> int:
        """The auction books a fill at the order's price, which it trades itself; returns what the order's side pays."""
        require(caller == self.clearinghouse.named.auction, "exchange: not the auction")
        require(amount > 0, NOTHING_TO_FILL)
        maker_bps = self.fees.value[1]
        self._use(signed, counterparty, amount, maker_bps)
        return ceil_div(ceil_div(amount * signed.order.price, WAD) * maker_bps, BPS)

    @act
    def cancel(self, caller: int, account: int, nonce: int) -> None:
        """Cancel the order with this nonce, and the lower ones of its slot."""
        require(self.clearinghouse.is_allowed(account, caller), NOT_ALLOWED)
        require(nonce < NONCES, OUT_OF_RANGE)
        key = (account, nonce % SLOTS)
        self.slots[key] = slot_cancelled(self.slots[key], nonce)

    @act
    def cancel_below(self, caller: int, account: int, nonce: int) -> None:
        """Cancel every order of the account whose nonce is below `nonce`."""
        require(self.clearinghouse.is_allowed(account, caller), NOT_ALLOWED)
        require(nonce <= NONCES, OUT_OF_RANGE)
        require(nonce >= self.lowest[account], "exchange: nonce below the lowest")
        self.lowest[account] = nonce

    @act
    def set_fees(self, taker_bps: int, maker_bps: int) -> None:
        """Replace the fees, in bps of the notional; the contract checks who."""
        require(taker_bps <= 100 and maker_bps <= 100, "exchange: fees out of range")
        self.fees.value = (taker_bps, maker_bps)

    def _use(self, signed: Signed, counterparty: int, amount: int, fee: int) -> None:
        order = signed.order
        in_range = order.nonce < NONCES and order.price < AMOUNTS and abs(order.size) < AMOUNTS
        require(in_range, OUT_OF_RANGE)
        require(self.clearinghouse.clock.now <= order.expiry, "exchange: order expired")
        key = (order.account, order.nonce % SLOTS)
        slot = self.slots[key]
        refusal = slot_refusal(slot, order, signed.hash, self.lowest[order.account])
        require(not refusal, refusal)
        require(self._is_signed(signed), "exchange: bad signature")
        require(order.taker in (0, counterparty), "exchange: wrong taker")
        require(fee <= order.max_fee, FEE_ABOVE_LIMIT)
        after = slot_after(slot, order, signed.hash, amount)
        require(after is not None, OVER_FILLED)
        if order.reduce_only:
            require(self._reduces(order, amount), "exchange: reduce only")
        self.slots[key] = after or UNUSED

    def _is_signed(self, signed: Signed) -> bool:
        account, signer = signed.order.account, signed.signer
        return (signer != 0 and self.clearinghouse.is_allowed(account, signer)) or signed.approved

    def _reduces(self, order: Order, amount: int) -> bool:
        size = self.clearinghouse.accounts[order.account].holdings.get(order.market, NO_HOLDING).size
        return size != 0 and (size < 0) == (order.size > 0) and amount <= abs(size)

    def _trade(self, market: int, taker: int, maker: int, size: int, price: int) -> None:
        notional = ceil_div(abs(size) * price, WAD)
        taker_fee, maker_fee = (ceil_div(notional * bps, BPS) for bps in self.fees.value)
        self.clearinghouse.trade(self.address, market, taker, maker, size, price, taker_fee, maker_fee)


def signed_by_owner(order: Order, order_hash: int) -> Signed:
    """An order whose signature is its account's owner's: what a simulation that needs no keys uses."""
    return Signed(order, order_hash, owner_of(order.account))
