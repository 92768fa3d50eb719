"""Section 8, bids, curves and openers: each rule taken away."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant, change

OPEN = "tests/unit/auction/test_open.py::test_open__"
BID = "tests/unit/auction/test_bid.py::test_bid__"
LOTS = "tests/unit/auction/test_bid_lots.py::test_bid__"
OPENER = "tests/unit/auction/test_bid_opener.py::test_bid__"
ADMIN = "tests/unit/auction/test_admin.py::test_"
BIDDING = "modules/bidding.vy"
SIGHTINGS = "modules/sightings.vy"
TAKING = "modules/taking.vy"
CURVE = "modules/curve.vy"
OWN = "8: Taker ≠ account; the caller owns or operates the taker."
ASKS = (
    "8: Limits, per account: the most quote paid per unit of f, the least requirement released per unit of f, "
    "a minimum f, the markets accepted, a nonce."
)
NONCE = "8: A nonce that rises with every bid, match, sweep or new run and never with a deposit or a sighting."
FIXED = "8: λ is piecewise linear through three points of a curve that is fixed when the run starts (append-only)."
HALF = "8: The opener of a run gets half of each fill's φ in it, up to a fixed sum."

MUTANTS = [
    Mutant(
        "slice-of-oneself",
        OWN,
        (
            Edit(TAKING, '    if lot.account == taker:\n        return "auction: taker is the account", 0\n', ""),
            Edit(
                "modules/slicing.vy",
                "    if account == taker:\n        refusal.refuse(refusal.SAME_ACCOUNT)\n",
                "",
            ),
        ),
        (f"{LOTS}own_account__skipped",),
    ),
    change(
        "slice-onto-itself",
        OWN,
        "modules/slicing.vy",
        "    if account == taker:\n        refusal.refuse(refusal.SAME_ACCOUNT)\n",
        "",
        "tests/unit/clearinghouse/test_slice.py::test_slice__onto_itself__reverts",
    ),
    change(
        "bid-for-another",
        OWN,
        "Auction.vy",
        '    self._check_allowed(taker)\n\n    reason: String[64] = "auction: nothing to take"\n',
        '    reason: String[64] = "auction: nothing to take"\n',
        f"{LOTS}caller_is_not_the_takers__reverts",
    ),
    change(
        "cost-above-the-limit",
        ASKS,
        TAKING,
        '    if offer.unit_cost > lot.max_cost:\n        return "auction: cost above limit", 0\n',
        "",
        f"{LOTS}cost_above_the_limit__skipped",
    ),
    change(
        "less-released-than-asked",
        ASKS,
        TAKING,
        '    if sight.assessment.mm < lot.min_release:\n        return "auction: requirement below minimum", 0\n',
        "",
        f"{LOTS}requirement_below_the_minimum__skipped",
    ),
    change(
        "fraction-below-the-minimum",
        ASKS,
        TAKING,
        '    if offer.fraction < lot.min_fraction:\n        return "auction: fraction below minimum", 0\n',
        "",
        f"{LOTS}clipped_below_the_minimum_fraction__skipped",
    ),
    change(
        "market-not-accepted",
        ASKS,
        TAKING,
        '    if not self._accepts(lot):\n        return "auction: market not accepted", 0\n',
        "",
        f"{LOTS}market_outside_the_mask__skipped",
    ),
    change(
        "spot-not-accepted",
        ASKS,
        TAKING,
        "    return (header >> 192) | ((header >> 128) & _LOW_64)\n",
        "    return header >> 192\n",
        f"{LOTS}spot_outside_the_mask__skipped",
    ),
    change(
        "another-nonce",
        ASKS,
        TAKING,
        "    if lot.nonce != _ANY_NONCE and lot.nonce != clock.unpack_run(sight.word).nonce:\n"
        '        return "auction: nonce changed", 0\n',
        "",
        f"{LOTS}another_nonce__skipped",
    ),
    change(
        "nonce-that-a-bid-leaves",
        NONCE,
        TAKING,
        "    run.nonce += 1\n",
        "",
        f"{LOTS}nonce_after_a_bid_of_somebody_else__skipped",
    ),
    change(
        "nonce-that-a-match-leaves",
        NONCE,
        "modules/matching.vy",
        "    run.nonce += 1\n",
        "",
        "tests/unit/auction/test_match.py::test_match__health_not_restored__lets_the_run_go_on",
    ),
    change(
        "nonce-that-a-new-run-leaves",
        NONCE,
        SIGHTINGS,
        "        nonce=run.nonce + 1,\n",
        "        nonce=run.nonce,\n",
        f"{OPEN}after_the_grace__starts_another_run",
    ),
    change(
        "nonce-that-a-touch-moves",
        NONCE,
        SIGHTINGS,
        "        watched.last = block.timestamp\n",
        "        watched.last = block.timestamp\n        watched.nonce += 1\n",
        f"{LOTS}nonce_after_a_sighting_and_a_deposit__still_fits",
    ),
    change(
        "healthy-lot-undoes-the-bid",
        "8: A healthy account in a batch is skipped; if none remains, it reverts.",
        "Auction.vy",
        "            reason = refusal\n            log IAuction.Skipped(account=lot.account, reason=refusal)\n",
        "            assert False, refusal\n",
        f"{LOTS}healthy__skipped",
    ),
    change(
        "bid-of-nothing",
        "8: A healthy account in a batch is skipped; if none remains, it reverts.",
        "Auction.vy",
        "    assert taken, reason\n",
        "",
        f"{LOTS}no_lot_left__reverts_with_the_last_reason",
    ),
    change(
        "full-take-leaves-the-penalty-too",
        "8: A full take leaves no position, no debt, and (h⁺ − λ_a − φ_a) · MM in cash for the owner.",
        BIDDING,
        "convert(result.lambda_account + result.penalty, int256) * mm",
        "convert(result.lambda_account, int256) * mm",
        f"{BID}requirement_on_its_floor__takes_all_and_leaves_the_rest_in_cash",
    ),
    change(
        "slice-by-anybody",
        "8: The rule for all that is done to an account against its will, checked by the core itself.",
        "modules/slicing.vy",
        "    if msg.sender != roles.AUCTION:\n        refusal.refuse(refusal.NOT_THE_AUCTION)\n",
        "",
        "tests/unit/clearinghouse/test_slice.py::test_slice__by_anybody_but_the_auction__reverts",
    ),
    change(
        "curve-of-a-run-that-changes",
        FIXED,
        SIGHTINGS,
        "        watched.last = block.timestamp\n",
        "        watched.last = block.timestamp\n        watched.curve = terms >> _TERMS_BITS\n",
        f"{OPEN}new_curve__rules_only_runs_that_start_later",
    ),
    change(
        "curve-written-over",
        FIXED,
        "Auction.vy",
        "    sightings.curves[id] = curve\n",
        "    sightings.curves[id - 1] = curve\n    sightings.curves[id] = curve\n",
        f"{ADMIN}add_curve__valid__is_the_newest",
    ),
    change(
        "curve-that-falls",
        FIXED,
        CURVE,
        "        if (i > 0 and next_time <= time) or next_bps < bps:\n",
        "        if i > 0 and next_time <= time:\n",
        f"{ADMIN}add_curve__not_a_curve__reverts",
    ),
    change(
        "curve-that-jumps",
        FIXED,
        CURVE,
        "            return value + (next_value - value) * (elapsed - time) // (next_time - time)\n",
        "            return value\n",
        "tests/unit/auction/test_lambda.py::test_bid__so_long_after_the_runs_start__pays_the_curves_lambda",
    ),
    change(
        "opener-gets-all",
        HALF,
        BIDDING,
        "min(penalty // 2, cap",
        "min(penalty, cap",
        f"{OPENER}of_an_opened_run__pays_half_the_penalty_to_the_openers_first_account",
    ),
    change(
        "rule-opener-without-a-cap",
        HALF,
        BIDDING,
        "    share: uint256 = min(penalty // 2, cap * (_PAID_UNITS - paid) // _PAID_UNITS)\n",
        "    share: uint256 = penalty // 2 if cap != 0 else 0\n",
        f"{OPENER}shares_of_one_run__stop_at_the_cap",
    ),
]
