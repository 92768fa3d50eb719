"""Whatever rounds, rounds against who acts: no number of acts of least amounts earns a wei, or a unit of a token."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.houses import House
from tests.attacks.scene import BTC, ETH, QUOTE_SCALE, UNIT, Scene
from tests.model.chain import load
from tests.model.world import COOLDOWN
from tests.mutants.mutant import Edit

SUBS = range(3)
ASKED = "backing.scaled(shares, asked.value, asked.shares, False)"
ASSETS = f"return min(self._to_assets(shares, backing.net(), False), {ASKED})"
FINE = 10**12
CASH_ACTS = ("deposit", "withdraw", "trade", "settle", "batch", "borrow")
SHARE_ACTS = ("deposit", "mint", "request", "redeem", "withdraw", "give")


def wealth(scene: Scene) -> int:
    """All that the attacker has in wallet and accounts, in wei of quote; collateral at its price."""
    wallet = scene.wallets["attacker"]
    owned = scene.quote.balanceOf(wallet) * QUOTE_SCALE
    for sub in SUBS:
        owned += scene.engine.appraise(*scene.house.book_of(scene.account("attacker", sub))).equity
    return int(owned)


@defence(
    "cash-rounded-up",
    "1: rounded toward −∞ for what an account owns",
    Edit(
        "modules/interest.vy",
        "unsafe_mul(convert(cash, uint256), WAD) // money.supply",
        "rounding.ceil_udiv(unsafe_mul(convert(cash, uint256), WAD), money.supply)",
    ),
)
@defence(
    "debt-rounded-down",
    "1: … and toward +∞ for what it owes",
    Edit(
        "modules/interest.vy",
        "rounding.ceil_udiv(unsafe_mul(convert(unsafe_sub(0, cash), uint256), WAD), money.borrow)",
        "unsafe_mul(convert(unsafe_sub(0, cash), uint256), WAD) // money.borrow",
    ),
    Edit("modules/interest.vy", "convert(unsafe_add(owed, _UP) // WAD, int256)", "convert(owed // WAD, int256)"),
)
@search
@example(acts=[("deposit", 7, 0), ("deposit", 4, 1), ("deposit", 9, 0)] * 12)
@example(acts=[("borrow", 7, 2), ("borrow", 4, 2), ("deposit", 9, 2)] * 5)
@example(acts=[("trade", 7, 0), ("trade", 3, 1), ("trade", 9, 2)] * 5)
@given(
    acts=st.lists(st.tuples(st.sampled_from(CASH_ACTS), st.integers(1, 9), st.integers(0, 2)), min_size=8, max_size=20)
)
def test_farm__of_cash_and_positions__earns_no_wei(scene: Scene, acts: list[tuple[str, int, int]]) -> None:
    """Deposits, withdrawals, loans, trades without a fee and settlements of least amounts, at indices that are no round
    numbers, over three accounts of one owner."""
    with scene.trial():
        scene.do(scene.exchange, "set_fees", 0, 0, by=scene.exchange.owner())
        scene.deposit_spot("other", 0, BTC, 100)
        scene.do(scene.house, "withdraw", scene.account("other"), 900_000 * UNIT, scene.wallets["other"], by="other")
        scene.at(31_536_007)
        scene.prices({ETH: 1_999.123456789123})
        accounts = [scene.deposit("attacker", sub, 1_000) for sub in SUBS]
        scene.deposit_spot("attacker", 2, BTC, 1)
        scene.do(scene.house, "withdraw", accounts[2], 7_000 * UNIT, scene.wallets["attacker"])
        before, me = wealth(scene), scene.wallets["attacker"]
        for kind, amount, sub in acts:
            account, other = accounts[sub], accounts[sub - 1]
            if kind == "deposit":
                scene.do(scene.house, "deposit", account, amount)
            elif kind in ("withdraw", "borrow"):
                scene.attempt(scene.house, "withdraw", account if kind == "withdraw" else accounts[2], amount, me)
            elif kind == "trade":
                fill = scene.fill_call(account, other, ETH, amount * 1.23456789e-4, scene.now_prices[ETH])
                scene.attempt(scene.exchange, "fill", *fill)
            elif kind == "settle":
                scene.do(scene.house, "settle", ETH, [account, other])
            elif kind == "batch":
                steps = [scene.step_deposit(account, amount / UNIT), scene.step_withdraw(account, amount / UNIT)]
                scene.run([account], *steps)
        no_gain(wealth(scene) - before, dust=0, unit="wei")


@pytest.mark.parametrize("decimals", [0, 6, 8, 18])
@defence(
    "shares-redeemed-rounded-up",
    "1: what rounding loses, the account loses, never the protocol",
    Edit("InsuranceVault.vy", ASSETS, ASSETS.replace("False", "True")),
    Edit(
        "InsuranceVault.vy",
        "value: uint256 = self._to_assets(shares, backing.net(), False)",
        "value: uint256 = self._to_assets(shares, backing.net(), True)",
    ),
)
@defence(
    "shares-minted-rounded-down",
    "9: ERC-4626, whose mint takes assets rounded up",
    Edit(
        "InsuranceVault.vy",
        "self._to_assets(shares, total, True)\n    self._enter",
        "self._to_assets(shares, total, False)\n    self._enter",
    ),
)
@search
@example(acts=[("request", 1), ("redeem", 1)] * 5)
@given(acts=st.lists(st.tuples(st.sampled_from(SHARE_ACTS), st.integers(1, 3_999_999)), min_size=6, max_size=16))
def test_farm__of_shares__earns_no_unit(scene: Scene, decimals: int, acts: list[tuple[str, int]]) -> None:
    """Entering and leaving a vault of a token of few decimals, or many, in parts that are worth about a unit."""
    with scene.trial():
        other = House(scene, load("testing/TestToken", "Few", "FEW", decimals))
        other.endow("attacker", "lender")
        me = scene.wallets["attacker"]
        scene.do(other.vault, "deposit", 10**6 + 1, scene.wallets["lender"], by="lender")
        scene.do(other.vault, "deposit", 100, me)
        begun = other.quote.balanceOf(me)

        def owned() -> float:
            """Units that the attacker has gained, parts of one too."""
            shares = other.vault.balanceOf(me) + other.vault.request_of(me)[0]
            return float(other.quote.balanceOf(me) - begun + other.vault.convertToAssets(shares * FINE) / FINE)

        before = owned()
        for kind, amount in acts:
            asked = other.vault.request_of(me)[0]
            if kind == "deposit":
                scene.attempt(other.vault, "deposit", amount // 10**6 + 1, me)
            elif kind == "mint":
                scene.attempt(other.vault, "mint", amount, me)
            elif kind == "request":
                scene.attempt(other.vault, "request", min(amount, other.vault.balanceOf(me)), me)
                scene.at(COOLDOWN)
            elif kind == "redeem":
                scene.attempt(other.vault, "redeem", min(amount, asked), me, me)
            elif kind == "withdraw":
                scene.attempt(other.vault, "withdraw", 1, me, me)
            else:
                # A gift of somebody else makes a share worth no round number.
                before -= owned()
                scene.do(other.house, "deposit", other.vault.account(), amount // 10**6 + 1, by="lender")
                before += owned()
        no_gain(owned() - before, unit="units")
