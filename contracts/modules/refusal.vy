# pragma version ~=0.4.3
"""
@title The one place that reverts with a reason
@license AGPL-3.0-only
@dev An assert with a reason is some 130 bytes of code wherever it stands; a condition that calls this is half of that,
     and no dearer while it holds.
"""


@internal
@pure
def refuse(reason: String[48]):
    """
    @notice Reverts with `reason`, which is never empty.
    """
    # A plain raise would do, but Venom cannot generate a function that has no end.
    assert len(reason) == 0, reason
