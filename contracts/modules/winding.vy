# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Winding up: what everybody gets once the protocol is shut down for good
@license AGPL-3.0-only
@dev docs/exact.md, section 8. Every market is frozen by then, and cash leaves no other way. Losses are made good where
     they are, so that they settle as any other; debts are taken into a pool, each with as much of its account's spot as it
     is worth at the frozen prices; then who owns cash takes its share of the pool, of its debts and its spot alike, and is
     paid out. So quote goes round pro rata, and what was lent in kind.
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
_MARKETS: constant(uint256) = 64
_MOST_SPOT: constant(uint256) = 16
_RETIRED: constant(uint256) = 32
_SETTLE: constant(uint256) = 1_209_600  # seconds in which to settle and to repay: 14 days
_CLAIM: constant(uint256) = 1_814_400  # seconds in which all losses must have been made good: 21 days
_LAST: constant(uint256) = 5_184_000  # seconds after which nothing left over holds up the others: 60 days
_UNSETTLED: constant(int256) = 10**16  # of a market, WAD quote: roundings
_SPARE: constant(int256) = 10**12  # WAD quote: what settling may cost in roundings
_RATES: constant(uint256) = 2**64 - 1  # from bit 16 of the settings
_LOW_80: constant(uint256) = 2**80 - 1
_LOW_128: constant(uint256) = 2**128 - 1

_CLEARINGHOUSE: immutable(IClearinghouse)
_RISK: immutable(IRiskEngine)
_POOL: immutable(uint256)
_NOTHING: immutable(uint256)  # the vault's sub-account that never has anything


@deploy
def __init__(clearinghouse: address):
    """
    @notice Names the Clearinghouse, and with it the RiskEngine.
    """
    _CLEARINGHOUSE = IClearinghouse(clearinghouse)
    _RISK = IRiskEngine(staticcall IClearinghouse(clearinghouse).risk_engine())
    _POOL = (convert(self, uint256) << 96) | 1
    _NOTHING = (convert(self, uint256) << 96) | (2**96 - 1)


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
         could be given its share), `vault: interest runs` (a rate of the settings is not 0).
    """
    tokens: uint256 = 0
    for market: uint256 in range(staticcall _RISK.market_count(), bound=_MARKETS):
        assert ((staticcall _RISK.parameters(market)) >> 208) & _RETIRED != 0, "vault: market not frozen"
        if staticcall _CLEARINGHOUSE.spot_token(market) != empty(address):
            tokens += 1
    assert tokens <= _MOST_SPOT, "vault: too many tokens"
    # Not those of the moment: they follow what is lent, which settling changes.
    assert ((staticcall _CLEARINGHOUSE.settings()) >> 16) & _RATES == 0, "vault: interest runs"
    return True


@external
def absorb(accounts: DynArray[uint256, 16]):
    """
    @notice By anyone: makes good what accounts lack, at the cost of the vault and then of all cash; and takes what they
            owe into the pool, with the fraction of all they have that is worth it at the frozen prices.
    @dev Refuses before 14 days have passed: `vault: not yet`, and an account that lacks as much as all others own: `vault:
         loss beyond all cash`. An account that owes nothing is left as it is; debts of one
         whose positions are not settled yet wait until they are. A loss that all cash shares falls on the account's own
         cash too, so that one with much of it may have to be named again.
    """
    self._check_time(_SETTLE)
    for account: uint256 in accounts:
        if account == _POOL:
            continue
        equity: int256 = (staticcall _CLEARINGHOUSE.assess(account)).equity
        if equity < 0:
            self._check_bearable(account, _SPARE - equity)
            # Where it is: moved to the pool, positions of many markets would soon be too many for one account.
            self._move(_NOTHING, account, _WAD, equity - _SPARE, 0)
            log IInsuranceVault.MadeGood(account=account, equity=equity)
            equity = (staticcall _CLEARINGHOUSE.assess(account)).equity
        cash: int256 = staticcall _CLEARINGHOUSE.cash(account)
        if cash >= 0 or equity < 0 or (staticcall _CLEARINGHOUSE.header(account)) >> 192 != 0:
            continue
        # (1 − f)·cash + f·equity = 0, rounded up: at most all.
        fraction: uint256 = rounding.ceil_udiv(convert(-cash, uint256) * _WAD, convert(equity - cash, uint256))
        pays: uint256 = convert(equity, uint256) * fraction // _WAD
        self._move(account, _POOL, fraction, convert(pays, int256), pays)
        log IInsuranceVault.Absorbed(account=account, fraction=fraction, equity=equity)


@external
def claim(account: uint256) -> uint256:
    """
    @notice Gives an account its share of the pool, by its part of all cash, and pays its cash out to its owner. Its spot
            the owner withdraws as ever.
    @dev Refuses, in order: `vault: not allowed`, `vault: not yet` (21 days), `vault: debts are left`, `vault: positions are
         left` and `vault: profits are left` (anyone may absorb and settle them; after 60 days they hold up nobody),
         `vault: account owes`, `vault: nothing to claim`.
    @param account An account of the caller's, or one it operates.
    @return Units of the quote token paid out.
    """
    assert staticcall _CLEARINGHOUSE.is_allowed(account, msg.sender), "vault: not allowed"
    closed: uint256 = self._check_time(_CLAIM)
    # The vault's too is cash: collected later, it would change the shares of who comes later.
    extcall _CLEARINGHOUSE.collect()
    owned: int256 = self._principal(_POOL)
    totals: uint256 = staticcall _CLEARINGHOUSE.totals()
    if block.timestamp < closed + _LAST:
        self._check_settled(totals >> 128, owned)
    assert (staticcall _CLEARINGHOUSE.assess(account)).mm == 0, "vault: account owes"
    mine: int256 = self._principal(account)
    assert mine > 0, "vault: nothing to claim"
    others: uint256 = (totals & _LOW_128) - convert(max(owned, 0), uint256)
    # Principals, all of one index: nobody's share depends on who comes first.
    share: uint256 = convert(mine, uint256) * _WAD // others
    pooled: int256 = staticcall _CLEARINGHOUSE.cash(_POOL)
    if pooled < 0:
        # Where all is lent out, a rounding may make its part of the debts more than its cash.
        own: uint256 = convert(staticcall _CLEARINGHOUSE.cash(account), uint256)
        share = min(share, own * _WAD // convert(-pooled, uint256))
    if share != 0:
        self._move(_POOL, account, share, 0, 0)
    amount: uint256 = convert(
        staticcall _CLEARINGHOUSE.cash(account), uint256
    ) // staticcall _CLEARINGHOUSE.quote_scale()
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
@view
def check_claims():
    """
    @notice Refuses until claims are paid: `vault: not yet`. Until then the vault stands for losses not made good yet.
    """
    self._check_time(_CLAIM)


@internal
def _move(account: uint256, taker: uint256, fraction: uint256, pays: int256, gets: uint256):
    extcall self._auction().wind(account, taker, fraction, pays, gets)


@internal
@view
def _check_settled(debts: uint256, owned: int256):
    assert debts == convert(max(-owned, 0), uint256), "vault: debts are left"
    for market: uint256 in range(staticcall _RISK.market_count(), bound=_MARKETS):
        cost: int256 = 0
        size: int256 = 0
        cost, size = account_words.unpack_position(staticcall _CLEARINGHOUSE.market_book(market))
        assert size == 0, "vault: positions are left"
        # What losers have paid in and no winner has taken yet is cash of somebody's that shares are counted without.
        assert cost >= -_UNSETTLED, "vault: profits are left"


@internal
@view
def _check_bearable(account: uint256, lacks: int256):
    # What makes good is cash too, and would bear its part of the loss: named again and again, it would end with all of it.
    indices: uint256 = 0
    totals: uint256 = 0
    custody: uint256 = 0
    indices, totals, custody = staticcall _CLEARINGHOUSE.accrued()
    lent: int256 = convert((totals & _LOW_128) * (indices & _LOW_80) // _WAD, int256)
    own: int256 = staticcall _CLEARINGHOUSE.cash(convert(self, uint256) << 96)
    shared: int256 = lacks - own - convert(custody >> 128, int256)
    others: int256 = lent - own - max(staticcall _CLEARINGHOUSE.cash(account), 0)
    assert shared <= 0 or shared < others, "vault: loss beyond all cash"


@internal
@view
def _auction() -> IAuction:
    return IAuction(staticcall _CLEARINGHOUSE.auction())


@internal
@view
def _check_time(wait: uint256) -> uint256:
    closed: uint256 = staticcall self._auction().closed_at()
    assert closed != 0 and block.timestamp >= closed + wait, "vault: not yet"
    return closed


@internal
@view
def _principal(account: uint256) -> int256:
    return account_words.principal_of(staticcall _CLEARINGHOUSE.header(account))
