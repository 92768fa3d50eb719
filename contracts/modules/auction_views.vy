# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What anyone may read of the auction
@license AGPL-3.0-only
@dev Locked while an act is under way, as the acts are: the pragma counts for this file alone.
"""
from . import sightings
from . import standing

uses: sightings
uses: standing

_TERMS_BITS: constant(uint256) = 240
_TERMS_MASK: constant(uint256) = 2**240 - 1


@external
@view
def run(account: uint256) -> uint256:
    """
    @notice The word of an account's run, as stored: one whose last sighting is older than the grace has ended.
    """
    return sightings.runs[account]


@external
@view
def entry(account: uint256) -> uint256:
    """
    @notice The loss that an account was last known to bring (WAD quote).
    """
    return sightings.entries[account]


@external
@view
def curve(id: uint256) -> uint256:
    """
    @notice The word of a curve; 0 for an id that is not used.
    """
    return sightings.curves[id]


@external
@view
def curve_count() -> uint256:
    """
    @notice How many curves there are; the last is the one that new runs follow.
    """
    return (sightings.settings >> _TERMS_BITS) + 1


@external
@view
def terms() -> uint256:
    """
    @notice The word of terms.
    """
    return sightings.settings & _TERMS_MASK


@external
@view
def limits() -> uint256:
    """
    @notice The word of the vault's limits.
    """
    return sightings.limits


@external
@view
def vault_left() -> uint256:
    """
    @notice What the vault may still pay of λ in this epoch for accounts that have equity left (WAD quote).
    """
    return sightings.left()


@external
@view
def standing_bid(id: uint256) -> (uint256, uint256, uint256):
    """
    @return Whom a standing bid is for (0: there is none), the least it takes, and its word (0: off the book).
    """
    detail: uint256 = standing.details[id]
    word: uint256 = 0
    if detail >> 128 != 0:
        word = standing.places[((detail >> 128) & (2**32 - 1)) - 1]
    return standing.takers[id], detail & (2**128 - 1), word


@external
@view
def standing_book() -> DynArray[uint256, 64]:
    """
    @notice Words of the standing bids on the book, in no order.
    """
    return standing.book()
