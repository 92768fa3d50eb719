# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The insurance vault: what stands between a loss nobody can pay and those who lent
@license AGPL-3.0-only
@notice ERC-4626 over the quote token. The assets are cash in the vault's own account of the Clearinghouse, where
        penalties, fees and the interest reserve arrive, and from which the auction covers shortfalls.
        Who leaves says so a cooldown before, for good, and is paid no more than the shares were worth then or are now.
@dev Tokens sent to this address count for nothing. Conversions carry 10^6 virtual shares and one virtual unit of the
     asset, so that nobody profits from moving the price before the first deposit; they round against the
     caller. Who enters pays for known losses too, so that none of them can be had at a discount. docs/exact.md,
     section 8. Amounts of assets are units of the token.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
from ethereum.ercs import IERC4626
from .interfaces import IInsuranceVault
from .modules import backing
from .modules import winding
from snekmate.auth import ownable
from snekmate.tokens import erc20
from snekmate.tokens.interfaces import IERC20Permit

implements: IERC20
implements: IERC20Detailed
implements: IERC20Permit
implements: IERC4626
implements: IInsuranceVault
initializes: ownable  # erc20's admin surface wants it; neither is exported, so nobody can mint, burn or pause
initializes: erc20[ownable := ownable]
initializes: backing
initializes: winding

exports: (
    erc20.totalSupply,
    erc20.balanceOf,
    erc20.transfer,
    erc20.transferFrom,
    erc20.approve,
    erc20.allowance,
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.permit,
    erc20.nonces,
    erc20.DOMAIN_SEPARATOR,
    erc20.eip712Domain,
)

exports: (
    winding.pool,
    winding.require_frozen,
    winding.absorb,
    winding.claim,
)

_OFFSET: constant(uint8) = 6
_WAD: constant(uint256) = 10**18
_VIRTUAL_SHARES: constant(uint256) = 10**6
_VIRTUAL_ASSETS: constant(uint256) = 1
_LEAST_PRICE: constant(uint256) = 10**12  # shares to a unit: 10^6 when the vault began
_MAX_COOLDOWN: constant(uint256) = 30 * 86_400

asset: public(immutable(address))
clearinghouse: public(immutable(address))
account: public(immutable(uint256))
cooldown: public(immutable(uint256))  # seconds
_ASSET: immutable(IERC20)

# What each owner is leaving with; `shares` 0: nothing.
_requests: HashMap[address, IInsuranceVault.Request]


@deploy
def __init__(clearinghouse_: address, name_: String[25], symbol_: String[5], cooldown_: uint256):
    """
    @notice A vault for a Clearinghouse, in its quote token.
    @param clearinghouse_ The Clearinghouse.
    @param name_ The share's name.
    @param symbol_ The share's symbol.
    @param cooldown_ Seconds between a request to leave and its payment; at most 30 days.
    """
    assert cooldown_ <= _MAX_COOLDOWN, "vault: cooldown out of range"
    cooldown = cooldown_
    clearinghouse = clearinghouse_
    account = convert(self, uint256) << 96
    backing.__init__(clearinghouse_, account)
    winding.__init__(clearinghouse_)
    asset = staticcall backing.CLEARINGHOUSE.quote_token()
    _ASSET = IERC20(asset)

    ownable.__init__()
    erc20.__init__(name_, symbol_, staticcall IERC20Detailed(asset).decimals() + _OFFSET, name_, "1")
    # The Clearinghouse pulls from who calls it, and here only a deposit does.
    assert extcall _ASSET.approve(
        clearinghouse_, max_value(uint256), default_return_value=True
    ), "vault: approve failed"


@external
def deposit(assets: uint256, receiver: address) -> uint256:
    """
    @notice Takes assets from the caller and mints shares for them, rounded down.
    @param assets Units of the token.
    @param receiver Who gets the shares.
    @return The shares minted.
    """
    extcall backing.CLEARINGHOUSE.collect()
    total: uint256 = self._entering()
    # Before anything is multiplied by it.
    assert assets <= backing.room(backing.gross()), "vault: above the limit"
    shares: uint256 = self._to_shares(assets, total, False)
    self._enter(assets, shares, receiver)
    return shares


@external
def mint(shares: uint256, receiver: address) -> uint256:
    """
    @notice Mints shares and takes from the caller what they cost, rounded up.
    @param shares The shares to mint.
    @param receiver Who gets them.
    @return The units of the token taken.
    """
    extcall backing.CLEARINGHOUSE.collect()
    total: uint256 = self._entering()
    # As many shares as the room is worth, rounded down, cost no more than the room, rounded up.
    assert shares <= self._to_shares(backing.room(backing.gross()), total, False), "vault: above the limit"
    assets: uint256 = self._to_assets(shares, total, True)
    self._enter(assets, shares, receiver)
    return assets


@external
def request(shares: uint256, owner: address) -> uint256:
    """
    @notice Announces that an owner leaves with shares. It cannot be taken back: the shares are the vault's from now on,
            share its losses until they are paid, and are paid no more than they are worth now.
    @dev Refuses `vault: request stands`, `vault: not enough shares`, `vault: nothing to withdraw`, `vault: not enough
         allowance`.
    @param shares The shares to leave with.
    @param owner Whose they are: the caller, or who allowed it so many.
    @return What they are worth now, rounded down.
    """
    assert self._requests[owner].shares == 0, "vault: request stands"
    assert shares <= erc20.balanceOf[owner], "vault: not enough shares"
    extcall backing.CLEARINGHOUSE.collect()
    value: uint256 = self._to_assets(shares, backing.net(), False)
    assert value != 0, "vault: nothing to withdraw"
    self._spend(owner, shares)
    erc20._transfer(owner, self, shares)
    ready: uint256 = block.timestamp + cooldown
    self._requests[owner] = IInsuranceVault.Request(shares=shares, value=value, ready=ready)
    log IInsuranceVault.Requested(owner=owner, shares=shares, value=value, ready=ready)
    return value


@external
def withdraw(assets: uint256, receiver: address, owner: address) -> uint256:
    """
    @notice Pays assets out of a request that is ready, and burns the shares they take of it, rounded up.
    @param assets Units of the token.
    @param receiver Who gets them.
    @param owner Whose request it is: the caller's, or of who allowed it so many shares.
    @return The shares burned.
    """
    asked: IInsuranceVault.Request = self._ready(owner, receiver)
    assert assets <= asked.value, "vault: not enough shares"
    shares: uint256 = max(
        self._to_shares(assets, backing.net(), True), backing.scaled(assets, asked.shares, asked.value, True)
    )
    assert shares <= asked.shares, "vault: not enough shares"
    self._spend(owner, shares)
    return self._pay(asked, assets, shares, receiver, owner)


@external
def redeem(shares: uint256, receiver: address, owner: address) -> uint256:
    """
    @notice Burns shares of a request that is ready, and pays the smaller of what they are worth and of what they were
            when it was made, rounded down.
    @param shares The shares to burn.
    @param receiver Who gets the assets.
    @param owner Whose request it is: the caller's, or of who allowed it so many shares.
    @return The units of the token paid out.
    """
    asked: IInsuranceVault.Request = self._ready(owner, receiver)
    assert shares <= asked.shares, "vault: not enough shares"
    assets: uint256 = self._payment(asked, shares)
    self._spend(owner, shares)
    self._pay(asked, assets, shares, receiver, owner)
    return assets


@external
def redeem_for(owner: address) -> uint256:
    """
    @notice Anybody has all of a ready request paid to its owner, unless a known loss makes it less than it was.
    @return The units of the token paid out.
    """
    asked: IInsuranceVault.Request = self._ready(owner, owner)
    assets: uint256 = self._payment(asked, asked.shares)
    # A loss that is known may shrink again or be stale: only the owner says that it will not wait for that.
    assert (
        assets >= asked.value or msg.sender == owner or staticcall backing.CLEARINGHOUSE.entries() == 0
    ), "vault: losses are known"
    self._pay(asked, assets, asked.shares, owner, owner)
    return assets


@external
def leave_in_kind() -> uint256:
    """
    @notice After a shutdown, once claims are paid: gives the caller's first account of the Clearinghouse its part of the
            vault's, for all of its shares, those it was leaving with too. That account then claims as any other.
    @dev Refuses `vault: not yet` and `vault: nothing to withdraw`.
    @return The fraction of the vault's account, WAD, rounded down.
    """
    winding.check_claims()
    extcall backing.CLEARINGHOUSE.collect()
    asked: uint256 = self._requests[msg.sender].shares
    shares: uint256 = erc20.balanceOf[msg.sender]
    fraction: uint256 = backing.scaled(shares + asked, _WAD, self._supply(), False)
    assert fraction != 0, "vault: nothing to withdraw"
    self._requests[msg.sender] = empty(IInsuranceVault.Request)
    erc20._burn(msg.sender, shares)
    erc20._burn(self, asked)
    log IInsuranceVault.LeftInKind(owner=msg.sender, shares=shares + asked, fraction=fraction)
    winding.hand_over(msg.sender, fraction)
    return fraction


@external
@view
def request_of(owner: address) -> IInsuranceVault.Request:
    """
    @notice What an owner is leaving with; all 0: nothing.
    """
    return self._requests[owner]


@external
@view
def totalAssets() -> uint256:
    """
    @notice The vault's cash with the interest that is its own and not collected yet, less the losses known to come,
            rounded down: what leaving is worth.
    """
    return backing.net()


@external
@view
def convertToShares(assets: uint256) -> uint256:
    """
    @notice Shares that assets buy, rounded down: known losses are not taken off, so that they are paid for.
    """
    return self._to_shares(assets, self._entering(), False)


@external
@view
def convertToAssets(shares: uint256) -> uint256:
    """
    @notice Assets that shares are worth to who leaves, known losses taken off, rounded down.
    """
    return self._to_assets(shares, backing.net(), False)


@external
@view
def maxDeposit(receiver: address) -> uint256:
    """
    @notice The most that may be deposited: what an account of the Clearinghouse still holds.
    """
    return backing.room(backing.gross())


@external
@view
def maxMint(receiver: address) -> uint256:
    """
    @notice The most shares that may be minted, rounded down.
    """
    total: uint256 = self._entering()
    return self._to_shares(backing.room(backing.gross()), total, False)


@external
@view
def maxWithdraw(owner: address) -> uint256:
    """
    @notice What an owner's request pays, if it is ready, and no more than the Clearinghouse holds in tokens.
    """
    asked: IInsuranceVault.Request = self._requests[owner]
    if asked.shares == 0 or block.timestamp < asked.ready:
        return 0
    return min(self._payment(asked, asked.shares), backing.held())


@external
@view
def maxRedeem(owner: address) -> uint256:
    """
    @notice Shares of an owner's request, if it is ready, and no more than the tokens that the Clearinghouse holds pay.
    """
    asked: IInsuranceVault.Request = self._requests[owner]
    if asked.shares == 0 or block.timestamp < asked.ready:
        return 0
    held: uint256 = backing.held()
    payment: uint256 = self._payment(asked, asked.shares)
    if payment == 0:
        return 0
    if payment <= held:
        return asked.shares
    # Either bound alone keeps the smaller of the two payments within what is held.
    return max(self._to_shares(held, backing.net(), False), backing.scaled(held, asked.shares, asked.value, False))


@external
@view
def previewDeposit(assets: uint256) -> uint256:
    """
    @notice What `deposit` would mint now.
    """
    return self._to_shares(assets, self._entering(), False)


@external
@view
def previewMint(shares: uint256) -> uint256:
    """
    @notice What `mint` would take now.
    """
    return self._to_assets(shares, self._entering(), True)


@external
@view
def previewWithdraw(assets: uint256) -> uint256:
    """
    @notice What `withdraw` would burn now, of a request that was made at this price.
    """
    return self._to_shares(assets, backing.net(), True)


@external
@view
def previewRedeem(shares: uint256) -> uint256:
    """
    @notice What `redeem` would pay now, of a request that was made at this price.
    """
    return self._to_assets(shares, backing.net(), False)


@internal
def _enter(assets: uint256, shares: uint256, receiver: address):
    assert shares != 0 and assets != 0, "vault: nothing to mint"
    assert receiver != empty(address), "vault: receiver is zero"
    # A token that calls back finds the vault locked and no share minted yet.
    assert extcall _ASSET.transferFrom(msg.sender, self, assets, default_return_value=True), "vault: transfer failed"
    extcall backing.CLEARINGHOUSE.deposit(account, assets)
    erc20._mint(receiver, shares)
    log IERC4626.Deposit(sender=msg.sender, owner=receiver, assets=assets, shares=shares)


@internal
def _ready(owner: address, receiver: address) -> IInsuranceVault.Request:
    assert receiver != empty(address), "vault: receiver is zero"
    asked: IInsuranceVault.Request = self._requests[owner]
    assert asked.shares != 0 and block.timestamp >= asked.ready, "vault: not ready"
    extcall backing.CLEARINGHOUSE.collect()
    return asked


@internal
def _pay(
    asked: IInsuranceVault.Request, assets: uint256, shares: uint256, receiver: address, owner: address
) -> uint256:
    assert assets != 0, "vault: nothing to withdraw"
    assert assets <= backing.held(), "vault: not enough tokens"
    burned: uint256 = shares
    rest: uint256 = backing.scaled(asked.value, asked.shares - shares, asked.shares, False)
    if rest == 0:
        # What is left would never be paid anything, and would stand in the way of another request.
        burned = asked.shares
        self._requests[owner] = empty(IInsuranceVault.Request)
    else:
        self._requests[owner].shares = asked.shares - shares
        self._requests[owner].value = rest
    erc20._burn(self, burned)
    extcall backing.CLEARINGHOUSE.withdraw(account, assets, receiver)
    log IERC4626.Withdraw(sender=msg.sender, receiver=receiver, owner=owner, assets=assets, shares=burned)
    return burned


@internal
def _spend(owner: address, shares: uint256):
    if owner != msg.sender:
        assert shares <= erc20.allowance[owner][msg.sender], "vault: not enough allowance"
        erc20._spend_allowance(owner, msg.sender, shares)


@internal
@view
def _payment(asked: IInsuranceVault.Request, shares: uint256) -> uint256:
    return min(self._to_assets(shares, backing.net(), False), backing.scaled(shares, asked.value, asked.shares, False))


@internal
@view
def _to_shares(assets: uint256, total: uint256, up: bool) -> uint256:
    return backing.scaled(assets, self._supply(), total + _VIRTUAL_ASSETS, up)


@internal
@view
def _to_assets(shares: uint256, total: uint256, up: bool) -> uint256:
    return backing.scaled(shares, total + _VIRTUAL_ASSETS, self._supply(), up)


@internal
@view
def _entering() -> uint256:
    """
    @dev The assets that entering is priced at: no less than a millionth of what was paid for the shares there are. A vault
         that a loss has emptied would otherwise multiply its supply with the next deposit, and a few such losses would
         leave no number for any more.
    """
    return max(backing.gross(), self._supply() // _LEAST_PRICE)


@internal
@view
def _supply() -> uint256:
    return erc20.totalSupply + _VIRTUAL_SHARES
