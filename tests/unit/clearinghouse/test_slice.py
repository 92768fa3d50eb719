"""`slice`: a fraction of all that an account has goes to a taker; quote goes round account, taker, opener and vault."""

from __future__ import annotations

import pytest

from tests.unit.clearinghouse.house import GIVEN, OPENER, TAKEN, VAULT
from tests.unit.system import BTC, ETH, SOL, UNITS, WAD, wad


@pytest.fixture
def victim(house, attacker, bob, known):
    """Spot, a long, a short and a debt of 15,000, all of the attacker's."""
    account = house.fund_spot(attacker, ETH, 20)
    known.append(account)
    house.prices()
    house.trade(account, bob, 3, 1600)
    house.trade(account, bob, -0.2, 51_200, market=BTC)
    house.clearinghouse.withdraw(account, 15_000 * UNITS, attacker, sender=attacker)
    return account


@pytest.fixture
def reserve(house, owner):
    """5,000 in the vault's account."""
    house.fund_account(house.vault_account, owner, 5_000)


def test_slice__fraction__moves_that_part_of_every_balance(house, victim, alice):
    house.slice(victim, alice, 0.25)
    assert house.clearinghouse.spot(victim, ETH) == 15 * WAD
    assert house.clearinghouse.spot(alice, ETH) == 5 * WAD
    assert house.position(victim, ETH) == (wad(2.25), 3_600 * WAD)
    assert house.position(alice, ETH) == (wad(0.75), 1_200 * WAD)
    assert house.position(victim, BTC) == (-wad(0.15), -7_680 * WAD)
    assert house.position(alice, BTC) == (-wad(0.05), -2_560 * WAD)
    assert house.stored(victim) == pytest.approx(-11_250 * WAD, rel=1e-7)
    assert house.stored(alice) == pytest.approx(6_250 * WAD, rel=1e-7)
    assert house.header(alice).spots == 1 << ETH
    assert house.header(alice).perps == 1 << ETH | 1 << BTC


def test_slice__parts__sum_to_what_there_was(house, victim, alice):
    before = house.position(victim, ETH), house.position(victim, BTC), house.clearinghouse.spot(victim, ETH)
    house.clearinghouse.slice(victim, alice, 333_333_333_333_333_333, 0, 0, 0, 0, sender=house.auctioneer)
    for market, was in ((ETH, before[0]), (BTC, before[1])):
        rest, part = house.position(victim, market), house.position(alice, market)
        assert (rest[0] + part[0], rest[1] + part[1]) == was
    assert house.clearinghouse.spot(victim, ETH) + house.clearinghouse.spot(alice, ETH) == before[2]


def test_slice__rounding__keeps_size_with_the_account_and_gives_cost_to_the_taker(
    house, venue, attacker, bob, alice, known
):
    account = house.fund(attacker, 100, sub=3)
    known.append(account)
    house.clearinghouse.trade(ETH, account, bob, 3, 1600 * WAD, 0, 0, sender=venue)
    # Half of (3, 4,800) is (1.5, 2,400): the size is cut, the cost is whole.
    house.slice(account, alice, 0.5)
    assert house.position(alice, ETH) == (1, 2_400)
    assert house.position(account, ETH) == (2, 2_400)
    house.slice(account, alice, 0.3)
    # 30% of (2, 2,400) is (0.6, 720).
    assert house.position(account, ETH) == (2, 1_680)
    house.slice(account, alice, 0.333)
    # A third of (2, 1,680) is (0.666, 559.44): the taker bears 560.
    assert house.position(account, ETH) == (2, 1_120)
    assert house.position(alice, ETH) == (1, 3_680)


def test_slice__whole__leaves_no_position_no_debt_and_no_market(house, victim, alice):
    house.slice(victim, alice, 1)
    assert house.clearinghouse.header(victim) == 0
    assert house.clearinghouse.book_of(victim)[1:] == (0, [])
    assert house.clearinghouse.spot(alice, ETH) == 20 * WAD
    assert house.position(alice, BTC) == (-wad(0.2), -10_240 * WAD)
    assert house.stored(alice) == pytest.approx(-5_000 * WAD, rel=1e-7)


def test_slice__onto_an_opposite_position__nets_and_lowers_open_interest(house, victim, alice, bob):
    house.trade(alice, bob, -1, 1600)
    cost, size = house.book(ETH)
    house.slice(victim, alice, 0.5)
    assert house.position(alice, ETH) == (wad(0.5), 800 * WAD)
    # 1.5 of the account's cancel 1 of the taker's, and so does that 1.
    assert house.book(ETH) == (cost, size - 2 * WAD)
    receipt = house.slice(victim, alice, 0.5)
    assert receipt.decode_logs(house.clearinghouse.BookChanged) == []


def test_slice__onto_exactly_the_opposite__leaves_the_taker_no_position(house, victim, alice, bob):
    house.trade(alice, bob, -1.5, 1600)
    house.slice(victim, alice, 0.5)
    assert house.clearinghouse.position(alice, ETH) == 0
    assert house.header(alice).perps == 1 << BTC


def test_slice__does_not_settle(house, victim, alice, bob):
    house.prices({ETH: 1664})
    costs = house.book(ETH)[0], house.book(BTC)[0]
    house.slice(victim, alice, 0.5)
    assert (house.book(ETH)[0], house.book(BTC)[0]) == costs


def test_slice__spot__stays_in_the_total(house, victim, alice):
    before = house.clearinghouse.spot_total(ETH)
    house.slice(victim, alice, 0.5)
    assert house.clearinghouse.spot_total(ETH) == before


def test_slice__payments__go_where_they_are_sent(house, victim, alice, pool, lender):
    opener = house.account(lender)
    before = {account: house.stored(account) for account in (victim, alice, opener, house.vault_account)}
    house.slice(victim, alice, 0.1, pays=300, gets=180, opener=opener, reward=20)
    after = {account: house.stored(account) for account in before}
    change = {account: after[account] - before[account] for account in before}
    part = before[victim] / 10
    assert change[victim] == pytest.approx(-part + 180 * WAD, rel=1e-6)
    assert change[alice] == pytest.approx(part - 300 * WAD, rel=1e-6)
    assert change[opener] == pytest.approx(20 * WAD, rel=1e-4)
    assert change[house.vault_account] == 0
    assert house.custody.reserve == pytest.approx(100 * WAD, abs=10**15)


def test_slice__taker_paid_by_the_vault__takes_it_from_the_vault(house, reserve, victim, alice):
    before = house.stored(house.vault_account)
    house.slice(victim, alice, 0.1, pays=-700)
    assert house.stored(house.vault_account) == pytest.approx(before - 700 * WAD, abs=10**15)


def test_slice__more_than_the_vault_has__is_shared_by_all_cash(house, reserve, victim, alice, pool):
    house.trade(alice, pool, 1, 1600, fees=(10, 0))
    has = house.stored(house.vault_account) + 10 * WAD
    indices = house.indices
    receipt = house.slice(victim, alice, 0.1, pays=-6_000)
    assert (house.header(house.vault_account).principal, house.custody.reserve) == (0, 0)
    (log,) = receipt.decode_logs(house.clearinghouse.LossShared)
    assert log.account == victim and log.supply == house.indices.supply < indices.supply
    assert log.loss == pytest.approx(6_000 * WAD - has, rel=1e-5)
    owned = house.totals.positive * indices.supply // WAD
    assert log.supply == pytest.approx(indices.supply * (owned - log.loss) / owned, rel=1e-6)
    assert house.changes(receipt) == [(victim, GIVEN), (alice, TAKEN), (house.vault_account, VAULT)]
    house.check_logged(receipt)


def test_slice__all_that_the_vault_has__shares_no_loss(house, reserve, victim, alice):
    cash = house.stored(house.vault_account)
    receipt = house.clearinghouse.slice(victim, alice, WAD // 10, -cash, 0, 0, 0, sender=house.auctioneer)
    assert receipt.decode_logs(house.clearinghouse.LossShared) == []
    assert 0 <= house.cash(house.vault_account) < 10**15


@pytest.mark.parametrize("pays", [-2 * 10**11, -5 * 10**11])
def test_slice__loss_that_leaves_next_to_nothing__reverts(house, victim, alice, pool, pays):
    # Lenders and taker own some 125,000 and what the taker is paid: the index would fall below a millionth.
    with house.refuses("clearinghouse: loss beyond the floor", victim, alice, pool):
        house.slice(victim, alice, 0.1, pays=pays)


def test_slice__opener_is_the_taker__has_both_in_one_event(house, victim, alice):
    before = house.stored(alice), house.stored(victim)
    receipt = house.slice(victim, alice, 0.1, pays=300, gets=180, opener=alice, reward=20)
    assert house.stored(alice) == pytest.approx(before[0] + before[1] / 10 - 280 * WAD, rel=1e-6)
    assert house.changes(receipt) == [(victim, GIVEN), (alice, TAKEN)]
    house.check_logged(receipt)


def test_slice__opener_is_the_account__has_its_reward(house, victim, alice):
    before = house.stored(victim)
    receipt = house.slice(victim, alice, 0.1, pays=300, gets=180, opener=victim, reward=20)
    assert house.stored(victim) == pytest.approx(before * 0.9 + 200 * WAD, rel=1e-6)
    assert house.changes(receipt) == [(victim, GIVEN), (alice, TAKEN), (victim, OPENER)]
    house.check_logged(receipt)


def test_slice__opener_is_the_vault__adds_up(house, victim, alice):
    before = house.stored(house.vault_account)
    receipt = house.slice(victim, alice, 0.1, pays=300, gets=180, opener=house.vault_account, reward=20)
    assert house.stored(house.vault_account) == pytest.approx(before + 20 * WAD, abs=4)
    assert house.custody.reserve == pytest.approx(100 * WAD, abs=10**15)
    assert house.changes(receipt) == [(victim, GIVEN), (alice, TAKEN), (house.vault_account, OPENER)]
    house.check_logged(receipt)


def test_slice__taker_is_the_vault__adds_up(house, reserve, victim):
    vault = house.vault_account
    before = house.stored(vault), house.stored(victim)
    receipt = house.slice(victim, vault, 0.1, pays=300, gets=180)
    assert house.stored(vault) == pytest.approx(before[0] + before[1] / 10 - 300 * WAD, rel=1e-6)
    assert house.changes(receipt) == [(victim, GIVEN), (vault, TAKEN)]
    house.check_logged(receipt)


def test_slice__account_is_the_vault__adds_up(house, reserve, vault_wallet, alice):
    vault = house.vault_account
    before = house.stored(vault)
    receipt = house.slice(vault, alice, 0.1, pays=300, gets=180)
    assert house.stored(vault) == before * 9 // 10 + 180 * WAD
    assert house.changes(receipt) == [(vault, GIVEN), (alice, TAKEN)]
    house.check_logged(receipt)


def test_slice__any__logs_each_account_once_with_its_final_words(house, victim, alice, pool):
    receipt = house.slice(victim, alice, 0.1, pays=300, gets=180, opener=pool, reward=20)
    expected = [(victim, GIVEN), (alice, TAKEN), (pool, OPENER)]
    assert house.changes(receipt) == expected
    logs = receipt.decode_logs(house.clearinghouse.AccountChanged)
    maps = 1 << ETH | (1 << ETH | 1 << BTC) << 64
    assert [log.changed for log in logs] == [maps, maps, 0]
    house.check_logged(receipt)


def test_slice__whole__logs_the_zeros(house, victim, alice):
    receipt = house.slice(victim, alice, 1)
    log = receipt.decode_logs(house.clearinghouse.AccountChanged)[0]
    assert (log.account, log.header, list(log.words)) == (victim, 0, [0, 0, 0])
    house.check_logged(receipt)


def test_slice__claim__moves_with_the_rest(house, victim, alice, bob, pool):
    house.trade(alice, bob, 10, 100, market=SOL)
    house.prices({SOL: 104})
    house.trade(alice, pool, -10, 104, market=SOL)
    assert house.position(alice, SOL) == (0, -40 * WAD)
    house.slice(alice, pool, 0.5)
    assert house.position(alice, SOL) == (0, -20 * WAD)
    assert house.position(pool, SOL)[0] == 10 * WAD


@pytest.mark.parametrize("role", ["owner", "venue", "attacker", "vault_wallet"])
def test_slice__by_anybody_but_the_auction__reverts(house, wallets, victim, alice, role):
    with house.refuses("clearinghouse: not the auction", victim, alice):
        house.slice(victim, alice, 0.1, sender=wallets[role])


def test_slice__onto_itself__reverts(house, victim):
    with house.refuses("clearinghouse: same account", victim):
        house.slice(victim, victim, 0.1)


def test_slice__to_or_from_nobody__reverts(house, victim):
    for sides in ((victim, 7), (7, victim)):
        with house.refuses("clearinghouse: owner is zero", victim):
            house.slice(*sides, 0.1)


@pytest.mark.parametrize("fraction", [0, WAD + 1, 2**256 - 1])
def test_slice__fraction_out_of_range__reverts(house, victim, alice, fraction):
    with house.refuses("clearinghouse: fraction out of range", victim, alice):
        house.clearinghouse.slice(victim, alice, fraction, 0, 0, 0, 0, sender=house.auctioneer)


def test_slice__that_brings_the_taker_above_a_bound__reverts(house, eth, taker, victim, alice):
    eth.mint(taker, 10**33, sender=taker)
    eth.approve(house.clearinghouse, 10**33, sender=taker)
    house.clearinghouse.deposit_spot(alice, ETH, 10**33, sender=taker)
    with house.refuses("clearinghouse: size out of bounds", victim, alice):
        house.slice(victim, alice, 0.1)


def test_slice__cash_beyond_its_bound__reverts(house, victim, alice):
    with house.refuses("clearinghouse: cash out of bounds", victim, alice):
        house.slice(victim, alice, 0.1, pays=2 * 10**12)
