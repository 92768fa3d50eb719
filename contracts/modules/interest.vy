# pragma version ~=0.4.3
"""
@title Cash indices, totals and custody: what lenders earn, borrowers owe and the contract holds
@license AGPL-3.0-only
@dev Words and arithmetic are those of docs/exact.md, sections 1 and 4. An act loads the three words once, carries
     them in memory and stores them at its end.
"""
from ..interfaces import IClearinghouse
from . import refusal
from . import rounding

# The three words of an act under way, accrued to now, beside what they were when it began.
struct Money:
    supply: uint256  # index of positive cash, WAD
    borrow: uint256  # index of negative cash, WAD
    rates: uint256  # supply rate, borrow rate << 32; 1e-9 a year
    positive: uint256  # Σ positive principal, WAD
    negative: uint256  # Σ |negative principal|, WAD
    held: uint256  # quote tokens held, WAD
    reserve: uint256  # the vault's interest, not yet in its account, WAD
    indices_before: uint256
    totals_before: uint256
    custody_before: uint256


WAD: constant(uint256) = 10**18
CASH_MAX: constant(uint256) = 10**30

# Added before a division by WAD, it rounds up.
_UP: constant(uint256) = WAD - 1
_CASH_MAX: constant(int256) = 10**30
_FLOOR: constant(uint256) = 10**12  # below it the supply index is not cut
_YEAR: constant(uint256) = 31_536_000
_RATE: constant(uint256) = 10**9
_RATE_YEAR: constant(uint256) = _RATE * _YEAR
_BPS: constant(uint256) = 10_000
_LOW_16: constant(uint256) = 2**16 - 1
_LOW_32: constant(uint256) = 2**32 - 1
_LOW_80: constant(uint256) = 2**80 - 1
_LOW_128: constant(uint256) = 2**128 - 1

# The words of docs/exact.md, section 1: read and written once an act.
indices: uint256
totals: uint256
custody: uint256
settings: uint256
# Σ positive principal before this transaction, and 1; 0 while it is what it was.
first: transient (uint256)


@deploy
def __init__(settings_: uint256):
    """
    @notice Starts both indices at 1 with nothing lent.
    @param settings_ Kink, rates, reserve, band and highest fee.
    """
    self.indices = (block.timestamp << 160) | (WAD << 80) | WAD
    self.set_settings(settings_)
    log IClearinghouse.InterestChanged(indices=self.indices, totals=0, custody=0)


@internal
def set_settings(settings_: uint256):
    """
    @notice Replaces the settings of the word; rates follow when they are next set.
    @dev Refuses ranges that later arithmetic relies on: `clearinghouse: settings out of range`.
    """
    kink: uint256 = settings_ & _LOW_16
    band: uint256 = (settings_ >> 96) & _LOW_16
    # Kink and band are 1 to 9,999 each: 0 wraps.
    if (
        max(unsafe_sub(kink, 1), unsafe_sub(band, 1)) > _BPS - 2
        or (settings_ >> 16) & _LOW_32 > (settings_ >> 48) & _LOW_32
        or max((settings_ >> 80) & _LOW_16, (settings_ >> 112) & _LOW_16) > _BPS
        or settings_ >> 160 != 0
    ):
        refusal.refuse(refusal.SETTINGS_OUT_OF_RANGE)
    # A pause runs on: it is no setting.
    self.put_settings((self.settings >> 160 << 160) | settings_)


@internal
def put_settings(word: uint256):
    """
    @notice Writes and logs the word of settings, a pause's end and its markets.
    """
    self.settings = word
    log IClearinghouse.SettingsSet(settings=word)


@internal
@view
def load() -> Money:
    """
    @notice The three words, with interest accrued to now.
    """
    indices: uint256 = self.indices
    totals: uint256 = self.totals
    custody: uint256 = self.custody
    supply: uint256 = 0
    borrow: uint256 = 0
    supply, borrow = self._grown(indices)
    money: Money = Money(
        supply=supply,
        borrow=borrow,
        rates=indices >> 192,
        positive=totals & _LOW_128,
        negative=totals >> 128,
        held=custody & _LOW_128,
        reserve=custody >> 128,
        indices_before=indices,
        totals_before=totals,
        custody_before=custody,
    )
    supply = indices & _LOW_80
    borrow = (indices >> 80) & _LOW_80
    if money.borrow != borrow:
        # What borrowers pay and lenders are not paid. Nothing can wrap: a total has 128 bits, an index 80.
        earned: uint256 = unsafe_add(
            unsafe_mul(money.negative, money.borrow) // WAD, unsafe_mul(money.positive, supply) // WAD
        )
        passed_on: uint256 = unsafe_add(
            unsafe_add(unsafe_mul(money.negative, borrow), _UP) // WAD,
            unsafe_add(unsafe_mul(money.positive, money.supply), _UP) // WAD,
        )
        if earned > passed_on:
            money.reserve = unsafe_add(money.reserve, unsafe_sub(earned, passed_on))
    return money


@internal
@view
def peek() -> (uint256, uint256):
    """
    @notice Supply and borrow index now: what a test needs that changes nothing.
    """
    return self._grown(self.indices)


@internal
@view
def _grown(indices: uint256) -> (uint256, uint256):
    """
    @dev Both indices now. Nothing here can wrap: an index has 80 bits, a rate 32, seconds 33. An index that stops costs
         somebody interest after decades; one that ran into its neighbour in the word would cost all.
    """
    supply: uint256 = indices & _LOW_80
    borrow: uint256 = (indices >> 80) & _LOW_80
    # The clock never goes back.
    elapsed: uint256 = unsafe_sub(block.timestamp, (indices >> 160) & _LOW_32)
    if elapsed != 0 and indices >> 192 != 0:
        gained: uint256 = unsafe_mul(unsafe_mul(supply, (indices >> 192) & _LOW_32), elapsed)
        supply = min(unsafe_add(supply, gained // _RATE_YEAR), _LOW_80)
        owed: uint256 = unsafe_mul(unsafe_mul(borrow, indices >> 224), elapsed)
        borrow = min(unsafe_add(borrow, unsafe_add(owed, _RATE_YEAR - 1) // _RATE_YEAR), _LOW_80)
    return supply, borrow


@internal
def share_loss(money: Money, account: uint256, loss: uint256) -> Money:
    """
    @notice Takes a loss (WAD quote) that a slice of `account` left from all positive cash alike, by its index.
    @dev Refuses what would leave next to nothing, and so an index that rounds badly for ever: `clearinghouse: loss beyond
         the floor`.
    """
    after: Money = money
    owned: uint256 = unsafe_mul(money.positive, money.supply) // WAD
    after.supply = 0
    if loss < owned:
        # An index of 80 bits, a sum below 2^128.
        after.supply = money.supply * unsafe_sub(owned, loss) // owned
    if after.supply < _FLOOR:
        refusal.refuse(refusal.LOSS_BEYOND_THE_FLOOR)
    log IClearinghouse.LossShared(account=account, loss=loss, supply=after.supply)
    return after


@internal
@view
def words(money: Money) -> (uint256, uint256, uint256):
    """
    @notice Indices, totals and custody as words, at now.
    """
    if (money.positive | money.negative | money.held | money.reserve) > _LOW_128:
        refusal.refuse(refusal.CASH_OUT_OF_BOUNDS)
    return (
        (money.rates << 192) | (block.timestamp << 160) | (money.borrow << 80) | money.supply,
        (money.negative << 128) | money.positive,
        (money.reserve << 128) | money.held,
    )


@internal
def store(money: Money):
    """
    @notice Ends an act: sets rates where totals or tokens held changed, writes the words that changed, and logs them.
    """
    indices: uint256 = 0
    totals: uint256 = 0
    custody: uint256 = 0
    indices, totals, custody = self.words(money)
    if totals != money.totals_before or ((custody ^ money.custody_before) & _LOW_128) != 0:
        indices = (indices & (2**192 - 1)) | (self.rates(money) << 192)
    if indices == money.indices_before and totals == money.totals_before and custody == money.custody_before:
        return
    self.indices = indices
    if totals != money.totals_before:
        if self.first == 0:
            self.first = unsafe_add(money.totals_before & _LOW_128, 1)
        self.totals = totals
    if custody != money.custody_before:
        self.custody = custody
    log IClearinghouse.InterestChanged(indices=indices, totals=totals, custody=custody)


@internal
@view
def rates(money: Money) -> uint256:
    """
    @notice Supply rate | borrow rate << 32 (1e-9 a year) at the utilisation of now: a kinked line, rounded up for what
            borrowers pay and down for what lenders get.
    """
    # Totals and tokens held have 128 bits, an index 80, what is multiplied below 33 and less: nothing can wrap, and
    # every difference is of a smaller from a larger.
    cash: uint256 = unsafe_mul(money.positive, money.supply) // WAD
    if money.held >= cash:
        # Nothing is lent: the line starts at 0.
        return 0
    # Rounded down: lenders are never credited for more than what is lent.
    used: uint256 = unsafe_mul(unsafe_sub(cash, money.held), _RATE) // cash
    settings: uint256 = self.settings
    kink: uint256 = unsafe_mul(settings & _LOW_16, 10**5)
    at_kink: uint256 = (settings >> 16) & _LOW_32
    borrow: uint256 = 0
    if used <= kink:
        borrow = rounding.ceil_udiv(unsafe_mul(at_kink, used), kink)
    else:
        steeper: uint256 = unsafe_sub((settings >> 48) & _LOW_32, at_kink)
        borrow = unsafe_add(
            at_kink, rounding.ceil_udiv(unsafe_mul(steeper, unsafe_sub(used, kink)), unsafe_sub(_RATE, kink))
        )
    passed_on: uint256 = unsafe_sub(_BPS, (settings >> 80) & _LOW_16)
    supply: uint256 = unsafe_mul(unsafe_mul(borrow, used), passed_on) // (_RATE * _BPS)
    return (borrow << 32) | supply


@internal
@pure
def cash_of(principal: int256, supply: uint256, borrow: uint256) -> int256:
    """
    @notice What a principal is worth (WAD quote), rounded toward minus infinity.
    """
    # 128 bits by 80: it cannot wrap.
    if principal < 0:
        owed: uint256 = unsafe_mul(convert(unsafe_sub(0, principal), uint256), borrow)
        return unsafe_sub(0, convert(unsafe_add(owed, _UP) // WAD, int256))
    return convert(unsafe_mul(convert(principal, uint256), supply) // WAD, int256)


@internal
@pure
def changed(money: Money, principal: int256, change: int256) -> (Money, int256):
    """
    @notice Changes the cash behind a principal, and the totals with it.
    @dev A change of 0 keeps the principal: only real changes may cost an account a rounding.
         Refuses: `clearinghouse: cash out of bounds`.
    @return The money after it, and the new principal, rounded toward minus infinity.
    """
    if change == 0:
        return money, principal
    after: Money = money
    cash: int256 = self.cash_of(principal, money.supply, money.borrow) + change
    if abs(cash) > _CASH_MAX:
        refusal.refuse(refusal.CASH_OUT_OF_BOUNDS)
    # Bounded by 1e30 and by 128 bits, products and sums cannot wrap; and a total is never less than one of its parts.
    if principal < 0:
        after.negative = unsafe_sub(after.negative, convert(unsafe_sub(0, principal), uint256))
    else:
        after.positive = unsafe_sub(after.positive, convert(principal, uint256))
    renewed: int256 = 0
    if cash < 0:
        owed: uint256 = rounding.ceil_udiv(unsafe_mul(convert(unsafe_sub(0, cash), uint256), WAD), money.borrow)
        after.negative = unsafe_add(after.negative, owed)
        renewed = unsafe_sub(0, convert(owed, int256))
    else:
        owned: uint256 = unsafe_mul(convert(cash, uint256), WAD) // money.supply
        after.positive = unsafe_add(after.positive, owned)
        renewed = convert(owned, int256)
    return after, renewed
