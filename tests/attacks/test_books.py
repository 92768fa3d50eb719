"""No book needs less than it may lose because of how it is put together, split, or voted to be correlated."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.prints import reports
from tests.attacks.scene import BTC, ETH, SOL, WAD, Scene
from tests.model.chain import ORACLE
from tests.model.world import RHO, RISK
from tests.mutants.mutant import Edit

REQUIREMENT, PARAMETERS = "modules/requirement.vy", "modules/parameters.vy"
MARKETS = (BTC, ETH, SOL)
S = {BTC: 3_250, ETH: 4_600, SOL: 5_860}
PAIRS = {(BTC, ETH): 0, (BTC, SOL): 1, (ETH, SOL): 7}
"""Places of their buckets' correlations."""
BOOK, OTHER = 10, 11
percents = st.integers(0, 100)


def is_possible(matrix: list[list[int]]) -> bool:
    """Whether a matrix of percents is one of correlations, exactly."""
    rest = [[Fraction(value, 100) for value in row] for row in matrix]
    for i in range(3):
        if rest[i][i] <= 0:
            return False
        for j in range(i + 1, 3):
            part = rest[j][i] / rest[i][i]
            rest[j] = [value - part * above for value, above in zip(rest[j], rest[i], strict=True)]
    return True


def vote(scene: Scene, matrix: list[list[int]]) -> None:
    """The owner is told that these are the correlations, with as little κ as may be."""
    rho = list(RHO)
    for (low, high), place in PAIRS.items():
        rho[place] = matrix[low][high]
    # What the other buckets have with these three counts for none of the book.
    rho = [value if place in PAIRS.values() else 0 for place, value in enumerate(rho)]
    risk = replace(RISK, rho=tuple(rho), kappa=500)
    scene.attempt(scene.engine, "set_risk", risk.pack(), by=scene.house.owner())
    scene.at(ORACLE.ramp)
    scene.prices()


def open_book(scene: Scene, sub: int, worth: dict[int, float]) -> None:
    """Positions worth so much in each market, against another account of the same owner."""
    account, other = scene.account("attacker", sub), scene.account("attacker", OTHER)
    for market, quote in worth.items():
        price = scene.now_prices[market]
        size = round(quote / price, 6)
        if size:
            scene.attempt(scene.exchange, "fill", *scene.fill_call(account, other, market, size, price))


def free(scene: Scene, sub: int) -> float:
    """What may be withdrawn of an account."""
    found = scene.assess(scene.account("attacker", sub))
    return (found.equity - found.im - found.down) / WAD


@defence(
    "impossible-correlations",
    "5: accepted only if an on-chain Cholesky factorisation succeeds",
    Edit(PARAMETERS, "    if not self._are_possible(risk):\n", "    if False:\n"),
)
@search
@given(first=percents, second=percents, third=percents, tilt=st.tuples(*[st.integers(-20, 20)] * 3))
def test_correlations__that_cannot_all_hold__need_no_less_of_a_book(
    scene: Scene, first: int, second: int, third: int, tilt: tuple[int, int, int]
):
    """Matrices off by a percent or by all: of those some book has a negative variance, and could be emptied of all but
    its gross charge. Defence: they are refused, and the book is margined by the correlations that there were."""
    matrix = [[100, first, second], [first, 100, third], [second, third, 100]]
    assume(not is_possible(matrix))
    with scene.trial():
        scene.deposit("attacker", BOOK, 300_000)
        scene.deposit("attacker", OTHER, 5_000_000)
        # The worst book is near one that is long what both of the two least alike are like, and short these.
        least = min(PAIRS, key=lambda pair: matrix[pair[0]][pair[1]])
        for market in MARKETS:
            share = (-70 if market in least else 100) + tilt[market]
            open_book(scene, BOOK, {market: 1_000 * share * S[ETH] / S[market]})
        before = free(scene, BOOK)
        vote(scene, matrix)
        no_gain(free(scene, BOOK) - before, dust=1)


def freed_by_splitting(scene: Scene, worth: tuple[int, int, int], share: int, tilt: tuple[int, int, int]) -> float:
    """What may be withdrawn of two accounts that hold a book between them, beyond one that holds it all."""
    book = {market: 1_000.0 * quote for market, quote in zip(MARKETS, worth, strict=True)}
    part = {market: book[market] * (share + tilt[market]) / 100 for market in MARKETS}
    rest = {market: book[market] - part[market] for market in MARKETS}
    for sub, cash in ((0, 200_000), (1, 100_000), (2, 100_000), (OTHER, 5_000_000)):
        scene.deposit("attacker", sub, cash)
    for sub, positions in ((0, book), (1, part), (2, rest)):
        open_book(scene, sub, positions)
    # Each fill has paid its fees; sizes are of six digits: what an account holds it has been charged for alike.
    whole, parts = (sum(scene.worth(scene.account("attacker", sub)) for sub in subs) for subs in ((0,), (1, 2)))
    return free(scene, 1) + free(scene, 2) - free(scene, 0) + whole - parts


books = st.tuples(*[st.integers(-150, 150)] * 3)
tilts = st.tuples(*[st.integers(-60, 60)] * 3)


@defence(
    "risk-grows-with-size",
    "5: R and G are homogeneous of degree one and subadditive",
    Edit(
        REQUIREMENT,
        "    root: uint256 = isqrt(convert(square, uint256))\n",
        "    root: uint256 = convert(square, uint256) // 10**13\n",
    ),
    Edit(REQUIREMENT, "    if unsafe_mul(root, root) < convert(square, uint256):\n", "    if root == 0:\n"),
)
@search
@given(worth=books, share=st.integers(1, 99), tilt=tilts)
def test_split__of_a_book_over_accounts__needs_no_less_in_sum(
    scene: Scene, worth: tuple[int, int, int], share: int, tilt: tuple[int, int, int]
):
    """Where larger positions cost more each, two accounts are cheaper than one. Defence: the requirement is a norm, and
    what size costs is in the market's parameters."""
    with scene.trial():
        no_gain(freed_by_splitting(scene, worth, share, tilt), dust=1)


@defence(
    "gross-of-the-net",
    "5: gross always costs something: the basis it may meet",
    Edit(REQUIREMENT, "unsafe_add(spot, abs(size))", "abs(unsafe_add(spot, size))"),
    Edit(
        "modules/prices.vy",
        "step = min(step, min(unsafe_div(unsafe_mul(ORACLE.basis_rate, elapsed), 60), gone))",
        "step = gone",
    ),
)
@search
@given(coins=st.integers(10, 500), basis=st.floats(0.001, 0.0035))
def test_hedge__of_spot_by_a_short__needs_what_the_basis_may_take(scene: Scene, coins: int, basis: float):
    """Nearly all is borrowed against a hedge, and the basis takes the rest and more. Defence: both legs are charged g,
    which bounds the basis."""
    with scene.trial():
        account = scene.deposit_spot("attacker", BOOK, ETH, coins)
        scene.deposit("attacker", OTHER, 5_000_000)
        open_book(scene, BOOK, {ETH: -2_000.0 * coins})
        found = scene.assess(account)
        units = (found.equity - found.im - found.down) // 10**12 - 1
        scene.attempt(scene.house, "withdraw", account, units, scene.wallets["attacker"])
        for _ in range(2):
            scene.at(14)
            scene.push()
            scene.do(scene.engine, "update", reports(scene, basis={ETH: basis}))
        no_gain(max(0.0, -scene.worth(account)))
