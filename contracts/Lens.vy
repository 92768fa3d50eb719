# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The lens: the whole protocol as a person or a bot wants to see it, in one call
@license AGPL-3.0-only
@notice Views only, over the state of now. None reverts for a price that is late or dead: each says the state instead.
@dev Holds nothing and is trusted with nothing: a new one may be deployed at any time. docs/exact.md says what each
     number is, and how it is rounded.
"""

from .interfaces import IAuction
from .interfaces import IClearinghouse
from .interfaces import IInsuranceVault
from .interfaces import ILens
from .interfaces import IRiskEngine
from .modules import account as account_words
from .modules import bidding
from .modules import curve as clock
from .modules import insight
from .modules import interest
from .modules import rounding

implements: ILens
initializes: insight

exports: (insight.quote, insight.insurance, insight.entries, insight.leaving, insight.standing)

# A book under construction: what an account would hold.
struct Book:
    maps: uint256  # spots | perps << 64
    words: DynArray[uint256, 32]
    markets: uint256


_WAD: constant(uint256) = 10**18
_SIGNED_WAD: constant(int256) = 10**18
_RATE: constant(uint256) = 10**9
_LOW_16: constant(uint256) = 2**16 - 1
_LOW_32: constant(uint256) = 2**32 - 1
_LOW_80: constant(uint256) = 2**80 - 1
_LOW_128: constant(uint256) = 2**128 - 1
_MAX_HELD: constant(uint256) = 16
_MAX_MARKETS: constant(uint256) = 64
_MAX_ACCOUNTS: constant(uint256) = 32
_MAX_AUCTIONS: constant(uint256) = 64
_NONE: constant(uint256) = 0
_OPEN: constant(uint256) = 1
_EXPIRED: constant(uint256) = 2

clearinghouse: public(immutable(address))
risk_engine: public(immutable(address))
auction: public(immutable(address))
vault: public(immutable(address))
_CLEARINGHOUSE: immutable(IClearinghouse)
_RISK_ENGINE: immutable(IRiskEngine)
_AUCTION: immutable(IAuction)
_VAULT: immutable(IInsuranceVault)


@deploy
def __init__(clearinghouse_: address, auction_: address, vault_: address):
    """
    @notice A lens on one deployment.
    """
    insight.__init__(clearinghouse_, auction_, vault_)
    clearinghouse = clearinghouse_
    auction = auction_
    vault = vault_
    _CLEARINGHOUSE = IClearinghouse(clearinghouse_)
    _AUCTION = IAuction(auction_)
    _VAULT = IInsuranceVault(vault_)
    risk_engine = staticcall _CLEARINGHOUSE.risk_engine()
    _RISK_ENGINE = IRiskEngine(risk_engine)


@external
@view
def account(id: uint256) -> ILens.AccountView:
    """
    @notice An account: what it holds, what that is worth and requires, and whether it is sighted.
    """
    return self._account(id)


@external
@view
def accounts(ids: DynArray[uint256, _MAX_ACCOUNTS]) -> DynArray[ILens.AccountView, _MAX_ACCOUNTS]:
    """
    @notice As `account`, of up to 32.
    """
    views: DynArray[ILens.AccountView, _MAX_ACCOUNTS] = []
    for id: uint256 in ids:
        views.append(self._account(id))
    return views


@external
@view
def auctions(ids: DynArray[uint256, _MAX_AUCTIONS]) -> DynArray[ILens.AuctionView, _MAX_AUCTIONS]:
    """
    @notice The runs of up to 64 accounts, and what a bid for all of each would do now.
    """
    views: DynArray[ILens.AuctionView, _MAX_AUCTIONS] = []
    grace: uint256 = self._terms().grace
    for id: uint256 in ids:
        quoted: IAuction.Quote = staticcall _AUCTION.quote(id, _WAD)
        run: clock.Run = clock.unpack_run(quoted.run)
        views.append(
            ILens.AuctionView(
                account=id,
                state=self._state_of(run, grace),
                opener=run.opener,
                start=run.start,
                last=run.last,
                nonce=run.nonce,
                curve=run.curve,
                quote=quoted,
            )
        )
    return views


@external
@view
def quote_for(taker: uint256, account: uint256, fraction: uint256) -> ILens.TakerView:
    """
    @notice As `quote`, and what the taker's account would be after it, by the roundings of the act itself.
    @dev Where nothing can be had the taker is assessed as it is.
    """
    result: ILens.TakerView = empty(ILens.TakerView)
    result.quote = staticcall _AUCTION.quote(account, fraction)
    if taker == account:
        result.quote.reason = "auction: taker is the account"
    part: uint256 = result.quote.fraction if len(result.quote.reason) == 0 else 0

    change: int256 = 0
    if part != 0:
        change, result.vault_covers = self._cash_change(taker, account, result.quote)
    book: Book = self._merged(taker, account, part)
    result.markets = book.markets
    if book.markets > _MAX_HELD:
        return result
    result.after = staticcall _RISK_ENGINE.assess(self._cash_after(taker, change), book.maps, book.words)
    wanted: uint256 = max(result.after.im + result.after.down, result.after.claims)
    result.meets_initial = result.after.state == 0 and result.after.equity >= convert(wanted, int256)
    return result


@external
@view
def markets() -> DynArray[ILens.MarketView, _MAX_MARKETS]:
    """
    @notice Every market: price, parameters, book.
    """
    views: DynArray[ILens.MarketView, _MAX_MARKETS] = []
    for market: uint256 in range(staticcall _RISK_ENGINE.market_count(), bound=_MAX_MARKETS):
        views.append(self._market(market))
    return views


@external
@view
def protocol() -> ILens.ProtocolView:
    """
    @notice Interest, custody, the vault and the parameters in force, accrued to now.
    """
    indices: uint256 = 0
    totals: uint256 = 0
    custody: uint256 = 0
    indices, totals, custody = staticcall _CLEARINGHOUSE.accrued()
    result: ILens.ProtocolView = empty(ILens.ProtocolView)
    result.time = block.timestamp
    result.quote_token = staticcall _CLEARINGHOUSE.quote_token()
    result.quote_scale = staticcall _CLEARINGHOUSE.quote_scale()
    result.supply_index = indices & _LOW_80
    result.borrow_index = (indices >> 80) & _LOW_80
    result.supply_rate = (indices >> 192) & _LOW_32
    result.borrow_rate = indices >> 224
    result.supplied = (totals & _LOW_128) * result.supply_index // _WAD
    result.borrowed = rounding.ceil_udiv((totals >> 128) * result.borrow_index, _WAD)
    result.held = custody & _LOW_128
    result.reserve = custody >> 128
    if result.supplied > result.held:
        result.utilisation = (result.supplied - result.held) * _RATE // result.supplied
    result.settings = staticcall _CLEARINGHOUSE.settings()
    result.vault_account = staticcall _VAULT.account()
    result.vault_assets = staticcall _VAULT.totalAssets()
    result.vault_shares = staticcall _VAULT.totalSupply()
    result.share_price = staticcall _VAULT.convertToAssets(10**convert(staticcall _VAULT.decimals(), uint256))
    result.terms = staticcall _AUCTION.terms()
    result.curve_count = staticcall _AUCTION.curve_count()
    result.curve = staticcall _AUCTION.curve(result.curve_count - 1)
    result.risk = staticcall _RISK_ENGINE.risk()
    result.market_count = staticcall _RISK_ENGINE.market_count()
    result.clearinghouse = clearinghouse
    result.risk_engine = risk_engine
    result.auction = auction
    result.vault = vault
    return result


@internal
@view
def _account(id: uint256) -> ILens.AccountView:
    result: ILens.AccountView = empty(ILens.AccountView)
    result.id = id
    result.owner = account_words.owner_of(id)
    maps: uint256 = 0
    words: DynArray[uint256, 32] = []
    result.cash, maps, words = staticcall _CLEARINGHOUSE.book_of(id)
    result.assessment = staticcall _RISK_ENGINE.appraise(result.cash, maps, words)
    result.health = max_value(int256)
    if result.assessment.mm != 0:
        result.health = rounding.floor_div(
            result.assessment.equity * _SIGNED_WAD, convert(result.assessment.mm, int256)
        )

    result.run = staticcall _AUCTION.run(id)
    run: clock.Run = clock.unpack_run(result.run)
    terms: bidding.Terms = self._terms()
    result.run_state = self._state_of(run, terms.grace)
    curve: uint256 = staticcall _AUCTION.curve_count() - 1
    elapsed: uint256 = 0
    if result.run_state == _OPEN:
        curve = run.curve
        # Time that nobody has watched counts as far as a sighting vouches.
        elapsed = run.last - run.start + min(block.timestamp - run.last, terms.watch)
    result.lambda_now = clock.lambda_at(staticcall _AUCTION.curve(curve), elapsed)

    held: uint256 = self._held(id)
    for _: uint256 in range(_MAX_HELD):
        if held == 0:
            break
        market: uint256 = account_words.lowest(held)
        held ^= 1 << market
        result.holdings.append(self._holding(id, market))
    return result


@internal
@view
def _holding(id: uint256, market: uint256) -> ILens.Holding:
    price: IRiskEngine.Price = staticcall _RISK_ENGINE.price(market)
    spot: uint256 = staticcall _CLEARINGHOUSE.spot(id, market)
    size: int256 = 0
    cost: int256 = 0
    size, cost = account_words.unpack_position(staticcall _CLEARINGHOUSE.position(id, market))
    return ILens.Holding(
        market=market,
        spot=spot,
        size=size,
        cost=cost,
        state=price.state,
        index=price.index,
        mark=price.mark,
        spot_value=spot * price.index // _WAD,
        value=rounding.floor_div(size * (price.mark - price.funding), _SIGNED_WAD) - cost,
    )


@internal
@view
def _market(market: uint256) -> ILens.MarketView:
    word: uint256 = staticcall _RISK_ENGINE.parameters(market)
    book: uint256 = staticcall _CLEARINGHOUSE.market_book(market)
    return ILens.MarketView(
        market=market,
        price=staticcall _RISK_ENGINE.price(market),
        price_word=staticcall _RISK_ENGINE.price_word(market),
        parameters=word,
        slow_feed=staticcall _RISK_ENGINE.slow_feed(market),
        systematic=word & _LOW_16,
        idiosyncratic=(word >> 16) & _LOW_16,
        gross=(word >> 32) & _LOW_16,
        cap=(word >> 160) & (2**40 - 1),
        bucket=(word >> 200) & 255,
        flags=(word >> 208) & 255,
        cost=convert(convert(book << 128, bytes32), int256) >> 128,
        size=book >> 128,
        spot=staticcall _CLEARINGHOUSE.spot_total(market),
        token=staticcall _CLEARINGHOUSE.spot_token(market),
    )


@internal
@view
def _merged(taker: uint256, account: uint256, part: uint256) -> Book:
    # The taker's words once a part (WAD) of each of the account's is added; beyond 16 markets they are only counted.
    book: Book = empty(Book)
    rest: uint256 = self._held(taker)
    if part != 0:
        rest |= self._held(account)
    for _: uint256 in range(2 * _MAX_HELD):
        if rest == 0:
            break
        market: uint256 = account_words.lowest(rest)
        bit: uint256 = 1 << market
        rest ^= bit
        spot: uint256 = staticcall _CLEARINGHOUSE.spot(taker, market)
        position: uint256 = staticcall _CLEARINGHOUSE.position(taker, market)
        if part != 0:
            spot += (staticcall _CLEARINGHOUSE.spot(account, market)) * part // _WAD
            position = self._added(position, staticcall _CLEARINGHOUSE.position(account, market), part)
        if spot == 0 and position == 0:
            continue
        book.markets += 1
        if book.markets > _MAX_HELD:
            continue
        if spot != 0:
            book.maps |= bit
            book.words.append(spot)
        if position != 0:
            book.maps |= bit << 64
            book.words.append(position)
    return book


@internal
@pure
def _added(own: uint256, given: uint256, part: uint256) -> uint256:
    size: int256 = 0
    cost: int256 = 0
    given_size: int256 = 0
    given_cost: int256 = 0
    size, cost = account_words.unpack_position(own)
    given_size, given_cost = account_words.unpack_position(given)
    fraction: int256 = convert(part, int256)
    return account_words.pack_position(
        size + given_size * fraction // _SIGNED_WAD,
        cost + rounding.ceil_div(given_cost * fraction, _SIGNED_WAD),
    )


@internal
@view
def _cash_change(taker: uint256, account: uint256, quoted: IAuction.Quote) -> (int256, bool):
    # What the taker's cash changes by, and whether the vault has what it must pay.
    terms: bidding.Terms = self._terms()
    run: clock.Run = clock.unpack_run(quoted.run)
    is_open: bool = self._state_of(run, terms.grace) == _OPEN
    share: uint256 = 0
    paid: uint256 = 0
    share, paid = bidding.opener_share(
        quoted.fraction * quoted.penalty * quoted.mm // _WAD**2, terms.opener_cap, run.paid if is_open else 0
    )
    part: int256 = rounding.floor_div(
        staticcall _CLEARINGHOUSE.cash(account) * convert(quoted.fraction, int256), _SIGNED_WAD
    )
    change: int256 = part - quoted.taker_pays
    if not is_open or convert(run.opener, uint256) << 96 == taker:
        # Who starts the run in its bid is paid in the taker's cash.
        change += convert(share, int256)
    vault_gets: int256 = quoted.taker_pays - convert(quoted.account_gets + share, int256)
    return change, staticcall _CLEARINGHOUSE.cash(staticcall _VAULT.account()) + vault_gets >= 0


@internal
@view
def _cash_after(account: uint256, change: int256) -> int256:
    # What the principal written is worth: the Clearinghouse tests that.
    cash: int256 = staticcall _CLEARINGHOUSE.cash(account)
    if change == 0:
        return cash
    indices: uint256 = (staticcall _CLEARINGHOUSE.accrued())[0]
    supply: uint256 = indices & _LOW_80
    borrow: uint256 = (indices >> 80) & _LOW_80
    index: uint256 = supply if cash + change >= 0 else borrow
    principal: int256 = rounding.floor_div((cash + change) * _SIGNED_WAD, convert(index, int256))
    return interest.cash_of(principal, supply, borrow)


@internal
@view
def _held(id: uint256) -> uint256:
    header: uint256 = staticcall _CLEARINGHOUSE.header(id)
    return (header >> 192) | ((header >> 128) & (2**64 - 1))


@internal
@view
def _terms() -> bidding.Terms:
    return bidding.unpack_terms(staticcall _AUCTION.terms())


@internal
@view
def _state_of(run: clock.Run, grace: uint256) -> uint256:
    if run.start == 0:
        return _NONE
    if block.timestamp - run.last > grace:
        return _EXPIRED
    return _OPEN
