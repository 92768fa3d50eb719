"""Prices nobody vouches for: a market dead while it is sold, and a print that the slow feed does not confirm."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from ape import chain

from keeper.model.requirement import Assessment
from keeper.model.rounding import ceil_div
from keeper.model.standing import BOND
from keeper.publish.reports import Entry
from tests.unit.auction.scene import Scene, lot
from tests.unit.system import ETH, HEARTBEAT, LINK, ORACLE, RISK, WAD, wad

TAU, DEAD = ORACLE[4], ORACLE[6]
STEP = 10
"""Seconds between updates: below half of τ, so that a gap is the same one."""


def update(scene: Scene, price: float) -> None:
    """A fast price of ETH now; no slow feed says anything new."""
    scene.system.pass_time(STEP)
    scene.system.update([Entry(ETH, wad(price), 0, 0)], chain.pending_timestamp // ORACLE[0])


def dies(scene: Scene, price: float) -> None:
    """ETH ends at a price: neither feed says anything for longer than it counts."""
    scene.price(price)
    scene.system.pass_time(HEARTBEAT + 400)


# Dead: the last price and the widest interval.


@pytest.fixture
def dead(scene: Scene) -> Scene:
    """The victim, insolvent at 1,200, in a market that died there."""
    scene.insure(10_000)
    dies(scene, 1200)
    return scene


def test_bid__market_dead__takes_at_the_last_price_into_an_account_that_bears_the_interval(dead: Scene) -> None:
    before, run, size = dead.assessment(), dead.run(), dead.system.position(dead.account, ETH)[0]
    assert before.state == 2 and before.sighted
    receipt = dead.bid()
    taken, quote = dead.taken(receipt), dead.expected(before, run, receipt)
    assert (taken.fraction, taken.equity, taken.requirement) == (WAD, before.equity, before.mm)
    assert (taken.taker_paid, taken.account_got) == (quote.taker_pays, quote.account_gets)
    assert taken.taker_paid == before.equity < 0  # λ is 0: what it lacks is the vault's
    assert dead.system.position(dead.account, ETH) == (0, 0)
    assert dead.system.position(dead.taker_account, ETH)[0] == size
    after = dead.assessment(dead.taker_account)
    assert after.state == 2
    assert abs(after.down - 12_000 * WAD * DEAD // 10**5) <= 10**9
    assert after.equity - after.down >= after.im


def test_bid__market_dead__taker_is_held_to_the_widest_interval(dead: Scene) -> None:
    # Enough for the initial requirement at a price that lives, and not for a fifth of 12,000 besides.
    needed = dead.assessment().mm * 15_000 // 10_000
    dead.system.fund(dead.taker, needed // WAD + 100, sub=1)
    dead.system.fund(dead.taker, needed // WAD + 2_500, sub=2)
    poor = dead.system.account(dead.taker, 1)
    with dead.refused("clearinghouse: below initial margin", poor):
        dead.bid(sub=1)
    dead.bid(sub=2)
    assert dead.system.position(dead.system.account(dead.taker, 2), ETH)[0] == 10 * WAD


@pytest.fixture
def half_dead(scene: Scene, victim) -> Scene:
    """The victim, in breach at 1,500 of ETH, with one LINK besides, which is dead."""
    system = scene.system
    system.prices()
    system.trade(victim, scene.maker, LINK, 1, 10)
    system.pass_time(HEARTBEAT + 400)
    scene.price_only(1500)
    before = scene.assessment()
    # LINK may be worth 2 more, which 1,500 of ETH leaves far behind.
    assert before.state == 2 and before.sighted and before.up < 3 * WAD
    return scene


def test_bid__one_dead_market_of_two__shields_neither_account_nor_taker(half_dead: Scene) -> None:
    half_dead.bid(lot(half_dead.account, WAD // 10))
    assert half_dead.system.position(half_dead.taker_account, ETH)[0] == WAD
    assert half_dead.system.position(half_dead.taker_account, LINK)[0] == WAD // 10
    assert half_dead.assessment(half_dead.taker_account).state == 2


def test_sweep__one_dead_market_of_two__shields_neither_account_nor_standing_bid(half_dead: Scene) -> None:
    auction, account = half_dead.system.auction, half_dead.taker_account
    cash = ceil_div(200 * WAD * (10 * RISK.iota + 10**6), 10**5) + BOND
    auction.post(account, 0, 200 * WAD, WAD, 15, 10**6, cash, sender=half_dead.taker)
    taken = half_dead.taken(auction.sweep(half_dead.account, 1, sender=half_dead.maker))
    assert taken.taker == half_dead.system.account(auction, 1)
    assert half_dead.assessment(taken.taker).state == 2


def test_match__one_dead_market_of_two__shields_no_account(half_dead: Scene) -> None:
    system = half_dead.system
    order = system.order(half_dead.taker_account, ETH, 3, 1500)
    fills = [(astuple(order), system.sign(order, half_dead.taker), 3 * WAD)]
    system.auction.match(half_dead.account, system.exchange, fills, sender=half_dead.lender)
    assert system.position(half_dead.account, ETH)[0] == 7 * WAD


def test_match__in_the_dead_market_itself__is_refused(half_dead: Scene) -> None:
    system = half_dead.system
    order = system.order(half_dead.taker_account, LINK, 1, 10)
    fills = [(astuple(order), system.sign(order, half_dead.taker), WAD)]
    with half_dead.refused("auction: nothing matched"):
        system.auction.match(half_dead.account, system.exchange, fills, sender=half_dead.lender)


def test_withdraw__after_taking_a_dead_market__is_refused(half_dead: Scene) -> None:
    half_dead.bid(lot(half_dead.account, WAD // 10))
    taker = half_dead.taker
    with half_dead.refused("clearinghouse: market is dead"):
        half_dead.system.clearinghouse.withdraw(half_dead.taker_account, 1, taker, sender=taker)


# A print: the fast price alone, far off.


@pytest.fixture
def flash(scene: Scene) -> Scene:
    """1,600 until now by both feeds, and 1,500 by the fast one: in breach at 1,500, and not at 1,600."""
    scene.price(1600)
    assert not scene.assessment().sighted
    update(scene, 1500)
    assert scene.assessment().in_breach
    return scene


def seen(scene: Scene) -> Assessment:
    """The account as a sighting now finds it, after one; and the sighting says the same."""
    scene.open()
    assessment = scene.assessment()
    assert (scene.run().start != 0) == assessment.sighted
    return assessment


def test_open__flash_print__is_not_sighted_at_once(flash: Scene) -> None:
    assessment = seen(flash)
    assert not assessment.sighted
    # 1,600 is 6.67% above 1,500, of which the slow feed's own threshold is 0.5%; a second or two has faded.
    assert 15_000 * WAD * 617 // 10_000 * 9 // 10 < assessment.up < 15_000 * WAD * 617 // 10_000
    with flash.refused("auction: healthy"):
        flash.bid()


def test_open__print_that_stays__is_sighted_once_tau_has_passed(flash: Scene) -> None:
    started = chain.blocks.head.timestamp
    before = seen(flash)
    while chain.blocks.head.timestamp + STEP + 2 < started + TAU:
        update(flash, 1500)
        after = seen(flash)
        assert after.in_breach and after.up < before.up
        before = after
    assert before.up > 0
    update(flash, 1500)
    chain.pending_timestamp = max(chain.pending_timestamp, started + TAU)
    after = seen(flash)
    assert after.sighted and after.up == 0
    assert flash.taken(flash.bid()).fraction > 0


def test_open__print_that_goes_back_in_time__is_never_sighted(flash: Scene) -> None:
    update(flash, 1500)
    assert not seen(flash).sighted
    update(flash, 1600)
    assert not seen(flash).in_breach
    # The next one is another: its minute starts again.
    for _ in range(2):
        update(flash, 1500)
        assert not seen(flash).sighted
    assert flash.run().nonce == 0


def test_open__crash_that_the_slow_feed_confirms__is_sighted_at_once(flash: Scene) -> None:
    assert not seen(flash).sighted
    flash.system.push_feeds({ETH: 1500})
    flash.system.risk_engine.refresh([ETH], sender=flash.maker)
    assessment = seen(flash)
    assert assessment.sighted and assessment.up == 0
    assert flash.run().last == chain.blocks.head.timestamp
    flash.bid()
