# pragma version ~=0.4.3
"""
@title The accounts' and the markets' words: headers, spot balances, positions, books
@license AGPL-3.0-only
@dev Layouts are those of docs/exact.md, section 1. Words are re-read while warm rather than carried about in memory.
"""
from ..interfaces import IClearinghouse
from . import account as account_words
from . import interest
from . import refusal
from . import rounding

MARKETS: constant(uint256) = 64
SIZE_MAX: constant(uint256) = 10**33

_HELD_MAX: constant(uint256) = 16
_SIZE_MAX: constant(int256) = 10**33
_COST_MAX: constant(int256) = 10**36
_WAD: constant(int256) = 10**18
_LOW_128: constant(uint256) = 2**128 - 1

# Cash principal and the maps of what an account holds.
headers: HashMap[uint256, uint256]
# Spot balance of (account, market), WAD base.
spots: HashMap[uint256, HashMap[uint256, uint256]]
# Size and cost of (account, market).
positions: HashMap[uint256, HashMap[uint256, uint256]]
# Σ cost and Σ |size| of a market: what its losers have paid in, and its open interest.
books: HashMap[uint256, uint256]
# Σ spot balances of a market, WAD base.
spot_totals: HashMap[uint256, uint256]


@internal
@view
def is_held(account: uint256, market: uint256) -> bool:
    """
    @notice Whether a position of an account makes its market one held: with size, or with a cost to pay.
    """
    size: int256 = 0
    cost: int256 = 0
    size, cost = self.position_of(account, market)
    return size != 0 or cost > 0


@internal
@view
def position_of(account: uint256, market: uint256) -> (int256, int256):
    """
    @notice Size (WAD base) and cost (WAD quote) of a position.
    """
    return account_words.unpack_position(self.positions[account][market])


@internal
@view
def cash_at(account: uint256, supply: uint256, borrow: uint256) -> int256:
    """
    @notice An account's cash at these indices (WAD quote).
    """
    return interest.cash_of(account_words.principal_of(self.headers[account]), supply, borrow)


@internal
def change_cash(money: interest.Money, account: uint256, change: int256) -> interest.Money:
    """
    @notice Adds to, or takes from, an account's cash (WAD quote).
    """
    header: uint256 = self.headers[account]
    principal: int256 = 0
    after: interest.Money = money
    after, principal = interest.changed(money, account_words.principal_of(header), change)
    self.headers[account] = self._with_principal(header, principal)
    return after


@internal
def write_position(
    money: interest.Money, account: uint256, market: uint256, size: int256, cost: int256, change: int256
) -> interest.Money:
    """
    @notice Writes a position (WAD base, WAD quote), and changes the account's cash by `change` in the same header write.
    @dev Refuses: `clearinghouse: size out of bounds`, `clearinghouse: too many markets`, `clearinghouse: cash out of bounds`.
    """
    header: uint256 = self.headers[account]
    held: uint256 = header >> 192
    perps: uint256 = self.put_position(account, market, size, cost, held)
    if perps != held:
        header ^= unsafe_mul(perps ^ held, 2**192)
        self.check_markets(account_words.spots_of(header) | perps)
    principal: int256 = 0
    after: interest.Money = money
    after, principal = interest.changed(money, account_words.principal_of(header), change)
    self.headers[account] = self._with_principal(header, principal)
    return after


@internal
def put_position(account: uint256, market: uint256, size: int256, cost: int256, perps: uint256) -> uint256:
    """
    @notice Writes a position's word.
    @return The map of positions with it: bit set while the word is not 0.
    """
    self.check_size(size <= _SIZE_MAX and size >= -_SIZE_MAX and cost <= _COST_MAX and cost >= -_COST_MAX)
    # Within these bounds both fit their 128 bits; the shift drops a sign's extension.
    word: uint256 = self._halves(size, cost)
    self.positions[account][market] = word
    if word == 0:
        return perps & ~(1 << market)
    return perps | (1 << market)


@internal
def put_spot(account: uint256, market: uint256, balance: uint256, spots: uint256) -> uint256:
    """
    @notice Writes a spot balance (WAD base).
    @return The map of spot balances with it: bit set while the balance is not 0.
    """
    self.check_size(balance <= SIZE_MAX)
    self.spots[account][market] = balance
    if balance == 0:
        return spots & ~(1 << market)
    return spots | (1 << market)


@internal
@pure
def check_market(market: uint256):
    """
    @notice Refuses a number that no market can have: `clearinghouse: unknown market`.
    """
    if market >= MARKETS:
        refusal.refuse(refusal.UNKNOWN_MARKET)


@internal
@pure
def check_markets(markets: uint256):
    """
    @notice Refuses so many markets in an account that liquidating it could fail for gas:
            `clearinghouse: too many markets`.
    """
    if account_words.count(markets) > _HELD_MAX:
        refusal.refuse(refusal.TOO_MANY_MARKETS)


@internal
@pure
def check_size(fits: bool):
    """
    @notice Refuses what is beyond its bound: `clearinghouse: size out of bounds`.
    """
    if not fits:
        refusal.refuse(refusal.SIZE_OUT_OF_BOUNDS)


@internal
@view
def words_of(
    account: uint256, spots: uint256, perps: uint256, market: uint256, position: uint256
) -> DynArray[uint256, 32]:
    """
    @notice An account's words in rising order of market, spot before position, with `position` in place of the word
            of `market` (64: of none).
    """
    words: DynArray[uint256, 32] = []
    rest: uint256 = spots | perps
    for _: uint256 in range(_HELD_MAX):
        if rest == 0:
            break
        held: uint256 = account_words.lowest(rest)
        bit: uint256 = 1 << held
        rest ^= bit
        if spots & bit != 0:
            words.append(self.spots[account][held])
        if perps & bit != 0:
            if held == market:
                words.append(position)
            else:
                words.append(self.positions[account][held])
    return words


@internal
@pure
def value_of(size: int256, cost: int256, unit_value: int256) -> int256:
    """
    @notice What a position would pay if settled (WAD quote), rounded toward minus infinity.
    @param unit_value Mark less cumulative funding, WAD quote a unit.
    """
    # |size| is below 1e33 by its bound, |unit value| below 1e28: it cannot wrap.
    return unsafe_sub(rounding.floor_div(unsafe_mul(size, unit_value), _WAD), cost)


@internal
@view
def book_of(market: uint256) -> (int256, uint256):
    """
    @notice Σ cost (WAD quote) and Σ |size| (WAD base) of a market.
    """
    book: uint256 = self.books[market]
    return convert(convert(book << 128, bytes32), int256) >> 128, book >> 128


@internal
def write_book(market: uint256, cost: int256, size: uint256):
    """
    @notice Writes a market's book where it changed, and logs it.
    @dev Both are sums over balances bounded far below 2^127 each; the check is for what nobody foresaw.
    """
    self.check_size(size <= _LOW_128 and cost <= 2**127 - 1 and cost >= -(2**127))
    book: uint256 = self._halves(cost, convert(size, int256))
    if book != self.books[market]:
        self.books[market] = book
        log IClearinghouse.BookChanged(market=market, book=book)


@internal
@pure
def _halves(low: int256, high: int256) -> uint256:
    """
    @dev A word of two halves that fit; the shift drops the upper one's sign extension.
    """
    return (convert(convert(high, bytes32), uint256) << 128) | (convert(convert(low, bytes32), uint256) & _LOW_128)


@internal
@pure
def with_maps(header: uint256, spots: uint256, perps: uint256) -> uint256:
    """
    @notice A header with other maps of what the account holds.
    """
    return (perps << 192) | (spots << 128) | (header & _LOW_128)


@internal
@pure
def _with_principal(header: uint256, principal: int256) -> uint256:
    """
    @dev A header with another principal. Cash within its bound is far below 2^127 at any index.
    """
    return ((header >> 128) << 128) | (convert(convert(principal, bytes32), uint256) & _LOW_128)


@internal
def log_account(account: uint256, act: uint256, changed: uint256, words: DynArray[uint256, 32]):
    """
    @notice Logs the absolute state of an account after an act.
    """
    log IClearinghouse.AccountChanged(
        account=account, act=act, header=self.headers[account], changed=changed, words=words
    )


@internal
def log_cash(account: uint256, act: uint256):
    """
    @notice Logs an account of which only the header changed.
    """
    self.log_account(account, act, 0, empty(DynArray[uint256, 32]))
