# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title A price feed that answers with any bytes at all, or burns the gas it is given
@license AGPL-3.0-only
@dev Only tests deploy it.
"""

decimals: public(uint256)
data: Bytes[512]
burning: bool


@deploy
def __init__(decimals_: uint256):
    self.decimals = decimals_


@external
def set_decimals(decimals_: uint256):
    self.decimals = decimals_


@external
def set_data(data: Bytes[512]):
    """
    @notice What `latestRoundData` returns, byte for byte.
    """
    self.data = data


@external
def set_burning(burning: bool):
    self.burning = burning


@external
@view
@raw_return
def latestRoundData() -> Bytes[512]:
    if self.burning:
        hash: bytes32 = empty(bytes32)
        for _: uint256 in range(1_000_000):
            hash = keccak256(hash)
    return self.data
