"""The totals of several walks are there for whoever ends last, and are the sums."""

from __future__ import annotations

from collections import Counter

from tests.model.totals import Totals, all_together

SEEDS = (1, 2, 3)


def counted(number: int) -> Totals:
    return Totals(
        Counter({"bid": number}),
        Counter({"open": 10 * number}),
        Counter({f"only {number}": 1}),
        Counter({("too late", "bid"): number, (f"reason {number}", "bid"): 1}),
    )


def test_all_together__walks_missing__nothing_yet(tmp_path):
    assert all_together(tmp_path, 1, SEEDS, counted(1)) is None
    assert all_together(tmp_path, 3, SEEDS, counted(3)) is None


def test_all_together__last_walk__sums_of_all(tmp_path):
    for seed in (2, 3):
        all_together(tmp_path, seed, SEEDS, counted(seed))
    together = all_together(tmp_path, 1, SEEDS, counted(1))
    assert together is not None
    assert together.done == {"bid": 6}
    assert together.refused == {"open": 60}
    assert together.traits == {"only 1": 1, "only 2": 1, "only 3": 1}
    assert together.reasons["too late", "bid"] == 6
    assert (together.acts, together.different_reasons) == (66, 4)


def test_from_json__what_was_written__is_the_same():
    assert Totals.from_json(counted(5).as_json()) == counted(5)
