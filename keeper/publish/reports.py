"""Signed price reports: entries, payload and EIP-712 signature (docs/exact.md, section 2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_utils.crypto import keccak

from keeper.model.bits import in_range
from keeper.model.prices import MANTISSA_BITS, MAX_PRICE, MIN_PRICE
from keeper.model.prices import encode_price as encode_field

MAX_ENTRIES = 64
ENTRY_BYTES = 32
REPORT_TYPE: dict[str, list[dict[str, str]]] = {
    "Report": [{"name": "round", "type": "uint64"}, {"name": "payload", "type": "bytes"}]
}


class Entry(NamedTuple):
    """One market's price in a report: WAD quote, confidence in 1e-5, basis in 1e-6."""

    market: int
    price: int
    confidence: int = 0
    basis: int = 0


class Report(NamedTuple):
    """A report as `RiskEngine.update` takes it."""

    round: int
    payload: bytes
    signature: bytes


def encode_price(price: int) -> tuple[int, int]:
    """Mantissa and exponent of a price in WAD: the smallest exponent, low bits dropped; ValueError out of bounds."""
    in_range("price", price, MIN_PRICE, MAX_PRICE)
    field = encode_field(price)
    return field & (1 << MANTISSA_BITS) - 1, field >> MANTISSA_BITS


def encode_entry(entry: Entry) -> bytes:
    """The 32 bytes of an entry; ValueError where a field does not fit."""
    mantissa, exponent = encode_price(entry.price)
    in_range("confidence", entry.confidence, 0, 2**16 - 1)
    in_range("basis", entry.basis, -(2**19), 2**19 - 1)
    in_range("market", entry.market, 0, 2**8 - 1)
    word = mantissa | exponent << 48 | entry.confidence << 54 | (entry.basis & (2**20 - 1)) << 70 | entry.market << 90
    return word.to_bytes(ENTRY_BYTES, "big")


def encode_payload(entries: Iterable[Entry]) -> bytes:
    """The entries one after the other, as signed; ValueError for none, or for more than an update can take."""
    encoded = [encode_entry(entry) for entry in entries]
    in_range("entries", len(encoded), 1, MAX_ENTRIES)
    return b"".join(encoded)


def report_hash(round_: int, payload: bytes, chain_id: int, engine: str) -> bytes:
    """The digest a signer signs."""
    message = _signable(round_, payload, chain_id, engine)
    return keccak(b"\x19" + message.version + message.header + message.body)


def sign_payload(round_: int, payload: bytes, chain_id: int, engine: str, key: str | bytes) -> Report:
    """Sign a payload as it is: 65 bytes, r ‖ s ‖ v with v 27 or 28."""
    signed = Account.sign_message(_signable(round_, payload, chain_id, engine), key)
    return Report(round_, payload, bytes(signed.signature))


def sign_report(entries: Iterable[Entry], round_: int, chain_id: int, engine: str, key: str | bytes) -> Report:
    """One signer's report of a round (round · ROUND is its time) for the RiskEngine at `engine`."""
    return sign_payload(round_, encode_payload(entries), chain_id, engine, key)


def _signable(round_: int, payload: bytes, chain_id: int, engine: str) -> SignableMessage:
    domain = {"name": "Plimsoll", "version": "1", "chainId": chain_id, "verifyingContract": engine}
    return encode_typed_data(domain, REPORT_TYPE, {"round": round_, "payload": payload})
