"""`bid`: who may, what a lot's limits refuse, and what becomes of the other lots of a batch."""

from __future__ import annotations

import pytest

from tests.unit.auction.scene import lot
from tests.unit.system import BTC, ETH, WAD

BREACH = 1520


def both(scene, message: str, refused: tuple[int, ...], sound: int) -> None:
    """A lot that is refused reverts alone, and beside another is skipped with the reason while the other is taken."""
    with scene.refused(message, refused[0]):
        scene.bid(refused)
    before = scene.system.clearinghouse.header(refused[0]), scene.system.auction.run(refused[0])
    receipt = scene.bid(refused, lot(sound))
    assert scene.skipped(receipt) == [(refused[0], message)]
    assert scene.taken(receipt).account == sound
    if refused[0] != scene.taker_account:
        assert (scene.system.clearinghouse.header(refused[0]), scene.system.auction.run(refused[0])) == before


@pytest.fixture(scope="module")
def sound(scene, lender):
    """Another account in breach at the same price."""
    return scene.long(lender, 5, 800)


@pytest.fixture
def breached(scene, sound):
    scene.sighted_at(BREACH)
    return scene


def test_bid__caller_is_not_the_takers__reverts(breached, attacker):
    with breached.refused("auction: not allowed"):
        breached.bid(sender=attacker)


def test_bid__operator_revoked__reverts(breached, operator):
    house = breached.system.clearinghouse
    house.approve_operator(operator, True, sender=breached.taker)
    house.approve_operator(operator, False, sender=breached.taker)
    with breached.refused("auction: not allowed"):
        breached.bid(sender=operator)


@pytest.mark.parametrize("fraction", [0, WAD + 1, 2**256 - 1])
def test_bid__fraction_out_of_range__reverts_the_whole_batch(breached, sound, fraction):
    with breached.refused("auction: fraction out of range", sound):
        breached.bid(lot(sound), lot(breached.account, fraction))


def test_bid__no_lots__reverts(breached):
    with breached.refused("auction: nothing to take"):
        breached.system.auction.bid(breached.taker_account, [], sender=breached.taker)


def test_bid__own_account__skipped(breached, sound):
    both(breached, "auction: taker is the account", lot(breached.taker_account), sound)


def test_bid__account_of_the_same_owner__is_taken(scene, victim):
    system = scene.system
    rescuer = system.fund(victim, 10_000, sub=1)
    scene.price(BREACH)
    system.auction.bid(rescuer, [lot(scene.account)], sender=victim)
    assert system.position(rescuer, ETH)[0] > 0


def test_bid__healthy__skipped(scene, victim, sound):
    scene.price(BREACH)
    whole = scene.long(victim, 1, 5_000, sub=3)
    scene.price(BREACH)
    both(scene, "auction: healthy", lot(whole), sound)


def test_bid__breach_within_the_interval__is_healthy(breached):
    breached.price(1527, confidence=500)
    with breached.refused("auction: healthy"):
        breached.bid()


def test_bid__empty_account__is_healthy(breached, attacker):
    with breached.refused("auction: healthy"):
        breached.bid(lot(breached.system.account(attacker)))


def test_bid__price_late__skipped(scene, victim, sound):
    scene.system.prices(slow=False)
    account = scene.system.fund(victim, 10_000, sub=4)
    scene.system.trade(victim, scene.maker, BTC, 0.1, 51_200, subs=(4, 0))
    scene.system.pass_time(20)
    # The taker's own books are in ETH only, so that nothing else needs the late price.
    scene.price_only(BREACH)
    both(scene, "auction: price not live", lot(account), sound)


def test_bid__all_prices_late__reverts(breached):
    breached.system.pass_time(20)
    with breached.refused("auction: price not live"):
        breached.bid()


def test_bid__nonce_of_the_run__is_taken(breached):
    breached.bid(lot(breached.account, WAD // 20, nonce=1))
    breached.bid(lot(breached.account, WAD // 20, nonce=2))
    assert breached.run().nonce == 3


@pytest.mark.parametrize("nonce", [0, 2, 2**16 + 1])
def test_bid__another_nonce__skipped(breached, sound, nonce):
    both(breached, "auction: nonce changed", lot(breached.account, nonce=nonce), sound)


def test_bid__nonce_after_a_bid_of_somebody_else__skipped(breached, lender):
    system = breached.system
    rival = system.fund(lender, 50_000, sub=9)
    system.auction.bid(rival, [lot(breached.account, WAD // 20)], sender=lender)
    with breached.refused("auction: nonce changed"):
        breached.bid(lot(breached.account, nonce=1))


def test_bid__nonce_after_a_sighting_and_a_deposit__still_fits(breached, victim):
    breached.open()
    breached.system.fund(victim, 1)
    breached.bid(lot(breached.account, nonce=1))
    assert breached.run().nonce == 2


def test_bid__nonce_before_any_run__is_that_before_the_bid(scene):
    scene.price(BREACH)
    scene.bid(lot(scene.account, WAD // 20, nonce=0))
    assert scene.run().nonce == 2


def test_bid__market_outside_the_mask__skipped(breached, sound):
    both(breached, "auction: market not accepted", lot(breached.account, markets=1 << BTC), sound)


@pytest.mark.parametrize("markets", [1 << ETH, 1 << ETH | 1 << BTC, 2**256 - 2**5 | 1])
def test_bid__markets_within_the_mask__is_taken(breached, markets):
    breached.bid(lot(breached.account, WAD // 20, markets=markets))
    assert breached.run().nonce == 2


def test_bid__spot_outside_the_mask__skipped(scene, lender):
    system = scene.system
    account = system.fund_spot(lender, BTC, 0.1, sub=2)
    system.prices(slow=False)
    system.clearinghouse.withdraw(account, 4_700 * 10**6, lender, sender=lender)
    scene.system.prices({BTC: 47_000})
    with scene.refused("auction: market not accepted", account):
        scene.bid(lot(account, markets=1 << ETH))
    scene.bid(lot(account, markets=1 << BTC))
    assert system.clearinghouse.spot(scene.taker_account, BTC) > 0


def test_bid__part_of_a_requirement_on_its_floor__skipped(breached, victim, sound):
    small = breached.long(victim, 0.1, 31, sub=1)
    breached.price(1485)
    both(breached, "auction: all or nothing", lot(small, WAD - 1), sound)


def test_bid__part_that_leaves_less_than_the_floor__skipped(breached, victim, sound):
    small = breached.long(victim, 0.3, 45, sub=1)
    breached.price(1520)
    assert breached.assessment(small).mm > breached.assessment(small).floor
    both(breached, "auction: all or nothing", lot(small, WAD * 9 // 10), sound)


def test_bid__part_that_leaves_the_floor__is_taken(breached, victim):
    small = breached.long(victim, 0.9, 135, sub=1)
    breached.price(1520)
    breached.bid(lot(small, WAD * 3 // 10))
    assert breached.assessment(small).mm > breached.assessment(small).floor


def test_bid__part_that_releases_next_to_nothing__skipped(breached, sound):
    least, mm = breached.assessment().floor // 16, breached.assessment().mm
    both(breached, "auction: all or nothing", lot(breached.account, least * WAD // mm), sound)
    breached.bid(lot(breached.account, least * WAD // mm + 10**12))


def test_bid__clipped_below_the_minimum_fraction__skipped(breached, sound):
    most = breached.system.auction.quote(breached.account, WAD).fraction_max
    assert most < WAD
    both(breached, "auction: fraction below minimum", lot(breached.account, min_fraction=most + most // 10), sound)


def test_bid__minimum_fraction_met__is_taken(breached):
    breached.bid(lot(breached.account, WAD // 10, min_fraction=WAD // 10))
    assert breached.run().nonce == 2


def test_bid__requirement_below_the_minimum__skipped(breached, sound):
    needed = breached.assessment().mm
    both(breached, "auction: requirement below minimum", lot(breached.account, min_release=needed + 1), sound)


def test_bid__minimum_requirement_met__is_taken(breached):
    breached.bid(lot(breached.account, WAD // 10, min_release=breached.assessment().mm))
    assert breached.run().nonce == 2


def test_bid__cost_above_the_limit__skipped(scene, sound):
    # Without a run the cost is that of λ = 0: the equity.
    scene.price(BREACH)
    cost = scene.assessment().equity
    both(scene, "auction: cost above limit", lot(scene.account, max_cost=cost - 1), sound)


def test_bid__cost_at_the_limit__is_taken(scene):
    scene.price(BREACH)
    scene.bid(lot(scene.account, WAD // 10, max_cost=scene.assessment().equity))
    assert scene.run().nonce == 2


def test_bid__negative_cost_limit__wants_to_be_paid(scene):
    scene.insure(1_000)
    scene.price(1430)
    owed = scene.assessment().equity
    with scene.refused("auction: cost above limit"):
        scene.bid(lot(scene.account, max_cost=owed - 1))
    scene.bid(lot(scene.account, max_cost=owed))
    assert scene.cash() == 0


def test_bid__no_lot_left__reverts_with_the_last_reason(breached, attacker):
    with breached.refused("auction: nonce changed"):
        breached.bid(
            lot(breached.taker_account), lot(breached.system.account(attacker)), lot(breached.account, nonce=9)
        )


def test_bid__same_account_twice__second_lot_sees_what_the_first_left(breached):
    receipt = breached.bid(lot(breached.account), lot(breached.account))
    assert breached.taken(receipt).clipped
    assert breached.skipped(receipt) == [(breached.account, "auction: healthy")]
    assert breached.run().nonce == 2


def test_bid__same_account_twice_in_parts__second_part_is_of_the_rest(breached):
    receipt = breached.bid(lot(breached.account, WAD // 20), lot(breached.account, WAD // 20))
    first, second = receipt.decode_logs(breached.system.auction.Taken)
    assert first.fraction == second.fraction == WAD // 20
    assert abs(second.requirement - first.requirement * 95 // 100) <= 3 * 10**9
    assert breached.run().nonce == 3


def test_bid__sixteen_lots__are_taken_in_one(scene, victim):
    accounts = [scene.long(victim, 1, 160, sub=100 + number) for number in range(16)]
    scene.price(BREACH)
    receipt = scene.bid(*(lot(account) for account in accounts))
    assert [event.account for event in receipt.decode_logs(scene.system.auction.Taken)] == accounts
