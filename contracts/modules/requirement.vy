# pragma version ~=0.4.3
"""
@title The margin requirement: equity, interval and risk of one account
@license AGPL-3.0-only
@dev A parametric expected shortfall in a factor model with a charge on gross holdings; exact sums, roundings
     against the account, all as in docs/exact.md, section 3. Sums over markets are of scale 1e36, or 1e41 where
     a parameter of 1e-5 is a factor.
"""

from ..interfaces import IRiskEngine
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
    gross: uint256  # 1e41
    idiosyncratic: uint256  # (1e-9 quote)^2
    claims: uint256
    cost: int256
    held: uint256
    state: uint256
    systematic: int256[8]  # 1e41, one a bucket


# The systematic part's quadratic form, in (1e-9 quote)^2.
struct Form:
    squares: int256
    cross: int256
    longs: int256
    shorts: int256
    exposures: int256[8]


MAX_MARKETS: constant(uint256) = 16

_WAD: constant(int256) = 10**18
_E23: constant(uint256) = 10**23
_E32: constant(uint256) = 10**32
_LOW_64: constant(uint256) = 2**64 - 1


@internal
@pure
def _owes(maps: uint256, words: DynArray[uint256, 32]) -> (bool, int256):
    # Whether any position has size or a cost to pay; if none has, the sum of costs (claims: not above 0).
    left: uint256 = (maps | (maps >> 64)) & _LOW_64
    place: uint256 = 0
    costs: int256 = 0
    for _: uint256 in range(MAX_MARKETS):
        if left == 0:
            break
        bit: uint256 = left & unsafe_sub(0, left)
        left ^= bit
        if maps & bit != 0:
            place = unsafe_add(place, 1)
        if (maps >> 64) & bit != 0:
            size: int256 = 0
            cost: int256 = 0
            size, cost = account.unpack_position(words[place])
            if size != 0 or cost > 0:
                return True, 0
            costs = unsafe_add(costs, cost)  # at most 16 numbers of 128 bits
            place = unsafe_add(place, 1)
    assert left == 0, "risk_engine: too many markets"
    return False, costs


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
    if cash >= 0:
        owes: bool = False
        costs: int256 = 0
        if maps >> 64 != 0:
            owes, costs = self._owes(maps, words)
        if not owes:
            free: IRiskEngine.Assessment = empty(IRiskEngine.Assessment)
            free.equity = cash - costs
            free.claims = convert(-costs, uint256)
            if priced:
                sums: Sums = self._sum(maps, words)
                free.equity += rounding.floor_div(sums.value, _WAD)
                free.state = sums.state
            return free
    return self._require(cash, self._sum(maps, words))


@internal
@view
def _sum(maps: uint256, words: DynArray[uint256, 32]) -> Sums:
    # Unchecked where nothing can overflow: balances are of 127 bits, an index is below 2^90 and |P*| below 2^93,
    # parameters are of 16 bits and an interval's sides below 2^19, and 16 markets add 4 bits. Squares are checked.
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
            spot = convert(convert(words[place], int128), int256)
            place = unsafe_add(place, 1)
        if (maps >> 64) & bit != 0:
            size, cost = account.unpack_position(words[place])
            place = unsafe_add(place, 1)
            sums.cost = unsafe_add(sums.cost, cost)
        if spot == 0 and size == 0 and cost <= 0:
            sums.claims = unsafe_add(sums.claims, convert(unsafe_sub(0, cost), uint256))
            continue
        sums.held = unsafe_add(sums.held, 1)
        market: uint256 = account.lowest(bit)
        price: prices.Reading = prices.read(prices.words[market])
        sums.state = max(sums.state, price.state)
        index: int256 = convert(price.index, int256)
        worth: int256 = unsafe_mul(size, price.net_mark)
        sums.value = unsafe_add(sums.value, unsafe_add(unsafe_mul(spot, index), worth))
        worth = unsafe_sub(rounding.floor_div(worth, _WAD), cost)
        if worth > 0:
            sums.claims = unsafe_add(sums.claims, convert(worth, uint256))
        parameters: uint256 = market_parameters.words[market]
        sums.gross = unsafe_add(
            sums.gross,
            unsafe_mul(
                market_parameters.g(parameters), unsafe_mul(convert(unsafe_add(spot, abs(size)), uint256), price.index)
            ),
        )
        exposure: int256 = unsafe_mul(unsafe_add(spot, size), index)
        bucket: uint256 = market_parameters.bucket(parameters)
        sums.systematic[bucket] = unsafe_add(
            sums.systematic[bucket], unsafe_mul(convert(market_parameters.s(parameters), int256), exposure)
        )
        magnitude: uint256 = convert(abs(exposure), uint256)
        if exposure > 0:
            sums.lose = unsafe_add(sums.lose, unsafe_mul(magnitude, price.down))
            sums.gain = unsafe_add(sums.gain, unsafe_mul(magnitude, price.up_faded))
        else:
            sums.lose = unsafe_add(sums.lose, unsafe_mul(magnitude, price.up))
            sums.gain = unsafe_add(sums.gain, unsafe_mul(magnitude, price.down_faded))
        magnitude = rounding.ceil_udiv(unsafe_mul(market_parameters.u(parameters), magnitude), _E32)
        sums.idiosyncratic += magnitude * magnitude
    assert left == 0, "risk_engine: too many markets"
    return sums


@internal
@view
def _require(cash: int256, sums: Sums) -> IRiskEngine.Assessment:
    risk: uint256 = market_parameters.risk
    assessment: IRiskEngine.Assessment = empty(IRiskEngine.Assessment)
    assessment.equity = cash - sums.cost + rounding.floor_div(sums.value, _WAD)
    assessment.floor = market_parameters.min_requirement(risk) * max(1, sums.held)
    assessment.mm = max(
        self._root(sums.systematic, sums.idiosyncratic, risk) + rounding.ceil_udiv(sums.gross, _E23),
        assessment.floor,
    )
    assessment.im = rounding.ceil_udiv(assessment.mm * market_parameters.iota(risk), 10_000)
    assessment.down = rounding.ceil_udiv(sums.lose, _E23)
    assessment.up = sums.gain // _E23
    assessment.claims = sums.claims
    assessment.state = sums.state
    return assessment


@internal
@pure
def _root(systematic: int256[8], idiosyncratic: uint256, risk: uint256) -> uint256:
    # R, WAD rounded up: the root of idiosyncratic and systematic squares, correlations in percent.
    form: Form = empty(Form)
    for high: uint256 in range(8):
        total: int256 = systematic[high]
        if total == 0:
            continue
        exposure: int256 = convert(rounding.ceil_udiv(convert(abs(total), uint256), _E32), int256)
        if total > 0:
            form.longs += exposure
        else:
            exposure = -exposure
            form.shorts += exposure
        form.exposures[high] = exposure
        form.squares += exposure * exposure
        row: int256 = 0
        for low: uint256 in range(high, bound=7):
            if form.exposures[low] != 0:
                row += convert(market_parameters.correlation(risk, low, high), int256) * form.exposures[low]
        form.cross += row * exposure
    kappa: int256 = convert(market_parameters.kappa(risk), int256)
    square: int256 = (10_000 - kappa) * (100 * form.squares + 2 * form.cross)
    square += 100 * kappa * (form.longs * form.longs + form.shorts * form.shorts)
    square += 10**6 * convert(idiosyncratic, int256)
    if square <= 0:
        return 0
    root: uint256 = isqrt(convert(square, uint256))
    if root * root < convert(square, uint256):
        root += 1
    return root * 10**6
