"""Unchecked arithmetic of the acts that move positions: cases as in unchecked.py."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.proofs.symbolic import Run
from tests.proofs.unchecked import (
    CASH,
    COST,
    NET_MARK,
    PRICE,
    REFUSAL,
    SIZE,
    TOTAL,
    WAD,
    Packed,
    case,
    money,
    rounding,
    signed,
    word,
)
from tests.proofs.vyper_source import load

INT128 = 2**127
EQUITY = 2**130
"""|equity| and requirements of one account: 1e30 of cash, 16 markets of at most 1e33·1e28 / 1e18 and 1e36 of cost."""


def trading(**given: Any) -> SimpleNamespace:
    def kept(fits: Any) -> None:
        if not fits:
            REFUSAL.refuse("size out of bounds")

    ledger = SimpleNamespace(
        check_market=lambda market: None,
        check_size=kept,
        positions={1: {0: 0}},
        headers={1: 0},
        value_of=lambda *_: signed("value", INT128 * 2),
    )
    names = {
        "refusal": REFUSAL,
        "rounding": rounding(),
        "ledger": ledger,
        "account_words": SimpleNamespace(
            unpack_position=lambda _: (signed("old_size", SIZE), signed("old_cost", COST)), owner_of=lambda _: 1
        ),
        "roles": SimpleNamespace(VAULT=2, AUCTION=3),
        "settling": SimpleNamespace(Deal=SimpleNamespace),
    }
    return load("trading", **{**names, **given})


@case("trading.vy", "_judge", "|equity| and requirements < 2^130, λ_a and φ_a ≤ 1, B of 16 bits of bps")
def _() -> Any:
    def assessed(name: str) -> SimpleNamespace:
        return SimpleNamespace(
            equity=signed(f"equity_{name}", EQUITY),
            mm=word(f"mm_{name}", EQUITY),
            floor=word(f"floor_{name}", EQUITY),
            state=0,
        )

    rule = SimpleNamespace(cost=word("cost", WAD), penalty=word("penalty", WAD), target=word("target", 65_535 * 10**14))
    return trading(margin=SimpleNamespace())._judge(rule, assessed("before"), assessed("after"))


@case(
    "trading.vy",
    "_checked",
    "index ≤ 1e27, band < 10,000 bps, highest fee 16 bits of bps; size and price are compared before they are "
    "multiplied",
)
def _() -> Any:
    quoted = SimpleNamespace(state=0, flags=2, index=word("index", PRICE))
    interest = SimpleNamespace(settings=Packed({96: word("band", 9_999), 112: word("max_fee", 65_535)}))
    margin = SimpleNamespace(RISK=SimpleNamespace(price=lambda market: quoted), check_live=lambda state: None)
    roles = SimpleNamespace(check_owner=lambda account: None)
    terms = SimpleNamespace(
        taker=1,
        maker=2,
        market=0,
        size=signed("size", 2**255 - 1, -(2**255)),
        price=word("price"),
        taker_fee=word("fee"),
        maker_fee=word("other_fee"),
    )
    return trading(interest=interest, margin=margin, roles=roles)._checked(terms)


@case(
    "trading.vy",
    "_side",
    "positions within 1e33 and 1e36; a trade of |size| ≤ 1e33 at a price within its band, funding < 2^92: |cost| < "
    "1e46",
)
def _() -> Any:
    deal = SimpleNamespace(market=0, unit_value=signed("unit", NET_MARK))
    return trading()._side(deal, 1, signed("size", SIZE), signed("cost", 10**46), word("fee", CASH))


@case("trading.vy", "_finish", "a side as `_side` leaves it; Σ cost int128")
def _() -> Any:
    written = SimpleNamespace(supply=1, borrow=1)
    ledger = SimpleNamespace(write_position=lambda *_: written, headers={})
    margin = SimpleNamespace(assess=lambda *_: SimpleNamespace(equity=signed("equity", EQUITY)))
    module = trading(ledger=ledger, margin=margin, _log=lambda *_: None)
    deal = SimpleNamespace(market=0, cost=signed("book_cost", INT128 - 1, -INT128))
    side = SimpleNamespace(
        account=1,
        value=signed("value", 2**155),
        size=signed("size", 2 * SIZE),
        cost=signed("cost", 2**154),
        change=signed("change", CASH),
        header=0,
    )
    return module._finish(money(), deal, side)


def slicing(ledger: SimpleNamespace, **given: Any) -> SimpleNamespace:
    return load("slicing", refusal=REFUSAL, rounding=rounding(), ledger=ledger, **given)


MAPS = SimpleNamespace(account_spots=0, taker_spots=0, account_perps=0, taker_perps=0)


@case("slicing.vy", "_move_position", "position words, a fraction of 1 at most; Σ|size| holds both sizes")
def _() -> Any:
    positions = {
        1: (signed("size", SIZE), signed("cost", COST)),
        2: (signed("taker_size", SIZE), signed("taker_cost", COST)),
    }
    book = word("book", TOTAL)
    held = abs(positions[1][0]) + abs(positions[2][0])
    Run.now().learn(book.term >= held.term)
    ledger = SimpleNamespace(
        position_of=lambda account, market: positions[account],
        put_position=lambda *_: 0,
        book_of=lambda market: (0, book),
        write_book=lambda *_: None,
    )
    return slicing(ledger)._move_position(MAPS, 1, 2, 0, signed("fraction", WAD, 1))


@case("slicing.vy", "_cash_part", "cash of a principal int128 at an index of 80 bits, a fraction of 1 at most")
def _() -> Any:
    ledger = SimpleNamespace(cash_at=lambda *_: signed("cash", 2**149))
    return slicing(ledger)._cash_part(money(), SimpleNamespace(account=1, fraction=word("fraction", WAD, 1)))


@case("slicing.vy", "_move_spot", "balances ≤ 1e33, a fraction of 1 at most")
def _() -> Any:
    spots = {1: {0: word("balance", SIZE)}, 2: {0: word("taker", SIZE)}}
    return slicing(SimpleNamespace(spots=spots, put_spot=lambda *_: 0))._move_spot(
        MAPS, 1, 2, 0, word("fraction", WAD, 1)
    )


@case("slicing.vy", "_draw", "any amount")
def _() -> Any:
    ledger = SimpleNamespace(cash_at=lambda *_: signed("own", CASH), change_cash=lambda money, *_: money)
    interest = SimpleNamespace(share_loss=lambda money, *_: money)
    module = slicing(ledger, interest=interest, roles=SimpleNamespace(vault_account=lambda: 9))
    return module._draw(money(), 1, word("amount"))


@case("settling.vy", "_settle_one", "positions within 1e33 and 1e36, |P*| < 1e28, Σ cost int128, Σ|size| holds |size|")
def _() -> Any:
    ledger = SimpleNamespace(
        position_of=lambda *_: (signed("size", SIZE), signed("cost", COST)),
        value_of=lambda *_: signed("value", 10**43 + COST + 1),
        write_position=lambda *_: money(),
        log_account=lambda *_: None,
        positions={1: {0: 0}},
    )
    module = load("settling", ledger=ledger, _is_solvent=lambda *_: True)
    deal = SimpleNamespace(
        market=0,
        unit_value=0,
        cost=signed("book_cost", INT128 - 1, -INT128),
        size=word("book_size", TOTAL),
        retired=True,
    )
    size = signed("size", SIZE).term
    Run.now().learn(deal.size.term >= size, deal.size.term >= -size)
    return module._settle_one(money(), deal, 1)
