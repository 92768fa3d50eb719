"""What an insolvency pays its owner: nothing for waiting for one, arranging one, or splitting accounts.

By design an owner may leave a sub-account that prices made insolvent and keep another that they made rich: that is what
isolated margin means, here as anywhere. What follows begins after such prices, or has none.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keeper.model.words import Position
from tests.attacks.defence import defence, no_gain, search
from tests.attacks.sales import leave, watch, withdraw_all
from tests.attacks.scene import BTC, ETH, SOL, UNIT, WAD, Scene
from tests.mutants.mutant import Edit

BACKSTOP = "result.lambda_account, victim.lambda_now * min(victim.elapsed, terms.backstop) // terms.backstop"


def sold(scene: Scene, spare: float, seconds: int, size: float) -> float:
    """What an owner has in the end whose account stood at this equity while λ rose, and who then took it itself."""
    with scene.trial():
        account, other = scene.deposit("attacker", 0, 600), scene.deposit("attacker", 1, 200_000)
        scene.trade(account, other, ETH, size, 2_000)
        price = 2_000 - 640 / size
        scene.prices({ETH: price})
        lacks = spare - scene.assess(account).equity / WAD
        assert lacks > 0
        scene.do(scene.house, "deposit", account, round(lacks * UNIT))
        watch(scene, account, seconds)
        leave(scene, account, taker=other)
        return scene.equity("attacker", 0, 1)


@defence(
    "vault-pays-the-insolvent-alone",
    "8: continuous in h: nobody gains by waiting for, or arranging, an insolvency",
    Edit("modules/bidding.vy", BACKSTOP, f"result.lambda_account, 0 if own > 0 else {BACKSTOP.split(', ', 1)[1]}"),
)
@search
@given(spare=st.floats(0.001, 5), seconds=st.integers(0, 200).map(lambda pairs: 2 * pairs), size=st.floats(3.5, 3.9))
def test_insolvency__arranged_by_burning_what_is_left__is_worth_no_more_than_it_costs(
    scene: Scene, spare: float, seconds: int, size: float
):
    """One that has a little left against one that lacks as little, else alike: the owner is as well off with what is
    left as without it and what the vault adds. (Up to the epoch's cap, which bounds what it adds in the first case.)"""
    burnt = 2 * spare
    no_gain(sold(scene, -spare, seconds, size) - burnt - sold(scene, spare, seconds, size), dust=2e-5)


@defence(
    "vault-pays-all-at-once",
    "8: λ_v = λ * min(1, t / T_backstop)",
    Edit(
        "modules/bidding.vy",
        "victim.lambda_now * min(victim.elapsed, terms.backstop) // terms.backstop",
        "victim.lambda_now * (min(victim.elapsed, terms.backstop) // terms.backstop)",
    ),
)
@search
@given(spare=st.floats(-20, -0.1), seconds=st.integers(5, 16).map(lambda times: 20 * times), size=st.floats(3.5, 3.9))
def test_insolvency__waited_for__pays_in_no_leap(scene: Scene, spare: float, seconds: int, size: float):
    """Twenty seconds more are worth what λ and the vault's share of it rise in twenty seconds, at any time."""
    most = 20 * (0.35 / 60 + 0.7 / 300) * 370
    no_gain(sold(scene, spare, seconds, size) - sold(scene, spare, seconds - 20, size) - most)


@defence(
    "debt-that-owes-nothing",
    "5: MM 0 for an account that owes nothing; which is cash >= 0, no size and no cost > 0",
    Edit("modules/requirement.vy", "    if cash >= 0 and not summed.owes:\n", "    if not summed.owes:\n"),
)
@search
@given(
    cash=st.floats(0, 100), drawn=st.floats(1, 100_000), spot=st.booleans(), batch=st.booleans(), rest=st.floats(0, 1)
)
def test_debt__of_an_account_without_a_market__is_a_debt(
    scene: Scene, cash: float, drawn: float, spot: bool, batch: bool, rest: float
):
    """Drawn past what is there, with no market or one of worthless spot to show; what stays is sold as any account."""
    with scene.trial():
        before = scene.wallet("attacker")
        account = scene.account("attacker")
        if cash > 1:
            scene.deposit("attacker", 0, cash)
        if spot:
            scene.attempt(scene.house, "deposit_spot", account, BTC, 1)
        steps = [scene.step_withdraw(account, drawn)]
        if rest < 0.5:
            steps.append(scene.step_deposit(account, max(1e-6, drawn * rest)))
        if batch:
            scene.attempt(scene.batch, "batch", [account], steps)
        else:
            scene.attempt(scene.house, "withdraw", account, int(drawn * UNIT), scene.wallets["attacker"])
        left = max(0.0, scene.worth(account))
        no_gain(scene.wallet("attacker") + left - before, dust=1e-5)


@defence(
    "requirement-that-rises-with-size",
    "5: R and G are homogeneous of degree one and subadditive: splitting an account gains nothing",
    Edit(
        "modules/requirement.vy",
        "charge: uint256 = unsafe_div(unsafe_add(convert(gross, uint256), unsafe_sub(_E23, 1)), _E23)",
        "charge: uint256 = unsafe_div(convert(gross, uint256) // _E23 * (convert(gross, uint256) // _E23), 10**21)",
    ),
)
@search
@given(
    sizes=st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    split=st.lists(st.floats(0, 1), min_size=3, max_size=3),
)
def test_split__of_an_account_in_two__frees_no_margin(scene: Scene, sizes: list[float], split: list[float]):
    """The same positions in one account, and in two however divided: what two want less is what the attacker may take
    out and leave its lenders without."""
    with scene.trial():
        markets = {BTC: sizes[0] / 10, ETH: sizes[1], SOL: 10 * sizes[2]}
        whole = {market: int(size * WAD) for market, size in markets.items() if abs(size) > 1e-6}
        first = {market: int(size * part) for (market, size), part in zip(whole.items(), split, strict=False)}
        second = {market: size - first[market] for market, size in whole.items()}

        def wanted(held: dict[int, int]) -> float:
            held = {market: size for market, size in held.items() if size}
            maps = sum(1 << 64 + market for market in held)
            words = [Position(size, 0).pack() for _, size in sorted(held.items())]
            return scene.engine.assess(0, maps, words).im / WAD

        no_gain(wanted(whole) - wanted(first) - wanted(second))


def withdraw_free(scene: Scene, *accounts: int) -> None:
    """To the wallet what initial margin lets go of each."""
    for account in accounts:
        left = scene.assess(account)
        free = (left.equity - left.claims - left.im) / WAD - 0.01
        if free > 0:
            scene.attempt(scene.house, "withdraw", account, int(free * UNIT), scene.wallets["attacker"])


@defence(
    "loss-settled-with-lent-quote",
    "3: no act settles a loss of an account with equity < 0 [withdrawing a profit whose loser is insolvent]",
    Edit("Batch.vy", "after.im <= before.im and after.equity >= 0", "after.im <= before.im"),
)
@search
@given(price=st.floats(1_300, 1_700), sold=st.floats(0.1, 20), out=st.floats(0.1, 1))
def test_profit__of_an_insolvent_loser__does_not_leave_with_quote_lent_for_a_batch(
    scene: Scene, price: float, sold: float, out: float
):
    """Solvent for as long as the quote is there, a loser pays the winner; both are the attacker's, and the quote goes
    back. The gain is what has left for good, beyond all that the attacker brought."""
    with scene.trial():
        before = scene.wallet("attacker")
        winner, loser, other = (scene.deposit("attacker", sub, 20_000) for sub in range(3))
        scene.trade(winner, loser, ETH, -100, 2_000)
        scene.prices({ETH: price})
        lacks = -scene.worth(loser) + 100
        profit = 100 * (2_000 - price)
        steps = [
            scene.step_deposit(loser, lacks),
            scene.step_settle(ETH, loser, winner),
            scene.step_withdraw(winner, out * profit),
            scene.step_fill(loser, other, ETH, -sold, price),
            scene.step_withdraw(loser, lacks - 0.001 * sold * price),
        ]
        scene.attempt(scene.batch, "batch", [winner, loser], steps)
        withdraw_free(scene, winner, other)
        no_gain(scene.wallet("attacker") - before)


def traded_away(scene: Scene, price: float, size: float, rounds: int) -> float:
    """What has left for good, beyond all that the attacker brought: a winner loses cash to a third account in another
    market, at both edges of the band, with its claim on an insolvent loser for margin; the third withdraws it."""
    before = scene.wallet("attacker")
    winner, loser, third = (scene.deposit("attacker", sub, 20_000) for sub in range(3))
    scene.trade(winner, loser, ETH, -100, 2_000)
    scene.prices({ETH: price})
    for _ in range(rounds):
        for signed, edge in ((size, 1.0495), (-size, 0.9505)):
            scene.attempt(scene.exchange, "fill", *scene.fill_call(winner, third, BTC, signed, 60_000 * edge))
    for account in (third, winner):
        withdraw_all(scene, account)
    return scene.wallet("attacker") - before


@defence(
    "unpaid-profit-lost-to-another",
    "3: [withdrawing a profit whose loser is insolvent]",
    Edit(
        "modules/margin.vy",
        "convert(max(unsafe_add(account.im, account.down), account.claims), int256)",
        "convert(unsafe_add(account.im, account.down), int256)",
    ),
)
@search
@given(price=st.floats(1_300, 1_500), size=st.floats(2, 3.5), rounds=st.integers(3, 5))
def test_profit__of_an_insolvent_loser__does_not_leave_by_trades_with_oneself(
    scene: Scene, price: float, size: float, rounds: int
):
    """(What the loser lacks is lost by its price either way; but what leaves so pays no exit rate.)"""
    with scene.trial():
        no_gain(traded_away(scene, price, size, rounds))


@defence(
    "unpaid-profit-lost-in-relief",
    "3: [withdrawing a profit whose loser is insolvent]",
    Edit(
        "modules/margin.vy",
        "own: int256 = unsafe_sub(before.equity, convert(before.claims, int256))",
        "own: int256 = before.equity",
    ),
)
@search
@given(price=st.floats(1_000, 1_200), size=st.floats(26, 34), edge=st.floats(0.966, 0.975), parts=st.integers(3, 6))
def test_profit__of_an_insolvent_loser__does_not_leave_by_reducing(
    scene: Scene, price: float, size: float, edge: float, parts: int
):
    """A large position is made at the index with the claim for margin, and unmade below it: each part releases a
    requirement that a healthy account may pay for. The last part goes at the index."""
    with scene.trial():
        before = scene.wallet("attacker")
        winner, loser, third = (scene.deposit("attacker", sub, 20_000) for sub in range(3))
        scene.deposit("attacker", 2, 100_000)
        scene.trade(winner, loser, ETH, -100, 2_000)
        scene.prices({ETH: price})
        fills = [(size, 1.0), *[(-size / parts, edge)] * (parts - 1), (-size / parts, 1.0)]
        for signed, at in fills:
            scene.attempt(scene.exchange, "fill", *scene.fill_call(winner, third, BTC, signed, 60_000 * at))
        withdraw_free(scene, third, winner)
        no_gain(scene.wallet("attacker") - before)
