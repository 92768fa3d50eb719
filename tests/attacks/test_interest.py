"""Interest: utilisation made for a moment, loans to oneself, and the reserve before it is collected earn nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.scene import BTC, UNIT, Scene
from tests.mutants.mutant import Edit

YEAR = 31_536_000
SECONDS = st.integers(3_600, YEAR)


def borrowed(scene: Scene, name: str, sub: int, amount: float) -> None:
    """A loan against collateral of twice its worth."""
    account = scene.deposit_spot(name, sub, BTC, amount / 30_000)
    scene.do(scene.house, "withdraw", account, int(amount * UNIT), scene.wallets[name], by=name)


@defence(
    "rates-of-a-moment",
    "6: Utilisation U = clamp(1 − tokens held / Σ positive cash, 0, 1)",
    Edit(
        "modules/interest.vy",
        "indices = (indices & (2**192 - 1)) | (self.rates(money) << 192)",
        "indices = (indices & (2**192 - 1)) | (max(self.rates(money), self.indices >> 192) << 192)",
    ),
)
@search
@given(seconds=SECONDS, part=st.integers(1, 100))
def test_utilisation__of_a_moment__raises_no_rate(scene: Scene, seconds: int, part: int) -> None:
    """A lender takes all tokens out within a batch and brings them back: what it earns against not having done so."""
    with scene.trial():
        mine = scene.deposit("attacker", 0, 500_000)
        borrowed(scene, "other", 0, 300_000)
        out = scene.quote.balanceOf(scene.house) / UNIT * part / 100
        ends = []
        for does in (False, True):
            with scene.trial():
                if does:
                    scene.run([mine], scene.step_withdraw(mine, out), scene.step_deposit(mine, out))
                scene.at(seconds)
                scene.prices()
                ends.append(scene.equity("attacker", 0))
        # The deposit and the withdrawal of a batch are rounded once each.
        no_gain(ends[1] - ends[0])


@defence(
    "lending-to-oneself",
    "6: supply rate = borrow rate · U · (1 − reserve)",
    Edit(
        "modules/interest.vy",
        "unsafe_mul(unsafe_mul(borrow, used), passed_on) // (_RATE * _BPS)",
        "unsafe_mul(unsafe_mul(borrow, _RATE), passed_on) // (_RATE * _BPS)",
    ),
)
@search
@given(lent=st.integers(10**4, 2 * 10**6), part=st.integers(9, 99), waits=st.lists(SECONDS, min_size=1, max_size=5))
def test_loan__to_oneself__earns_no_more_than_it_pays(scene: Scene, lent: int, part: int, waits: list[int]) -> None:
    """One account lends, another of the same owner alone borrows, however often interest is booked."""
    with scene.trial():
        scene.deposit("attacker", 0, lent)
        borrowed(scene, "attacker", 1, lent * part / 100)
        before = scene.equity("attacker", 0, 1)
        for wait in waits:
            scene.at(wait)
            scene.do(scene.house, "collect")
        scene.prices()
        no_gain(scene.equity("attacker", 0, 1) - before)


@defence(
    "reserve-bought-cheap",
    "6: the rest of what borrowers pay is the vault's",
    Edit(
        "InsuranceVault.vy",
        "    extcall backing.CLEARINGHOUSE.collect()\n    total: uint256 = self._entering()\n    # Before anything",
        "    total: uint256 = self._entering()\n    # Before anything",
    ),
    Edit("modules/backing.vy", "    if reserve != 0:", "    if reserve == max_value(uint256):"),
)
@search
@given(seconds=SECONDS, amount=st.integers(1, 10**6))
def test_reserve__before_it_is_collected__is_of_those_who_were_there(scene: Scene, seconds: int, amount: int) -> None:
    """Who comes in just before a year's interest is collected has no part in it."""
    with scene.trial():
        scene.do(scene.vault, "deposit", 10_000 * UNIT, scene.wallets["lender"], by="lender")
        borrowed(scene, "other", 0, 500_000)
        scene.at(seconds)
        scene.prices()
        scene.do(scene.vault, "deposit", amount * UNIT, scene.wallets["attacker"])
        scene.do(scene.house, "collect")
        no_gain(scene.equity("attacker"))
