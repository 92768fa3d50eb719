"""The vault's shares: no gain from being first, from giving, or from leaving before a loss."""

from __future__ import annotations

from tests.attacks.scene import ETH, UNIT, Scene
from tests.model.world import COOLDOWN


def test_shares__first_holder_gives_to_the_vault__gains_nothing_of_the_second(scene: Scene):
    """Defence: virtual shares; a second holder's rounding is worth less than what is given."""
    scene.do(scene.vault, "deposit", 1, scene.wallets["attacker"])
    scene.do(scene.house, "deposit", scene.vault.account(), 100_000 * UNIT)
    scene.do(scene.vault, "deposit", 50_000 * UNIT, scene.wallets["victim"], by="victim")
    shares = scene.vault.balanceOf(scene.wallets["victim"])
    assert scene.vault.convertToAssets(shares) >= 49_900 * UNIT
    assert scene.equity("attacker") < 0


def test_shares__before_the_cooldown_and_without_a_request__pay_nothing(scene: Scene):
    """Defence: only a request that is ready is paid."""
    me = scene.wallets["attacker"]
    scene.do(scene.vault, "deposit", 1_000 * UNIT, me)
    shares = scene.vault.balanceOf(me)
    assert scene.refusal(scene.vault, "redeem", shares, me, me) == "vault: not ready"
    scene.do(scene.vault, "request", shares // 2, me)
    scene.at(COOLDOWN - 1)
    for function in ("redeem", "withdraw"):
        assert scene.refusal(scene.vault, function, 1_000, me, me) == "vault: not ready"
    assert scene.refusal(scene.vault, "redeem_for", me, by="other") == "vault: not ready"
    # What is asked for cannot be moved to somebody whose request is older.
    assert scene.refusal(scene.vault, "transfer", scene.wallets["other"], shares) != ""


def test_shares__request_made_before_a_loss__bears_it(scene: Scene):
    """Defence: paid is the smaller of what shares were worth and are worth."""
    for who in ("attacker", "lender"):
        scene.do(scene.vault, "deposit", 50_000 * UNIT, scene.wallets[who], by=who)
    me = scene.wallets["attacker"]
    scene.do(scene.vault, "request", scene.vault.balanceOf(me), me)
    scene.at(COOLDOWN)
    scene.prices()
    victim = scene.deposit("victim", 0, 20_000)
    taker = scene.deposit("other", 0, 200_000)
    scene.trade(victim, scene.deposit("maker", 0, 200_000), ETH, 100, 2_000, by="victim")
    scene.prices({ETH: 1_500})
    scene.bid(taker, victim, by="other")
    before = scene.wallet("attacker")
    scene.do(scene.vault, "redeem_for", me, by="other")
    paid = scene.wallet("attacker") - before
    # 30,000 were missing, and the two held halves.
    assert 34_900 < paid < 35_100


def test_shares__request_made_before_a_gain__has_no_part_in_it(scene: Scene):
    """Shares that only wait to leave would be a free stay. Defence: the smaller of the two, again."""
    for who in ("attacker", "lender"):
        scene.do(scene.vault, "deposit", 50_000 * UNIT, scene.wallets[who], by=who)
    me = scene.wallets["attacker"]
    scene.do(scene.vault, "request", scene.vault.balanceOf(me), me)
    scene.do(scene.house, "deposit", scene.vault.account(), 40_000 * UNIT, by="other")
    scene.at(COOLDOWN)
    scene.prices()
    scene.do(scene.vault, "redeem_for", me, by="other")
    assert -0.01 <= scene.wallet("attacker") <= 0
