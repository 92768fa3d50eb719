# pragma version ~=0.4.3
"""
@title Words of an account: header, position and market maps
@license AGPL-3.0-only
@dev Layouts are those of docs/exact.md, section 1. A map has bit m set for market m, m < 64.
"""

_LOW_64: constant(uint256) = 2**64 - 1
_LOW_128: constant(uint256) = 2**128 - 1
_BY_2: constant(uint256) = _LOW_64 // 3  # 0x5555…
_BY_4: constant(uint256) = _LOW_64 // 5  # 0x3333…
_BY_8: constant(uint256) = _LOW_64 // 17  # 0x0f0f…
_ONES: constant(uint256) = _LOW_64 // 255  # 0x0101…
_LOWEST: constant(int256) = -(2**127)
_HIGHEST: constant(int256) = 2**127 - 1

# A sequence in which every window of 6 bits is another number: its product with 2^i has a top window
# (of 64 bits) that names i, and the two tables below, a byte an entry, turn that window into i.
_WINDOWS: constant(uint256) = 285870213051386505
_TABLE_LOW: constant(bytes32) = 0x050C12181E21272D162B3335243B373E04111D262A323A3D031C313902300100
_TABLE_HIGH: constant(bytes32) = 0x0607080D09130E190A1F14220F281A2E0B17202C153423361025293C1B382F3F


@internal
@pure
def owner_of(account: uint256) -> address:
    """
    @notice The wallet an account belongs to: it is part of the id.
    """
    return convert(account >> 96, address)


@internal
@pure
def principal_of(word: uint256) -> int256:
    """
    @notice Cash principal (WAD) of a header.
    """
    return convert(convert(word << 128, bytes32), int256) >> 128


@internal
@pure
def spots_of(word: uint256) -> uint256:
    """
    @notice Map of the markets that a header has spot in.
    """
    return (word >> 128) & _LOW_64


@internal
@pure
def pack_header(principal: int256, spots: uint256, perps: uint256) -> uint256:
    """
    @notice The header of a principal (WAD) and two maps.
    @dev Reverts where the principal is no int128 or a map is wider than 64 markets.
    """
    assert principal >= _LOWEST and principal <= _HIGHEST, "account: principal out of range"
    assert (spots | perps) <= _LOW_64, "account: market out of range"
    return (perps << 192) | (spots << 128) | (convert(convert(principal, bytes32), uint256) & _LOW_128)


@internal
@pure
def unpack_position(word: uint256) -> (int256, int256):
    """
    @notice Size (WAD base) and cost (WAD quote) of a position.
    """
    size: int256 = convert(convert(word << 128, bytes32), int256) >> 128
    return size, convert(convert(word, bytes32), int256) >> 128


@internal
@pure
def pack_position(size: int256, cost: int256) -> uint256:
    """
    @notice The word of a size (WAD base) and a cost (WAD quote).
    @dev Reverts where one of them is no int128.
    """
    assert size >= _LOWEST and size <= _HIGHEST, "account: size out of range"
    assert cost >= _LOWEST and cost <= _HIGHEST, "account: cost out of range"
    # The shift drops the sign's extension.
    return (convert(convert(cost, bytes32), uint256) << 128) | (convert(convert(size, bytes32), uint256) & _LOW_128)


@internal
@pure
def lowest(map: uint256) -> uint256:
    """
    @notice The lowest market of a map that is not empty; of an empty one it means nothing.
    """
    # Two's complement isolates the lowest bit, at most 2^63, and the product stays below 2^122: nothing
    # can overflow except as meant.
    window: uint256 = (unsafe_mul(map & unsafe_sub(0, map), _WINDOWS) >> 58) & 63
    if window < 32:
        return (convert(_TABLE_LOW, uint256) >> (window << 3)) & 63
    return (convert(_TABLE_HIGH, uint256) >> ((window & 31) << 3)) & 63


@internal
@pure
def count(map: uint256) -> uint256:
    """
    @notice How many markets a map of 64 names.
    """
    # Bits are added up in fields of 2, 4 and 8, none of which can overflow into its neighbour; the product
    # adds the eight bytes (at most 64) into the top one.
    pairs: uint256 = unsafe_sub(map, (map >> 1) & _BY_2)
    nibbles: uint256 = unsafe_add(pairs & _BY_4, (pairs >> 2) & _BY_4)
    octets: uint256 = unsafe_add(nibbles, nibbles >> 4) & _BY_8
    return (unsafe_mul(octets, _ONES) >> 56) & 255
