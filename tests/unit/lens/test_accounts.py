"""`account` and `accounts`: what is held, worth and required."""

from __future__ import annotations

from ape import chain

from keeper.model.words import Run
from tests.unit.system import BTC, ETH, TERMS, WAD

NOTHING_REQUIRED = 2**255 - 1
NONE, OPEN, EXPIRED = range(3)


def test_account__with_a_position__shows_words_value_and_health(scene, lens, victim):
    scene.price(1520)
    view = lens.account(scene.account)
    assert (view.id, view.owner, view.cash) == (scene.account, victim, 1_600 * WAD)
    system = scene.system
    book = system.clearinghouse.book_of(scene.account)
    assert tuple(view.assessment) == tuple(system.risk_engine.appraise(*book))
    assert view.health == view.assessment.equity * WAD // view.assessment.mm < WAD
    (holding,) = view.holdings
    assert (holding.market, holding.spot, holding.state, holding.spot_value) == (ETH, 0, 0, 0)
    assert (holding.size, holding.cost) == scene.system.position(scene.account, ETH)
    assert holding.index == holding.mark == scene.system.risk_engine.price(ETH).index
    assert holding.value == 10 * holding.index - holding.cost
    assert view.cash + holding.value == view.assessment.equity


def test_account__in_deficit__has_negative_health_rounded_down(scene, lens):
    scene.price(1430)
    view = lens.account(scene.account)
    assert view.health == view.assessment.equity * WAD // view.assessment.mm < 0


def test_account__spot_and_debt__are_shown(scene, lens, lender):
    system = scene.system
    account = system.fund_spot(lender, BTC, 0.5)
    system.prices()
    system.clearinghouse.withdraw(account, 1_000 * 10**6, lender, sender=lender)
    system.trade(lender, scene.maker, ETH, -1, 1600)
    view = lens.account(account)
    assert -1_001 * WAD < view.cash < -1_000 * WAD
    perp, spot = view.holdings
    assert (perp.market, perp.size, perp.spot) == (ETH, -WAD, 0)
    assert (spot.market, spot.spot, spot.size, spot.spot_value) == (BTC, WAD // 2, 0, 25_600 * WAD)
    assert view.cash + spot.spot_value + perp.value == view.assessment.equity


def test_account__that_owes_nothing__has_its_spot_priced_and_no_requirement(scene, lens, lender):
    account = scene.system.fund_spot(lender, BTC, 1)
    scene.system.prices()
    view = lens.account(account)
    assert (view.assessment.equity, view.assessment.mm) == (51_200 * WAD, 0)
    assert view.health == NOTHING_REQUIRED


def test_account__never_used__is_empty(scene, lens, attacker):
    view = lens.account(scene.system.account(attacker))
    assert (view.owner, view.cash, view.run, view.run_state) == (attacker, 0, 0, NONE)
    assert list(view.holdings) == []
    assert view.health == NOTHING_REQUIRED


def test_account__price_late__says_the_state(scene, lens):
    scene.price(1520)
    scene.system.pass_time(20)
    scene.system.quote.mint(scene.taker, 1, sender=scene.taker)
    view = lens.account(scene.account)
    assert (view.assessment.state, view.holdings[0].state) == (1, 1)
    assert view.assessment.mm > 0


def test_account__market_dead__says_the_state(scene, lens):
    scene.price(1520)
    scene.system.pass_time(4_000)
    scene.system.quote.mint(scene.taker, 1, sender=scene.taker)
    view = lens.account(scene.account)
    assert (view.assessment.state, view.holdings[0].state) == (2, 2)


def test_account__in_a_run__shows_it_and_its_lambda(scene, lens, auction):
    scene.sighted_at(1520, 60)
    scene.system.quote.mint(scene.taker, 1, sender=scene.taker)
    view = lens.account(scene.account)
    assert (view.run, view.run_state) == (auction.run(scene.account), OPEN)
    # The call is of the next block or the one before: a second more or less.
    assert 35 * 10**16 <= view.lambda_now <= 35 * 10**16 + 3 * 35 * WAD // 24_000


def test_account__run_past_its_grace__has_expired(scene, lens):
    scene.sighted_at(1520)
    scene.system.pass_time(TERMS.grace + 2)
    scene.system.quote.mint(scene.taker, 1, sender=scene.taker)
    view = lens.account(scene.account)
    assert (view.run_state, view.lambda_now) == (EXPIRED, 0)
    assert Run.unpack(view.run).start != 0


def test_accounts__several__are_in_the_order_asked(scene, lens, attacker):
    ids = [scene.taker_account, scene.account, scene.system.account(attacker)]
    views = lens.accounts(ids)
    assert [view.id for view in views] == ids
    assert [tuple(view) for view in views] == [tuple(lens.account(one)) for one in ids]


def test_accounts__thirty_two__are_answered(scene, lens):
    assert len(lens.accounts([scene.account] * 32)) == 32
    assert list(lens.accounts([])) == []


def test_account__now__is_the_time_of_the_chain(scene, lens):
    assert abs(lens.protocol().time - chain.blocks.head.timestamp) <= 1
