"""
Trades, settlement, deposits and withdrawals: no cost is made or lost, and tokens held stay Σ cash − Σ cost + reserve.

The acts of the model are run as they are, over integers without bounds; what a change of cash becomes when it is
written is proven in test_cash.py, so here the changes are what is summed. Derived in docs/maths.md, section 1.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import z3

from keeper.model import clearinghouse, ledger, trading
from keeper.model.requirement import Assessment, Holding
from keeper.model.rounding import WAD
from keeper.model.state import Cell, Journal, Table
from keeper.model.words import PERP_ALLOWED, RETIRED, Custody, Indices, MarketBook, Settings, Totals
from tests.proofs.symbolic import Claim, Int, counterexample, ints, term
from tests.proofs.twin import broken, without

AUCTION, VAULT, TAKER, MAKER = (number << 96 for number in (1, 2, 3, 4))
MARKET = 0
PRICE, FUNDING, P_STAR, INDEX = ints("price funding p_star index")

FIXED = (PRICE.term == WAD + 1, FUNDING.term == 3, P_STAR.term == WAD + 5, INDEX.term == WAD)
"""Prices at which a broken twin is looked for: with them all is linear, and what is found stands for all prices."""


def a_live(equity: Int | int) -> Assessment:
    return Assessment(equity, 0, 0, 0, 0, 0, 0, 0)


def kept(holdings: dict[int, Holding], market: int, holding: Holding) -> dict[int, Holding]:
    """As `with_holding`, but an empty holding stays: it reads as none, and does not fork the run."""
    return {**holdings, market: holding}


SHORT = {"with_holding": kept, "check_holding": lambda holding: None}
"""Without forks that change nothing: bounds of magnitude only refuse."""


class Engine:
    """Prices that are unknown, and another unknown equity at each time of asking."""

    def __init__(self, flags: int) -> None:
        self.asked = 0
        self.clock = SimpleNamespace(now=0)
        self.parameters = {MARKET: SimpleNamespace(flags=flags, cap=0)}

    def price(self, market: int) -> SimpleNamespace:
        return SimpleNamespace(state=0, index=INDEX, funding=FUNDING, p_star=P_STAR)

    def assess(self, *_: object) -> Assessment:
        self.asked += 1
        return a_live(Int(z3.Int(f"equity_{self.asked}")))


class Doubles:
    """For a Clearinghouse, or what it is built on: with unknown holdings, whose changes of cash are kept beside
    instead of written."""

    def __init__(self, holdings: dict[int, Holding], book: MarketBook, flags: int = PERP_ALLOWED) -> None:
        self.journal = Journal()
        self.engine = Engine(flags)
        self.clock = self.engine.clock
        self.named = SimpleNamespace(auction=1, vault=2, batch=99)
        self.deferred: set[int] = set()
        self.quote_scale = 1
        self.accounts = Table(self.journal, "accounts", ledger.EMPTY)
        for account, holding in holdings.items():
            self.accounts[account] = ledger.Account(0, {MARKET: holding})
        self.books = Table(self.journal, "books", book)
        self.custody = Cell(self.journal, "custody", Custody(*ints("held reserve")))
        self.settings = Cell(self.journal, "settings", Settings(8_000, 0, 0, 0, 500, 10_000))
        self.indices = Cell(self.journal, "indices", Indices(WAD, WAD))
        self.totals = Cell(self.journal, "totals", Totals())
        self.changes: dict[int, Int | int] = {}

    @property
    def vault_account(self) -> int:
        return VAULT

    def accrue(self) -> None:
        """Interest is proven elsewhere."""

    def finish(self, before: object) -> None:
        """So are its rates."""

    def hold(self, holdings: dict[int, Holding], market: int, holding: Holding) -> dict[int, Holding]:
        """Without bounds of magnitude, which only refuse."""
        return kept(holdings, market, holding)

    def worth(self, principal: object) -> int:
        return 0

    def rounded(self, cash: int) -> int:
        return cash

    def cash_now(self, account: int) -> int:
        return 0

    def _measured(self, *_: object) -> Assessment:
        return self.engine.assess()

    def write(self, account: int, change: Int | int, holdings: dict[int, Holding]) -> None:
        self.changes[account] = self.changes.get(account, 0) + change
        self.accounts[account] = ledger.Account(0, holdings)

    def cash(self) -> Int | int:
        """Σ changes of cash."""
        return sum(self.changes.values())

    def held(self, account: int) -> Holding:
        return self.accounts[account].holdings.get(MARKET, ledger.NO_HOLDING)

    def custody_kept(self) -> Claim:
        """Δ tokens held = Δ Σ cash + Δ reserve − Δ Σ cost, Σ cost as the market's book has it."""
        custody, book = self.custody.value, self.books[MARKET]
        held, reserve, cost = ints("held reserve book_cost")
        gained = (custody.held - held) - (custody.reserve - reserve) - self.cash() + (book.cost - cost)
        return Claim("tokens held are Σ cash − Σ cost + reserve", term(gained) == 0)


def house_of(acts: type, *args: Any, doubles: type = Doubles) -> Any:
    """A house whose acts are those of a class."""
    return type("House", (doubles, acts), {})(*args)


def book() -> MarketBook:
    return MarketBook(*ints("book_cost book_size"))


# Trades


def traded(module: ModuleType, *assumed: z3.BoolRef):
    size, old_size, old_cost, other_size, other_cost, fee, other_fee = ints("size z c z2 c2 fee fee2")
    before = {TAKER: Holding(0, old_size, old_cost), MAKER: Holding(0, other_size, other_cost)}

    def run():
        house = house_of(module.Trading, before, book())
        sides, _ = house._move(MARKET, (TAKER, MAKER), size, PRICE, (fee, other_fee))
        return house, sides

    def claims(result):
        house, _ = result
        taker, maker = house.held(TAKER), house.held(MAKER)
        settled = house.changes[TAKER] + fee, house.changes[MAKER] + other_fee
        gained = taker.cost - settled[0] - old_cost
        yield Claim(
            "what one side gains in size the other loses", term(taker.size + maker.size) == term(old_size + other_size)
        )
        yield Claim("so with cost, before settling", term(gained + (maker.cost - settled[1] - other_cost)) == 0)
        exact = size * (PRICE - FUNDING)
        yield Claim("the taker's cost is not below the price", z3.And((gained * WAD >= exact).term))
        yield Claim("and less than a wei above it", (gained * WAD < exact + WAD).term)
        yield Claim(
            "no size is lost from the market's sum",
            term(house.books[MARKET].size - Int(z3.Int("book_size")))
            == term(z_abs(taker.size) + z_abs(maker.size) - z_abs(old_size) - z_abs(other_size)),
        )
        yield Claim(
            "fees are the vault's", term(house.custody.value.reserve - Int(z3.Int("reserve"))) == term(fee + other_fee)
        )
        paid_in = Int(z3.Int("book_cost"))
        yield Claim("a market pays out what was paid in", z3.Or(paid_in.term > 0, term(house.books[MARKET].cost) <= 0))
        yield house.custody_kept()

    with without(module, **SHORT):
        return counterexample(run, claims, INDEX.term > 0, PRICE.term > 0, fee.term >= 0, other_fee.term >= 0, *assumed)


def z_abs(value: Int | int) -> Int:
    return Int(z3.If(term(value) < 0, -term(value), term(value)))


def test_trade__of_any_sizes_and_prices__makes_and_loses_no_cost():
    assert traded(trading) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cost = ceil_div(size * (price - reading.funding), WAD)", "cost = size * (price - reading.funding) // WAD"),
        (
            "self._side(market, maker, -size, -cost, fees[1], reading)",
            "self._side(market, maker, -size, ceil_div(-size * (price - reading.funding), WAD), fees[1], reading)",
        ),
        ("self.add_reserve(sum(fees))", "self.add_reserve(sum(fees) + 1)"),
        ("return min(value, max(0, -self.books[market].cost))", "return value"),
        ("self.book_cost(market, value)\n        self.write(side.account", "self.write(side.account"),
    ],
)
def test_trade__broken__is_refuted(old, new):
    assert traded(broken(trading, old, new), *FIXED) is not None


# Settling


def settled(module: ModuleType, flags: int, *assumed: z3.BoolRef):
    size, cost = ints("size cost")

    def run():
        house = house_of(module.Trading, {TAKER: Holding(0, size, cost)}, book(), flags)
        house.settle_one(MARKET, TAKER, house.engine.price(MARKET))
        return house

    def claims(house):
        after, change = house.held(TAKER), house.changes.get(TAKER, 0)
        worth, paid_in = size * P_STAR - cost * WAD, Int(z3.Int("book_cost"))
        moved = term(house.books[MARKET].cost - paid_in)
        yield Claim("cash gains what the book's cost gains", moved == term(change))
        yield Claim("a profit is rounded down, a loss up", z3.Or(term(change) == 0, (change * WAD <= worth).term))
        yield Claim("an insolvent account's loss stays", z3.Or(z3.Int("equity_1") >= 0, term(change) >= 0))
        yield Claim("a market pays out what was paid in", z3.Or(term(change) <= 0, term(house.books[MARKET].cost) <= 0))
        kept = after.size * P_STAR - after.cost * WAD + change * WAD
        yield Claim("equity gains nothing", (kept <= worth).term)
        yield Claim("and loses less than a wei, once the market is retired", (kept > worth - WAD).term)
        if flags & RETIRED:
            yield Claim("a retired market keeps no size", term(after.size) == 0)
        else:
            yield Claim("in a live market it is not changed", (kept == worth).term)
            yield Claim("the account's cost gains it", term(after.cost - cost) == term(change))
        yield house.custody_kept()

    with without(module, **SHORT):
        return counterexample(run, claims, *assumed)


@pytest.mark.parametrize("flags", [PERP_ALLOWED, RETIRED])
def test_settle__of_any_position__moves_what_it_is_worth_and_no_more(flags):
    assert settled(trading, flags) is None


@pytest.mark.parametrize(
    ("old", "new", "flags"),
    [
        (
            "return holding.size * reading.p_star // WAD - holding.cost",
            "return ceil_div(holding.size * reading.p_star, WAD) - holding.cost",
            PERP_ALLOWED,
        ),
        (
            "return holding.size * reading.p_star // WAD - holding.cost",
            "return ceil_div(holding.size * reading.p_star, WAD) - holding.cost",
            RETIRED,
        ),
        ("if assessment.state != LIVE or assessment.equity < 0:", "if assessment.state != LIVE:", PERP_ALLOWED),
        ("value = self.profit_paid(market, value)\n        elif", "pass\n        elif", PERP_ALLOWED),
        (
            "settled = holding._replace(cost=holding.cost + value)\n        check_holding(settled)\n"
            "        self.book_cost(market, value)\n        self.write(account, value,",
            "settled = holding\n        check_holding(settled)\n"
            "        self.book_cost(market, value)\n        self.write(account, value,",
            PERP_ALLOWED,
        ),
    ],
)
def test_settle__broken__is_refuted(old, new, flags):
    assert settled(broken(trading, old, new), flags, *FIXED) is not None


# The door


def moved(module: ModuleType, act: str):
    (amount,) = ints("amount")
    rate, scale = 3 * WAD // 7, 10**12

    def run():
        house = house_of(module.Clearinghouse, {}, book())
        house.quote_scale = scale
        house.exit_rate = lambda: rate
        house.assess = lambda account: a_live(0)
        house.entries = SimpleNamespace(value=0)
        if act == "deposit":
            house.deposit(3, TAKER, amount)
            return house, -amount
        return house, house.withdraw(3, TAKER, amount)

    def claims(result):
        house, paid = result
        yield Claim("tokens held follow what is paid", term(house.custody.value.held + paid * scale) == z3.Int("held"))
        if act == "withdraw":
            yield Claim("no more is paid than the rate", (paid * scale * WAD <= amount * scale * rate).term)
            yield Claim("tokens held suffice", term(house.custody.value.held) >= 0)
        yield house.custody_kept()

    return counterexample(run, claims)


@pytest.mark.parametrize("act", ["deposit", "withdraw"])
def test_door__of_any_amount__keeps_custody(act):
    assert moved(clearinghouse, act) is None


@pytest.mark.parametrize(
    ("old", "new", "act"),
    [
        ("self.add_reserve(wad - paid)", "self.add_reserve(wad)", "withdraw"),
        ("self.move_tokens(-paid)", "self.move_tokens(-wad)", "withdraw"),
        ("self.move_tokens(wad)", "self.move_tokens(amount)", "deposit"),
    ],
)
def test_door__broken__is_refuted(old, new, act):
    assert moved(broken(clearinghouse, old, new), act) is not None
