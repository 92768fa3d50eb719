"""The driver's own eyes: what it makes of events, block by block."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keeper.model.requirement import Holding
from keeper.model.rounding import ceil_div
from keeper.model.words import Custody, MarketBook
from scripts.demo.bands import BANDS, count_bands
from scripts.demo.checks import DUST, custody_fault, sums_fault
from scripts.demo.mirror import Moment
from scripts.demo.observer import GIVEN, Observer
from tests.e2e.demo_worlds import (
    ETH,
    LONG,
    NOW,
    SHORT,
    VAULT,
    WAD,
    account_event,
    event,
    mirror_of_two,
    price_event,
    run_event,
    taken_event,
)

HELD = 102_000 * WAD


def watching() -> Observer:
    return Observer(mirror_of_two(), VAULT, watched=True)


def fallen(now: int, price: int = 2900) -> list:
    return [price_event(price * WAD, now)]


def test_custody_fault__tokens_equal_claims__holds() -> None:
    assert custody_fault(mirror_of_two(), HELD, {}) == ""
    assert custody_fault(mirror_of_two(), HELD + DUST, {}) == ""


@pytest.mark.parametrize("held", [HELD - 1, HELD + DUST + 1])
def test_custody_fault__a_wei_short_or_more_than_dust_above__is_told(held: int) -> None:
    assert custody_fault(mirror_of_two(), held, {}).startswith(f"quote held {held} is {held - HELD} above cash")


def test_custody_fault__reserve__is_owed_too() -> None:
    mirror = mirror_of_two()
    mirror.custody = Custody(held=HELD, reserve=5)

    assert custody_fault(mirror, HELD, {}) != "" and custody_fault(mirror, HELD + 5, {}) == ""


def test_custody_fault__spot_owed_above_tokens__is_told() -> None:
    mirror = mirror_of_two()
    mirror.accounts[LONG].holdings[ETH] = Holding(7, 10 * WAD, 30_000 * WAD)

    assert custody_fault(mirror, HELD, {ETH: 6}) == "market 0: 6 tokens held, 7 owed"
    assert custody_fault(mirror, HELD, {ETH: 7}) == ""


def test_sums_fault__balanced__holds() -> None:
    assert sums_fault(mirror_of_two()) == ""


def test_sums_fault__sizes_apart__is_told() -> None:
    mirror = mirror_of_two()
    mirror.apply(account_event(SHORT, 100_000 * WAD, -10 * WAD + 1, -30_000 * WAD))

    assert sums_fault(mirror) == "market 0: sizes sum to 1"


def test_sums_fault__costs_above_zero__is_told() -> None:
    mirror = mirror_of_two()
    mirror.apply(account_event(SHORT, 100_000 * WAD, -10 * WAD, -30_000 * WAD + 1))

    assert sums_fault(mirror) == "market 0: costs sum to 1"


def test_sums_fault__book_says_otherwise__is_told() -> None:
    mirror = mirror_of_two()
    mirror.books[ETH] = MarketBook(cost=-4, size=20 * WAD)

    assert sums_fault(mirror) == "market 0: costs sum to 0, its book says -4"


def test_block__under_the_line_and_nobody_sights__counts_blocks() -> None:
    observer = watching()

    for step in range(1, 5):
        record = observer.block(step, NOW + 2 * step, fallen(NOW + 2 * step))

    assert (observer.max_unsighted, observer.breached, record.under, record.auctions) == (4, {LONG}, 1, 0)


def test_block__sighted_after_one_block__counts_one() -> None:
    observer = watching()

    observer.block(1, NOW + 2, fallen(NOW + 2))
    record = observer.block(2, NOW + 4, [run_event(LONG, opener=9, start=NOW + 4, last=NOW + 4, nonce=1)])

    assert (observer.max_unsighted, observer.opened, record.auctions) == (1, 1, 1)


@pytest.mark.parametrize(("age", "unsighted"), [(300, 0), (301, 1)])
def test_block__sighting_as_old_as_the_grace__is_the_last_that_counts(age: int, unsighted: int) -> None:
    observer = watching()
    now = NOW + 2

    observer.block(1, now, [run_event(LONG, opener=9, start=NOW - 400, last=now - age, nonce=1), *fallen(now)])

    assert observer.max_unsighted == unsighted


def test_block__recovery__ends_the_spell() -> None:
    observer = watching()
    observer.block(1, NOW + 2, fallen(NOW + 2))
    observer.block(2, NOW + 8, [price_event(3000 * WAD, NOW + 8)])

    observer.finish(NOW + 100)

    assert observer.spells == [6]


def test_finish__still_under__counts_until_the_end() -> None:
    observer = watching()
    observer.block(1, NOW + 2, fallen(NOW + 2))

    observer.finish(NOW + 102)

    assert observer.spells == [100]


def test_block__equity_below_zero__is_insolvent() -> None:
    observer = watching()

    record = observer.block(1, NOW + 2, fallen(NOW + 2, 2700))

    assert (observer.insolvent, record.insolvent) == ({LONG}, 1)


def test_block__slice_that_lands_on_the_target__is_seen_so() -> None:
    observer = watching()
    observer.block(1, NOW + 2, [*fallen(NOW + 2), run_event(LONG, opener=9, start=NOW + 2, last=NOW + 2, nonce=1)])
    before = Moment(observer.mirror, NOW + 32).assess(LONG)
    # Half of all balances go, and cash comes in until h is 1.4: by hand, as the auction would leave it.
    half = account_event(LONG, 0, 5 * WAD, 15_000 * WAD, act=GIVEN)
    probe = mirror_of_two()
    for made in (*fallen(NOW + 32), half):
        probe.apply(made)
    after = Moment(probe, NOW + 32).assess(LONG)
    cash = ceil_div(14 * after.mm, 10) - after.equity

    observer.block(
        2,
        NOW + 32,
        [
            *fallen(NOW + 32),
            run_event(LONG, nonce=2),
            taken_event(LONG, before.equity, before.mm, WAD // 2, clipped=True, lambda_taker=WAD // 5),
            account_event(LONG, cash, 5 * WAD, 15_000 * WAD, act=GIVEN),
        ],
    )

    bid = observer.bids[0]
    assert bid.off_target is not None and bid.off_target < 1e-15
    assert (bid.age, bid.fraction, bid.whole, bid.lambda_taker) == (30, 0.5, False, 0.2)
    assert bid.health_before == pytest.approx(before.equity / before.mm)


def test_block__bid_that_starts_its_run__has_age_zero_and_opens_one() -> None:
    observer = watching()
    observer.block(1, NOW + 2, fallen(NOW + 2))

    observer.block(
        2,
        NOW + 40,
        [
            *fallen(NOW + 40),
            run_event(LONG, nonce=2),
            taken_event(LONG, 1000 * WAD, 1700 * WAD, WAD),
            account_event(LONG, 0, act=GIVEN),
        ],
    )

    assert (observer.bids[0].age, observer.opened, observer.bids[0].health_after) == (0, 1, None)


def test_block__dead_run_only_cleared__opens_none() -> None:
    observer = watching()
    observer.block(1, NOW + 2, [run_event(LONG, opener=9, start=NOW - 900, last=NOW - 900, nonce=1)])
    opened = observer.opened

    observer.block(2, NOW + 4, [run_event(LONG, nonce=1)])

    assert observer.opened == opened


def test_block__insolvent_account_taken__counts_debt_and_vault() -> None:
    observer = watching()

    observer.block(
        1,
        NOW + 2,
        [
            *fallen(NOW + 2, 2700),
            taken_event(LONG, -1000 * WAD, 1600 * WAD, WAD, vault_got=-1200 * WAD),
            account_event(LONG, 0, act=GIVEN),
        ],
    )

    assert (observer.bids[0].bad_debt, observer.bids[0].vault_paid, observer.insolvent) == (1000.0, 1200.0, {LONG})


def test_block__loss_that_the_vault_cannot_pay__is_not_called_paid() -> None:
    observer = watching()

    observer.block(
        1,
        NOW + 2,
        [
            *fallen(NOW + 2, 2700),
            taken_event(LONG, -1000 * WAD, 1600 * WAD, WAD, vault_got=-1200 * WAD),
            event("LossShared", account=LONG, loss=900 * WAD, supply=WAD - 1),
            account_event(LONG, 0, act=GIVEN),
            taken_event(LONG, -1 * WAD, 1600 * WAD, WAD, vault_got=-2 * WAD),
            account_event(LONG, 0, act=GIVEN),
        ],
    )

    assert [(bid.bad_debt, bid.vault_paid, bid.shared) for bid in observer.bids] == [
        (1000.0, 300.0, 900.0),
        (1.0, 2.0, 0.0),
    ]


def test_block__sweep_that_tells_of_its_slice_afterwards__is_judged_by_that_slice() -> None:
    observer = watching()

    # What a sweep says: the slice moves first, and is announced with the auction's own account as its taker.
    observer.block(
        1,
        NOW + 2,
        [
            *fallen(NOW + 2),
            account_event(LONG, 1_500 * WAD, 5 * WAD, 15_000 * WAD, act=GIVEN),
            run_event(LONG, nonce=2),
            taken_event(LONG, 1000 * WAD, 1700 * WAD, WAD // 2, taker=VAULT + 1),
            account_event(SHORT, 100_000 * WAD, -10 * WAD, -30_000 * WAD, act=GIVEN),
        ],
    )

    after = Moment(observer.mirror, NOW + 2).assess(LONG)
    (bid,) = observer.bids
    assert (bid.account, bid.taker, bid.fraction) == (LONG, VAULT + 1, 0.5)
    assert bid.health_after == after.equity / after.mm


def test_block__slice_of_another_account_between__is_not_taken_for_the_bids() -> None:
    observer = watching()

    observer.block(
        1,
        NOW + 2,
        [
            *fallen(NOW + 2),
            taken_event(LONG, 1000 * WAD, 1700 * WAD, WAD),
            account_event(SHORT, 100_000 * WAD, -10 * WAD, -30_000 * WAD, act=GIVEN),
            account_event(LONG, 0, act=GIVEN),
        ],
    )

    (bid,) = observer.bids
    assert (bid.account, bid.health_after) == (LONG, None)


def test_account_changed__position_gone__leaves_no_holding() -> None:
    mirror = mirror_of_two()

    mirror.apply(account_event(LONG, 5 * WAD))

    assert mirror.accounts[LONG].holdings == {} and mirror.accounts[LONG].principal == 5 * WAD


def test_account_changed__word_left_out_but_bit_cleared__leaves_no_holding() -> None:
    mirror = mirror_of_two()

    mirror.apply(event("AccountChanged", account=LONG, act=1, header=5 * WAD, changed=0, words=[]))

    assert mirror.accounts[LONG].holdings == {}


def test_count_bands__bounds__belong_to_the_upper_band() -> None:
    counts = dict(zip((name for name, _, _ in BANDS), count_bands([-0.1, 0.0, 0.99, 1.0, 1.5, 2.0, 9.0]), strict=True))

    assert list(counts.values()) == [1, 2, 1, 1, 1, 1]


def test_moment__without_risk_word__refuses() -> None:
    with pytest.raises(RuntimeError, match="no risk word was seen"):
        Moment(replace(mirror_of_two(), risk=None), NOW)
