"""While everything is paused: who is sold, or gets out of risk, goes on; what adds risk or takes cash is refused."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import pytest
from eth_abi.abi import encode

from keeper.model.rounding import ceil_div
from keeper.model.standing import BOND
from tests.unit.auction.scene import Scene, lot
from tests.unit.system import BTC, ETH, RISK, UNITS, WAD, wad

EVERYTHING = 2**64 - 1
BREACH = 1520
PAUSED = "clearinghouse: paused"
NOBODY = "0x" + "00" * 20


@pytest.fixture
def paused(scene: Scene, owner, guardian) -> Scene:
    """A standing bid on the book, the taker's; then the guardian pauses everything, and the price falls."""
    system = scene.system
    cash = ceil_div(1_000 * WAD * (10 * RISK.iota + 10**6), 10**5) + BOND
    system.auction.post(scene.taker_account, 0, 1_000 * WAD, WAD, 15, 10**6, cash, sender=scene.taker)
    system.trade(scene.taker, scene.maker, ETH, 5, 1600)
    system.clearinghouse.set_guardian(guardian, sender=owner)
    system.clearinghouse.pause(EVERYTHING, sender=guardian)
    scene.price(BREACH)
    return scene


def fill_step(scene: Scene, size: float) -> tuple[Any, ...]:
    """A batch's step: the taker's account gains `size` of ETH from the maker at the index."""
    system = scene.system
    order = system.order(system.account(scene.maker), ETH, -size, BREACH)
    arguments = (astuple(order), system.sign(order, scene.maker), scene.taker_account, wad(abs(size)), 10_000)
    return (6, system.exchange.address, 0, 0, 0, bytes(system.exchange.fill.encode_input(*arguments)))


def batch(scene: Scene, *steps: tuple[Any, ...]) -> Any:
    """A batch of the taker's account."""
    return scene.system.batch.batch([scene.taker_account], list(steps), sender=scene.taker)


def test_pause__everything__sightings_and_bids_go_on(paused: Scene) -> None:
    paused.open()
    assert paused.run().start
    size = paused.system.position(paused.taker_account, ETH)[0]
    taken = paused.taken(paused.bid())
    # The taker has more risk than before: it is margin alone that it is held to.
    assert paused.system.position(paused.taker_account, ETH)[0] == size + taken.fraction * 10
    assert not paused.assessment().in_breach


def test_pause__everything__taker_without_margin_is_refused_for_that(paused: Scene) -> None:
    paused.system.fund(paused.taker, 50, sub=1)
    with paused.refused("clearinghouse: below initial margin", paused.system.account(paused.taker, 1)):
        paused.bid(sub=1)


def test_pause__everything__match_goes_on(paused: Scene) -> None:
    system, size = paused.system, paused.system.position(paused.account, ETH)[0]
    order = system.order(system.account(paused.taker), ETH, 2, BREACH)
    fills = [(astuple(order), system.sign(order, paused.taker), 2 * WAD)]
    # The taker buys, and so adds to what it has: the market's pause does not hold the account's relief up.
    receipt = system.auction.match(paused.account, system.exchange, fills, sender=paused.lender)
    assert receipt.decode_logs(system.auction.Matched)[0].fills == 1
    assert system.position(paused.account, ETH)[0] == size - 2 * WAD


def test_pause__everything__sweep_goes_on(paused: Scene) -> None:
    receipt = paused.system.auction.sweep(paused.account, 8, sender=paused.lender)
    assert paused.taken(receipt).taker == paused.system.account(paused.system.auction, 1)
    assert not paused.assessment().in_breach


def test_pause__everything__deposits_and_settlement_go_on(paused: Scene, victim) -> None:
    system = paused.system
    before = paused.cash()
    system.fund(paused.lender, 10)
    system.fund_account(paused.account, paused.lender, 10)
    assert paused.cash() == before + 10 * WAD
    system.clearinghouse.settle(ETH, [paused.account, system.account(paused.maker)], sender=paused.lender)
    assert paused.cash() == pytest.approx(before + 10 * WAD - 800 * WAD, rel=1e-9)
    # Spot where none is owed for it, and more of what is there.
    account = system.fund_spot(paused.lender, ETH, 1, sub=4)
    system.fund_spot(paused.lender, ETH, 1, sub=4)
    assert system.clearinghouse.spot(account, ETH) == 2 * WAD


def test_pause__everything__fill_that_relieves_goes_on_and_one_that_adds_is_refused(paused: Scene) -> None:
    system = paused.system
    with paused.refused(PAUSED):
        system.trade(paused.taker, paused.maker, ETH, 1, BREACH)
    system.trade(paused.taker, paused.maker, ETH, -1, BREACH)
    assert system.position(paused.taker_account, ETH)[0] == 4 * WAD


def test_pause__everything__batch_that_relieves_goes_on_and_another_does_not(paused: Scene) -> None:
    system = paused.system
    with paused.refused("batch: below initial margin"):
        batch(paused, fill_step(paused, 1))
    with paused.refused(PAUSED):
        batch(paused, (2, paused.taker.address, paused.taker_account, 0, UNITS, b""))
    settle = (5, NOBODY, 0, 0, 0, encode(["uint256", "uint256[]"], [ETH, [paused.taker_account]]))
    batch(paused, fill_step(paused, -2), settle)
    assert system.position(paused.taker_account, ETH)[0] == 3 * WAD


def test_pause__everything__who_owes_may_bring_collateral_and_take_nothing_out(paused: Scene, btc) -> None:
    system, taker = paused.system, paused.taker
    system.fund_spot(taker, ETH, 1, sub=3)
    with paused.refused(PAUSED):
        system.clearinghouse.withdraw(paused.taker_account, UNITS, taker, sender=taker)
    btc.mint(taker, 10**8, sender=taker)
    btc.approve(system.clearinghouse, 10**8, sender=taker)
    # A guardian stops no deposit, of a market that is new to the account neither.
    system.clearinghouse.deposit_spot(paused.taker_account, BTC, 10**8, sender=taker)
    system.fund_spot(taker, ETH, 1)
    with paused.refused(PAUSED):
        system.clearinghouse.withdraw_spot(paused.taker_account, ETH, 1, taker, sender=taker)
    # Who owes nothing is not held up.
    system.clearinghouse.withdraw_spot(system.account(taker, 3), ETH, WAD, taker, sender=taker)
    assert system.clearinghouse.spot(system.account(taker, 3), ETH) == 0


def test_pause__everything__lots_of_a_bid_that_are_healthy_are_still_refused(paused: Scene) -> None:
    # A pause gives nobody a right to be sold, either.
    with paused.refused("auction: healthy"):
        paused.bid(lot(paused.system.account(paused.lender, 9)))
