# pragma version ~=0.4.3
"""
@title Signed orders: their hash, and who may sign them
@license AGPL-3.0-only
@dev docs/exact.md, section 6.
"""
from snekmate.utils import eip712_domain_separator as eip712

from ..interfaces import IClearinghouse
from ..interfaces import IExchange
from . import account as account_words

uses: eip712

ORDER_TYPE: constant(bytes32) = keccak256(
    "Order(uint256 account,uint256 market,int256 size,uint256 price,uint256 max_fee,uint256 expiry,uint256 nonce,bool reduce_only,uint256 taker)"
)
VALID_SIGNATURE: constant(bytes32) = 0x1626ba7e00000000000000000000000000000000000000000000000000000000
SIGNATURE_GAS: constant(uint256) = 50_000


@internal
@view
def _hash(order: IExchange.Order) -> bytes32:
    """
    @notice The EIP-712 digest that a wallet signs.
    """
    return eip712._hash_typed_data_v4(keccak256(abi_encode(ORDER_TYPE, order)))


@internal
@view
def _is_signed(clearinghouse: IClearinghouse, account: uint256, digest: bytes32, signature: Bytes[512]) -> bool:
    """
    @notice Whether the owner of `account` or an operator of that owner signed `digest`.
    @dev The key is asked first, since a wallet may have both a key and code. A contract is asked by a static call
        that gets so much gas and so much room for an answer, and no more.
    """
    owner: address = account_words.owner_of(account)
    signer: address = self._recover(digest, signature)
    # A failed recovery is the zero address, which must never meet the accounts of owner 0.
    if signer != empty(address):
        if signer == owner or staticcall clearinghouse.is_allowed(account, signer):
            return True
    if not owner.is_contract:
        return False
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        owner,
        abi_encode(digest, signature, method_id=method_id("isValidSignature(bytes32,bytes)")),
        max_outsize=32,
        gas=SIGNATURE_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    return success and len(answer) == 32 and convert(answer, bytes32) == VALID_SIGNATURE


@internal
@pure
def _recover(digest: bytes32, signature: Bytes[512]) -> address:
    """
    @return The signer of a 65-byte signature, or the zero address. Both forms of `s` pass: what was filled is kept by
        order, never by signature.
    """
    if len(signature) != 65:
        return empty(address)
    r: uint256 = convert(slice(signature, 0, 32), uint256)
    s: uint256 = convert(slice(signature, 32, 32), uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    return ecrecover(digest, v, r, s)
