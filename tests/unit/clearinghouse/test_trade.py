"""`trade`: what moves between two accounts, what fees go where, and what a venue may not ask for."""

from __future__ import annotations

import pytest

from keeper.model.words import LISTED, SPOT_ALLOWED, Parameters
from keeper.publish.reports import Entry
from tests.unit.clearinghouse.house import TRADE, soon
from tests.unit.system import BTC, DEVIATION, ETH, HEARTBEAT, WAD, wad


def test_trade__at_the_mark__moves_size_and_cost_and_no_cash(house, alice, bob):
    house.trade(alice, bob, 2, 1600)
    assert house.position(alice, ETH) == (2 * WAD, 3_200 * WAD)
    assert house.position(bob, ETH) == (-2 * WAD, -3_200 * WAD)
    assert house.header(alice).perps == house.header(bob).perps == 1 << ETH
    assert (house.cash(alice), house.cash(bob)) == (10_000 * WAD, 10_000 * WAD)
    assert house.book() == (0, 4 * WAD)


@pytest.mark.parametrize("size", [2, -2])
def test_trade__away_from_the_mark__settles_both_the_loser_first(house, alice, bob, size):
    # Whoever buys 10 above the mark has lost that, and who sold has it, taker or maker.
    house.trade(alice, bob, size, 1610)
    assert house.cash(alice) == 10_000 * WAD - 10 * size * WAD
    assert house.cash(bob) == 10_000 * WAD + 10 * size * WAD
    assert house.position(alice, ETH) == (size * WAD, 1_600 * size * WAD)
    assert house.book() == (0, 4 * WAD)


def test_trade__that_closes__leaves_no_position(house, alice, bob):
    house.trade(alice, bob, 2, 1600)
    house.trade(bob, alice, 2, 1600)
    for account in (alice, bob):
        assert house.clearinghouse.position(account, ETH) == 0
        assert house.header(account).perps == 0
    assert house.book() == (0, 0)


def test_trade__that_flips__counts_sizes_without_sign(house, alice, bob, pool):
    house.trade(alice, bob, 2, 1600)
    house.trade(alice, pool, -5, 1600)
    assert house.position(alice, ETH) == (-3 * WAD, -4_800 * WAD)
    assert house.book() == (0, 10 * WAD)


def test_trade__after_a_move__settles_what_was_there(house, alice, bob):
    house.trade(alice, bob, 10, 1600)
    house.prices({ETH: 1664})
    house.trade(alice, bob, 1, 1664)
    assert (house.cash(alice), house.cash(bob)) == (10_640 * WAD, 9_360 * WAD)
    assert house.position(alice, ETH) == (11 * WAD, 11 * 1_664 * WAD)


def test_trade__profit_that_nobody_paid_in__stays_a_claim(house, alice, bob, pool):
    house.trade(alice, bob, 10, 1600)
    house.prices({ETH: 1664})
    # The pool takes it over at the mark; bob, who lost, is not there.
    house.trade(alice, pool, -10, 1664)
    assert house.cash(alice) == 10_000 * WAD
    assert house.position(alice, ETH) == (0, -640 * WAD)


def test_trade__least_size__rounds_cost_against_the_taker(house, venue, alice, bob):
    house.clearinghouse.trade(ETH, alice, bob, 1, wad(1600.5), 0, 0, sender=venue)
    assert house.book() == (0, 2)
    # 1,600.5 rounded up is 1,601 for the taker, and its loss of 1 is settled.
    assert house.position(alice, ETH) == (1, 1_600)
    assert (house.cash(alice), house.cash(bob)) == (10_000 * WAD - 1, 10_000 * WAD + 1)


def test_trade__least_size_sold__rounds_cost_against_the_taker(house, venue, alice, bob):
    house.clearinghouse.trade(ETH, alice, bob, -1, wad(1599.5), 0, 0, sender=venue)
    # −1,599.5 rounded up is −1,599: the taker got 1,599 for what is worth 1,600.
    assert house.position(alice, ETH) == (-1, -1_600)
    assert (house.cash(alice), house.cash(bob)) == (10_000 * WAD - 1, 10_000 * WAD + 1)


def test_trade__after_funding__is_booked_less_funding(house, alice, bob):
    for _ in range(5):
        house.pass_time(10)
        house.prices(basis=10_000, slow=False)
    price = house.risk_engine.price(ETH)
    assert price.funding > 0
    house.clearinghouse.trade(ETH, alice, bob, WAD, price.mark, 0, 0, sender=house.venue)
    size, cost = house.position(alice, ETH)
    # Nothing is gained or lost by opening at the mark, whatever funding has added up to before.
    assert (size, cost) == (WAD, price.mark - price.funding)
    assert house.cash(alice) == 10_000 * WAD


def test_trade__with_fees__pays_the_vault(house, owner, alice, bob):
    house.trade(alice, bob, 1, 1600, fees=(3, 1.5))
    assert house.cash(alice) == 9_997 * WAD
    assert house.cash(bob) == wad(9_998.5)
    assert house.custody.reserve == wad(4.5)
    house.clearinghouse.collect(sender=owner)
    assert house.cash(house.vault_account) == wad(4.5)


@pytest.mark.parametrize("whose", ["vault_wallet", "auctioneer"])
def test_trade__of_an_account_that_nobody_signs_for__reverts(house, owner, alice, known, whose):
    account = house.account(getattr(house, whose), 1)
    known.append(account)
    house.fund_account(account, owner, 5_000)
    for sides in ((account, alice), (alice, account)):
        with house.refuses("clearinghouse: not allowed", account, alice):
            house.trade(*sides, 1, 1600)


def test_trade__any__logs_each_account_once(house, alice, bob):
    receipt = house.trade(alice, bob, 1, 1600, fees=(1, 0))
    assert house.changes(receipt) == [(alice, TRADE), (bob, TRADE)]
    logs = receipt.decode_logs(house.clearinghouse.AccountChanged)
    assert [log.changed for log in logs] == [1 << 64 + ETH, 1 << 64 + ETH]
    (book,) = receipt.decode_logs(house.clearinghouse.BookChanged)
    assert book.market == ETH
    assert len(receipt.decode_logs(house.clearinghouse.InterestChanged)) == 1
    house.check_logged(receipt)


def test_trade__of_an_operators_or_owners_wallet__needs_a_venue(house, owner, taker, alice, bob):
    for stranger in (taker, owner):
        with house.refuses("clearinghouse: not a venue", alice, bob):
            house.trade(alice, bob, 1, 1600, sender=stranger)


def test_trade__by_a_revoked_venue__reverts(house, owner, venue, alice, bob):
    house.clearinghouse.set_venue(venue, False, sender=owner)
    with house.refuses("clearinghouse: not a venue", alice, bob):
        house.trade(alice, bob, 1, 1600)


def test_trade__with_oneself__reverts(house, alice):
    with house.refuses("clearinghouse: same account", alice):
        house.trade(alice, alice, 1, 1600)


@pytest.mark.parametrize("nobody_first", [True, False])
def test_trade__account_of_nobody__reverts(house, alice, nobody_first):
    sides = (7, alice) if nobody_first else (alice, 7)
    with house.refuses("clearinghouse: owner is zero", alice):
        house.trade(*sides, 1, 1600)


def test_trade__of_nothing__reverts(house, alice, bob):
    with house.refuses("clearinghouse: nothing to move", alice, bob):
        house.trade(alice, bob, 0, 1600)


@pytest.mark.parametrize("market", [64, 320, 2**256 - 1])
def test_trade__market_that_no_map_holds__reverts(house, alice, bob, market):
    with house.refuses("clearinghouse: unknown market", alice, bob):
        house.trade(alice, bob, 1, 1600, market=market)


def test_trade__market_that_is_not_there__reverts(house, alice, bob):
    with house.refuses("risk_engine: unknown market", alice, bob):
        house.trade(alice, bob, 1, 1600, market=40)


def test_trade__late_price__reverts(house, alice, bob):
    house.pass_time(20)
    with house.refuses("clearinghouse: price is late", alice, bob):
        house.trade(alice, bob, 1, 1600)


def test_trade__dead_market__reverts(house, alice, bob):
    house.pass_time(100_000)
    with house.refuses("clearinghouse: market is dead", alice, bob):
        house.trade(alice, bob, 1, 1600)


@pytest.mark.parametrize(("age", "reason"), [(20, "price is late"), (100_000, "market is dead")])
def test_trade__that_closes_both_sides_at_an_old_price__reverts(house, alice, bob, age, reason):
    # Neither holds the market afterwards, and no test of margin would ask for its price.
    house.trade(alice, bob, 1, 1600)
    house.pass_time(age)
    with house.refuses(f"clearinghouse: {reason}", alice, bob):
        house.trade(alice, bob, -1, 1600)


def test_trade__market_for_spot_alone__reverts(house, owner, feeds, alice, bob):
    parameters = Parameters(4600, 470, 1400, bucket=1, flags=LISTED | SPOT_ALLOWED)
    house.risk_engine.add_market(parameters.pack(), feeds[ETH], HEARTBEAT, DEVIATION, sender=owner)
    market = house.risk_engine.market_count() - 1
    house.update([Entry(market, wad(1600), 0, 0)], soon(house))
    with house.refuses("clearinghouse: no perp market", alice, bob):
        house.trade(alice, bob, 1, 1600, market=market)


def test_trade__at_the_edges_of_the_band__is_allowed_and_a_wei_further_refused(house, venue, alice, bob):
    trade = house.clearinghouse.trade
    for price, step in ((1680 * WAD, 1), (1520 * WAD, -1)):
        trade(ETH, alice, bob, WAD, price, 0, 0, sender=venue)
        with house.refuses("clearinghouse: price outside the band", alice, bob):
            trade(ETH, alice, bob, WAD, price + step, 0, 0, sender=venue)


@pytest.mark.parametrize("price", [0, 1, 2**255, 2**256 - 1])
def test_trade__absurd_price__reverts(house, venue, alice, bob, price):
    with house.refuses("clearinghouse: price outside the band", alice, bob):
        house.clearinghouse.trade(ETH, alice, bob, WAD, price, 0, 0, sender=venue)


@pytest.mark.parametrize("size", [10**33 + 1, -(10**33) - 1, 2**255 - 1, -(2**255), 10**33, 625_000_001 * WAD])
def test_trade__size_or_notional_beyond_its_bound__reverts(house, venue, alice, bob, size):
    # The last is above 1e12 of quote at 1,600.
    with house.refuses("clearinghouse: size out of bounds", alice, bob):
        house.clearinghouse.trade(ETH, alice, bob, size, 1600 * WAD, 0, 0, sender=venue)


def test_trade__fee_above_the_highest__reverts(house, venue, alice, bob):
    # 1% of 1,600.
    highest = 16 * WAD
    for fees in ((highest + 1, 0), (0, highest + 1), (2**256 - 1, 2**256 - 1)):
        with house.refuses("clearinghouse: fee too high", alice, bob):
            house.clearinghouse.trade(ETH, alice, bob, WAD, 1600 * WAD, *fees, sender=venue)
    house.clearinghouse.trade(ETH, alice, bob, WAD, 1600 * WAD, highest, highest, sender=venue)
    assert house.custody.reserve == 32 * WAD


def test_trade__two_markets__are_two_books(house, alice, bob):
    house.trade(alice, bob, 1, 1600)
    house.trade(bob, alice, 0.1, 51_200, market=BTC)
    assert house.header(alice).perps == 1 << ETH | 1 << BTC
    assert (house.book(ETH), house.book(BTC)) == ((0, 2 * WAD), (0, wad(0.2)))
