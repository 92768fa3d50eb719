# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What anyone may read of the Clearinghouse
@license AGPL-3.0-only
@dev Locked while an act is under way, as the acts are: the pragma counts for this file alone. What no act changes
     half-way is open.
"""
from ..interfaces import IRiskEngine
from . import door
from . import interest
from . import ledger
from . import margin
from . import roles

uses: door
uses: interest
uses: ledger
uses: margin
uses: roles


@external
@view
def assess(account: uint256) -> IRiskEngine.Assessment:
    """
    @notice Equity, requirement and interval of an account now (WAD quote).
    """
    margin.check_alone(account)
    supply: uint256 = 0
    borrow: uint256 = 0
    supply, borrow = interest.peek()
    return margin.assess(account, supply, borrow)


@external
@view
def require_initial(account: uint256):
    """
    @notice Refuses an account below initial margin, or with a late price; one in a batch is tested at its end.
    """
    if not roles.deferred[account]:
        supply: uint256 = 0
        borrow: uint256 = 0
        supply, borrow = interest.peek()
        margin.check_initial(margin.assess(account, supply, borrow))


@external
@view
@reentrant
def is_allowed(account: uint256, caller: address) -> bool:
    """
    @notice Whether a caller is an account's owner or an operator of the owner, or the batch that the account is in.
    """
    return roles.is_allowed(account, caller)


@external
@view
def book_of(account: uint256) -> (int256, uint256, DynArray[uint256, 32]):
    """
    @notice Cash now (WAD quote), maps and words of an account, as `IRiskEngine.assess` takes them.
    """
    maps: uint256 = ledger.headers[account] >> 128
    low: uint256 = maps & (2**64 - 1)
    return self._cash(account), maps, ledger.words_of(account, low, maps >> 64, ledger.MARKETS, 0)


@external
@view
def header(account: uint256) -> uint256:
    return ledger.headers[account]


@external
@view
def cash(account: uint256) -> int256:
    """
    @notice Cash now, WAD quote.
    """
    return self._cash(account)


@external
@view
def spot(account: uint256, market: uint256) -> uint256:
    return ledger.spots[account][market]


@external
@view
def position(account: uint256, market: uint256) -> uint256:
    return ledger.positions[account][market]


@external
@view
def market_book(market: uint256) -> uint256:
    return ledger.books[market]


@external
@view
def spot_total(market: uint256) -> uint256:
    return ledger.spot_totals[market]


@external
@view
@reentrant
def spot_token(market: uint256) -> address:
    return convert(door.spot_tokens[market] & (2**160 - 1), address)


@external
@view
@reentrant
def quote_token() -> address:
    return door.QUOTE


@external
@view
@reentrant
def quote_scale() -> uint256:
    return door.QUOTE_SCALE


@external
@view
def indices() -> uint256:
    return interest.indices


@external
@view
def accrued() -> (uint256, uint256, uint256):
    """
    @notice Indices, totals and custody as an act now would begin with.
    """
    return interest.words(interest.load())


@external
@view
def totals() -> uint256:
    return interest.totals


@external
@view
def custody() -> uint256:
    return interest.custody


@external
@view
def settings() -> uint256:
    return interest.settings


@external
@view
@reentrant
def is_venue(venue: address) -> bool:
    return roles.venues[venue]


@external
@view
@reentrant
def risk_engine() -> address:
    return margin.RISK.address


@external
@view
@reentrant
def auction() -> address:
    return roles.AUCTION


@external
@view
@reentrant
def vault() -> address:
    return roles.VAULT


@external
@view
@reentrant
def batch() -> address:
    return roles.BATCH


@internal
@view
def _cash(account: uint256) -> int256:
    supply: uint256 = 0
    borrow: uint256 = 0
    supply, borrow = interest.peek()
    return ledger.cash_at(account, supply, borrow)
