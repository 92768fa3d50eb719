# pragma version ~=0.4.3
"""
@title Slow feeds: aggregators that others push, read so that none can stop an update
@license AGPL-3.0-only
@dev The AggregatorV3 interface. Word and rules are those of docs/exact.md, sections 1 and 2.
"""

from . import engine_refusal as refusal


interface Aggregator:
    def decimals() -> uint8: view


# The number under which the quote token's own feed is set and shown.
QUOTE: constant(uint256) = max_value(uint256)
LOWEST_PRICE: constant(uint256) = 10**9
HIGHEST_PRICE: constant(uint256) = 10**27

_MARKETS: constant(uint256) = 64
_LISTED: constant(uint256) = 1
_FEED_GAS: constant(uint256) = 100_000
# A caller that leaves a feed less than its allowance could make it fail, and a gap vanish with it.
_GAS_BEFORE_FEED: constant(uint256) = 110_000
# Keeps price · 1e18 · 1e18 within 256 bits; an answer beyond it is out of bounds for any feed.
_HIGHEST_ANSWER: constant(uint256) = 10**40
_ADDRESS: constant(uint256) = 2**160 - 1
_FEED: constant(uint256) = 2**208 - 1
_PRICE: constant(uint256) = 2**200 - 1
_NO_QUOTE_FEED: constant(uint256) = max_value(uint256)
_ROUND_DATA: constant(Bytes[4]) = method_id("latestRoundData()")

# A market's feed word, and above it what an update must know of the market's parameters: one word less to read.
words: uint256[_MARKETS]
# The quote token's own feed word, 0 where feeds are in quote already; and above it, because an update reads it anyway,
# how many reports an update takes.
quote: uint256


@internal
def set(market: uint256, feed: address, heartbeat: uint256, deviation: uint256) -> uint256:
    """
    @notice Sets a market's feed (or that of QUOTE) and returns its word; a feed of zero removes it.
    @param heartbeat Seconds after which an answer counts no more.
    @param deviation The feed's own deviation threshold, 1e-5.
    """
    word: uint256 = 0
    if feed != empty(address):
        decimals: uint256 = convert(staticcall Aggregator(feed).decimals(), uint256)
        if heartbeat == 0 or heartbeat >= 2**24 or deviation >= 2**16 or decimals > 18:
            refusal.refuse(refusal.FEED_OUT_OF_RANGE)
        word = convert(feed, uint256) | (heartbeat << 160) | (deviation << 184) | (decimals << 200)
    if market == QUOTE:
        self.quote = (self.quote & ~_FEED) | word
    else:
        self.words[market] = (self.words[market] & ~_FEED) | word
    return word


@internal
def note(market: uint256, g: uint256, flags: uint256):
    """
    @notice Keeps beside a market's feed what an update must know of its parameters.
    """
    self.words[market] = (self.words[market] & _FEED) | (g << 208) | (flags << 224)


@internal
def set_threshold(threshold: uint256):
    """
    @notice Keeps how many reports an update takes.
    """
    self.quote = (self.quote & _FEED) | (threshold << 208)


@internal
@pure
def threshold_of(quote: uint256) -> uint256:
    """
    @notice How many reports an update takes; 0 before there are signers.
    @param quote The quote token's word.
    """
    return quote >> 208


@internal
@view
def shown(market: uint256) -> uint256:
    """
    @notice A market's feed word (or that of QUOTE) without what is kept beside it.
    """
    return (self.quote if market == QUOTE else self.words[market]) & _FEED


@internal
@view
def listed(market: uint256, different: uint256) -> uint256:
    """
    @notice The feed word of a market that takes prices; any other is refused.
    @param different The bits in which entries that must name this market differ from each other.
    """
    if different & (255 << 90) != 0:
        refusal.refuse(refusal.MIXED_MARKETS)
    word: uint256 = self.words[market] if market < _MARKETS else 0
    if (word >> 224) & _LISTED == 0:
        refusal.refuse(refusal.UNKNOWN_MARKET)
    return word


@internal
@pure
def g(word: uint256) -> uint256:
    """
    @notice The market's g, 1e-5; while it rises, what it rises to.
    """
    return (word >> 208) & (2**16 - 1)


@internal
@pure
def flags(word: uint256) -> uint256:
    """
    @notice The flags of the market's parameters.
    """
    return word >> 224


@internal
@pure
def price_of(slow: uint256) -> uint256:
    """
    @notice The price of what `look` or `look_in_quote` saw, WAD; 0 if nothing counts.
    """
    return slow & _PRICE


@internal
@view
def look(word: uint256) -> uint256:
    """
    @notice The feed's own price now: WAD, not yet in quote, at most 1e58; from bit 200 the last second it counts.
    """
    if word & _ADDRESS == 0:
        return 0
    if msg.gas < _GAS_BEFORE_FEED:
        refusal.refuse(refusal.NOT_ENOUGH_GAS)
    success: bool = False
    data: Bytes[160] = b""
    success, data = raw_call(
        convert(word & _ADDRESS, address),
        _ROUND_DATA,
        max_outsize=160,
        gas=_FEED_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    # A feed without code succeeds with nothing to say.
    if not success or len(data) < 160:
        return 0
    answer: uint256 = extract32(data, 32, output_type=uint256)
    # Negative answers are the highest numbers.
    if (
        answer == 0
        or answer > _HIGHEST_ANSWER
        or extract32(data, 128, output_type=uint256) < extract32(data, 0, output_type=uint256)
    ):
        return 0
    updated_at: uint256 = extract32(data, 96, output_type=uint256)
    if updated_at == 0 or updated_at > block.timestamp:
        return 0
    until: uint256 = unsafe_add(updated_at, (word >> 160) & (2**24 - 1))
    if block.timestamp > until:
        return 0
    return unsafe_mul(answer, pow_mod256(10, unsafe_sub(18, (word >> 200) & 31))) | (until << 200)


@internal
@view
def look_in_quote(word: uint256, quote: uint256) -> uint256:
    """
    @notice A market's slow price in quote (rounded down) within the bounds of prices, with its last second as in
            `look`; or 0.
    @param word The market's feed word.
    @param quote What `look_at_quote` said.
    """
    if quote == 0:
        return 0
    slow: uint256 = self.look(word)
    if slow == 0:
        return 0
    price: uint256 = slow & _PRICE
    until: uint256 = slow >> 200
    if quote != _NO_QUOTE_FEED:
        price = unsafe_mul(price, 10**18) // (quote & _PRICE)  # at most 1e76
        until = min(until, quote >> 200)
    if price < LOWEST_PRICE or price > HIGHEST_PRICE:
        return 0
    return price | (until << 200)


@internal
@view
def look_at_quote(word: uint256) -> uint256:
    """
    @notice What the quote token's feed says, as `look` does: 0 if it does not count, all ones where there is none.
    @param word The quote token's word.
    """
    return _NO_QUOTE_FEED if word & _ADDRESS == 0 else self.look(word)
