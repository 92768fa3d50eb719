"""Every contract on titanoboa beside the one model: an act is done on both sides, and must do the same.

What an act changed is read from its logs into a mirror, which must then say what the model says: so logs alone are
enough to follow the protocol. Now and then all state is compared through the contracts' getters too.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import boa
from eth_keys import keys
from eth_utils.crypto import keccak

from keeper.model.interest import accrue
from keeper.model.ledger import EMPTY, Account
from keeper.model.protocol import Addresses, Protocol, Setup
from keeper.model.requirement import Holding
from keeper.model.state import Refused
from keeper.model.winding import MORE_THAN_ALL
from keeper.model.words import (
    LISTED,
    PERP_ALLOWED,
    RETIRED,
    SPOT_ALLOWED,
    Curve,
    Limits,
    Parameters,
    Position,
    Risk,
    Settings,
    Terms,
)
from scripts._deployment.addresses import addresses_after
from tests.model.chain import ORACLE, START, Engines, deploy_engine, domain, load, number, send

WAD = 10**18
THRESHOLD = 3
MAIN = 5
"""Markets with frequent prices; the rest fill up accounts and are often late or dead."""
MARKETS = 19
PRICES = [60_000, 2_000, 100, 10, 1, *(3 + place for place in range(MARKETS - MAIN))]
CAPPED = (2, 3)
SPOT_ONLY = 4
"""A market without perpetuals."""
SPOT_DECIMALS = {0: 8, 1: 18, 3: 6, 4: 0, 7: 18}
FEED_DECIMALS = {0: 8, 1: 8, 2: 18, 3: 6}
SPREADS = [(3250, 400, 350), (4600, 470, 400), (5860, 3200, 750), (5210, 2810, 750), (900, 300, 100)]
RHO = (84, 83, 76, 57, 69, 80, 76, 85, 82, 57, 75, 80, 88, 89, 59, 78, 81, 87, 58, 83, 82, 86, 50, 52, 59, 73, 77, 78)
RISK = Risk(RHO, kappa=2_500, iota=15_000, min_requirement=2_000)
SETTINGS = Settings(kink=8_000, at_kink=60_000_000, at_full=1_000_000_000, reserve=1_000, band=500, max_fee=100)
TERMS = Terms(target=14_000, penalty=500, backstop=300, grace=300, opener_cap=50 * WAD, watch=60)
LIMITS = Limits(most=300 * WAD, seconds=600)
COOLDOWN = 20
CURVE = Curve(((0, 0), (60, 3_500), (300, 7_000)))
PLENTY = 2**200


def topic(signature: str) -> int:
    """An event's first topic."""
    return int.from_bytes(keccak(text=signature), "big")


ACCOUNT_CHANGED = topic("AccountChanged(uint256,uint256,uint256,uint256,uint256[])")
INTEREST_CHANGED = topic("InterestChanged(uint256,uint256,uint256)")
BOOK_CHANGED = topic("BookChanged(uint256,uint256)")
RUN_CHANGED = topic("RunChanged(uint256,uint256)")
PRICES_UPDATED = topic("PricesUpdated(uint256,uint256,uint256[])")


def bits(word: int) -> list[int]:
    """Places of the set bits, rising."""
    return [place for place in range(word.bit_length()) if word >> place & 1]


class Mirror:
    """The protocol's words as its logs tell them."""

    def __init__(self) -> None:
        self.headers: dict[int, int] = {}
        self.words: dict[int, dict[tuple[int, int], int]] = {}
        self.money = (0, 0, 0)
        self.books: dict[int, int] = {}
        self.runs: dict[int, int] = {}
        self.prices: dict[int, int] = {}

    def take(self, logs: Iterable[tuple[bytes, tuple[int, ...], bytes]]) -> set[int]:
        """Apply an act's logs in order; returns the accounts that they name."""
        accounts = set()
        for _, topics, data in logs:
            values = [int.from_bytes(data[at : at + 32], "big") for at in range(0, len(data), 32)]
            if topics[0] == ACCOUNT_CHANGED:
                self._account(topics[1], values)
                accounts.add(topics[1])
            elif topics[0] == INTEREST_CHANGED:
                self.money = (values[0], values[1], values[2])
            elif topics[0] == BOOK_CHANGED:
                self.books[topics[1]] = values[0]
            elif topics[0] == RUN_CHANGED:
                self.runs[topics[1]] = values[0]
            elif topics[0] == PRICES_UPDATED:
                markets = bits(values[0])
                assert len(markets) == values[2]
                self.prices.update(zip(markets, values[3:], strict=True))
        return accounts

    def _account(self, account: int, values: list[int]) -> None:
        _, header, changed, _, count, *words = values
        self.headers[account] = header
        places = sorted((place % 64, place // 64) for place in bits(changed))
        assert len(places) == count == len(words)
        held = self.words.setdefault(account, {})
        for place, word in zip(places, words, strict=True):
            held[place] = word
            if word == 0:
                del held[place]


def words_of(account: Account) -> dict[tuple[int, int], int]:
    """An account's words in the model: (market, 0 spot or 1 position) → word."""
    words = {}
    for market, holding in account.holdings.items():
        if holding.spot:
            words[market, 0] = holding.spot
        if holding.size or holding.cost:
            words[market, 1] = Position(holding.size, holding.cost).pack()
    return words


class World:
    """Contracts and model, wired alike and driven alike."""

    def __init__(self, rng: random.Random) -> None:
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.reasons: Counter[tuple[str, str]] = Counter()
        self.traits: Counter[str] = Counter()
        self.mirror = Mirror()
        self.seen: set[int] = set()
        engines = deploy_engine(rng, THRESHOLD, 8)
        engines.set_risk(RISK)
        self.quote = load("testing/TestToken", "Quote", "QUOTE", 6)
        deployer = boa.env.eoa
        nonce = boa.env.evm.revm.basic(str(deployer)).nonce
        named = addresses_after(str(deployer), nonce, 4)[1:]
        self.clearinghouse = load("Clearinghouse", self.quote, engines.contract, SETTINGS.pack(), *named)
        self.auction = load("Auction", self.clearinghouse, TERMS.pack(), CURVE.pack(), LIMITS.pack())
        self.vault = load("InsuranceVault", self.clearinghouse, "Plimsoll insurance", "pINS", COOLDOWN)
        self.batch = load("Batch", self.clearinghouse)
        self.exchange = load("Exchange", self.clearinghouse, 3, 1)
        contracts = (self.exchange.address, self.auction.address, self.vault.address, self.batch.address)
        addresses = Addresses(*(number(address) for address in contracts))
        setup = Setup(ORACLE, SETTINGS, TERMS, CURVE, 3, 1, 6, addresses=addresses, limits=LIMITS, cooldown=COOLDOWN)
        self.model = Protocol(setup, START)
        self.engines = Engines(engines.contract, self.model.engine, engines.signers, engines.feeds)
        self.model.engine.set_slow_feed(2**256 - 1, engines.model.feeds[2**256 - 1])
        self.model.engine.set_risk(RISK)
        self.model.engine.set_signers(*engines.model.signers.value)
        self.venue = keys.PrivateKey(rng.randbytes(32)).public_key.to_address()
        self.order_domain = domain(self.exchange)
        self._list_markets()
        self._wire()

    def _list_markets(self) -> None:
        self.tokens: dict[int, Any] = {}
        for market in range(MARKETS):
            spread = SPREADS[market] if market < MAIN else (8_000, 5_000, 1_000)
            flags = (
                LISTED | (SPOT_ALLOWED if market in SPOT_DECIMALS else 0) | (PERP_ALLOWED if market != SPOT_ONLY else 0)
            )
            cap = 900_000 if market in CAPPED else 0
            parameters = Parameters(*spread, bucket=market % 8, flags=flags, cap=cap)
            self.engines.add_market(parameters, FEED_DECIMALS.get(market), 600, 500)
        for market, decimals in SPOT_DECIMALS.items():
            token = load("testing/TestToken", f"Token {market}", f"T{market}", decimals)
            self.tokens[market] = token
            self.clearinghouse.list_spot(market, token)
            self.model.clearinghouse.list_spot(market, decimals)

    def _wire(self) -> None:
        assert self.clearinghouse.auction() == self.auction.address
        for venue in (self.exchange.address, self.venue):
            self.clearinghouse.set_venue(venue, True)
            self.model.clearinghouse.set_venue(number(venue), True)
        self.mirror.money = self.stored_money()

    def endow(self, wallet: str) -> None:
        """Every token there is, and leave for the contracts to pull it."""
        for token in (self.quote, *self.tokens.values()):
            token.mint(wallet, PLENTY)
            for spender in (self.clearinghouse, self.vault, self.batch):
                send(token, "approve", spender.address, PLENTY, sender=wallet)

    def at(self, now: int) -> None:
        """Chain time on both sides."""
        self.engines.at(now)

    def both(
        self, kind: str, contract: Any, function: str, args: tuple[Any, ...], sender: str, act: Callable[[], Any]
    ) -> str:
        """Do an act on both sides; they agree on why it is refused or on all that it changed. Returns the refusal."""
        mark = self.model.checkpoint()
        refusal = ""
        try:
            act()
        except Refused as refused:
            refusal = refused.reason
        touched = self.model.journal.touched(mark)
        self.model.release(mark)
        said, computation = send(contract, function, *args, sender=sender)
        assert said == refusal, f"{kind} {function}{args} by {sender}: contract {said!r}, model {refusal!r}"
        if refusal:
            self.refused[kind] += 1
            self.reasons[refusal, kind] += 1
        else:
            self.done[kind] += 1
            self._compare(touched, self.mirror.take(computation.get_log_entries()))
        return refusal

    def _compare(self, touched: set[tuple[str, Any]], named: set[int]) -> None:
        accounts = named | {key for table, key in touched if table == "accounts"}
        self.seen |= accounts
        for account in accounts:
            modelled = self.model.clearinghouse.accounts[account]
            assert self.mirror.headers.get(account, 0) == modelled.header.pack(), f"logged header of {account:#x}"
            assert self.mirror.words.get(account, {}) == words_of(modelled), f"logged words of {account:#x}"
        house = self.model.clearinghouse
        assert self.mirror.money == self.modelled_money(), "logged indices, totals and custody"
        for table, key in touched:
            if table == "books":
                assert self.mirror.books[key] == house.books[key].pack(), f"logged book of {key}"
            elif table == "runs":
                assert self.mirror.runs.get(key, 0) == self.model.auction.runs[key].pack(), f"logged run of {key:#x}"
            elif table == "prices":
                word = self.model.engine.prices[key]
                assert self.mirror.prices.get(key, 0) == (word.pack() if word else 0), f"logged price of {key}"
            elif table == "slots":
                assert self.exchange.slot(*key) == self.model.exchange.slots[key].pack(), f"slot {key}"
            elif table == "lowest":
                assert self.exchange.lowest_nonce(key) == self.model.exchange.lowest[key], f"lowest nonce of {key:#x}"
            elif table == "auction_entries":
                assert self.auction.entry(key) == self.model.auction.entries[key], f"entry of {key:#x}"
            elif table == "standing_book":
                found, stored = self.auction.standing_bid(key), self.model.auction.book[key]
                assert found[2] == (stored.pack() if stored else 0), f"standing bid {key}"
                assert stored is None or found[1] == stored.minimum, f"minimum of standing bid {key}"
            elif table == "standing_takers":
                assert self.auction.standing_bid(key)[0] == self.model.auction.takers[key], f"taker of {key}"
            elif table == "requests":
                asked = self.model.vault.requests[key]
                found = self.vault.request_of(boa.util.abi.Address(f"{key:#042x}"))
                assert tuple(found) == (asked.shares, asked.value, asked.ready), f"request of {key:#x}"
            elif table == "share_balances":
                assert self.vault.balanceOf(boa.util.abi.Address(f"{key:#042x}")) == self.model.vault.balances[key]

    def modelled_money(self) -> tuple[int, int, int]:
        """Indices, totals and custody of the model."""
        house = self.model.clearinghouse
        return house.indices.value.pack(), house.totals.value.pack(), house.custody.value.pack()

    def stored_money(self) -> tuple[int, int, int]:
        """Indices, totals and custody of the contract."""
        house = self.clearinghouse
        return house.indices(), house.totals(), house.custody()

    def compare_all(self) -> None:
        """All state through the getters, and what the contracts derive from it at this moment."""
        house, model = self.clearinghouse, self.model
        assert self.stored_money() == self.modelled_money()
        assert self.vault.totalAssets() == model.vault.total_assets()
        assert self.vault.totalSupply() == model.vault.supply.value
        closed = model.auction.closed_at.value
        assert self.auction.closed_at() == closed
        assert self.auction.terms() == (0 if closed else model.auction.terms.value.pack())
        assert self.auction.limits() == model.auction.limits.value.pack()
        assert sorted(self.auction.standing_book()) == [bid.pack() for bid in model.auction.on_book()]
        assert self.auction.vault_left() == model.auction.vault_left()
        known = sum(model.auction.entries.rows.values()) + (MORE_THAN_ALL if closed else 0)
        assert house.entries() == model.clearinghouse.entries.value == known
        self.engines.assert_same_words(range(MARKETS))
        for market in range(MARKETS):
            assert house.market_book(market) == model.clearinghouse.books[market].pack(), f"book of {market}"
            assert house.spot_total(market) == model.clearinghouse.spot_totals[market], f"spot total of {market}"
        assert set(model.clearinghouse.accounts) <= self.seen
        for account in self.seen:
            stored = model.clearinghouse.accounts[account]
            assert house.header(account) == stored.header.pack(), f"header of {account:#x}"
            cash, maps, words = house.book_of(account)
            assert cash == model.clearinghouse.cash_now(account), f"cash of {account:#x}"
            assert maps == stored.spots | stored.perps << 64
            assert words == [word for _, word in sorted(words_of(stored).items())], f"words of {account:#x}"
            assert self.auction.run(account) == model.auction.runs[account].pack(), f"run of {account:#x}"
            if stored is not EMPTY:
                assessment = model.clearinghouse.assess(account)
                assert tuple(house.assess(account)) == assessment, f"assessment of {account:#x}"
        self._compare_custody()

    def held_in(self, market: int) -> list[Holding]:
        """Every holding in a market, in the model."""
        accounts = self.model.clearinghouse.accounts.rows.values()
        return [account.holdings[market] for account in accounts if market in account.holdings]

    def _compare_book(self, market: int) -> None:
        """A market's positions against its book; of a retired one those that have ended are at its last price."""
        holdings, book = self.held_in(market), self.model.clearinghouse.books[market]
        sizes, costs = (sum(getattr(holding, name) for holding in holdings) for name in ("size", "cost"))
        assert sum(abs(holding.size) for holding in holdings) == book.size
        assert book.cost <= 0
        if self.model.engine.parameters[market].flags & RETIRED:
            # The worth of each size that has ended went from its cost alone, rounded against its account.
            rounded = (costs - book.cost) * WAD - sizes * self.model.engine.reading(market).p_star
            assert 0 <= rounded < len(self.model.clearinghouse.accounts) * WAD, f"book of retired {market}"
        else:
            assert (sizes, costs) == (0, book.cost), f"book of {market}"

    def _compare_custody(self) -> None:
        """What no wrong formula in both could hide: the tokens are there, and the books add up."""
        house, model = self.clearinghouse, self.model.clearinghouse
        held = model.custody.value.held
        assert self.quote.balanceOf(house) * model.quote_scale == held
        for market, token in self.tokens.items():
            scale = 10 ** (18 - SPOT_DECIMALS[market])
            spot = sum(holding.spot for holding in self.held_in(market))
            assert spot == model.spot_totals[market] == token.balanceOf(house) * scale
        for market in range(MARKETS):
            self._compare_book(market)
        cash = sum(model.cash_now(account) for account in model.accounts)
        costs = sum(model.books[market].cost for market in range(MARKETS))
        _, custody = accrue(model.indices.value, model.totals.value, model.custody.value, model.clock.now)
        # Dust grows in the protocol's favour: nobody is owed more than is there.
        assert held >= cash - costs + custody.reserve
