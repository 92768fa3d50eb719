"""The vault's shares: nobody gains by being first, by giving, by leaving before a loss, or by asking early."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from tests.attacks.defence import defence, no_gain, search
from tests.attacks.scene import ETH, UNIT, Scene
from tests.model.world import COOLDOWN
from tests.mutants.mutant import Edit

STAKE = 50_000
ASKED = "backing.scaled(shares, asked.value, asked.shares, False)"
NOW = "self._to_assets(shares, backing.net(), False)"
PAYMENT = f"return min({NOW}, {ASKED})"


def enter(scene: Scene, name: str, amount: float) -> None:
    """A wallet deposits quote into the vault, if it is let."""
    scene.attempt(scene.vault, "deposit", int(amount * UNIT), scene.wallets[name], by=name)


def ask(scene: Scene, name: str = "attacker") -> None:
    """A wallet asks to leave with all of its shares."""
    scene.do(scene.vault, "request", scene.vault.balanceOf(scene.wallets[name]), scene.wallets[name], by=name)


def leave(scene: Scene, name: str = "attacker") -> None:
    """A wallet redeems all that it asked for, if it is let."""
    wallet = scene.wallets[name]
    scene.attempt(scene.vault, "redeem", scene.vault.request_of(wallet)[0], wallet, wallet, by=name)


def broken(scene: Scene, size: float = 100) -> int:
    """An account long so much at 2,000 with a tenth of that."""
    account, maker = scene.deposit("victim", 0, size * 200), scene.deposit("maker", 0, size * 2_000)
    scene.trade(account, maker, ETH, size, 2_000, by="victim")
    return account


def sold(scene: Scene, account: int) -> None:
    """Somebody else takes all of an account."""
    scene.bid(scene.deposit("other", 0, 500_000), account, by="other")


@defence(
    "vault-first-holder",
    "9: Protected against first-depositor inflation and donations",
    Edit(
        "InsuranceVault.vy",
        "    return backing.scaled(assets, self._supply(), total + _VIRTUAL_ASSETS, up)",
        "    return backing.scaled(assets, erc20.totalSupply, total, up) if erc20.totalSupply != 0 else assets",
    ),
    Edit(
        "InsuranceVault.vy",
        "    return backing.scaled(shares, total + _VIRTUAL_ASSETS, self._supply(), up)",
        "    return backing.scaled(shares, total, max(erc20.totalSupply, 1), up)",
    ),
)
@search
@example(first=1, given_=10**10, later=[2 * 10**10 - 1])
@given(
    first=st.integers(1, 10**6),
    given_=st.integers(0, 10**11),
    later=st.lists(st.integers(1, 10**11), min_size=1, max_size=4),
)
def test_vault__first_holder_gives_to_it__gains_nothing_of_later_ones(
    scene: Scene, first: int, given_: int, later: list[int]
) -> None:
    """The first holder makes shares dear by a gift, so that later ones' are rounded down to its favour."""
    with scene.trial():
        before = scene.equity("attacker")
        scene.do(scene.vault, "deposit", first, scene.wallets["attacker"])
        if given_:
            scene.do(scene.house, "deposit", scene.vault.account(), given_)
        for amount in later:
            enter(scene, "victim", amount / UNIT)
        no_gain(scene.equity("attacker") - before)


@defence(
    "vault-tokens-sent-count",
    "9: its assets are its account's cash",
    Edit(
        "modules/backing.vy",
        "return (wad - min(wad, staticcall CLEARINGHOUSE.entries())) // _SCALE",
        "return (wad - min(wad, staticcall CLEARINGHOUSE.entries())) // _SCALE"
        " + staticcall IERC20(staticcall CLEARINGHOUSE.quote_token()).balanceOf(self)",
    ),
    Edit(
        "modules/backing.vy",
        "from ..interfaces import IClearinghouse",
        "from ethereum.ercs import IERC20\nfrom ..interfaces import IClearinghouse",
    ),
)
@search
@given(sent=st.integers(1, 100_000))
def test_vault__tokens_sent_to_it__raise_nobodys_share(scene: Scene, sent: int) -> None:
    """Tokens of the vault's own address are not what it can pay from: who asked while they counted would be paid from
    what others put in."""
    with scene.trial():
        enter(scene, "lender", STAKE)
        enter(scene, "attacker", STAKE)
        before = scene.wallet("attacker") + STAKE
        scene.do(scene.quote, "transfer", scene.vault.address, sent * UNIT, by="other")
        ask(scene)
        scene.at(COOLDOWN)
        scene.prices()
        leave(scene)
        no_gain(scene.wallet("attacker") - before)


@defence(
    "vault-left-before-a-loss",
    "9: A request to leave is irrevocable and waits a cooldown",
    Edit("InsuranceVault.vy", "ready: uint256 = block.timestamp + cooldown", "ready: uint256 = block.timestamp"),
)
@search
@given(price=st.integers(900, 1_700), wait=st.integers(0, COOLDOWN - 4))
def test_vault__left_once_a_loss_is_in_the_price__bears_it(scene: Scene, price: int, wait: int) -> None:
    """A loss that nobody has sighted yet. What the attacker has at its end against having stayed."""
    with scene.trial():
        for name in ("lender", "attacker"):
            enter(scene, name, STAKE)
        account = broken(scene)
        scene.prices({ETH: price})
        ends = []
        for leaves in (False, True):
            with scene.trial():
                if leaves:
                    ask(scene)
                scene.at(wait)
                scene.prices()
                leave(scene)
                sold(scene, account)
                ends.append(scene.equity("attacker"))
        no_gain(ends[1] - ends[0])


@defence(
    "vault-left-before-it-is-booked",
    "9: its assets are its account's cash less the entries of 6",
    Edit(
        "modules/backing.vy",
        "(wad - min(wad, staticcall CLEARINGHOUSE.entries()))",
        "(wad - 0 * staticcall CLEARINGHOUSE.entries())",
    ),
)
@search
@given(price=st.integers(900, 1_700), wait=st.integers(COOLDOWN, 10**6))
def test_vault__left_once_a_loss_is_known__bears_it(scene: Scene, price: int, wait: int) -> None:
    """Asked for before, and paid between the sighting of a loss and its booking, in one second. Against staying."""
    with scene.trial():
        for name in ("lender", "attacker"):
            enter(scene, name, STAKE)
        ask(scene)
        scene.at(wait)
        scene.prices()
        account = broken(scene)
        scene.prices({ETH: price})
        scene.do(scene.auction, "open", [account], by="other")
        ends = []
        for leaves in (False, True):
            with scene.trial():
                if leaves:
                    leave(scene)
                sold(scene, account)
                ends.append(scene.equity("attacker"))
        # In whole units: a millionth of a quote more than half of what is left.
        no_gain(ends[1] - ends[0], 2e-6)


@defence(
    "vault-requests-in-reserve",
    "9: it is paid the smaller of its value at request and at payment",
    Edit("InsuranceVault.vy", PAYMENT, f"return {ASKED}"),
)
@search
@given(price=st.integers(900, 1_700), wait=st.integers(COOLDOWN, 10**6))
def test_vault__asked_for_long_before_a_loss__bears_it(scene: Scene, price: int, wait: int) -> None:
    """Requests that are always ready would be a free exit. Paid is no more than half of what the loss left."""
    with scene.trial():
        for name in ("lender", "attacker"):
            enter(scene, name, STAKE)
        ask(scene)
        scene.at(wait)
        scene.prices()
        sold_one = broken(scene)
        scene.prices({ETH: price})
        sold(scene, sold_one)
        shared = scene.vault.totalAssets() / UNIT / 2
        before = scene.wallet("attacker")
        leave(scene)
        no_gain(scene.wallet("attacker") - before - shared)


@defence(
    "vault-requests-that-stay",
    "9: it is paid the smaller of its value at request and at payment",
    Edit("InsuranceVault.vy", PAYMENT, "return self._to_assets(shares, backing.net() + 0 * asked.value, False)"),
)
@search
@given(gain=st.integers(1, 10**6), wait=st.integers(COOLDOWN, 10**6))
def test_vault__asked_for_before_a_gain__has_no_part_in_it(scene: Scene, gain: int, wait: int) -> None:
    """Shares that may leave at any moment would be paid for risks that they need not bear."""
    with scene.trial():
        for name in ("lender", "attacker"):
            enter(scene, name, STAKE)
        ask(scene)
        scene.do(scene.house, "deposit", scene.vault.account(), gain * UNIT, by="other")
        scene.at(wait)
        scene.prices()
        leave(scene)
        no_gain(scene.wallet("attacker"))


@defence(
    "vault-entered-at-a-discount",
    "9: deposits while entries stand count without that deduction",
    Edit(
        "InsuranceVault.vy",
        "return max(backing.gross(), self._supply() // _LEAST_PRICE)",
        "return max(backing.net(), backing.gross() // 1_000)",
    ),
)
@search
@given(price=st.integers(900, 1_700), amount=st.integers(1, 10**6))
def test_vault__entered_while_a_loss_is_known__pays_for_it(scene: Scene, price: int, amount: int) -> None:
    """The price comes back; who came in meanwhile bought nothing at a discount."""
    with scene.trial():
        enter(scene, "lender", 100_000)
        account = broken(scene)
        scene.prices({ETH: price})
        scene.do(scene.auction, "open", [account])
        before = scene.equity("attacker")
        enter(scene, "attacker", amount)
        scene.prices({ETH: 2_000})
        scene.do(scene.auction, "open", [account])
        no_gain(scene.equity("attacker") - before)


@defence(
    "vault-others-paid-out-low",
    "9: paid the smaller; only the owner says that it will not wait",
    Edit(
        "InsuranceVault.vy",
        "assets >= asked.value or msg.sender == owner or staticcall backing.CLEARINGHOUSE.entries() == 0",
        "assets != 0 or staticcall backing.CLEARINGHOUSE.entries() == 0",
    ),
)
@search
@given(price=st.integers(1_350, 1_700))
def test_vault__others_paid_out_at_the_worst_moment__leave_nothing_behind(scene: Scene, price: int) -> None:
    """Another holder has who is leaving paid while a loss is known that the price then takes back."""
    with scene.trial():
        for name in ("victim", "attacker"):
            enter(scene, name, STAKE)
        account, maker = scene.deposit("other", 0, 20_000), scene.deposit("maker", 0, 200_000)
        scene.trade(account, maker, ETH, 100, 2_000, by="other")
        before = scene.equity("attacker")
        ask(scene, "victim")
        scene.at(COOLDOWN)
        scene.prices({ETH: price})
        scene.do(scene.auction, "open", [account])
        scene.attempt(scene.vault, "redeem_for", scene.wallets["victim"])
        scene.prices({ETH: 2_000})
        scene.do(scene.auction, "open", [account])
        no_gain(scene.equity("attacker") - before)


def test_vault__left_before_the_cooldown_and_without_a_request__pay_nothing(scene: Scene) -> None:
    """Defence: only a request that is ready is paid."""
    me = scene.wallets["attacker"]
    scene.do(scene.vault, "deposit", 1_000 * UNIT, me)
    shares = scene.vault.balanceOf(me)
    assert scene.refusal(scene.vault, "redeem", shares, me, me) == "vault: not ready"
    scene.do(scene.vault, "request", shares // 2, me)
    scene.at(COOLDOWN - 1)
    for function in ("redeem", "withdraw"):
        assert scene.refusal(scene.vault, function, 1_000, me, me) == "vault: not ready"
    assert scene.refusal(scene.vault, "redeem_for", me, by="other") == "vault: not ready"
    # What is asked for cannot be moved to somebody whose request is older.
    assert scene.refusal(scene.vault, "transfer", scene.wallets["other"], shares) != ""
