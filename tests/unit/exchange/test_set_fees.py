"""`set_fees`, and what the constructor accepts."""

from __future__ import annotations

import ape
import pytest


def fees(exchange):
    return exchange.taker_bps(), exchange.maker_bps()


@pytest.mark.parametrize(("taker_bps", "maker_bps"), [(0, 0), (100, 100), (5, 1)])
def test_set_fees__within_range__sets_and_logs(exchange, owner, taker_bps, maker_bps):
    receipt = exchange.set_fees(taker_bps, maker_bps, sender=owner)
    assert fees(exchange) == (taker_bps, maker_bps)
    (log,) = receipt.decode_logs(exchange.FeesSet)
    assert (log.taker_bps, log.maker_bps) == (taker_bps, maker_bps)


@pytest.mark.parametrize(("taker_bps", "maker_bps"), [(101, 0), (0, 101), (2**256 - 1, 0)])
def test_set_fees__above_one_percent__reverts(exchange, owner, taker_bps, maker_bps):
    before = fees(exchange)
    with ape.reverts("exchange: fees out of range"):
        exchange.set_fees(taker_bps, maker_bps, sender=owner)
    assert fees(exchange) == before


def test_set_fees__by_a_stranger__reverts(exchange, attacker):
    before = fees(exchange)
    with ape.reverts("ownable: caller is not the owner"):
        exchange.set_fees(1, 1, sender=attacker)
    assert fees(exchange) == before


def test_set_fees__by_a_new_owner__only_once_it_has_accepted(exchange, owner, guardian):
    exchange.transfer_ownership(guardian, sender=owner)
    with ape.reverts("ownable: caller is not the owner"):
        exchange.set_fees(1, 1, sender=guardian)
    exchange.accept_ownership(sender=guardian)
    exchange.set_fees(1, 1, sender=guardian)
    assert fees(exchange) == (1, 1)


def test_deploy__fees_above_one_percent__reverts(load, owner, clearinghouse):
    with ape.reverts("exchange: fees out of range"):
        owner.deploy(load("Exchange"), clearinghouse, 101, 0)
