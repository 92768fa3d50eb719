"""What a receipt tells: what its transaction cost, and what its bids bought."""

from __future__ import annotations

from typing import Any

from eth_utils.crypto import keccak

from keeper.chain.types import number
from keeper.store.journal import Cost, Sale

TAKEN = (
    "0x"
    + keccak(
        text="Taken(uint256,uint256,uint256,bool,int256,uint256,uint256,uint256,int256,uint256,uint256,int256)"
    ).hex()
)
SIGNED = 1 << 255


def cost_of(receipt: dict[str, Any], native_price: str) -> Cost:
    """Gas at the price paid; on a rollup with what its data cost on the chain below."""
    used, price = number(receipt.get("gasUsed")), number(receipt.get("effectiveGasPrice"))
    return Cost(used, price, used * price + number(receipt.get("l1Fee")), native_price)


def time_of(receipt: dict[str, Any]) -> int | None:
    """Of its block, where the node says it with the logs."""
    stamps = [entry["blockTimestamp"] for entry in receipt.get("logs", []) if entry.get("blockTimestamp")]
    return number(stamps[0]) if stamps else None


def sales_in(receipt: dict[str, Any]) -> list[Sale]:
    """The lots that were taken in it."""
    found = []
    for entry in receipt.get("logs", []):
        topics = entry["topics"]
        if not topics or topics[0] != TAKEN:
            continue
        data = entry["data"][2:]
        fraction, _, equity, requirement, lambda_account, lambda_taker, paid, got, opener, vault = (
            int(data[at : at + 64], 16) for at in range(0, 640, 64)
        )
        found.append(
            Sale(
                account=int(topics[1], 16),
                taker=int(topics[2], 16),
                fraction=fraction,
                equity=_signed(equity),
                requirement=requirement,
                lambda_account=lambda_account,
                lambda_taker=lambda_taker,
                taker_paid=_signed(paid),
                account_got=got,
                opener_got=opener,
                vault_got=_signed(vault),
            )
        )
    return found


def _signed(word: int) -> int:
    return word - (1 << 256) if word & SIGNED else word
