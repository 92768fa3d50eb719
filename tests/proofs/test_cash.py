"""
Cash: what rounding loses the account loses, and lenders with the vault are never credited more than borrowers pay.

Over integers without bounds; derived in docs/maths.md, sections 1 and 5. Sums over accounts are taken of the totals,
as the model takes them: no number of accounts is assumed.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import pytest
import z3

from keeper.model import interest, ledger, rounding
from keeper.model.interest import NANO, YEAR
from keeper.model.rounding import BPS, WAD
from keeper.model.state import Journal, Table
from keeper.model.words import Custody, Indices, Settings, Totals
from tests.proofs.symbolic import Claim, Int, counterexample, ints, refuted, term
from tests.proofs.twin import broken

SUPPLY, BORROW = ints("supply borrow")
RATES = ints("supply_rate borrow_rate")
INDICES_RISE = (SUPPLY.term > 0, BORROW.term > 0)

FIXED = (SUPPLY.term == WAD + 7, BORROW.term == WAD + 3, RATES[0].term == 2 * NANO // 7, RATES[1].term == NANO // 3)
"""Indices and rates at which a broken twin is looked for: with them all is linear."""


def indices(time: Int | int = 0) -> Indices:
    return Indices(SUPPLY, BORROW, time, *RATES)


# Helpers


def divisions(module: ModuleType):
    a, b = ints("a b")

    def claims(result):
        up, zero = term(result[0]), term(result[1])
        yield Claim("ceil is the least integer not below", z3.And(up * b.term >= a.term, (up - 1) * b.term < a.term))
        size, exact = z3.If(zero < 0, -zero, zero), z3.If(a.term < 0, -a.term, a.term)
        yield Claim("trunc is no larger than the quotient", z3.And(size * b.term <= exact, (size + 1) * b.term > exact))
        yield Claim("trunc has its sign", z3.Or(zero == 0, (zero > 0) == (a.term > 0)))

    return counterexample(lambda: (module.ceil_div(a, b), module.trunc_div(a, b)), claims, b.term > 0)


def test_divisions__of_any_integers__round_as_they_are_named():
    assert divisions(rounding) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [("return -(-a // b)", "return a // b"), ("return a // b if a >= 0 else -(-a // b)", "return a // b")],
)
def test_divisions__broken__are_refuted(old, new):
    assert divisions(broken(rounding, old, new)) is not None


# An account's cash


def cash_written(module: ModuleType):
    (cash,) = ints("cash")

    def run():
        principal = module.principal_of(cash, indices())
        return principal, module.cash_of(principal, indices())

    def claims(result):
        principal, worth = map(term, result)
        yield Claim("no account is worth more than was written", worth <= cash.term)
        most = z3.If(cash.term >= 0, SUPPLY.term, BORROW.term)
        yield Claim("it loses less than a unit of principal and a wei", (cash.term - worth) * WAD < most + WAD)
        yield Claim("a debt stays one, and cash is no debt", z3.And((cash.term < 0) == (principal < 0)))

    return counterexample(run, claims, *INDICES_RISE)


def test_cash__written_and_read__is_no_more_than_it_was():
    assert cash_written(interest) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return cash * WAD // (", "return ceil_div(cash * WAD, "),
        ("(indices.supply if principal >= 0 else indices.borrow) // WAD", "indices.supply // WAD"),
    ],
)
def test_cash__written_toward_the_account__is_refuted(old, new):
    assert cash_written(broken(interest, old, new)) is not None


class Books(ledger.Ledger):
    """A ledger with one account, and no engine or settings."""

    def __init__(self, principal: Int, totals: Totals) -> None:
        journal = Journal()
        self.accounts = Table(journal, "accounts", ledger.EMPTY)
        self.accounts[1] = ledger.Account(principal)
        self.totals = SimpleNamespace(value=totals)
        self.indices = SimpleNamespace(value=indices())


def test_write__of_any_change__is_no_more_than_the_change_and_the_totals_follow():
    assert written(ledger) is None


def written(module: ModuleType):
    principal, change, positive, negative = ints("principal change positive negative")

    def run():
        books = Books(principal, Totals(positive, negative))
        before = books.worth(principal)
        module.Ledger.write(books, 1, change, {})
        after = books.accounts[1].principal
        return before, books.worth(after), after, books.totals.value

    def claims(result):
        before, worth, after, totals = result
        yield Claim("cash changes by no more", (worth - before <= change).term)
        owned = z3.If(term(after) > 0, term(after), 0) - z3.If(principal.term > 0, principal.term, 0)
        owed = z3.If(term(after) < 0, -term(after), 0) - z3.If(principal.term < 0, -principal.term, 0)
        yield Claim("positive principal follows", term(totals.positive) - positive.term == owned)
        yield Claim("negative principal follows", term(totals.negative) - negative.term == owed)
        yield Claim("what does not change costs nothing", z3.Or(change.term != 0, term(after) == principal.term))

    return counterexample(run, claims, *INDICES_RISE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cash = self.worth(principal) + change", "cash = self.worth(principal) + change + 1"),
        ("totals.positive - max(principal, 0) + max(after, 0)", "totals.positive + max(after - principal, 0)"),
        ("        if change:\n            cash", "        if True:\n            cash"),
    ],
)
def test_write__broken__is_refuted(old, new):
    assert written(broken(ledger, old, new)) is not None


# Interest


def accrued(module: ModuleType, *assumed: z3.BoolRef):
    positive, negative, reserve, elapsed, held = ints("positive negative reserve elapsed held")

    def run():
        return module.accrue(indices(), Totals(positive, negative), Custody(held, reserve), elapsed)

    def claims(result):
        after, custody = result
        lenders = positive.term * (term(after.supply) - SUPPLY.term)
        borrowers = negative.term * (term(after.borrow) - BORROW.term)
        vault = term(custody.reserve) - reserve.term
        yield Claim("indices never fall", z3.And(term(after.supply) >= SUPPLY.term, term(after.borrow) >= BORROW.term))
        yield Claim(
            "where the vault gains, lenders and vault gain no more than borrowers pay",
            z3.Or(vault == 0, lenders + vault * WAD <= borrowers),
        )
        yield Claim("the vault never loses", vault >= 0)
        yield Claim("no token moves", term(custody.held) == held.term)
        supplied = (term(after.supply) - SUPPLY.term) * NANO * YEAR
        yield Claim("lenders' index is rounded down", supplied <= SUPPLY.term * RATES[0].term * elapsed.term)
        owed = (term(after.borrow) - BORROW.term) * NANO * YEAR
        capped = term(after.borrow) == interest.MAX_INDEX
        yield Claim("borrowers' up", z3.Or(capped, owed >= BORROW.term * RATES[1].term * elapsed.term))

    return counterexample(
        run,
        claims,
        *INDICES_RISE,
        SUPPLY.term <= interest.MAX_INDEX,
        BORROW.term <= interest.MAX_INDEX,
        *(rate.term >= 0 for rate in RATES),
        positive.term >= 0,
        negative.term >= 0,
        elapsed.term > 0,
        *assumed,
    )


def test_accrue__at_any_time__credits_no_more_than_is_charged():
    assert accrued(interest) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "totals.negative * borrow // WAD - ceil_div(totals.negative * indices.borrow, WAD)",
            "ceil_div(totals.negative * borrow, WAD) - totals.negative * indices.borrow // WAD",
        ),
        (
            "ceil_div(totals.positive * supply, WAD) - totals.positive * indices.supply // WAD",
            "totals.positive * supply // WAD - ceil_div(totals.positive * indices.supply, WAD)",
        ),
        (
            "indices.borrow + ceil_div(indices.borrow * indices.borrow_rate * elapsed, NANO * YEAR)",
            "indices.borrow + indices.borrow * indices.borrow_rate * elapsed // (NANO * YEAR)",
        ),
        (
            "indices.supply + indices.supply * indices.supply_rate * elapsed // (NANO * YEAR)",
            "indices.supply + ceil_div(indices.supply * indices.supply_rate * elapsed, NANO * YEAR)",
        ),
        ("max(0, charged - credited)", "charged - credited"),
    ],
)
def test_accrue__rounded_for_the_accounts__is_refuted(old, new):
    assert accrued(broken(interest, old, new), *FIXED, z3.Int("elapsed") == 13) is not None


def rated(module: ModuleType, *assumed: z3.BoolRef):
    positive, negative, held, kink, low, high, kept = ints("positive negative held kink low high kept")

    def run():
        settings = Settings(kink, low, high, kept, 500, 10)
        totals, custody = Totals(positive, negative), Custody(held)
        after = module.set_rates(indices(), totals, custody, settings)
        return after, module.utilisation(indices(), totals, custody), positive * SUPPLY // WAD

    def claims(result):
        after, used, owned = result[0], term(result[1]), term(result[2])
        paid, asked = term(after.supply_rate), term(after.borrow_rate)
        yield Claim("a share", z3.And(used >= 0, used <= NANO))
        yield Claim("no more is lent than is", used * owned <= z3.If(owned > held.term, owned - held.term, 0) * NANO)
        yield Claim("lenders get their share of what is asked, at most", paid * NANO <= asked * used)
        yield Claim("and never more", z3.And(paid >= 0, paid <= asked))

    return counterexample(
        run,
        claims,
        *INDICES_RISE,
        positive.term >= 0,
        negative.term >= 0,
        held.term >= 0,
        *(kink.term > 0, kink.term < BPS, low.term >= 0, high.term >= low.term, kept.term >= 0, kept.term <= BPS),
        *assumed,
    )


def test_rates__at_any_utilisation__pay_lenders_a_share_of_what_is_lent():
    assert rated(interest) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "clamp((assets - custody.held) * NANO // assets, 0, NANO)",
            "clamp(ceil_div((assets - custody.held) * NANO, assets), 0, NANO)",
        ),
        (
            "borrow_rate * used * (BPS - settings.reserve) // (NANO * BPS)",
            "ceil_div(borrow_rate * used * (BPS - settings.reserve), NANO * BPS)",
        ),
    ],
)
def test_rates__rounded_for_lenders__are_refuted(old, new):
    settings = [z3.Int(name) == value for name, value in (("kink", 8_000), ("low", 7), ("high", 99), ("kept", 1_000))]
    assert rated(broken(interest, old, new), *FIXED, *settings, z3.Int("positive") == 3 * WAD) is not None


# From one setting of the rates to the next, however many accruals lie between: what lenders are credited in all is no
# more than what borrowers are charged. Steps, each on numbers that stand for the products of the step before.


def test_interest__where_tokens_are_whole__has_borrowers_pay_what_lenders_get():
    """
    With rates as proven above and held >= Σ cash − Σ cost, Σ cost <= 0 (docs/maths.md, 1): pos·S·rate_s <=
    neg·B·rate_b.

    `owed` and `owned` stand for neg·B and pos·S.
    """
    owned, owed, held, used, asked, paid = (z3.Int(name) for name in ["owned", "owed", "held", "used", "asked", "paid"])
    whole, rest = owned / WAD, owned % WAD
    lent = z3.If(whole > held, whole - held, 0)
    facts = [owned >= 0, owed >= 0, held >= 0, used >= 0, used <= NANO, asked >= 0, paid >= 0, paid <= asked]
    custody = held * WAD >= owned - owed
    share = lent * WAD * NANO + rest * used <= owed * NANO
    assert refuted([*facts, custody], z3.Or(whole <= held, share)) is None
    assert refuted(facts, z3.Or(whole <= held, share)) is not None, "without the custody identity it does not hold"
    # used·whole <= lent·NANO is proven of the model; so owned·used <= owed·NANO, and with paid·NANO <= asked·used:
    product = z3.Int("product")
    within = [product * NANO == owned * paid * NANO, owned * used <= owed * NANO, paid * NANO <= asked * used]
    steps = [owned * (paid * NANO) <= owned * (asked * used), asked * (owned * used) <= asked * (owed * NANO)]
    assert refuted([*facts, *within, *steps], owned * paid <= owed * asked) is None


def test_interest__through_an_accrual__keeps_lenders_within_what_borrowers_pay():
    """
    If pos·S·rate_s <= neg·B·rate_b and rate_s <= rate_b, an accrual credits no more than it charges, and both hold
    after.

    `owned`, `owed` stand for pos·S and neg·B; the model rounds the credit down and the charge up (proven above), so
    `credit`·U <= owned·s·t and `charge`·U >= owed·b·t, U = 1e9 years. An index at its top (2^80 − 1) charges no more.
    """
    names = "owned owed s b t credit charge earned paid"
    owned, owed, s, b, t, credit, charge, earned, paid = (z3.Int(name) for name in names.split())
    unit = NANO * YEAR
    facts = [value >= 0 for value in (owned, owed, s, b, t, credit, charge)]
    facts += [earned == owned * s, paid == owed * b, earned <= paid, s <= b]
    rounded = [credit * unit <= earned * t, charge * unit >= paid * t]
    monotone = [earned * t <= paid * t]
    assert refuted([*facts, *rounded, *monotone], credit <= charge) is None
    # After it: (owned + credit)·s <= (owed + charge)·b.
    more = [credit * s <= charge * s, charge * s <= charge * b]
    assert refuted([*facts, credit <= charge, *more], (owned + credit) * s <= (owed + charge) * b) is None
    for_lenders = [credit * unit >= earned * t, charge * unit >= paid * t]
    assert refuted([*facts, *for_lenders, *monotone], credit <= charge) is not None, "credit rounded up"


def test_monotone__products_of_numbers_above_0__used_as_steps_above():
    x, y, d = z3.Ints("x y d")
    assert refuted([x <= y, d >= 0], x * d <= y * d) is None
    assert refuted([x <= y], x * d <= y * d) is not None
