# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Winding up: what everybody gets once the protocol is shut down for good
@license AGPL-3.0-only
@dev docs/exact.md, section 8. Every market is frozen by then, and cash leaves no other way. Debts are taken into a pool,
     each with as much of its account's spot as it is worth at the frozen prices; then who owns cash takes its share of the
     pool, of its debts and its spot alike, and is paid out. So quote goes round pro rata, and what was lent in kind.
     The auction, which may move accounts, does so here as it is told, after a shutdown alone.
"""
from ..interfaces import IAuction
from ..interfaces import IClearinghouse
from ..interfaces import IInsuranceVault
from ..interfaces import IRiskEngine
from . import account as account_words
from . import rounding

_WAD: constant(uint256) = 10**18
_SIGNED_WAD: constant(int256) = 10**18
_CUSHION: constant(int256) = 5 * 10**18
_MARKETS: constant(uint256) = 64
_MOST_SPOT: constant(uint256) = 16
_RETIRED: constant(uint256) = 32
_SETTLE: constant(uint256) = 1_209_600  # seconds in which to settle and to repay: 14 days
_LAST: constant(uint256) = 5_184_000  # seconds after which nothing left over holds up the others: 60 days
_UNSETTLED: constant(int256) = 10**16  # of a market, WAD quote: roundings
_LOW_128: constant(uint256) = 2**128 - 1

_CLEARINGHOUSE: immutable(IClearinghouse)
_RISK: immutable(IRiskEngine)
_POOL: immutable(uint256)


@deploy
def __init__(clearinghouse: address):
    """
    @notice Names the Clearinghouse, and with it the RiskEngine.
    """
    _CLEARINGHOUSE = IClearinghouse(clearinghouse)
    _RISK = IRiskEngine(staticcall IClearinghouse(clearinghouse).risk_engine())
    _POOL = (convert(self, uint256) << 96) | 1


@external
@view
def pool() -> uint256:
    """
    @notice The account that debts are taken into after a shutdown: the vault's sub-account 1.
    """
    return _POOL


@external
@view
def require_frozen() -> bool:
    """
    @notice Whether all is ready for a shutdown; the auction asks before it shuts down.
    @dev Refuses, in order: `vault: market not frozen`, `vault: too many tokens` (markets with one, above 16: no account
         could be given its share), `vault: interest runs`, `vault: pool is empty` (its cushion against roundings: 5 quote).
    """
    tokens: uint256 = 0
    for market: uint256 in range(staticcall _RISK.market_count(), bound=_MARKETS):
        assert ((staticcall _RISK.parameters(market)) >> 208) & _RETIRED != 0, "vault: market not frozen"
        if staticcall _CLEARINGHOUSE.spot_token(market) != empty(address):
            tokens += 1
    assert tokens <= _MOST_SPOT, "vault: too many tokens"
    assert (staticcall _CLEARINGHOUSE.indices()) >> 192 == 0, "vault: interest runs"
    assert staticcall _CLEARINGHOUSE.cash(_POOL) >= _CUSHION, "vault: pool is empty"
    return True


@external
def absorb(accounts: DynArray[uint256, 16]):
    """
    @notice Takes what accounts owe into the pool, by anyone, and of each the fraction of all it has that is worth it at
            the frozen prices; all of one that is insolvent, whose loss the vault and then all cash bear.
    @dev Refuses before 14 days have passed: `vault: not yet`. An account that owes nothing is left as it is.
    """
    self._check_time()
    for account: uint256 in accounts:
        before: IRiskEngine.Assessment = staticcall _CLEARINGHOUSE.assess(account)
        cash: int256 = staticcall _CLEARINGHOUSE.cash(account)
        if account == _POOL or (cash >= 0 and before.equity >= 0):
            continue
        fraction: uint256 = _WAD
        # What a slice without a discount pays; below 0 the vault pays it.
        pays: int256 = before.equity
        if pays >= 0:
            # (1 − f)·cash + f·equity = 0, rounded up: at most all.
            fraction = rounding.ceil_udiv(convert(-cash, uint256) * _WAD, convert(pays - cash, uint256))
            pays = pays * convert(fraction, int256) // _SIGNED_WAD
        self._move(account, _POOL, fraction, pays, convert(max(pays, 0), uint256))
        log IInsuranceVault.Absorbed(account=account, fraction=fraction, equity=before.equity)


@external
def claim(account: uint256) -> uint256:
    """
    @notice Gives an account its share of the pool, by its part of all cash, and pays its cash out to its owner. Its spot
            the owner withdraws as ever.
    @dev Refuses, in order: `vault: not allowed`, `vault: not yet`, `vault: debts are left` and `vault: profits are left`
         (anyone may absorb and settle them; after 60 days they hold up nobody), `vault: account owes`, `vault: nothing to
         claim`.
    @param account An account of the caller's, or one it operates.
    @return Units of the quote token paid out.
    """
    assert staticcall _CLEARINGHOUSE.is_allowed(account, msg.sender), "vault: not allowed"
    closed: uint256 = self._check_time()
    owned: int256 = self._principal(_POOL)
    totals: uint256 = staticcall _CLEARINGHOUSE.totals()
    if block.timestamp < closed + _LAST:
        assert totals >> 128 == convert(max(-owned, 0), uint256), "vault: debts are left"
        for market: uint256 in range(staticcall _RISK.market_count(), bound=_MARKETS):
            # What losers have paid in and no winner has taken yet is cash of somebody's that shares are counted without.
            cost: int256 = account_words.unpack_position(staticcall _CLEARINGHOUSE.market_book(market))[0]
            assert cost >= -_UNSETTLED, "vault: profits are left"
    assert (staticcall _CLEARINGHOUSE.assess(account)).mm == 0, "vault: account owes"
    mine: int256 = self._principal(account)
    assert mine > 0, "vault: nothing to claim"
    others: uint256 = (totals & _LOW_128) - convert(max(owned, 0), uint256)
    # Principals, all of one index: nobody's share depends on who comes first.
    share: uint256 = convert(mine, uint256) * _WAD // others
    if share != 0:
        self._move(_POOL, account, share, 0, 0)
    cash: int256 = staticcall _CLEARINGHOUSE.cash(account)
    amount: uint256 = convert(max(cash, 0), uint256) // staticcall _CLEARINGHOUSE.quote_scale()
    log IInsuranceVault.Claimed(account=account, share=share, amount=amount)
    if amount != 0:
        extcall self._auction().pay_out(account, amount)
    return amount


@internal
def hand_over(owner: address, fraction: uint256):
    """
    @notice Gives a fraction (WAD) of the vault's account to an owner's first account, which then claims as any other.
    """
    self._move(convert(self, uint256) << 96, convert(owner, uint256) << 96, fraction, 0, 0)


@internal
def _move(account: uint256, taker: uint256, fraction: uint256, pays: int256, gets: uint256):
    extcall self._auction().wind(account, taker, fraction, pays, gets)


@internal
@view
def _auction() -> IAuction:
    return IAuction(staticcall _CLEARINGHOUSE.auction())


@internal
@view
def _check_time() -> uint256:
    closed: uint256 = staticcall self._auction().closed_at()
    assert closed != 0 and block.timestamp >= closed + _SETTLE, "vault: not yet"
    return closed


@internal
@view
def _principal(account: uint256) -> int256:
    return account_words.principal_of(staticcall _CLEARINGHOUSE.header(account))
