"""The model's state machine by itself: a refusal changes nothing, and state can be tried, taken back and copied."""

from __future__ import annotations

from typing import Any

import pytest

from keeper.model.auction_house import Lot
from keeper.model.exchange import signed_by_owner
from keeper.model.orders import Order
from keeper.model.prices import encode_price
from keeper.model.protocol import Protocol, Setup
from keeper.model.risk_engine import Quoted, Report
from keeper.model.state import Refused
from keeper.model.words import LISTED, PERP_ALLOWED, SPOT_ALLOWED, Curve, Parameters, Risk, Settings, Terms
from tests.model.chain import ORACLE, START

WAD = 10**18
UNIT = 10**6
OWNER, TAKER, LENDER = (wallet << 96 for wallet in (0x11, 0x22, 0x33))
SIGNER = 0x51
TERMS = Terms(target=14_000, penalty=500, backstop=300, grace=300, opener_cap=50 * WAD)


def state_of(protocol: Protocol) -> list[tuple[str, dict[Any, Any]]]:
    return [(table.name, dict(table.rows)) for table in protocol.tables()]


def publish(protocol: Protocol, price: int) -> None:
    protocol.now = protocol.now + ORACLE.round_seconds
    entry = Quoted(0, encode_price(price * WAD), 0, 0)
    protocol.update([Report(protocol.now // ORACLE.round_seconds, (entry,), SIGNER)])


@pytest.fixture
def protocol() -> Protocol:
    """A market at 1,000; the owner is long 10 with 1,000 of cash, the taker short, both at their initial margin."""
    settings = Settings(kink=8_000, at_kink=60_000_000, at_full=10**9, reserve=1_000, band=500, max_fee=100)
    curve = Curve(((0, 0), (60, 3_500), (300, 7_000)))
    protocol = Protocol(Setup(ORACLE, settings, TERMS, curve, taker_bps=3, maker_bps=1), START)
    engine = protocol.engine
    engine.set_risk(Risk((0,) * 28, kappa=2_500, iota=15_000, min_requirement=1))
    engine.set_signers([SIGNER], 1)
    engine.add_market(Parameters(5_000, 0, 0, bucket=0, flags=LISTED | PERP_ALLOWED | SPOT_ALLOWED))
    protocol.clearinghouse.list_spot(0, 18)
    publish(protocol, 1_000)
    for account, quote in ((OWNER, 1_000), (TAKER, 100_000), (LENDER, 5_000)):
        protocol.deposit(account >> 96, account, quote * UNIT)
    order = Order(OWNER, 0, 10 * WAD, 1_000 * WAD, 100, 2**63, 1)
    protocol.fill(TAKER >> 96, signed_by_owner(order, 7), TAKER, 10 * WAD, 100)
    return protocol


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda p: p.deposit(1, 0, 5), "clearinghouse: owner is zero"),
        (lambda p: p.withdraw(OWNER >> 96, OWNER, 800 * UNIT), "clearinghouse: below initial margin"),
        (lambda p: p.withdraw(TAKER >> 96, OWNER, 1), "clearinghouse: not allowed"),
        (lambda p: p.settle(3, [OWNER]), "risk_engine: unknown market"),
        (lambda p: p.bid(TAKER >> 96, TAKER, [Lot(OWNER)]), "auction: healthy"),
        (lambda p: p.cancel(TAKER >> 96, OWNER, 1), "exchange: not allowed"),
        (lambda p: p.vault.deposit(LENDER >> 96, 5, 0), "vault: receiver is zero"),
        (lambda p: p.update([]), "risk_engine: too few reports"),
    ],
)
def test_act__refused__names_the_reason_and_changes_nothing(protocol, act, reason):
    before = state_of(protocol)
    with pytest.raises(Refused) as refused:
        act(protocol)
    assert refused.value.reason == reason
    assert state_of(protocol) == before


def test_fill__last_test_fails__undoes_order_fees_and_both_sides(protocol):
    before = state_of(protocol)
    order = Order(OWNER, 0, 20 * WAD, 1_000 * WAD, 100, 2**63, 2)
    with pytest.raises(Refused, match="clearinghouse: below initial margin"):
        protocol.fill(TAKER >> 96, signed_by_owner(order, 8), TAKER, 20 * WAD, 100)
    assert state_of(protocol) == before


def test_trial__acts_inside__are_taken_back(protocol):
    before = state_of(protocol)
    with protocol.trial():
        protocol.deposit(1, OWNER, 5 * UNIT)
        with protocol.trial():
            protocol.withdraw(LENDER >> 96, LENDER, UNIT)
        assert protocol.clearinghouse.accounts[LENDER].principal == 5_000 * WAD
        assert protocol.clearinghouse.cash_now(OWNER) > 1_004 * WAD - 10 * WAD
    assert state_of(protocol) == before


def test_rollback_and_release__nested_checkpoints__take_back_only_their_own(protocol):
    outer = protocol.checkpoint()
    protocol.deposit(1, OWNER, UNIT)
    kept = state_of(protocol)
    inner = protocol.checkpoint()
    protocol.deposit(1, OWNER, UNIT)
    protocol.rollback(inner)
    assert state_of(protocol) == kept
    protocol.release(outer)
    assert state_of(protocol) == kept


def test_clone__acts_on_the_copy__leave_the_original(protocol):
    before = state_of(protocol)
    twin = protocol.clone()
    assert state_of(twin) == before
    assert twin.clearinghouse.assess(OWNER) == protocol.clearinghouse.assess(OWNER)
    publish(twin, 900)
    twin.deposit(1, OWNER, UNIT)
    assert state_of(protocol) == before
    assert state_of(twin) != before


def test_now__set_back__is_refused(protocol):
    with pytest.raises(ValueError, match="now: "):
        protocol.now = START


def test_bid__largest_fraction__lands_on_the_target_and_pays_everybody(protocol):
    publish(protocol, 925)
    protocol.open(LENDER >> 96, [OWNER])
    for _ in range(30):
        publish(protocol, 925)
        protocol.open(LENDER >> 96, [OWNER])
    before = protocol.clearinghouse.assess(OWNER)
    assert before.sighted
    reserve = protocol.clearinghouse.custody.value.reserve
    taken, skipped = protocol.bid(TAKER >> 96, TAKER, [Lot(OWNER)])
    assert skipped == []
    quote = taken[0].quote
    assert 0 < quote.fraction < WAD
    assert quote.lambda_now == 3_500 * 10**14
    after = protocol.clearinghouse.assess(OWNER)
    target = after.mm * TERMS.target // 10_000
    # The requirement comes in steps of 1e-12 quote and more.
    assert abs(after.equity - target) <= 10**8
    assert protocol.auction.runs[OWNER].start == 0
    # Half of the penalty is the opener's, half the vault's.
    assert taken[0].opener == LENDER
    assert taken[0].opener_gets == quote.penalty_paid // 2 > 0
    assert protocol.clearinghouse.cash_now(LENDER) - 5_000 * WAD == taken[0].opener_gets
    gained = protocol.clearinghouse.custody.value.reserve - reserve
    assert abs(gained - (quote.penalty_paid - taken[0].opener_gets)) <= 3


def test_bid__insolvent_account__is_paid_by_the_vault_and_leaves_nothing(protocol):
    protocol.vault.deposit(LENDER >> 96, 3_000 * UNIT, LENDER >> 96)
    publish(protocol, 850)
    before = protocol.clearinghouse.assess(OWNER)
    assert before.equity < 0
    vault = protocol.clearinghouse.cash_now(protocol.vault.account)
    taken, _ = protocol.bid(TAKER >> 96, TAKER, [Lot(OWNER)])
    assert taken[0].quote.taker_pays == before.equity
    assert protocol.clearinghouse.accounts[OWNER].holdings == {}
    assert protocol.clearinghouse.cash_now(OWNER) == 0
    assert vault - protocol.clearinghouse.cash_now(protocol.vault.account) == -before.equity
