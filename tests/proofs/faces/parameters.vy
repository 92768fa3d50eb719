# pragma version ~=0.4.3
"""
@title What holds of the words of parameters, for every word there is
@license AGPL-3.0-only
"""
from contracts.modules import parameters

_SPREADS: constant(uint256) = 2**48 - 1


@external
@pure
def check_correlation__is_seven_bits_at_its_place(risk: uint256, low: uint256, high: uint256, place: uint256) -> bool:
    """
    @dev And no bit beside them. Buckets and place are given: there are 28 pairs.
    """
    return parameters.correlation(risk, low, high) == (risk >> (7 * place)) & 127


@external
@pure
def check_risk__fields__are_read_from_their_bits(risk: uint256) -> bool:
    """
    @dev κ, ι and the minimum are 14, 16 and 24 bits one after the other, above the correlations and below the ramp's bit.
    """
    above: uint256 = risk >> 196
    return (
        parameters.kappa(risk) == above % 2**14
        and parameters.iota(risk) == (above >> 14) % 2**16
        and parameters.min_requirement(risk) == parameters.min_requirement(risk & ((2**24 - 1) << 226))
        and parameters.RISK_RAMP == 1 << (196 + 14 + 16 + 24)
    )


@external
@view
def check_parameters__when_a_ramp_has_ended__are_its_targets(word: uint256) -> bool:
    """
    @dev s, u and g become the targets; nothing else of the word moves.
    """
    at_end: uint256 = parameters.at(word, True)
    return at_end & _SPREADS == (word >> 48) & _SPREADS and (at_end ^ word) & ~_SPREADS == 0


@external
@pure
def check_flags__and_cap__lie_beside_each_other(word: uint256) -> bool:
    """
    @dev Each reads its own bits.
    """
    own: bool = parameters.flags(word) == parameters.flags(word & (255 << 208))
    cap: uint256 = word & (2**200 - 2**160)
    return own and parameters.cap(word) == parameters.cap(cap) and parameters.flags(word) < 256
