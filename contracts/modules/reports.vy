# pragma version ~=0.4.3
"""
@title Reports: who signs prices, what a signature covers, what a round of them says
@license AGPL-3.0-only
@dev EIP-712 `Report(uint64 round,bytes payload)` over the domain ("Plimsoll", "1"); docs/exact.md, section 2.
"""

from snekmate.utils import eip712_domain_separator

from . import engine_refusal as refusal
from . import prices
from . import slow_feed

uses: eip712_domain_separator

MAX_SIGNERS: constant(uint256) = 16
# Of an update: each report is kept in memory at its greatest length, and memory costs more the more there is of it.
MAX_REPORTS: constant(uint256) = 7
MAX_ENTRIES: constant(uint256) = 64

# The bounds of prices, encoded.
_LOWEST: constant(uint256) = slow_feed.LOWEST_PRICE
_HIGHEST: constant(uint256) = (slow_feed.HIGHEST_PRICE >> 42) | (42 << 48)
_LOW_16: constant(uint256) = 2**16 - 1
_LOW_20: constant(uint256) = 2**20 - 1
_LOW_36: constant(uint256) = 2**36 - 1
_SIGN: constant(uint256) = 2**19
_LOW_54: constant(uint256) = 2**54 - 1
_REPORT_TYPE: constant(bytes32) = keccak256("Report(uint64 round,bytes payload)")

# One more than a signer's place in the list; 0 for all others.
_places: HashMap[address, uint256]
signers: DynArray[address, MAX_SIGNERS]


@internal
def set_signers(signers: DynArray[address, MAX_SIGNERS], threshold: uint256):
    """
    @notice Replaces all signers.
    @param threshold Reports of an update: odd, so that a median is one of them.
    """
    valid: bool = threshold & 1 == 1 and threshold <= min(len(signers), MAX_REPORTS)
    for signer: address in self.signers:
        self._places[signer] = 0
    place: uint256 = 0
    for signer: address in signers:
        valid = valid and signer != empty(address) and self._places[signer] == 0
        place = unsafe_add(place, 1)  # at most 16
        self._places[signer] = place
    if not valid:
        refusal.refuse(refusal.SIGNERS_OUT_OF_RANGE)
    self.signers = signers


@internal
@view
def check(round: uint256, payload_hash: bytes32, signature: Bytes[65], separator: bytes32, seen: uint256) -> uint256:
    """
    @notice Who has signed so far, this report's signer included.
    @param round The report's round, below 2^64.
    @param payload_hash Its payload's keccak256.
    @param separator The domain's.
    @param seen A bit for each signer whose report came before: nobody counts twice.
    """
    signer: address = empty(address)
    if len(signature) == 65:
        signer = ecrecover(
            keccak256(concat(x"1901", separator, keccak256(abi_encode(_REPORT_TYPE, round, payload_hash)))),
            extract32(signature, 33, output_type=uint256) & 255,
            extract32(signature, 0),
            extract32(signature, 32),
        )
    place: uint256 = self._places[signer]
    # What recovers to nobody is nobody's: the zero address has no place.
    if place == 0:
        refusal.refuse(refusal.UNKNOWN_SIGNER)
    bit: uint256 = 1 << place
    if seen & bit != 0:
        refusal.refuse(refusal.SIGNER_TWICE)
    return seen | bit


@internal
@view
def separator() -> bytes32:
    """
    @notice The domain separator of this contract on this chain.
    """
    return eip712_domain_separator._domain_separator_v4()


@internal
@pure
def median_of_three(first: uint256, second: uint256, third: uint256) -> (uint256, uint256, uint256):
    """
    @notice As `median`, of three entries.
    """
    encoded: uint256 = self._middle(self._price(first), self._price(second), self._price(third))
    # Of what two agree on nobody need ask the third.
    if ((first ^ second) >> 54) & _LOW_36 == 0:
        return encoded, (first >> 54) & _LOW_16, ((first >> 70) & _LOW_20) ^ _SIGN
    return (
        encoded,
        self._middle((first >> 54) & _LOW_16, (second >> 54) & _LOW_16, (third >> 54) & _LOW_16),
        self._middle(self._key(first, 2), self._key(second, 2), self._key(third, 2)),
    )


@internal
@pure
def median(entries: uint256[MAX_REPORTS], count: uint256) -> (uint256, uint256, uint256):
    """
    @notice The medians of an odd number of entries: price as in the price word, confidence, and basis above its
            lowest (-2^19).
    """
    return self._median(entries, count, 0), self._median(entries, count, 1), self._median(entries, count, 2)


@internal
@pure
def _price(entry: uint256) -> uint256:
    # As in the price word: an exponent above 0 belongs to a mantissa of all 48 bits, so that prices sort as they are.
    encoded: uint256 = entry & _LOW_54
    if encoded >> 48 != 0 and encoded & 2**47 == 0:
        encoded = prices.encode(prices.decode(encoded))
    if unsafe_sub(encoded, _LOWEST) > _HIGHEST - _LOWEST:
        refusal.refuse(refusal.PRICE_OUT_OF_BOUNDS)
    return encoded


@internal
@pure
def _key(entry: uint256, field: uint256) -> uint256:
    # A number that rises with a field of an entry: price 0, confidence 1, basis 2.
    if field == 0:
        return self._price(entry)
    if field == 1:
        return (entry >> 54) & _LOW_16
    # With its sign bit turned over a basis sorts like an unsigned number.
    return ((entry >> 70) & _LOW_20) ^ _SIGN


@internal
@pure
def _middle(first: uint256, second: uint256, third: uint256) -> uint256:
    return max(min(first, second), min(max(first, second), third))


@internal
@pure
def _median(entries: uint256[MAX_REPORTS], count: uint256, field: uint256) -> uint256:
    # Sorted by insertion: the lists are short, and honest reports agree.
    ordered: uint256[MAX_REPORTS] = empty(uint256[MAX_REPORTS])
    for i: uint256 in range(count, bound=MAX_REPORTS):
        value: uint256 = self._key(entries[i], field)
        place: uint256 = i
        for _: uint256 in range(MAX_REPORTS):
            if place == 0:
                break
            before: uint256 = ordered[unsafe_sub(place, 1)]
            if before <= value:
                break
            ordered[place] = before
            place = unsafe_sub(place, 1)
        ordered[place] = value
    return ordered[count // 2]
