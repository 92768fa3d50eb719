"""What raises requirements ramps in, what lowers them holds at once, and the calibrator moves them in small steps."""

from __future__ import annotations

from dataclasses import replace
from math import isqrt

import ape
import pytest

from keeper.model.words import Parameters, Position
from keeper.publish.reports import Entry
from tests.unit.risk_engine.conftest import ALL, DELISTED, FED, FEEDLESS, NOBODY, OTHER, PARAMETERS, RISK, Desk
from tests.unit.system import ORACLE, WAD

RAMP = 1_000
DAY = 86_400
MONTH = 30 * DAY
OLD = PARAMETERS[FED]
RISEN = replace(OLD, s=6_000, u=500, g=1_007)
TIGHTER = replace(RISK, kappa=5_000, min_requirement=4_000)


@pytest.fixture(scope="module")
def ramped(make_engine, slow_feeds):
    """An engine in which what rises takes a while."""
    return make_engine(slow_feeds, oracle=(*ORACLE[:-1], RAMP))


@pytest.fixture
def slowly(ramped, owner, signers, slow_feeds):
    return Desk(ramped, owner, signers, slow_feeds)


def stored(engine, market=FED):
    return Parameters.unpack(engine.parameters(market))


def of_one(engine, spot=WAD, cash=-WAD):
    """What an account needs that owes a little and holds some of the fed market."""
    return engine.assess(cash, 1 << FED, [spot])


def test_set_parameters__some_rise__ramps_those_and_lowers_the_others_at_once(slowly, begin, owner):
    slowly.at(begin)
    receipt = slowly.engine.set_parameters(FED, replace(RISEN, cap=7, flags=1).pack(), sender=owner)
    word = stored(slowly.engine)
    assert (word.s, word.u, word.g) == (5_000, 500, 1_000)
    assert (word.s_target, word.u_target, word.g_target) == (6_000, 500, 1_007)
    assert (word.ramp_start, word.ramp_end, word.cap, word.flags) == (begin, begin + RAMP, 7, 1)
    assert [event.parameters for event in receipt.events] == [word.pack()]


def test_set_parameters__nothing_rises__holds_at_once(slowly, owner):
    lower = replace(OLD, s=4_999, u=0)
    slowly.engine.set_parameters(FED, lower.pack(), sender=owner)
    assert stored(slowly.engine) == lower


def test_set_parameters__during_a_ramp__sets_out_from_where_it_is(slowly, begin, owner):
    slowly.at(begin)
    slowly.engine.set_parameters(FED, RISEN.pack(), sender=owner)
    slowly.at(begin + 250)
    slowly.engine.set_parameters(FED, replace(RISEN, s=5_100, g=2_000).pack(), sender=owner)
    word = stored(slowly.engine)
    # A quarter of 7 is 1.75, rounded up; 5,250 falls to 5,100 at once.
    assert (word.s, word.s_target, word.g, word.g_target) == (5_100, 5_100, 1_002, 2_000)
    assert (word.ramp_start, word.ramp_end) == (begin + 250, begin + 250 + RAMP)


@pytest.mark.parametrize(("gone", "s", "g"), [(1, 5_001, 1_001), (500, 5_500, 1_004), (RAMP, 6_000, 1_007)])
def test_assess__parameters_on_their_way__maintenance_rises_and_initial_is_there_at_once(
    slowly, begin, owner, gone, s, g
):
    slowly.quote(begin, 100, confidence=30)
    only_s_and_g = replace(RISEN, u=0)
    begin += 1
    slowly.at(begin)
    slowly.engine.set_parameters(FED, only_s_and_g.pack(), sender=owner)
    slowly.seen_at(begin + gone)
    seen = of_one(slowly.engine, spot=1_000 * WAD)
    assert seen.mm == 1_000 * WAD * (s + g) * 100 // 10**5
    assert seen.im == 1_000 * WAD * (6_000 + 1_007) * 100 // 10**5 * RISK.iota // 10**4


@pytest.mark.parametrize(("gone", "minimum"), [(1, 2_002), (500, 3_000), (RAMP, 4_000), (10 * RAMP, 4_000)])
def test_set_risk__minimum_rises__floor_follows_it_and_initial_margin_does_not_wait(
    slowly, begin, owner, gone, minimum
):
    slowly.quote(begin, 100)
    begin += 1
    slowly.at(begin)
    receipt = slowly.engine.set_risk(TIGHTER.pack(), sender=owner)
    times = begin | begin + RAMP << 32
    assert slowly.engine.risk() == replace(RISK, ramping=1).pack()
    assert tuple(slowly.engine.risk_ramp()) == (TIGHTER.pack(), times)
    (event,) = receipt.events
    assert (event.risk, event.target, event.times) == (replace(RISK, ramping=1).pack(), TIGHTER.pack(), times)
    slowly.seen_at(begin + gone)
    seen = of_one(slowly.engine, spot=1)
    assert (seen.floor, seen.mm) == (minimum * WAD // 100,) * 2
    assert seen.im == 40 * WAD * RISK.iota // 10**4


def test_set_risk__minimum_falls__falls_at_once(slowly, begin, owner):
    slowly.quote(begin, 100)
    begin += 1
    slowly.at(begin)
    slowly.engine.set_risk(replace(RISK, min_requirement=1_000).pack(), sender=owner)
    assert of_one(slowly.engine, spot=1).mm == 10 * WAD


@pytest.mark.parametrize("gone", [1, 400, RAMP])
def test_assess__kappa_on_its_way__the_square_of_risk_moves_evenly(slowly, begin, owner, gone):
    check_kappa_on_its_way(slowly, owner, begin, gone, RAMP, 1_000)


@pytest.mark.parametrize("gone", [1, 1_234_567, MONTH - 1, MONTH])
def test_assess__kappa_a_month_on_its_way__the_square_of_a_small_risk_moves_evenly(
    make_engine, slow_feeds, owner, signers, begin, gone
):
    """What is left over when a long way is cut into seconds counts as far as it goes, and no further."""
    desk = Desk(make_engine(slow_feeds, oracle=(*ORACLE[:-1], MONTH)), owner, signers, slow_feeds)
    check_kappa_on_its_way(desk, owner, begin, gone, MONTH, 10)


def check_kappa_on_its_way(desk, owner, begin, gone, length, units):
    desk.publish(begin, [Entry(FED, 100 * WAD), Entry(OTHER, 100 * WAD)])
    desk.engine.set_parameters(OTHER, replace(PARAMETERS[OTHER], u=0).pack(), sender=owner)
    desk.engine.set_parameters(FED, replace(PARAMETERS[FED], u=0).pack(), sender=owner)
    start = begin + 5
    desk.at(start)
    desk.engine.set_risk(replace(RISK, kappa=5_000).pack(), sender=owner)
    desk.seen_at(start + gone)
    size = units * WAD
    words = [Position(size).pack(), Position(-size).pack()]
    seen = desk.engine.assess(0, (1 << FED | 1 << OTHER) << 64, words)
    long, short = 5 * units * 10**9, 6 * units * 10**9

    def square(kappa):
        both = long * long + short * short
        return (10**4 - kappa) * (100 * both - 2 * 84 * long * short) + 100 * kappa * both

    now = square(2_500) + (square(5_000) - square(2_500)) * gone // length
    charge = 2 * size * 100 * 1_000 // 10**5
    assert seen.mm == (isqrt(now - 1) + 1) * 10**6 + charge
    assert seen.im == -(-((isqrt(square(5_000) - 1) + 1) * 10**6 + charge) * RISK.iota // 10**4)


def test_set_risk__iota_alone__holds_at_once_and_ends_no_ramp(slowly, begin, owner):
    wider = replace(RISK, iota=20_000)
    slowly.engine.set_risk(wider.pack(), sender=owner)
    assert slowly.engine.risk() == wider.pack()
    assert tuple(slowly.engine.risk_ramp()) == (0, 0)


@pytest.mark.parametrize("change", [{"kappa": 6_000}, {"min_requirement": 1}, {"kappa": 6_000, "iota": 16_000}])
def test_set_risk__during_a_ramp__is_refused(slowly, begin, owner, change):
    slowly.at(begin)
    slowly.engine.set_risk(TIGHTER.pack(), sender=owner)
    words = (slowly.engine.risk(), *slowly.engine.risk_ramp())
    slowly.at(begin + RAMP - 1)
    with ape.reverts("risk_engine: risk is ramping"):
        slowly.engine.set_risk(replace(TIGHTER, **change).pack(), sender=owner)
    assert (slowly.engine.risk(), *slowly.engine.risk_ramp()) == words


@pytest.mark.parametrize("iota", [TIGHTER.iota, 16_000])
def test_set_risk__iota_alone_during_a_ramp__holds_at_once_and_the_ramp_goes_on(slowly, begin, owner, iota):
    slowly.at(begin)
    slowly.engine.set_risk(TIGHTER.pack(), sender=owner)
    slowly.at(begin + 10)
    slowly.engine.set_risk(replace(TIGHTER, iota=iota).pack(), sender=owner)
    assert slowly.engine.risk() == replace(RISK, iota=iota, ramping=1).pack()
    assert tuple(slowly.engine.risk_ramp()) == (replace(TIGHTER, iota=iota).pack(), begin | begin + RAMP << 32)


def test_set_risk__as_a_ramp_ends__sets_out_from_its_target(slowly, begin, owner):
    slowly.at(begin)
    slowly.engine.set_risk(TIGHTER.pack(), sender=owner)
    last = replace(TIGHTER, kappa=6_000, iota=16_000)
    slowly.at(begin + RAMP)
    slowly.engine.set_risk(last.pack(), sender=owner)
    assert slowly.engine.risk() == replace(TIGHTER, iota=16_000, ramping=1).pack()
    assert tuple(slowly.engine.risk_ramp()) == (last.pack(), begin + RAMP | begin + 2 * RAMP << 32)


def test_set_parameters__bucket_of_a_listed_market__reverts(engine, owner):
    before = engine.parameters(FED)
    with ape.reverts("risk_engine: bucket is fixed"):
        engine.set_parameters(FED, replace(OLD, bucket=3).pack(), sender=owner)
    assert engine.parameters(FED) == before
    engine.set_parameters(DELISTED, replace(PARAMETERS[DELISTED], bucket=3).pack(), sender=owner)


# The calibrator


@pytest.fixture
def calibrator(ramped, owner, guardian):
    ramped.set_calibrator(guardian, sender=owner)
    return guardian


def test_set_calibrator__is_kept_logged_and_taken_away(ramped, owner, guardian):
    receipt = ramped.set_calibrator(guardian, sender=owner)
    assert ramped.calibrator() == guardian
    (event,) = receipt.events
    assert (event.event_name, event.calibrator) == ("CalibratorSet", guardian.address)
    ramped.set_calibrator(NOBODY, sender=owner)
    with ape.reverts("risk_engine: not the calibrator"):
        ramped.calibrate(FED, 5_000, 1_000, 1_000, 0, sender=guardian)


@pytest.mark.parametrize("numbers", [(6_000, 1_200, 1_200, 120), (4_000, 800, 800, 80)])
def test_calibrate__a_fifth__ramps_what_rises_and_keeps_the_second(slowly, begin, owner, calibrator, numbers):
    engine = slowly.engine
    engine.set_parameters(FED, replace(OLD, cap=100).pack(), sender=owner)
    slowly.at(begin)
    engine.calibrate(FED, *numbers, sender=calibrator)
    word = stored(engine)
    assert (word.cap, word.calibrated, word.flags, word.bucket) == (numbers[3], begin, ALL, 0)
    aim = word.aim
    assert (aim.s, aim.u, aim.g) == numbers[:3]
    assert (word.s, word.u, word.g) == tuple(min(pair) for pair in zip((5_000, 1_000, 1_000), numbers, strict=False))


@pytest.mark.parametrize(
    "numbers",
    [
        (6_001, 1_000, 1_000, 0),
        (3_999, 1_000, 1_000, 0),
        (5_000, 1_201, 1_000, 0),
        (5_000, 1_000, 799, 0),
        (5_000, 1_000, 1_000, 1),
        (0, 1_000, 1_000, 0),
        (2**256 - 1, 1_000, 1_000, 0),
    ],
)
def test_calibrate__more_than_a_fifth__reverts(slowly, calibrator, numbers):
    before = slowly.engine.parameters(FED)
    with ape.reverts("risk_engine: step too large"):
        slowly.engine.calibrate(FED, *numbers, sender=calibrator)
    assert slowly.engine.parameters(FED) == before


def test_calibrate__beyond_what_a_word_holds__reverts(slowly, owner, calibrator):
    slowly.engine.set_parameters(FED, replace(OLD, s=4_000, g=0, cap=2**40 - 1).pack(), sender=owner)
    with ape.reverts("risk_engine: parameters out of range"):
        slowly.engine.calibrate(FED, 4_000, 1_000, 0, 2**40, sender=calibrator)


def test_calibrate__again_within_a_day__reverts(slowly, begin, calibrator):
    same = (FED, 5_000, 1_000, 1_000, 0)
    slowly.at(begin)
    slowly.engine.calibrate(*same, sender=calibrator)
    slowly.engine.calibrate(FEEDLESS, 4_000, 0, 100, 0, sender=calibrator)
    before = slowly.engine.parameters(FED)
    slowly.at(begin + DAY - 2)
    with ape.reverts("risk_engine: calibrated lately"):
        slowly.engine.calibrate(*same, sender=calibrator)
    assert slowly.engine.parameters(FED) == before
    slowly.at(begin + DAY)
    slowly.engine.calibrate(*same, sender=calibrator)


def test_calibrate__during_a_ramp__is_held_against_its_end(slowly, owner, calibrator):
    slowly.engine.set_parameters(FED, replace(OLD, s=10_000).pack(), sender=owner)
    with ape.reverts("risk_engine: step too large"):
        slowly.engine.calibrate(FED, 5_000, 1_000, 1_000, 0, sender=calibrator)
    slowly.engine.calibrate(FED, 12_000, 1_000, 1_000, 0, sender=calibrator)
    assert stored(slowly.engine).s_target == 12_000


def test_calibrate__anybody_else__reverts(slowly, calibrator, owner, attacker):
    before = slowly.engine.parameters(FED)
    for caller in (owner, attacker):
        with ape.reverts("risk_engine: not the calibrator"):
            slowly.engine.calibrate(FED, 5_000, 1_000, 1_000, 0, sender=caller)
    assert slowly.engine.parameters(FED) == before


def test_calibrate__market_that_is_not_there__reverts(slowly, calibrator):
    with ape.reverts("risk_engine: unknown market"):
        slowly.engine.calibrate(60, 1, 1, 1, 1, sender=calibrator)


def test_set_parameters__after_a_calibration__keeps_its_second(slowly, begin, owner, calibrator):
    slowly.at(begin)
    slowly.engine.calibrate(FED, 5_000, 1_000, 1_000, 0, sender=calibrator)
    slowly.engine.set_parameters(FED, replace(OLD, s=4_000).pack(), sender=owner)
    assert stored(slowly.engine).calibrated == begin
