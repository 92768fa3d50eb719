"""A venue gone bad: what it may do with accounts that never signed, until it is revoked.

It is trusted to bring signatures. Without them it may trade any account against the attacker's at the edges of the
band, fees and all, again and again: each trade costs its victim at most band and fee of the notional (6% here), and the
notional is at most what initial margin lets it carry; in a few trades next to all of its equity is gone. That is what
the timelock takes a venue for, and what a pause of everything stops: it lets through relief alone. What it can not do:
leave anybody owing more than it owns, reach beyond the band, or trade after it is revoked.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.scene import ETH, WAD, Scene
from tests.model.chain import number
from tests.mutants.mutant import Edit

TRADING = "modules/trading.vy"
# The index is cut to 48 bits: its band ends a little below what 5% of the price would be.
BAND, FEE = 0.05 - 1e-9, 0.01
sizes = st.lists(st.floats(0.5, 150), min_size=1, max_size=12)


def bad(scene: Scene, victim: int, mine: int, size: float, edge: float, fee: float = FEE) -> bool:
    """The venue trades `size` for a victim at so far from the price against it, with a fee besides."""
    price = scene.now_prices[ETH] * (1 + edge if size > 0 else 1 - edge)
    amount, worth = round(size * WAD), round(price * WAD)
    cost = abs(amount) * worth // WAD
    args = (ETH, victim, mine, amount, worth, cost * round(fee * 10**4) // 10**4, 0)
    return scene.attempt(scene.house, "trade", *args, by=scene.world.venue)


def accounts(scene: Scene) -> tuple[int, int]:
    """A victim with cash alone, and the attacker's, which bears anything."""
    victim, mine = scene.deposit("victim", 0, 20_000), scene.deposit("attacker", 0, 2_000_000)
    return victim, mine


@defence(
    "venue-unmargined",
    "10: a venue is trusted to bring signatures, never with solvency",
    Edit(TRADING, "    elif not margin.has_initial(after):\n", "    elif False:\n"),
)
@search
@given(trades=sizes, flip=st.booleans())
def test_venue__gone_bad__leaves_nobody_owing_more_than_it_owns(scene: Scene, trades: list[float], flip: bool):
    """What it takes beyond a victim's equity would be the lenders': that is the gain here. Defence: the core tests both
    sides of every trade, fees included, whoever brings it."""
    with scene.trial():
        victim, mine = accounts(scene)
        for size in trades:
            side = -size if flip else size
            bad(scene, victim, mine, side, BAND)
            bad(scene, victim, mine, -side, BAND)
        no_gain(max(0.0, -scene.worth(victim)))


@defence(
    "venue-outside-the-band",
    "7: prices outside a band round the index are refused",
    Edit(
        TRADING,
        "    if terms.price > unsafe_add(quoted.index, band) or terms.price < unsafe_sub(quoted.index, band):\n",
        "    if False:\n",
    ),
)
@search
@given(size=st.floats(0.1, 100), edge=st.floats(0, 0.9))
def test_venue__gone_bad__takes_no_more_than_the_band_and_a_fee_a_trade(scene: Scene, size: float, edge: float):
    """Gain is what is more than that of the notional. Defences: the band, the highest fee."""
    with scene.trial():
        victim, mine = accounts(scene)
        before = scene.worth(victim)
        bad(scene, victim, mine, size, edge)
        most = size * scene.now_prices[ETH] * (BAND + (1 + BAND) * FEE)
        no_gain(before - scene.worth(victim) - most)


@defence(
    "venue-fee-at-will",
    "7: fees included, each side must meet IM",
    Edit(TRADING, "    if max(terms.taker_fee, terms.maker_fee) > highest:\n", "    if False:\n"),
)
@search
@given(size=st.floats(0.1, 50), fee=st.floats(0, 0.9))
def test_venue__gone_bad__with_the_vaults_shares__takes_no_higher_fee(scene: Scene, size: float, fee: float):
    """Fees are the vault's, and so the attacker's where it holds the shares: gain is what is more than the highest fee
    of the notional, and the band. Defence: the highest fee."""
    with scene.trial():
        victim, mine = accounts(scene)
        before = scene.worth(victim)
        bad(scene, victim, mine, size, BAND, fee)
        most = size * scene.now_prices[ETH] * (BAND + (1 + BAND) * FEE)
        no_gain(before - scene.worth(victim) - most)


@defence(
    "venue-revoked-trades",
    "10: exchanges are venues, allowed and revoked through the timelock",
    Edit(TRADING, "    if not roles.venues[msg.sender]:\n", "    if False:\n"),
)
@search
@given(trades=sizes)
def test_venue__revoked__moves_nothing(scene: Scene, trades: list[float]):
    """Defence: it is asked at every trade whether it is a venue still."""
    with scene.trial():
        victim, mine = accounts(scene)
        scene.do(scene.house, "set_venue", scene.world.venue, False, by=scene.house.owner())
        before = scene.equity("attacker", 0)
        for size in trades:
            bad(scene, victim, mine, size, BAND, 0)
            bad(scene, victim, mine, -size, BAND, 0)
        no_gain(scene.equity("attacker", 0) - before)


def test_venue__gone_bad__what_its_trades_take(scene: Scene):
    """The bound: the first round trip takes nine tenths of an account without positions, three leave less than the
    least initial margin, and nothing goes below 0."""
    victim, mine = accounts(scene)
    left = [scene.worth(victim)]
    while True:
        # The most that initial margin lets it carry, but for a twentieth.
        sizes = (100 * 0.95**step for step in range(200))
        size = next((size for size in sizes if bad(scene, victim, mine, size, BAND)), 0)
        if not size:
            break
        assert bad(scene, victim, mine, -size, BAND)
        left.append(scene.worth(victim))
    assert left[1] < 3_000
    assert 0 <= left[-1] < 50
    assert left == sorted(left, reverse=True)


@defence(
    "venue-trades-the-vault",
    "10: a venue is trusted to bring signatures",
    Edit(TRADING, "    if owner == roles.VAULT or owner == roles.AUCTION:\n", "    if False:\n"),
)
@search
@given(size=st.floats(1, 100), whose=st.sampled_from(["vault", "standing bid"]))
def test_venue__gone_bad__leaves_alone_what_nobody_signs_for(scene: Scene, size: float, whose: str):
    """Defence: accounts of the vault and of standing bids are no side of a trade."""
    with scene.trial():
        scene.do(scene.vault, "deposit", 100_000 * 10**6, scene.wallets["lender"], by="lender")
        bidder = scene.deposit("lender", 1, 100_000)
        scene.do(scene.auction, "post", bidder, 10, 30_000 * WAD, 100 * WAD, 1 << ETH, 10**5, 90_000 * WAD, by="lender")
        nobodys = scene.vault.account() if whose == "vault" else number(scene.auction.address) << 96 | 1
        mine, before = scene.deposit("attacker", 0, 2_000_000), scene.equity("attacker", 0)
        bad(scene, nobodys, mine, size, BAND)
        bad(scene, nobodys, mine, -size, BAND)
        no_gain(scene.equity("attacker", 0) - before)
