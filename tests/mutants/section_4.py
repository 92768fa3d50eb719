"""Section 4, sources, reports and intervals: each rule taken away."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant, change

ENGINE = "tests/unit/risk_engine/test_"
HOUSE = "tests/unit/clearinghouse/test_"
UNCERTAIN = "tests/unit/auction/test_uncertain_prices.py::test_"
MARGIN = "modules/margin.vy"
PRICES = "modules/prices.vy"
REPORTS = "modules/reports.vy"
SIGHTINGS = "modules/sightings.vy"
SLOW = "modules/slow_feed.vy"
FEED = "4: A slow push feed (answer > 0, round complete, heartbeat)."
BAD_FEED = f"{ENGINE}update_slow_feed.py::test_update__feed_that_does_not_count__leaves_the_fast_price_alone"
ONE_ROUND = "4: An update is k reports of one round by distinct signers (n = 3f + 1, k = 2f + 1)."
BAD_REPORTS = f"{ENGINE}update_refusals.py::test_update__reports_that_are_not_in_order__reverts"
NEVER_BACK = "4: Rounds never go back. An old or equal round is skipped, not refused."
EARLIER = f"{ENGINE}update.py::test_update__equal_or_earlier_round__leaves_all_as_it_is"
AGE = "4: Age restarts when the gap is 0, changes sign, or two updates are more than τ/2 apart."
LATE = "4: Late: acts at a price revert."
DEAD = "4: Dead: the last price and the widest interval count for sighting, slice and the taker's margin alike."
SHIELD = "4: The market may not otherwise be added to or withdrawn against [one dead feed as a shield for all else]."

MUTANTS = [
    change(
        "slow-answer-of-0",
        FEED,
        SLOW,
        "        answer == 0\n        or answer",
        "        answer",
        f"{ENGINE}update_slow_feed.py::test_update__quote_feed_that_does_not_count__no_slow_price_counts",
    ),
    change("slow-answer-below-0", FEED, SLOW, "        or answer > _HIGHEST_ANSWER\n", "", BAD_FEED),
    change(
        "slow-round-not-complete",
        FEED,
        SLOW,
        "        or extract32(data, 128, output_type=uint256) < extract32(data, 0, output_type=uint256)\n",
        "",
        BAD_FEED,
    ),
    change(
        "slow-answer-of-later",
        FEED,
        SLOW,
        "updated_at == 0 or updated_at > block.timestamp",
        "updated_at == 0",
        BAD_FEED,
    ),
    change("slow-past-its-heartbeat", FEED, SLOW, "    if block.timestamp > until:\n        return 0\n", "", BAD_FEED),
    change(
        "slow-starved-of-gas",
        FEED,
        SLOW,
        "    if msg.gas < _GAS_BEFORE_FEED:\n        refusal.refuse(refusal.NOT_ENOUGH_GAS)\n",
        "",
        f"{ENGINE}update_slow_feed.py::test_update__too_little_gas_for_a_feed__reverts_rather_than_lose_the_gap",
    ),
    change(
        "one-signature-over-another-list",
        "4: One signature over a list of markets.",
        "modules/slow_feed.vy",
        "    if different & (255 << 90) != 0:\n        refusal.refuse(refusal.MIXED_MARKETS)\n",
        "",
        BAD_REPORTS,
    ),
    change(
        "reports-of-several-rounds",
        ONE_ROUND,
        "RiskEngine.vy",
        "        if reports[i].round != round:\n            refusal.refuse(refusal.MIXED_ROUNDS)\n",
        "",
        f"{ENGINE}update_refusals.py::test_update__rounds_differ__reverts",
    ),
    change(
        "one-signer-twice",
        ONE_ROUND,
        REPORTS,
        "    if seen & bit != 0:\n        refusal.refuse(refusal.SIGNER_TWICE)\n",
        "",
        BAD_REPORTS,
    ),
    change(
        "a-stranger-signs",
        ONE_ROUND,
        REPORTS,
        "    if place == 0:\n        refusal.refuse(refusal.UNKNOWN_SIGNER)\n",
        "",
        f"{ENGINE}update_refusals.py::test_update__signed_by_a_stranger__reverts",
    ),
    change(
        "one-report-less",
        ONE_ROUND,
        "RiskEngine.vy",
        "needed: uint256 = slow_feeds.threshold_of(quote)\n    if len(reports) < max(needed, 1):\n",
        "needed: uint256 = min(slow_feeds.threshold_of(quote), len(reports))\n    if len(reports) < 1:\n",
        BAD_REPORTS,
    ),
    change(
        "one-report-more",
        ONE_ROUND,
        "RiskEngine.vy",
        "    if len(reports) > needed:\n        refusal.refuse(refusal.TOO_MANY_REPORTS)\n",
        "",
        BAD_REPORTS,
    ),
    change(
        "even-number-of-reports",
        ONE_ROUND,
        REPORTS,
        "threshold & 1 == 1 and threshold <=",
        "threshold != 0 and threshold <=",
        f"{ENGINE}admin.py::test_set_signers__out_of_range__reverts",
    ),
    change(
        "report-of-any-age",
        "4: At most 10 s old, none from the future.",
        "RiskEngine.vy",
        "    if unsafe_sub(block.timestamp, time) > prices.ORACLE.max_report_age:\n"
        "        refusal.refuse(refusal.REPORT_TOO_OLD)\n",
        "",
        f"{ENGINE}update_refusals.py::test_update__a_second_past_its_age__reverts",
    ),
    Mutant(
        "report-from-the-future",
        "4: At most 10 s old, none from the future.",
        (
            Edit(
                "RiskEngine.vy",
                "    if round > block.timestamp // prices.ORACLE.round_seconds:\n",
                "    if round > block.timestamp // prices.ORACLE.round_seconds + 1:\n",
            ),
            Edit(
                "RiskEngine.vy",
                "    if unsafe_sub(block.timestamp, time) > prices",
                "    if unsafe_sub(max(block.timestamp, time), time) > prices",
            ),
        ),
        (f"{ENGINE}update_refusals.py::test_update__round_of_the_next_second__reverts",),
    ),
    change(
        "highest-of-three",
        "4: Per market the median counts.",
        REPORTS,
        "    return max(min(first, second), min(max(first, second), third))\n",
        "    return max(first, max(second, third))\n",
        f"{ENGINE}update.py::test_update__takes_the_median_of_each_field_by_itself",
    ),
    change(
        "first-of-five",
        "4: Per market the median counts.",
        REPORTS,
        "    return ordered[count // 2]\n",
        "    return ordered[0]\n",
        f"{ENGINE}update.py::test_update__five_signers__takes_the_third",
    ),
    change(
        "earlier-round-counts",
        NEVER_BACK,
        "RiskEngine.vy",
        "        if prices.time_of(word) >= time and not prices.is_from_slow(word):\n            continue\n",
        "",
        EARLIER,
    ),
    change(
        "equal-round-counts",
        NEVER_BACK,
        "RiskEngine.vy",
        "        if prices.time_of(word) >= time and",
        "        if prices.time_of(word) > time and",
        EARLIER,
    ),
    change(
        "old-round-refused",
        NEVER_BACK,
        "RiskEngine.vy",
        "and not prices.is_from_slow(word):\n            continue\n",
        "and not prices.is_from_slow(word):\n            refusal.refuse(refusal.REPORT_TOO_OLD)\n",
        EARLIER,
    ),
    change(
        "refresh-outranks-a-report",
        "4: Mid is the fast price while it lives, else the slow one with a wider δ floor.",
        "RiskEngine.vy",
        "        if prices.time_of(word) >= time and not prices.is_from_slow(word):\n",
        "        if prices.time_of(word) >= time:\n",
        f"{ENGINE}refresh.py::test_refresh__in_the_block_of_a_report__does_not_hold_the_fast_price_off",
    ),
    change(
        "slow-takes-over-too-soon",
        "4: Mid is the fast price while it lives, else the slow one with a wider δ floor.",
        PRICES,
        "self.is_from_slow(word) or age > ORACLE.fast_life",
        "self.is_from_slow(word) or age > ORACLE.price_age",
        f"{ENGINE}refresh.py::test_refresh__fast_price__lives_as_long_as_it_is_said_to",
    ),
    change(
        "slow-price-without-an-interval",
        "4: Mid is the fast price while it lives, else the slow one with a wider δ floor.",
        PRICES,
        "            | (ORACLE.one_source << 146)\n",
        "",
        f"{ENGINE}refresh.py::test_refresh__no_price_yet__slow_feed_is_the_source",
    ),
    change(
        "one-source-without-an-interval",
        "4: Mid is the fast price while it lives, else the slow one with a wider δ floor.",
        PRICES,
        "        elif confidence < ORACLE.one_source:\n            confidence = ORACLE.one_source\n",
        "",
        f"{ENGINE}update.py::test_update__no_slow_feed__widens_to_one_source",
    ),
    change(
        "gap-not-shrunk",
        "4: gap = (slow − fast) / fast, shrunk toward 0 by the slow feed's own deviation threshold, signed.",
        PRICES,
        "    deviation: uint256 = (feed >> 184) & _LOW_16\n",
        "    deviation: uint256 = 0\n",
        f"{ENGINE}update_gap.py::test_update__slow_price_apart__gap_is_signed_and_shrunk",
    ),
    change(
        "gap-without-a-sign",
        "4: gap = (slow − fast) / fast, shrunk toward 0 by the slow feed's own deviation threshold, signed.",
        PRICES,
        "    return gap if above else unsafe_sub(0, gap)\n",
        "    return gap\n",
        f"{ENGINE}update_gap.py::test_update__slow_price_apart__gap_is_signed_and_shrunk",
    ),
    change(
        "gap-on-the-other-side",
        "4: up = confidence + max(0, gap), down = confidence + max(0, −gap).",
        PRICES,
        "    if gap > 0:\n        reading.up",
        "    if gap < 0:\n        reading.up",
        f"{ENGINE}price.py::test_price__gap__widens_the_side_toward_the_slow_price",
    ),
    change(
        "loss-by-a-faded-gap",
        "4: W⁻ is what the account may lose inside the interval.",
        "modules/requirement.vy",
        "unsafe_mul(magnitude, price.down))",
        "unsafe_mul(magnitude, price.down_faded))",
        f"{ENGINE}assess.py::test_assess__gap_below__is_the_mirror",
    ),
    change(
        "shorts-loss-by-a-faded-gap",
        "4: W⁻ is what the account may lose inside the interval.",
        "modules/requirement.vy",
        "unsafe_mul(magnitude, price.up))",
        "unsafe_mul(magnitude, price.up_faded))",
        f"{ENGINE}assess.py::test_assess__gap__loss_counts_all_of_it_and_gain_what_has_not_faded",
    ),
    change(
        "gain-by-a-gap-that-never-fades",
        "4: W⁺ is what it may gain, gap faded by max(0, 1 − age/τ).",
        "modules/requirement.vy",
        "unsafe_mul(magnitude, price.up_faded))",
        "unsafe_mul(magnitude, price.up))",
        f"{ENGINE}assess.py::test_assess__gap__loss_counts_all_of_it_and_gain_what_has_not_faded",
    ),
    change(
        "fades-below-nothing",
        "4: W⁺ is what it may gain, gap faded by max(0, 1 − age/τ).",
        PRICES,
        "convert(max(0, unsafe_sub(convert(ORACLE.tau, int256), shown)), uint256)",
        "convert(abs(unsafe_sub(convert(ORACLE.tau, int256), shown)), uint256)",
        f"{ENGINE}price.py::test_price__faded_gap__shrinks_to_nothing_within_tau",
    ),
    change(
        "withdrawal-without-the-interval",
        "4: To withdraw or add risk: equity − W⁻ ≥ ι · MM.",
        MARGIN,
        "unsafe_add(unsafe_add(account.im, account.down), account.claims)",
        "unsafe_add(account.im, account.claims)",
        f"{HOUSE}withdraw.py::test_withdraw__inside_the_price_interval__is_refused",
    ),
    change(
        "fill-without-the-interval",
        "4: To withdraw or add risk: equity − W⁻ ≥ ι · MM.",
        MARGIN,
        "convert(unsafe_add(account.im, account.down), int256)",
        "convert(account.im, int256)",
        f"{HOUSE}trade_margin.py::test_trade__inside_the_price_interval__reverts",
    ),
    change(
        "sighted-inside-the-interval",
        "4: To be sighted: equity + W⁺ < MM.",
        SIGHTINGS,
        "assessment.equity + convert(assessment.up, int256) < convert(assessment.mm, int256)",
        "assessment.equity < convert(assessment.mm, int256)",
        "tests/unit/auction/test_open.py::test_open__breach_within_the_interval__is_not_sighted",
    ),
    change(
        "sighted-on-the-line",
        "4: To be sighted: equity + W⁺ < MM.",
        SIGHTINGS,
        "convert(assessment.up, int256) < convert(assessment.mm, int256)",
        "convert(assessment.up, int256) <= convert(assessment.mm, int256)",
        "tests/unit/auction/test_open.py::test_open__exactly_on_the_line__is_not_sighted",
    ),
    change(
        "age-of-a-gap-of-another-sign",
        AGE,
        PRICES,
        "    if unsafe_mul(gap, self._signed(word, 178, 16)) > 0 and elapsed",
        "    if elapsed",
        f"{ENGINE}update_gap.py::test_update__gap_changes_sign__age_starts_again",
    ),
    change(
        "age-of-a-gap-that-vanished",
        AGE,
        PRICES,
        "self._signed(word, 178, 16)) > 0 and elapsed <= ORACLE.tau // 2:\n        gap_age = min(255,",
        "self._signed(word, 178, 16)) >= 0 and elapsed <= ORACLE.tau // 2:\n        gap_age = min(255,",
        f"{ENGINE}update_gap.py::test_update__gap_vanishes__age_starts_again",
    ),
    change(
        "age-over-a-pause",
        AGE,
        PRICES,
        "self._signed(word, 178, 16)) > 0 and elapsed <= ORACLE.tau // 2:",
        "self._signed(word, 178, 16)) > 0:",
        f"{ENGINE}update_gap.py::test_update__a_pause_longer_than_half_of_tau__age_starts_again",
    ),
    change(
        "age-over-a-pause-at-a-refresh",
        AGE,
        PRICES,
        "self._signed(word, 178, 16)) <= 0 or age > ORACLE.tau // 2:",
        "self._signed(word, 178, 16)) <= 0:",
        f"{ENGINE}refresh.py::test_refresh__gap_of_the_same_sign__keeps_its_start_within_half_of_tau",
    ),
    change(
        "flash-print-liquidates-at-once",
        "4: A flash print needs k signers for a minute to liquidate anybody.",
        PRICES,
        "    faded: uint256 = unsafe_mul(size, left) // ORACLE.tau\n",
        "    faded: uint256 = 0 * unsafe_mul(size, left) // ORACLE.tau\n",
        f"{UNCERTAIN}open__flash_print__is_not_sighted_at_once",
    ),
    change(
        "crash-waits-for-the-slow-feed",
        "4: A real crash does not wait for the slow feed.",
        PRICES,
        "    faded: uint256 = unsafe_mul(size, left) // ORACLE.tau\n",
        "    faded: uint256 = max(size, unsafe_mul(size, left) // ORACLE.tau)\n",
        f"{UNCERTAIN}open__print_that_stays__is_sighted_once_tau_has_passed",
    ),
]
