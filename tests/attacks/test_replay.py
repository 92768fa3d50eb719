"""What was signed once is used once, as it was signed, and where it was signed for: orders and reports."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any

import boa
import pyrevm
from hypothesis import given
from hypothesis import strategies as st

from keeper.model.orders import Order
from tests.attacks.defence import defence, no_gain, search
from tests.attacks.scene import ETH, FOREVER, WAD, Scene
from tests.model.chain import load, word
from tests.mutants.mutant import Edit

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
DEAR = 2_090
"""What the victim's order pays for 1.0 at an index of 2,000."""


def order_of(scene: Scene, **changes: Any) -> Order:
    """The victim buys 1.0 dear, once: it meant to."""
    order = Order(scene.account("victim"), ETH, WAD, DEAR * WAD, 100, FOREVER, 7, False, 0)
    return replace(order, **changes)


def signed_by(scene: Scene, order: Order, digest: bytes = b"") -> tuple[Any, bytes]:
    """The two arguments of an order that the victim signed: the hash that the venue names, or another."""
    signature = scene.keys["victim"].sign_msg_hash(digest or scene.exchange.order_hash(astuple(order)))
    return astuple(order), word(signature.r) + word(signature.s) + bytes([27 + signature.v])


def forms(signature: bytes) -> list[bytes]:
    """The same signature as it is, with the other s, in 64 bytes, and with a byte more."""
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    compact = r + word(s | (v - 27) << 255)
    return [signature, r + word(CURVE_ORDER - s) + bytes([55 - v]), compact, compact + bytes([v]), signature + b"\0"]


def funded(scene: Scene) -> tuple[int, int]:
    """The attacker's and the victim's accounts."""
    return scene.deposit("attacker", 0, 100_000), scene.deposit("victim", 0, 100_000)


def fill(scene: Scene, call: tuple[Any, bytes], amount: int, taker: int, exchange: Any = None) -> bool:
    """The attacker takes of an order, if it is let."""
    return scene.attempt(exchange or scene.exchange, "fill", *call, taker, amount, 100)


def worth(amount: int) -> float:
    """What a fill of so much takes from the victim, less the taker's fee; no more than that was ever signed for."""
    return amount / WAD * (DEAR - 2_000 - 3e-4 * DEAR)


@defence(
    "order-filled-again",
    "7: partial fills kept by order hash",
    Edit("Exchange.vy", "assert amount <= size and filled <= size - amount", "assert amount <= size"),
)
@search
@given(parts=st.lists(st.tuples(st.integers(1, 10), st.sampled_from([0, 0, 1, 1, 2, 3, 4])), min_size=4, max_size=9))
def test_order__in_any_parts_and_forms__is_filled_once(scene: Scene, parts: list[tuple[int, int]]) -> None:
    """More than its size is never filled, in whatever parts and with whatever form of its signature."""
    with scene.trial():
        mine, _ = funded(scene)
        call, before = signed_by(scene, order_of(scene)), scene.equity("attacker", 0)
        for part, form in parts:
            fill(scene, (call[0], forms(call[1])[form]), part * WAD // 10, mine)
        no_gain(scene.equity("attacker", 0) - before - worth(WAD))


@defence(
    "order-revived-by-its-slot",
    "13: order fill state in reused slots [account][nonce & 255] → (nonce, filled)",
    Edit(
        "Exchange.vy",
        "order.nonce >= self.lowest_nonce[order.account] and order.nonce >= nonce",
        "order.nonce >= self.lowest_nonce[order.account]",
    ),
)
@search
@given(nonce=st.integers(0, 2**63), later=st.lists(st.integers(1, 1_000), min_size=1, max_size=3))
def test_order__after_others_of_its_slot__is_not_filled_again(scene: Scene, nonce: int, later: list[int]) -> None:
    """The slot forgets what was filled when a later nonce takes it over; the earlier one is spent for good."""
    with scene.trial():
        mine, _ = funded(scene)
        before = scene.equity("attacker", 0)
        first = signed_by(scene, order_of(scene, nonce=nonce))
        assert fill(scene, first, WAD, mine)
        filled = 1
        for place in later:
            filled += fill(scene, signed_by(scene, order_of(scene, nonce=nonce + 256 * place)), WAD, mine)
            fill(scene, first, WAD, mine)
        no_gain(scene.equity("attacker", 0) - before - filled * worth(WAD))


@defence(
    "order-cancelled-in-vain",
    "7: cancel one or all below a nonce",
    Edit("Exchange.vy", "self.slots[account][nonce & 255] = CANCELLED | nonce << 128", "pass"),
    Edit("Exchange.vy", "self.lowest_nonce[account] = nonce", "pass"),
)
@search
@given(nonce=st.integers(0, 2**64 - 1), below=st.booleans(), part=st.integers(0, 9))
def test_order__once_cancelled__is_not_filled(scene: Scene, nonce: int, below: bool, part: int) -> None:
    """By its nonce or by all below another, filled in part or not."""
    with scene.trial():
        mine, victim = funded(scene)
        before, call = scene.equity("attacker", 0), signed_by(scene, order_of(scene, nonce=nonce))
        taken = WAD * part // 10 if part and fill(scene, call, WAD * part // 10, mine) else 0
        cancel = ("cancel_below", victim, nonce + 1) if below else ("cancel", victim, nonce)
        scene.do(scene.exchange, *cancel, by="victim")
        fill(scene, call, WAD - taken, mine)
        no_gain(scene.equity("attacker", 0) - before - worth(taken))


@defence(
    "order-never-expires",
    "7: Orders are EIP-712 structs …: expiry",
    Edit("Exchange.vy", 'assert block.timestamp <= order.expiry, "exchange: order expired"', "pass"),
)
@search
@given(wait=st.integers(1, 10**6))
def test_order__after_its_last_second__is_not_filled(scene: Scene, wait: int) -> None:
    """One second later is too late."""
    with scene.trial():
        mine, _ = funded(scene)
        before, call = scene.equity("attacker", 0), signed_by(scene, order_of(scene, expiry=scene.now))
        scene.at(wait)
        scene.prices()
        fill(scene, call, WAD, mine)
        no_gain(scene.equity("attacker", 0) - before)


@defence(
    "order-changed",
    "7: Orders are EIP-712 structs signed by wallets",
    Edit("modules/orders.vy", "abi_encode(ORDER_TYPE, order)", "abi_encode(ORDER_TYPE, order.account, order.nonce)"),
)
@search
@given(
    field=st.sampled_from(["account", "market", "size", "price", "max_fee", "expiry", "nonce", "reduce_only", "taker"]),
    change=st.integers(1, 255),
)
def test_order__with_any_field_changed__is_not_what_was_signed(scene: Scene, field: str, change: int) -> None:
    """Another account of the same owner, a better price, a later nonce: each is another order."""
    with scene.trial():
        mine, _ = funded(scene)
        for sub in range(1, 4):
            scene.deposit("victim", sub, 100_000)
        before, order = scene.equity("attacker", 0), order_of(scene, price=1_999 * WAD, max_fee=0)
        signature = signed_by(scene, order)[1]
        better = {"price": DEAR * WAD, "size": WAD * change, "reduce_only": True}
        changed = replace(order, max_fee=100, price=DEAR * WAD)
        changed = replace(changed, **{field: better.get(field, getattr(order, field) + change)})
        fill(scene, (astuple(changed), signature), WAD, mine)
        no_gain(scene.equity("attacker", 0) - before)


SIGNED = "return eip712._hash_typed_data_v4(keccak256(abi_encode(ORDER_TYPE, order)))"
USED = "eip712._domain_separator_v4() != empty(bytes32)"


@defence(
    "order-of-another-venue",
    "7: EIP-712 structs, and 10: venues, allowed and revoked",
    Edit("modules/orders.vy", SIGNED, f"return keccak256(abi_encode(ORDER_TYPE, order, {USED}))"),
)
def test_order__filled_at_one_venue__is_nothing_at_another(scene: Scene) -> None:
    """Two venues of one Clearinghouse keep no common account of what was filled."""
    mine, _ = funded(scene)
    call, before = signed_by(scene, order_of(scene)), scene.equity("attacker", 0)
    other = load("Exchange", scene.house, 3, 1)
    scene.do(scene.house, "set_venue", other.address, True, by=scene.house.owner())
    for venue in (scene.exchange, other):
        fill(scene, call, WAD, mine, venue)
    no_gain(scene.equity("attacker", 0) - before - worth(WAD))


@defence(
    "order-of-another-chain",
    "7: EIP-712 structs, whose domain names the chain",
    Edit("modules/orders.vy", SIGNED, f"return keccak256(abi_encode(ORDER_TYPE, order, self, {USED}))"),
)
def test_order__of_a_chain_that_split_off__is_nothing_here(scene: Scene) -> None:
    """There the victim buys at a price that is right there."""
    mine, _ = funded(scene)
    there = pyrevm.EVM(env=pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=2)))
    venue = str(scene.exchange.address)
    there.insert_account_info(venue, pyrevm.AccountInfo(code=boa.env.evm.revm.get_code(venue)))
    order = order_of(scene)
    asked = scene.exchange.order_hash.prepare_calldata(astuple(order))
    digest = bytes(there.message_call(scene.wallets["victim"], venue, calldata=asked))
    before = scene.equity("attacker", 0)
    fill(scene, signed_by(scene, order, digest), WAD, mine)
    no_gain(scene.equity("attacker", 0) - before)
