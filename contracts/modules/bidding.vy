# pragma version ~=0.4.3
"""
@title The price and the size of a slice
@license AGPL-3.0-only
@dev Pure arithmetic of docs/exact.md, section 7. Why it is what it is: relief costs the account at most λ_a + φ_a <= h per
     unit of requirement released, so none lowers its health, and a slice of f_max lands on h = B.
     Amounts are WAD quote, λ, φ, h and fractions WAD.
"""

from . import rounding

_LOW_16: constant(uint256) = 2**16 - 1
_LOW_32: constant(uint256) = 2**32 - 1
_LOW_128: constant(uint256) = 2**128 - 1
_WAD: constant(uint256) = 10**18
_SIGNED_WAD: constant(int256) = 10**18
_SQUARED_WAD: constant(int256) = 10**36
_WAD_PER_BPS: constant(uint256) = 10**14
_PAID_UNITS: constant(uint256) = 1_023
LEAST: constant(uint256) = 16  # a relief releases at least this part of the least requirement


# The auction's terms.
struct Terms:
    target: uint256  # B
    penalty: uint256  # φ
    backstop: uint256  # seconds until the vault adds all of λ
    grace: uint256  # seconds a run outlives a sighting
    watch: uint256  # seconds a sighting vouches for
    opener_cap: uint256  # WAD quote a run


# What a bidder meets.
struct Victim:
    equity: int256
    mm: uint256  # above 0
    floor: uint256
    lambda_now: uint256
    elapsed: uint256  # seconds since the run's start


struct Offer:
    lambda_account: uint256  # what relief costs the account per unit of requirement, to who gives it
    penalty: uint256  # what it costs besides, to the vault
    lambda_taker: uint256  # what who gives it gets: the vault pays the difference
    fraction_max: uint256  # that lands on the target
    fraction: uint256  # 0: all or nothing, and not all was asked for
    unit_cost: int256  # of the whole account, rounded up
    taker_pays: int256
    account_gets: uint256
    penalty_paid: uint256
    ends: bool  # leaves the account at h >= 1 or without a position


@internal
@pure
def unpack_terms(word: uint256) -> Terms:
    """
    @notice The fields of the terms' word, bps as WAD; bits above it are ignored.
    """
    return Terms(
        target=(word & _LOW_16) * _WAD_PER_BPS,
        penalty=((word >> 16) & _LOW_16) * _WAD_PER_BPS,
        backstop=(word >> 32) & _LOW_32,
        grace=self.grace(word),
        watch=self.watch(word),
        opener_cap=(word >> 96) & _LOW_128,
    )


@internal
@pure
def grace(word: uint256) -> uint256:
    """
    @notice Seconds that a run outlives a sighting, of the terms' word.
    """
    return (word >> 64) & _LOW_32


@internal
@pure
def watch(word: uint256) -> uint256:
    """
    @notice Seconds of a run's clock that a sighting vouches for, of the terms' word.
    """
    return (word >> 224) & _LOW_16


@internal
@pure
def rates(victim: Victim, terms: Terms) -> Offer:
    """
    @notice What relief costs per unit of requirement now, and the fraction that lands on the target.
    @param victim An account in breach: its equity is below its requirement.
    @param terms The auction's terms: B > WAD, T_backstop > 0.
    """
    result: Offer = empty(Offer)
    health: int256 = rounding.floor_div(victim.equity * _SIGNED_WAD, convert(victim.mm, int256))
    own: uint256 = convert(max(health, 0), uint256)

    result.lambda_account = min(victim.lambda_now, own)
    result.penalty = min(terms.penalty, own - result.lambda_account)
    result.lambda_taker = max(
        result.lambda_account, victim.lambda_now * min(victim.elapsed, terms.backstop) // terms.backstop
    )

    # λ_a + φ_a <= h < 1 < B: neither difference can be 0.
    gap: uint256 = convert(convert(terms.target, int256) - health, uint256)
    result.fraction_max = min(_WAD, gap * _WAD // (terms.target - result.lambda_account - result.penalty))
    return result


@internal
@pure
def sized(victim: Victim, rates: Offer, asked: uint256) -> Offer:
    """
    @notice What a slice of at most a fraction asked is at these rates: what the taker pays, and what the account gets.
    @dev What the taker pays is rounded up, all that is paid to anybody down. E·WAD·f stays below 2^255 for an equity up
         to 1e40, ten orders above what one account's cash may be.
    @param asked WAD, 1..WAD.
    """
    result: Offer = rates
    mm: int256 = convert(victim.mm, int256)
    result.fraction = self._fraction(victim, asked, result.fraction_max)

    value: int256 = victim.equity * _SIGNED_WAD
    price: int256 = value - convert(result.lambda_taker, int256) * mm
    result.unit_cost = rounding.ceil_div(price, _SIGNED_WAD)
    if result.fraction == 0:
        return result

    fraction: int256 = convert(result.fraction, int256)
    result.taker_pays = rounding.ceil_div(price * fraction, _SQUARED_WAD)
    if victim.equity > 0:
        # Never below 0: λ_a + φ_a is at most h, and h was rounded down.
        kept: int256 = value - convert(result.lambda_account + result.penalty, int256) * mm
        result.account_gets = convert(kept * fraction // _SQUARED_WAD, uint256)
    result.penalty_paid = result.fraction * result.penalty * victim.mm // _WAD**2

    rest: int256 = victim.equity - rounding.ceil_div(fraction * victim.equity, _SIGNED_WAD)
    rest += convert(result.account_gets, int256)
    result.ends = result.fraction == _WAD or rest >= rounding.ceil_div(mm * (_SIGNED_WAD - fraction), _SIGNED_WAD)
    return result


@internal
@pure
def vault_pays(victim: Victim, offer: Offer) -> uint256:
    """
    @notice What a slice costs the vault of λ while the account's own equity bears the rest of it, rounded up.
    """
    if victim.equity <= 0:
        return 0
    return rounding.ceil_udiv(
        offer.fraction * (offer.lambda_taker - offer.lambda_account) * victim.mm, convert(_SQUARED_WAD, uint256)
    )


@internal
@pure
def opener_share(penalty: uint256, cap: uint256, paid: uint256) -> (uint256, uint256):
    """
    @notice The opener's half of a penalty, rounded down, within what is left of its cap, and the share of that cap
            paid from then on (1/1023, rounded up).
    @param penalty WAD quote.
    @param cap WAD quote; 0 pays no opener.
    @param paid Share paid so far, in 1/1023.
    """
    share: uint256 = min(penalty // 2, cap * (_PAID_UNITS - paid) // _PAID_UNITS)
    if share == 0:
        return 0, paid
    return share, min(_PAID_UNITS, paid + rounding.ceil_udiv(share * _PAID_UNITS, cap))


@internal
@pure
def _fraction(victim: Victim, asked: uint256, highest: uint256) -> uint256:
    # A requirement on its floor does not shrink with the account, so less than all of it releases nothing.
    fraction: uint256 = min(asked, highest)
    if victim.mm == victim.floor or victim.mm * (_WAD - fraction) // _WAD < victim.floor:
        return _WAD if asked == _WAD else 0
    # Next to nothing is worth nobody's while but who wants to move the nonce; all that the target asks for is no little.
    if fraction < highest and victim.mm * fraction // _WAD < victim.floor // LEAST:
        return 0
    return fraction
