"""`insurance`, `entries`, `leaving` and `standing`: what is known to be lost, and what stands behind it."""

from __future__ import annotations

from keeper.model.standing import Standing
from tests.unit.system import COOLDOWN, LIMITS, UNITS, WAD

INSOLVENT = 1430


def post(scene, tick: int, capacity: int) -> int:
    auction = scene.system.auction
    args = (scene.taker_account, tick, capacity, WAD, 15, 400, 2 * capacity)
    return auction.post(*args, sender=scene.taker).decode_logs(auction.StandingPosted)[0].id


def test_insurance__no_loss_known__leaving_is_worth_all(scene, lens, vault):
    scene.insure(1_000)
    view = lens.insurance()
    assert (view.exit_rate, view.known_loss) == (WAD, 0)
    assert (view.vault_cash, view.vault_assets) == (scene.vault_cash(), vault.totalAssets())
    assert (view.cooldown, view.limits, view.vault_left) == (COOLDOWN, LIMITS.pack(), LIMITS.most)


def test_insurance__loss_beyond_the_vault__lowers_the_exit_rate(scene, lens, clearinghouse, auction):
    scene.sighted_at(INSOLVENT)
    view = lens.insurance()
    assert view.known_loss == auction.entry(scene.account) > 90 * WAD
    assert view.vault_assets == 0
    assert view.exit_rate == clearinghouse.exit_rate() < WAD


def test_entries__several_accounts__says_each(scene, lens, auction):
    scene.sighted_at(INSOLVENT)
    assert lens.entries([scene.taker_account, scene.account]) == [0, auction.entry(scene.account)]


def test_leaving__request_waits_then_is_ready__shows_what_is_payable(scene, lens, vault, lender, taker):
    scene.insure(1_000)
    vault.request(vault.balanceOf(lender) // 2, lender, sender=lender)
    waiting, none = lens.leaving([lender, taker])
    assert (waiting.owner, tuple(waiting.request)) == (lender, tuple(vault.request_of(lender)))
    assert waiting.payable_now == 0
    assert (none.owner, tuple(none.request), none.payable_now) == (taker, (0, 0, 0), 0)
    scene.system.pass_time(COOLDOWN)
    scene.system.quote.mint(taker, 1, sender=taker)
    assert 499 * UNITS < lens.leaving([lender])[0].payable_now == vault.maxWithdraw(lender)


def test_standing__bids__in_the_order_of_a_sweep(scene, lens, auction, system):
    late, first, second = post(scene, 20, 100 * WAD), post(scene, 10, 300 * WAD), post(scene, 10, 200 * WAD)
    views = lens.standing()
    assert [view.id for view in views] == [first, second, late]
    view = views[0]
    assert Standing(view.tick, view.id, view.max_interval, view.markets, view.capacity, view.minimum, 0) == Standing(
        10, first, 400, 15, 300 * WAD, WAD, 0
    )
    assert (view.taker, view.account) == (scene.taker_account, system.account(auction, first))
    assert view.cash == 600 * WAD
    system.pass_time(600)
    auction.remove(first, sender=scene.taker)
    assert [view.id for view in lens.standing()] == [second, late]
