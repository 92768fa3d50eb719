"""Orders signed for the Exchange, as the contract takes them and as the model does."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from eth_keys import keys
from eth_utils.crypto import keccak

from keeper.model.exchange import Signed
from keeper.model.orders import Order
from tests.model.chain import number, sign, word

ORDER_TYPE = keccak(
    text="Order(uint256 account,uint256 market,int256 size,uint256 price,uint256 max_fee,uint256 expiry,"
    "uint256 nonce,bool reduce_only,uint256 taker)"
)


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """One order with the signature's bytes, and what they say in the model's terms."""

    model: Signed
    signature: bytes

    @property
    def order(self) -> Order:
        """What was signed."""
        return self.model.order

    @property
    def call(self) -> tuple[tuple[object, ...], bytes]:
        """The contract's two arguments."""
        return astuple(self.order), self.signature


def sign_order(order: Order, separator: bytes, key: keys.PrivateKey, by_contract: bool = False) -> SignedOrder:
    """Sign with a key; `by_contract`: the account's owner is a wallet contract that this key speaks for."""
    struct_hash = keccak(ORDER_TYPE + b"".join(word(int(value)) for value in astuple(order)))
    digest, signature = sign(separator, struct_hash, key)
    return SignedOrder(Signed(order, digest, number(key.public_key.to_address()), by_contract), signature)


def spoiled(signed: SignedOrder) -> SignedOrder:
    """The order with a signature too short to be anybody's."""
    return SignedOrder(Signed(signed.order, signed.model.hash, 0), signed.signature[:64])
