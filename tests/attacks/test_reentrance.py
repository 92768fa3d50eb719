"""A token, or whoever a batch calls, enters every function of every contract from the middle of an act."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boa
import pytest

from tests.attacks.defence import defence, no_gain
from tests.attacks.houses import PLENTY, House
from tests.attacks.scene import ETH, UNIT, WAD, Scene
from tests.model.chain import load, number, send
from tests.model.contracts import contract
from tests.model.world import COOLDOWN
from tests.mutants.mutant import Edit

CONTRACTS = {
    "Clearinghouse": "house",
    "InsuranceVault": "vault",
    "Auction": "auction",
    "Batch": "batch",
    "Exchange": "exchange",
    "RiskEngine": "engine",
}
"""All that hold or move something, and where a deployment has them."""
LOCK = "# pragma nonreentrancy on\n"


class Trap(House):
    """A deployment whose tokens are the attacker's, may act for it, and have funds of their own."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene, load("testing/ReentrantToken", 6), load("testing/ReentrantToken", 18))
        self.engine, self.me = scene.engine, scene.wallets["attacker"]
        self.account = scene.account("attacker")
        self.receiver = load("testing/BatchReceiver", self.house)
        self.endow("attacker", "lender", "victim", "other")
        for insider in (self.quote, self.token, self.receiver):
            scene.do(self.house, "approve_operator", insider.address, True)
        for insider in (self.quote, self.token):
            insider.mint(insider.address, PLENTY)
            for spender in (self.house, self.vault, self.batch):
                insider.arm(insider.address, insider.approve.prepare_calldata(spender.address, PLENTY))
                scene.do(insider, "transfer", self.me, 0, by="victim")
        self.begun = self.holdings()
        self.deposit("lender", 10**12)
        self.deposit("attacker", 10**11)
        self.deposit("victim", 2_000 * UNIT)
        scene.do(self.house, "deposit_spot", self.account, ETH, 10 * WAD)
        for name in ("lender", "attacker"):
            scene.do(self.vault, "deposit", 10**10, scene.wallets[name], by=name)
        scene.do(self.vault, "request", self.vault.balanceOf(self.me) // 2, self.me)
        scene.at(COOLDOWN)
        scene.prices()
        self.trade("victim", "lender", 10, 2_000)
        scene.prices({ETH: 1_890})
        scene.do(self.auction, "open", [scene.account("victim")])
        scene.prices()

    def holdings(self) -> dict[tuple[str, str], int]:
        """Units of both tokens that insiders hold."""
        holders = (self.me, *(str(insider.address) for insider in (self.quote, self.token, self.receiver)))
        return {
            (name, holder): getattr(self, name).balanceOf(holder) for name in ("quote", "token") for holder in holders
        }

    def total(self) -> float:
        """All that the attacker and its tokens own, less the tokens they began with, in quote."""
        owned = self.worth(*(self.scene.account("attacker", sub) for sub in range(3))) + self.shares("attacker")
        for (name, holder), units in self.holdings().items():
            value = 1 / UNIT if name == "quote" else self.scene.now_prices[ETH] / WAD
            owned += (units - self.begun[name, holder]) * value
            owned += self.worth(number(holder) << 96) if name == "quote" and holder != self.me else 0
        return float(owned)


@pytest.fixture(scope="module")
def sprung(deployed: Scene) -> Iterator[Trap]:
    """The deployment, made once."""
    with deployed.trial():
        yield Trap(deployed)


@pytest.fixture
def trap(sprung: Trap) -> Iterator[Trap]:
    """As it was made."""
    with sprung.scene.trial():
        yield sprung


def step(kind: int, trap: Trap, amount: int, target: str = "") -> tuple[Any, ...]:
    """A step of a batch of the attacker's account."""
    return (kind, target or trap.me, trap.account, ETH, amount, b"")


def batch(*steps: tuple[int, int]) -> Callable[[Trap], tuple[Any, str, tuple[Any, ...]]]:
    """A batch of kinds and amounts."""
    return lambda trap: (trap.batch, "batch", ([trap.account], [step(kind, trap, amount) for kind, amount in steps]))


ACTS: dict[str, tuple[str, int, Callable[[Trap], tuple[Any, str, tuple[Any, ...]]]]] = {
    "deposit": ("quote", 0, lambda trap: (trap.house, "deposit", (trap.account, UNIT))),
    "withdraw": ("quote", 0, lambda trap: (trap.house, "withdraw", (trap.account, UNIT, trap.me))),
    "deposit_spot": ("token", 0, lambda trap: (trap.house, "deposit_spot", (trap.account, ETH, WAD))),
    "withdraw_spot": ("token", 0, lambda trap: (trap.house, "withdraw_spot", (trap.account, ETH, WAD, trap.me))),
    "vault_pulls": ("quote", 0, lambda trap: (trap.vault, "deposit", (UNIT, trap.me))),
    "vault_pays_in": ("quote", 1, lambda trap: (trap.vault, "deposit", (UNIT, trap.me))),
    "vault_mint": ("quote", 1, lambda trap: (trap.vault, "mint", (10**12, trap.me))),
    "vault_redeem": ("quote", 0, lambda trap: (trap.vault, "redeem", (10**12, trap.me, trap.me))),
    "vault_withdraw": ("quote", 0, lambda trap: (trap.vault, "withdraw", (UNIT, trap.me, trap.me))),
    "vault_redeem_for": ("quote", 0, lambda trap: (trap.vault, "redeem_for", (trap.me,))),
    "batch_pulls": ("quote", 0, batch((1, UNIT))),
    "batch_pays_in": ("quote", 1, batch((1, UNIT))),
    "batch_withdraws": ("quote", 0, batch((2, UNIT))),
    "batch_pulls_spot": ("token", 0, batch((3, WAD))),
    "batch_pays_in_spot": ("token", 1, batch((3, WAD))),
    "batch_withdraws_spot": ("token", 0, batch((4, WAD))),
    "batch_calls": (
        "receiver",
        0,
        lambda trap: (trap.batch, "batch", ([trap.account], [step(8, trap, 0, trap.receiver.address)])),
    ),
}
"""Every act in whose middle somebody else is called: whose token calls, after how many moves, and the act."""
HOUSE_LOCKED = set(ACTS) - {"vault_pulls", "batch_pulls", "batch_pulls_spot", "batch_calls"}
OPEN = {"change_entries", "list_spot", "set_venue", "set_guardian", "defer", "pause", "unpause", "transfer_ownership"}
OPEN |= {"accept_ownership"}
"""Functions of the Clearinghouse without its lock: each is refused to all but one, who calls no stranger."""


def value(kind: dict[str, Any], trap: Trap) -> Any:
    """What an attacker would name for a parameter, by its name or its type."""
    named = {
        "account": trap.account,
        "taker": trap.account,
        "maker": trap.scene.account("lender"),
        "accounts": [trap.account, trap.scene.account("victim")],
        "market": ETH,
        "amount": 7 * UNIT,
        "assets": 7 * UNIT,
        "shares": 10**12,
        "size": WAD,
        "price": 1_890 * WAD,
        "fraction": WAD // 2,
        "tick": 5,
        "capacity": 100 * WAD,
        "minimum": WAD,
        "markets": 2**ETH,
        "cash": 1_000 * WAD,
        "venue": trap.quote.address,
        "lots": [(trap.scene.account("victim"), WAD, 2**254, 0, 0, 2**256 - 1, 2**256 - 1)],
    }
    name, type_ = kind["name"].rstrip("_"), kind["type"]
    if name in named and ("[" in type_) == isinstance(named[name], list):
        return named[name]
    if type_.endswith("]"):
        return []
    if type_ == "tuple":
        return tuple(value(part, trap) for part in kind["components"])
    if type_.startswith("bytes"):
        return bytes(int(type_[5:] or 0))
    return {"address": trap.me, "bool": True, "string": ""}.get(type_, 1)


FUNCTIONS = [
    (name, entry)
    for name in CONTRACTS
    for entry in contract(name).abi
    if entry["type"] == "function" and entry["stateMutability"] != "payable"
]


def call(trap: Trap, name: str, entry: dict[str, Any]) -> tuple[Any, bytes]:
    """Where a function is, and what it is called with."""
    target = getattr(trap, CONTRACTS[name])
    arguments = [value(kind, trap) for kind in entry["inputs"]]
    if (name, entry["name"]) == ("Exchange", "fill"):
        ids = (trap.account, trap.scene.account("lender"))
        arguments = list(trap.scene.fill_call(*ids, ETH, 0.1, 1_880, trap.exchange))
    return target, getattr(target, entry["name"]).prepare_calldata(*arguments)


def attack(trap: Trap, act: str, target: Any, data: bytes) -> tuple[bool, bytes]:
    """Do an act in whose middle a function is called; whether that was refused, and its answer."""
    caller, moves, make = ACTS[act]
    outer, function, arguments = make(trap)
    hostile = getattr(trap, caller)
    hostile.arm(target.address, data)
    if caller != "receiver":
        hostile.pass_over(moves)
    trap.scene.attempt(outer, function, *arguments)
    if caller == "receiver":
        return not hostile.succeeded(), hostile.answer()
    return hostile.reverted(), hostile.answer()


def apart(trap: Trap, act: str, target: Any, data: bytes) -> float:
    """What the attacker has when the same act and the same call, by the same caller, follow one another."""
    caller, _, make = ACTS[act]
    outer, function, arguments = make(trap)
    hostile = getattr(trap, caller)
    with trap.scene.trial():
        trap.scene.attempt(outer, function, *arguments)
        hostile.arm(target.address, data)
        if caller == "receiver":
            trap.scene.do(hostile, "on_batch", trap.me, b"")
        else:
            trap.scene.do(hostile, "transfer", trap.me, 0, by="victim")
        return trap.total()


def test_every_act__that_calls_somebody__does_so_in_this_test(trap: Trap) -> None:
    """What is not called in the middle of an act attacks nothing: the table of acts would be wrong."""
    for act, (caller, moves, make) in ACTS.items():
        with trap.scene.trial():
            outer, function, arguments = make(trap)
            hostile = getattr(trap, caller)
            hostile.arm(trap.house.address, trap.house.quote_token.prepare_calldata())
            if caller != "receiver":
                hostile.pass_over(moves)
            trap.scene.do(outer, function, *arguments)
            assert hostile.succeeded() if caller == "receiver" else hostile.called(), act


@pytest.mark.parametrize("act", ACTS)
def test_every_function__entered_from_the_middle__gains_nothing(trap: Trap, act: str) -> None:
    """Refused by the lock, or worth no more than the same done in turn; and every token owed is there."""
    for name, entry in FUNCTIONS:
        if entry["stateMutability"] == "view":
            continue
        with trap.scene.trial():
            target, data = call(trap, name, entry)
            most = max(trap.total(), apart(trap, act, target, data))
            assert abs(most) < 10**6, "so that floats see a millionth"
            refused, answer = attack(trap, act, target, data)
            where = f"{name}.{entry['name']} in {act}"
            no_gain(max(trap.total() - most, trap.missing() / WAD, trap.missing_spot() / WAD), 1e-5)
            if name == "Clearinghouse" and act in HOUSE_LOCKED:
                assert refused, where
                assert (answer == b"") == (entry["name"] not in OPEN), where


@pytest.mark.parametrize("act", sorted(HOUSE_LOCKED))
def test_every_view__read_from_the_middle__says_what_was_or_will_be(trap: Trap, act: str) -> None:
    """A price that is only true half-way would be somebody else's loss. Defence: the lock on views too."""
    for name, entry in FUNCTIONS:
        if entry["stateMutability"] != "view":
            continue
        with trap.scene.trial():
            target, data = call(trap, name, entry)
            before = boa.env.execute_code(to_address=target.address, data=data, sender=trap.me).output
            refused, answer = attack(trap, act, target, data)
            after = boa.env.execute_code(to_address=target.address, data=data, sender=trap.me).output
            assert refused or answer in (before[:512], after[:512]), f"{name}.{entry['name']} in {act}"


@defence(
    "vault-without-locks",
    "8: all under the lock",
    # What leaves in the middle is missed as well where a deposit's arrival is counted.
    Edit("modules/door.vy", "moved and self._held(token) >= expected", "moved"),
    *(
        Edit(file, f"{decorators}{function}", f"{decorators}@reentrant\n{function}")
        for file, decorators, functions in (
            ("InsuranceVault.vy", "@external\n", ("def redeem(shares",)),
            ("Clearinghouse.vy", "@external\n", ("def collect(", "def withdraw(account")),
            ("modules/views.vy", "@external\n@view\n", ("def accrued(", "def header(", "def custody(")),
        )
        for function in functions
    ),
)
def test_vault__left_while_a_deposit_is_paid_in__pays_no_more_than_shares_are_worth(trap: Trap) -> None:
    """After a loss a request is worth less than when it was made. Once a deposit is credited, and before its shares are
    minted, a share looks worth more: the attacker leaves in that very moment."""
    scene = trap.scene
    shares = trap.vault.request_of(trap.me)[0]
    scene.prices({ETH: 1_000})
    taker = trap.deposit("other", 10**12)
    lot = (scene.account("victim"), WAD, 2**254, 0, 0, 2**256 - 1, 2**256 - 1)
    scene.do(trap.auction, "bid", taker, [lot], by="other")
    scene.do(trap.vault, "approve", trap.quote.address, 2**255)
    before = trap.total()
    trap.quote.arm(trap.vault.address, trap.vault.redeem.prepare_calldata(shares, trap.me, trap.me))
    trap.quote.pass_over(1)
    scene.attempt(trap.vault, "deposit", 10**10, trap.me)
    no_gain(trap.total() - before)


@defence(
    "batch-entered-twice",
    "2: checked once per account, at its end; 8: all under the lock",
    Edit("Batch.vy", LOCK, ""),
)
def test_batch__entered_by_its_receiver__trades_for_no_account_of_the_caller(scene: Scene) -> None:
    """Who is called in a batch of the victim's opens another, which may act for all accounts that are held back, and
    sells to them at the edge of the band."""
    victim, mine = scene.deposit("victim", 0, 10_000), scene.deposit("attacker", 0, 10_000)
    receiver = load("testing/BatchReceiver", scene.house)
    fill = (6, str(scene.exchange.address), 0, 0, 0, scene.step_fill(victim, mine, ETH, 40, 2_098)[5])
    receiver.arm(scene.batch.address, scene.batch.batch.prepare_calldata([], [fill]))
    before = scene.equity("attacker", 0)
    called = (8, str(receiver.address), 0, 0, 0, b"")
    assert not send(scene.batch, "batch", [victim], [called], sender=scene.wallets["victim"])[0]
    no_gain(scene.equity("attacker", 0) - before)
