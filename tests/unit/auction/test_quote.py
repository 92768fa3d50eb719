"""`quote`: says what `bid` does, and why it would not."""

from __future__ import annotations

import pytest

from keeper.model.auction import bid_quote
from keeper.model.words import Run
from tests.unit.auction.scene import lot
from tests.unit.system import CURVE, TERMS, WAD


def test_quote__at_the_end_of_the_curve__is_what_a_bid_then_does(scene, auction):
    scene.insure(1_000)
    scene.sighted_at(1520, 400)
    quote = auction.quote(scene.account, WAD // 10)
    assert (quote.reason, quote.run) == ("", auction.run(scene.account))
    taken = scene.taken(scene.bid(lot(scene.account, WAD // 10)))
    assert (quote.equity, quote.mm) == (taken.equity, taken.requirement)
    assert (quote.lambda_account, quote.lambda_taker) == (taken.lambda_account, taken.lambda_taker)
    assert quote.lambda_now == 7 * WAD // 10
    assert (quote.fraction, quote.taker_pays, quote.account_gets) == (
        taken.fraction,
        taken.taker_paid,
        taken.account_got,
    )


@pytest.mark.parametrize(("price", "fraction"), [(1530, WAD), (1520, WAD // 3), (1500, WAD), (1430, WAD), (1430, 1)])
def test_quote__without_a_run__is_the_models_at_lambda_0(scene, auction, price, fraction):
    scene.price(price)
    quote = auction.quote(scene.account, fraction)
    expected = bid_quote(scene.assessment(), Run(), CURVE, TERMS, 0, fraction)
    for name in ("reason", "equity", "mm", "up", "lambda_now", "lambda_account", "penalty", "lambda_taker"):
        assert getattr(quote, name) == getattr(expected, name), name
    for name in ("fraction_max", "fraction", "unit_cost", "taker_pays", "account_gets"):
        assert getattr(quote, name) == getattr(expected, name), name


def test_quote__asked_for_more_than_the_target_needs__gives_the_most(scene, auction):
    scene.price(1530)
    quote = auction.quote(scene.account, WAD)
    assert 0 < quote.fraction == quote.fraction_max < WAD


def test_quote__healthy__says_so(scene, auction):
    scene.price(1600)
    quote = auction.quote(scene.account, WAD)
    assert (quote.reason, quote.fraction, quote.taker_pays) == ("auction: healthy", 0, 0)
    assert (quote.equity, quote.mm) == scene.assessment()[:2]


def test_quote__price_late__says_so(scene, auction):
    scene.price(1520)
    scene.system.pass_time(20)
    # A call sees the time of the block it is in: the next one is late.
    scene.system.quote.mint(scene.taker, 1, sender=scene.taker)
    assert auction.quote(scene.account, WAD).reason == "auction: price not live"


def test_quote__part_of_what_stands_on_the_floor__says_all_or_nothing(scene, auction, victim):
    small = scene.long(victim, 0.1, 31, sub=1)
    scene.price(1485)
    part, whole = auction.quote(small, WAD // 2), auction.quote(small, WAD)
    assert (part.reason, part.fraction, part.taker_pays) == ("auction: all or nothing", 0, 0)
    assert part.unit_cost == whole.unit_cost == whole.taker_pays > 0
    assert (whole.reason, whole.fraction) == ("", WAD)


@pytest.mark.parametrize("fraction", [0, WAD + 1, 2**256 - 1])
def test_quote__fraction_out_of_range__says_so(scene, auction, fraction):
    scene.price(1520)
    assert auction.quote(scene.account, fraction).reason == "auction: fraction out of range"


def test_quote__account_that_was_never_used__is_healthy(auction, scene, attacker):
    quote = auction.quote(scene.system.account(attacker), WAD)
    assert (quote.reason, quote.equity, quote.mm) == ("auction: healthy", 0, 0)
