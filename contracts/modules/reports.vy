# pragma version ~=0.4.3
"""
@title Reports: who signs prices, what a signature covers, what a round of them says
@license AGPL-3.0-only
@dev EIP-712 `Report(uint64 round,bytes payload)` over the domain ("Plimsoll", "1"); docs/exact.md, section 2.
"""

from snekmate.utils import eip712_domain_separator

uses: eip712_domain_separator

MAX_SIGNERS: constant(uint256) = 16
MAX_ENTRIES: constant(uint256) = 64

_REPORT_TYPE: constant(bytes32) = keccak256("Report(uint64 round,bytes payload)")

# One more than a signer's place in the list; 0 for all others.
_places: HashMap[address, uint256]
signers: DynArray[address, MAX_SIGNERS]
# How many reports an update has, no fewer and no more; 0 before there are signers.
threshold: uint256


@internal
def set_signers(signers: DynArray[address, MAX_SIGNERS], threshold: uint256):
    """
    @notice Replaces all signers.
    @param threshold Reports of an update: odd, so that a median is one of them.
    """
    valid: bool = threshold & 1 == 1 and threshold <= len(signers)
    for signer: address in self.signers:
        self._places[signer] = 0
    place: uint256 = 0
    for signer: address in signers:
        valid = valid and signer != empty(address) and self._places[signer] == 0
        place = unsafe_add(place, 1)  # at most 16
        self._places[signer] = place
    assert valid, "risk_engine: signers out of range"
    self.signers = signers
    self.threshold = threshold


@internal
@view
def check(round: uint256, payload_hash: bytes32, signature: Bytes[65], seen: uint256) -> uint256:
    """
    @notice Who has signed so far, this report's signer included.
    @param round The report's round, below 2^64.
    @param payload_hash Its payload's keccak256.
    @param seen A bit for each signer whose report came before: nobody counts twice.
    """
    struct_hash: bytes32 = keccak256(abi_encode(_REPORT_TYPE, round, payload_hash))
    signer: address = empty(address)
    if len(signature) == 65:
        signer = ecrecover(
            eip712_domain_separator._hash_typed_data_v4(struct_hash),
            convert(slice(signature, 64, 1), uint8),
            extract32(signature, 0),
            extract32(signature, 32),
        )
    place: uint256 = self._places[signer]
    # What recovers to nobody is nobody's: the zero address has no place.
    assert place != 0, "risk_engine: unknown signer"
    bit: uint256 = 1 << place
    assert seen & bit == 0, "risk_engine: signer twice"
    return seen | bit


@internal
@pure
def market_of(entry: uint256) -> uint256:
    """
    @notice The market an entry names.
    """
    return (entry >> 90) & 255


@internal
@pure
def median(values: DynArray[uint256, MAX_SIGNERS]) -> uint256:
    """
    @notice The middle one of an odd number of values.
    """
    # Sorted by insertion: the lists are short, and honest reports agree.
    ordered: DynArray[uint256, MAX_SIGNERS] = values
    for i: uint256 in range(1, len(values), bound=MAX_SIGNERS):
        value: uint256 = values[i]
        place: uint256 = i
        for _: uint256 in range(MAX_SIGNERS):
            if place == 0:
                break
            before: uint256 = ordered[unsafe_sub(place, 1)]
            if before <= value:
                break
            ordered[place] = before
            place = unsafe_sub(place, 1)
        ordered[place] = value
    return ordered[len(ordered) // 2]
