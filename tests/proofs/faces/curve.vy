# pragma version ~=0.4.3
"""
@title What holds of an auction's words, for every word there is
@license AGPL-3.0-only
"""
from contracts.modules import curve


@external
@pure
def check_run__of_any_word__is_packed_again(word: uint256) -> bool:
    """
    @dev The seven fields of a run are all of its word: none overlaps another, no bit is nobody's.
    """
    return curve.pack_run(curve.unpack_run(word)) == word


@external
@pure
def check_run__unpacked__is_what_it_was(
    opener: uint256, start: uint256, last: uint256, nonce: uint256, id: uint256, paid: uint256, listed: uint256
) -> bool:
    """
    @dev Fields within their widths come back; a nonce of any width goes round at 16 bits and touches no neighbour.
    """
    run: curve.Run = curve.Run(
        opener=convert(opener >> 96, address),
        start=start >> 224,
        last=last >> 224,
        nonce=nonce,
        curve=id >> 251,
        paid=paid >> 246,
        listed=listed >> 255 != 0,
    )
    back: curve.Run = curve.unpack_run(curve.pack_run(run))
    return (
        back.opener == run.opener
        and back.start == run.start
        and back.last == run.last
        and back.nonce == nonce % 65_536
        and back.curve == run.curve
        and back.paid == run.paid
        and back.listed == run.listed
    )


@external
@pure
def check_run__ended__keeps_nonce_curve_and_entry(word: uint256) -> bool:
    """
    @dev All else of an ended run is 0.
    """
    kept: uint256 = (2**16 - 1) << 224 | (2**6 - 1) << 240
    return curve.pack_run(curve.ended(curve.unpack_run(word))) == word & kept


@external
@pure
def check_curve__valid__is_three_rising_points(word: uint256) -> bool:
    """
    @dev Exactly the words of three points with times that rise, λ that never falls and is at most 1.
    """
    times: uint256[3] = [word & (2**32 - 1), (word >> 48) & (2**32 - 1), (word >> 96) & (2**32 - 1)]
    bps: uint256[3] = [(word >> 32) & (2**16 - 1), (word >> 80) & (2**16 - 1), (word >> 128) & (2**16 - 1)]
    expected: bool = (
        word < 2**144
        and times[0] < times[1]
        and times[1] < times[2]
        and bps[0] <= bps[1]
        and bps[1] <= bps[2]
        and bps[2] <= 10_000
    )
    return curve.is_valid(word) == expected
