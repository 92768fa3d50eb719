"""The clock of an auction: what makes the price of relief higher, or sets it back, than time that somebody watched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keeper.model.words import Run
from tests.attacks.defence import defence, no_gain, search
from tests.attacks.sales import curve, leave, pair, sale, watch
from tests.attacks.scene import ETH, UNIT, WAD, Scene
from tests.mutants.mutant import Edit

DIP = st.floats(1_810, 1_895)
CARRIED_ON = "    if run.start != 0 and unseen <= bidding.grace(terms):\n"


@defence(
    "hibernating-run",
    "8: a run of sightings, each gap at most a grace",
    Edit("modules/sightings.vy", CARRIED_ON, "    if run.start != 0:\n"),
)
@search
@given(first=DIP, second=DIP, hours=st.floats(0.09, 3), seen=st.sampled_from([0, 30, 60]))
def test_run__left_alone_for_longer_than_the_grace__sells_nothing_at_its_old_discount(
    scene: Scene, first: float, second: float, hours: float, seen: int
):
    """Opened at one dip, kept in mind until the next."""
    with scene.trial():
        victim, taker = scene.in_breach(first), scene.deposit("attacker", 0, 100_000)
        watch(scene, victim, seen, by="attacker")
        scene.prices({ETH: 1_990})
        scene.at(int(hours * 1_800) * 2)
        scene.prices({ETH: second})
        scene.do(scene.auction, "open", [victim], by="other")
        before = scene.equity("attacker", 0)
        leave(scene, victim, taker=taker)
        no_gain(scene.equity("attacker", 0) - before)


@defence(
    "unwatched-clock",
    "8: no clock runs that nobody watches",
    Edit("modules/sightings.vy", "        if unseen > watch:\n", "        if False:\n"),
)
@search
@given(first=DIP, second=DIP, gap=st.integers(1, 148).map(lambda pairs: 2 * pairs), recovered=st.booleans())
def test_run__touched_at_two_dips_or_round_an_outage__counts_no_more_than_a_watch(
    scene: Scene, first: float, second: float, gap: int, recovered: bool
):
    """While prices are withheld nobody can sight the account, nor after a recovery that nobody lists. A minute of it
    counts, and what a minute gives is no gain."""
    with scene.trial():
        victim, taker = scene.in_breach(first), scene.deposit("attacker", 0, 100_000)
        scene.do(scene.auction, "open", [victim], by="other")
        if recovered and gap > 2:
            scene.prices({ETH: 1_990})
            gap -= 2
        scene.at(gap)
        scene.prices({ETH: second})
        scene.do(scene.auction, "open", [victim], by="other")
        before, most = scene.equity("attacker", 0), sale(scene, victim, min(60, gap + 4)).taker
        leave(scene, victim, taker=taker)
        no_gain(scene.equity("attacker", 0) - before - most)


def reached(scene: Scene, account: int) -> float:
    """λ of an account's run as it is stored."""
    start = Run.unpack(scene.auction.run(account)).start
    return curve(scene.now - start) if start else 0.0


def act(scene: Scene, kind: str, account: int, other: int, size: float) -> None:
    """Something that the owner of an account in breach, or a friend, does to it."""
    house, auction = scene.house, scene.auction
    if kind == "deposit":
        scene.attempt(house, "deposit", account, 1)
    elif kind == "open":
        scene.attempt(auction, "open", [account])
    elif kind == "settle":
        scene.attempt(house, "settle", ETH, [account, other])
    elif kind == "bid":
        scene.attempt(auction, "bid", other, [(account, int(size / 10 * WAD), 2**255 - 1, 0, 0, 2**64 - 1, 2**256 - 1)])
    elif kind == "match":
        order, signature, _, amount, _ = scene.fill_call(account, other, ETH, -size, scene.now_prices[ETH])
        scene.attempt(auction, "match", account, scene.exchange.address, [(order, signature, amount)])
    elif kind == "sweep":
        scene.attempt(auction, "sweep", account, 1)
    elif kind == "sell":
        scene.attempt(scene.exchange, "fill", *scene.fill_call(account, other, ETH, -size, scene.now_prices[ETH]))
    else:
        step = scene.step_fill(account, other, ETH, -size, scene.now_prices[ETH])
        scene.attempt(scene.batch, "batch", [account], [scene.step_deposit(account, 0.01), step])


ACTS = ["deposit", "open", "settle", "bid", "match", "sweep", "sell", "batch"]


@defence(
    "run-ended-by-a-part",
    "8: relief that brings h to 1 or more ends the run",
    Edit("modules/taking.vy", "    if offer.ends:\n", "    if True:\n"),
)
@defence(
    "run-ended-by-a-match",
    "8: relief that brings h to 1 or more ends the run",
    Edit("modules/matching.vy", "    if after.equity >= convert(after.mm, int256):\n", "    if True:\n"),
)
@defence(
    "run-restarted-by-a-sighting",
    "8: its λ is curve(now - start of the run)",
    Edit("modules/sightings.vy", CARRIED_ON, CARRIED_ON.replace(" and ", " and run.opener == opener and ")),
)
@search
@given(
    price=DIP,
    seconds=st.integers(10, 60).map(lambda pairs: 2 * pairs),
    acts=st.lists(st.tuples(st.sampled_from(ACTS), st.floats(0.02, 0.3)), min_size=1, max_size=4),
)
def test_run__of_ones_own_account__is_not_set_back_by_small_acts(
    scene: Scene, price: float, seconds: int, acts: list[tuple[str, float]]
):
    """An owner would have the price of relief start again and again, and nobody relieve the account. The gain is what
    the acts took off that price, of all the account's requirement."""
    with scene.trial():
        account, other = pair(scene, 10, 2_000)
        scene.do(scene.auction, "post", other, 0, 30 * WAD, 2 * WAD, 1 << ETH, 10_000, 100 * WAD)
        scene.prices({ETH: price})
        watch(scene, account, seconds)
        saved = 0.0
        for kind, size in acts:
            before = reached(scene, account)
            act(scene, kind, account, other, size)
            left = scene.auction.quote(account, WAD)
            if not left.reason:
                saved += (before - reached(scene, account)) * left.mm / WAD
        no_gain(saved)


@defence(
    "sale-of-the-healthy",
    "8: every relief is itself a sighting: it needs the breach now",
    Edit(
        "modules/sightings.vy",
        "    elif not self.is_sighted(sight.assessment):\n",
        "    elif sight.assessment.mm == 0:\n",
    ),
)
@search
@given(price=DIP, spare=st.floats(0, 300), seconds=st.integers(0, 100).map(lambda pairs: 2 * pairs), how=st.booleans())
def test_sale__of_an_account_that_was_topped_up__is_refused(
    scene: Scene, price: float, spare: float, seconds: int, how: bool
):
    """Its owner brings it to its requirement or a little above while λ has risen; taken at that or matched at it."""
    with scene.trial():
        victim, taker = scene.in_breach(price), scene.deposit("attacker", 0, 100_000)
        watch(scene, victim, seconds)
        found = scene.assess(victim)
        lacks = (found.mm - found.equity) / WAD
        scene.do(scene.house, "deposit", victim, int((lacks + spare) * UNIT) + 1, by="victim")
        before = scene.equity("attacker", 0)
        if how:
            leave(scene, victim, taker=taker)
        else:
            order, signature, _, amount, _ = scene.fill_call(victim, taker, ETH, -5, price * 0.99)
            scene.attempt(scene.auction, "match", victim, scene.exchange.address, [(order, signature, amount)])
        no_gain(scene.equity("attacker", 0) - before)


@defence(
    "listed-in-a-batch",
    "2: a batch is checked once per account, at its end: until then nobody judges its accounts",
    Edit("modules/views.vy", "    margin.check_alone(account)\n", ""),
)
@search
@given(price=DIP, seconds=st.integers(10, 60).map(lambda pairs: 2 * pairs), sold=st.floats(0.01, 5))
def test_run__of_an_account_emptied_for_a_moment__is_not_ended(scene: Scene, price: float, seconds: int, sold: float):
    """Healthy in the middle of a batch by quote that leaves it again, it would be listed as such there. The gain is
    what that took off the price of relief."""
    with scene.trial():
        account, other = pair(scene, 10, 2_000)
        scene.prices({ETH: price})
        watch(scene, account, seconds)
        before = scene.auction.quote(account, WAD)
        call = scene.step_call((scene.auction, "open", ([account],)))
        steps = [
            scene.step_deposit(account, 5_000),
            call,
            scene.step_fill(account, other, ETH, -sold, price),
            scene.step_withdraw(account, 4_999),
        ]
        scene.attempt(scene.batch, "batch", [account], steps)
        after = scene.auction.quote(account, WAD)
        saved = 0 if after.reason else (before.lambda_now - after.lambda_now) / WAD * after.mm / WAD
        no_gain(saved)
