"""Section 4, live, late and dead markets: each rule taken away."""

from __future__ import annotations

from tests.mutants.mutant import change

ENGINE = "tests/unit/risk_engine/test_"
HOUSE = "tests/unit/clearinghouse/test_"
UNCERTAIN = "tests/unit/auction/test_uncertain_prices.py::test_"
MARGIN = "modules/margin.vy"
PRICES = "modules/prices.vy"
SIGHTINGS = "modules/sightings.vy"
LATE = "4: Late: acts at a price revert."
DEAD = "4: Dead: the last price and the widest interval count for sighting, slice and the taker's margin alike."
SHIELD = "4: The market may not otherwise be added to or withdrawn against [one dead feed as a shield for all else]."

MUTANTS = [
    change(
        "live-as-long-as-fast-lives",
        "4: A market is live (price within its limit: 15 s where a fast feed lives).",
        PRICES,
        "        if age > ORACLE.price_age:\n            # Only a frozen",
        "        if age > ORACLE.fast_life:\n            # Only a frozen",
        f"{ENGINE}price.py::test_price__fast_alone__is_live_then_late_then_dead",
    ),
    change(
        "slow-price-never-late",
        "4: A market is live (price within its limit: 15 s where a fast feed lives).",
        PRICES,
        "        elif age > ORACLE.price_age:\n            reading.state = LATE\n",
        "",
        f"{ENGINE}price.py::test_price__slow_alone__is_late_until_it_counts_no_more",
    ),
    change(
        "late-price-trades",
        LATE,
        MARGIN,
        "    if state != 0:\n",
        "    if state == 2:\n",
        f"{HOUSE}trade.py::test_trade__late_price__reverts",
    ),
    change(
        "late-price-withdraws",
        LATE,
        MARGIN,
        "    self.check_live(account.state)\n",
        "    self.check_live(account.state & 2)\n",
        f"{HOUSE}withdraw.py::test_withdraw__at_a_late_price__is_refused",
    ),
    change(
        "late-price-settles",
        LATE,
        "modules/settling.vy",
        "    margin.check_live(price.state)\n",
        "    margin.check_live(price.state & 2)\n",
        f"{HOUSE}settle.py::test_settle__late_price__reverts",
    ),
    change(
        "late-price-sights",
        LATE,
        SIGHTINGS,
        '    if sight.assessment.state == 1:\n        sight.refusal = "auction: price not live"\n    elif',
        "    if",
        "tests/unit/auction/test_open.py::test_open__price_late__skips_and_leaves_the_run",
    ),
    change(
        "late-price-of-a-taker",
        LATE,
        MARGIN,
        "    self.check_live(account.state & 1)\n",
        "",
        "tests/unit/auction/test_bid.py::test_bid__taker_with_a_late_price_elsewhere__reverts",
    ),
    change(
        "late-price-of-a-relief",
        LATE,
        "modules/trading.vy",
        "    if before.state == 1:\n        margin.check_live(1)\n",
        "",
        f"{HOUSE}limits.py::test_relieve__late_price_elsewhere__reverts",
    ),
    change(
        "late-price-in-a-batch",
        LATE,
        "Batch.vy",
        '    assert after.state != 1, "batch: price is late"\n    assert after.state == 0, "batch: market is dead"\n',
        "",
        "tests/unit/batch/test_batch.py::test_batch__at_prices_that_are_late__reverts",
    ),
    change(
        "dead-market-without-its-interval",
        DEAD,
        PRICES,
        "        confidence = max(confidence, ORACLE.dead)\n",
        "        pass\n",
        "tests/unit/auction/test_open.py::test_open__market_dead_and_breach_within_its_interval__is_not_sighted",
    ),
    change(
        "dead-market-shields-an-account",
        DEAD,
        SIGHTINGS,
        "    if sight.assessment.state == 1:\n",
        "    if sight.assessment.state != 0:\n",
        f"{UNCERTAIN}bid__one_dead_market_of_two__shields_neither_account_nor_taker",
    ),
    change(
        "dead-market-stops-a-taker",
        DEAD,
        MARGIN,
        "    self.check_live(account.state & 1)\n",
        "    self.check_live(account.state)\n",
        f"{UNCERTAIN}bid__market_dead__takes_at_the_last_price_into_an_account_that_bears_the_interval",
    ),
    change(
        "dead-market-withdrawn-against",
        SHIELD,
        MARGIN,
        "    self.check_live(account.state)\n",
        "    self.check_live(account.state & 1)\n",
        f"{HOUSE}withdraw.py::test_withdraw__in_a_dead_market__is_refused",
    ),
    change(
        "dead-market-traded",
        SHIELD,
        "modules/trading.vy",
        "    margin.check_live(quoted.state)\n",
        "    margin.check_live(quoted.state & 1)\n",
        f"{HOUSE}trade.py::test_trade__that_closes_both_sides_at_an_old_price__reverts",
    ),
    change(
        "pause-stops-a-match",
        "4: A pause does not stop a slice's taker.",
        "modules/trading.vy",
        "    self._test(money, sides[1], after[1], not rule.relief)\n",
        "    self._test(money, sides[1], after[1], True)\n",
        "tests/unit/auction/test_paused.py::test_pause__everything__match_goes_on",
    ),
    change(
        "slow-part-counts-for-ever",
        "4: A read is one storage word, which also says until when its slow part counts.",
        PRICES,
        "        slow_counts: bool = slow_for != 0 and age <= slow_for\n",
        "        slow_counts: bool = slow_for != 0\n",
        f"{ENGINE}price.py::test_price__slow_feed_ends_within_the_price_age__slow_price_is_dead_and_fast_one_wider",
    ),
]
