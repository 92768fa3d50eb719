"""What the demo's tests share: parameters as reviewed for local networks, a tiny protocol state, and events by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keeper.model.prices import Oracle, encode_price
from keeper.model.words import (
    PAIRS,
    Custody,
    Header,
    Indices,
    MarketBook,
    Parameters,
    Position,
    PriceWord,
    Risk,
    Run,
    Terms,
    Totals,
)
from scripts.demo.events import Event
from scripts.demo.mirror import Mirror

WAD = 10**18
NOW = 1_800_000_000
ORACLE = Oracle(2, 10, 15, 60, 60, 1000, 20_000, 1000, 900, 28_800, 0)
RISK = Risk(tuple(80 for _ in PAIRS), kappa=2500, iota=15_000, min_requirement=2000)
PARAMETERS = {
    "eth": Parameters(4600, 470, 1400, bucket=1, flags=7),
    "btc": Parameters(3250, 400, 1350, bucket=0, flags=7),
    "sol": Parameters(5860, 3200, 1750, bucket=2, flags=3),
    "link": Parameters(5210, 2810, 1750, bucket=7, flags=3),
}
ETH = 0
LONG, SHORT, VAULT = 1 << 96, 2 << 96, 3 << 96
TERMS = Terms(target=14_000, penalty=500, backstop=300, grace=300)


def event(name: str, **args: Any) -> Event:
    return Event("Any", name, args)


def price_event(price: int, now: int = NOW) -> Event:
    encoded = encode_price(price)
    word = PriceWord(mantissa=encoded & (1 << 48) - 1, exponent=encoded >> 48, confidence=20, time=now, slow_for=3600)
    return event("PricesUpdated", round=now // 2, markets=1 << ETH, words=[word.pack()])


def account_event(account: int, principal: int, size: int = 0, cost: int = 0, act: int = 1) -> Event:
    perps = 1 << ETH if size or cost else 0
    return event(
        "AccountChanged",
        account=account,
        act=act,
        header=Header(principal, 0, perps).pack(),
        changed=1 << ETH + 64,
        words=[Position(size, cost).pack()],
    )


def run_event(account: int, **fields: int) -> Event:
    return event("RunChanged", account=account, run=Run(**fields).pack())


def taken_event(account: int, equity: int, requirement: int, fraction: int, **other: int | bool) -> Event:
    args: Mapping[str, Any] = {
        "account": account,
        "taker": SHORT,
        "fraction": fraction,
        "clipped": False,
        "equity": equity,
        "requirement": requirement,
        "lambda_account": 0,
        "lambda_taker": 0,
        "vault_got": 0,
        **other,
    }
    return Event("Auction", "Taken", args)


def mirror_of_two() -> Mirror:
    """A long of 10 ETH from 3000 with 2000 quote, against a short with plenty: h of the long is a little above 1."""
    mirror = Mirror(ORACLE)
    mirror.risk, mirror.terms = RISK, TERMS
    mirror.parameters[ETH] = PARAMETERS["eth"]
    mirror.indices = Indices(WAD, WAD, time=NOW)
    mirror.totals = Totals(positive=102_000 * WAD)
    mirror.custody = Custody(held=102_000 * WAD)
    mirror.books[ETH] = MarketBook(cost=0, size=20 * WAD)
    for made in (
        price_event(3000 * WAD),
        account_event(LONG, 2_000 * WAD, 10 * WAD, 30_000 * WAD),
        account_event(SHORT, 100_000 * WAD, -10 * WAD, -30_000 * WAD),
    ):
        mirror.apply(made)
    return mirror
