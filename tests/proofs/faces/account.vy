# pragma version ~=0.4.3
"""
@title What holds of an account's words, for every word there is
@license AGPL-3.0-only
"""
from contracts.modules import account

_LOW_64: constant(uint256) = 2**64 - 1


@internal
@pure
def _int128(word: uint256) -> int256:
    # Any number of 128 bits, from the top of an unknown word.
    return convert(convert(word, bytes32), int256) >> 128


@external
@pure
def check_header__unpacked__is_what_it_was(principal: uint256, spots: uint256, perps: uint256) -> bool:
    """
    @dev Every principal of 128 bits and every map of 64 markets is packed, comes back, and leaves the others alone.
    """
    word: uint256 = account.pack_header(self._int128(principal), spots >> 192, perps >> 192)
    return (
        account.principal_of(word) == self._int128(principal)
        and account.spots_of(word) == spots >> 192
        and word >> 192 == perps >> 192
    )


@external
@pure
def check_header__of_any_word__is_packed_again(word: uint256) -> bool:
    """
    @dev The three fields are all of the word: none overlaps another, no bit is nobody's.
    """
    return account.pack_header(account.principal_of(word), account.spots_of(word), word >> 192) == word


@external
@pure
def check_header__packed__is_in_range(principal: int256, spots: uint256, perps: uint256) -> bool:
    """
    @dev Whatever does not revert was in range.
    """
    word: uint256 = account.pack_header(principal, spots, perps)
    return (
        principal >= -(2**127)
        and principal < 2**127
        and spots <= _LOW_64
        and perps <= _LOW_64
        and account.principal_of(word) == principal
    )


@external
@pure
def check_position__unpacked__is_what_it_was(size: uint256, cost: uint256) -> bool:
    """
    @dev Sizes and costs of 128 bits come back, negative ones too.
    """
    size_after: int256 = 0
    cost_after: int256 = 0
    size_after, cost_after = account.unpack_position(account.pack_position(self._int128(size), self._int128(cost)))
    return size_after == self._int128(size) and cost_after == self._int128(cost)


@external
@pure
def check_position__of_any_word__is_packed_again(word: uint256) -> bool:
    """
    @dev Size and cost are all of the word.
    """
    size: int256 = 0
    cost: int256 = 0
    size, cost = account.unpack_position(word)
    return account.pack_position(size, cost) == word


@external
@pure
def check_position__packed__is_in_range(size: int256, cost: int256) -> bool:
    """
    @dev Whatever does not revert was in range.
    """
    word: uint256 = account.pack_position(size, cost)
    return (
        max(size, cost) < 2**127
        and min(size, cost) >= -(2**127)
    )


@external
@pure
def check_owner__is_the_upper_part_of_the_id(id: uint256, other: uint256) -> bool:
    """
    @dev Two accounts have one owner exactly where their upper 160 bits agree.
    """
    same: bool = account.owner_of(id) == account.owner_of(other)
    return same == (id >> 96 == other >> 96) and convert(account.owner_of(id), uint256) == id >> 96


@external
@pure
def check_lowest__is_the_lowest_bit(map: uint256) -> bool:
    """
    @dev Of a map of 64 markets that is not empty: its bit is set, and none below it.
    """
    bits: uint256 = map >> 192
    if bits == 0:
        return True
    lowest: uint256 = account.lowest(bits)
    return lowest < 64 and (bits >> lowest) & 1 == 1 and bits & ((1 << lowest) - 1) == 0


@external
@pure
def check_count__of_a_bit_more__is_one_more(map: uint256) -> bool:
    """
    @dev Taking the lowest bit away takes one from the count, and an empty map counts none: with that the count of every
         map is its number of bits.
    """
    bits: uint256 = map >> 192
    if bits == 0:
        return account.count(bits) == 0
    return account.count(bits) == account.count(bits & (bits - 1)) + 1
