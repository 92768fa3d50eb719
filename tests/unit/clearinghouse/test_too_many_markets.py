"""Sixteen markets an account and not one more, however it would come to hold it."""

from __future__ import annotations

import pytest

from keeper.model.words import LISTED, PERP_ALLOWED, SPOT_ALLOWED, Parameters
from keeper.publish.reports import Entry
from tests.unit.clearinghouse.house import soon
from tests.unit.system import DEVIATION, HEARTBEAT, PRICES, WAD, wad

FULL = 16
MORE = range(4, 18)
"""Fourteen markets beside the four that are there."""


@pytest.fixture(scope="module")
def many(load, house, owner, feeds):
    """Eighteen markets; the last has a token."""
    parameters = Parameters(100, 100, 100, bucket=1, flags=LISTED | PERP_ALLOWED | SPOT_ALLOWED).pack()
    for _ in MORE:
        house.risk_engine.add_market(parameters, feeds[0], HEARTBEAT, DEVIATION, sender=owner)
    token = owner.deploy(load("testing/TestToken"), "Last", "LAST", 18)
    house.clearinghouse.list_spot(MORE[-1], token, sender=owner)
    house.spot_tokens[MORE[-1]] = token
    yield house
    del house.spot_tokens[MORE[-1]]


@pytest.fixture
def full(many, alice, bob):
    """alice and bob with a position in sixteen markets."""
    price_all(many)
    for market in range(FULL):
        many.trade(alice, bob, 0.01, PRICES.get(market, 1600), market=market)
        if market % 6 == 5:
            price_all(many)
    price_all(many)
    return alice


def price_all(house):
    """One update with every market."""
    entries = [Entry(market, wad(PRICES.get(market, 1600)), 0, 0) for market in range(MORE[-1] + 1)]
    house.update(entries, soon(house))


def test_trade__sixteen_markets__is_allowed_and_the_next_refused(many, full, bob, pool):
    with many.refuses("clearinghouse: too many markets", full, pool):
        many.trade(full, pool, 0.01, 1600, market=FULL)
    with many.refuses("clearinghouse: too many markets", full, pool):
        many.trade(pool, full, 0.01, 1600, market=FULL)
    many.trade(full, pool, 0.01, 1600, market=FULL - 1)


def test_deposit_spot__in_a_seventeenth__is_refused(many, full, taker):
    token = many.spot_tokens[MORE[-1]]
    token.mint(taker, WAD, sender=taker)
    token.approve(many.clearinghouse, WAD, sender=taker)
    with many.refuses("clearinghouse: too many markets", full):
        many.clearinghouse.deposit_spot(full, MORE[-1], WAD, sender=taker)


def test_slice__that_gives_a_seventeenth__is_refused(many, full, pool, lender, known):
    known.append(many.fund(lender, 1_000, sub=1))
    many.trade(pool, known[-1], 0.01, 1600, market=FULL)
    with many.refuses("clearinghouse: too many markets", full, pool):
        many.slice(pool, full, 0.5)


def test_slice__of_sixteen_markets__moves_them_all(many, full, pool):
    receipt = many.slice(full, pool, 0.5)
    for market in range(FULL):
        assert many.position(pool, market)[0] == wad(0.005)
    many.check_logged(receipt)
    # Affordable in any block.
    assert receipt.gas_used < 3_000_000
