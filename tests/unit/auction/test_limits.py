"""The vault's limit: what it pays of λ in an epoch for accounts that have equity left."""

from __future__ import annotations

import pytest
from ape import chain

from keeper.model.auction import bid_quote
from keeper.model.words import Limits
from tests.unit.auction.scene import lot
from tests.unit.system import CURVE, LIMITS, TERMS, WAD

SOLVENT = 1450
"""The victim has 100 of equity left: a health of some 0.13, far below λ of an old run."""
INSOLVENT = 1430
LONG = 10**9


@pytest.fixture
def old(scene, auction, owner):
    """A run of an account with a little equity left, at the top of the curve; an epoch that does not end."""
    scene.insure(10_000)
    auction.set_limits(Limits(50 * WAD, LONG).pack(), sender=owner)
    scene.sighted_at(SOLVENT, 290)
    return scene


def test_bid__within_the_limit__vault_pays_the_backstop_and_counts_it(old, auction, owner):
    auction.set_limits(Limits(10**6 * WAD, LONG).pack(), sender=owner)
    before, run = old.assessment(), old.run()
    receipt = old.bid(lot(old.account, WAD // 10))
    quote = old.expected(before, run, receipt, WAD // 10)
    assert old.taken(receipt).lambda_taker == quote.lambda_taker > quote.lambda_account > 0
    assert quote.vault_pays > 0
    assert auction.vault_left() == 10**6 * WAD - quote.vault_pays
    (event,) = receipt.decode_logs(auction.SpentChanged)
    now = chain.blocks[receipt.block_number].timestamp
    assert event.spent == now // LONG << 128 | quote.vault_pays


def test_bid__beyond_the_limit__gets_what_is_left(old, auction):
    before, run = old.assessment(), old.run()
    receipt = old.bid()
    now = chain.blocks[receipt.block_number].timestamp
    quote = bid_quote(before, run, CURVE, TERMS, now, WAD, 50 * WAD)
    taken = old.taken(receipt)
    assert (taken.lambda_taker, taken.lambda_account) == (quote.lambda_taker, quote.lambda_account)
    assert taken.lambda_taker == quote.lambda_account + 50 * WAD * WAD // before.mm
    assert auction.vault_left() == 50 * WAD - quote.vault_pays
    assert 50 * WAD - 10**4 < quote.vault_pays <= 50 * WAD


def test_bid__limit_spent__is_paid_by_the_account_alone(old, auction, owner):
    auction.set_limits(Limits(0, LONG).pack(), sender=owner)
    receipt = old.bid(lot(old.account, WAD // 10))
    taken = old.taken(receipt)
    assert taken.lambda_taker == taken.lambda_account > 0
    assert not receipt.decode_logs(auction.SpentChanged)


def test_bid__insolvent_account__knows_no_limit(scene, auction, owner):
    scene.insure(10_000)
    auction.set_limits(Limits(0, LONG).pack(), sender=owner)
    scene.sighted_at(INSOLVENT, 150)
    receipt = scene.bid(lot(scene.account, WAD // 10))
    taken = scene.taken(receipt)
    assert (taken.lambda_account, taken.vault_got) == (0, taken.taker_paid)
    assert taken.lambda_taker > WAD // 5
    assert not receipt.decode_logs(auction.SpentChanged)


def test_bid__next_epoch__has_the_whole_limit_again(old, auction, owner):
    seconds = 100_000
    auction.set_limits(Limits(50 * WAD, seconds).pack(), sender=owner)
    old.bid(lot(old.account, WAD // 10))
    assert auction.vault_left() < 50 * WAD
    old.system.pass_time(seconds)
    old.price(SOLVENT)
    assert auction.vault_left() == 50 * WAD


def test_quote__limit_nearly_spent__says_what_a_bid_gets(old, auction):
    quote = auction.quote(old.account, WAD)
    assert quote.lambda_taker == quote.lambda_account + 50 * WAD * WAD // quote.mm
    assert LIMITS.most > 50 * WAD
