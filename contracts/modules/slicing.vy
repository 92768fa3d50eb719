# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Slices: the same fraction of everything an account has, moved to another
@license AGPL-3.0-only
@dev docs/exact.md, section 5. Parts are rounded so that the taker's part and the account's rest always sum to what was
     there; a market's Σ cost cannot change, its Σ |size| only where the taker's position was opposite.
"""
from ..interfaces import IClearinghouse
from . import account as account_words
from . import interest
from . import ledger
from . import margin
from . import roles
from . import refusal
from . import rounding

uses: interest
uses: ledger
uses: margin
uses: roles

# A slice as the auction brings it; WAD.
struct Terms:
    account: uint256
    taker: uint256
    fraction: uint256
    taker_pays: int256  # below 0: the vault pays the taker
    account_gets: uint256
    opener: uint256
    opener_gets: uint256


# The maps of both accounts as markets move.
struct Maps:
    account_spots: uint256
    account_perps: uint256
    taker_spots: uint256
    taker_perps: uint256


_WAD: constant(int256) = 10**18
_WAD_UINT: constant(uint256) = 10**18
_ACT_GIVEN: constant(uint256) = 7
_ACT_TAKEN: constant(uint256) = 8
_ACT_VAULT: constant(uint256) = 9
_ACT_OPENER: constant(uint256) = 10


@external
def slice(
    account: uint256,
    taker: uint256,
    fraction: uint256,
    taker_pays: int256,
    account_gets: uint256,
    opener: uint256,
    opener_gets: uint256,
):
    """
    @notice The auction's way to move `fraction` (WAD) of all that an account has to a taker, who it tests afterwards.
            Nothing settles.
    @param taker_pays WAD quote; below 0 the vault pays the taker, and what it cannot pay all cash shares.
    @param account_gets WAD quote.
    @param opener Account that `opener_gets` (WAD quote) goes to.
    """
    if msg.sender != roles.AUCTION:
        refusal.refuse(refusal.NOT_THE_AUCTION)
    if account == taker:
        refusal.refuse(refusal.SAME_ACCOUNT)
    roles.check_owner(account)
    roles.check_owner(taker)
    if fraction == 0 or fraction > _WAD_UINT:
        refusal.refuse(refusal.FRACTION_OUT_OF_RANGE)
    margin.check_alone(account)
    self._slice(
        Terms(
            account=account,
            taker=taker,
            fraction=fraction,
            taker_pays=taker_pays,
            account_gets=account_gets,
            opener=opener,
            opener_gets=opener_gets,
        )
    )


@internal
def _slice(terms: Terms):
    """
    @dev Moves a fraction of cash, spot and positions of the account to the taker, and the quote between account, taker,
         opener and vault.
    """
    money: interest.Money = interest.load()
    changed: uint256 = self._move_markets(terms.account, terms.taker, convert(terms.fraction, int256))

    # Each header is read when it is its turn: opener and vault may be one of the accounts before them.
    part: int256 = self._cash_part(money, terms)
    money = ledger.change_cash(money, terms.account, convert(terms.account_gets, int256) - part)
    reward: int256 = convert(terms.opener_gets, int256)
    # What the auction hands over are parts of equities and requirements, of 150 bits and less.
    if terms.opener == terms.taker:
        part = unsafe_add(part, reward)
    money = ledger.change_cash(money, terms.taker, unsafe_sub(part, terms.taker_pays))
    if terms.opener != terms.taker and reward != 0:
        money = ledger.change_cash(money, terms.opener, reward)
    to_vault: int256 = unsafe_sub(unsafe_sub(terms.taker_pays, convert(terms.account_gets, int256)), reward)
    paid: uint256 = 0
    if to_vault > 0:
        money.reserve = unsafe_add(money.reserve, convert(to_vault, uint256))
    elif to_vault < 0:
        money, paid = self._draw(money, terms.account, convert(-to_vault, uint256))
    interest.store(money)

    # Logged once all is written, so that each account's event is its final state.
    self._log(terms.account, _ACT_GIVEN, changed)
    self._log(terms.taker, _ACT_TAKEN, changed)
    if paid != 0:
        ledger.log_cash(roles.vault_account(), _ACT_VAULT)
    if reward != 0 and terms.opener != terms.taker:
        ledger.log_cash(terms.opener, _ACT_OPENER)


@internal
def _draw(money: interest.Money, account: uint256, amount: uint256) -> (interest.Money, uint256):
    """
    @dev The vault pays: first what is its and not in its account yet, then its cash; what is left all lenders share.
    @return The money after it, and what the vault's account paid.
    """
    after: interest.Money = money
    rest: uint256 = unsafe_sub(amount, min(amount, money.reserve))
    after.reserve = unsafe_sub(money.reserve, unsafe_sub(amount, rest))
    if rest == 0:
        return after, 0
    vault: uint256 = roles.vault_account()
    paid: uint256 = min(rest, convert(max(ledger.cash_at(vault, money.supply, money.borrow), 0), uint256))
    after = ledger.change_cash(after, vault, -convert(paid, int256))
    if paid < rest:
        after = interest.share_loss(after, account, unsafe_sub(rest, paid))
    return after, paid


@internal
@view
def _cash_part(money: interest.Money, terms: Terms) -> int256:
    cash: int256 = ledger.cash_at(terms.account, money.supply, money.borrow)
    # Cash has 149 bits at most, a fraction 60.
    return rounding.floor_div(unsafe_mul(cash, convert(terms.fraction, int256)), _WAD)


@internal
def _move_markets(account: uint256, taker: uint256, fraction: int256) -> uint256:
    """
    @dev Moves spot and positions, and writes both accounts' maps.
    @return The markets of the account, spots | perps << 64.
    """
    header: uint256 = ledger.headers[account]
    taker_header: uint256 = ledger.headers[taker]
    changed: uint256 = header >> 128
    maps: Maps = Maps(
        account_spots=account_words.spots_of(header),
        account_perps=header >> 192,
        taker_spots=account_words.spots_of(taker_header),
        taker_perps=taker_header >> 192,
    )
    rest: uint256 = maps.account_spots
    for _: uint256 in range(16):
        if rest == 0:
            break
        market: uint256 = account_words.lowest(rest)
        rest &= unsafe_sub(rest, 1)
        maps = self._move_spot(maps, account, taker, market, convert(fraction, uint256))
    rest = maps.account_perps
    for _: uint256 in range(16):
        if rest == 0:
            break
        market: uint256 = account_words.lowest(rest)
        rest &= unsafe_sub(rest, 1)
        maps = self._move_position(maps, account, taker, market, fraction)
    ledger.check_markets(maps.taker_spots | maps.taker_perps)
    ledger.headers[account] = ledger.with_maps(header, maps.account_spots, maps.account_perps)
    ledger.headers[taker] = ledger.with_maps(taker_header, maps.taker_spots, maps.taker_perps)
    return changed


@internal
def _move_spot(maps: Maps, account: uint256, taker: uint256, market: uint256, fraction: uint256) -> Maps:
    """
    @dev The part is rounded down: dust stays with the account, and all of it moves at fraction 1.
    """
    balance: uint256 = ledger.spots[account][market]
    # Balances are at most 1e33, a fraction 1e18.
    part: uint256 = unsafe_mul(balance, fraction) // _WAD_UINT
    if part == 0:
        return maps
    after: Maps = maps
    after.account_spots = ledger.put_spot(account, market, unsafe_sub(balance, part), maps.account_spots)
    after.taker_spots = ledger.put_spot(taker, market, unsafe_add(ledger.spots[taker][market], part), maps.taker_spots)
    return after


@internal
def _move_position(maps: Maps, account: uint256, taker: uint256, market: uint256, fraction: int256) -> Maps:
    """
    @dev Size is rounded toward 0 and cost up, against the taker; a size of 0 left with cost is kept.
    """
    size: int256 = 0
    cost: int256 = 0
    size, cost = ledger.position_of(account, market)
    # Words have 128 bits and the fraction 60: nothing here can wrap. Vyper's division truncates.
    size_part: int256 = unsafe_mul(size, fraction) // _WAD
    cost_part: int256 = rounding.ceil_div(unsafe_mul(cost, fraction), _WAD)
    if size_part == 0 and cost_part == 0:
        return maps
    after: Maps = maps
    after.account_perps = ledger.put_position(
        account, market, unsafe_sub(size, size_part), unsafe_sub(cost, cost_part), maps.account_perps
    )
    size, cost = ledger.position_of(taker, market)
    after.taker_perps = ledger.put_position(
        taker, market, unsafe_add(size, size_part), unsafe_add(cost, cost_part), maps.taker_perps
    )
    # Σ |size| falls by what cancels, and is the same where the taker had no opposite position.
    cancelled: int256 = unsafe_sub(unsafe_add(abs(size), abs(size_part)), abs(unsafe_add(size, size_part)))
    if cancelled != 0:
        book_cost: int256 = 0
        book_size: uint256 = 0
        book_cost, book_size = ledger.book_of(market)
        # Both sizes that it is the overlap of are in the sum.
        ledger.write_book(market, book_cost, unsafe_sub(book_size, convert(cancelled, uint256)))
    return after


@internal
def _log(account: uint256, act: uint256, changed: uint256):
    """
    @dev Logs an account with its words of the markets in `changed`, zero or not.
    """
    low: uint256 = changed & (2**64 - 1)
    ledger.log_account(account, act, changed, ledger.words_of(account, low, changed >> 64, 64, 0))
