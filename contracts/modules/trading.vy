# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Trades: what moves between two accounts in one market
@license AGPL-3.0-only
@dev docs/exact.md, section 5. A trade adds (Δ, c) to one side and exactly the negative to the other, so sizes and
     costs sum to what they did; then both sides settle.
"""
from ..interfaces import IRiskEngine
from . import account as account_words
from . import interest
from . import ledger
from . import limits
from . import margin
from . import roles
from . import refusal
from . import rounding
from . import settling

uses: interest
uses: ledger
uses: limits
uses: margin
uses: roles
uses: settling

# A trade as a venue brings it; WAD.
struct Terms:
    market: uint256
    taker: uint256
    maker: uint256
    size: int256  # what the taker gains
    price: uint256
    taker_fee: uint256
    maker_fee: uint256


# What a relief's account is held to, in place of a test; WAD.
struct Rule:
    relief: bool
    cost: uint256  # the most equity lost for a unit of requirement released
    penalty: uint256  # paid to the vault for a unit of it
    target: uint256  # health that it is not brought above


# One side of a trade: its words before, its position after, and what its cash gains.
struct Side:
    account: uint256
    market: uint256
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
_ACT_TRADE: constant(uint256) = 6
_ACT_PENALTY: constant(uint256) = 12


@external
def trade(
    market: uint256,
    taker: uint256,
    maker: uint256,
    size: int256,
    price: uint256,
    taker_fee: uint256,
    maker_fee: uint256,
):
    """
    @notice A venue's trade between two accounts, whose consent it vouches for; solvency it does not: fees are taken, both
            sides settle, then taker and maker are tested.
    @param size What the taker gains, WAD base.
    @param price WAD quote a unit, within the band round the index.
    @param taker_fee WAD quote, to the vault; so `maker_fee`.
    """
    if not roles.venues[msg.sender]:
        refusal.refuse(refusal.NOT_A_VENUE)
    self._run(
        Terms(
            market=market,
            taker=taker,
            maker=maker,
            size=size,
            price=price,
            taker_fee=taker_fee,
            maker_fee=maker_fee,
        ),
        empty(Rule),
    )


@external
def relieve(
    market: uint256,
    account: uint256,
    maker: uint256,
    size: int256,
    price: uint256,
    maker_fee: uint256,
    cost_rate: uint256,
    penalty_rate: uint256,
    target: uint256,
) -> (uint256, uint256):
    """
    @notice The auction's way to trade for an account in breach with a maker: what it costs in equity, and its penalty, are
            bounded by the requirement it releases. The maker is tested as in a trade.
    @dev Refuses what `trade` does, and `clearinghouse: beyond the rule`.
    @param size What the account gains, WAD base.
    @param cost_rate The most equity that may be lost a unit of requirement released, WAD.
    @param penalty_rate What the account pays the vault a unit of it, WAD.
    @param target Health that the account may not be brought above, WAD.
    @return Requirement released and penalty, WAD quote.
    """
    if msg.sender != roles.AUCTION:
        refusal.refuse(refusal.NOT_THE_AUCTION)
    margin.check_alone(account)
    return self._run(
        Terms(market=market, taker=account, maker=maker, size=size, price=price, taker_fee=0, maker_fee=maker_fee),
        Rule(relief=True, cost=cost_rate, penalty=penalty_rate, target=target),
    )


@internal
def _run(terms: Terms, rule: Rule) -> (uint256, uint256):
    """
    @dev Moves `size` from maker to taker, takes fees, settles both and tests them; the taker of a relief by its rule.
    @return Requirement released and penalty of a relief.
    """
    quoted: IRiskEngine.Price = self._checked(terms)
    deal: settling.Deal = settling.deal(terms.market, quoted)
    # Rounded once, against the taker, and negated for the maker: no cost is made or lost. Price and funding have 91 bits
    # at most, size 110.
    cost: int256 = rounding.ceil_div(
        unsafe_mul(terms.size, unsafe_sub(convert(terms.price, int256), deal.funding)), convert(_WAD, int256)
    )
    money: interest.Money = interest.load()
    # The vault's, and in its account with the next `collect`. Fees were compared with a bound far below where sums wrap.
    money.reserve = unsafe_add(money.reserve, unsafe_add(terms.taker_fee, terms.maker_fee))
    before: IRiskEngine.Assessment = empty(IRiskEngine.Assessment)
    if rule.relief:
        before = margin.assess(terms.taker, money.supply, money.borrow)
    sides: Side[2] = [
        self._side(deal, terms.taker, terms.size, cost, terms.taker_fee),
        self._side(deal, terms.maker, unsafe_sub(0, terms.size), unsafe_sub(0, cost), terms.maker_fee),
    ]
    # Σ cost needs nothing: what one side gains in cost the other loses. Σ |size| holds both old sizes.
    resized: int256 = unsafe_add(sides[0].resized, sides[1].resized)
    deal.size = convert(unsafe_add(convert(deal.size, int256), resized), uint256)
    first: uint256 = 0
    if sides[0].value > 0 and sides[1].value < 0:
        # Losers first: what they pay in is what winners may take out.
        first = 1
    after: IRiskEngine.Assessment[2] = empty(IRiskEngine.Assessment[2])
    for turn: uint256 in range(2):
        i: uint256 = turn ^ first
        money, deal, after[i] = self._finish(money, deal, sides[i])

    released: uint256 = 0
    penalty: uint256 = 0
    if rule.relief:
        # What the account is exposed to here shrinks, and does not turn round.
        spot: bytes32 = convert(ledger.spots[terms.taker][terms.market], bytes32)
        # At most 2e33 and 1e33.
        if unsafe_mul(unsafe_add(convert(spot, int256), sides[0].size), terms.size) > 0:
            refusal.refuse(refusal.BEYOND_THE_RULE)
        released, penalty = self._judge(rule, before, after[0])
        money = ledger.change_cash(money, terms.taker, -convert(penalty, int256))
        money.reserve += penalty
        ledger.log_cash(terms.taker, _ACT_PENALTY)
    else:
        self._test(money, sides[0], after[0], True)
    self._test(money, sides[1], after[1], not rule.relief)
    if not rule.relief and resized > 0:
        limits.check_cap(money, quoted, terms.market, deal.size)
    ledger.write_book(terms.market, deal.cost, deal.size)
    interest.store(money)
    return released, penalty


@internal
@pure
def _judge(rule: Rule, before: IRiskEngine.Assessment, after: IRiskEngine.Assessment) -> (uint256, uint256):
    """
    @dev A relief's account by its rule. A dead market does not stop a sale; one that is only late does.
    @return Requirement released and penalty.
    """
    if before.state == 1:
        margin.check_live(1)
    released: uint256 = unsafe_sub(before.mm, min(before.mm, after.mm))
    penalty: uint256 = unsafe_mul(rule.penalty, released) // _WAD
    # Equity and requirements have 128 bits and less, rates are of the order of 1.
    lost: int256 = unsafe_mul(unsafe_sub(before.equity, after.equity), convert(_WAD, int256))
    left: int256 = unsafe_mul(unsafe_sub(after.equity, convert(penalty, int256)), convert(_WAD, int256))
    if (
        released == 0
        or lost > convert(unsafe_mul(rule.cost, released), int256)
        or (left > convert(unsafe_mul(rule.target, after.mm), int256) and (after.mm != 0 or before.mm != before.floor))
    ):
        refusal.refuse(refusal.BEYOND_THE_RULE)
    return released, penalty


@internal
@view
def _checked(terms: Terms) -> IRiskEngine.Price:
    """
    @dev A trade's terms against the market's price and the settings. Differences are compared before they are
         multiplied: price and size may be anything here.
    """
    if terms.taker == terms.maker:
        refusal.refuse(refusal.SAME_ACCOUNT)
    roles.check_owner(terms.taker)
    roles.check_owner(terms.maker)
    if terms.size == 0:
        refusal.refuse(refusal.NOTHING_TO_MOVE)
    ledger.check_market(terms.market)
    quoted: IRiskEngine.Price = staticcall margin.RISK.price(terms.market)
    margin.check_live(quoted.state)
    if quoted.flags & _PERP == 0:
        refusal.refuse(refusal.NO_PERP_MARKET)
    settings: uint256 = interest.settings
    band: uint256 = unsafe_mul((settings >> 96) & _LOW_16, quoted.index) // _BPS
    # The band is narrower than the index, which has 111 bits at most.
    if terms.price > unsafe_add(quoted.index, band) or terms.price < unsafe_sub(quoted.index, band):
        refusal.refuse(refusal.PRICE_OUTSIDE_THE_BAND)
    # Smallest int256 has no absolute value, so it is compared as it is.
    ledger.check_size(terms.size <= _SIZE_MAX and terms.size >= -_SIZE_MAX)
    # A size of 1e33, a price within its band (below 2e27) and bps: no product wraps.
    notional: uint256 = rounding.ceil_udiv(unsafe_mul(convert(abs(terms.size), uint256), terms.price), _WAD)
    ledger.check_size(notional <= _NOTIONAL_MAX)
    highest: uint256 = rounding.ceil_udiv(unsafe_mul(notional, (settings >> 112) & _LOW_16), _BPS)
    if max(terms.taker_fee, terms.maker_fee) > highest:
        refusal.refuse(refusal.FEE_TOO_HIGH)
    return quoted


@internal
@view
def _side(deal: settling.Deal, account: uint256, size: int256, cost: int256, fee: uint256) -> Side:
    """
    @dev One side with the trade added to its position, nothing written yet.
    """
    # Nobody signs for the vault, nor for standing bids.
    owner: address = account_words.owner_of(account)
    if owner == roles.VAULT or owner == roles.AUCTION:
        refusal.refuse(refusal.NOT_ALLOWED)
    position: uint256 = ledger.positions[account][deal.market]
    before: int256 = 0
    held_cost: int256 = 0
    before, held_cost = account_words.unpack_position(position)
    # 128 bits and less each: sums cannot wrap.
    held: int256 = unsafe_add(before, size)
    held_cost = unsafe_add(held_cost, cost)
    return Side(
        account=account,
        market=deal.market,
        header=ledger.headers[account],
        position=position,
        size=held,
        cost=held_cost,
        change=unsafe_sub(0, convert(fee, int256)),
        value=ledger.value_of(held, held_cost, deal.unit_value),
        resized=unsafe_sub(abs(held), abs(before)),
    )


@internal
def _finish(
    money: interest.Money, deal: settling.Deal, side: Side
) -> (interest.Money, settling.Deal, IRiskEngine.Assessment):
    """
    @dev Settles a side, writes it and assesses it. A loss is settled on trial: settling does not change equity, so the
         one assessment that is needed anyway also says whether the account was solvent enough to settle.
    """
    settled: int256 = side.value
    if settled > 0:
        settled = min(settled, max(unsafe_sub(0, deal.cost), 0))
    money_after: interest.Money = empty(interest.Money)
    after: IRiskEngine.Assessment = empty(IRiskEngine.Assessment)
    for _: uint256 in range(2):
        # Words have 128 bits: no sum of them wraps.
        money_after = ledger.write_position(
            money,
            side.account,
            deal.market,
            side.size,
            unsafe_add(side.cost, settled),
            unsafe_add(side.change, settled),
        )
        after = margin.assess(side.account, money_after.supply, money_after.borrow)
        if settled >= 0 or after.equity >= 0:
            break
        settled = 0
        ledger.headers[side.account] = side.header
    deal_after: settling.Deal = deal
    deal_after.cost = unsafe_add(deal.cost, settled)
    self._log(side.account, _ACT_TRADE, deal.market)
    return money_after, deal_after, after


@internal
@view
def _test(money: interest.Money, side: Side, after: IRiskEngine.Assessment, stops: bool):
    """
    @dev The test after a fill, put off where the account is in a batch; a pause wants relief, where it `stops` such fills.
         What was before is only computed where initial margin fails or is not enough.
    """
    paused: bool = stops and limits.is_paused(1 << side.market)
    if roles.deferred[side.account] and not paused:
        return
    margin.check_live(after.state)
    if paused:
        before: IRiskEngine.Assessment = margin.assess_words(
            money.supply, money.borrow, side.account, side.header, side.market, side.position
        )
        if not margin.relieves(before, after):
            refusal.refuse(refusal.PAUSED)
    elif not margin.has_initial(after):
        margin.check_relief(money, side.account, side.header, side.market, side.position, after)


@internal
def _log(account: uint256, act: uint256, market: uint256):
    """
    @dev Logs an account whose header and one position changed.
    """
    ledger.log_account(account, act, 1 << (market + 64), [ledger.positions[account][market]])
