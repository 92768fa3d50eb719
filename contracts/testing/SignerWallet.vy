# pragma version ~=0.4.3
"""
@title A wallet that is a contract: EIP-1271 signatures, and every way in which they may go wrong
@license AGPL-3.0-only
@dev Only tests deploy it. The owner makes it act through `execute`. Modes of `isValidSignature`: 0 honest (a hash approved
    before, or a signature of the owner's key), 1 says yes to everything, 2 says no, 3 burns all gas, 4 reverts,
    5 answers with fewer than 32 bytes, 6 answers yes and a page too much, 7 calls back and says yes if that call succeeded.
"""

MAGIC: constant(bytes4) = 0x1626ba7e

owner: public(immutable(address))

mode: public(uint256)
approved: public(HashMap[bytes32, bool])
target: public(address)  # who mode 7 calls
data: public(Bytes[4096])  # and with what


@deploy
def __init__(owner_: address):
    owner = owner_


@external
def set_mode(mode: uint256):
    self.mode = mode


@external
def approve_hash(hash: bytes32, approved: bool):
    assert msg.sender == owner, "wallet: not the owner"
    self.approved[hash] = approved


@external
def arm(target: address, data: Bytes[4096]):
    self.mode = 7
    self.target = target
    self.data = data


@external
@payable
def execute(target: address, data: Bytes[4096]) -> Bytes[4096]:
    assert msg.sender == owner, "wallet: not the owner"
    return raw_call(target, data, max_outsize=4096, value=msg.value)


@raw_return
@external
def isValidSignature(hash: bytes32, signature: Bytes[512]) -> Bytes[16_384]:
    mode: uint256 = self.mode
    yes: Bytes[32] = abi_encode(MAGIC)
    no: Bytes[32] = abi_encode(0xffffffff)
    if mode == 1:
        return yes
    if mode == 3:
        burnt: bytes32 = hash
        for _: uint256 in range(max_value(uint256)):
            burnt = keccak256(burnt)
        return yes
    if mode == 4:
        raise "wallet: no"
    if mode == 5:
        return slice(yes, 0, 4)
    if mode == 6:
        return abi_encode(MAGIC, empty(uint256[400]))
    if mode == 7:
        # A call that wants to write fails under a static call; whether it could have, decides.
        return yes if raw_call(self.target, self.data, revert_on_failure=False) else no
    if mode == 0 and (self.approved[hash] or self._signed_by_owner(hash, signature)):
        return yes
    return no


@internal
@view
def _signed_by_owner(hash: bytes32, signature: Bytes[512]) -> bool:
    if len(signature) != 65:
        return False
    r: uint256 = convert(slice(signature, 0, 32), uint256)
    s: uint256 = convert(slice(signature, 32, 32), uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    return ecrecover(hash, v, r, s) == owner
