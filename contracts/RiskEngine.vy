# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title RiskEngine: prices, risk parameters and the margin requirement
@license AGPL-3.0-only
@notice Anyone brings prices, the owner sets parameters, and a margin check is one call that hands over an
        account's words. Holds no money and knows no account.
@dev Arithmetic, words and order of refusals are those of docs/exact.md, sections 1 to 3.
"""

from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from snekmate.utils import eip712_domain_separator

from .interfaces import IRiskEngine
from .modules import account
from .modules import parameters as market_parameters
from .modules import prices
from .modules import engine_refusal as refusal
from .modules import reports as signed_reports
from .modules import requirement
from .modules import retirement
from .modules import slow_feed as slow_feeds

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: eip712_domain_separator
initializes: market_parameters
initializes: prices
initializes: signed_reports[eip712_domain_separator := eip712_domain_separator]
initializes: requirement[market_parameters := market_parameters, prices := prices]
initializes: retirement
initializes: slow_feeds

implements: IRiskEngine

# Without an owner no signer could ever be replaced: ownership is handed on, never renounced.
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    eip712_domain_separator.eip712Domain,
)

_BASIS_OFFSET: constant(int256) = 2**19
# Of what is kept beside a market's feed.
_RETIRING: constant(uint256) = market_parameters.RETIRING << 224


@deploy
def __init__(oracle: IRiskEngine.Oracle, quote_feed: address, quote_heartbeat: uint256):
    """
    @param oracle Timing and interval constants.
    @param quote_feed The quote token's own slow feed, zero where slow feeds are in quote already.
    @param quote_heartbeat Seconds after which its answer counts no more.
    """
    ownable.__init__()
    ownable_2step.__init__()
    eip712_domain_separator.__init__("Plimsoll", "1")
    prices.__init__(oracle)
    if quote_feed != empty(address):
        self._set_slow_feed(slow_feeds.QUOTE, quote_feed, quote_heartbeat, 0)


# Prices


@external
def update(reports: DynArray[IRiskEngine.Report, 7]):
    """
    @notice Moves the markets of one round's reports to the medians of their prices, by anyone. A market whose
            fast price is of that round's time or later is left as it is.
    @param reports As many as the threshold says, of one round, by distinct signers, over one list of markets.
    """
    quote: uint256 = slow_feeds.quote
    needed: uint256 = slow_feeds.threshold_of(quote)
    if len(reports) < max(needed, 1):
        refusal.refuse(refusal.TOO_FEW_REPORTS)
    if len(reports) > needed:
        refusal.refuse(refusal.TOO_MANY_REPORTS)
    round: uint256 = reports[0].round
    # Division, so that no round can overflow; a round of the past fits its 64 bits.
    if round > block.timestamp // prices.ORACLE.round_seconds:
        refusal.refuse(refusal.REPORT_FROM_THE_FUTURE)
    time: uint256 = unsafe_mul(round, prices.ORACLE.round_seconds)
    if unsafe_sub(block.timestamp, time) > prices.ORACLE.max_report_age:
        refusal.refuse(refusal.REPORT_TOO_OLD)

    length: uint256 = len(reports[0].payload)
    separator: bytes32 = signed_reports.separator()
    seen: uint256 = 0
    for i: uint256 in range(needed, bound=signed_reports.MAX_REPORTS):
        if reports[i].round != round:
            refusal.refuse(refusal.MIXED_ROUNDS)
        if len(reports[i].payload) != length or length == 0 or length & 31 != 0:
            refusal.refuse(refusal.PAYLOAD_LENGTH)
        seen = signed_reports.check(round, keccak256(reports[i].payload), reports[i].signature, separator, seen)

    moved: uint256 = 0
    words: DynArray[uint256, 64] = []
    in_order: bool = True
    quote = slow_feeds.look_at_quote(quote)
    for place: uint256 in range(length // 32, bound=signed_reports.MAX_ENTRIES):
        start: uint256 = unsafe_mul(place, 32)
        entry: uint256 = extract32(reports[0].payload, start, output_type=uint256)
        market: uint256 = (entry >> 90) & 255
        encoded: uint256 = 0
        confidence: uint256 = 0
        basis: uint256 = 0
        feed: uint256 = 0
        if needed == 3:
            # Three take no list.
            second: uint256 = extract32(reports[1].payload, start, output_type=uint256)
            third: uint256 = extract32(reports[2].payload, start, output_type=uint256)
            feed = slow_feeds.listed(market, (entry ^ second) | (entry ^ third))
            encoded, confidence, basis = signed_reports.median_of_three(entry, second, third)
        else:
            entries: uint256[signed_reports.MAX_REPORTS] = empty(uint256[signed_reports.MAX_REPORTS])
            different: uint256 = 0
            for i: uint256 in range(needed, bound=signed_reports.MAX_REPORTS):
                entries[i] = extract32(reports[i].payload, start, output_type=uint256)
                different |= entries[i] ^ entry
            feed = slow_feeds.listed(market, different)
            encoded, confidence, basis = signed_reports.median(entries, needed)
        word: uint256 = prices.words[market]
        # A price from the slow feed never outranks a report: whoever refreshes every block would hold it for ever.
        if prices.time_of(word) >= time and not prices.is_from_slow(word):
            continue
        if feed & _RETIRING != 0:
            retirement.see(market, prices.decode(word), prices.ORACLE.price_age)
        target: int256 = unsafe_sub(convert(basis, int256), _BASIS_OFFSET)
        word = prices.advance(word, time, encoded, confidence, target, slow_feeds.look_in_quote(feed, quote), feed)
        prices.words[market] = word
        bit: uint256 = 1 << market
        if bit > moved:
            words.append(word)
        else:
            in_order = False
        moved |= bit
    if in_order:
        log IRiskEngine.PricesUpdated(round=round, markets=moved, words=words)
    else:
        self._log_prices(round, moved)


@external
def refresh(markets: DynArray[uint256, 64]):
    """
    @notice Looks at markets' slow feeds again, by anyone. A slow price becomes the source where no fast one lives;
            elsewhere it only moves the gap.
    """
    moved: uint256 = 0
    quote: uint256 = slow_feeds.look_at_quote(slow_feeds.quote)
    for market: uint256 in markets:
        feed: uint256 = slow_feeds.listed(market, 0)
        word: uint256 = prices.words[market]
        after: uint256 = prices.relook(word, slow_feeds.look_in_quote(feed, quote), feed)
        if after != word:
            if feed & _RETIRING != 0:
                retirement.see(market, prices.decode(word), prices.ORACLE.price_age)
            prices.words[market] = after
            moved |= 1 << market
    self._log_prices(0, moved)


@external
@view
def price(market: uint256) -> IRiskEngine.Price:
    """
    @notice A market's stored price as it reads now; state 0 live, 1 late, 2 dead.
    """
    market_parameters.check_known(market)
    word: uint256 = prices.words[market]
    parameters: uint256 = market_parameters.words[market]
    reading: prices.Reading = prices.read(word)
    funding: int256 = prices.funding_of(word) * 10**6
    return IRiskEngine.Price(
        state=reading.state,
        index=convert(reading.index, uint256),
        mark=reading.net_mark + funding,
        funding=funding,
        up=reading.up,
        down=reading.down,
        up_faded=reading.up_faded,
        down_faded=reading.down_faded,
        time=prices.time_of(word),
        flags=market_parameters.flags(parameters),
        cap=market_parameters.cap(parameters),
    )


@external
@view
def price_word(market: uint256) -> uint256:
    """
    @notice A market's stored price; 0 before its first.
    """
    return prices.words[market]


@external
@view
def oracle() -> IRiskEngine.Oracle:
    """
    @notice Timing and interval constants.
    """
    return prices.ORACLE


# The requirement


@external
@view
def assess(cash: int256, maps: uint256, words: DynArray[uint256, 32]) -> IRiskEngine.Assessment:
    """
    @notice Equity (rounded down), requirement and possible loss (rounded up), and what else a margin check needs
            of an account. One that owes nothing has no requirement, and none of its prices is read.
    @param cash Current cash, WAD.
    @param maps Markets with spot | markets with a position << 64; at most 16 markets.
    @param words In rising order of market, spot balance before position word.
    """
    return requirement.assess(cash, maps, words, False)


@external
@view
def appraise(cash: int256, maps: uint256, words: DynArray[uint256, 32]) -> IRiskEngine.Assessment:
    """
    @notice As `assess`, but an account that owes nothing has its spot priced too: equity includes it, and the state
            is the worst of its markets.
    """
    return requirement.assess(cash, maps, words, True)


# Parameters


@external
def add_market(parameters: uint256, feed: address, heartbeat: uint256, deviation: uint256) -> uint256:
    """
    @notice Lists a market and returns its number: the next free one of 64.
    @param parameters The market's parameter word.
    @param feed The market's slow feed, zero for none.
    @param heartbeat Seconds after which the feed's answer counts no more.
    @param deviation The feed's own deviation threshold, 1e-5.
    """
    ownable._check_owner()
    market: uint256 = market_parameters.add(parameters)
    self._note_parameters(market)
    self._set_slow_feed(market, feed, heartbeat, deviation)
    return market


@external
def set_parameters(market: uint256, parameters: uint256):
    """
    @notice Replaces a market's parameter word. What rises of s, u and g ramps in from what it is now.
    """
    ownable._check_owner()
    market_parameters.set_market(market, parameters, prices.ORACLE.ramp)
    self._note_parameters(market)


@external
def calibrate(market: uint256, s: uint256, u: uint256, g: uint256, cap: uint256):
    """
    @notice Moves a market's s, u, g (1e-5) and cap (whole quote) by at most a fifth of each, by the calibrator, once
            a day at most.
    """
    if msg.sender != market_parameters.calibrator:
        refusal.refuse(refusal.NOT_THE_CALIBRATOR)
    market_parameters.calibrate(market, s, u, g, cap, prices.ORACLE.ramp)
    self._note_parameters(market)


@external
def set_calibrator(calibrator: address):
    """
    @notice Replaces who may calibrate, zero for nobody.
    """
    ownable._check_owner()
    market_parameters.calibrator = calibrator
    log IRiskEngine.CalibratorSet(calibrator=calibrator)


@external
def retire(market: uint256):
    """
    @notice Gives a market up: no more perpetuals or collateral, its price is averaged from now on, and its s and u ramp
            up to the most there is.
    """
    ownable._check_owner()
    market_parameters.retire(market, prices.ORACLE.ramp)
    retirement.begin(market)
    self._note_parameters(market)


@external
def freeze(market: uint256):
    """
    @notice Freezes the price of a market that is given up at its average, by anyone, once that says enough. Its g rises to
            the most there is, its s falls to the least.
    """
    market_parameters.check_known(market)
    flags: uint256 = market_parameters.flags(market_parameters.words[market])
    if flags & market_parameters.RETIRING == 0:
        refusal.refuse(refusal.NOT_RETIRING)
    prices.words[market] = prices.frozen(prices.words[market], retirement.average(market))
    market_parameters.freeze(market, prices.ORACLE.ramp)
    self._note_parameters(market)
    self._log_prices(0, 1 << market)


@external
def set_slow_feed(market: uint256, feed: address, heartbeat: uint256, deviation: uint256):
    """
    @notice Replaces a market's slow feed, zero for none; market 2^256 - 1 is the quote token's own.
    """
    ownable._check_owner()
    if market != slow_feeds.QUOTE:
        market_parameters.check_known(market)
    self._set_slow_feed(market, feed, heartbeat, deviation)


@external
def set_risk(risk: uint256):
    """
    @notice Replaces correlations, kappa, iota and the minimum requirement; all but iota ramps in, and while it does
            iota alone may change.
    """
    ownable._check_owner()
    market_parameters.set_risk(risk, prices.ORACLE.ramp)
    target: uint256 = 0
    times: uint256 = 0
    target, times = self._risk_ramp()
    log IRiskEngine.RiskSet(risk=market_parameters.risk, target=target, times=times)


@external
def set_signers(signers: DynArray[address, 16], threshold: uint256):
    """
    @notice Replaces those whose reports count, and how many of them an update takes: an odd number.
    """
    ownable._check_owner()
    signed_reports.set_signers(signers, threshold)
    slow_feeds.set_threshold(threshold)
    log IRiskEngine.SignersSet(signers=signers, threshold=threshold)


@external
@view
def parameters(market: uint256) -> uint256:
    """
    @notice A market's parameter word; 0 for one that is not there.
    """
    return market_parameters.words[market] if market < 64 else 0


@external
@view
def slow_feed(market: uint256) -> uint256:
    """
    @notice A market's slow feed word, or for market 2^256 - 1 the quote token's own; 0 for none.
    """
    return slow_feeds.shown(market)


@external
@view
def risk() -> uint256:
    """
    @notice Correlations, kappa, iota and the minimum requirement in one word.
    """
    return market_parameters.risk


@external
@view
def risk_ramp() -> (uint256, uint256):
    """
    @notice The risk word that `risk` is on its way to, and start (bits 0 to 31) and end (32 to 63) of the way; zeros
            without a ramp.
    """
    return self._risk_ramp()


@external
@view
def calibrator() -> address:
    """
    @notice Who may calibrate.
    """
    return market_parameters.calibrator


@external
@view
def market_count() -> uint256:
    """
    @notice How many markets there are.
    """
    return market_parameters.count


@external
@view
def signers() -> DynArray[address, 16]:
    """
    @notice Those whose reports count.
    """
    return signed_reports.signers


@external
@view
def threshold() -> uint256:
    """
    @notice How many reports an update takes.
    """
    return slow_feeds.threshold_of(slow_feeds.quote)


@internal
@view
def _risk_ramp() -> (uint256, uint256):
    if market_parameters.risk & market_parameters.RISK_RAMP == 0:
        return 0, 0
    return market_parameters.risk_target, market_parameters.risk_times


@internal
def _note_parameters(market: uint256):
    word: uint256 = market_parameters.words[market]
    slow_feeds.note(market, market_parameters.g(word), market_parameters.flags(word))
    log IRiskEngine.MarketSet(market=market, parameters=word)


@internal
def _set_slow_feed(market: uint256, feed: address, heartbeat: uint256, deviation: uint256):
    log IRiskEngine.SlowFeedSet(market=market, feed=slow_feeds.set(market, feed, heartbeat, deviation))


@internal
def _log_prices(round: uint256, moved: uint256):
    words: DynArray[uint256, 64] = []
    left: uint256 = moved
    for _: uint256 in range(64):
        if left == 0:
            break
        market: uint256 = account.lowest(left)
        words.append(prices.words[market])
        left &= unsafe_sub(left, 1)  # not 0 here
    log IRiskEngine.PricesUpdated(round=round, markets=moved, words=words)
