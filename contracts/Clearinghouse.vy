# pragma version ~=0.4.3
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Clearinghouse: custody, accounts, interest, trades and settlement
@custom:contract-name Clearinghouse
@license AGPL-3.0-only
@notice Holds all tokens and every account's words. Nobody's signature counts here: owners and operators act for
        themselves, venues bring trades, the auction brings slices, and solvency is checked here whoever comes.
@dev Words, arithmetic, the order of refusals and their strings: docs/exact.md, sections 1, 4 and 5. Amounts of tokens
     are in the token's units at the door; everything inside is in WAD. Rounding is against the account.
"""
from snekmate.auth import ownable
from snekmate.auth import ownable_2step

from .interfaces import IClearinghouse
from .interfaces import IRiskEngine
from .modules import account as account_words
from .modules import door
from .modules import interest
from .modules import ledger
from .modules import limits
from .modules import losses
from .modules import margin
from .modules import refusal
from .modules import roles
from .modules import settling
from .modules import slicing
from .modules import trading
from .modules import views

implements: IClearinghouse

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: interest
initializes: ledger
initializes: roles
initializes: door
initializes: losses[interest := interest, ledger := ledger, roles := roles]
initializes: margin[ledger := ledger, roles := roles]
initializes: limits[interest := interest, ledger := ledger, ownable := ownable, roles := roles]
initializes: settling[interest := interest, ledger := ledger, margin := margin]
initializes: trading[
    interest := interest, ledger := ledger, limits := limits, margin := margin, roles := roles, settling := settling
]
initializes: slicing[interest := interest, ledger := ledger, margin := margin, roles := roles]
initializes: views[door := door, interest := interest, ledger := ledger, margin := margin, roles := roles]

exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)

exports: (
    settling.settle,
    trading.trade,
    trading.relieve,
    slicing.slice,
    losses.change_entries,
    losses.entries,
    losses.exit_rate,
    limits.pause,
    limits.unpause,
    limits.guardian,
)

exports: (
    views.assess,
    views.require_initial,
    views.is_allowed,
    views.book_of,
    views.header,
    views.cash,
    views.spot,
    views.position,
    views.market_book,
    views.spot_total,
    views.spot_token,
    views.quote_token,
    views.quote_scale,
    views.indices,
    views.accrued,
    views.totals,
    views.custody,
    views.settings,
    views.is_venue,
    views.risk_engine,
    views.auction,
    views.vault,
    views.batch,
)

_SPOT: constant(uint256) = 4
_RETIRED: constant(uint256) = 32
_ACT_DEPOSIT: constant(uint256) = 1
_ACT_WITHDRAW: constant(uint256) = 2
_ACT_DEPOSIT_SPOT: constant(uint256) = 3
_ACT_WITHDRAW_SPOT: constant(uint256) = 4
_ACT_COLLECT: constant(uint256) = 11


@deploy
def __init__(
    quote_token_: address,
    risk_engine_: address,
    settings_: uint256,
    auction_: address,
    vault_: address,
    batch_: address,
):
    """
    @notice The deployer owns it.
    @param quote_token_ What cash is; at most 18 decimals.
    @param risk_engine_ Where requirements and prices come from.
    @param settings_ Settings word (docs/exact.md, section 1).
    @param auction_ Where the Auction will be; so `vault_` and `batch_`.
    """
    ownable.__init__()
    ownable_2step.__init__()
    door.__init__(quote_token_)
    margin.__init__(risk_engine_)
    interest.__init__(settings_)
    roles.__init__(auction_, vault_, batch_)


@external
def deposit(account: uint256, amount: uint256):
    """
    @notice Adds quote to any account; the caller pays.
    @param amount Units of the quote token; exact.
    """
    self._check_amount(account, amount)
    wad: uint256 = self._cash_wad(amount)
    money: interest.Money = interest.load()
    # The end of the act looks for what 128 bits do not hold.
    money.held = unsafe_add(money.held, wad)
    money = ledger.change_cash(money, account, convert(wad, int256))
    interest.store(money)
    ledger.log_cash(account, _ACT_DEPOSIT)
    door.pull(door.QUOTE, amount)


@external
def deposit_spot(account: uint256, market: uint256, amount: uint256):
    """
    @notice Adds collateral to an account; the caller pays. Anyone may add to what is there; only who acts for the
            account adds a market, not while it is in breach, and not if that lowers its health below initial margin.
    @param amount Units of the market's token; exact.
    """
    self._check_amount(account, amount)
    token: address = empty(address)
    wad: uint256 = 0
    token, wad = self._spot_wad(market, amount)
    money: interest.Money = interest.load()
    header: uint256 = ledger.headers[account]
    spots: uint256 = account_words.spots_of(header)
    perps: uint256 = header >> 192
    before: IRiskEngine.Assessment = empty(IRiskEngine.Assessment)
    added: bool = spots & (1 << market) == 0
    if added:
        if not roles.is_allowed(account, msg.sender):
            refusal.refuse(refusal.NOT_ALLOWED)
        ledger.check_markets(spots | perps | (1 << market))
        # A claim is no market held: its bit is set, but it has no share in the least requirement yet.
        if not roles.deferred[account] and not ledger.is_held(account, market):
            before = margin.assess(account, money.supply, money.borrow)
            margin.check_live(before.state)
            margin.check_breach(before)
    balance: uint256 = unsafe_add(ledger.spots[account][market], wad)  # both are within 1e33
    spots = ledger.put_spot(account, market, balance, spots)
    ledger.spot_totals[market] = unsafe_add(ledger.spot_totals[market], wad)
    ledger.headers[account] = ledger.with_maps(header, spots, perps)
    if before.mm != 0:
        margin.check_addition(before, margin.assess(account, money.supply, money.borrow))
    price: IRiskEngine.Price = staticcall margin.RISK.price(market)
    # At a frozen price tokens that are worth nothing any more would come in wherever a trace of them is held.
    if price.flags & _RETIRED != 0 or (added and price.flags & _SPOT == 0):
        refusal.refuse(refusal.NO_SPOT_MARKET)
    if added:
        cost: int256 = 0
        size: uint256 = 0
        cost, size = ledger.book_of(market)
        limits.check_cap(money, price, market, size)
    interest.store(money)
    ledger.log_account(account, _ACT_DEPOSIT_SPOT, 1 << market, [balance])
    door.pull(token, amount)


@external
def withdraw(account: uint256, amount: uint256, receiver: address):
    """
    @notice Takes quote out, past zero too where collateral stands behind it: that is borrowing. While losses are known
            that the vault cannot cover, cash leaves at `exit_rate`.
    @param amount Units of the quote token, before that rate.
    @param receiver Who gets it; where an operator calls, the owner does instead.
    """
    self._check_amount(account, amount)
    to: address = self._receiver(account, receiver)
    wad: uint256 = self._cash_wad(amount)
    money: interest.Money = interest.load()
    paid: uint256 = losses.leaving(money, account, wad) // door.QUOTE_SCALE
    if paid == 0:
        refusal.refuse(refusal.NOTHING_TO_MOVE)
    leaves: uint256 = unsafe_mul(paid, door.QUOTE_SCALE)
    if money.held < leaves:
        refusal.refuse(refusal.NOT_ENOUGH_TOKENS)
    money.held = unsafe_sub(money.held, leaves)
    # What leaving costs is the vault's, towards the losses that are known.
    money.reserve = unsafe_add(money.reserve, unsafe_sub(wad, leaves))
    money = ledger.change_cash(money, account, -convert(wad, int256))
    self._check_withdrawal(money, account)
    interest.store(money)
    ledger.log_cash(account, _ACT_WITHDRAW)
    door.push(door.QUOTE, to, paid)


@external
def withdraw_spot(account: uint256, market: uint256, amount: uint256, receiver: address):
    """
    @notice Takes collateral out.
    @param amount Units of the market's token; exact.
    @param receiver Who gets it; where an operator calls, the owner does instead.
    """
    self._check_amount(account, amount)
    token: address = empty(address)
    wad: uint256 = 0
    token, wad = self._spot_wad(market, amount)
    to: address = self._receiver(account, receiver)
    money: interest.Money = interest.load()
    header: uint256 = ledger.headers[account]
    spots: uint256 = account_words.spots_of(header)
    perps: uint256 = header >> 192
    balance: uint256 = ledger.spots[account][market]
    if balance < wad:
        refusal.refuse(refusal.NOT_ENOUGH_SPOT)
    balance = unsafe_sub(balance, wad)
    spots = ledger.put_spot(account, market, balance, spots)
    ledger.spot_totals[market] = unsafe_sub(ledger.spot_totals[market], wad)
    ledger.headers[account] = ledger.with_maps(header, spots, perps)
    self._check_withdrawal(money, account)
    interest.store(money)
    ledger.log_account(account, _ACT_WITHDRAW_SPOT, 1 << market, [balance])
    door.push(token, to, amount)


@external
def collect():
    """
    @notice Moves the interest reserve to the vault's account, by anyone.
    """
    vault: uint256 = roles.vault_account()
    money: interest.Money = interest.load()
    if money.reserve != 0:
        money = ledger.change_cash(money, vault, convert(money.reserve, int256))
        money.reserve = 0
        ledger.log_cash(vault, _ACT_COLLECT)
    interest.store(money)


@external
def approve_operator(operator: address, allowed: bool):
    """
    @notice Lets an operator act for all accounts of the caller, or no longer.
    """
    roles.approve_operator(operator, allowed)


@external
@reentrant
def list_spot(market: uint256, token: address):
    """
    @notice Gives a market of the RiskEngine that allows spot its token.
    """
    ownable._check_owner()
    # A market that is not there has no flags.
    if (staticcall margin.RISK.parameters(market) >> 208) & _SPOT == 0:
        refusal.refuse(refusal.NO_SPOT_MARKET)
    door.list_spot(market, token)


@external
@reentrant
def set_venue(venue: address, allowed: bool):
    """
    @notice Allows or revokes a venue.
    """
    ownable._check_owner()
    roles.set_venue(venue, allowed)


@external
@reentrant
def set_guardian(guardian_: address):
    """
    @notice Names who may pause; nobody where it is zero.
    """
    ownable._check_owner()
    limits.guardian = guardian_
    log IClearinghouse.GuardianSet(guardian=guardian_)


@external
@reentrant
def defer(account: uint256, on: bool):
    """
    @notice The batch's way to put an account's own tests off to its end.
    """
    roles.defer(account, on)


@external
def set_settings(settings_: uint256):
    """
    @notice Replaces the settings; interest to now accrues at the old rates, from now at the new.
    """
    ownable._check_owner()
    money: interest.Money = interest.load()
    interest.set_settings(settings_)
    # No such totals: rates are set anew.
    money.totals_before = max_value(uint256)
    interest.store(money)


@internal
@pure
def _check_amount(account: uint256, amount: uint256):
    roles.check_owner(account)
    if amount == 0:
        refusal.refuse(refusal.NOTHING_TO_MOVE)


@internal
@view
def _cash_wad(amount: uint256) -> uint256:
    if amount > interest.CASH_MAX // door.QUOTE_SCALE:
        refusal.refuse(refusal.CASH_OUT_OF_BOUNDS)
    return unsafe_mul(amount, door.QUOTE_SCALE)


@internal
@view
def _spot_wad(market: uint256, amount: uint256) -> (address, uint256):
    ledger.check_market(market)
    token: address = empty(address)
    scale: uint256 = 0
    token, scale = door.spot_token(market)
    ledger.check_size(amount <= ledger.SIZE_MAX // scale)
    return token, unsafe_mul(amount, scale)


@internal
@view
def _receiver(account: uint256, receiver: address) -> address:
    """
    @dev An operator may move an owner's money home, and nowhere else.
    """
    owner: address = account_words.owner_of(account)
    if msg.sender == owner:
        return receiver
    if msg.sender == roles.AUCTION:
        # Which pays out after a shutdown, and only to owners.
        return owner
    if not roles.is_allowed(account, msg.sender):
        refusal.refuse(refusal.NOT_ALLOWED)
    if msg.sender == roles.BATCH:
        # It knows who asks, and keeps to the same.
        return receiver
    return owner


@internal
@view
def _check_withdrawal(money: interest.Money, account: uint256):
    """
    @dev In a batch only a pause is asked here.
    """
    if roles.deferred[account] and not limits.is_paused(limits.EVERYTHING):
        return
    after: IRiskEngine.Assessment = margin.assess(account, money.supply, money.borrow)
    if after.mm != 0:
        limits.check_running()
    if not roles.deferred[account]:
        margin.check_withdrawal(after)
