"""What once paid: each of these took something from others before the defence that its docstring names."""

from __future__ import annotations

import pytest

from tests.attacks.scene import ETH, QUOTE_SCALE, UNIT, WAD, RefusedError, Scene

BELOW = "batch: below initial margin"


def test_batch__that_settles_claims__cannot_pay_them_out_below_margin(scene: Scene):
    """Settling turns what may not leave into what may. Defence: a batch's relief bounds the loss of equity as well."""
    short, long = scene.account("attacker", 0), scene.account("attacker", 1)
    scene.deposit_spot("attacker", 0, ETH, 100)
    scene.deposit("attacker", 1, 100_000)
    scene.trade(short, long, ETH, -100, 2_000)
    scene.do(scene.house, "withdraw", short, 185_000 * UNIT, scene.wallets["attacker"])
    for price in (1_960, 1_900, 1_800, 1_700, 1_600):
        scene.prices({ETH: price})
    claims = scene.assess(short).claims // QUOTE_SCALE / UNIT
    with pytest.raises(RefusedError, match=BELOW):
        scene.run(
            [short],
            scene.step_settle(ETH, long, short),
            scene.step_fill(short, long, ETH, 1, 1_600),
            scene.step_spot(short, ETH, 1),
            scene.step_withdraw(short, claims - 1_601),
        )


def test_batch__that_brings_a_better_price__keeps_no_worse_one_to_compare_with(scene: Scene):
    """The upside between two prices could leave. Defence: what was before is assessed at the prices of the end."""
    long, other = scene.account("attacker", 0), scene.account("attacker", 1)
    scene.deposit("attacker", 0, 20_000)
    scene.deposit("attacker", 1, 100_000)
    scene.trade(long, other, ETH, 100, 2_000)
    for price in (1_950, 1_850, 1_790):
        scene.prices({ETH: price})
    scene.at(2)
    fresh = scene.reports({ETH: 2_000})
    scene.push({ETH: 2_000})
    update = scene.step_call((scene.engine, "update", (fresh,)))
    settle = scene.step_settle(ETH, other, long)
    with pytest.raises(RefusedError, match=BELOW):
        scene.run(
            [long],
            update,
            settle,
            scene.step_fill(long, other, ETH, -11, 2_000),
            scene.step_withdraw(long, 20_000),
        )
    # What initial margin leaves free at the new price may go.
    scene.run([long], update, scene.step_withdraw(long, 4_000))


def test_post__of_cash_that_is_only_owed__is_refused(scene: Scene):
    """Sixty-four unbacked bids crowded the book out and left again. Defences: nobody in a batch posts, and what is
    posted stays ten minutes."""
    for tick in range(10, 16):
        bid = (scene.account("lender"), tick, 50_000 * WAD, WAD, 7, 10_000, 85_000 * WAD)
        scene.do(scene.auction, "post", *bid, by="lender")
    mine = scene.account("attacker")
    posts = [(scene.auction, "post", (mine, 35, 60_000 * WAD, WAD, 7, 0, 100_000 * WAD))]
    with pytest.raises(RefusedError, match="clearinghouse: in a batch"):
        scene.run([mine], scene.step_call(*posts))
    scene.deposit("attacker", 0, 100_000)
    scene.do(scene.auction, "post", *posts[0][2])
    assert scene.refusal(scene.auction, "remove", 7) == "auction: posted lately"
    scene.at(600)
    assert scene.refusal(scene.auction, "remove", 7) == ""
    assert len(scene.auction.standing_book()) == 6


def test_post__at_a_tick_that_is_never_reached__is_refused(scene: Scene):
    """It takes no risk and crowds others out. Defence: a tick is within the newest curve."""
    scene.deposit("attacker", 0, 100_000)
    last = (scene.auction.curve(scene.auction.curve_count() - 1) >> 128) & 0xFFFF
    bid = [scene.account("attacker"), last // 100 + 1, 100 * WAD, WAD, 7, 0, 1_000 * WAD]
    assert scene.refusal(scene.auction, "post", *bid) == "auction: tick out of range"
    bid[1] -= 1
    assert scene.refusal(scene.auction, "post", *bid) == ""


def test_post__with_less_than_many_markets_want_at_least__is_refused(scene: Scene):
    """A part of an account in many markets wants the least requirement of each. Defence: cash for as much."""
    bid = [scene.account("lender"), 5, 20 * WAD, WAD, 15, 10_000, 38 * WAD]
    assert scene.refusal(scene.auction, "post", *bid, by="lender") == "auction: not enough cash"


def test_spot__of_a_frozen_market__backs_nothing_new(scene: Scene):
    """A worthless token was collateral at its last price for ever. Defences: retiring takes the market's spot flag, and
    its s and u rise to the most there is."""
    held = scene.deposit_spot("attacker", 1, ETH, 400)
    scene.do(scene.engine, "retire", ETH, by=scene.house.owner())
    for _ in range(361):
        scene.at(8)
        scene.prices()
    scene.do(scene.engine, "freeze", ETH)
    scene.prices({ETH: 100})
    scene.at(86_400)
    scene.prices()
    assert (
        scene.refusal(scene.house, "deposit_spot", scene.account("attacker"), ETH, WAD)
        == "clearinghouse: no spot market"
    )
    wanted = (held, 1_000 * UNIT, scene.wallets["attacker"])
    assert scene.refusal(scene.house, "withdraw", *wanted) == "clearinghouse: below initial margin"


def test_vault__emptied_a_dozen_times__takes_deposits_still(scene: Scene):
    """Its supply multiplied with each deposit of a unit until no number held it. Defence: a least price of a share."""
    winner, taker = scene.deposit("attacker", 99, 100_000), scene.deposit("attacker", 98, 20_000)
    broken = [scene.deposit("attacker", sub, 40) for sub in range(13)]
    for account in broken:
        scene.trade(account, winner, ETH, 0.2, 2_000)
    for price in (1_900, 1_750, 1_600):
        scene.prices({ETH: price})
    for account in broken:
        scene.do(scene.vault, "deposit", UNIT, scene.wallets["attacker"])
        scene.bid(taker, account)
    before = scene.equity("lender")
    scene.do(scene.vault, "deposit", 100_000 * UNIT, scene.wallets["lender"], by="lender")
    # No more than what those deposits put in.
    assert before - scene.equity("lender") < len(broken)
