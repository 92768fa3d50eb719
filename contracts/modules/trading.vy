# pragma version ~=0.4.3
"""
@title Trades and settlement: what moves between two accounts in one market
@license AGPL-3.0-only
@dev docs/exact.md, section 5. A trade adds (Δ, c) to one side and exactly the negative to the other, so sizes and
     costs sum to what they did; settling moves a position's value from its cost to cash, a profit only as far as
     the market's losers have paid in.
"""
from ..interfaces import IClearinghouse
from ..interfaces import IRiskEngine
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

# A trade as a venue brings it; WAD.
struct Terms:
    market: uint256
    taker: uint256
    maker: uint256
    size: int256  # what the taker gains
    price: uint256
    taker_fee: uint256
    maker_fee: uint256


# One market during an act: its prices, and its book as the act changes it.
struct Deal:
    market: uint256
    unit_value: int256  # mark less cumulative funding, WAD quote a unit
    funding: int256  # cumulative funding, WAD quote a unit
    cost: int256  # Σ cost, WAD quote
    size: uint256  # Σ |size|, WAD base


# One side of a trade: its words before, its position after, and what its cash gains.
struct Side:
    account: uint256
    header: uint256
    position: uint256
    size: int256
    cost: int256
    change: int256
    value: int256  # what settling would move to cash
    resized: int256  # what Σ |size| gains


_WAD: constant(uint256) = 10**18
_SIZE_MAX: constant(int256) = 10**33
_NOTIONAL_MAX: constant(uint256) = 10**30
_BPS: constant(uint256) = 10_000
_LOW_16: constant(uint256) = 2**16 - 1
_PERP: constant(uint256) = 2
_ACT_SETTLE: constant(uint256) = 5
_ACT_TRADE: constant(uint256) = 6
_ACT_FEES: constant(uint256) = 9


@internal
def settle(market: uint256, accounts: DynArray[uint256, 64]):
    """
    @notice Settles positions of one market at its mark, in the order given. A loss of an account that is insolvent, or
            whose prices are not live, stays where it is.
    """
    price: IRiskEngine.Price = staticcall margin.RISK.price(market)
    margin.check_live(price.state)
    money: interest.Money = interest.load()
    deal: Deal = self._deal(market, price)
    for account: uint256 in accounts:
        money, deal = self._settle_one(money, deal, account)
    ledger.write_book(market, deal.cost, deal.size)
    interest.store(money)


@internal
def trade(terms: Terms):
    """
    @notice Moves `size` (WAD base; above 0: the taker buys) at `price` (WAD quote) from maker to taker, takes fees,
            settles both, then tests the taker and the maker.
    """
    deal: Deal = self._checked(terms)
    # Rounded once, against the taker, and negated for the maker: no cost is made or lost. Price and funding have 91 bits
    # at most, size 110.
    cost: int256 = rounding.ceil_div(
        unsafe_mul(terms.size, unsafe_sub(convert(terms.price, int256), deal.funding)), convert(_WAD, int256)
    )
    money: interest.Money = interest.load()
    # Fees were compared with a bound far below where their sum could wrap.
    fees: uint256 = unsafe_add(terms.taker_fee, terms.maker_fee)
    if fees != 0:
        money = self._pay_vault(money, fees)

    sides: Side[2] = [
        self._side(deal, terms.taker, terms.size, cost, terms.taker_fee),
        self._side(deal, terms.maker, unsafe_sub(0, terms.size), unsafe_sub(0, cost), terms.maker_fee),
    ]
    # Σ cost needs nothing: what one side gains in cost the other loses. Σ |size| holds both old sizes.
    deal.size = convert(unsafe_add(convert(deal.size, int256), sides[0].resized + sides[1].resized), uint256)
    first: uint256 = 0
    if sides[0].value > 0 and sides[1].value < 0:
        # Losers first: what they pay in is what winners may take out.
        first = 1
    after: IRiskEngine.Assessment[2] = empty(IRiskEngine.Assessment[2])
    for turn: uint256 in range(2):
        i: uint256 = turn ^ first
        money, deal, after[i] = self._finish(money, deal, sides[i])
    for i: uint256 in range(2):
        self._test(money, terms.market, sides[i], after[i])
    ledger.write_book(terms.market, deal.cost, deal.size)
    interest.store(money)


@internal
def _pay_vault(money: interest.Money, fees: uint256) -> interest.Money:
    vault: uint256 = roles.vault_account()
    after: interest.Money = ledger.change_cash(money, vault, convert(fees, int256))
    ledger.log_cash(vault, _ACT_FEES)
    return after


@internal
@view
def _checked(terms: Terms) -> Deal:
    """
    @dev A trade's terms against the market's price and the settings. Differences are compared before they are
         multiplied: price and size may be anything here.
    """
    quoted: IRiskEngine.Price = staticcall margin.RISK.price(terms.market)
    margin.check_live(quoted.state)
    if quoted.flags & _PERP == 0:
        refusal.refuse("clearinghouse: no perp market")
    settings: uint256 = interest.settings
    band: uint256 = ((settings >> 96) & _LOW_16) * quoted.index // _BPS
    # The band is narrower than the index, which has 111 bits at most.
    if terms.price > unsafe_add(quoted.index, band) or terms.price < unsafe_sub(quoted.index, band):
        refusal.refuse("clearinghouse: price outside the band")
    # Smallest int256 has no absolute value, so it is compared as it is.
    ledger.check_size(terms.size <= _SIZE_MAX and terms.size >= -_SIZE_MAX)
    # A size of 1e33, a price within its band (below 2e27) and bps: no product wraps.
    notional: uint256 = rounding.ceil_udiv(unsafe_mul(convert(abs(terms.size), uint256), terms.price), _WAD)
    ledger.check_size(notional <= _NOTIONAL_MAX)
    highest: uint256 = rounding.ceil_udiv(unsafe_mul(notional, settings >> 112), _BPS)
    if max(terms.taker_fee, terms.maker_fee) > highest:
        refusal.refuse("clearinghouse: fee too high")
    return self._deal(terms.market, quoted)


@internal
@view
def _deal(market: uint256, price: IRiskEngine.Price) -> Deal:
    cost: int256 = 0
    size: uint256 = 0
    cost, size = ledger.book_of(market)
    return Deal(market=market, unit_value=price.mark - price.funding, funding=price.funding, cost=cost, size=size)


@internal
@view
def _side(deal: Deal, account: uint256, size: int256, cost: int256, fee: uint256) -> Side:
    """
    @dev One side with the trade added to its position, nothing written yet.
    """
    position: uint256 = ledger.positions[account][deal.market]
    before: int256 = 0
    held_cost: int256 = 0
    before, held_cost = account_words.unpack_position(position)
    # 128 bits and less each: sums cannot wrap.
    held: int256 = unsafe_add(before, size)
    held_cost = unsafe_add(held_cost, cost)
    return Side(
        account=account,
        header=ledger.headers[account],
        position=position,
        size=held,
        cost=held_cost,
        change=-convert(fee, int256),
        value=ledger.value_of(held, held_cost, deal.unit_value),
        resized=unsafe_sub(abs(held), abs(before)),
    )


@internal
def _finish(money: interest.Money, deal: Deal, side: Side) -> (interest.Money, Deal, IRiskEngine.Assessment):
    """
    @dev Settles a side, writes it and assesses it. A loss is settled on trial: settling does not change equity, so the
         one assessment that is needed anyway also says whether the account was solvent enough to settle.
    """
    settled: int256 = side.value
    if settled > 0:
        settled = min(settled, max(-deal.cost, 0))
    money_after: interest.Money = ledger.write_position(
        money, side.account, deal.market, side.size, side.cost + settled, side.change + settled
    )
    after: IRiskEngine.Assessment = margin.assess(money_after, side.account)
    if settled < 0 and after.equity < 0:
        settled = 0
        ledger.headers[side.account] = side.header
        money_after = ledger.write_position(money, side.account, deal.market, side.size, side.cost, side.change)
        after = margin.assess(money_after, side.account)
    deal_after: Deal = deal
    deal_after.cost += settled
    self._log(side.account, _ACT_TRADE, deal.market)
    return money_after, deal_after, after


@internal
@view
def _test(money: interest.Money, market: uint256, side: Side, after: IRiskEngine.Assessment):
    """
    @dev The test after a fill. What was before is only computed where initial margin fails.
    """
    margin.check_live(after.state)
    if not margin.has_initial(after):
        margin.check_relief(money, side.account, side.header, market, side.position, after)


@internal
def _settle_one(money: interest.Money, deal: Deal, account: uint256) -> (interest.Money, Deal):
    """
    @dev Settles one account's position as far as the rules go; what cannot settle is left, not refused, so that one
         account in a list does not hold up the others.
    """
    size: int256 = 0
    cost: int256 = 0
    size, cost = account_words.unpack_position(ledger.positions[account][deal.market])
    settled: int256 = ledger.value_of(size, cost, deal.unit_value)
    if settled > 0:
        settled = min(settled, max(-deal.cost, 0))
    elif settled < 0 and not self._is_solvent(money, deal.market, account, settled):
        settled = 0
    if settled == 0:
        return money, deal
    money_after: interest.Money = ledger.write_position(money, account, deal.market, size, cost + settled, settled)
    deal_after: Deal = deal
    deal_after.cost += settled
    self._log(account, _ACT_SETTLE, deal.market)
    return money_after, deal_after


@internal
@view
def _is_solvent(money: interest.Money, market: uint256, account: uint256, worth: int256) -> bool:
    """
    @dev Whether equity is known to be 0 or more. An account with nothing but this position needs no RiskEngine: its
         equity is cash and the position's value, at a price that is known to be live.
    """
    principal: int256 = 0
    spots: uint256 = 0
    perps: uint256 = 0
    principal, spots, perps = account_words.unpack_header(ledger.headers[account])
    if spots == 0 and perps == 1 << market:
        return interest.cash_of(principal, money.supply, money.borrow) + worth >= 0
    assessment: IRiskEngine.Assessment = margin.assess(money, account)
    return assessment.state == 0 and assessment.equity >= 0


@internal
def _log(account: uint256, act: uint256, market: uint256):
    """
    @dev Logs an account whose header and one position changed.
    """
    ledger.log_account(account, act, 1 << (market + 64), [ledger.positions[account][market]])
