"""Where contracts will be: contracts that name each other for good are named before they are deployed."""

from __future__ import annotations

import rlp
from eth_utils.address import to_canonical_address, to_checksum_address
from eth_utils.crypto import keccak


def address_of(deployer: str, nonce: int) -> str:
    """The address of the contract that a deployer's transaction of this nonce makes."""
    return to_checksum_address(keccak(rlp.encode([to_canonical_address(deployer), nonce]))[-20:])


def addresses_after(deployer: str, nonce: int, count: int) -> list[str]:
    """The addresses of the contracts that the deployer's next transactions, from `nonce` on, make."""
    return [address_of(deployer, nonce + place) for place in range(count)]
