# pragma version ~=0.4.3
"""
@title The tests an account must pass: initial margin, to withdraw, after a fill
@license AGPL-3.0-only
@dev The requirement is the RiskEngine's (docs/exact.md, section 3); here an account's words are handed over, and its
     answer is judged.
"""
from ..interfaces import IRiskEngine
from . import account as account_words
from . import interest
from . import ledger
from . import refusal
from . import roles

uses: ledger
uses: roles

_WAD: constant(int256) = 10**18
_NO_MARKET: constant(uint256) = 64

RISK: immutable(IRiskEngine)


@deploy
def __init__(risk_engine: address):
    """
    @notice Fixes the RiskEngine.
    """
    RISK = IRiskEngine(risk_engine)


@internal
@view
def assess(account: uint256, supply: uint256, borrow: uint256) -> IRiskEngine.Assessment:
    """
    @notice An account as it is stored, at the prices stored and these indices of cash.
    """
    return self.assess_words(supply, borrow, account, ledger.headers[account], _NO_MARKET, 0)


@internal
@view
def assess_words(
    supply: uint256, borrow: uint256, account: uint256, header: uint256, market: uint256, position: uint256
) -> IRiskEngine.Assessment:
    """
    @notice An account with another header and, in one market (64: none), another position than is stored.
    """
    perps: uint256 = header >> 192
    cash: int256 = interest.cash_of(account_words.principal_of(header), supply, borrow)
    if perps == 0 and cash >= 0:
        # It owes nothing, so its requirement is 0 whatever it holds; the RiskEngine would say the same.
        return IRiskEngine.Assessment(equity=cash, mm=0, im=0, floor=0, down=0, up=0, claims=0, state=0)
    return staticcall RISK.assess(
        cash,
        header >> 128,
        ledger.words_of(account, account_words.spots_of(header), perps, market, position),
    )


@internal
@view
def check_alone(account: uint256):
    """
    @notice Refuses an account that is in a batch, and so in no state to be judged or sold: `clearinghouse: in a batch`.
    """
    if roles.deferred[account]:
        refusal.refuse(refusal.IN_A_BATCH)


@internal
@pure
def check_live(state: uint256):
    """
    @notice Refuses prices that are not live: `clearinghouse: price is late`, `clearinghouse: market is dead`.
    """
    if state != 0:
        if state == 1:
            refusal.refuse(refusal.PRICE_IS_LATE)
        refusal.refuse(refusal.MARKET_IS_DEAD)


@internal
@pure
def has_initial(account: IRiskEngine.Assessment) -> bool:
    """
    @notice Whether equity, less what it may lose inside the price interval, covers the initial requirement, and is not all
            profit that nobody has paid yet: such profit is margin, but no money to lose to another.
    """
    # Equity and requirements are far below 2^190: no sum of them wraps.
    return account.equity >= convert(max(unsafe_add(account.im, account.down), account.claims), int256)


@internal
@pure
def check_initial(account: IRiskEngine.Assessment):
    """
    @notice Refuses an account below initial margin, or with a price that is late. A dead market counts with its last
            price and the widest interval: it is no shield against being sold.
    """
    # Of the states only late is odd.
    self.check_live(account.state & 1)
    self.check(self.has_initial(account))


@internal
@pure
def check_withdrawal(account: IRiskEngine.Assessment):
    """
    @notice As `check_initial`, counting profit not yet settled as nothing.
    """
    self.check_live(account.state)
    needed: uint256 = unsafe_add(unsafe_add(account.im, account.down), account.claims)
    self.check(account.equity >= convert(needed, int256))


@internal
@pure
def check(enough: bool):
    """
    @notice Refuses for want of margin: `clearinghouse: below initial margin`.
    """
    if not enough:
        refusal.refuse(refusal.BELOW_INITIAL_MARGIN)


@internal
@pure
def check_breach(account: IRiskEngine.Assessment):
    """
    @notice Refuses an account below its maintenance requirement: `clearinghouse: in breach`.
    """
    if account.equity < convert(account.mm, int256):
        refusal.refuse(refusal.IN_BREACH)


@internal
@pure
def check_addition(before: IRiskEngine.Assessment, after: IRiskEngine.Assessment):
    """
    @notice Refuses a market added by a deposit that leaves an account below initial margin and further below it than it
            was: dust in many markets raises the least requirement by more than it is worth, at once or by a ramp.
    @param before The account before it, with a requirement above 0 and in no breach.
    """
    self.check_live(after.state)
    if not self.has_initial(after):
        self.check(after.equity * convert(before.im, int256) >= before.equity * convert(after.im, int256))


@internal
@view
def check_relief(
    money: interest.Money,
    account: uint256,
    header: uint256,
    market: uint256,
    position: uint256,
    after: IRiskEngine.Assessment,
):
    """
    @notice Refuses a fill that leaves an account below initial margin, unless it lowers the requirement and costs no
            more equity than health allows for what it releases: nothing may be lowered by lowering the requirement.
    @param header The account's header before the fill.
    @param position Its position word in `market` before the fill.
    """
    before: IRiskEngine.Assessment = self.assess_words(money.supply, money.borrow, account, header, market, position)
    self.check(self.relieves(before, after))
    if ((header >> 128) | (header >> 192)) & (1 << market) == 0:
        self.check_breach(before)


@internal
@pure
def relieves(before: IRiskEngine.Assessment, after: IRiskEngine.Assessment) -> bool:
    """
    @notice Whether the requirement fell, also where a ramp takes it, and equity by no more than health allows for what
            was released: health without profit not yet settled, which may not be lost to another either.
    """
    if after.mm >= before.mm or after.im > before.im:
        return False
    # Health of an account that owns nothing of its own counts as 0: it may not lose any more.
    # Equity and requirements are far below 2^190: nothing can wrap.
    mm: int256 = convert(before.mm, int256)
    own: int256 = unsafe_sub(before.equity, convert(before.claims, int256))
    health: int256 = min(unsafe_mul(max(own, 0), _WAD) // mm, _WAD)
    lost: int256 = unsafe_mul(unsafe_sub(before.equity, after.equity), _WAD)
    return lost <= unsafe_mul(health, unsafe_sub(mm, convert(after.mm, int256)))
