"""Who signed the orders of an act: recovered here from its arguments, whatever contracts and model make of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from eth_abi.abi import decode
from eth_keys import keys
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak

from tests.model.chain import number, word
from tests.model.signing import ORDER_TYPE

if TYPE_CHECKING:
    from tests.model.world import World

ORDER = "(uint256,uint256,int256,uint256,uint256,uint256,uint256,bool,uint256)"
FILL = (ORDER, "bytes", "uint256", "uint256", "uint256")
STEP_FILL = 6


class Orders:
    """The orders among an act's arguments."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.contract_keys: dict[int, int] = {}
        """Wallets that are contracts, with the one key that they take for their own."""

    def accounts(self, function: str, args: tuple[Any, ...]) -> set[int]:
        """Accounts whose owners, or operators of theirs, signed an order that the act names."""
        return {order[0] for order, signature in self._orders(function, args) if self._is_signed(order, signature)}

    def _orders(self, function: str, args: tuple[Any, ...]) -> Iterator[tuple[Any, bytes]]:
        if function == "fill":
            yield args[0], args[1]
        elif function == "cross":
            yield args[0], args[1]
            yield args[2], args[3]
        elif function == "match":
            yield from ((order, signature) for order, signature, _ in args[2])
        elif function == "batch":
            for step in args[1]:
                if step[0] == STEP_FILL:
                    order, signature, *_ = decode(FILL, step[5][4:])
                    yield order, signature

    def _is_signed(self, order: Any, signature: bytes) -> bool:
        owner = order[0] >> 96
        if len(signature) != 65:
            return False
        struct_hash = keccak(ORDER_TYPE + b"".join(word(int(value)) for value in order))
        digest = keccak(b"\x19\x01" + self.world.order_domain + struct_hash)
        try:
            plain = keys.Signature(signature[:64] + bytes([signature[64] - 27]))
            signer = number(plain.recover_public_key_from_msg_hash(digest).to_address())
        except (BadSignature, ValueError):
            return False
        if signer in (owner, self.contract_keys.get(owner)):
            return True
        return self.world.model.clearinghouse.operators[owner, signer]
