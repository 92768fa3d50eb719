"""`bid`: the opener's half of the penalty, where it goes and where it stops."""

from __future__ import annotations

from dataclasses import replace

from ape import chain

from keeper.model.words import Run
from tests.unit.auction.scene import lot
from tests.unit.system import TERMS, WAD

BREACH = 1520
CAP = TERMS.opener_cap


def penalty(taken) -> int:
    return taken.fraction * TERMS.penalty * 10**14 * taken.requirement // WAD**2


def test_bid__of_an_opened_run__pays_half_the_penalty_to_the_openers_first_account(scene, opener):
    scene.price(BREACH)
    scene.open(sender=opener)
    account, vault = scene.system.account(opener), scene.vault_cash()
    taken = scene.taken(scene.bid())
    assert taken.opener_got == penalty(taken) // 2 > 0
    assert scene.cash(account) == taken.opener_got
    assert scene.vault_cash() == vault + taken.vault_got
    # What is left of the penalty is the vault's, and roundings.
    assert 0 <= taken.vault_got - (penalty(taken) - taken.opener_got) <= 2


def test_bid__of_an_opened_run__nothing_of_the_share_goes_to_the_taker(scene, opener):
    scene.price(BREACH)
    scene.open(sender=opener)
    cash, own = scene.cash(), scene.cash(scene.taker_account)
    taken = scene.taken(scene.bid())
    assert scene.cash(scene.taker_account) == own + cash * taken.fraction // WAD - taken.taker_paid


def test_bid__that_sights_itself__pays_the_share_into_the_account_that_takes(scene):
    system = scene.system
    second = system.fund(scene.taker, 50_000, sub=7)
    scene.price(BREACH)
    cash, own, first = scene.cash(), scene.cash(second), scene.cash(scene.taker_account)
    receipt = scene.bid(sub=7)
    taken = scene.taken(receipt)
    assert (taken.lambda_account, taken.lambda_taker) == (0, 0)
    assert taken.opener_got == penalty(taken) // 2 > 0
    assert scene.cash(second) == own + cash * taken.fraction // WAD - taken.taker_paid + taken.opener_got
    assert scene.cash(scene.taker_account) == first


def test_bid__that_sights_itself__counts_the_run_and_itself(scene, taker):
    scene.price(BREACH)
    scene.bid(lot(scene.account, WAD // 20), sub=0)
    run, now = scene.run(), chain.blocks.head.timestamp
    assert (run.opener, run.start, run.last, run.nonce) == (int(taker.address, 16), now, now, 2)
    assert run.paid > 0


def test_bid__run_past_its_grace__starts_another_at_lambda_0(scene, opener):
    scene.price(BREACH)
    scene.open(sender=opener)
    old = scene.run()
    scene.system.pass_time(TERMS.grace - 20)
    scene.price(BREACH)
    chain.pending_timestamp = old.last + TERMS.grace + 1
    taken = scene.taken(scene.bid(lot(scene.account, WAD // 20)))
    assert taken.lambda_account == 0
    assert scene.run().opener == int(scene.taker.address, 16)
    assert scene.run().nonce == old.nonce + 2
    assert scene.cash(scene.system.account(opener)) == 0


def test_bid__run_at_the_end_of_its_grace__goes_on(scene, opener):
    scene.price(BREACH)
    scene.open(sender=opener)
    old = scene.run()
    scene.system.pass_time(TERMS.grace - 20)
    scene.price(BREACH)
    chain.pending_timestamp = old.last + TERMS.grace
    assert scene.taken(scene.bid(lot(scene.account, WAD // 20))).lambda_account == 35 * WAD // 100
    assert scene.run().start == old.start + TERMS.grace - TERMS.watch


def test_bid__shares_of_one_run__stop_at_the_cap(scene, victim, opener):
    large = scene.long(victim, 60, 9_600, sub=1)
    scene.price(BREACH)
    scene.open(large, sender=opener)
    account = scene.system.account(opener)
    first = scene.taken(scene.bid(lot(large, WAD // 10)))
    assert 0 < first.opener_got == penalty(first) // 2 < CAP
    run = scene.run(large)
    assert run.paid == -(-first.opener_got * 1023 // CAP)
    rest = CAP * (1023 - run.paid) // 1023
    second = scene.taken(scene.bid(lot(large)))
    assert penalty(second) // 2 > rest == second.opener_got
    assert scene.cash(account) == first.opener_got + rest <= CAP
    assert abs(second.vault_got - (penalty(second) - rest)) <= 2


def test_bid__after_the_cap__opener_gets_nothing_more(scene, victim, opener, auction, owner):
    auction.set_terms(replace(TERMS, opener_cap=WAD).pack(), sender=owner)
    large = scene.long(victim, 60, 9_600, sub=1)
    scene.price(BREACH)
    scene.open(large, sender=opener)
    assert scene.taken(scene.bid(lot(large, WAD // 20))).opener_got == WAD
    assert scene.run(large).paid == 1023
    assert scene.taken(scene.bid(lot(large, WAD // 20))).opener_got == 0
    assert scene.run(large).paid == 1023


def test_bid__next_run_of_the_same_account__has_a_cap_of_its_own(scene, opener):
    scene.price(BREACH)
    scene.open(sender=opener)
    scene.bid()
    assert scene.run() == Run(nonce=2)
    scene.price(1440)
    scene.open(sender=opener)
    assert (scene.run().paid, scene.run().nonce) == (0, 3)


def test_bid__cap_of_nothing__pays_no_opener(scene, opener, auction, owner):
    auction.set_terms(replace(TERMS, opener_cap=0).pack(), sender=owner)
    scene.price(BREACH)
    scene.open(sender=opener)
    taken = scene.taken(scene.bid())
    assert taken.opener_got == scene.cash(scene.system.account(opener)) == 0
    assert abs(taken.vault_got - penalty(taken)) <= 2


def test_bid__opened_by_the_owner_of_the_account__pays_it_its_share(scene, victim):
    scene.price(BREACH)
    scene.open(sender=victim)
    cash = scene.cash()
    taken = scene.taken(scene.bid())
    part = cash * taken.fraction // WAD
    assert taken.opener_got > 0
    assert abs(scene.cash() - (cash - part + taken.account_got + taken.opener_got)) <= 2
