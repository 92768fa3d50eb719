# pragma version ~=0.4.3
"""
@title Where tokens come in and go out: which they are, how they are scaled, how they are moved
@license AGPL-3.0-only
@dev Inside, amounts have 18 decimals; a token of d decimals counts 10^(18 − d) for each of its units, so nothing is
     lost here. A token may return nothing; one that returns false is refused, and so is what arrives short: a token
     may begin to keep a fee of each transfer after it was listed.
"""
from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

from ..interfaces import IClearinghouse
from . import refusal

_DECIMALS: constant(uint256) = 18

QUOTE: immutable(address)
QUOTE_SCALE: immutable(uint256)

# A market's collateral token, and its scale << 160; 0 where it has none.
spot_tokens: HashMap[uint256, uint256]
# Tokens that are some market's collateral: one token may not back two.
is_listed: HashMap[address, bool]


@deploy
def __init__(quote: address):
    """
    @notice Fixes the quote token.
    @dev Refuses more than 18 decimals: `clearinghouse: token decimals`.
    """
    QUOTE = quote
    QUOTE_SCALE = self._scale_of(staticcall IERC20Detailed(quote).decimals())


@internal
def list_spot(market: uint256, token: address):
    """
    @notice Gives a market its collateral token, for good.
    @dev Refuses: `clearinghouse: already listed`, `clearinghouse: token in use`, `clearinghouse: token decimals`.
    """
    if self.spot_tokens[market] != 0:
        refusal.refuse(refusal.ALREADY_LISTED)
    if token == QUOTE or self.is_listed[token]:
        refusal.refuse(refusal.TOKEN_IN_USE)
    decimals: uint8 = staticcall IERC20Detailed(token).decimals()
    self.spot_tokens[market] = (self._scale_of(decimals) << 160) | convert(token, uint256)
    self.is_listed[token] = True
    log IClearinghouse.SpotListed(market=market, token=token, decimals=convert(decimals, uint256))


@internal
@view
def spot_token(market: uint256) -> (address, uint256):
    """
    @notice A market's collateral token, and WAD for one unit of it.
    @dev Refuses a market without one: `clearinghouse: no spot market`.
    """
    word: uint256 = self.spot_tokens[market]
    if word == 0:
        refusal.refuse(refusal.NO_SPOT_MARKET)
    return convert(word & (2**160 - 1), address), word >> 160


@internal
def pull(token: address, amount: uint256):
    """
    @notice Takes units of a token from the caller, all of which must arrive.
    @dev Refuses: `clearinghouse: transfer failed`.
    """
    # That the token is a contract was seen when it was listed: its decimals were read.
    expected: uint256 = unsafe_add(self._held(token), amount)
    moved: bool = extcall IERC20(token).transferFrom(
        msg.sender, self, amount, default_return_value=True, skip_contract_check=True
    )
    self._check_moved(moved and self._held(token) >= expected)


@internal
def push(token: address, receiver: address, amount: uint256):
    """
    @notice Sends units of a token.
    """
    moved: bool = extcall IERC20(token).transfer(receiver, amount, default_return_value=True, skip_contract_check=True)
    self._check_moved(moved)


@internal
@view
def _held(token: address) -> uint256:
    return staticcall IERC20(token).balanceOf(self, skip_contract_check=True)


@internal
@pure
def _check_moved(moved: bool):
    if not moved:
        refusal.refuse(refusal.TRANSFER_FAILED)


@internal
@pure
def _scale_of(decimals: uint8) -> uint256:
    if convert(decimals, uint256) > _DECIMALS:
        refusal.refuse(refusal.TOKEN_DECIMALS)
    # At most 18, as was seen.
    return pow_mod256(10, unsafe_sub(_DECIMALS, convert(decimals, uint256)))
