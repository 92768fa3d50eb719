"""Rounds, signers and ages of prices: nobody picks the best moment, signs alone, or acts on what is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.prints import Numbers, bring, kept, reports
from tests.attacks.scene import ETH, UNIT, Scene
from tests.mutants.mutant import Edit

ENGINE, PRICES, REPORTS, MARGIN = (
    "RiskEngine.vy",
    "modules/prices.vy",
    "modules/reports.vy",
    "modules/margin.vy",
)
FEEDLESS = 5
"""A market that has no slow feed to say otherwise."""
LATE_ACTS = Edit(MARGIN, "    if state != 0:\n        if state == 1:\n", "    if state > 1:\n        if state == 1:\n")
DEAD_ACTS = Edit(MARGIN, "    if state != 0:\n        if state == 1:\n", "    if state == 1:\n        if state == 1:\n")


def emptied(scene: Scene, market: int, price: Callable[[], object], worth: Numbers, part: int) -> float:
    """
    An account is long 10,000 quote of a market, its owner's other one short. At the price of `price` it withdraws what
    it can; then the price is what it is worth. What the owner keeps that it did not have, if it walks away.
    """
    before = kept(scene, "attacker", 0, 1)
    price()
    mine = scene.account("attacker")
    for _ in range(8):
        for units in (int(1_400 * UNIT * part / 100), int(200 * UNIT * part / 100)):
            scene.attempt(scene.house, "settle", market, [scene.account("attacker", 1), mine])
            scene.attempt(scene.house, "withdraw", mine, units, scene.wallets["attacker"])
    scene.at(4)
    scene.prices(worth)
    return kept(scene, "attacker", 0, 1) - before


def position(scene: Scene, market: int, cash: float = 3_000) -> None:
    """Long 10,000 quote with some cash to spare, and short as much elsewhere."""
    scene.now_prices.setdefault(market, 10)
    scene.prices()
    mine, other = scene.deposit("attacker", 0, cash), scene.deposit("attacker", 1, 100_000)
    scene.trade(mine, other, market, 10_000 / scene.now_prices[market], scene.now_prices[market])
    scene.at(20)
    scene.prices()


moves = st.integers(5, 25)
parts = st.integers(1, 100)


@defence(
    "round-goes-back",
    "4: rounds never go back",
    Edit(ENGINE, "if prices.time_of(word) >= time and not prices.is_from_slow(word):", "if False:"),
)
@search
@given(back=st.integers(1, 4), percent=moves, part=parts, again=st.booleans())
def test_round__old_or_equal__is_not_brought_after_a_newer_one(
    scene: Scene, back: int, percent: int, part: int, again: bool
):
    """The price has fallen; a round from before, or other signers' reports of the same round that stand higher, are
    still young enough. Defence: a market takes only rounds later than its last."""
    with scene.trial():
        position(scene, FEEDLESS)
        fallen = 10 * (1 - percent / 100)
        scene.at(2 * back)
        old = reports(scene, {FEEDLESS: 10}, back=0 if again else 2 * back, signers=(2, 3, 4))
        bring(scene, {FEEDLESS: fallen})
        no_gain(
            emptied(scene, FEEDLESS, lambda: scene.attempt(scene.engine, "update", old), {FEEDLESS: fallen}, part),
            dust=0.01,
        )


def forged(scene: Scene, percent: int, part: int, signers: Sequence[int | str]) -> float:
    """What a price too high wins, whoever signs it."""
    position(scene, FEEDLESS)
    scene.at(2)
    high = {FEEDLESS: 10 * (1 + percent / 100)}
    return emptied(scene, FEEDLESS, lambda: bring(scene, high, signers=signers), {FEEDLESS: 10}, part)


@defence(
    "signers-counted-twice",
    "4: reports by distinct signers",
    Edit(REPORTS, "    if seen & bit != 0:\n", "    if False:\n"),
)
@search
@given(percent=moves, part=parts, order=st.permutations([0, 0, 1]))
def test_signer__twice_or_thrice__counts_once(scene: Scene, percent: int, part: int, order: list[int]):
    """Fewer than k signers sign as if they were k. Defence: a bit for each whose report came."""
    with scene.trial():
        no_gain(forged(scene, percent, part, signers=order), dust=0.01)


@defence(
    "two-reports-of-three",
    "4: an update is k reports",
    Edit(ENGINE, "    needed: uint256 = slow_feeds.threshold_of(quote)\n", "    needed: uint256 = len(reports)\n"),
)
@search
@given(percent=moves, part=parts, count=st.integers(1, 2))
def test_reports__fewer_than_k__are_none(scene: Scene, percent: int, part: int, count: int):
    """Defence: exactly as many as the threshold says."""
    with scene.trial():
        no_gain(forged(scene, percent, part, signers=range(count)), dust=0.01)


@defence(
    "stranger-signs",
    "4: an update is k reports of one round by distinct signers",
    Edit(REPORTS, "    if place == 0:\n        refusal", "    if False:\n        refusal"),
)
@search
@given(percent=moves, part=parts, place=st.integers(0, 2))
def test_signer__that_is_nobodys__does_not_complete_a_round(scene: Scene, percent: int, part: int, place: int):
    """Two signers of three and a key of the attacker's own. Defence: whom the owner has not named has no place."""
    with scene.trial():
        signers: list[int | str] = [0, 1]
        signers.insert(place, "attacker")
        no_gain(forged(scene, percent, part, signers=signers), dust=0.01)


@defence(
    "median-is-the-highest",
    "4: per market the median counts",
    Edit(
        REPORTS,
        "return max(min(first, second), min(max(first, second), third))",
        "return max(first, max(second, third))",
    ),
)
@search
@given(percent=moves, part=parts, liar=st.integers(0, 2))
def test_signer__one_of_three__moves_no_price(scene: Scene, percent: int, part: int, liar: int):
    """Defence: the median of three has an honest one on either side."""
    with scene.trial():
        position(scene, FEEDLESS)
        scene.at(2)
        mixed = reports(scene)
        mixed[liar] = reports(scene, {FEEDLESS: 10 * (1 + percent / 100)})[liar]
        no_gain(
            emptied(scene, FEEDLESS, lambda: scene.attempt(scene.engine, "update", mixed), {FEEDLESS: 10}, part),
            dust=0.01,
        )


@defence(
    "act-at-a-late-price",
    "4: late: acts at a price revert",
    LATE_ACTS,
)
@search
@given(late=st.integers(16, 60), percent=moves, part=parts)
def test_withdraw__at_a_price_that_is_over__is_refused(scene: Scene, late: int, percent: int, part: int):
    """Everybody knows that the price has fallen, and nobody has brought it. Defence: a price older than its limit is
    for nothing but to be replaced."""
    with scene.trial():
        position(scene, ETH)
        bring(scene)
        no_gain(emptied(scene, ETH, lambda: scene.at(late), {ETH: 2_000 * (1 - percent / 100)}, part), dust=0.01)


@defence(
    "withdraw-from-the-dead",
    "4: dead: the market may not otherwise be added to or withdrawn against",
    DEAD_ACTS,
)
@search
@given(dead=st.integers(61, 5_000), percent=st.integers(20, 45), part=parts)
def test_withdraw__against_a_dead_market__is_refused(scene: Scene, dead: int, percent: int, part: int):
    """No source says what a thing is worth that is known to have fallen. Defence: nothing leaves against it."""
    with scene.trial():
        position(scene, FEEDLESS, 5_000)
        bring(scene)

        def die() -> None:
            scene.at(dead)
            scene.push()
            bring(scene, only=(ETH,))

        no_gain(emptied(scene, FEEDLESS, die, {FEEDLESS: 10 * (1 - percent / 100)}, part), dust=0.01)


@defence(
    "slow-price-for-ever",
    "4: a market with only a slow feed is read through instead",
    Edit(
        PRICES,
        "        elif age > ORACLE.price_age:\n            reading.state = LATE\n",
        "        elif False:\n            pass\n",
    ),
)
@search
@given(waited=st.integers(16, 500), percent=moves, part=parts)
def test_withdraw__at_a_slow_price_that_nobody_looked_at_again__is_refused(
    scene: Scene, waited: int, percent: int, part: int
):
    """The slow feed says what the fall has come to, and the attacker does not look. Defence: what it said is late after
    the age of any price, until somebody looks."""
    with scene.trial():
        position(scene, ETH)
        scene.at(70)
        scene.push()
        scene.do(scene.engine, "refresh", [ETH], by="other")

        def wait() -> None:
            scene.at(waited)
            scene.push({ETH: 2_000 * (1 - percent / 100)})

        no_gain(emptied(scene, ETH, wait, {ETH: 2_000 * (1 - percent / 100)}, part), dust=0.01)
