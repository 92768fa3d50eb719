"""Signers that are contracts and do their worst, keys that sign twice, and prices that come again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, replace
from typing import Any

import boa
import pyrevm
import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from keeper.model.orders import Order
from keeper.model.prices import encode_price
from keeper.model.risk_engine import Quoted, Report
from tests.attacks.defence import defence, no_gain, search
from tests.attacks.scene import ETH, FOREVER, UNIT, WAD, Scene
from tests.model.chain import DOMAIN_TYPE, REPORT_TYPE, Reports, domain, load, number, send, sign, word
from tests.mutants.mutant import Edit

GAS_PRICE = 6e-5
"""Quote for a unit of gas, at 20 gwei and 3,000 for an ether."""
FILL_GAS = 400_000
"""What a fill that is refused, and asks a contract for its signature, may cost at most."""
LOOK = "if prices.time_of(word) >= time and not prices.is_from_slow(word):"
ANY_ANSWER = (
    Edit("modules/orders.vy", "        return False\n    success", "        pass\n    success"),
    Edit(
        "modules/orders.vy",
        "success and len(answer) == 32 and convert(answer, bytes32) == VALID_SIGNATURE",
        "success and (len(answer) == 0 or convert(answer, bytes32) == VALID_SIGNATURE)",
    ),
)
"""A wallet that answers with nothing has said yes."""


def order_of(account: int, price: float = 2_000) -> Order:
    """Somebody buys 1.0."""
    return Order(account, ETH, WAD, int(price * WAD), 100, FOREVER, 7, False, 0)


def wallet_of(scene: Scene) -> tuple[Any, int]:
    """A contract of the attacker that owns an account."""
    wallet = load("testing/SignerWallet", scene.wallets["attacker"])
    account = number(wallet.address) << 96
    scene.do(scene.house, "deposit", account, 10_000 * UNIT, by="other")
    return wallet, account


@defence(
    "signer-burns-all-gas",
    "7: EIP-1271 by static call with bounded gas",
    Edit("modules/orders.vy", "        gas=SIGNATURE_GAS,\n", ""),
)
@pytest.mark.parametrize("mode", [2, 3, 4, 5, 6])
def test_signer__that_burns_reverts_or_answers_too_much__costs_who_fills_little(scene: Scene, mode: int) -> None:
    """Harm to who fills an order in good faith, in gas at its price; the attacker gains by a rival that is late."""
    wallet, account = wallet_of(scene)
    wallet.set_mode(mode)
    victim = scene.deposit("victim", 0, 10_000)
    scene.attempt(scene.exchange, "fill", astuple(order_of(account)), b"", victim, WAD, 100, by="victim")
    no_gain((boa.env.evm.revm.result.gas_used - FILL_GAS) * GAS_PRICE)


@defence(
    "signature-of-an-empty-answer",
    "7: Signature by ecrecover first, then EIP-1271 by static call",
    *ANY_ANSWER,
)
@search
@given(signature=st.binary(max_size=66), price=st.integers(1_901, 2_099))
def test_signature__of_a_wallet_without_code__is_not_a_call_that_succeeds(
    scene: Scene, signature: bytes, price: int
) -> None:
    """Whoever has no code, or has it no longer, answers every call with nothing: that is no yes."""
    with scene.trial():
        mine, victim = scene.deposit("attacker", 0, 50_000), scene.deposit("victim", 0, 50_000)
        before = scene.equity("attacker", 0)
        order = order_of(victim, price)
        scene.attempt(scene.exchange, "fill", astuple(order), signature, mine, WAD, 100)
        no_gain(scene.equity("attacker", 0) - before)


@pytest.fixture
def gone(scene: Scene) -> int:
    """The account of a wallet that signed an order for 2,000, of which half was filled, and then destroyed itself."""
    wallet = load("testing/SignerWallet", scene.wallets["maker"])
    wallet.set_mode(1)
    account, mine = number(wallet.address) << 96, scene.deposit("attacker", 0, 50_000)
    scene.do(scene.house, "deposit", account, 50_000 * UNIT, by="other")
    scene.do(scene.exchange, "fill", astuple(order_of(account)), b"", mine, WAD // 2, 100)
    # The chain of these tests destroys code only when it writes its state, which it never does.
    boa.env.evm.revm.insert_account_info(str(wallet.address), pyrevm.AccountInfo(code=b""))
    assert not boa.env.get_code(wallet.address)
    return account


@defence(
    "signature-of-a-wallet-that-is-gone",
    "7: Signature by ecrecover first, then EIP-1271 by static call",
    *ANY_ANSWER,
)
@search
@given(signature=st.binary(max_size=66), price=st.integers(2_000, 2_099), nonce=st.integers(7, 300))
def test_order__of_a_wallet_that_destroyed_itself__is_not_filled_any_more(
    scene: Scene, gone: int, signature: bytes, price: int, nonce: int
) -> None:
    """What the wallet has left in its account is not for the taking by whoever fills the rest of its order, at a price
    that has become good, or any other in its name."""
    with scene.trial():
        mine = scene.account("attacker")
        order = replace(order_of(gone, price), nonce=nonce)
        scene.prices({ETH: 1_980})
        before = scene.equity("attacker", 0)
        scene.attempt(scene.exchange, "fill", astuple(order), signature, mine, WAD // 2, 100)
        no_gain(scene.equity("attacker", 0) - before)


@defence(
    "signature-that-is-nobodys",
    "2: owner 0 is refused; 7: Signature by ecrecover",
    Edit("modules/orders.vy", "        if signer == owner or", "        if signer != owner or"),
)
@search
@given(flip=st.integers(0, 8 * 65 - 1), price=st.integers(1_901, 2_099))
def test_signature__of_another_key__is_refused(scene: Scene, flip: int, price: int) -> None:
    """The attacker's own signature, and it with any bit turned, under the victim's order."""
    with scene.trial():
        mine, victim = scene.deposit("attacker", 0, 50_000), scene.deposit("victim", 0, 50_000)
        before, order = scene.equity("attacker", 0), order_of(victim, price)
        made = scene.keys["attacker"].sign_msg_hash(scene.exchange.order_hash(astuple(order))).to_bytes()
        made = made[:64] + bytes([made[64] + 27])
        turned = (int.from_bytes(made, "big") ^ 1 << flip).to_bytes(65, "big")
        for signature in (made, turned):
            scene.attempt(scene.exchange, "fill", astuple(order), signature, mine, WAD, 100)
        no_gain(scene.equity("attacker", 0) - before)


def fresh(scene: Scene, price: float, signers: list[int]) -> Any:
    """Reports of this moment by these signers."""
    engines = scene.world.engines
    entries = (Quoted(ETH, encode_price(int(price * WAD)), 0, 0),)
    made = Reports([], [])
    for place in signers:
        key = engines.signers[place]
        made.add(engines, Report(scene.now // 2, entries, number(key.public_key.to_address())), key)
    return made.signed


def wide_order(scene: Scene) -> tuple[int, tuple[Any, ...]]:
    """The attacker's account, and a fill of an order of the victim's at 2,300: outside the band at 2,000."""
    mine, victim = scene.deposit("attacker", 0, 50_000), scene.deposit("victim", 0, 50_000)
    return mine, scene.fill_call(mine, victim, ETH, -1, 2_300)


@defence(
    "one-signer-thrice",
    "4: an update is k reports of one round by distinct signers",
    Edit("modules/reports.vy", "    if seen & bit != 0:", "    if seen & bit == max_value(uint256):"),
)
@search
@given(price=st.integers(2_200, 2_400), signers=st.lists(st.integers(0, 1), min_size=3, max_size=3))
def test_reports__of_fewer_signers_than_are_wanted__move_no_price(scene: Scene, price: int, signers: list[int]) -> None:
    """Two of the five keys are the attacker's. A price that it makes up would let a fill through."""
    with scene.trial():
        mine, call = wide_order(scene)
        before = scene.equity("attacker", 0)
        scene.at(2)
        scene.attempt(scene.engine, "update", fresh(scene, price, signers))
        scene.attempt(scene.exchange, "fill", *call)
        scene.prices()
        assert mine
        no_gain(scene.equity("attacker", 0) - before)


@defence(
    "report-of-before",
    "4: Rounds never go back. An old or equal round is skipped",
    Edit("RiskEngine.vy", LOOK, "if prices.time_of(word) == max_value(uint256):"),
)
@search
@given(high=st.integers(2_200, 2_400), age=st.sampled_from([2, 4, 6]))
def test_reports__of_an_earlier_round__move_no_price(scene: Scene, high: int, age: int) -> None:
    """For a moment the price was another, and its reports are not too old yet: brought again, they are skipped."""
    with scene.trial():
        mine, call = wide_order(scene)
        before = scene.equity("attacker", 0)
        scene.at(2)
        old = fresh(scene, high, [0, 1, 2])
        scene.at(age)
        scene.push()
        scene.do(scene.engine, "update", fresh(scene, 2_000, [0, 1, 2]))
        scene.attempt(scene.engine, "update", old)
        scene.attempt(scene.exchange, "fill", *call)
        scene.prices()
        assert mine
        no_gain(scene.equity("attacker", 0) - before)


SEPARATOR = "return eip712_domain_separator._domain_separator_v4()"
CACHED = "eip712_domain_separator._CACHED_{}"


def cached_if(condition: str) -> Edit:
    """The separator of where the engine was made, under less than all that makes a domain."""
    always = f"if {condition}:\n        return {CACHED.format('DOMAIN_SEPARATOR')}\n    {SEPARATOR}"
    return Edit("modules/reports.vy", SEPARATOR, always)


@contextmanager
def made_elsewhere(scene: Scene, chain: int, address: int) -> Iterator[bytes]:
    """The engine's code as it was made at another address or before a chain split; yields the domain of there."""
    engine, revm = str(scene.engine.address), boa.env.evm.revm
    here = boa.env.evm.patch.chain_id, number(engine)
    parts = [keccak(text="Plimsoll"), keccak(text="1"), word(chain), word(address)]
    there, code = keccak(DOMAIN_TYPE + b"".join(parts)), bytes(boa.env.get_code(engine))
    fixed = [domain(scene.engine) + word(here[0]) + word(here[1]), there + word(chain) + word(address)]
    assert code.count(fixed[0]) == 1
    revm.insert_account_info(engine, pyrevm.AccountInfo(code=code.replace(*fixed)))
    try:
        yield there
    finally:
        revm.insert_account_info(engine, pyrevm.AccountInfo(code=code))


@defence(
    "report-of-another-chain",
    "4: EIP-712 reports, whose domain names the chain",
    cached_if(f"self == {CACHED.format('SELF')}"),
)
@defence(
    "report-of-another-engine",
    "4: EIP-712 reports, whose domain names the contract",
    cached_if(f"chain.id == {CACHED.format('CHAIN_ID')}"),
)
@search
@given(price=st.integers(2_200, 2_400), split=st.booleans(), other=st.integers(2, 2**63))
def test_reports__of_another_engine__move_no_price(scene: Scene, price: int, split: bool, other: int) -> None:
    """The same signers, a token that is dearer there than here: on a chain that split off, or at another address, whose
    engine's code this one's is a copy of."""
    with scene.trial():
        mine, call = wide_order(scene)
        before = scene.equity("attacker", 0)
        scene.at(2)
        chain, address = boa.env.evm.patch.chain_id, number(scene.engine.address)
        place = (other, address) if split else (chain, other)
        with made_elsewhere(scene, *place) as there:
            brought = []
            for (round_, payload, _), key in zip(
                fresh(scene, price, [0, 1, 2]), scene.world.engines.signers, strict=False
            ):
                signed = sign(there, keccak(REPORT_TYPE + word(round_) + keccak(payload)), key)[1]
                brought.append((round_, payload, signed))
            scene.attempt(scene.engine, "update", brought)
            scene.attempt(scene.exchange, "fill", *call)
        scene.prices()
        assert mine
        no_gain(scene.equity("attacker", 0) - before)


def test_signer__calls_every_core_function_while_asked__cannot_write(scene: Scene) -> None:
    """It is asked by a static call: what it says yes to only if a write succeeded is never signed."""
    wallet, account = wallet_of(scene)
    victim = scene.deposit("victim", 0, 10_000)
    for contract, function, args in (
        (scene.exchange, "cancel", (account, 7)),
        (scene.house, "deposit", (account, 1)),
        (scene.house, "withdraw", (account, UNIT, wallet.address)),
        (scene.house, "collect", ()),
        (scene.house, "approve_operator", (wallet.address, True)),
        (scene.vault, "approve", (wallet.address, 1)),
        (scene.auction, "open", ([account],)),
        (scene.engine, "refresh", ([ETH],)),
    ):
        wallet.arm(contract.address, getattr(contract, function).prepare_calldata(*args))
        refused, _ = send(
            scene.exchange, "fill", astuple(order_of(account)), b"", victim, WAD, 100, sender=scene.wallets["victim"]
        )
        assert refused == "exchange: bad signature", function
