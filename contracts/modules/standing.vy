# pragma version ~=0.4.3
"""
@title Standing bids: what somebody will take of any account in breach, at a discount named beforehand
@license AGPL-3.0-only
@dev docs/exact.md, section 7. Each bid has an account of the auction's own, which nobody else can move, with cash for
     all that the bid offers to take. At most 64 are on the book; who offers more takes the place of who offers least, so
     that the book cannot be filled with bids that nothing backs. A sweep takes the lowest tick first, then the oldest.
"""
from ..interfaces import IAuction
from ..interfaces import IRiskEngine
from . import account as account_words
from . import bidding
from . import rounding
from . import sightings
from . import taking

uses: sightings
uses: taking

_WAD: constant(uint256) = 10**18
_PLACES: constant(uint256) = 64
_MAX_SWEPT: constant(uint256) = 8
_MAX_HELD: constant(uint256) = 16
_ONE: constant(uint256) = 10**5  # of an interval
_PERCENT: constant(uint256) = 10**16
_TICKS: constant(uint256) = 100
_CURVE_AT: constant(uint256) = 240  # of the settings
_LAST_LAMBDA_AT: constant(uint256) = 128  # of a curve
_BOND: constant(uint256) = 5 * 10**18
_STAY: constant(uint256) = 600  # seconds
_MOST: constant(uint256) = 2**121 - 1  # capacity's bits
_LOW_32: constant(uint256) = 2**32 - 1
_LOW_64: constant(uint256) = 2**64 - 1
_LOW_128: constant(uint256) = 2**128 - 1
_MARKETS_AT: constant(uint256) = 121
_INTERVAL_AT: constant(uint256) = 185
_ID_AT: constant(uint256) = 217
_TICK_AT: constant(uint256) = 249
_NOTHING: constant(uint256) = 2**96 - 1  # the auction's sub-account that never has anything

count: uint256
# Which places are taken.
live: uint256
# tick | id | interval | markets | capacity, from the top: the lower word goes first.
places: HashMap[uint256, uint256]
# Whom a bid is for; 0: there is no such bid.
takers: HashMap[uint256, uint256]
# The least requirement it takes, its place + 1 from bit 128, and from bit 160 the second it was posted; 0 from bit 128: off
# the book.
details: HashMap[uint256, uint256]


@internal
def post(
    taker: uint256,
    tick: uint256,
    capacity: uint256,
    minimum: uint256,
    markets: uint256,
    interval: uint256,
    cash: uint256,
) -> uint256:
    """
    @notice Puts a bid on the book, with cash of the taker's that covers all it offers.
    @dev Refuses what is out of range, too little cash, a full book in which nothing offers less, and all of it after a
         shutdown.
    @return Its id.
    """
    assert sightings.settings != 0, "auction: shut down"
    # What λ never reaches takes no risk, and would only crowd others out.
    curve: uint256 = sightings.curves[sightings.settings >> _CURVE_AT]
    assert tick <= _TICKS and tick * 100 <= (curve >> _LAST_LAMBDA_AT) & (2**16 - 1), "auction: tick out of range"
    assert minimum != 0 and minimum <= capacity and capacity <= _MOST, "auction: capacity out of range"
    assert markets <= _LOW_64 and account_words.count(markets) <= _MAX_HELD, "auction: too many markets"
    assert interval <= _LOW_32, "auction: interval out of range"
    # In a batch cash may be owed that nothing backs: who is in one cannot be assessed.
    payer: IRiskEngine.Assessment = staticcall sightings.CLEARINGHOUSE.assess(taker)
    # Initial margin for all of it, and what it may lose inside the interval: so a bid that lost nothing can be taken.
    risk: uint256 = staticcall sightings.RISK_ENGINE.risk()
    iota: uint256 = (risk >> 210) & (2**16 - 1)
    # A part of an account in all these markets wants the least requirement of each.
    least: uint256 = account_words.count(markets) * ((risk >> 226) & (2**24 - 1)) * 10**16
    needed: uint256 = rounding.ceil_udiv(max(capacity, least) * (10 * iota + interval), _ONE) + _BOND
    assert cash >= needed and cash <= _LOW_128, "auction: not enough cash"

    id: uint256 = self.count + 1
    assert id <= _LOW_32, "auction: too many standing bids"
    self.count = id
    place: uint256 = self._free(capacity)
    word: uint256 = (tick << _TICK_AT) | (id << _ID_AT) | (interval << _INTERVAL_AT) | (markets << _MARKETS_AT)
    word |= capacity
    self.live |= 1 << place
    self.places[place] = word
    self.takers[id] = taker
    self.details[id] = minimum | ((place + 1) << 128) | (block.timestamp << 160)
    log IAuction.StandingPosted(id=id, taker=taker, minimum=minimum, word=word)
    self._pay(taker, self._account(id), cash)
    return id


@internal
def remove(id: uint256, taker: uint256):
    """
    @notice Takes a bid off the book for good, and gives all that its account has to its taker.
    @dev Refuses what was posted less than ten minutes ago and still stands: `auction: posted lately`. Else borrowed money could
         crowd the book out and be back within a transaction.
    """
    assert block.timestamp >= (self.details[id] >> 160) + _STAY, "auction: posted lately"
    self._take_off(id)
    self.takers[id] = 0
    log IAuction.StandingRemoved(id=id)
    extcall sightings.CLEARINGHOUSE.slice(self._account(id), taker, _WAD, 0, 0, taker, 0)


@internal
def sweep(account: uint256, most: uint256):
    """
    @notice Has standing bids take an account in breach, as many as are wanted, each at its own tick.
    @param most At most 8.
    """
    assert most <= _MAX_SWEPT, "auction: too many to sweep"
    terms: uint256 = sightings.settings
    sight: sightings.Sight = sightings.look(account, terms, msg.sender)
    assert len(sight.refusal) == 0, sight.refusal
    held: uint256 = taking.held(account)
    words: DynArray[uint256, _PLACES] = self.book()
    iota: uint256 = ((staticcall sightings.RISK_ENGINE.risk()) >> 210) & (2**16 - 1)
    change: int256 = 0
    tried: uint256 = 0
    done: bool = False
    # What is passed over is not tried: else a few bids that can take nothing would stand before all the others.
    for _: uint256 in range(_PLACES):
        best: uint256 = self._best(words, account, sight, held)
        if best == _PLACES or tried == most:
            break
        word: uint256 = words[best]
        words[best] = 0
        id: uint256 = (word >> _ID_AT) & _LOW_32
        minimum: uint256 = self.details[id] & _LOW_128
        capacity: uint256 = word & _MOST
        victim: bidding.Victim = sightings.victim(sight.assessment, sight.run)
        victim.lambda_now = (word >> _TICK_AT) * _PERCENT
        # Capacity is what the bid's margin was counted for: the larger requirement while one ramps up, rounded up.
        weight: uint256 = max(victim.mm, rounding.ceil_udiv(sight.assessment.im * 10_000, iota))
        asked: uint256 = min(_WAD, rounding.ceil_udiv(capacity * _WAD, weight))
        offer: bidding.Offer = sightings.offer(victim, terms, asked)
        # A part of the requirement that is all the target wants may be less than the minimum.
        least: uint256 = min(minimum, offer.fraction_max * weight // _WAD)
        if offer.fraction == 0 or offer.fraction * weight // _WAD < least:
            continue
        tried += 1
        part: taking.Slice = taking.Slice(
            account=account, taker=self._account(id), asked=asked, opener=0, opener_gets=0
        )
        paid: uint256 = 0
        part.opener, part.opener_gets, paid = taking.opener(sight, offer, convert(msg.sender, uint256) << 96, terms)
        taken: bool = False
        lacking: bool = False
        taken, lacking = self._try(part, offer)
        if lacking:
            self._take_off(id)
            self._forfeit(id)
        if taken:
            change += taking.book(sight, victim, offer, account, paid)
            taking.announce(part, sight.assessment, offer)
            self._use(id, word, minimum, rounding.ceil_udiv(offer.fraction * weight, _WAD))
        if taken or lacking:
            done = True
            # A bond may have gone to the very account: what it was before is no longer what it is.
            sight = sightings.look(account, terms, msg.sender)
            if len(sight.refusal) != 0:
                break
    assert done, "auction: nothing swept"
    sightings.report(change)


@internal
@view
def book() -> DynArray[uint256, _PLACES]:
    """
    @notice Words of the bids on the book, in no order.
    """
    words: DynArray[uint256, _PLACES] = []
    rest: uint256 = self.live
    for _: uint256 in range(_PLACES):
        if rest == 0:
            break
        words.append(self.places[account_words.lowest(rest)])
        rest &= rest - 1
    return words


@internal
@view
def _best(words: DynArray[uint256, _PLACES], account: uint256, sight: sightings.Sight, held: uint256) -> uint256:
    # The lowest tick that λ has reached, then the oldest, of the bids that accept the account's markets and interval.
    best: uint256 = len(words)
    lowest: uint256 = max_value(uint256)
    width: uint256 = (sight.assessment.down + sight.assessment.up) * _ONE
    reached: uint256 = sightings.victim(sight.assessment, sight.run).lambda_now // _PERCENT
    for i: uint256 in range(len(words), bound=_PLACES):
        word: uint256 = words[i]
        if word == 0 or word >= lowest or word >> _TICK_AT > reached:
            continue
        if held & ~(word >> _MARKETS_AT) != 0 or self._account((word >> _ID_AT) & _LOW_32) == account:
            continue
        if width > ((word >> _INTERVAL_AT) & _LOW_32) * sight.assessment.mm:
            continue
        best = i
        lowest = word
    return best if lowest != max_value(uint256) else _PLACES


@internal
def _try(part: taking.Slice, offer: bidding.Offer) -> (bool, bool):
    # In a call of its own, so that what it moved is undone where the bid's account cannot bear it.
    success: bool = False
    answer: Bytes[132] = b""
    success, answer = raw_call(
        self,
        abi_encode(
            part.account,
            part.taker,
            offer.fraction,
            offer.taker_pays,
            offer.account_gets,
            part.opener,
            part.opener_gets,
            method_id=method_id("try_slice(uint256,uint256,uint256,int256,uint256,uint256,uint256)"),
        ),
        max_outsize=132,
        revert_on_failure=False,
    )
    # Only for want of margin does a bid lose its bond: a sweeper can make the call fail otherwise, for want of gas.
    reason: Bytes[132] = abi_encode("clearinghouse: below initial margin", method_id=method_id("Error(string)"))
    return success, not success and answer == reason


@internal
def _use(id: uint256, word: uint256, minimum: uint256, released: uint256):
    capacity: uint256 = word & _MOST
    left: uint256 = capacity - min(capacity, released)
    if left < minimum:
        self._take_off(id)
    else:
        after: uint256 = (word & ~_MOST) | left
        self.places[((self.details[id] >> 128) & _LOW_32) - 1] = after
        log IAuction.StandingChanged(id=id, word=after)


@internal
def _take_off(id: uint256):
    detail: uint256 = self.details[id]
    if detail >> 128 != 0:
        place: uint256 = ((detail >> 128) & _LOW_32) - 1
        self.live &= ~(1 << place)
        self.places[place] = 0
        self.details[id] = detail & _LOW_128
        log IAuction.StandingChanged(id=id, word=0)


@internal
def _free(capacity: uint256) -> uint256:
    free: uint256 = ~self.live & _LOW_64
    if free != 0:
        return account_words.lowest(free)
    least: uint256 = max_value(uint256)
    place: uint256 = 0
    for i: uint256 in range(_PLACES):
        word: uint256 = self.places[i]
        # Of several that offer least the newest goes.
        rank: uint256 = ((word & _MOST) << 32) | (_LOW_32 - ((word >> _ID_AT) & _LOW_32))
        if rank < least:
            least = rank
            place = i
    assert capacity > least >> 32, "auction: book is full"
    self._take_off((self.places[place] >> _ID_AT) & _LOW_32)
    return place


@internal
def _forfeit(id: uint256):
    # What would leave a loss behind is not paid.
    account: uint256 = self._account(id)
    assessment: IRiskEngine.Assessment = staticcall sightings.CLEARINGHOUSE.assess(account)
    if assessment.equity >= convert(_BOND + assessment.down, int256):
        self._pay(account, convert(msg.sender, uint256) << 96, _BOND)


@internal
def _pay(payer: uint256, receiver: uint256, amount: uint256):
    # A slice of nothing: the payer takes it, and who is paid for the sighting gets the price.
    extcall sightings.CLEARINGHOUSE.slice(
        self._account(_NOTHING), payer, _WAD, convert(amount, int256), 0, receiver, amount
    )


@internal
@view
def _account(id: uint256) -> uint256:
    return (convert(self, uint256) << 96) | id
