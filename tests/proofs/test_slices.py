"""
Slices and what is asked for them: parts sum to the whole, custody is never short, and h never falls by rounding but
by wei.

The model is run on integers without bounds; derived in docs/maths.md, section 4.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import pytest
import z3

from keeper.model import auction, trading
from keeper.model.ledger import Account
from keeper.model.requirement import Assessment, Holding
from keeper.model.rounding import WAD
from keeper.model.words import Indices, Totals
from tests.proofs.symbolic import Claim, Int, counterexample, ints, term
from tests.proofs.test_trades import MARKET, SHORT, TAKER, VAULT, Doubles, book, house_of, z_abs
from tests.proofs.twin import broken, without

ACCOUNT, OPENER = 5 << 96, 6 << 96
FRACTION, PAYS, GETS, REWARD, CASH, VAULT_CASH = ints("fraction pays gets reward cash vault_cash")


class SliceDoubles(Doubles):
    """Besides: the account's and the vault's cash are unknown."""

    def worth(self, principal: object) -> Int | int:
        return CASH if principal == 1 else 0

    def cash_now(self, account: int) -> Int:
        return VAULT_CASH

    def vault_cash(self) -> Int:
        return VAULT_CASH

    def move_cash(self, account: int, change: Int | int) -> None:
        self.changes[account] = self.changes.get(account, 0) + change

    def require_alone(self, account: int) -> None:
        """No account is in a batch."""


def sliced(module: ModuleType, opener: int, *assumed: z3.BoolRef):
    names = "spot size cost taker_spot taker_size taker_cost positive"
    spot, size, cost, taker_spot, taker_size, taker_cost, positive = ints(names)
    supply = Int(z3.Int("supply"))

    def run():
        house = house_of(module.Trading, {}, book(), doubles=SliceDoubles)
        house.accounts[ACCOUNT] = Account(1, {MARKET: Holding(spot, size, cost)})
        house.accounts[TAKER] = Account(0, {MARKET: Holding(taker_spot, taker_size, taker_cost)})
        house.indices.value = Indices(supply, WAD)
        house.totals.value = Totals(positive, 0)
        house.slice(1, ACCOUNT, TAKER, FRACTION, PAYS, GETS, opener, REWARD)
        return house

    def claims(house):
        rest, taken = house.held(ACCOUNT), house.held(TAKER)
        yield Claim("no spot is made or lost", term(rest.spot + taken.spot) == term(spot + taker_spot))
        yield Claim("no size", term(rest.size + taken.size) == term(size + taker_size))
        yield Claim("no cost", term(rest.cost + taken.cost) == term(cost + taker_cost))
        left = WAD - FRACTION
        yield Claim("the account keeps its part of spot", (rest.spot * WAD >= spot * left).term)
        yield Claim("and less than a wei more", (rest.spot * WAD < spot * left + WAD).term)
        yield Claim("its cost is no more than its part", (rest.cost * WAD <= cost * left).term)
        yield Claim("the taker's no less", ((taken.cost - taker_cost) * WAD >= cost * FRACTION).term)
        kept, whole = z_abs(rest.size), z_abs(size)
        yield Claim("size goes down and keeps its sign", z3.And(kept.term <= whole.term, (rest.size * size >= 0).term))
        yield Claim("within a wei", z3.And((kept * WAD >= whole * left).term, (kept * WAD < whole * left + WAD).term))
        part = GETS - house.changes[ACCOUNT]
        yield Claim("the account keeps its part of cash", (part * WAD <= CASH * FRACTION).term)
        yield Claim("and less than a wei more", (part * WAD > CASH * FRACTION - WAD).term)
        all_of_it = z3.And(*(term(value) == 0 for value in rest), term(part) == CASH.term)
        yield Claim("all is all", z3.Or(FRACTION.term != WAD, all_of_it))
        shared = (house.indices.value.supply - supply) * positive
        made = house.cash() + house.custody.value.reserve - Int(z3.Int("reserve"))
        yield Claim("no cash is made, but what all cash gave up", z3.Or(term(made) == 0, (made * WAD <= -shared).term))
        yield Claim("the reserve stays above 0", term(house.custody.value.reserve) >= 0)
        yield Claim("so does the vault", term(VAULT_CASH + house.changes.get(VAULT, 0)) >= 0)
        resized = house.books[MARKET].size - Int(z3.Int("book_size"))
        change = z_abs(rest.size) + z_abs(taken.size) - z_abs(size) - z_abs(taker_size)
        yield Claim("the market's sum of sizes follows", term(resized) == change.term)
        yield Claim("and its sum of costs stays", term(house.books[MARKET].cost) == z3.Int("book_cost"))

    with without(module, **SHORT):
        return counterexample(
            run,
            claims,
            *(z3.Int(name) >= 0 for name in ("spot", "taker_spot", "reserve", "vault_cash", "positive", "reward")),
            supply.term > 0,
            *assumed,
        )


@pytest.mark.parametrize("opener", [OPENER, TAKER])
def test_slice__of_any_fraction__moves_parts_that_sum_to_the_whole(opener):
    assert sliced(trading, opener) is None


FIXED = (FRACTION.term == WAD // 3, z3.Int("supply") == WAD + 9, z3.Int("positive") == 10 * WAD)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("holding.spot * fraction // WAD", "ceil_div(holding.spot * fraction, WAD)"),
        ("trunc_div(holding.size * fraction, WAD)", "holding.size * fraction // WAD"),
        ("ceil_div(holding.cost * fraction, WAD)", "holding.cost * fraction // WAD"),
        (
            "cash_part = self.worth(giver.principal) * fraction // WAD",
            "cash_part = ceil_div(self.worth(giver.principal) * fraction, WAD)",
        ),
        ("to_opener = opener_gets if opener == taker else 0", "to_opener = opener_gets"),
        ("vault_gets = taker_pays - account_gets - opener_gets", "vault_gets = taker_pays - account_gets"),
        ("drawn = min(amount, self.custody.value.reserve)", "drawn = amount"),
        (
            "self.indices.value.supply * (owned - loss) // owned",
            "ceil_div(self.indices.value.supply * (owned - loss), owned) + 1",
        ),
    ],
)
def test_slice__broken__is_refuted(old, new):
    assert sliced(broken(trading, old, new), OPENER, *FIXED) is not None


# What is asked and given

EQUITY, MM, LEAST, UP, LAMBDA, TARGET, PENALTY, SECONDS, BACKSTOP, LEFT = ints(
    "equity mm floor up lambda target penalty seconds backstop left"
)
BPS_TO_WAD = auction.BPS_TO_WAD
IN_RANGE = (
    MM.term > 0,
    LEAST.term >= 0,
    UP.term >= 0,
    LAMBDA.term >= 0,
    LAMBDA.term <= WAD,
    TARGET.term > 10_000,
    PENALTY.term >= 0,
    PENALTY.term < TARGET.term - 10_000,
    SECONDS.term >= 0,
    BACKSTOP.term > 0,
    LEFT.term >= 0,
    FRACTION.term > 0,
    FRACTION.term <= WAD,
)
"""What `set_terms`, curves and a lot's fraction are held to (docs/exact.md, 7)."""


def quoted(module: ModuleType):
    assessment = Assessment(EQUITY, MM, 0, LEAST, 0, UP, 0, 0)
    with without(module, lambda_at=lambda curve, seconds: LAMBDA, clock_start=lambda run, terms, now: now - SECONDS):
        terms = SimpleNamespace(target=TARGET, penalty=PENALTY, backstop=BACKSTOP, grace=1, watch=1)
        run = SimpleNamespace(start=1, last=9, opener=1)
        return module.bid_quote(assessment, run, None, terms, 9, FRACTION, LEFT)


def bought(module: ModuleType, *assumed: z3.BoolRef):
    def claims(quote):
        if quote.reason in auction.NOT_RELIEVED:
            return
        own = z3.If(EQUITY.term > 0, EQUITY.term, 0)
        to_taker, penalty, paid_rate = (
            term(rate) for rate in (quote.lambda_account, quote.penalty, quote.lambda_taker)
        )
        rate, fraction = to_taker + penalty, term(quote.fraction)
        yield Claim("λ_a + φ_a is at most h", z3.And(to_taker >= 0, penalty >= 0, rate * MM.term <= own * WAD))
        yield Claim("the taker is paid what the account gives, or more", z3.And(paid_rate >= to_taker))
        most = term(quote.fraction_max)
        yield Claim("f_max is a fraction above 0", z3.And(most > 0, most <= WAD))
        yield Claim(
            "f is nothing, all, or within what was asked and f_max",
            z3.Or(fraction == 0, fraction == WAD, z3.And(fraction <= FRACTION.term, fraction <= most)),
        )
        # Amounts, each against what it is without rounding; scaled by WAD².
        value, kept = EQUITY.term * WAD - paid_rate * MM.term, EQUITY.term * WAD - rate * MM.term
        pays, gets, fine = term(quote.taker_pays), term(quote.account_gets), term(quote.penalty_paid)
        scale = WAD * WAD
        yield Claim(
            "the taker pays no less", z3.And(pays * scale >= fraction * value, pays * scale < fraction * value + scale)
        )
        yield Claim("the account is never asked for cash", gets >= 0)
        yield Claim("it gets no more than its part", z3.If(EQUITY.term > 0, gets * scale <= fraction * kept, gets == 0))
        yield Claim("the penalty is no more than its part", fine * scale <= fraction * penalty * MM.term)
        vault_pays = term(quote.vault_pays)
        yield Claim(
            "while h > 0 the vault pays no more than it says, and is paid its penalty",
            z3.Or(EQUITY.term <= 0, pays - gets >= fine - vault_pays),
        )
        yield Claim("and says 0 where it pays nothing of λ", z3.Or(paid_rate != to_taker, vault_pays == 0))

    return counterexample(lambda: quoted(module), claims, *IN_RANGE, *assumed)


def test_quote__of_any_account_in_breach__is_rounded_against_who_is_paid():
    assert bought(auction) is None


RATES = (
    LAMBDA.term == WAD // 3,
    TARGET.term == 14_000,
    PENALTY.term == 500,
    MM.term == 100 * WAD + 7,
    SECONDS.term == 10,
    BACKSTOP.term == 300,
    FRACTION.term == WAD // 7,
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("taker_pays=ceil_div(taken * value, WAD**2)", "taker_pays=taken * value // WAD**2"),
        (
            "taken * (equity * WAD - (to_taker + to_vault) * mm) // WAD**2",
            "ceil_div(taken * (equity * WAD - (to_taker + to_vault) * mm), WAD**2)",
        ),
        ("penalty_paid=taken * to_vault * mm // WAD**2", "penalty_paid=ceil_div(taken * to_vault * mm, WAD**2)"),
        ("min(terms.penalty * BPS_TO_WAD, positive - to_taker)", "terms.penalty * BPS_TO_WAD"),
        ("to_taker = min(now_at, positive)", "to_taker = now_at"),
        ("health = equity * WAD // mm", "health = ceil_div(equity * WAD, mm)"),
        ("vault_pays=ceil_div(taken * (taker_rate - to_taker) * mm, WAD**2)", "vault_pays=0"),
        ("if equity > 0 else 0\n    left", "if equity > 0 else 1\n    left"),
    ],
)
def test_quote__broken__is_refuted(old, new):
    assert bought(broken(auction, old, new), *RATES) is not None


def relieved(module: ModuleType, *assumed: z3.BoolRef):
    """
    h after a slice against h before, with what the account keeps as `Clearinghouse.slice` leaves it.

    `left` is what the quote counts with: equity less its part, rounded up, and what the account gets. The requirement
    of the rest is (1 − f)·MM by homogeneity, but for what rounding a size by a wei moves
    (tests/model/test_subadditivity.py).
    """

    def claims(quote):
        if quote.reason:
            return
        fraction = term(quote.fraction)
        part = z3.Int("part")
        rate = term(quote.lambda_account) + term(quote.penalty)
        whole = z3.And(part * WAD >= fraction * EQUITY.term, part * WAD < fraction * EQUITY.term + WAD)
        left = EQUITY.term - part + term(quote.account_gets)
        yield Claim(
            "a solvent account's h falls by less than two wei of equity",
            z3.Implies(z3.And(whole, EQUITY.term > 0), left * WAD > EQUITY.term * (WAD - fraction) - 2 * WAD),
        )
        yield Claim(
            "an insolvent one's equity never falls", z3.Implies(z3.And(whole, EQUITY.term <= 0), left >= EQUITY.term)
        )
        cost = EQUITY.term * WAD * WAD - left * WAD * WAD
        yield Claim(
            "relief costs λ_a + φ_a a unit released, and two wei",
            z3.Implies(whole, cost < fraction * rate * MM.term + 2 * WAD * WAD),
        )
        target = TARGET.term * BPS_TO_WAD
        least = z3.Or(fraction == WAD, left * WAD * WAD <= target * MM.term * (WAD - fraction) + WAD * MM.term)
        yield Claim("h after it is at most B, and 1e-18 of the requirement before", z3.Implies(whole, least))

    return counterexample(lambda: quoted(module), claims, *IN_RANGE, *assumed)


def test_relief__of_any_account_in_breach__never_lowers_health_and_never_passes_the_target():
    assert relieved(auction) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(target - health) * WAD // (target", "(target - health + WAD // 99) * WAD // (target"),
        (
            "taken * (equity * WAD - (to_taker + to_vault) * mm) // WAD**2",
            "taken * (equity * WAD - (to_taker + 2 * to_vault) * mm) // WAD**2",
        ),
    ],
)
def test_relief__broken__is_refuted(old, new):
    fixed = tuple(fact for fact in RATES if "fraction" not in str(fact))
    assert relieved(broken(auction, old, new), *fixed, FRACTION.term == WAD, EQUITY.term == 60 * WAD) is not None


# λ and the opener


def curved(module: ModuleType):
    t0, l0, t1, l1, t2, l2, early, late = ints("t0 l0 t1 l1 t2 l2 early late")
    curve = SimpleNamespace(points=((t0, l0), (t1, l1), (t2, l2)))
    rising = [
        t0.term < t1.term,
        t1.term < t2.term,
        l0.term >= 0,
        l0.term <= l1.term,
        l1.term <= l2.term,
        l2.term <= 10_000,
    ]

    def claims(result):
        first, second = map(term, result)
        yield Claim("λ never falls", first <= second)
        yield Claim(
            "and lies between the first and the last point",
            z3.And(first >= l0.term * BPS_TO_WAD, second <= l2.term * BPS_TO_WAD, second <= WAD),
        )

    return counterexample(
        lambda: (module.lambda_at(curve, early), module.lambda_at(curve, late)),
        claims,
        *rising,
        t0.term >= 0,
        early.term <= late.term,
    )


def test_lambda__of_any_curve__never_falls():
    assert curved(auction) is None


def test_lambda__broken__is_refuted():
    assert (
        curved(
            broken(
                auction,
                "for (start, low), (end, high) in pairwise(points):",
                "for (start, high), (end, low) in pairwise(points):",
            )
        )
        is not None
    )


def opened(module: ModuleType):
    """Bid after bid: what an opener was paid is within its cap's share that counts as paid."""
    penalty, paid, cap, so_far = ints("penalty paid cap so_far")

    def claims(result):
        gets, after = map(term, result)
        yield Claim("at most half of the penalty", z3.And(gets >= 0, 2 * gets <= penalty.term))
        yield Claim("the share paid never falls and is a share", z3.And(after >= paid.term, after <= 1023))
        yield Claim("all that was paid is within it", (so_far.term + gets) * 1023 <= cap.term * after)

    return counterexample(
        lambda: module.opener_share(penalty, paid, cap),
        claims,
        penalty.term >= 0,
        cap.term >= 0,
        paid.term >= 0,
        paid.term <= 1023,
        so_far.term >= 0,
        so_far.term * 1023 <= cap.term * paid.term,
    )


def test_opener__bid_after_bid__gets_no_more_than_its_cap():
    assert opened(auction) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ceil_div(gets * SHARES, cap)", "gets * SHARES // cap"),
        ("min(penalty_paid // 2, cap * (SHARES - paid) // SHARES)", "penalty_paid // 2"),
        ("min(penalty_paid // 2, cap", "min(ceil_div(penalty_paid, 2), cap"),
    ],
)
def test_opener__broken__is_refuted(old, new):
    assert opened(broken(auction, old, new)) is not None
