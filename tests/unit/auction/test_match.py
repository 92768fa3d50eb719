"""`match`: signed orders relieve an account in breach, within what a bid would cost it."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import pytest

from tests.unit.auction.scene import Scene
from tests.unit.system import BTC, ETH, TERMS, WAD, wad

BREACH = 1520
"""The victim, long 10, lacks some 60 of its requirement."""


def order(scene: Scene, size: float, price: float, wallet: Any = None, market: int = ETH, **fields: Any) -> Any:
    """An order by a wallet, the maker's by default, and its signature."""
    wallet = wallet or scene.maker
    made = scene.system.order(scene.system.account(wallet), market, size, price, **fields)
    return made, scene.system.sign(made, wallet)


def match(scene: Scene, *fills: tuple[Any, float], account: int | None = None, sender: Any = None) -> Any:
    """Match so much of each order with the victim's account."""
    told = [(astuple(made), signature, wad(amount)) for (made, signature), amount in fills]
    system = scene.system
    return system.auction.match(account or scene.account, system.exchange, told, sender=sender or scene.lender)


def reasons(scene: Scene, receipt: Any) -> list[tuple[int, str]]:
    """Fills that were skipped, and the reverts' strings."""
    events = receipt.decode_logs(scene.system.auction.FillSkipped)
    return [
        (event.fill, bytes(event.reason)[68:][: int.from_bytes(bytes(event.reason)[36:68], "big")].decode())
        for event in events
    ]


@pytest.fixture
def breached(scene):
    scene.sighted_at(BREACH)
    return scene


def test_match__order_at_the_index__relieves_the_account(breached, auction, exchange):
    before, size = breached.assessment(), breached.system.position(breached.account, ETH)[0]
    made = order(breached, 4, BREACH)
    receipt = match(breached, (made, 2))
    after = breached.assessment()
    assert breached.system.position(breached.account, ETH)[0] == size - 2 * WAD
    (event,) = receipt.decode_logs(auction.Matched)
    assert (event.account, event.fills) == (breached.account, 1)
    assert event.released == before.mm - after.mm > 0
    # λ is near 0, so the penalty is the whole of φ.
    assert event.penalty == TERMS.penalty * 10**14 * event.released // WAD
    assert abs(before.equity - after.equity - event.penalty) <= 10**9
    (filled,) = receipt.decode_logs(exchange.Filled)
    assert (filled.taker, filled.maker, filled.size) == (breached.account, made[0].account, -2 * WAD)
    assert (filled.price, filled.taker_fee) == (BREACH * WAD, 0)
    assert exchange.slot(made[0].account, made[0].nonce % 256) & 2**128 - 1 == 2 * WAD


def test_match__health_restored__ends_the_run(breached):
    match(breached, (order(breached, 4, BREACH), 2))
    assert breached.assessment().equity >= breached.assessment().mm
    assert (breached.run().start, breached.run().nonce) == (0, 2)


def test_match__health_not_restored__lets_the_run_go_on(breached):
    run = breached.run()
    match(breached, (order(breached, 4, BREACH), 0.3))
    assert (breached.run().start, breached.run().nonce) == (run.start, run.nonce + 1)


def test_match__insolvent_account__keeps_its_entry(scene, auction):
    scene.sighted_at(1430)
    lost = auction.entry(scene.account)
    match(scene, (order(scene, 5, 1430), 5))
    assert abs(auction.entry(scene.account) - lost) < 10**9
    assert auction.entry(scene.account) == scene.system.clearinghouse.entries() > 0


def test_match__several_orders__are_each_traded(breached, auction, taker):
    receipt = match(
        breached,
        (order(breached, 1, BREACH), 0.3),
        (order(breached, 1, BREACH, taker), 0.3),
        (order(breached, 1, BREACH), 0.2),
    )
    (event,) = receipt.decode_logs(auction.Matched)
    assert event.fills == 3
    assert breached.system.position(breached.account, ETH)[0] == wad(9.2)


def test_match__order_that_fails__is_skipped_with_the_reason_and_not_booked(breached, auction, exchange):
    far, sound = order(breached, 1, BREACH * 0.9), order(breached, 1, BREACH)
    receipt = match(breached, (far, 0.3), (sound, 0.3))
    assert reasons(breached, receipt) == [(0, "clearinghouse: price outside the band")]
    assert receipt.decode_logs(auction.Matched)[0].fills == 1
    assert exchange.slot(far[0].account, far[0].nonce % 256) == 0


@pytest.mark.parametrize(
    ("size", "price", "amount", "fields"),
    [
        (-1, BREACH, 1, {}),  # more of what it is long in
        (1, BREACH * 0.97, 1, {}),  # far below what λ allows
        (20, BREACH, 20, {}),  # through zero to the other side
        (1, BREACH, 1.5, {}),  # more than the order's size
        (1, BREACH, 0, {}),
        (1, BREACH, 1, {"taker": 1}),
        (1, BREACH, 1, {"expiry": 1}),
        (1, BREACH, 1, {"reduce_only": False, "market": BTC}),
    ],
)
def test_match__nothing_left__reverts_and_changes_nothing(breached, size, price, amount, fields):
    made = order(breached, size, price, **fields)
    with breached.refused("auction: nothing matched"):
        match(breached, (made, amount))


def test_match__next_to_nothing__reverts(breached):
    # A hundredth of an ETH releases less than a sixteenth of the least requirement, which is 20.
    with breached.refused("auction: nothing matched"):
        match(breached, (order(breached, 1, BREACH), 0.01))
    match(breached, (order(breached, 1, BREACH), 0.02))


def test_match__beyond_the_target__reverts(breached):
    with breached.refused("auction: nothing matched"):
        match(breached, (order(breached, 9, BREACH), 9))


def test_match__own_order__is_skipped(breached, victim):
    with breached.refused("auction: nothing matched"):
        match(breached, (order(breached, 1, BREACH, victim), 1))


def test_match__forged_signature__is_skipped(breached, attacker):
    made, _ = order(breached, 1, BREACH)
    with breached.refused("auction: nothing matched"):
        match(breached, ((made, breached.system.sign(made, attacker)), 1))


def test_match__no_orders__reverts(breached):
    with breached.refused("auction: nothing matched"):
        match(breached)


def test_match__healthy_account__reverts(scene):
    scene.price(1600)
    with scene.refused("auction: healthy"):
        match(scene, (order(scene, 1, 1600), 1))


def test_match__price_late__reverts(breached):
    made = order(breached, 1, BREACH)
    breached.system.pass_time(20)
    with breached.refused("auction: price not live"):
        match(breached, (made, 1))


def test_match__at_a_venue_that_is_none__reverts(breached, auction, quote, attacker):
    with breached.refused("auction: not a venue"):
        auction.match(breached.account, quote, [], sender=attacker)


def test_try_fill__by_anybody__reverts(breached, auction, exchange, attacker):
    made, signature = order(breached, 1, BREACH)
    fill = (astuple(made), signature, WAD)
    with breached.refused("auction: not itself"):
        auction.try_fill(breached.account, exchange, fill, WAD, 0, 2 * WAD, sender=attacker)


def test_book__by_anybody__reverts(breached, exchange, attacker):
    made, signature = order(breached, 1, BREACH)
    with breached.refused("exchange: not the auction"):
        exchange.book(astuple(made), signature, breached.account, WAD, sender=attacker)
    assert exchange.slot(made.account, made.nonce % 256) == 0
