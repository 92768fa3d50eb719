"""Fill state of signed orders: one reused slot for each of an account's 256 nonce residues (docs/exact.md, 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .bits import Bits, Word

CANCELLED = 2**128 - 1
SLOTS = 256

ORDER_CANCELLED = "exchange: order cancelled"
NONCE_USED = "exchange: nonce used"
OVER_FILLED = "exchange: over-filled"


@dataclass(frozen=True, slots=True)
class Order:
    """A wallet's order; `size` is what its account gains (WAD base), `max_fee` in bps, taker 0 = any account."""

    account: int
    market: int
    size: int
    price: int
    max_fee: int
    expiry: int
    nonce: int
    reduce_only: bool = False
    taker: int = 0


@dataclass(frozen=True, slots=True)
class Slot(Word):
    """What is known of the highest nonce that used a slot: filled |size|, nonce, top 64 bits of the order's hash."""

    LAYOUT: ClassVar[tuple[Bits, ...]] = (Bits("filled", 0, 128), Bits("nonce", 128, 64), Bits("tag", 192, 64))
    filled: int = 0
    nonce: int = 0
    tag: int = 0


UNUSED = Slot()
"""A slot never used: nonce 0 is a nonce like any other."""


def tag_of(order_hash: int) -> int:
    """The part of an order's 256-bit hash that its slot keeps."""
    return order_hash >> 192


def slot_refusal(slot: Slot, order: Order, order_hash: int, lowest: int) -> str:
    """Why the order's nonce may not be filled any more, or "" if it may."""
    if order.nonce < lowest or slot.nonce > order.nonce:
        return ORDER_CANCELLED
    if slot == UNUSED or slot.nonce < order.nonce:
        return ""
    if slot.filled == CANCELLED:
        return ORDER_CANCELLED
    return "" if slot.tag == tag_of(order_hash) else NONCE_USED


def filled_of(slot: Slot, order: Order) -> int:
    """How much of the order is filled; a slot that an older nonce used last counts as empty."""
    return slot.filled if slot.nonce == order.nonce else 0


def slot_after(slot: Slot, order: Order, order_hash: int, amount: int) -> Slot | None:
    """The slot after filling `amount` more; None if that is more than the order's size."""
    filled = filled_of(slot, order) + amount
    return None if filled > abs(order.size) else Slot(filled, order.nonce, tag_of(order_hash))


def slot_cancelled(slot: Slot, nonce: int) -> Slot:
    """The slot once `nonce` is cancelled; a later order that has taken it over already cancels this one."""
    return Slot(CANCELLED, nonce, 0) if slot.nonce <= nonce else slot
