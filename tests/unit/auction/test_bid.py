"""`bid`: what a slice moves between the account, the taker, the vault and the opener."""

from __future__ import annotations

import pytest
from ape import chain

from keeper.model.auction import opener_share
from keeper.model.words import Run
from tests.unit.auction.scene import lot
from tests.unit.system import BTC, ETH, TERMS, WAD

TARGET = 14 * WAD // 10
DUST = 10
"""WAD wei: a rounding for each word that a slice writes."""
GRAIN = 3 * 10**9
"""WAD wei: a requirement is made of a few parts in 1e-9 quote, each rounded up."""


def on_target(assessment) -> bool:
    """Health is the target, but for the requirement's grain: within 1e-10."""
    return abs(assessment.equity - TARGET * assessment.mm // WAD) <= 2 * GRAIN


def test_bid__partial__moves_the_fraction_and_pays_by_the_formula(scene):
    scene.sighted_at(1520, 90)
    before, run, size = scene.assessment(), scene.run(), scene.system.position(scene.account, ETH)
    cash = scene.cash(), scene.cash(scene.taker_account), scene.vault_cash()
    receipt = scene.bid(lot(scene.account, WAD // 10))
    quote = scene.expected(before, run, receipt, WAD // 10)
    taken = scene.taken(receipt)

    assert quote.fraction == WAD // 10 and quote.penalty_paid > 0
    opener_gets, _ = opener_share(quote.penalty_paid, 0, TERMS.opener_cap)
    assert (taken.account, taken.taker, taken.fraction) == (scene.account, scene.taker_account, WAD // 10)
    assert (taken.equity, taken.requirement, taken.clipped) == (before.equity, before.mm, False)
    assert (taken.lambda_account, taken.lambda_taker) == (quote.lambda_account, quote.lambda_taker)
    assert (taken.taker_paid, taken.account_got) == (quote.taker_pays, quote.account_gets)
    assert taken.opener_got == opener_gets
    assert taken.vault_got == quote.taker_pays - quote.account_gets - opener_gets

    assert scene.system.position(scene.account, ETH) == (size[0] - size[0] // 10, size[1] - -(-size[1] // 10))
    assert scene.system.position(scene.taker_account, ETH) == (size[0] // 10, -(-size[1] // 10))
    part = cash[0] // 10
    assert scene.cash() == cash[0] - part + quote.account_gets
    assert scene.cash(scene.taker_account) == cash[1] + part - quote.taker_pays
    assert scene.vault_cash() == cash[2] + quote.taker_pays - quote.account_gets - opener_gets


def test_bid__more_than_the_target_needs__is_clipped_and_lands_on_it(scene):
    scene.sighted_at(1525, 90)
    before, run = scene.assessment(), scene.run()
    receipt = scene.bid()
    taken, after = scene.taken(receipt), scene.assessment()
    assert taken.clipped
    assert taken.fraction == scene.expected(before, run, receipt).fraction_max < WAD
    assert on_target(after)
    cost = (taken.lambda_account + TERMS.penalty * 10**14) * (before.mm - after.mm) // WAD
    assert abs(before.equity - after.equity - cost) <= GRAIN


@pytest.mark.parametrize(("price", "seconds"), [(1532, 5), (1520, 60), (1500, 30), (1480, 20)])
def test_bid__any_partial_slice__never_lowers_health_nor_passes_the_target(scene, price, seconds):
    scene.sighted_at(price, seconds)
    before = scene.assessment()
    scene.bid()
    after = scene.assessment()
    assert 0 < after.mm < before.mm
    assert after.equity * before.mm > before.equity * after.mm
    assert on_target(after)


def test_bid__at_the_target__ends_the_run(scene):
    scene.sighted_at(1520, 30)
    scene.bid()
    assert scene.run() == Run(nonce=2)


def test_bid__short_of_the_line__keeps_the_run_and_counts(scene, maker):
    scene.sighted_at(1520, 30)
    before = scene.run()
    scene.bid(lot(scene.account, WAD // 20))
    after = scene.run()
    assert scene.assessment().in_breach
    assert (after.opener, after.start, after.nonce) == (int(maker.address, 16), before.start, before.nonce + 1)
    assert after.last == chain.blocks.head.timestamp > before.last


def test_bid__just_over_the_line__ends_the_run(scene):
    scene.sighted_at(1532, 5)
    scene.bid(lot(scene.account, WAD // 40))
    after = scene.assessment()
    assert WAD < after.equity * WAD // after.mm < TARGET
    assert scene.run() == Run(nonce=2)


def test_bid__deep_breach_late_in_the_run__takes_all_and_leaves_no_position(scene):
    # λ is 0.63 and h 0.66: the penalty is cut to what the account can give, and all must go.
    scene.sighted_at(1500, 252)
    before, run = scene.assessment(), scene.run()
    receipt = scene.bid()
    quote = scene.expected(before, run, receipt)
    assert quote.fraction == WAD and 0 < quote.penalty < TERMS.penalty * 10**14
    assert scene.system.clearinghouse.header(scene.account) >> 128 == 0
    assert scene.system.position(scene.account, ETH) == (0, 0)
    assert 0 <= scene.cash() <= before.mm // WAD
    assert scene.assessment().mm == 0
    assert scene.run() == Run(nonce=2)


def test_bid__requirement_on_its_floor__takes_all_and_leaves_the_rest_in_cash(scene, victim):
    small = scene.long(victim, 0.1, 31, sub=1)
    scene.price(1485)
    scene.open(small)
    before = scene.assessment(small)
    assert before.mm == before.floor == 20 * WAD
    taken = scene.taken(scene.bid(lot(small)))
    assert (taken.fraction, taken.clipped) == (WAD, False)
    assert scene.system.clearinghouse.header(small) >> 128 == 0
    health = before.equity * WAD // before.mm
    left = (health - taken.lambda_account - TERMS.penalty * 10**14) * before.mm // WAD
    assert left > 0
    assert 0 <= scene.cash(small) - left <= before.mm // WAD


def test_bid__insolvent_account__vault_pays_what_is_missing_and_leaves_no_debt(scene):
    scene.insure(1_000)
    scene.sighted_at(1430)
    before, run, vault, taker = scene.assessment(), scene.run(), scene.vault_cash(), scene.cash(scene.taker_account)
    cash = scene.cash()
    assert before.equity < 0
    receipt = scene.bid()
    quote = scene.expected(before, run, receipt)
    assert (quote.fraction, quote.account_gets, quote.lambda_account, quote.penalty) == (WAD, 0, 0, 0)
    assert quote.taker_pays < before.equity < 0
    assert scene.vault_cash() == vault + quote.taker_pays
    assert scene.cash(scene.taker_account) == taker + cash - quote.taker_pays
    assert (scene.cash(), scene.system.position(scene.account, ETH)) == (0, (0, 0))
    assert scene.run() == Run(nonce=2)


@pytest.mark.parametrize("seconds", [30, 150, 300, 700])
def test_bid__insolvent_account__vault_adds_lambda_by_the_backstops_time(scene, seconds):
    scene.insure(1_000)
    scene.sighted_at(1430, seconds)
    before = scene.assessment()
    taken = scene.taken(scene.bid(lot(scene.account, WAD // 2)))
    now = {30: 17_500, 150: 48_125, 300: 70_000, 700: 70_000}[seconds] * 10**13
    assert taken.lambda_taker == now * min(seconds, TERMS.backstop) // TERMS.backstop
    value = (before.equity * WAD - taken.lambda_taker * before.mm) * (WAD // 2)
    assert taken.taker_paid == -(-value // WAD**2)
    assert taken.vault_got == taken.taker_paid


def test_bid__insolvent_half_taken__does_not_lower_what_remains(scene):
    scene.insure(1_000)
    scene.sighted_at(1430)
    before = scene.assessment()
    scene.bid(lot(scene.account, WAD // 2))
    after = scene.assessment()
    assert before.equity < after.equity < 0
    assert abs(2 * after.equity - before.equity) <= DUST
    assert scene.run().start != 0


def test_bid__lambda_above_health__account_gives_all_and_the_vault_the_difference(scene):
    # h is about 0.2 and the backstop is full: λ_v is 0.7.
    scene.insure(1_000)
    scene.sighted_at(1460, 300)
    before = scene.assessment()
    health = before.equity * WAD // before.mm
    taken = scene.taken(scene.bid())
    assert 0 < health == taken.lambda_account < taken.lambda_taker == 7 * WAD // 10
    assert 0 <= taken.account_got <= before.mm // WAD
    assert abs(taken.vault_got + (taken.lambda_taker - health) * before.mm // WAD) <= before.mm // WAD + 2
    assert taken.opener_got == 0


def test_bid__vault_that_cannot_cover__shares_the_loss_among_lenders(scene):
    scene.sighted_at(1430)
    house = scene.system.clearinghouse
    supply = house.accrued()[0] & (2**80 - 1)
    receipt = scene.bid()
    (shared,) = receipt.decode_logs(house.LossShared)
    assert shared.account == scene.account and shared.loss > 0
    assert shared.supply == house.indices() & (2**80 - 1) < supply
    assert scene.vault_cash() == 0
    assert scene.system.position(scene.account, ETH) == (0, 0)


def test_bid__taker_left_below_initial_margin__reverts(scene):
    scene.system.fund(scene.taker, 50, sub=1)
    scene.sighted_at(1520, 30)
    with scene.refused("clearinghouse: below initial margin", scene.system.account(scene.taker, 1)):
        scene.bid(sub=1)


def test_bid__taker_with_a_late_price_elsewhere__reverts(scene, taker, maker):
    scene.system.trade(taker, maker, BTC, 0.1, 51_200)
    scene.system.pass_time(20)
    scene.price_only(1520)
    with scene.refused("clearinghouse: price is late"):
        scene.bid()


def test_bid__taker_with_little_cash__may_take_what_it_can_carry(scene):
    scene.system.fund(scene.taker, 100, sub=1)
    scene.sighted_at(1520, 30)
    scene.bid(lot(scene.account, WAD // 40), sub=1)
    assert scene.system.position(scene.system.account(scene.taker, 1), ETH)[0] == WAD // 4


def test_bid__spot_collateral_and_debt__are_taken_with_the_rest(scene, lender):
    system = scene.system
    account = system.fund_spot(lender, ETH, 1)
    system.prices(slow=False)
    system.clearinghouse.withdraw(account, 1_450 * 10**6, lender, sender=lender)
    scene.price(1500)
    scene.open(account)
    debt, spot = scene.cash(account), system.clearinghouse.spot(account, ETH)
    taken = scene.taken(scene.bid(lot(account, WAD // 2)))
    assert taken.fraction == WAD // 2
    assert system.clearinghouse.spot(account, ETH) == spot - spot // 2
    assert system.clearinghouse.spot(scene.taker_account, ETH) == spot // 2
    assert scene.cash(account) > debt // 2


def test_bid__by_an_operator_of_the_taker__is_the_takers(scene, operator):
    scene.system.clearinghouse.approve_operator(operator, True, sender=scene.taker)
    scene.sighted_at(1520, 30)
    assert scene.taken(scene.bid(sender=operator)).taker == scene.taker_account


def test_bid__split_into_many__leaves_the_account_what_one_bid_would(scene):
    scene.sighted_at(1520)
    start = chain.snapshot()
    scene.age(60, 1520)
    scene.bid()
    once = scene.assessment()
    chain.restore(start)
    scene.age(60, 1520)
    scene.bid(*(lot(scene.account, WAD // 50) for _ in range(5)), lot(scene.account))
    parts = scene.assessment()
    assert on_target(parts)
    assert abs(parts.equity - once.equity) <= 6 * GRAIN
    assert abs(parts.mm - once.mm) <= 6 * GRAIN
