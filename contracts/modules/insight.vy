# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What is known of losses, of who leaves the vault, and of standing bids: the lens's second page
@license AGPL-3.0-only
"""
from ..interfaces import IAuction
from ..interfaces import IClearinghouse
from ..interfaces import IInsuranceVault
from ..interfaces import ILens

_LOW_32: constant(uint256) = 2**32 - 1
_LOW_64: constant(uint256) = 2**64 - 1
_CAPACITY: constant(uint256) = 2**121 - 1
_PLACES: constant(uint256) = 64
_MAX_ACCOUNTS: constant(uint256) = 64
_MAX_OWNERS: constant(uint256) = 32

_CLEARINGHOUSE: immutable(IClearinghouse)
_AUCTION: immutable(IAuction)
_VAULT: immutable(IInsuranceVault)


@deploy
def __init__(clearinghouse: address, auction: address, vault: address):
    """
    @notice Names the contracts that are asked.
    """
    _CLEARINGHOUSE = IClearinghouse(clearinghouse)
    _AUCTION = IAuction(auction)
    _VAULT = IInsuranceVault(vault)


@external
@view
def quote(account: uint256, fraction: uint256) -> IAuction.Quote:
    """
    @notice What a bid for a fraction (WAD) of an account would do now, as the auction says.
    """
    return staticcall _AUCTION.quote(account, fraction)


@external
@view
def insurance() -> ILens.InsuranceView:
    """
    @notice Known losses, what leaving is worth while they stand, and what the vault may still pay of λ.
    """
    return ILens.InsuranceView(
        exit_rate=staticcall _CLEARINGHOUSE.exit_rate(),
        known_loss=staticcall _CLEARINGHOUSE.entries(),
        vault_cash=staticcall _CLEARINGHOUSE.cash(staticcall _VAULT.account()),
        vault_assets=staticcall _VAULT.totalAssets(),
        cooldown=staticcall _VAULT.cooldown(),
        limits=staticcall _AUCTION.limits(),
        vault_left=staticcall _AUCTION.vault_left(),
    )


@external
@view
def entries(accounts: DynArray[uint256, _MAX_ACCOUNTS]) -> DynArray[uint256, _MAX_ACCOUNTS]:
    """
    @notice The loss that each of up to 64 accounts was last known to bring (WAD quote).
    """
    found: DynArray[uint256, _MAX_ACCOUNTS] = []
    for account: uint256 in accounts:
        found.append(staticcall _AUCTION.entry(account))
    return found


@external
@view
def leaving(owners: DynArray[address, _MAX_OWNERS]) -> DynArray[ILens.LeavingView, _MAX_OWNERS]:
    """
    @notice The requests to leave the vault of up to 32 owners, and what each could have now.
    """
    found: DynArray[ILens.LeavingView, _MAX_OWNERS] = []
    for owner: address in owners:
        found.append(
            ILens.LeavingView(
                owner=owner,
                request=staticcall _VAULT.request_of(owner),
                payable_now=staticcall _VAULT.maxWithdraw(owner),
            )
        )
    return found


@external
@view
def standing() -> DynArray[ILens.StandingView, _PLACES]:
    """
    @notice The standing bids on the book, in the order in which a sweep asks them: by tick, then by age.
    """
    words: DynArray[uint256, _PLACES] = staticcall _AUCTION.standing_book()
    found: DynArray[ILens.StandingView, _PLACES] = []
    for _: uint256 in range(len(words), bound=_PLACES):
        least: uint256 = max_value(uint256)
        place: uint256 = 0
        for i: uint256 in range(len(words), bound=_PLACES):
            if words[i] < least:
                least = words[i]
                place = i
        words[place] = max_value(uint256)
        found.append(self._standing(least))
    return found


@internal
@view
def _standing(word: uint256) -> ILens.StandingView:
    id: uint256 = (word >> 217) & _LOW_32
    taker: uint256 = 0
    minimum: uint256 = 0
    stored: uint256 = 0
    taker, minimum, stored = staticcall _AUCTION.standing_bid(id)
    account: uint256 = (convert(_AUCTION.address, uint256) << 96) | id
    return ILens.StandingView(
        id=id,
        taker=taker,
        account=account,
        cash=staticcall _CLEARINGHOUSE.cash(account),
        tick=word >> 249,
        capacity=word & _CAPACITY,
        minimum=minimum,
        markets=(word >> 121) & _LOW_64,
        max_interval=(word >> 185) & _LOW_32,
    )
