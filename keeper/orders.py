"""Orders of the Exchange: their EIP-712 hash and signature (docs/exact.md, section 6)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_utils.crypto import keccak

from keeper.model.orders import Order

FOREVER = 2**256 - 1
"""An expiry that never comes."""

ORDER_TYPE: dict[str, list[dict[str, str]]] = {
    "Order": [
        {"name": "account", "type": "uint256"},
        {"name": "market", "type": "uint256"},
        {"name": "size", "type": "int256"},
        {"name": "price", "type": "uint256"},
        {"name": "max_fee", "type": "uint256"},
        {"name": "expiry", "type": "uint256"},
        {"name": "nonce", "type": "uint256"},
        {"name": "reduce_only", "type": "bool"},
        {"name": "taker", "type": "uint256"},
    ]
}


def typed_data(order: Order, chain_id: int, exchange: str) -> dict[str, Any]:
    """The order as a wallet is asked to sign it (`eth_signTypedData_v4`, less the type of the domain)."""
    return {
        "domain": {"name": "Plimsoll", "version": "1", "chainId": chain_id, "verifyingContract": exchange},
        "types": ORDER_TYPE,
        "primaryType": "Order",
        "message": asdict(order),
    }


def order_hash(order: Order, chain_id: int, exchange: str) -> bytes:
    """The digest that is signed, and under which the contract logs fills; equals `Exchange.order_hash`."""
    message = _signable(order, chain_id, exchange)
    return keccak(b"\x19" + message.version + message.header + message.body)


def sign_order(order: Order, chain_id: int, exchange: str, key: str | bytes) -> bytes:
    """Sign as owner or operator of the order's account: 65 bytes, r ‖ s ‖ v with v 27 or 28."""
    return bytes(Account.sign_message(_signable(order, chain_id, exchange), key).signature)


def _signable(order: Order, chain_id: int, exchange: str) -> SignableMessage:
    data = typed_data(order, chain_id, exchange)
    return encode_typed_data(data["domain"], data["types"], data["message"])
