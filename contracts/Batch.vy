# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Several acts of one caller on accounts of its own, tested together at their end
@custom:contract-name Batch
@license AGPL-3.0-only
@notice While a batch is under way its accounts' own tests wait: a bid may be paid with what it brought, a hedge unwound
        leg by leg. At the end each account has its initial margin, or has become no worse.
@dev Holds nothing between transactions, and nobody's leave: it acts for accounts only while the Clearinghouse holds their
     tests back for it, and pulls tokens from its caller alone. docs/exact.md, section 5.
"""
from ethereum.ercs import IERC20

from .interfaces import IBatch
from .interfaces import IBatchReceiver
from .interfaces import IClearinghouse
from .interfaces import IRiskEngine
from .modules import account as account_words

implements: IBatch

_WAD: constant(int256) = 10**18
_EVERYTHING: constant(uint256) = 2**64 - 1
_LOW_32: constant(uint256) = 2**32 - 1
_DATA: constant(uint256) = 4096
_FILL: constant(bytes4) = method_id(
    "fill((uint256,uint256,int256,uint256,uint256,uint256,uint256,bool,uint256),bytes,uint256,uint256,uint256)",
    output_type=bytes4,
)
_BID: constant(bytes4) = method_id(
    "bid(uint256,(uint256,uint256,int256,uint256,uint256,uint256,uint256)[])", output_type=bytes4
)

# An account as it was, for the RiskEngine to assess.
struct Book:
    cash: int256
    maps: uint256
    words: DynArray[uint256, 32]


_CLEARINGHOUSE: immutable(IClearinghouse)
_RISK: immutable(IRiskEngine)
_QUOTE: immutable(address)


@deploy
def __init__(clearinghouse_: address):
    """
    @notice A batch for a Clearinghouse, which names it.
    """
    _CLEARINGHOUSE = IClearinghouse(clearinghouse_)
    _RISK = IRiskEngine(staticcall _CLEARINGHOUSE.risk_engine())
    _QUOTE = staticcall _CLEARINGHOUSE.quote_token()


@external
def batch(accounts: DynArray[uint256, 4], steps: DynArray[IBatch.Step, 16]):
    """
    @notice Does steps in order for accounts that the caller may act for, all or none of them; a fill that the venue
            refuses is left out with an event.
    @dev Refuses `batch: not allowed`, `batch: account twice`, `batch: unknown step`, `batch: account not named`,
         `batch: not a venue`, `batch: wrong call`, what a step is refused for, and at the end `batch: price is late`,
         `batch: market is dead`, `batch: below initial margin`, `batch: in breach`.
    """
    before: DynArray[Book, 4] = []
    for account: uint256 in accounts:
        assert staticcall _CLEARINGHOUSE.is_allowed(account, msg.sender), "batch: not allowed"
        assert account_words.owner_of(account) != empty(address), "batch: not allowed"
        # Whoever is deferred already is in this batch.
        for i: uint256 in range(len(before), bound=4):
            assert accounts[i] != account, "batch: account twice"
        book: Book = empty(Book)
        book.cash, book.maps, book.words = staticcall _CLEARINGHOUSE.book_of(account)
        before.append(book)
        extcall _CLEARINGHOUSE.defer(account, True)
    for i: uint256 in range(len(steps), bound=16):
        self._do(i, steps[i], accounts)
    paused: bool = self._is_paused()
    for i: uint256 in range(len(accounts), bound=4):
        extcall _CLEARINGHOUSE.defer(accounts[i], False)
    for i: uint256 in range(len(accounts), bound=4):
        self._test(accounts[i], before[i], staticcall _CLEARINGHOUSE.assess(accounts[i]), paused)


@external
@view
def clearinghouse() -> address:
    return _CLEARINGHOUSE.address


@internal
def _do(index: uint256, step: IBatch.Step, accounts: DynArray[uint256, 4]):
    if step.kind == 1:
        self._pull(_QUOTE, step.amount)
        extcall _CLEARINGHOUSE.deposit(step.account, step.amount)
    elif step.kind == 2:
        extcall _CLEARINGHOUSE.withdraw(step.account, step.amount, self._receiver(step, accounts))
    elif step.kind == 3:
        self._pull(staticcall _CLEARINGHOUSE.spot_token(step.market), step.amount)
        extcall _CLEARINGHOUSE.deposit_spot(step.account, step.market, step.amount)
    elif step.kind == 4:
        extcall _CLEARINGHOUSE.withdraw_spot(step.account, step.market, step.amount, self._receiver(step, accounts))
    elif step.kind == 5:
        market: uint256 = 0
        settled: DynArray[uint256, 64] = []
        market, settled = abi_decode(step.data, (uint256, DynArray[uint256, 64]))
        extcall _CLEARINGHOUSE.settle(market, settled)
    elif step.kind == 6:
        assert staticcall _CLEARINGHOUSE.is_venue(step.target), "batch: not a venue"
        self._check_call(step.data, _FILL)
        filled: bool = False
        reason: Bytes[256] = b""
        filled, reason = raw_call(step.target, step.data, max_outsize=256, revert_on_failure=False)
        if not filled:
            log IBatch.StepSkipped(index=index, reason=reason)
    elif step.kind == 7:
        self._check_call(step.data, _BID)
        raw_call(staticcall _CLEARINGHOUSE.auction(), step.data)
    elif step.kind == 8:
        extcall IBatchReceiver(step.target).on_batch(msg.sender, step.data)
    else:
        raise "batch: unknown step"


@internal
def _pull(token: address, amount: uint256):
    """
    @dev From the caller to here, and left for the Clearinghouse to take: exactly that much, so nothing stays.
    """
    assert token != empty(address), "batch: unknown token"
    assert extcall IERC20(token).transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), "batch: transfer failed"
    assert extcall IERC20(token).approve(
        _CLEARINGHOUSE.address, amount, default_return_value=True
    ), "batch: transfer failed"


@internal
@view
def _receiver(step: IBatch.Step, accounts: DynArray[uint256, 4]) -> address:
    """
    @dev As at the Clearinghouse's own door: an operator may move an owner's money home, and nowhere else.
    """
    assert step.account in accounts, "batch: account not named"
    owner: address = account_words.owner_of(step.account)
    return step.target if msg.sender == owner else owner


@internal
@pure
def _check_call(data: Bytes[_DATA], selector: bytes4):
    """
    @dev Nothing else of a venue or of the auction may be called in the batch's name.
    """
    assert len(data) >= 4 and convert(slice(data, 0, 4), bytes4) == selector, "batch: wrong call"


@internal
@view
def _is_paused() -> bool:
    settings: uint256 = staticcall _CLEARINGHOUSE.settings()
    return (settings >> 160) & _LOW_32 > block.timestamp and settings >> 192 == _EVERYTHING


@internal
@view
def _test(account: uint256, book: Book, after: IRiskEngine.Assessment, paused: bool):
    """
    @notice Initial margin, counting profit not settled as nothing; or a requirement that fell, at a cost that health allows
            for, both in equity and in what of it is no profit to be settled: settling inside the batch turns one into the
            other, and neither may pay for what leaves. Nor does relief bring an account in breach a market: who names the
            markets it takes would pass it over.
    @dev What the account was is assessed at the prices of the end: a receiver may have brought new ones, and between two
         prices equity comes and goes for nothing.
    """
    assert after.state != 1, "batch: price is late"
    assert after.state == 0, "batch: market is dead"
    if after.mm == 0:
        return
    net: int256 = after.equity - convert(after.claims, int256)
    if net >= convert(after.im + after.down, int256) and not paused:
        return
    before: IRiskEngine.Assessment = staticcall _RISK.assess(book.cash, book.maps, book.words)
    # What a ramp raises counts as it will be, too. And quote that leaves again may not have made an insolvent account solvent
    # for a moment, and settled its losses.
    enough: bool = before.state == 0 and after.mm < before.mm and after.im <= before.im and after.equity >= 0
    mm: int256 = convert(before.mm, int256)
    if enough:
        net_before: int256 = before.equity - convert(before.claims, int256)
        health: int256 = min(max(net_before, 0) * _WAD // mm, _WAD)
        most: int256 = health * (mm - convert(after.mm, int256))
        enough = (net_before - net) * _WAD <= most and (before.equity - after.equity) * _WAD <= most
    assert enough, "batch: below initial margin"
    if before.equity < mm:
        # Spots from bit 0, positions from bit 64, as in the book.
        held: uint256 = (staticcall _CLEARINGHOUSE.header(account)) >> 128
        assert (held | (held >> 64)) & ~(book.maps | (book.maps >> 64)) & _EVERYTHING == 0, "batch: in breach"
