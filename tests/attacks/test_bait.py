"""What is in an account changes under a bid: an honest bidder gets no worse than its limits."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from keeper.model.words import Run
from tests.attacks.defence import defence, no_gain, search
from tests.attacks.sales import pair, sale, watch
from tests.attacks.scene import BTC, ETH, UNIT, WAD, Scene
from tests.mutants.mutant import Edit

ANY = 2**256 - 1
LIMITS = ["cost", "release", "fraction", "markets", "nonce"]
SWAPS = ["deposit", "sell", "bid", "match", "wait", "fall", "market", "open"]
EACH = {
    "cost": "    if offer.unit_cost > lot.max_cost:\n",
    "release": "    if sight.assessment.mm < lot.min_release:\n",
    "fraction": "    if offer.fraction < lot.min_fraction:\n",
    "markets": "    if not self._accepts(lot):\n",
    "nonce": "    if lot.nonce != _ANY_NONCE and lot.nonce != clock.unpack_run(sight.word).nonce:\n",
}


def limit(name: str) -> tuple[str, str, Edit]:
    """The mutant in which a lot's limit does not count."""
    edit = Edit("modules/taking.vy", EACH[name], "    if False:\n")
    return f"lot-without-its-{name}", f"8: limits, per account ({name}) [bait and switch]", edit


def swap(scene: Scene, kind: str, amount: float, account: int, other: int) -> None:
    """What an owner does before somebody's bid; `amount` in 0..1."""
    price = scene.now_prices[ETH]
    if kind == "deposit":
        scene.attempt(scene.house, "deposit", account, int(200 * amount * UNIT) + 1)
    elif kind == "sell":
        scene.attempt(scene.exchange, "fill", *scene.fill_call(account, other, ETH, -3 * amount - 0.001, price))
    elif kind == "bid":
        scene.attempt(scene.auction, "bid", other, [(account, int(amount * WAD / 4) + 1, 2**255 - 1, 0, 0, ANY, ANY)])
    elif kind == "match":
        order, signature, _, size, _ = scene.fill_call(account, other, ETH, -3 * amount - 0.001, price * 0.995)
        scene.attempt(scene.auction, "match", account, scene.exchange.address, [(order, signature, size)])
    elif kind == "wait":
        watch(scene, account, 2 + 2 * int(20 * amount))
    elif kind == "fall":
        scene.prices({ETH: price * (1 - amount / 100)})
    elif kind == "market":
        # Healthy for a moment, a market more, and in breach again.
        scene.attempt(scene.house, "deposit", account, 200 * UNIT)
        scene.attempt(scene.house, "deposit_spot", account, BTC, 1 + int(amount * UNIT / 50))
        scene.prices({ETH: price * 0.98})
    else:
        scene.attempt(scene.auction, "open", [account])


@defence(*limit("cost"))
@defence(*limit("release"))
@defence(*limit("fraction"))
@defence(*limit("markets"))
@defence(*limit("nonce"))
@search
@given(
    price=st.floats(1_830, 1_890),
    asked=st.floats(0.1, 1),
    named=st.sampled_from(LIMITS),
    swaps=st.lists(st.tuples(st.sampled_from(SWAPS), st.floats(0, 1)), min_size=1, max_size=4),
)
@example(price=1_880.0, asked=0.5, named="cost", swaps=[("deposit", 0.2)])
@example(price=1_880.0, asked=1.0, named="release", swaps=[("sell", 0.1)])
@example(price=1_880.0, asked=1.0, named="fraction", swaps=[("deposit", 0.2)])
@example(price=1_880.0, asked=0.5, named="markets", swaps=[("market", 0.5)])
@example(price=1_880.0, asked=0.1, named="nonce", swaps=[("bid", 0.1)])
def test_bid__of_an_account_whose_owner_changes_it__keeps_to_its_limit(
    scene: Scene, price: float, asked: float, named: str, swaps: list[tuple[str, float]]
):
    """The bidder names one limit, of what it saw; the owner swaps. The gain is what the bidder pays beyond the limit,
    or the worth in quote of what it gets less, or of what it did not accept."""
    with scene.trial():
        account, other = pair(scene, 10, 2_000)
        taker = scene.deposit("other", 0, 500_000)
        scene.prices({ETH: price})
        watch(scene, account, 20)
        seen = scene.auction.quote(account, int(asked * WAD))
        nonce = Run.unpack(seen.run).nonce
        limits = {
            "cost": (seen.unit_cost, 0, 0, ANY, ANY),
            "release": (2**255 - 1, seen.mm, 0, ANY, ANY),
            "fraction": (2**255 - 1, 0, seen.fraction, ANY, ANY),
            "markets": (2**255 - 1, 0, 0, 1 << ETH, ANY),
            "nonce": (2**255 - 1, 0, 0, ANY, nonce),
        }[named]
        for kind, amount in swaps:
            swap(scene, kind, amount, account, other)
        found = scene.auction.quote(account, int(asked * WAD))
        if not scene.attempt(scene.auction, "bid", taker, [(account, int(asked * WAD), *limits)], by="other"):
            return
        beyond = {
            "cost": found.unit_cost - seen.unit_cost,
            "release": seen.mm - found.mm,
            "fraction": (seen.fraction - found.fraction) * found.mm // WAD,
            "markets": int(scene.house.spot(taker, BTC)) * scene.now_prices[BTC],
            "nonce": Run.unpack(found.run).nonce != nonce and found.mm,
        }[named]
        no_gain(beyond / WAD)


TOUCHES = ["deposit", "open", "settle", "bid", "match"]


@defence(
    "nonce-moved-by-a-sighting",
    "8: a nonce that rises never with a deposit or a sighting [griefing by a touch]",
    Edit(
        "modules/sightings.vy",
        "        watched.last = block.timestamp\n",
        "        watched.last = block.timestamp\n        watched.nonce += 1\n",
    ),
)
@defence(
    "nonce-moved-by-a-wei",
    "8: a nonce that rises with every bid [griefing by a touch], which releases a sixteenth of the least requirement",
    Edit(
        "modules/bidding.vy",
        "    if fraction < highest and victim.mm * fraction // _WAD < victim.floor // LEAST:\n",
        "    if False:\n",
    ),
)
@defence(
    "nonce-moved-by-a-match-of-a-wei",
    "8: a nonce that rises with every match [griefing by a touch], which releases a sixteenth of the least requirement",
    Edit("modules/matching.vy", "assert released >= sight.assessment.floor // bidding.LEAST", "assert released >= 1"),
)
@search
@given(
    price=st.floats(1_830, 1_890),
    touches=st.lists(st.tuples(st.sampled_from(TOUCHES), st.floats(0, 0.99)), min_size=1, max_size=4),
)
def test_bid__that_names_the_nonce__is_not_spoiled_by_a_touch(
    scene: Scene, price: float, touches: list[tuple[str, float]]
):
    """By whoever would keep others from an account, for next to nothing: what the honest bidder then does not get is
    counted as gained."""
    with scene.trial():
        victim, mine = scene.in_breach(price), scene.deposit("attacker", 0, 10_000)
        taker = scene.deposit("other", 0, 500_000)
        watch(scene, victim, 20)
        may, found = sale(scene, victim, 20), scene.assess(victim)
        nonce = Run.unpack(scene.auction.run(victim)).nonce
        for kind, amount in touches:
            # Below a sixteenth of the least requirement.
            share = amount * found.floor / 16 / found.mm
            if kind == "deposit":
                scene.attempt(scene.house, "deposit", victim, 1 + int(10 * amount))
            elif kind == "open":
                scene.attempt(scene.auction, "open", [victim])
            elif kind == "settle":
                scene.attempt(scene.house, "settle", ETH, [victim])
            elif kind == "bid":
                lot = (victim, int(share * WAD) + 1, 2**255 - 1, 0, 0, ANY, ANY)
                scene.attempt(scene.auction, "bid", mine, [lot])
            else:
                order, signature, _, size, _ = scene.fill_call(victim, mine, ETH, -10 * share - 1e-9, price)
                scene.attempt(scene.auction, "match", victim, scene.exchange.address, [(order, signature, size)])
        before = scene.equity("other", 0)
        scene.attempt(scene.auction, "bid", taker, [(victim, WAD, 2**255 - 1, 0, 0, ANY, nonce)], by="other")
        no_gain(may.taker - (scene.equity("other", 0) - before), dust=0.01)
