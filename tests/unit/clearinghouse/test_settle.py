"""`settle`: value moves to cash; a profit only out of what the market's losers have paid in."""

from __future__ import annotations

import pytest

from keeper.publish.reports import Entry
from tests.unit.clearinghouse.house import SETTLE, soon
from tests.unit.system import BTC, ETH, SOL, WAD, wad


@pytest.fixture
def pair(house, alice, bob):
    """alice long, bob short 10 ETH at 1,600; then 64 higher."""
    house.trade(alice, bob, 10, 1600)
    house.prices({ETH: 1664})
    return alice, bob


def test_settle__loser_then_winner__moves_value_to_cash(house, pair):
    winner, loser = pair
    house.settle(loser, winner)
    assert (house.cash(winner), house.cash(loser)) == (10_640 * WAD, 9_360 * WAD)
    # Cost is what the position would be opened for now.
    assert house.position(winner, ETH) == (10 * WAD, 16_640 * WAD)
    assert house.position(loser, ETH) == (-10 * WAD, -16_640 * WAD)
    assert house.book() == (0, 20 * WAD)


def test_settle__loser_alone__pays_in(house, pair):
    winner, loser = pair
    house.settle(loser)
    assert house.cash(loser) == 9_360 * WAD
    assert house.book() == (-640 * WAD, 20 * WAD)
    assert house.cash(winner) == 10_000 * WAD


def test_settle__winner_before_the_loser_paid__gets_nothing(house, pair):
    winner, loser = pair
    receipt = house.settle(winner, loser)
    assert house.changes(receipt) == [(loser, SETTLE)]
    assert (house.cash(winner), house.cash(loser)) == (10_000 * WAD, 9_360 * WAD)
    house.settle(winner)
    assert house.cash(winner) == 10_640 * WAD


def test_settle__two_winners_of_one_loser__share_in_the_order_given(house, taker, alice, bob, pool):
    # bob is short 10 against alice's 6 and the pool's 4, and only his loss on 10 · 64 is there to be paid out.
    house.trade(alice, bob, 6, 1600)
    house.trade(pool, bob, 4, 1600)
    house.prices({ETH: 1664})
    house.settle(bob)
    house.prices({ETH: 1728})
    # By now alice has earned 768, the pool 512, and 640 are paid in.
    house.settle(pool, alice)
    assert house.cash(pool) == 100_512 * WAD
    assert house.cash(alice) == 10_128 * WAD
    assert house.book() == (0, 20 * WAD)
    house.settle(bob, alice)
    assert house.cash(alice) == 10_768 * WAD


def test_settle__equity__is_what_it_was(house, pair):
    winner, loser = pair
    before = [house.clearinghouse.assess(account).equity for account in pair]
    house.settle(loser, winner)
    assert [house.clearinghouse.assess(account).equity for account in pair] == before


def test_settle__insolvent_loser__keeps_its_loss(house, attacker, bob, known):
    account = house.fund(attacker, 2_000)
    known.append(account)
    house.trade(account, bob, -10, 1600)
    house.prices({ETH: 1824})
    assert house.clearinghouse.assess(account).equity == -240 * WAD
    receipt = house.settle(account, bob)
    assert house.changes(receipt) == []
    assert (house.cash(account), house.cash(bob)) == (2_000 * WAD, 10_000 * WAD)


def test_settle__loser_of_just_nothing__pays_all(house, attacker, bob, known):
    account = house.fund(attacker, 2_240)
    known.append(account)
    house.trade(account, bob, -10, 1600)
    house.prices({ETH: 1824})
    house.settle(account, bob)
    assert (house.cash(account), house.cash(bob)) == (0, 12_240 * WAD)


def test_settle__loser_whose_other_market_saves_it__pays(house, attacker, alice, bob, known):
    account = house.fund(attacker, 2_000)
    known.append(account)
    house.trade(account, bob, -10, 1600)
    house.trade(account, alice, 32, 100, market=SOL)
    house.prices({ETH: 1824, SOL: 108})
    # 2,000 − 2,240 + 256.
    assert house.clearinghouse.assess(account).equity == 16 * WAD
    house.settle(account)
    assert house.cash(account) == -240 * WAD + house.cash(account) - house.stored(account)


def test_settle__loser_whose_other_market_sinks_it__keeps_its_loss(house, attacker, alice, bob, known):
    account = house.fund(attacker, 2_300)
    known.append(account)
    house.trade(account, bob, -10, 1600)
    house.trade(account, alice, 32, 100, market=SOL)
    house.prices({ETH: 1824, SOL: 96})
    assert house.clearinghouse.assess(account).equity == -68 * WAD
    receipt = house.settle(account)
    assert house.changes(receipt) == []


def test_settle__loser_whose_other_price_is_late__keeps_its_loss(house, attacker, alice, bob, known):
    account = house.fund(attacker, 9_000)
    known.append(account)
    house.trade(account, bob, -10, 1600)
    house.trade(account, alice, 32, 100, market=SOL)
    house.pass_time(20)
    house.update([Entry(ETH, wad(1664), 0, 0)], soon(house))
    receipt = house.settle(account)
    assert house.changes(receipt) == []
    house.prices({ETH: 1664})
    house.settle(account)
    assert house.cash(account) == 8_360 * WAD


def test_settle__closed_with_a_profit_that_nobody_paid_yet__is_paid_later(house, pair, pool, lender):
    winner, loser = pair
    # The pool buys at the mark: it has nothing to pay, and bob has not been settled.
    house.trade(pool, winner, 10, 1664)
    assert house.position(winner, ETH) == (0, -640 * WAD)
    assert house.header(winner).perps == 1 << ETH
    # A claim is worth its amount, needs no margin, and no price.
    claim = house.clearinghouse.assess(winner)
    assert (claim.equity, claim.mm, claim.claims) == (10_640 * WAD, 0, 640 * WAD)
    house.settle(winner)
    assert house.cash(winner) == 10_000 * WAD
    house.settle(loser, winner)
    assert house.cash(winner) == 10_640 * WAD
    assert house.clearinghouse.position(winner, ETH) == 0
    assert house.header(winner).perps == 0


def test_settle__twice_in_one_list__counts_once(house, pair):
    winner, loser = pair
    receipt = house.settle(loser, loser, winner, winner, loser)
    assert house.changes(receipt) == [(loser, SETTLE), (winner, SETTLE)]
    assert (house.cash(winner), house.cash(loser)) == (10_640 * WAD, 9_360 * WAD)


def test_settle__accounts_without_a_position__are_passed_over(house, pair, pool):
    receipt = house.settle(pool, 0, 5, house.vault_account)
    assert house.changes(receipt) == []


def test_settle__funding_since_the_trade__is_part_of_the_value(house, alice, bob):
    house.trade(alice, bob, 10, 1600)
    # 1% of basis for a while: longs pay shorts.
    for _ in range(5):
        house.pass_time(10)
        house.prices(basis=10_000, slow=False)
    price = house.risk_engine.price(ETH)
    assert price.funding > 0 and price.mark > price.index
    value = 10 * (price.mark - price.funding) - 16_000 * WAD
    house.settle(bob, alice)
    assert house.cash(alice) == 10_000 * WAD + value
    assert house.cash(bob) == 10_000 * WAD - value


def test_settle__least_size__rounds_against_both(house, attacker, alice, bob):
    # 1 wei at 1,600.5: the buyer pays 1,601 wei, rounded up, for what is worth 1,600 to it and −1,601 to the other.
    house.clearinghouse.trade(ETH, alice, bob, 1, wad(1600.5), 0, 0, sender=house.venue)
    house.prices({ETH: 1600.5})
    price = house.risk_engine.price(ETH).mark
    assert house.position(alice, ETH)[0] == 1
    before = house.cash(alice) + house.cash(bob) - house.book()[0]
    house.settle(alice, bob)
    assert house.cash(alice) + house.cash(bob) - house.book()[0] == before
    value = price // WAD
    assert house.position(alice, ETH)[1] >= value


def test_settle__any__logs_accounts_and_book(house, pair):
    winner, loser = pair
    receipt = house.settle(loser, winner)
    assert house.changes(receipt) == [(loser, SETTLE), (winner, SETTLE)]
    logs = receipt.decode_logs(house.clearinghouse.AccountChanged)
    assert [log.changed for log in logs] == [1 << 64 + ETH] * 2
    # Σ cost falls and rises again, so the book is what it was.
    assert receipt.decode_logs(house.clearinghouse.BookChanged) == []
    house.check_logged(receipt)


def test_settle__loser_alone__logs_the_book(house, pair):
    receipt = house.settle(pair[1])
    (log,) = receipt.decode_logs(house.clearinghouse.BookChanged)
    assert log.market == ETH
    house.check_logged(receipt)


def test_settle__by_anybody__is_allowed(house, pair, attacker):
    house.settle(pair[1], sender=attacker)
    assert house.cash(pair[1]) == 9_360 * WAD


def test_settle__in_one_market__leaves_others(house, pair, alice, bob):
    house.trade(alice, bob, 0.1, 51_200, market=BTC)
    before = house.position(alice, BTC)
    house.prices({ETH: 1664, BTC: 51_712})
    house.settle(bob, alice)
    assert house.position(alice, BTC) == before


def test_settle__late_price__reverts(house, pair):
    house.pass_time(20)
    with house.refuses("clearinghouse: price is late", *pair):
        house.settle(*pair)


def test_settle__dead_market__reverts(house, pair):
    house.pass_time(100_000)
    with house.refuses("clearinghouse: market is dead", *pair):
        house.settle(*pair)


def test_settle__market_that_is_not_there__reverts(house, pair):
    with house.refuses("risk_engine: unknown market", *pair):
        house.settle(*pair, market=40)


@pytest.mark.parametrize("market", [64, 192, 2**256 - 1])
def test_settle__market_that_no_map_holds__reverts(house, pair, market):
    with house.refuses("clearinghouse: unknown market", *pair):
        house.settle(*pair, market=market)
