"""A market that is given up: no perpetuals, an average of its prices, and then one price for good."""

from __future__ import annotations

from dataclasses import replace

import ape
import pytest

from keeper.model.words import Parameters, Position
from tests.unit.risk_engine.conftest import ALL, FED, FEEDLESS, LIVE, PARAMETERS, Desk
from tests.unit.system import ORACLE, WAD

LONG = 255
"""Seconds that a price counts for here, so that few updates make an average."""
RETIRING, RETIRED = 1 | 16, 1 | 32


@pytest.fixture(scope="module")
def patient(make_engine, slow_feeds):
    return make_engine(slow_feeds, oracle=(*ORACLE[:2], LONG, LONG, *ORACLE[4:]))


@pytest.fixture
def market(patient, owner, signers, slow_feeds):
    """A desk at that engine."""
    return Desk(patient, owner, signers, slow_feeds)


def flags(engine, market=FED):
    return Parameters.unpack(engine.parameters(market)).flags


def averaged(market, begin, owner, count, step=250):
    """Retire at `begin`, then `count` prices that rise by 1 from 100; returns the second of the last one."""
    market.at(begin - 2)
    market.engine.retire(FED, sender=owner)
    for number in range(count):
        market.quote(begin + number * step, 100 + number, basis=0)
    return begin + (count - 1) * step


def test_retire__takes_perpetuals_and_is_logged(market, begin, owner):
    market.at(begin)
    receipt = market.engine.retire(FED, sender=owner)
    assert flags(market.engine) == RETIRING
    (event,) = receipt.events
    assert (event.event_name, event.market) == ("MarketSet", FED)
    # s and u are on their way to the most there is.
    told = Parameters.unpack(event.parameters)
    assert told.aim == replace(PARAMETERS[FED], s=2**16 - 1, u=2**16 - 1, flags=RETIRING)
    assert told.pack() == market.engine.parameters(FED)


def test_calibrate__retiring_market__reverts(market, owner, attacker):
    market.engine.set_calibrator(attacker, sender=owner)
    market.engine.retire(FED, sender=owner)
    given = PARAMETERS[FED]
    with ape.reverts("risk_engine: already retired"):
        market.engine.calibrate(FED, given.s, given.u, given.g, given.cap, sender=attacker)


def test_retire__again__reverts(market, owner):
    market.engine.retire(FED, sender=owner)
    before = market.engine.parameters(FED)
    with ape.reverts("risk_engine: already retired"):
        market.engine.retire(FED, sender=owner)
    assert market.engine.parameters(FED) == before


def test_retire__outsider_or_unknown_market__reverts(market, owner, attacker):
    with ape.reverts("ownable: caller is not the owner"):
        market.engine.retire(FED, sender=attacker)
    with ape.reverts("risk_engine: unknown market"):
        market.engine.retire(60, sender=owner)
    assert flags(market.engine) == ALL


def test_set_parameters__retiring_market__stays_so_without_perpetuals_and_collateral(market, owner):
    market.engine.retire(FED, sender=owner)
    market.engine.set_parameters(FED, replace(PARAMETERS[FED], s=4_000, flags=7).pack(), sender=owner)
    assert flags(market.engine) == RETIRING


def test_freeze__not_retiring_or_unknown__reverts(market, attacker):
    with ape.reverts("risk_engine: not retiring"):
        market.engine.freeze(FED, sender=attacker)
    with ape.reverts("risk_engine: unknown market"):
        market.engine.freeze(60, sender=attacker)


def test_freeze__before_the_hour_has_passed__reverts(market, begin, owner, attacker):
    averaged(market, begin, owner, 10)
    market.at(begin - 2 + 3_599)
    with market.refused("risk_engine: not averaged yet"):
        market.engine.freeze(FED, sender=attacker)
    assert flags(market.engine) == RETIRING


def test_freeze__seen_for_less_than_half_of_it__reverts(market, begin, owner, attacker):
    averaged(market, begin, owner, 8)  # seven spans of 250 s
    market.at(begin + 4_000)
    with market.refused("risk_engine: not averaged yet"):
        market.engine.freeze(FED, sender=attacker)


def test_freeze__by_anyone__is_the_average_for_good(market, begin, owner, attacker):
    averaged(market, begin, owner, 9)
    market.at(begin + 3_598)
    receipt = market.engine.freeze(FED, sender=attacker)
    assert [event.event_name for event in receipt.events] == ["MarketSet", "PricesUpdated"]
    assert flags(market.engine) == RETIRED
    # What is left of its collateral is charged by its amount, and hedges nothing.
    most = 2**16 - 1
    assert Parameters.unpack(market.engine.parameters(FED)).aim == replace(
        PARAMETERS[FED], s=1, u=most, g=most, flags=RETIRED
    )
    market.seen_at(begin + 10**8)
    price = market.engine.price(FED)
    # Eight spans at 100 to 107; a mantissa of 48 bits takes the rest.
    assert 0 <= 103.5 * WAD - price.index < 2**20
    assert (price.state, price.mark, price.flags) == (LIVE, price.index, RETIRED)
    assert (price.up, price.down, price.up_faded, price.down_faded) == (0, 0, 0, 0)
    seen = market.engine.assess(0, 1 << FED + 64, [Position(WAD).pack()])
    assert (seen.state, seen.down, seen.equity) == (LIVE, 0, price.index)


def test_freeze__updates_and_refreshes_afterwards__leave_it(market, begin, owner):
    last = averaged(market, begin, owner, 9)
    market.at(last + 2_000)
    market.engine.freeze(FED, sender=owner)
    word = market.engine.price_word(FED)
    market.push(90, last + 2_001)
    market.quote(last + 2_010, 50)
    market.engine.refresh([FED, FEEDLESS], sender=owner)
    assert market.engine.price_word(FED) == word
    with ape.reverts("risk_engine: not retiring"):
        market.engine.freeze(FED, sender=owner)
    with ape.reverts("risk_engine: already retired"):
        market.engine.retire(FED, sender=owner)


def test_freeze__price_long_unseen__counts_no_longer_than_it_lives(market, begin, owner):
    last = averaged(market, begin, owner, 9)
    market.quote(last + 10_000, 1_000)  # after 108 stood, of which 255 s count
    market.at(last + 10_010)
    market.engine.freeze(FED, sender=owner)
    total = sum(250 * price for price in range(100, 108)) + LONG * 108
    assert 0 <= total * WAD // (8 * 250 + LONG) - market.engine.price(FED).index < 2**20
