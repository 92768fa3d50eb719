# pragma version ~=0.4.3
"""
@title Slow feeds: aggregators that others push, read so that none can stop an update
@license AGPL-3.0-only
@dev The AggregatorV3 interface. Word and rules are those of docs/exact.md, sections 1 and 2.
"""


interface Aggregator:
    def decimals() -> uint8: view


# A slow price that counts, or a price of 0.
struct Slow:
    price: uint256  # WAD
    until: uint256  # the last second it counts
    deviation: uint256  # the move that its feed does not report, 1e-5


# The number under which the quote token's own feed is set and shown.
QUOTE: constant(uint256) = max_value(uint256)
LOWEST_PRICE: constant(uint256) = 10**9
HIGHEST_PRICE: constant(uint256) = 10**27

_MARKETS: constant(uint256) = 64
_FEED_GAS: constant(uint256) = 100_000
# A caller that leaves a feed less than its allowance could make it fail, and a gap vanish with it.
_GAS_BEFORE_FEED: constant(uint256) = 110_000
# Keeps price · 1e18 · 1e18 within 256 bits; an answer beyond it is out of bounds for any feed.
_HIGHEST_ANSWER: constant(int256) = 10**40
_ROUND_DATA: constant(Bytes[4]) = method_id("latestRoundData()")

# A market's feed word; 0 where a market has none.
words: uint256[_MARKETS]
# The quote token's own feed word; 0 where feeds are in quote already.
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
        assert (
            heartbeat != 0 and heartbeat < 2**24 and deviation < 2**16 and decimals <= 18
        ), "risk_engine: feed out of range"
        word = convert(feed, uint256) | (heartbeat << 160) | (deviation << 184) | (decimals << 200)
    if market == QUOTE:
        self.quote = word
    else:
        self.words[market] = word
    return word


@internal
@view
def look(word: uint256) -> Slow:
    """
    @notice The feed's own price now: WAD, not yet in quote, at most 1e58.
    """
    if word == 0:
        return empty(Slow)
    assert msg.gas >= _GAS_BEFORE_FEED, "risk_engine: not enough gas"
    success: bool = False
    data: Bytes[160] = b""
    success, data = raw_call(
        convert(word & (2**160 - 1), address),
        _ROUND_DATA,
        max_outsize=160,
        gas=_FEED_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    # A feed without code succeeds with nothing to say.
    if not success or len(data) < 160:
        return empty(Slow)
    round_id: uint256 = 0
    answer: int256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    answered_in_round: uint256 = 0
    round_id, answer, started_at, updated_at, answered_in_round = abi_decode(
        data, (uint256, int256, uint256, uint256, uint256)
    )
    if answer <= 0 or answer > _HIGHEST_ANSWER or answered_in_round < round_id:
        return empty(Slow)
    heartbeat: uint256 = (word >> 160) & (2**24 - 1)
    if updated_at == 0 or updated_at > block.timestamp or block.timestamp - updated_at > heartbeat:
        return empty(Slow)
    return Slow(
        price=convert(answer, uint256) * 10**(18 - ((word >> 200) & 31)),
        until=updated_at + heartbeat,
        deviation=(word >> 184) & (2**16 - 1),
    )


@internal
@view
def look_in_quote(market: uint256, quote: Slow) -> Slow:
    """
    @notice A market's slow price in quote (rounded down) within the bounds of prices, or a price of 0.
    @param quote What `look` said of the quote token's feed, where there is one.
    """
    word: uint256 = self.words[market]
    if word == 0 or (self.quote != 0 and quote.price == 0):
        return empty(Slow)
    slow: Slow = self.look(word)
    if slow.price != 0 and quote.price != 0:
        slow.price = slow.price * 10**18 // quote.price
        slow.until = min(slow.until, quote.until)
    if slow.price < LOWEST_PRICE or slow.price > HIGHEST_PRICE:
        return empty(Slow)
    return slow
