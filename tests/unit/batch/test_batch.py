"""`batch`: acts of one caller, each account tested once, at the end."""

from __future__ import annotations

import ape
import pytest
from eth_abi.abi import encode

from tests.unit.batch.acts import NOBODY
from tests.unit.system import BTC, ETH, UNITS, WAD, wad


def test_batch__hedge_unwound__passes_where_leg_by_leg_fails(acts, taker):
    system = acts.system
    with ape.reverts("clearinghouse: below initial margin"):
        system.clearinghouse.withdraw_spot(acts.account, ETH, 5 * WAD, taker, sender=taker)
    before = system.spot_tokens[ETH].balanceOf(taker)
    acts.run(acts.withdraw_spot(5, taker), acts.fill(5))
    assert system.spot_tokens[ETH].balanceOf(taker) - before == 5 * WAD
    assert system.clearinghouse.header(acts.account) >> 128 == 0
    assert system.quote.balanceOf(system.batch) == 0


def test_batch__that_leaves_an_account_below_initial_margin__reverts(acts, taker):
    with acts.refused("batch: below initial margin"):
        acts.run(acts.withdraw_spot(5, taker))


def test_batch__withdrawal_against_profit_not_settled__reverts(acts, taker):
    # Half of what the short has gained at 1,500 stands against the spot, and 315 are initial margin.
    acts.system.prices({ETH: 1500})
    with acts.refused("batch: below initial margin"):
        acts.run(acts.withdraw(7_900, taker))
    acts.run(acts.withdraw(7_600, taker))


def test_batch__flash_bid__takes_without_capital(acts, accounts, taker, maker):
    system = acts.system
    victim = accounts[7]
    account = system.fund_spot(victim, ETH, 10)
    system.prices()
    system.clearinghouse.withdraw(account, 9_000 * UNITS, victim, sender=victim)
    # At 950 the account has 9,500 of spot against a debt of 9,000.
    system.prices({ETH: 950})
    empty = system.account(taker, 9)
    lots = [(account, WAD // 4, 2**255 - 1, 0, 0, 2**256 - 1, 2**256 - 1)]
    with ape.reverts("clearinghouse: below initial margin"):
        system.auction.bid(empty, lots, sender=taker)
    # The receiver stands for a market that pays 960 a piece: it has the quote, and is given the spot.
    acts.endow_receiver(2_400)
    bid = (7, NOBODY, 0, 0, 0, bytes(system.auction.bid.encode_input(empty, lots)))
    sale = (4, acts.receiver.address, empty, ETH, wad(2.5), b"")
    acts.run(bid, sale, acts.call(empty, 2_400), accounts=(empty,))
    assert system.spot_tokens[ETH].balanceOf(acts.receiver) == wad(2.5)
    assert acts.receiver.caller() == taker.address
    # 2,400 less a quarter of debt and equity, and the opener's half of a penalty of 5%.
    assert system.clearinghouse.cash(empty) == pytest.approx(wad(28.57), rel=0.01)
    assert system.clearinghouse.spot(account, ETH) == wad(7.5)


def test_batch__relief_in_breach_with_a_market_more__reverts(acts, taker, maker):
    system = acts.system
    account = system.fund(taker, 760, sub=5)
    system.trade(taker, maker, ETH, 5, 1600, subs=(5, 0))
    system.spot_tokens[BTC].mint(taker, 1, sender=taker)
    system.prices({ETH: 1520})
    dust = (3, NOBODY, account, BTC, 1, b"")
    relief = acts.fill(-1, 1520, account=account)
    with acts.refused("batch: in breach", account):
        acts.run(relief, dust, accounts=(account,))
    acts.run(relief, accounts=(account,))
    assert system.position(account, ETH)[0] == 4 * WAD


def test_batch__that_leaves_an_account_insolvent__reverts(acts, taker, maker):
    system = acts.system
    account = system.fund(taker, 760, sub=5)
    system.trade(taker, maker, ETH, 5, 1600, subs=(5, 0))
    system.prices({ETH: 1400})
    system.quote.mint(taker, 1_000 * UNITS, sender=taker)
    settle = (5, NOBODY, 0, 0, 0, encode(["uint256", "uint256[]"], [ETH, [account]]))
    lent = acts.deposit(1_000, account), settle, acts.fill(-1, 1400, account=account)
    with acts.refused("batch: below initial margin", account):
        acts.run(*lent, acts.withdraw(998, taker, account), accounts=(account,))


def test_batch__that_leaves_an_account_of_a_breach_with_nothing__passes(acts, taker, maker, chain):
    system = acts.system
    account = system.fund(taker, 760, sub=5)
    system.trade(taker, maker, ETH, 5, 1600, subs=(5, 0))
    system.prices({ETH: 1408})
    system.quote.mint(taker, 1_000 * UNITS, sender=taker)
    settle = (5, NOBODY, 0, 0, 0, encode(["uint256", "uint256[]"], [ETH, [account]]))
    lent = acts.deposit(1_000, account), settle, acts.fill(-1, 1408, account=account)
    before = chain.snapshot()
    acts.run(*lent, accounts=(account,))
    left = system.clearinghouse.assess(account).equity
    chain.restore(before)
    assert left % (WAD // UNITS) == 0
    acts.run(*lent, acts.withdraw(left / WAD, taker, account), accounts=(account,))
    assert system.clearinghouse.assess(account).equity == 0


def test_batch__deposit_and_settle__are_done_for_the_caller(acts, taker):
    system = acts.system
    system.quote.mint(taker, 100 * UNITS, sender=taker)
    before = system.clearinghouse.cash(acts.account)

    settle = (5, NOBODY, 0, 0, 0, encode(["uint256", "uint256[]"], [ETH, [acts.account]]))
    acts.run(acts.deposit(100), settle)
    assert system.clearinghouse.cash(acts.account) - before == pytest.approx(100 * WAD, abs=10**15)
    assert system.quote.balanceOf(system.batch) == 0
    assert system.quote.allowance(system.batch, system.clearinghouse) == 0


def test_batch__deposit_without_tokens__reverts(acts, attacker):
    account = acts.system.account(attacker)
    with ape.reverts():
        acts.run(acts.deposit(1, account), accounts=(account,), sender=attacker)


def test_batch__fill_that_the_venue_refuses__is_left_out(acts):
    receipt = acts.run(acts.fill(1, price=2_000), acts.fill(0.5))
    (log,) = receipt.decode_logs(acts.system.batch.StepSkipped)
    assert log.index == 0 and b"price outside the band" in bytes(log.reason)
    assert acts.system.position(acts.account, ETH)[0] == -wad(4.5)


def test_batch__any_other_failure__reverts_with_its_reason(acts, taker):
    with acts.refused("clearinghouse: not enough spot"):
        acts.run(acts.fill(1), acts.withdraw_spot(6, taker))


def test_batch__by_an_operator__pays_the_owner(acts, operator, taker):
    system = acts.system
    with acts.refused("batch: not allowed"):
        acts.run(acts.withdraw(1, operator), sender=operator)
    system.clearinghouse.approve_operator(operator, True, sender=taker)
    before = system.quote.balanceOf(taker), system.quote.balanceOf(operator)
    acts.run(acts.withdraw(1, operator), sender=operator)
    after = system.quote.balanceOf(taker), system.quote.balanceOf(operator)
    assert (after[0] - before[0], after[1] - before[1]) == (UNITS, 0)


def test_batch__for_anothers_account__reverts(acts, attacker):
    with acts.refused("batch: not allowed"):
        acts.run(sender=attacker)


def test_batch__account_twice__reverts(acts):
    with acts.refused("batch: account twice"):
        acts.run(accounts=(acts.account, acts.account))


def test_batch__withdrawal_from_an_account_not_named__reverts(acts, taker, maker):
    other = acts.system.account(maker)
    for step in (acts.withdraw(1, taker, other), acts.withdraw_spot(1, taker, other)):
        with acts.refused("batch: account not named", other):
            acts.run(step)


def test_batch__fill_for_an_account_not_named__is_not_allowed_to_the_batch(acts, maker, attacker):
    system = acts.system
    # Not even for an owner who made the batch an operator: it would be everybody's.
    system.clearinghouse.approve_operator(system.batch, True, sender=maker)
    own = system.fund(attacker, 1_000)
    receipt = acts.run(acts.fill(1, account=system.account(maker)), accounts=(own,), sender=attacker)
    (log,) = receipt.decode_logs(system.batch.StepSkipped)
    assert b"exchange: not allowed" in bytes(log.reason)


def test_batch__bid_for_an_account_not_named__reverts(acts, attacker):
    own = acts.system.fund(attacker, 1_000)
    with acts.refused("auction: not allowed", own):
        acts.run(acts.bid(own), accounts=(own,), sender=attacker)


@pytest.mark.parametrize("kind", [0, 9, 2**256 - 1])
def test_batch__unknown_step__reverts(acts, kind):
    with acts.refused("batch: unknown step"):
        acts.run((kind, NOBODY, 0, 0, 0, b""))


def test_batch__fill_elsewhere_or_of_something_else__reverts(acts, attacker):
    system = acts.system
    kind, _, *rest = acts.fill(1)
    for target in (attacker, system.quote, system.clearinghouse, system.auction):
        with acts.refused("batch: not a venue"):
            acts.run((kind, target.address, *rest))
    cancel = bytes(system.exchange.cancel.encode_input(acts.account, 1))
    for data in (cancel, b"", b"123"):
        with acts.refused("batch: wrong call"):
            acts.run((6, system.exchange.address, 0, 0, 0, data))
    opening = bytes(system.auction.open.encode_input([acts.account]))
    with acts.refused("batch: wrong call"):
        acts.run((7, NOBODY, 0, 0, 0, opening))


def test_batch__unknown_spot_market__reverts(acts):
    with acts.refused("batch: unknown token"):
        acts.run((3, NOBODY, acts.account, 3, 1, b""))


def test_batch__in_the_middle__nobody_may_judge_sell_or_batch_its_accounts(acts, taker):
    system = acts.system
    house, own = system.clearinghouse, acts.account
    calls = {
        "clearinghouse: in a batch": [
            (house, house.assess.encode_input(own)),
            (system.auction, system.auction.open.encode_input([own])),
        ],
        "": [(system.batch, system.batch.batch.encode_input([], []))],
        "clearinghouse: not allowed": [
            (house, house.withdraw.encode_input(own, 1, acts.receiver.address)),
            (house, house.withdraw_spot.encode_input(own, ETH, 1, acts.receiver.address)),
        ],
        "clearinghouse: not the batch": [(house, house.defer.encode_input(own, False))],
    }
    for reason, attempts in calls.items():
        for target, data in attempts:
            acts.receiver.arm(target, data, sender=taker)
            acts.run(acts.call())
            assert not acts.receiver.succeeded()
            assert reason.encode() in bytes(acts.receiver.answer()) and bool(reason) == bool(acts.receiver.answer())


def test_batch__afterwards__its_accounts_are_as_any_other(acts, taker):
    acts.run(acts.fill(1))
    system = acts.system
    assert system.clearinghouse.assess(acts.account).mm > 0
    with ape.reverts("clearinghouse: not allowed"):
        system.clearinghouse.withdraw(acts.account, 1, taker, sender=acts.maker)
    with ape.reverts("clearinghouse: below initial margin"):
        system.clearinghouse.withdraw_spot(acts.account, ETH, 5 * WAD, taker, sender=taker)


def test_batch__at_prices_that_are_late__reverts(acts):
    acts.system.pass_time(20)
    with acts.refused("batch: price is late"):
        acts.run()


def test_defer__by_anybody_but_the_batch__reverts(acts, owner, attacker):
    for sender in (owner, attacker, acts.taker):
        with ape.reverts("clearinghouse: not the batch"):
            acts.system.clearinghouse.defer(acts.account, True, sender=sender)
