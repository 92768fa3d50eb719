"""Contracts that break one invariant of section 12 each, and the test of it, which must notice by itself."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

TEST = "tests/stateful/test_invariants.py::test_invariant__over_all_acts__holds[{}]"


def breaks(number: int, name: str, sentence: str, *edits: Edit) -> Mutant:
    """A mutant that the test of invariant `number` must notice."""
    return Mutant(name, f"12.{number}: {sentence}", edits, (TEST.format(number),))


MUTANTS = [
    breaks(
        1,
        "slice-leaves-the-size",
        "Σ size = 0",
        Edit(
            "modules/slicing.vy",
            "account, market, unsafe_sub(size, size_part), unsafe_sub(cost, cost_part), maps.account_perps",
            "account, market, size, unsafe_sub(cost, cost_part), maps.account_perps",
        ),
    ),
    breaks(
        1,
        "profit-beyond-what-losers-paid",
        "Σ cost ≤ 0 per market",
        Edit(
            "modules/settling.vy",
            "settled = min(settled, max(unsafe_sub(0, deal.cost), 0))",
            "settled = max(settled, 0)",
        ),
    ),
    breaks(
        1,
        "exit-counted-twice",
        "the custody identity",
        Edit(
            "Clearinghouse.vy",
            "unsafe_add(money.reserve, unsafe_sub(wad, leaves))",
            "unsafe_add(money.reserve, wad)",
        ),
    ),
    breaks(
        2,
        "spot-out-of-nothing",
        "spot tokens held ≥ Σ spot balances",
        Edit(
            "modules/slicing.vy",
            "unsafe_add(ledger.spots[taker][market], part),",
            "unsafe_add(ledger.spots[taker][market], part + 1),",
        ),
    ),
    breaks(
        3,
        "withdrawal-down-to-maintenance",
        "no act leaves an account below IM that was not below before",
        Edit(
            "modules/margin.vy",
            "unsafe_add(unsafe_add(account.im, account.down), account.claims)",
            "unsafe_add(unsafe_add(account.mm, account.down), account.claims)",
        ),
    ),
    breaks(
        3,
        "maker-not-tested",
        "no act leaves an account below IM that was not below before",
        Edit("modules/trading.vy", "self._test(money, sides[1], after[1], not rule.relief)", "pass"),
    ),
    breaks(
        4,
        "slice-takes-all-there-is",
        "every forced change obeys the rule",
        Edit(
            "modules/bidding.vy",
            "result.fraction_max = min(_WAD, gap * _WAD // (terms.target - result.lambda_account - result.penalty))",
            "result.fraction_max = _WAD",
        ),
    ),
    breaks(
        4,
        "invariant-match-past-the-target",
        "every forced change obeys the rule",
        Edit(
            "modules/trading.vy",
            "        or (left > convert(unsafe_mul(rule.target, after.mm), int256) and (after.mm != 0 or before.mm != "
            "before.floor))\n",
            "",
        ),
    ),
    breaks(
        4,
        "penalty-on-top-of-all-health",
        "every forced change obeys the rule",
        Edit(
            "modules/bidding.vy",
            "convert(result.lambda_account + result.penalty, int256) * mm",
            "convert(result.lambda_account + result.penalty * 2, int256) * mm",
        ),
    ),
    breaks(
        5,
        "largest-fraction-without-the-penalty",
        "after f_max |h − B| is rounding",
        Edit(
            "modules/bidding.vy",
            "(terms.target - result.lambda_account - result.penalty))",
            "(terms.target - result.lambda_account))",
        ),
    ),
    breaks(
        6,
        "debt-stays-where-it-was",
        "a fully taken account has no position and no debt",
        Edit(
            "modules/slicing.vy",
            "rounding.floor_div(unsafe_mul(cash, convert(terms.fraction, int256)), _WAD)",
            "rounding.floor_div(unsafe_mul(max(cash, 0), convert(terms.fraction, int256)), _WAD)",
        ),
    ),
    breaks(
        7,
        "opener-paid-twice",
        "the vault's share price falls only by covering a loss, λ_v or a reward, and by exactly that",
        Edit(
            "modules/slicing.vy",
            "reward: int256 = convert(terms.opener_gets, int256)",
            "reward: int256 = convert(terms.opener_gets, int256) * 2",
        ),
    ),
    breaks(
        8,
        "anybody-withdraws",
        "nobody but owner, operator or signed order moves an account",
        Edit(
            "Clearinghouse.vy",
            "    if not roles.is_allowed(account, msg.sender):\n        refusal.refuse(refusal.NOT_ALLOWED)\n"
            "    if msg.sender == roles.BATCH:",
            "    if msg.sender == roles.BATCH:",
        ),
    ),
    breaks(
        8,
        "any-signature-will-do",
        "nobody but owner, operator or signed order moves an account",
        Edit(
            "Exchange.vy",
            "    assert orders._is_signed(clearinghouse, order.account, digest, signature), "
            '"exchange: bad signature"\n',
            "",
        ),
    ),
    breaks(
        9,
        "relief-at-any-cost-in-breach",
        "no sequence of acts of one actor raises its total equity",
        Edit(
            "modules/margin.vy",
            "health: int256 = min(unsafe_mul(max(own, 0), _WAD) // mm, _WAD)",
            "health: int256 = _WAD",
        ),
    ),
    breaks(
        10,
        "last-unit-stays",
        "a solvent account can be wound up to cash and spot in hand",
        Edit("Clearinghouse.vy", "if balance < wad:", "if balance <= wad:"),
    ),
]
