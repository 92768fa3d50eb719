"""What a receipt tells: what its transaction cost, and what its bids bought."""

from __future__ import annotations

from typing import Any

from keeper.chain.events import KNOWN, READERS, WORD, topic
from keeper.chain.types import number
from keeper.store.journal import Cost, Sale

TAKEN = next(topic(signature) for signature in KNOWN if signature.startswith("Taken("))


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
        if entry["topics"] and entry["topics"][0] == TAKEN:
            data = bytes.fromhex(entry["data"][2:])
            words = [int.from_bytes(data[at : at + WORD], "big") for at in range(0, len(data), WORD)]
            taken = READERS[TAKEN]([int(word, 16) for word in entry["topics"][1:]], words)
            told = {name: value for name, value in taken._asdict().items() if name != "clipped"}
            found.append(Sale(**told))
    return found
