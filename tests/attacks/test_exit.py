"""What leaving costs is who stays's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.scene import UNIT, Scene
from tests.mutants.mutant import Edit


def out(scene: Scene, name: str, amount: float) -> float:
    """What a wallet is paid for so much of its account's cash."""
    before = scene.wallet(name)
    scene.attempt(scene.house, "withdraw", scene.account(name), int(amount * UNIT), scene.wallets[name], by=name)
    return scene.wallet(name) - before


@defence(
    "leaving-costs-nobodys",
    "6: the difference going to the vault [first out is whole, last pays all]. The rate does not change by exits",
    Edit("Clearinghouse.vy", "unsafe_add(money.reserve, unsafe_sub(wad, leaves))", "money.reserve"),
)
@search
@given(lent=st.integers(1_000, 2_000_000), parts=st.lists(st.integers(1, 100), min_size=1, max_size=4))
def test_exit__of_others__leaves_what_the_last_is_paid_as_it_is(scene: Scene, lent: int, parts: list[int]):
    """The first out takes nothing of what the last has: not the rate of the rest, nor all that the loss was to come to.
    What the lender who stays is paid less once the attacker has left in these parts."""
    with scene.trial():
        scene.deposit("attacker", 0, lent)
        assert 0.4 < scene.known_loss() < 0.95
        paid = []
        for shares in ([], parts):
            with scene.trial():
                for share in shares:
                    out(scene, "attacker", 0.999 * lent * share / sum(parts))
                paid.append(out(scene, "lender", 100_000))
        no_gain(paid[0] - paid[1], dust=1e-3, unit="quote of who stays")
