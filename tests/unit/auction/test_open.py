"""`open`: what starts a run, carries it on and ends it."""

from __future__ import annotations

from dataclasses import replace

from ape import chain

from keeper.model.words import Curve, Run
from tests.unit.auction.scene import lot
from tests.unit.system import BTC, TERMS, WAD

BREACH = 1520
HEALTHY = 1600


def now() -> int:
    return chain.blocks.head.timestamp


def test_open__account_in_breach__starts_a_run(scene, opener, auction):
    scene.price(BREACH)
    receipt = scene.open(sender=opener)
    assert scene.run() == Run(opener=int(opener.address, 16), start=now(), last=now(), nonce=1)
    (event,) = receipt.decode_logs(auction.RunChanged)
    assert (event.account, event.run) == (scene.account, auction.run(scene.account))


def test_open__again_within_the_grace__only_moves_the_last_sighting(scene, opener, taker):
    scene.price(BREACH)
    scene.open(sender=opener)
    before = scene.run()
    scene.system.pass_time(TERMS.grace - 20)
    scene.price(BREACH)
    chain.pending_timestamp = before.last + TERMS.grace
    scene.open(sender=taker)
    after = scene.run()
    assert (after.opener, after.nonce) == (before.opener, before.nonce)
    assert after.last == before.last + TERMS.grace
    # The clock stood still while nobody watched: it shows what one sighting vouches for.
    assert after.last - after.start == TERMS.watch


def test_open__again_within_the_watch__leaves_the_clock_running(scene, taker):
    scene.price(BREACH)
    scene.open()
    before = scene.run()
    scene.system.pass_time(TERMS.watch - 20)
    scene.price(BREACH)
    chain.pending_timestamp = before.last + TERMS.watch
    scene.open(sender=taker)
    assert scene.run() == replace(before, last=before.last + TERMS.watch)


def test_open__touched_at_one_dip_and_again_at_the_next__does_not_sell_at_the_top_of_the_curve(scene, auction):
    scene.price(BREACH)
    scene.open()
    before = scene.run()
    scene.price(HEALTHY)
    scene.system.pass_time(255)
    scene.price(BREACH)
    chain.pending_timestamp = before.last + 274
    scene.open()
    assert scene.run().start == before.start + 274 - TERMS.watch
    assert auction.quote(scene.account, WAD).lambda_now == 35 * WAD // 100


def test_bid__after_a_gap_in_the_watch__pays_by_the_clock_that_stood_still(scene):
    scene.sighted_at(BREACH)
    run = scene.run()
    scene.system.pass_time(240)
    scene.price(BREACH)
    before = scene.assessment()
    chain.pending_timestamp = run.last + 250
    receipt = scene.bid(lot(scene.account, WAD // 20))
    quote = scene.expected(before, run, receipt, WAD // 20)
    assert quote.lambda_now == 35 * WAD // 100
    assert scene.taken(receipt).lambda_taker == quote.lambda_taker
    assert (scene.run().start, scene.run().last) == (run.start + 250 - TERMS.watch, run.last + 250)


def test_open__after_the_grace__starts_another_run(scene, opener, taker):
    scene.price(BREACH)
    scene.open(sender=opener)
    before = scene.run()
    scene.system.pass_time(TERMS.grace - 20)
    scene.price(BREACH)
    chain.pending_timestamp = before.last + TERMS.grace + 1
    scene.open(sender=taker)
    assert scene.run() == Run(opener=int(taker.address, 16), start=now(), last=now(), nonce=2)


def test_open__account_recovered__clears_all_but_the_nonce(scene, auction):
    scene.sighted_at(BREACH)
    scene.price(HEALTHY)
    receipt = scene.open()
    assert scene.run() == Run(nonce=1)
    assert [event.run for event in receipt.decode_logs(auction.RunChanged)] == [auction.run(scene.account)]


def test_open__account_topped_up__clears_the_run(scene, victim):
    scene.sighted_at(BREACH)
    scene.system.fund(victim, 1_000)
    scene.open()
    assert scene.run() == Run(nonce=1)


def test_open__healthy_and_never_sighted__changes_nothing(scene):
    scene.price(HEALTHY)
    before = scene.system.fingerprint(scene.account)
    assert not scene.open().logs
    assert scene.system.auction.run(scene.account) == 0
    assert scene.system.fingerprint(scene.account) == before


def test_open__account_that_owes_nothing__is_not_sighted(scene, lender):
    account = scene.system.fund(lender, 1)
    scene.price(BREACH)
    scene.open(account)
    assert scene.system.auction.run(account) == 0


def test_open__breach_within_the_interval__is_not_sighted(scene):
    # 0.5% of confidence is 76 of equity; 57 are missing at 1,527.
    scene.price(1527, confidence=500)
    assessment = scene.assessment()
    assert assessment.equity < assessment.mm < assessment.equity + assessment.up
    scene.open()
    assert scene.run() == Run()
    scene.price(1527)
    scene.open()
    assert scene.run().nonce == 1


def test_open__exactly_on_the_line__is_not_sighted(scene, lender):
    # Long an 80th on 32, whose requirement is the least: at 640 it has lost 12 of the 32.
    account = scene.long(lender, 0.0125, 32)
    scene.price(640)
    assessment = scene.assessment(account)
    assert (assessment.equity, assessment.mm, assessment.up) == (20 * WAD, 20 * WAD, 0)
    scene.open(account)
    assert scene.run(account) == Run()
    scene.price(639)
    scene.open(account)
    assert scene.run(account).nonce == 1


def test_open__price_late__skips_and_leaves_the_run(scene):
    scene.sighted_at(BREACH)
    before = scene.run()
    scene.system.pass_time(20)
    receipt = scene.open()
    assert scene.skipped(receipt) == [(scene.account, "auction: price not live")]
    assert scene.run() == before


def test_open__market_dead__sights_at_the_last_price_and_the_widest_interval(scene):
    scene.price(1200)
    scene.system.pass_time(4_000)
    receipt = scene.open()
    assessment = scene.assessment()
    # A fifth of 12,000 is the most that the position may be worth more.
    assert assessment.state == 2 and abs(assessment.up - 2_400 * WAD) < 10**9
    assert not scene.skipped(receipt)
    assert (scene.run().nonce, scene.run().start) == (1, now())


def test_open__market_dead_and_breach_within_its_interval__is_not_sighted(scene):
    # At 1,500 it lacks 730: more than the 150 that one source alone is doubted by, less than a fifth of 15,000.
    scene.price(1500)
    scene.system.pass_time(4_000)
    scene.open()
    assessment = scene.assessment()
    assert assessment.state == 2 and assessment.equity < assessment.mm < assessment.equity + assessment.up
    assert scene.run() == Run()


def test_open__list_of_several__treats_each_for_itself(scene, victim, lender):
    other = scene.long(victim, 5, 800, sub=1)
    sound = scene.long(victim, 5, 5_000, sub=2)
    unpriced = scene.system.fund(lender, 1_000)
    scene.system.prices(slow=False)
    scene.system.trade(lender, scene.maker, BTC, 0.01, 51_200)
    scene.system.pass_time(20)
    scene.price_only(BREACH)
    receipt = scene.open(scene.account, sound, unpriced, other)
    assert [scene.run(account).nonce for account in (scene.account, sound, unpriced, other)] == [1, 0, 0, 1]
    assert scene.skipped(receipt) == [(unpriced, "auction: price not live")]


def test_open__account_twice_in_a_list__is_one_sighting(scene):
    scene.price(BREACH)
    scene.open(scene.account, scene.account)
    assert scene.run().nonce == 1


def test_open__new_curve__rules_only_runs_that_start_later(scene, auction, owner):
    scene.sighted_at(BREACH)
    auction.add_curve(Curve(((0, 100), (10, 200), (20, 300))).pack(), sender=owner)
    scene.price(BREACH)
    scene.open()
    assert scene.run().curve == 0
    scene.system.pass_time(TERMS.grace + 1)
    scene.price(BREACH)
    scene.open()
    assert (scene.run().curve, scene.run().nonce) == (1, 2)
    assert auction.quote(scene.account, WAD // 10).lambda_now >= 10**16


def test_open__cleared_run_in_breach_again__counts_from_zero(scene):
    scene.sighted_at(BREACH, 90)
    scene.price(HEALTHY)
    scene.open()
    scene.price(BREACH)
    scene.open()
    assert scene.run().start == now()
    assert scene.run().nonce == 2
