# pragma version ~=0.4.3
"""
@title The margin requirement: equity, interval and risk of one account
@license AGPL-3.0-only
@dev A parametric expected shortfall in a factor model with a charge on gross holdings; exact sums, roundings
     against the account, all as in docs/exact.md, section 3. Sums over markets are of scale 1e36, or 1e41 where
     a parameter of 1e-5 is a factor.
"""

from ..interfaces import IRiskEngine
from . import engine_refusal as refusal
from . import account
from . import parameters as market_parameters
from . import prices
from . import rounding

uses: market_parameters
uses: prices


struct Sums:
    value: int256  # 1e36
    lose: uint256  # 1e41
    gain: uint256  # 1e41
    gross: int256  # 1e41, not below 0
    idiosyncratic: uint256  # (1e-9 quote)^2
    claims: uint256
    cost: int256
    held: uint256
    state: uint256
    owes: bool  # whether a position has size, or a cost to pay
    ramping: bool  # whether a parameter of one of the markets is on its way
    buckets: uint256  # map of those that a market held is in
    bucket: uint256  # the last one of them
    systematic: int256[8]  # 1e41, one a bucket


MAX_MARKETS: constant(uint256) = 16

_WAD: constant(int256) = 10**18
_E23: constant(uint256) = 10**23
_E32: constant(uint256) = 10**32
_E32_SIGNED: constant(int256) = 10**32
_E32_LESS_1: constant(int256) = 10**32 - 1
_LOW_16: constant(uint256) = 2**16 - 1
_LOW_64: constant(uint256) = 2**64 - 1


@internal
@view
def assess(cash: int256, maps: uint256, words: DynArray[uint256, 32], priced: bool) -> IRiskEngine.Assessment:
    """
    @notice What a margin check must know of an account: WAD quote.
    @dev Equity is rounded down, requirement and loss up, gain down.
    @param cash Current cash, WAD.
    @param maps Markets with spot | markets with a position << 64.
    @param words Spot balance before position word, a market after the other.
    @param priced Whether the spot of an account that owes nothing is priced too.
    """
    summed: Sums = self._sum(maps, words, False)
    assessment: IRiskEngine.Assessment = empty(IRiskEngine.Assessment)
    assessment.equity = cash - summed.cost
    assessment.claims = summed.claims
    if cash >= 0 and not summed.owes:
        if priced:
            assessment.equity += self._floor_of_wad(summed.value)
            assessment.state = summed.state
        return assessment
    risk: uint256 = market_parameters.risk
    assessment.equity += self._floor_of_wad(summed.value)
    assessment.down = rounding.ceil_udiv(summed.lose, _E23)
    assessment.up = summed.gain // _E23
    assessment.state = summed.state
    square: int256 = self._form(summed, risk)
    minimum: uint256 = market_parameters.min_requirement(risk)
    held: uint256 = max(1, summed.held)
    initial: uint256 = 0
    if summed.ramping or risk & market_parameters.RISK_RAMP != 0:
        # Initial margin is already what it will be when all ramps have ended, unless that is less.
        target: uint256 = risk
        if risk & market_parameters.RISK_RAMP != 0:
            target = market_parameters.risk_target
            square, minimum = self._on_the_way(
                square, self._form(summed, target), minimum, market_parameters.min_requirement(target)
            )
        aimed: Sums = self._sum(maps, words, True)
        initial = max(
            self._total(self._form(aimed, target), aimed.gross), market_parameters.min_requirement(target) * held
        )
    assessment.floor = minimum * held
    assessment.mm = max(self._total(square, summed.gross), assessment.floor)
    assessment.im = rounding.ceil_udiv(max(assessment.mm, initial) * market_parameters.iota(risk), 10_000)
    return assessment


@internal
@view
def _on_the_way(square: int256, square_to: int256, minimum: uint256, minimum_to: uint256) -> (int256, uint256):
    # Q and the minimum between two risk words.
    times: uint256 = market_parameters.risk_times
    start: uint256 = times & (2**32 - 1)
    whole: uint256 = unsafe_sub(times >> 32, start)
    gone: uint256 = min(unsafe_sub(block.timestamp, start), whole)
    # In two parts, so that the product does not overflow: both have the sign of the difference.
    distance: int256 = square_to - square
    steps: int256 = convert(gone, int256)
    length: int256 = convert(whole, int256)
    moved: int256 = distance // length * steps + distance % length * steps // length
    now: uint256 = minimum_to
    if minimum_to > minimum:
        now = minimum + rounding.ceil_udiv((minimum_to - minimum) // 10**16 * gone, whole) * 10**16
    return square + moved, now


@internal
@view
def _sum(maps: uint256, words: DynArray[uint256, 32], at_end: bool) -> Sums:
    # With the parameters of now, or those that all ramps end at. Unchecked where nothing can overflow: balances are
    # of 127 bits, an index is below 2^90 and |P*| below 2^93, parameters are of 16 bits, an exposure is below 2^201 and
    # an interval's sides below 2^51, and 16 markets add 4 bits; squares are of what has 112 bits, as no balance is above
    # 1e33.
    sums: Sums = empty(Sums)
    left: uint256 = (maps | (maps >> 64)) & _LOW_64
    place: uint256 = 0
    for _: uint256 in range(MAX_MARKETS):
        if left == 0:
            break
        bit: uint256 = left & unsafe_sub(0, left)
        left ^= bit
        spot: int256 = 0
        size: int256 = 0
        cost: int256 = 0
        if maps & bit != 0:
            spot = convert(convert(words[place], bytes32), int256)
            place = unsafe_add(place, 1)
        if (maps >> 64) & bit != 0:
            position: uint256 = words[place]
            place = unsafe_add(place, 1)
            size = convert(convert(position << 128, bytes32), int256) >> 128
            cost = convert(convert(position, bytes32), int256) >> 128
            sums.cost = unsafe_add(sums.cost, cost)
            if size != 0 or cost > 0:
                sums.owes = True
        if size == 0 and spot == 0 and cost <= 0:
            sums.claims = unsafe_add(sums.claims, convert(unsafe_sub(0, cost), uint256))
            continue
        sums.held = unsafe_add(sums.held, 1)
        market: uint256 = account.lowest(bit)
        price: prices.Reading = prices.read(prices.words[market])
        parameters: uint256 = market_parameters.words[market]
        if parameters & market_parameters.RAMP_END != 0:
            parameters = market_parameters.at(parameters, at_end)
            sums.ramping = True
        if price.state > sums.state:
            sums.state = price.state
        worth: int256 = unsafe_mul(size, price.net_mark)
        sums.value = unsafe_add(sums.value, unsafe_add(unsafe_mul(spot, price.index), worth))
        worth = unsafe_sub(self._floor_of_wad(worth), cost)
        if worth > 0:
            sums.claims = unsafe_add(sums.claims, convert(convert(worth, bytes32), uint256))
        exposure: int256 = unsafe_mul(unsafe_add(spot, size), price.index)
        sums.gross = unsafe_add(
            sums.gross,
            unsafe_mul(
                convert((parameters >> 32) & _LOW_16, int256), unsafe_mul(unsafe_add(spot, abs(size)), price.index)
            ),
        )
        bucket: uint256 = (parameters >> 200) & 7
        sums.bucket = bucket
        sums.buckets |= 1 << bucket
        sums.systematic[bucket] = unsafe_add(
            sums.systematic[bucket], unsafe_mul(convert(parameters & _LOW_16, int256), exposure)
        )
        magnitude: uint256 = 0
        if exposure > 0:
            magnitude = convert(convert(exposure, bytes32), uint256)
            sums.lose = unsafe_add(sums.lose, unsafe_mul(magnitude, price.down))
            sums.gain = unsafe_add(sums.gain, unsafe_mul(magnitude, price.up_faded))
        else:
            magnitude = convert(convert(unsafe_sub(0, exposure), bytes32), uint256)
            sums.lose = unsafe_add(sums.lose, unsafe_mul(magnitude, price.up))
            sums.gain = unsafe_add(sums.gain, unsafe_mul(magnitude, price.down_faded))
        magnitude = unsafe_div(
            unsafe_add(unsafe_mul((parameters >> 16) & _LOW_16, magnitude), unsafe_sub(_E32, 1)), _E32
        )
        sums.idiosyncratic = unsafe_add(sums.idiosyncratic, unsafe_mul(magnitude, magnitude))
    if left != 0:
        refusal.refuse(refusal.TOO_MANY_MARKETS)
    return sums


@internal
@pure
def _floor_of_wad(scaled: int256) -> int256:
    # scaled / 1e18 toward minus infinity.
    quotient: int256 = unsafe_div(scaled, _WAD)
    return unsafe_sub(quotient, 1) if unsafe_mul(quotient, _WAD) > scaled else quotient


@internal
@pure
def _total(square: int256, gross: int256) -> uint256:
    # R + G, WAD, each rounded up.
    charge: uint256 = unsafe_div(unsafe_add(convert(gross, uint256), unsafe_sub(_E23, 1)), _E23)
    if square <= 0:
        return charge
    root: uint256 = isqrt(convert(square, uint256))
    if unsafe_mul(root, root) < convert(square, uint256):
        root = unsafe_add(root, 1)
    return unsafe_add(unsafe_mul(root, 10**6), charge)


@internal
@pure
def _rounded(exposure: int256) -> int256:
    # A bucket's sum in 1e-9 quote, away from zero.
    if exposure > 0:
        return unsafe_div(unsafe_add(exposure, _E32_LESS_1), _E32_SIGNED)
    return unsafe_div(unsafe_sub(exposure, _E32_LESS_1), _E32_SIGNED)


@internal
@pure
def _form(sums: Sums, risk: uint256) -> int256:
    # Q, in (1e-9 quote)^2: idiosyncratic squares and the quadratic form of the buckets, correlations in percent.
    # Unchecked: balances of at most 1e33, an index of at most 1e27 and s of 16 bits make 16 markets' |S| at most 2.1e34
    # in sum, and so every term below 5e74.
    if sums.buckets & unsafe_sub(sums.buckets, 1) == 0:
        # One bucket needs no correlation, and κ moves nothing: (1 − κ)·S² + κ·S².
        only: int256 = self._rounded(sums.systematic[sums.bucket])
        return unsafe_mul(10**6, unsafe_add(convert(sums.idiosyncratic, int256), unsafe_mul(only, only)))
    exposures: int256[8] = empty(int256[8])
    squares: int256 = 0
    cross: int256 = 0
    longs: int256 = 0
    shorts: int256 = 0
    above: uint256 = 0  # the highest bucket held, and 1
    for below: uint256 in range(8):
        low: uint256 = unsafe_sub(7, below)
        if sums.systematic[low] == 0:
            continue
        exposure: int256 = self._rounded(sums.systematic[low])
        if exposure > 0:
            longs = unsafe_add(longs, exposure)
        else:
            shorts = unsafe_add(shorts, exposure)
        if above == 0:
            above = unsafe_add(low, 1)
        else:
            # Pair (i, j) stands after the i·(15 − i)/2 pairs of lower first buckets.
            pairs: uint256 = risk >> unsafe_mul(7, unsafe_mul(low, unsafe_sub(15, low)) >> 1)
            row: int256 = 0
            for high: uint256 in range(unsafe_add(low, 1), above, bound=7):
                row = unsafe_add(row, unsafe_mul(convert(pairs & 127, int256), exposures[high]))
                pairs >>= 7
            cross = unsafe_add(cross, unsafe_mul(row, exposure))
        exposures[low] = exposure
        squares = unsafe_add(squares, unsafe_mul(exposure, exposure))
    kappa: int256 = convert(market_parameters.kappa(risk), int256)
    kept: int256 = unsafe_mul(unsafe_sub(10_000, kappa), unsafe_add(unsafe_mul(100, squares), unsafe_mul(2, cross)))
    hedged: int256 = unsafe_mul(
        unsafe_mul(100, kappa), unsafe_add(unsafe_mul(longs, longs), unsafe_mul(shorts, shorts))
    )
    return unsafe_add(unsafe_add(kept, hedged), unsafe_mul(10**6, convert(sums.idiosyncratic, int256)))
