# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Gas of one static call, whose storage is cold when the meter is what a transaction calls
@license AGPL-3.0-only
@dev Only benches deploy it.
"""


@external
def measure(target: address, data: Bytes[4096]) -> uint256:
    """
    @notice Gas between before and after the call: what the callee used, the cold access to it included.
    """
    before: uint256 = msg.gas
    raw_call(target, data, is_static_call=True)
    return before - msg.gas
