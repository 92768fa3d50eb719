"""What once paid: each of these took something from others before the defence that its docstring names."""

from __future__ import annotations

import pytest

from tests.attacks.scene import BTC, ETH, QUOTE_SCALE, SPOT_SCALE, UNIT, WAD, RefusedError, Scene
from tests.model.world import COOLDOWN

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


def test_exit__among_trades_with_oneself__is_paid_at_the_rate(scene: Scene):
    """Cash against debt thinned the loss as one left. Defence: what was lent before the transaction bears it."""
    lent = scene.deposit("attacker", 0, 500_000)
    rich, poor = scene.deposit("attacker", 1, 40_000), scene.deposit("attacker", 2, 40_000)
    scene.known_loss()
    for price in (1_100, 900):
        scene.prices({ETH: price})
    scene.do(scene.auction, "open", [scene.account("victim")], by="other")
    rate = scene.house.exit_rate() / WAD
    scene.deposit_spot("attacker", 1, BTC, 100)
    before = scene.equity("attacker", 0, 1, 2)
    high, low, size = 900 * 1.0495, 900 * 0.9505, 4_000_000 / (2 * 0.0495 * 900)
    scene.run(
        [lent, rich, poor],
        scene.step_fill(rich, poor, ETH, size, high),
        scene.step_fill(rich, poor, ETH, -size, low),
        scene.step_withdraw(lent, 500_000),
        scene.step_fill(poor, rich, ETH, size, high),
        scene.step_fill(poor, rich, ETH, -size, low),
    )
    assert rate < 0.9
    assert before - scene.equity("attacker", 0, 1, 2) >= 500_000 * (1 - rate) * 0.999


def test_exit__as_a_loan_that_lent_cash_pays_back__is_paid_at_the_rate(scene: Scene):
    """A debt left whole, and was set off against cash that would not have. Defence: all pays the rate."""
    lent = scene.deposit("attacker", 0, 500_000)
    rate = scene.known_loss()
    before = scene.equity("attacker", 0, 1)
    borrower = scene.deposit_spot("attacker", 1, BTC, 20)
    scene.prices()
    scene.do(scene.house, "withdraw", borrower, 490_000 * UNIT, scene.wallets["attacker"])
    price = scene.now_prices[ETH]
    size = 490_000 / (0.0495 * 2 * price)
    scene.run(
        [lent, borrower],
        scene.step_fill(lent, borrower, ETH, size, price * 1.0495),
        scene.step_fill(lent, borrower, ETH, -size, price * 0.9505),
    )
    rest = 20 * WAD // SPOT_SCALE[BTC] - 10**7 * (scene.cash(borrower) < 0)
    scene.do(scene.house, "withdraw_spot", borrower, BTC, rest, scene.wallets["attacker"])
    assert before - scene.equity("attacker", 0, 1) >= 490_000 * (1 - rate) * 0.999


def test_redeem_for__while_an_entry_is_stale__is_refused(scene: Scene):
    """Another holder had who was leaving paid out at the worst moment. Defence: others redeem at full value only."""
    for who in ("victim", "attacker"):
        scene.do(scene.vault, "deposit", 50_000 * UNIT, scene.wallets[who], by=who)
    broken, maker = scene.deposit("other", 0, 20_000), scene.deposit("maker", 0, 200_000)
    scene.trade(broken, maker, ETH, 100, 2_000, by="other")
    victim = scene.wallets["victim"]
    scene.do(scene.vault, "request", scene.vault.balanceOf(victim), victim, by="victim")
    scene.at(COOLDOWN)
    scene.prices({ETH: 900})
    scene.do(scene.auction, "open", [broken])
    scene.prices({ETH: 2_000})
    assert scene.refusal(scene.vault, "redeem_for", victim) == "vault: losses are known"
    scene.do(scene.auction, "open", [broken])
    before = scene.wallet("victim")
    scene.do(scene.vault, "redeem_for", victim)
    assert scene.wallet("victim") - before > 50_000 - 1


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
