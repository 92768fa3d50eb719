"""Terms, curves and who sets them."""

from __future__ import annotations

from dataclasses import replace

import ape
import pytest

from keeper.model.words import Curve, Limits, Terms
from tests.unit.system import CURVE, LIMITS, RISK, TERMS, WAD

NOT_OWNER = "ownable: caller is not the owner"


def points(*pairs: tuple[int, int]) -> int:
    """A curve's word, valid or not."""
    return sum((seconds | bps << 32) << 48 * place for place, (seconds, bps) in enumerate(pairs))


def test_deploy__reads_the_clearinghouse__and_keeps_terms_and_curve(auction, clearinghouse, risk_engine, owner):
    assert auction.clearinghouse() == clearinghouse
    assert auction.risk_engine() == risk_engine
    assert auction.owner() == owner
    assert Terms.unpack(auction.terms()) == TERMS
    assert (Curve.unpack(auction.curve(0)), auction.curve_count()) == (CURVE, 1)
    assert (Limits.unpack(auction.limits()), auction.vault_left()) == (LIMITS, LIMITS.most)


def test_deploy__bad_curve__reverts(load, owner, clearinghouse, system):
    with ape.reverts("auction: curve out of range"):
        owner.deploy(load("Auction"), clearinghouse, TERMS.pack(), points((0, 0), (0, 1), (2, 2)), LIMITS.pack())


def test_deploy__bad_terms__reverts(load, owner, clearinghouse, system):
    with ape.reverts("auction: terms out of range"):
        owner.deploy(load("Auction"), clearinghouse, replace(TERMS, backstop=0).pack(), CURVE.pack(), LIMITS.pack())


def test_set_terms__within_range__takes_them(auction, owner):
    new = Terms(target=RISK.iota, penalty=RISK.iota - 10_001, backstop=1, grace=0, opener_cap=2**128 - 1, watch=1)
    receipt = auction.set_terms(new.pack(), sender=owner)
    assert auction.terms() == new.pack()
    assert auction.curve_count() == 1
    assert [event.terms for event in receipt.decode_logs(auction.TermsSet)] == [new.pack()]


@pytest.mark.parametrize(
    "word",
    [
        replace(TERMS, target=10_000, penalty=0).pack(),
        replace(TERMS, target=RISK.iota + 1).pack(),
        replace(TERMS, target=11_000, penalty=1_000).pack(),
        replace(TERMS, backstop=0).pack(),
        replace(TERMS, watch=0).pack(),
        TERMS.pack() | 1 << 240,
        2**256 - 1,
        0,
    ],
)
def test_set_terms__out_of_range__reverts(auction, owner, word):
    with ape.reverts("auction: terms out of range"):
        auction.set_terms(word, sender=owner)
    assert auction.terms() == TERMS.pack()


def test_set_terms__not_the_owner__reverts(auction, attacker):
    with ape.reverts(NOT_OWNER):
        auction.set_terms(TERMS.pack(), sender=attacker)


def test_add_curve__valid__is_the_newest(auction, owner):
    word = points((5, 0), (6, 0), (2**32 - 1, 10_000))
    receipt = auction.add_curve(word, sender=owner)
    assert (auction.curve_count(), auction.curve(1), auction.curve(0)) == (2, word, CURVE.pack())
    assert auction.terms() == TERMS.pack()
    assert [(event.id, event.curve) for event in receipt.decode_logs(auction.CurveAdded)] == [(1, word)]


@pytest.mark.parametrize(
    "word",
    [
        points((0, 0), (0, 1), (2, 2)),
        points((0, 0), (5, 1), (5, 2)),
        points((0, 0), (5, 1), (4, 2)),
        points((0, 2), (5, 1), (6, 2)),
        points((0, 0), (5, 3), (6, 2)),
        points((0, 0), (5, 1), (6, 10_001)),
        CURVE.pack() | 1 << 144,
    ],
)
def test_add_curve__not_a_curve__reverts(auction, owner, word):
    with ape.reverts("auction: curve out of range"):
        auction.add_curve(word, sender=owner)
    assert auction.curve_count() == 1


def test_add_curve__not_the_owner__reverts(auction, attacker):
    with ape.reverts(NOT_OWNER):
        auction.add_curve(CURVE.pack(), sender=attacker)
    assert auction.curve_count() == 1


def test_add_curve__thirty_third__reverts(auction, owner):
    for _ in range(31):
        auction.add_curve(CURVE.pack(), sender=owner)
    assert auction.curve_count() == 32
    with ape.reverts("auction: too many curves"):
        auction.add_curve(CURVE.pack(), sender=owner)


def test_deploy__limits_without_an_epoch__reverts(load, owner, clearinghouse, system):
    with ape.reverts("auction: limits out of range"):
        owner.deploy(load("Auction"), clearinghouse, TERMS.pack(), CURVE.pack(), 2**128 - 1)


def test_set_limits__within_range__takes_them(auction, owner):
    new = Limits(most=5 * WAD, seconds=1)
    receipt = auction.set_limits(new.pack(), sender=owner)
    assert (auction.limits(), auction.vault_left()) == (new.pack(), 5 * WAD)
    assert [event.limits for event in receipt.decode_logs(auction.LimitsSet)] == [new.pack()]


@pytest.mark.parametrize("word", [0, 2**128 - 1, 1 << 160, LIMITS.pack() | 1 << 255])
def test_set_limits__out_of_range__reverts(auction, owner, word):
    with ape.reverts("auction: limits out of range"):
        auction.set_limits(word, sender=owner)
    assert auction.limits() == LIMITS.pack()


def test_set_limits__not_the_owner__reverts(auction, attacker):
    with ape.reverts(NOT_OWNER):
        auction.set_limits(LIMITS.pack(), sender=attacker)
    assert auction.limits() == LIMITS.pack()


def test_transfer_ownership__takes_two_steps(auction, owner, guardian, attacker):
    auction.transfer_ownership(guardian, sender=owner)
    assert auction.owner() == owner
    with ape.reverts("ownable_2step: caller is not the new owner"):
        auction.accept_ownership(sender=attacker)
    auction.accept_ownership(sender=guardian)
    assert auction.owner() == guardian
    with ape.reverts(NOT_OWNER):
        auction.set_terms(TERMS.pack(), sender=owner)
