# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The insurance vault: what stands between a loss nobody can pay and those who lent
@license AGPL-3.0-only
@notice ERC-4626 over the quote token. The assets are cash in the vault's own account of the Clearinghouse, where
        penalties, fees and the interest reserve arrive, and from which the auction covers shortfalls.
@dev Tokens sent to this address count for nothing. Conversions carry 10^6 virtual shares and one virtual unit of the
     asset, so that nobody profits from moving the price before the first deposit; they round against the
     caller. docs/exact.md, section 8. Amounts of assets are units of the token.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
from ethereum.ercs import IERC4626
from .interfaces import IClearinghouse
from .interfaces import IInsuranceVault
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

_WAD: constant(uint256) = 10**18
_LOW_80: constant(uint256) = 2**80 - 1
_LOW_128: constant(uint256) = 2**128 - 1
_MAX_CASH: constant(uint256) = 10**30  # the Clearinghouse's bound on an account's cash
_OFFSET: constant(uint8) = 6
_VIRTUAL_SHARES: constant(uint256) = 10**6
_VIRTUAL_ASSETS: constant(uint256) = 1

asset: public(immutable(address))
clearinghouse: public(immutable(address))
account: public(immutable(uint256))
_ASSET: immutable(IERC20)
_CLEARINGHOUSE: immutable(IClearinghouse)
_SCALE: immutable(uint256)


@deploy
def __init__(clearinghouse_: address, name_: String[25], symbol_: String[5]):
    """
    @notice A vault for a Clearinghouse, in its quote token.
    @param clearinghouse_ The Clearinghouse.
    @param name_ The share's name.
    @param symbol_ The share's symbol.
    """
    clearinghouse = clearinghouse_
    _CLEARINGHOUSE = IClearinghouse(clearinghouse_)
    account = convert(self, uint256) << 96
    asset = staticcall _CLEARINGHOUSE.quote_token()
    _ASSET = IERC20(asset)
    _SCALE = staticcall _CLEARINGHOUSE.quote_scale()

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
    extcall _CLEARINGHOUSE.collect()
    total: uint256 = self._total_assets()
    # Before anything is multiplied by it.
    assert assets <= self._room(total), "vault: above the limit"
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
    extcall _CLEARINGHOUSE.collect()
    total: uint256 = self._total_assets()
    # As many shares as the room is worth, rounded down, cost no more than the room, rounded up.
    assert shares <= self._to_shares(self._room(total), total, False), "vault: above the limit"
    assets: uint256 = self._to_assets(shares, total, True)
    self._enter(assets, shares, receiver)
    return assets


@external
def withdraw(assets: uint256, receiver: address, owner: address) -> uint256:
    """
    @notice Pays assets out and burns the shares they are worth, rounded up.
    @param assets Units of the token.
    @param receiver Who gets them.
    @param owner Whose shares are burned: the caller's, or of who allowed it.
    @return The shares burned.
    """
    extcall _CLEARINGHOUSE.collect()
    shares: uint256 = self._to_shares(assets, self._total_assets(), True)
    self._leave(assets, shares, receiver, owner)
    return shares


@external
def redeem(shares: uint256, receiver: address, owner: address) -> uint256:
    """
    @notice Burns shares and pays out what they are worth, rounded down.
    @param shares The shares to burn.
    @param receiver Who gets the assets.
    @param owner Whose shares are burned: the caller's, or of who allowed it.
    @return The units of the token paid out.
    """
    extcall _CLEARINGHOUSE.collect()
    assets: uint256 = self._to_assets(shares, self._total_assets(), False)
    self._leave(assets, shares, receiver, owner)
    return assets


@external
@view
def totalAssets() -> uint256:
    """
    @notice The vault's cash with the interest that is its own and not collected yet, rounded down.
    """
    return self._total_assets()


@external
@view
def convertToShares(assets: uint256) -> uint256:
    """
    @notice Shares that assets are worth, rounded down.
    """
    return self._to_shares(assets, self._total_assets(), False)


@external
@view
def convertToAssets(shares: uint256) -> uint256:
    """
    @notice Assets that shares are worth, rounded down.
    """
    return self._to_assets(shares, self._total_assets(), False)


@external
@view
def maxDeposit(receiver: address) -> uint256:
    """
    @notice The most that may be deposited: what an account of the Clearinghouse still holds.
    """
    return self._room(self._total_assets())


@external
@view
def maxMint(receiver: address) -> uint256:
    """
    @notice The most shares that may be minted, rounded down.
    """
    total: uint256 = self._total_assets()
    return self._to_shares(self._room(total), total, False)


@external
@view
def maxWithdraw(owner: address) -> uint256:
    """
    @notice What an owner's shares are worth, and no more than the Clearinghouse holds in tokens: the rest is lent.
    """
    return min(self._to_assets(erc20.balanceOf[owner], self._total_assets(), False), self._held())


@external
@view
def maxRedeem(owner: address) -> uint256:
    """
    @notice An owner's shares, and no more than the tokens that the Clearinghouse holds are worth.
    """
    return min(erc20.balanceOf[owner], self._to_shares(self._held(), self._total_assets(), False))


@external
@view
def previewDeposit(assets: uint256) -> uint256:
    """
    @notice What `deposit` would mint now.
    """
    return self._to_shares(assets, self._total_assets(), False)


@external
@view
def previewMint(shares: uint256) -> uint256:
    """
    @notice What `mint` would take now.
    """
    return self._to_assets(shares, self._total_assets(), True)


@external
@view
def previewWithdraw(assets: uint256) -> uint256:
    """
    @notice What `withdraw` would burn now.
    """
    return self._to_shares(assets, self._total_assets(), True)


@external
@view
def previewRedeem(shares: uint256) -> uint256:
    """
    @notice What `redeem` would pay now.
    """
    return self._to_assets(shares, self._total_assets(), False)


@internal
def _enter(assets: uint256, shares: uint256, receiver: address):
    assert shares != 0 and assets != 0, "vault: nothing to mint"
    assert receiver != empty(address), "vault: receiver is zero"
    # A token that calls back finds the vault locked and no share minted yet.
    assert extcall _ASSET.transferFrom(msg.sender, self, assets, default_return_value=True), "vault: transfer failed"
    extcall _CLEARINGHOUSE.deposit(account, assets)
    erc20._mint(receiver, shares)
    log IERC4626.Deposit(sender=msg.sender, owner=receiver, assets=assets, shares=shares)


@internal
def _leave(assets: uint256, shares: uint256, receiver: address, owner: address):
    assert assets != 0 and shares != 0, "vault: nothing to withdraw"
    assert receiver != empty(address), "vault: receiver is zero"
    assert shares <= erc20.balanceOf[owner], "vault: not enough shares"
    assert assets <= self._held(), "vault: not enough tokens"
    if owner != msg.sender:
        assert shares <= erc20.allowance[owner][msg.sender], "vault: not enough allowance"
        erc20._spend_allowance(owner, msg.sender, shares)
    erc20._burn(owner, shares)
    extcall _CLEARINGHOUSE.withdraw(account, assets, receiver)
    log IERC4626.Withdraw(sender=msg.sender, receiver=receiver, owner=owner, assets=assets, shares=shares)


@internal
@view
def _total_assets() -> uint256:
    # What `cash` of the account will be once the reserve is in it, by the Clearinghouse's own rounding: so a preview is
    # what the act does, to the unit.
    indices: uint256 = 0
    totals: uint256 = 0
    custody: uint256 = 0
    indices, totals, custody = staticcall _CLEARINGHOUSE.accrued()
    index: uint256 = indices & _LOW_80
    # The account only ever lends: its principal is never negative.
    cash: uint256 = ((staticcall _CLEARINGHOUSE.header(account)) & _LOW_128) * index // _WAD
    reserve: uint256 = custody >> 128
    if reserve != 0:
        cash = ((cash + reserve) * _WAD // index) * index // _WAD
    return cash // _SCALE


@internal
@view
def _held() -> uint256:
    return ((staticcall _CLEARINGHOUSE.custody()) & _LOW_128) // _SCALE


@internal
@view
def _room(total: uint256) -> uint256:
    limit: uint256 = _MAX_CASH // _SCALE
    return limit - min(limit, total + 1)


@internal
@view
def _to_shares(assets: uint256, total: uint256, up: bool) -> uint256:
    return self._scaled(assets, self._supply(), total + _VIRTUAL_ASSETS, up)


@internal
@view
def _to_assets(shares: uint256, total: uint256, up: bool) -> uint256:
    return self._scaled(shares, total + _VIRTUAL_ASSETS, self._supply(), up)


@internal
@view
def _supply() -> uint256:
    return erc20.totalSupply + _VIRTUAL_SHARES


@internal
@pure
def _scaled(amount: uint256, numerator: uint256, denominator: uint256, up: bool) -> uint256:
    product: uint256 = amount * numerator
    result: uint256 = product // denominator
    if up and product % denominator != 0:
        result += 1
    return result
