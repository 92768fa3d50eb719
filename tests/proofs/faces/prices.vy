# pragma version ~=0.4.3
"""
@title What holds of the words of prices, for every word there is
@license AGPL-3.0-only
"""
from contracts.modules import prices

_FUNDING: constant(uint256) = 2**126 - 2**54
_BASIS: constant(uint256) = 2**146 - 2**126
_GAP: constant(uint256) = 2**178 - 2**162
_GAP_AGE: constant(uint256) = 2**187 - 2**178


@external
@pure
def check_price__decoded__is_the_price_to_47_bits(price: uint256) -> bool:
    """
    @dev A price below 2^111 loses less than 2^-47 of itself, downward, and its encoding is 54 bits.
    """
    exact: uint256 = price >> 145
    if exact == 0:
        return True
    encoded: uint256 = prices.encode(exact)
    decoded: uint256 = prices.decode(encoded)
    return encoded < 2**54 and decoded <= exact and (exact - decoded) << 47 < exact


@external
@pure
def check_price__has_the_smallest_exponent(price: uint256) -> bool:
    """
    @dev 48 bits of mantissa, the upper one set unless the exponent is 0: no price has two encodings, and encoded prices sort
         as prices do.
    """
    exact: uint256 = price >> 145
    if exact == 0:
        return True
    encoded: uint256 = prices.encode(exact)
    exponent: uint256 = encoded >> 48
    if exponent == 0:
        return encoded == exact
    return exponent < 64 and (encoded >> 47) & 1 == 1 and encoded & (2**48 - 1) == exact >> exponent


@external
@pure
def check_fields__signed__are_written_as_they_are_read(word: uint256) -> bool:
    """
    @dev Funding, basis, gap and a gap's age, read with their signs and written back, are those bits and no other.
    """
    return (
        prices._field(prices._signed(word, 126, 72), 54, 72) == word & _FUNDING
        and prices._field(prices._signed(word, 146, 20), 126, 20) == word & _BASIS
        and prices._field(prices._signed(word, 178, 16), 162, 16) == word & _GAP
        and prices._field(prices._signed(word, 187, 9), 178, 9) == word & _GAP_AGE
    )


@external
@pure
def check_fields__of_their_width__come_back(funding: uint256, basis: uint256, gap: uint256, age: uint256) -> bool:
    """
    @dev Every number of 72, 20, 16 and 9 bits, negative ones too, is read as it was written.
    """
    numbers: int256[4] = [
        convert(convert(funding, bytes32), int256) >> 184,
        convert(convert(basis, bytes32), int256) >> 236,
        convert(convert(gap, bytes32), int256) >> 240,
        convert(convert(age, bytes32), int256) >> 247,
    ]
    word: uint256 = prices._field(numbers[0], 54, 72) | prices._field(numbers[1], 126, 20)
    word |= prices._field(numbers[2], 162, 16) | prices._field(numbers[3], 178, 9)
    return (
        prices._signed(word, 126, 72) == numbers[0]
        and prices._signed(word, 146, 20) == numbers[1]
        and prices._signed(word, 178, 16) == numbers[2]
        and prices._signed(word, 187, 9) == numbers[3]
        and prices.funding_of(word) == numbers[0]
    )


@external
@pure
def check_frozen__is_of_every_second(word: uint256, price: uint256) -> bool:
    """
    @dev A frozen market's word has its price, its funding, a time of all ones, and nothing else.
    """
    exact: uint256 = price >> 145
    if exact == 0:
        return True
    frozen: uint256 = prices.frozen(word, exact)
    return (
        frozen & _FUNDING == word & _FUNDING
        and prices.decode(frozen) == prices.decode(prices.encode(exact))
        and prices.time_of(frozen) == 2**32 - 1
        and frozen & ~(_FUNDING | (2**54 - 1)) == (2**32 - 1) << 187
    )
