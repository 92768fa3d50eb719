"""A print of the fast feed that the slow one does not confirm: it sells nobody at once, and lets nothing out at all.

All signers are the attacker's here. While the slow feeds stand, a print of a fraction D of the price is shown to
sightings as the part of τ that has passed: an account whose equity is a fraction c of its position above its
requirement is out of reach for τ·c/D seconds after the first update that shows a gap of that sign, and for all of
τ where D is more than 77%. So what must be held for a minute is a print as large as the cushion; a print of a half
sells an account at initial margin after some three seconds, and at once where the slow feed has lagged on that side
for as long. That is the formula's price for a crash that need not wait for the slow feed.
"""

from __future__ import annotations

from dataclasses import astuple

from hypothesis import given
from hypothesis import strategies as st

from keeper.model.auction_house import Lot
from tests.attacks.defence import defence, no_gain, search
from tests.attacks.prints import TAU, bring, kept
from tests.attacks.scene import ETH, UNIT, WAD, Scene
from tests.mutants.mutant import Edit

PRICES = "modules/prices.vy"
SHIELD = Edit(PRICES, "    faded: uint256 = unsafe_mul(size, left) // ORACLE.tau\n", "    faded: uint256 = 0 * left\n")
EARLY = Edit(PRICES, "unsafe_sub(0, convert(unsafe_sub(block.timestamp, time), int256))", "0")
SAME_SIGN = "if unsafe_mul(gap, self._signed(word, 178, 16)) > 0 and elapsed <= ORACLE.tau // 2:\n        gap_age = min"
sides = st.sampled_from([1, -1])


def victim(scene: Scene, side: int) -> int:
    """An honest account at initial margin and a little, long or short 10."""
    account, maker = scene.deposit("victim", 0, 1_600), scene.deposit("maker", 0, 500_000)
    scene.trade(account, maker, ETH, 10 * side, 2_000, by="victim")
    scene.deposit("attacker", 0, 500_000)
    scene.at(20)
    return account


def taken(scene: Scene, account: int, price: float, back: int = 0) -> float:
    """What the attacker wins if it prints a price, takes what it can of an account, and the price is back."""
    before = scene.equity("attacker", 0)
    bring(scene, {ETH: price}, back=back)
    scene.attempt(scene.auction, "bid", scene.account("attacker"), [astuple(Lot(account, WAD))])
    scene.at(12)
    scene.prices()
    return scene.equity("attacker", 0) - before


def printed(side: int, percent: int) -> float:
    """The price that hurts that side."""
    return 2_000 * (1 - side * percent / 100)


@defence("print-sells-at-once", "4: to be sighted: equity + W+ < MM", SHIELD)
@search
@given(side=sides, percent=st.integers(2, 99), back=st.integers(0, 5))
def test_print__of_one_moment__sells_nobody(scene: Scene, side: int, percent: int, back: int):
    """Defence: what a sighting needs counts the gap to the slow feed in the account's favour."""
    with scene.trial():
        no_gain(taken(scene, victim(scene, side), printed(side, percent), 2 * back))


@defence("print-of-an-old-round", "4: age counts from the first update that showed a gap of the present sign", EARLY)
@search
@given(percent=st.integers(2, 76), back=st.integers(1, 5))
def test_print__of_an_old_round__is_as_young_as_any(scene: Scene, percent: int, back: int):
    """A round of ten seconds ago would have a sixth of its gap faded as it is brought. Defence: the gap begins then."""
    with scene.trial():
        no_gain(taken(scene, victim(scene, 1), printed(1, percent), 2 * back))


@defence(
    "print-beyond-the-field",
    "4: up = confidence + max(0, gap)",
    Edit(PRICES, "unsafe_mul(10, size) if size != _HIGHEST_GAP else _ENDLESS", "unsafe_mul(10, size)"),
)
@search
@given(percent=st.floats(70, 99.999), back=st.integers(0, 5), held=st.integers(0, TAU // 2 - 3))
def test_print__of_less_than_a_quarter__is_no_gap_cut_short(scene: Scene, percent: float, back: int, held: int):
    """The gap's field ends at 328%: a print of a tenth was believed for two thirds of its fall, at once. Defence: a gap
    that the field does not hold is endless, until τ has passed."""
    with scene.trial():
        account = victim(scene, 1)
        if percent > 77:
            bring(scene, {ETH: printed(1, percent)}, back=2 * back)
            scene.at(held)
            back = 0
        no_gain(taken(scene, account, printed(1, percent), 2 * back))


@defence("print-held-for-less", "4: gap faded by max(0, 1 - age/tau)", SHIELD)
@search
@given(percent=st.integers(3, 76), part=st.floats(0, 0.99))
def test_print__held_for_less_than_its_time__sells_nobody(scene: Scene, percent: int, part: float):
    """Held by all signers, round after round: what may be seen of it is less than what the account has to spare."""
    with scene.trial():
        account = victim(scene, 1)
        found = scene.assess(account)
        spare = (found.equity - found.mm) / (20_000 * WAD)
        held = part * min(TAU, TAU * spare / (percent / 100))
        now = 0.0
        while now + 2 <= held:
            bring(scene, {ETH: printed(1, percent)})
            scene.at(2)
            now += 2
        no_gain(taken(scene, account, printed(1, percent)))


@defence(
    "print-after-a-pause",
    "4: age restarts when two updates are more than tau/2 apart",
    Edit(PRICES, SAME_SIGN, SAME_SIGN.replace("elapsed <= ORACLE.tau // 2", "elapsed != 0")),
)
@search
@given(quiet=st.sampled_from([TAU // 2 + 2, TAU]), percent=st.integers(2, 76))
def test_print__after_a_pause__does_not_inherit_a_small_gaps_age(scene: Scene, quiet: int, percent: int):
    """A gap of half a percent, then nobody updates: nobody saw it last for that minute. Defence: its age restarts."""
    with scene.trial():
        account = victim(scene, 1)
        bring(scene, {ETH: 1_980})
        scene.at(quiet)
        no_gain(taken(scene, account, printed(1, percent)))


@defence(
    "print-of-the-other-sign",
    "4: age restarts when the gap changes sign",
    Edit(PRICES, SAME_SIGN, SAME_SIGN.replace("> 0 and", "!= 0 and")),
)
@search
@given(percent=st.integers(2, 76), above=st.integers(1, 3))
def test_print__after_a_gap_of_the_other_sign__is_young(scene: Scene, percent: int, above: int):
    """The fast feed stood above the slow one for a minute, as it does in a rise; then one print below it. Defence: age
    is of the present sign."""
    with scene.trial():
        account = victim(scene, 1)
        for _ in range(8):
            bring(scene, {ETH: 2_000 * (1 + above / 100)})
            scene.at(10)
        no_gain(taken(scene, account, printed(1, percent)))


@defence(
    "print-to-withdraw",
    "4: to withdraw or add risk: equity - W- >= iota * MM",
    Edit(PRICES, "reading.down = unsafe_add(confidence, size)", "reading.down = confidence"),
    Edit(PRICES, "reading.up = unsafe_add(confidence, size)", "reading.up = confidence"),
)
@search
@given(side=sides, percent=st.integers(2, 76), held=st.integers(0, 40), part=st.integers(1, 99))
def test_print__in_ones_own_favour__lets_nothing_out(scene: Scene, side: int, percent: int, held: int, part: int):
    """In favour of the attacker's long or short, held for as long as it likes: what the position seems to have won, and
    a loser of its own has paid in, is not let out. Defence: the whole gap, unfaded, counts against it."""
    with scene.trial():
        scene.deposit("attacker", 0, 2_000)
        scene.deposit("attacker", 1, 500_000)
        mine, other = scene.account("attacker", 0), scene.account("attacker", 1)
        scene.trade(mine, other, ETH, 10 * side, 2_000)
        scene.at(20)
        before = kept(scene, "attacker", 0, 1)
        price = 2_000 * (1 + side * percent / 100)
        for _ in range(held + 1):
            scene.at(2)
            scene.push()
            bring(scene, {ETH: price})
        units = int(20_000 * percent * part / 10_000 * UNIT) + 1
        scene.attempt(scene.house, "settle", ETH, [other, mine])
        scene.attempt(scene.house, "withdraw", mine, units, scene.wallets["attacker"])
        scene.at(4)
        scene.prices()
        no_gain(kept(scene, "attacker", 0, 1) - before)
