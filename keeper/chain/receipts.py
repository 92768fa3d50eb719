"""What a block's hash vouches for: its header, and through the header's root every receipt and log in it."""

from __future__ import annotations

from typing import Any

import rlp
from eth_utils.crypto import keccak
from trie import HexaryTrie

from keeper.chain.types import LinkError

HEADER = (
    ("parentHash", 32),
    ("sha3Uncles", 32),
    ("miner", 20),
    ("stateRoot", 32),
    ("transactionsRoot", 32),
    ("receiptsRoot", 32),
    ("logsBloom", 256),
    ("difficulty", 0),
    ("number", 0),
    ("gasLimit", 0),
    ("gasUsed", 0),
    ("timestamp", 0),
    ("extraData", -1),
    ("mixHash", 32),
    ("nonce", 8),
)
"""In the order of the header's RLP: bytes of that length, 0 for an integer, -1 for bytes of any length."""
LATER = (
    ("baseFeePerGas", 0),
    ("withdrawalsRoot", 32),
    ("blobGasUsed", 0),
    ("excessBlobGas", 0),
    ("parentBeaconBlockRoot", 32),
    ("requestsHash", 32),
)
"""What forks have added; a header has them up to the newest fork it knows."""


def _field(value: str, length: int) -> bytes | int:
    if length == 0:
        return int(value, 16)
    read = bytes.fromhex(value[2:])
    if length > 0 and len(read) != length:
        raise ValueError(f"{len(read)} bytes where {length} should be")
    return read


def header_hash(block: dict[str, Any]) -> str:
    """The hash of a block object's header. Raises LinkError where a field is missing or wrong."""
    try:
        fields = [_field(block[name], length) for name, length in HEADER]
        fields += [_field(block[name], length) for name, length in LATER if block.get(name) is not None]
    except (KeyError, TypeError, ValueError) as error:
        raise LinkError(f"not a block header: {error!r}") from error
    return "0x" + keccak(rlp.encode(fields)).hex()


def _encoded(receipt: dict[str, Any]) -> bytes:
    logs = [
        [
            bytes.fromhex(entry["address"][2:]),
            [bytes.fromhex(topic[2:]) for topic in entry["topics"]],
            bytes.fromhex(entry["data"][2:]),
        ]
        for entry in receipt["logs"]
    ]
    # Before Byzantium a receipt had a state root instead of a status.
    first = int(receipt["status"], 16) if "status" in receipt else bytes.fromhex(receipt["root"][2:])
    body = rlp.encode([first, int(receipt["cumulativeGasUsed"], 16), bytes.fromhex(receipt["logsBloom"][2:]), logs])
    kind = int(receipt.get("type") or "0x0", 16)
    return bytes([kind]) + body if kind else bytes(body)


def receipts_root(receipts: list[dict[str, Any]]) -> str:
    """The root of a block's receipts, in order. Raises LinkError where one cannot be read."""
    trie = HexaryTrie({})
    try:
        for receipt in receipts:
            trie[rlp.encode(int(receipt["transactionIndex"], 16))] = _encoded(receipt)
    except (KeyError, TypeError, ValueError) as error:
        raise LinkError(f"not a receipt: {error!r}") from error
    return "0x" + trie.root_hash.hex()


def proved_logs(block: dict[str, Any], receipts: list[dict[str, Any]], block_hash: str) -> list[dict[str, Any]]:
    """All logs of the block with this hash, proved by it. Raises LinkError where header or receipts are not of it."""
    if header_hash(block) != block_hash:
        raise LinkError(f"the header is not that of block {block_hash}")
    if receipts_root(receipts) != block["receiptsRoot"]:
        raise LinkError(f"the receipts are not those of block {block_hash}")
    return [entry for receipt in receipts for entry in receipt["logs"]]
