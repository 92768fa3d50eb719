# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Settlement: what a position is worth becomes cash
@license AGPL-3.0-only
@dev docs/exact.md, section 5. Settling moves a position's value from its cost to cash, a profit only as far as the
     market's losers have paid in.
"""
from ..interfaces import IRiskEngine
from . import interest
from . import ledger
from . import margin

uses: interest
uses: ledger
uses: margin

# One market during an act: its prices, and its book as the act changes it.
struct Deal:
    market: uint256
    unit_value: int256  # mark less cumulative funding, WAD quote a unit
    funding: int256  # cumulative funding, WAD quote a unit
    cost: int256  # Σ cost, WAD quote
    size: uint256  # Σ |size|, WAD base
    retired: bool


_RETIRED: constant(uint256) = 32
_ACT_SETTLE: constant(uint256) = 5


@external
def settle(market: uint256, accounts: DynArray[uint256, 64]):
    """
    @notice Moves positions' value to cash, by anyone, in the order given: solvent losers pay, and winners get as much. A
            loss of an account that is insolvent, or whose prices are not live, stays where it is.
    """
    ledger.check_market(market)
    price: IRiskEngine.Price = staticcall margin.RISK.price(market)
    margin.check_live(price.state)
    money: interest.Money = interest.load()
    deal: Deal = self.deal(market, price)
    for account: uint256 in accounts:
        money, deal = self._settle_one(money, deal, account)
    ledger.write_book(market, deal.cost, deal.size)
    interest.store(money)


@internal
@view
def deal(market: uint256, price: IRiskEngine.Price) -> Deal:
    """
    @notice A market as an act begins: its prices, and its book.
    """
    cost: int256 = 0
    size: uint256 = 0
    cost, size = ledger.book_of(market)
    return Deal(
        market=market,
        unit_value=price.mark - price.funding,
        funding=price.funding,
        cost=cost,
        size=size,
        retired=price.flags & _RETIRED != 0,
    )


@internal
def _settle_one(money: interest.Money, deal: Deal, account: uint256) -> (interest.Money, Deal):
    """
    @dev Settles one account's position as far as the rules go; what cannot settle is left, not refused, so that one
         account in a list does not hold up the others.
    """
    size: int256 = 0
    cost: int256 = 0
    size, cost = ledger.position_of(account, deal.market)
    settled: int256 = ledger.value_of(size, cost, deal.unit_value)
    deal_after: Deal = deal
    resized: bool = deal.retired and size != 0
    if resized:
        # What it is worth for good becomes a claim, or a debt. Σ cost keeps what the sizes were worth, which sums to 0
        # over the market: only so does it still say what losers have paid in.
        cost = unsafe_sub(0, settled)
        deal_after.size = unsafe_sub(deal.size, convert(abs(size), uint256))
        size = 0
    if settled > 0:
        settled = min(settled, max(unsafe_sub(0, deal.cost), 0))
    elif settled < 0 and not self._is_solvent(money, deal.market, account, settled):
        settled = 0
    if settled == 0 and not resized:
        return money, deal
    money_after: interest.Money = ledger.write_position(
        money, account, deal.market, size, unsafe_add(cost, settled), settled
    )
    deal_after.cost = unsafe_add(deal.cost, settled)
    ledger.log_account(account, _ACT_SETTLE, 1 << (deal.market + 64), [ledger.positions[account][deal.market]])
    return money_after, deal_after


@internal
@view
def _is_solvent(money: interest.Money, market: uint256, account: uint256, worth: int256) -> bool:
    """
    @dev Whether equity is known to be 0 or more. An account with nothing but this position needs no RiskEngine: its
         equity is cash and the position's value, at a price that is known to be live.
    """
    if ledger.headers[account] >> 128 == 1 << (market + 64):
        return unsafe_add(ledger.cash_at(account, money.supply, money.borrow), worth) >= 0
    assessment: IRiskEngine.Assessment = margin.assess(account, money.supply, money.borrow)
    return assessment.state == 0 and assessment.equity >= 0
