"""Section 8, sightings, the rule and what a slice costs: each rule taken away."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant, change

OPEN = "tests/unit/auction/test_open.py::test_open__"
BID = "tests/unit/auction/test_bid.py::test_bid__"
LOTS = "tests/unit/auction/test_bid_lots.py::test_bid__"
OPENER = "tests/unit/auction/test_bid_opener.py::test_bid__"
LIMITS = "tests/unit/auction/test_limits.py::test_bid__"
ADMIN = "tests/unit/auction/test_admin.py::test_"
CONTINUITY = "tests/model/test_continuity.py::test_bid_quote__where_a_rule_changes__is_the_contracts_and_moves_by_a_wei"
BIDDING = "modules/bidding.vy"
SIGHTINGS = "modules/sightings.vy"
TAKING = "modules/taking.vy"
ENDS = "8: Relief that brings h to 1 or more ends the run; so does a recovery or an outage, by itself."
NO_CLOCK = "8: No clock runs that nobody watches [hibernating auctions; an hour-old discount after an outage]."
FLOOR = "8: All or nothing where MM stands on its floor or what remains would."
COSTS = "8: Relief costs the account at most λ_a plus φ_a per unit of requirement released, and no more than h."
TARGET = "8: Relief goes no further than the target: f_max = min(1, (B − h) / (B − λ_a − φ_a))."
PAID = "8: λ_t = max(min(λ, h⁺), λ_v), where λ_v = λ · min(1, t / T_backstop)."
EPOCH = "8: Within an epoch cap while h > 0."
SHARED = "8: What the vault lacks of either lowers the supply index in the same bid."

MUTANTS = [
    change(
        "run-that-outlives-a-recovery",
        "8: open records for each listed account with equity + W⁺ < MM a sighting, and clears the others.",
        "Auction.vy",
        "            run = clock.ended(run)\n        change +=",
        "            pass\n        change +=",
        f"{OPEN}account_topped_up__clears_the_run",
    ),
    change(
        "run-that-outlives-its-grace",
        "8: A run of sightings, each gap at most a grace (5 min), is an auction.",
        SIGHTINGS,
        "    if run.start != 0 and unseen <= bidding.grace(terms):\n",
        "    if run.start != 0:\n",
        f"{OPEN}after_the_grace__starts_another_run",
    ),
    change(
        "grace-a-second-short",
        "8: A run of sightings, each gap at most a grace (5 min), is an auction.",
        SIGHTINGS,
        "unseen <= bidding.grace(terms):\n",
        "unseen < bidding.grace(terms):\n",
        f"{OPENER}run_at_the_end_of_its_grace__goes_on",
    ),
    change(
        "relief-of-a-healthy-account",
        "8: Every relief is itself a sighting: it needs the breach now.",
        SIGHTINGS,
        '    elif not self.is_sighted(sight.assessment):\n        sight.refusal = "auction: healthy"\n    elif',
        "    elif",
        f"{LOTS}healthy__skipped",
    ),
    change(
        "run-ended-by-a-full-take-alone",
        ENDS,
        BIDDING,
        "    result.ends = result.fraction == _WAD or rest >= rounding.ceil_div("
        "mm * (_SIGNED_WAD - fraction), _SIGNED_WAD)\n",
        "    result.ends = result.fraction == _WAD\n",
        f"{BID}at_the_target__ends_the_run",
    ),
    change(
        "run-ended-by-any-bid",
        ENDS,
        TAKING,
        "    if offer.ends:\n        run = clock.ended(run)\n",
        "    run = clock.ended(run)\n",
        f"{BID}short_of_the_line__keeps_the_run_and_counts",
    ),
    change(
        "clock-that-nobody-watches",
        NO_CLOCK,
        SIGHTINGS,
        "        if unseen > watch:\n            watched.start += unseen - watch\n",
        "",
        f"{OPEN}touched_at_one_dip_and_again_at_the_next__does_not_sell_at_the_top_of_the_curve",
    ),
    Mutant(
        "target-of-1",
        "8: 1 < B ≤ ι.",
        (
            Edit("Auction.vy", "valid and target > _ONE_BPS and target", "valid and target"),
            Edit("Auction.vy", "penalty < target - _ONE_BPS", "penalty + _ONE_BPS <= target"),
        ),
        (f"{ADMIN}set_terms__out_of_range__reverts",),
    ),
    change(
        "target-above-initial-margin",
        "8: 1 < B ≤ ι.",
        "Auction.vy",
        " and target <= (risk >> 210) & _LOW_16 and penalty",
        " and penalty",
        f"{ADMIN}set_terms__out_of_range__reverts",
    ),
    change(
        "penalty-above-the-target",
        "8: 1 < B ≤ ι.",
        "Auction.vy",
        " and penalty < target - _ONE_BPS\n",
        "\n",
        f"{ADMIN}set_terms__out_of_range__reverts",
    ),
    change(
        "part-of-what-stands-on-its-floor",
        FLOOR,
        BIDDING,
        "    if victim.mm == victim.floor or victim.mm * (_WAD - fraction) // _WAD < victim.floor:\n",
        "    if victim.mm != victim.floor and victim.mm * (_WAD - fraction) // _WAD < victim.floor:\n",
        f"{LOTS}part_of_a_requirement_on_its_floor__skipped",
    ),
    change(
        "part-that-leaves-the-floor",
        FLOOR,
        BIDDING,
        "    if victim.mm == victim.floor or victim.mm * (_WAD - fraction) // _WAD < victim.floor:\n",
        "    if victim.mm == victim.floor:\n",
        f"{LOTS}part_that_leaves_less_than_the_floor__skipped",
    ),
    change(
        "part-of-next-to-nothing",
        FLOOR,
        BIDDING,
        "    if fraction < highest and victim.mm * fraction // _WAD < victim.floor // LEAST:\n        return 0\n",
        "",
        f"{LOTS}part_that_releases_next_to_nothing__skipped",
    ),
    change(
        "account-gives-lambda-it-has-not",
        COSTS,
        BIDDING,
        "    result.lambda_account = min(victim.lambda_now, own)\n"
        "    result.penalty = min(terms.penalty, own - result.lambda_account)\n",
        "    result.lambda_account = victim.lambda_now\n"
        "    result.penalty = min(terms.penalty, max(own, result.lambda_account) - result.lambda_account)\n",
        f"{BID}lambda_above_health__account_gives_all_and_the_vault_the_difference",
    ),
    change(
        "penalty-that-health-does-not-bear",
        COSTS,
        BIDDING,
        "    result.penalty = min(terms.penalty, own - result.lambda_account)\n",
        "    result.penalty = terms.penalty\n",
        f"{BID}deep_breach_late_in_the_run__takes_all_and_leaves_no_position",
    ),
    change(
        "twice-the-penalty",
        COSTS,
        BIDDING,
        "    result.penalty = min(terms.penalty, own - result.lambda_account)\n",
        "    result.penalty = min(2 * terms.penalty, own - result.lambda_account)\n",
        f"{BID}partial__moves_the_fraction_and_pays_by_the_formula",
    ),
    change(
        "health-rounded-up",
        COSTS,
        BIDDING,
        "    health: int256 = rounding.floor_div(victim.equity * _SIGNED_WAD, convert(victim.mm, int256))\n",
        "    health: int256 = rounding.ceil_div(victim.equity * _SIGNED_WAD, convert(victim.mm, int256))\n",
        f"{BID}lambda_above_health__account_gives_all_and_the_vault_the_difference",
        "tests/model/test_operations.py::test_operations__random_walks__contracts_equal_the_model_to_the_wei[101]",
    ),
    change(
        "taker-pays-rounded-down",
        COSTS,
        BIDDING,
        "rounding.ceil_div(price * fraction, _SQUARED_WAD)",
        "rounding.floor_div(price * fraction, _SQUARED_WAD)",
        f"{BID}any_partial_slice__never_lowers_health_nor_passes_the_target",
        "tests/model/test_operations.py::test_operations__random_walks__contracts_equal_the_model_to_the_wei[101]",
    ),
    change(
        "account-gets-nothing",
        "8: Nothing forced on a solvent account can lower its health, nor the equity of an insolvent one.",
        BIDDING,
        "    if victim.equity > 0:\n        # Never below 0",
        "    if victim.equity > 2**200:\n        # Never below 0",
        f"{BID}any_partial_slice__never_lowers_health_nor_passes_the_target",
    ),
    change(
        "account-keeps-its-debt",
        "8: Nothing forced on a solvent account can lower its health, nor the equity of an insolvent one.",
        "modules/slicing.vy",
        "    money = ledger.change_cash(money, terms.account, convert(terms.account_gets, int256) - part)\n",
        "    money = ledger.change_cash(money, terms.account, convert(terms.account_gets, int256) - max(part, 0))\n",
        "tests/unit/clearinghouse/test_slice.py::test_slice__fraction__moves_that_part_of_every_balance",
    ),
    change(
        "rule-slice-past-the-target",
        TARGET,
        BIDDING,
        "    result.fraction_max = min(_WAD, gap * _WAD // (terms.target - result.lambda_account - result.penalty))\n",
        "    result.fraction_max = _WAD\n",
        f"{BID}more_than_the_target_needs__is_clipped_and_lands_on_it",
    ),
    change(
        "fraction-rounded-up",
        TARGET,
        BIDDING,
        "gap * _WAD // (terms.target - result.lambda_account - result.penalty))",
        "gap * _WAD // (terms.target - result.lambda_account - result.penalty) + 1)",
        f"{BID}any_partial_slice__never_lowers_health_nor_passes_the_target",
        "tests/model/test_operations.py::test_operations__random_walks__contracts_equal_the_model_to_the_wei[101]",
    ),
    change(
        "clipped-and-not-said",
        "8: A larger fraction is clipped, and said so.",
        TAKING,
        "        clipped=offer.fraction < part.asked,\n",
        "        clipped=False,\n",
        f"{BID}more_than_the_target_needs__is_clipped_and_lands_on_it",
    ),
    change(
        "taker-without-initial-margin",
        "8: One IM check of the taker at the end.",
        "Auction.vy",
        "    sightings.report(change)\n    self._require_initial(taker)\n",
        "    sightings.report(change)\n",
        f"{BID}taker_left_below_initial_margin__reverts",
    ),
    change(
        "vault-adds-all-at-once",
        PAID,
        BIDDING,
        "victim.lambda_now * min(victim.elapsed, terms.backstop) // terms.backstop",
        "victim.lambda_now",
        f"{BID}insolvent_account__vault_adds_lambda_by_the_backstops_time",
    ),
    change(
        "vault-adds-nothing",
        PAID,
        BIDDING,
        "victim.lambda_now * min(victim.elapsed, terms.backstop) // terms.backstop",
        "0",
        f"{BID}insolvent_account__vault_adds_lambda_by_the_backstops_time",
    ),
    change(
        "vault-adds-without-a-cap",
        EPOCH,
        SIGHTINGS,
        "        rates.lambda_taker = min(rates.lambda_taker, highest)\n",
        "        pass\n",
        f"{LIMITS}beyond_the_limit__gets_what_is_left",
    ),
    change(
        "rule-vault-forgets-what-it-paid",
        EPOCH,
        TAKING,
        "    if cost != 0:\n        sightings.spend(cost)\n",
        "",
        f"{LIMITS}limit_spent__is_paid_by_the_account_alone",
    ),
    change(
        "epoch-without-end",
        EPOCH,
        SIGHTINGS,
        "    if spent >> 128 != block.timestamp // (word >> 128):\n        return highest\n",
        "",
        f"{LIMITS}next_epoch__has_the_whole_limit_again",
    ),
    change(
        "cap-on-an-insolvency",
        EPOCH,
        SIGHTINGS,
        "    if rates.lambda_taker > rates.lambda_account and victim.equity > 0:\n",
        "    if rates.lambda_taker > rates.lambda_account:\n",
        f"{LIMITS}insolvent_account__knows_no_limit",
    ),
    change(
        "vault-pays-past-nothing",
        SHARED,
        "modules/slicing.vy",
        "min(rest, convert(max(ledger.cash_at(vault, money.supply, money.borrow), 0), uint256))",
        "rest",
        f"{BID}vault_that_cannot_cover__shares_the_loss_among_lenders",
    ),
    change(
        "step-at-the-backstop",
        "8: Continuous in h and t, so nobody gains by waiting for, or arranging, an insolvency.",
        BIDDING,
        "victim.lambda_now * min(victim.elapsed, terms.backstop) // terms.backstop",
        "victim.lambda_now * (min(victim.elapsed, terms.backstop) // terms.backstop)",
        CONTINUITY,
    ),
    change(
        "step-at-insolvency",
        "8: Continuous in h and t, so nobody gains by waiting for, or arranging, an insolvency.",
        BIDDING,
        "    result.lambda_taker = max(\n        result.lambda_account,",
        "    result.lambda_taker = max(\n        victim.lambda_now if health < 0 else result.lambda_account,",
        CONTINUITY,
    ),
]
