"""Shutting a network down, run by run: markets given up and frozen, the end, and winding up until cash is claimed."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass
from typing import Any

import ape
import pytest
from ape import chain

from keeper.model.words import RETIRED, RETIRING, Parameters, Settings, Totals
from keeper.orders import FOREVER, Order, sign_order
from scripts._deployment import Refused, hand_over, shut_down, shutting_down
from tests.deploy.conftest import Site, copy_of_file, load

ETH, BTC, SOL, LINK = range(4)
PRICES = {"eth": 2_000, "btc": 50_000, "sol": 100, "link": 10}
WAD, UNITS, FEED_UNITS = 10**18, 10**6, 10**8
PRICE_AGE = 240
"""Seconds that a price counts for: the hour of an average takes few of them."""
DELAY = 3_600
DAY = 86_400
NOBODY = "0x" + "00" * 20


@dataclass
class World(Site):
    """A network with somebody of each kind: who lends, who owes, who won, who lost more than they had."""

    wallets: dict[str, Any]

    def account(self, name: str) -> int:
        return int(self.wallets[name].address, 16) << 96

    def run(self, account: Any = None) -> list[str]:
        return shut_down(load, account or self.owner, self.path)[1]

    @property
    def quote(self) -> Any:
        return load("TestToken").at(self.record.quote.token, fetch_from_explorer=False)

    def price(self, **changed: int) -> None:
        """A round of every feed, and the RiskEngine has seen it."""
        for symbol, price in (PRICES | changed).items():
            feed = load("TestFeed").at(self.record.testing[f"{symbol} feed"].address, fetch_from_explorer=False)
            feed.push(price * FEED_UNITS, chain.blocks.head.timestamp, sender=self.owner)
        self.at("RiskEngine").refresh([ETH, BTC, SOL, LINK], sender=self.owner)

    def an_hour_of_prices(self, **changed: int) -> None:
        self.price(**changed)
        for _ in range(3_600 // PRICE_AGE + 1):
            pass_time(PRICE_AGE)
            self.at("RiskEngine").refresh([ETH, BTC, SOL, LINK], sender=self.owner)

    def fund(self, name: str, amount: int) -> None:
        wallet, house = self.wallets[name], self.at("Clearinghouse")
        self.quote.mint(wallet, amount * UNITS, sender=wallet)
        self.quote.approve(house, amount * UNITS, sender=wallet)
        house.deposit(self.account(name), amount * UNITS, sender=wallet)

    def borrow(self, name: str, eth: int, quote: int) -> None:
        wallet, house = self.wallets[name], self.at("Clearinghouse")
        token = load("TestToken").at(house.spot_token(ETH), fetch_from_explorer=False)
        token.mint(wallet, eth * WAD, sender=wallet)
        token.approve(house, eth * WAD, sender=wallet)
        house.deposit_spot(self.account(name), ETH, eth * WAD, sender=wallet)
        house.withdraw(self.account(name), quote * UNITS, wallet, sender=wallet)

    def trade(self, long: str, short: str, market: int, size: int, price: int) -> None:
        exchange, maker = self.at("Exchange"), self.wallets[short]
        order = Order(self.account(short), market, -size * WAD, price * WAD, max_fee=100, expiry=FOREVER, nonce=1)
        signature = sign_order(order, chain.chain_id, exchange.address, maker.private_key)
        exchange.fill(astuple(order), signature, self.account(long), size * WAD, 100, sender=self.wallets[long])

    def flags(self) -> list[int]:
        engine = self.at("RiskEngine")
        return [Parameters.unpack(engine.parameters(market)).flags for market in range(engine.market_count())]

    def settings(self) -> Settings:
        return Settings.unpack(self.at("Clearinghouse").settings())

    def hand_over(self) -> None:
        """The timelock owns everything; only the owner may propose, anybody may carry out."""
        for _ in range(2):
            hand_over(load, self.owner, DELAY, [self.owner.address], [NOBODY], self.path)
            pass_time(DELAY)

    def to_the_end(self, **prices: int) -> None:
        """The owner shuts down, at an hour of these prices."""
        self.run()
        self.an_hour_of_prices(**prices)
        self.run()
        assert self.at("Auction").closed_at() != 0


def pass_time(seconds: int) -> None:
    chain.pending_timestamp += seconds
    chain.mine()


@pytest.fixture(scope="module")
def world_files(owner, accounts, tmp_path_factory):
    """Deployed once: the module's tests begin with everybody in place."""
    folder = tmp_path_factory.mktemp("shut_down")
    names = ("lender", "borrower", "long", "short")
    world = World(folder / "network.json", copy_of_file(folder), owner, dict(zip(names, accounts[1:5], strict=True)))
    world.edit_parameters(oracle__price_age=PRICE_AGE, oracle__fast_life=PRICE_AGE)
    world.deploy()
    world.configure()
    world.price()
    world.fund("lender", 100_000)
    world.fund("long", 600)
    world.fund("short", 600)
    world.borrow("borrower", eth=10, quote=5_000)
    world.price()
    world.trade("long", "short", SOL, 10, 100)
    return world


@pytest.fixture
def world(world_files, tmp_path):
    path = tmp_path / "network.json"
    path.write_text(world_files.path.read_text())
    return World(path, world_files.file, world_files.owner, world_files.wallets)


def test_shut_down__first_run__rates_zero_and_markets_given_up_all_else_as_it_was(world):
    before = world.settings()
    assert before.at_kink and before.at_full
    done = world.run()
    assert done[:5] == [
        "Clearinghouse.set_settings: no more interest, all else as it is",
        "RiskEngine.retire: 0 eth is given up, for good",
        "RiskEngine.retire: 1 btc is given up, for good",
        "RiskEngine.retire: 2 sol is given up, for good",
        "RiskEngine.retire: 3 link is given up, for good",
    ]
    assert done[5] == "waits for its price: 0 eth cannot be frozen yet"
    assert done[-1].startswith("next: prices of every market for an hour after it was given up")
    after = world.settings()
    assert (after.at_kink, after.at_full) == (0, 0)
    assert (after.kink, after.reserve, after.band, after.max_fee) == (
        *(before.kink, before.reserve),
        *(before.band, before.max_fee),
    )
    assert world.at("Clearinghouse").indices() >> 192 == 0
    assert all(flags & RETIRING for flags in world.flags())


def test_shut_down__while_prices_are_averaged__waits_and_sends_nothing(world):
    world.run()
    height = chain.blocks.height
    done = world.run()
    assert [line.split(":")[0] for line in done] == ["waits for its price"] * 4 + ["next"]
    assert chain.blocks.height == height


def test_shut_down__one_market_without_prices__freezes_the_others_and_waits_for_it(world):
    world.run()
    world.price()
    for _ in range(3_600 // PRICE_AGE + 1):
        pass_time(PRICE_AGE)
        world.at("RiskEngine").refresh([ETH, BTC, LINK], sender=world.owner)
    done = world.run()
    assert "RiskEngine.freeze: 0 eth has its last price" in done
    assert [line for line in done if "cannot be frozen" in line] == ["waits for its price: 2 sol cannot be frozen yet"]
    assert [bool(flags & RETIRED) for flags in world.flags()] == [True, True, False, True]


def test_shut_down__an_hour_of_prices__freezes_shuts_down_and_says_until_when(world):
    world.run()
    world.an_hour_of_prices()
    done = world.run()
    assert [line.split(":")[0] for line in done] == ["RiskEngine.freeze"] * 4 + ["Auction.shut_down", "next"]
    assert all(flags & RETIRED for flags in world.flags())
    assert re.fullmatch(
        r"next: owners have until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC to settle and repay; then run this again, and "
        "debts are absorbed",
        done[-1],
    )
    assert world.at("Auction").closed_at() == chain.blocks.head.timestamp


def test_shut_down__in_the_fourteen_days__says_until_when_and_sends_nothing(world):
    world.to_the_end()
    pass_time(14 * DAY - 60)
    height = chain.blocks.height
    first, second = world.run()
    assert first.startswith("shut down at ")
    assert "owners settle, repay and deposit until " in first
    assert second == "next: run this again then, and what is still owed is absorbed"
    assert chain.blocks.height == height


def test_shut_down__after_fourteen_days__anybody_absorbs_and_settles_and_all_cash_is_claimed(world, stranger):
    """sol at 20: the long lost 800 of its 600, the short won them, the vault is empty."""
    world.to_the_end(sol=20)
    house, vault = world.at("Clearinghouse"), world.at("InsuranceVault")
    pass_time(14 * DAY)
    done = world.run(stranger)
    assert re.fullmatch(
        r"nothing is left to settle or to absorb: whoever owns cash may claim it from \S+ \S+ UTC \(docs/shutdown.md\)",
        done[-1],
    )
    pool = vault.pool()
    assert house.cash(world.account("borrower")) >= 0
    assert 0 <= house.cash(world.account("long")) < 10**15
    assert house.position(world.account("long"), SOL) == 0
    assert house.cash(world.account("short")) > 1_300 * WAD
    assert Totals.unpack(house.totals()).negative > 0
    assert house.cash(pool) < 0
    assert house.spot(pool, ETH) == pytest.approx(5 * WAD // 2, rel=1e-6)

    height = chain.blocks.height
    assert world.run(stranger) == done[-1:]
    assert chain.blocks.height == height
    pass_time(7 * DAY)
    assert world.run(stranger) == [
        "nothing is left to settle or to absorb: whoever owns cash may claim it (docs/shutdown.md)"
    ]
    for name in ("lender", "short"):
        account, wallet = world.account(name), world.wallets[name]
        cash, before = house.cash(account), world.quote.balanceOf(wallet)
        with ape.reverts("clearinghouse: nothing to move"):
            house.withdraw(account, UNITS, wallet, sender=wallet)
        vault.claim(account, sender=wallet)
        paid = (world.quote.balanceOf(wallet) - before) * WAD // UNITS
        worth = paid + house.spot(account, ETH) * 2_000
        assert worth == pytest.approx(cash, rel=1e-3)
        assert house.cash(account) < 10**13
        house.withdraw_spot(account, ETH, house.spot(account, ETH), wallet, sender=wallet)
        assert house.book_of(account)[1:] == (0, [])


def test_shut_down__loss_that_all_cash_could_not_bear__said_and_the_others_absorbed(world):
    """sol at 100,000: the short lost a million, and there are 100,000 in all."""
    world.to_the_end(sol=100_000)
    pass_time(14 * DAY)
    done = world.run()
    left = [line for line in done if " is left: " in line]
    refused = "InsuranceVault.absorb was refused on chain: vault: loss beyond all cash"
    assert left == [f"account {world.account('short'):#066x} is left: {refused}"]
    assert done[-2].startswith("left: 1 accounts that owe, ")
    assert world.at("Clearinghouse").cash(world.account("borrower")) >= 0


def test_shut_down__owner_of_shares_of_the_vault__leaves_in_kind_and_claims(world):
    """What docs/shutdown.md tells to call, in that order."""
    house, vault, wallet = world.at("Clearinghouse"), world.at("InsuranceVault"), world.wallets["lender"]
    world.quote.mint(wallet, 1_000 * UNITS, sender=wallet)
    world.quote.approve(vault, 1_000 * UNITS, sender=wallet)
    vault.deposit(1_000 * UNITS, wallet, sender=wallet)
    world.to_the_end()
    with ape.reverts("vault: nothing to withdraw"):
        vault.request(vault.balanceOf(wallet), wallet, sender=wallet)
    pass_time(30 * DAY)
    world.run()
    account, before = world.account("lender"), world.quote.balanceOf(wallet)
    vault.leave_in_kind(sender=wallet)
    assert vault.balanceOf(wallet) == 0
    vault.claim(account, sender=wallet)
    paid = (world.quote.balanceOf(wallet) - before) * WAD // UNITS
    assert paid + house.spot(account, ETH) * 2_000 == pytest.approx(101_000 * WAD, rel=1e-3)


def test_shut_down__more_accounts_than_a_call_takes__all_are_absorbed(world, monkeypatch):
    world.borrow("short", eth=1, quote=1_500)
    monkeypatch.setattr("scripts._deployment.winding_up.ABSORBED_AT_ONCE", 1)
    monkeypatch.setattr("scripts._deployment.winding_up.SEEN_AT_ONCE", 2)
    world.to_the_end()
    pass_time(14 * DAY)
    done = world.run()
    assert done.count("InsuranceVault.absorb: 1 accounts' debts are the pool's") == 2
    assert done[-1].startswith("nothing is left to settle or to absorb")


def test_shut_down__stranger_before_the_end__refused_and_nothing_sent(world, stranger):
    height = chain.blocks.height
    with pytest.raises(Refused, match="only its owner may shut it down"):
        world.run(stranger)
    assert chain.blocks.height == height


def test_shut_down__more_tokens_than_fit_the_pool__refused_before_anything_is_given_up(world, monkeypatch):
    monkeypatch.setattr(shutting_down, "MOST_TOKENS", 1)
    height = chain.blocks.height
    with pytest.raises(Refused, match="2 markets have a token: no more than 1 fit the pool of debts"):
        world.run()
    assert chain.blocks.height == height


def test_shut_down__no_deployment__refused(world):
    world.path.unlink()
    with pytest.raises(Refused, match="there is no deployment of this chain: nothing to shut down"):
        world.run()


def test_shut_down__unfinished_deployment__refused(world):
    contracts = world.record.contracts
    world.edit_record(contracts={name: contracts[name] for name in contracts if name != "Lens"})
    with pytest.raises(Refused, match="the deployment is unfinished, without Lens: nothing to shut down"):
        world.run()


def test_shut_down__owned_by_the_timelock__each_act_is_proposed_then_carried_out(world):
    world.hand_over()
    done = world.run()
    assert done[0] == (
        f"scheduled, for {DELAY} s from now: Clearinghouse.set_settings: no more interest, all else as it is"
    )
    assert [line.split(":")[1] for line in done[1:5]] == [" RiskEngine.retire"] * 4
    assert done[-1] == "next: run this again once the timelock's delay has passed"
    assert world.settings().at_full != 0
    assert all(line.startswith("waits in the timelock until") for line in world.run()[:-1])

    pass_time(DELAY)
    done = world.run()
    assert done[0].startswith("carried out: Clearinghouse.set_settings")
    assert done[5] == "waits for its price: 0 eth cannot be frozen yet"
    assert all(flags & RETIRING for flags in world.flags())

    world.an_hour_of_prices()
    done = world.run()
    assert any(line.startswith(f"scheduled, for {DELAY} s from now: Auction.shut_down") for line in done)
    assert done[-1] == "next: run this again once the timelock's delay has passed; only that shuts down"
    assert world.at("Auction").closed_at() == 0
    pass_time(DELAY)
    done = world.run()
    assert done[0].startswith("carried out: Auction.shut_down")
    assert done[1].startswith("next: owners have until")
    assert world.at("Auction").closed_at() != 0


def test_shut_down__who_may_not_propose__refused(world, stranger):
    world.hand_over()
    with pytest.raises(Refused, match="may not propose to the timelock"):
        world.run(stranger)
    assert world.settings().at_full != 0
