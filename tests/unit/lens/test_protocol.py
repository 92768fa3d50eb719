"""`markets` and `protocol`: the whole, in two calls."""

from __future__ import annotations

from keeper.model.words import Indices, Totals
from tests.unit.system import BTC, CURVE, ETH, MARKETS, RISK, SETTINGS, SOL, TERMS, WAD

YEAR = 31_536_000
NOBODY = "0x" + "00" * 20


def test_markets__all__show_price_parameters_and_book(scene, lens, risk_engine, clearinghouse, eth):
    scene.system.fund_spot(scene.taker, ETH, 2)
    scene.price(1520)
    views = lens.markets()
    assert [view.market for view in views] == list(MARKETS)
    view, parameters = views[ETH], MARKETS[ETH]
    assert tuple(view.price) == tuple(risk_engine.price(ETH))
    assert (view.price_word, view.parameters) == (risk_engine.price_word(ETH), parameters.pack())
    assert view.slow_feed == risk_engine.slow_feed(ETH) != 0
    assert (view.systematic, view.idiosyncratic, view.gross) == (parameters.s, parameters.u, parameters.g)
    assert (view.bucket, view.flags, view.cap) == (parameters.bucket, parameters.flags, 0)
    assert (view.size, view.spot, view.token) == (20 * WAD, 2 * WAD, eth)
    assert view.cost == 0
    assert (views[SOL].size, views[SOL].spot, views[SOL].token) == (0, 0, NOBODY)


def test_markets__loser_settled__shows_what_it_paid_in(scene, lens, clearinghouse):
    scene.price(1520)
    clearinghouse.settle(ETH, [scene.account], sender=scene.taker)
    cost = lens.markets()[ETH].cost
    assert cost < 0
    assert abs(cost + 800 * WAD) < 10**9


def test_markets__price_dead__says_the_state(scene, lens):
    scene.system.pass_time(4_000)
    scene.system.quote.mint(scene.taker, 1, sender=scene.taker)
    assert [view.price.state for view in lens.markets()] == [2] * len(MARKETS)


def test_protocol__any_time__names_parts_and_parameters(
    scene, lens, quote, clearinghouse, auction, vault, risk_engine, system
):
    view = lens.protocol()
    assert (view.quote_token, view.quote_scale) == (quote, 10**12)
    assert (view.clearinghouse, view.risk_engine) == (clearinghouse, risk_engine)
    assert (view.auction, view.vault, view.vault_account) == (auction, vault, system.account(vault))
    assert (view.terms, view.curve, view.curve_count) == (TERMS.pack(), CURVE.pack(), 1)
    assert (view.risk, view.settings, view.market_count) == (RISK.pack(), SETTINGS.pack(), len(MARKETS))


def test_protocol__nothing_lent__has_no_utilisation(scene, lens, clearinghouse):
    view = lens.protocol()
    assert (view.utilisation, view.supply_rate, view.borrow_rate, view.borrowed) == (0, 0, 0, 0)
    # Fees wait in the reserve until somebody collects them.
    assert view.supplied + view.reserve == view.held == clearinghouse.custody() & 2**128 - 1


def test_protocol__half_lent__shows_rates_and_what_accrues(scene, lens, clearinghouse, lender, guardian):
    system = scene.system
    borrower = system.fund_spot(lender, BTC, 1_000_000)
    system.prices()
    # What waits in the reserve is nobody's loan.
    clearinghouse.collect(sender=lender)
    half = lens.protocol().supplied // 2 // 10**12
    clearinghouse.withdraw(borrower, half, lender, sender=lender)
    before = lens.protocol()
    assert abs(before.utilisation - 10**9 // 2) <= 1
    # Half of what is due at the kink of 80%, 6%.
    assert abs(before.borrow_rate - 60_000_000 * 5 // 8) <= 2
    assert 0 < before.supply_rate < before.borrow_rate // 2
    system.pass_time(YEAR)
    system.quote.mint(guardian, 1, sender=guardian)
    after = lens.protocol()
    assert after.borrow_index > before.borrow_index
    assert after.borrowed - before.borrowed > after.supplied - before.supplied > 0
    earned = (after.borrowed - before.borrowed) - (after.supplied - before.supplied)
    assert abs(after.reserve - before.reserve - earned) <= 10
    indices, totals = Indices.unpack(clearinghouse.indices()), Totals.unpack(clearinghouse.totals())
    assert after.supply_index > indices.supply
    assert after.supplied == totals.positive * after.supply_index // WAD


def test_protocol__vault__shows_assets_shares_and_price(scene, lens, vault, lender):
    scene.insure(1_000)
    view = lens.protocol()
    assert (view.vault_assets, view.vault_shares) == (vault.totalAssets(), vault.totalSupply())
    assert view.share_price == vault.convertToAssets(10 ** vault.decimals())
    scene.sighted_at(1430)
    scene.bid()
    assert lens.protocol().share_price < view.share_price
