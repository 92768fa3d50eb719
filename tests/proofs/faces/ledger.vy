# pragma version ~=0.4.3
"""
@title What holds of the ledger's words, for every word there is
@license AGPL-3.0-only
"""
from contracts.modules import account
from contracts.modules import ledger


@internal
@pure
def _int128(word: uint256) -> int256:
    # Any number of 128 bits, from the top of an unknown word.
    return convert(convert(word, bytes32), int256) >> 128


@external
@pure
def check_maps__replaced__leave_the_principal(header: uint256, spots: uint256, perps: uint256) -> bool:
    """
    @dev A header with other maps is the header of the same principal and those maps.
    """
    after: uint256 = ledger.with_maps(header, spots >> 192, perps >> 192)
    return after == account.pack_header(account.principal_of(header), spots >> 192, perps >> 192)


@external
@pure
def check_principal__replaced__leaves_the_maps(header: uint256, principal: uint256) -> bool:
    """
    @dev A header with another principal of 128 bits keeps both maps.
    """
    after: uint256 = ledger._with_principal(header, self._int128(principal))
    return after == account.pack_header(self._int128(principal), account.spots_of(header), header >> 192)


@external
@pure
def check_halves__are_a_position(size: uint256, cost: uint256) -> bool:
    """
    @dev What is packed unchecked within the bounds of magnitude is what would be packed with checks.
    """
    word: uint256 = ledger._halves(self._int128(size), self._int128(cost))
    return word == account.pack_position(self._int128(size), self._int128(cost))
