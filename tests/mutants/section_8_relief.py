"""Section 8, matches, standing bids and the lock: each rule taken away."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant, change

MATCH = "tests/unit/auction/test_match.py::test_match__"
RELIEVE = "tests/unit/clearinghouse/test_limits.py::test_relieve__"
SWEEP = "tests/unit/auction/test_standing.py::test_sweep__"
POST = "tests/unit/auction/test_standing.py::test_post__"
REMOVE = "tests/unit/auction/test_standing.py::test_remove__"
BATCH = "tests/unit/batch/test_batch.py::test_batch__"
TOKENS = "tests/unit/clearinghouse/test_tokens.py::test_"
TRADING = "modules/trading.vy"
MATCHING = "modules/matching.vy"
STANDING = "modules/standing.vy"
BY_THE_CORE = "8: The rule for all that is done to an account against its will, checked by the core itself."
MATCHED = (
    "8: match: signed resting orders take positions of the account down at their own limit prices, inside the rule."
)
POSTED = (
    "8: Backstop takers post: a dedicated sub-account whose margin is reserved, λ tick, capacity (with a minimum), "
    "a mask of at most 16 markets, interval they accept."
)
SWEPT = "8: Sweep up to 8, lowest tick first, first in first out, each paid at its tick's λ."
PASSED = "8: One whose conditions are not met is skipped, one that lacks its margin is removed and pays the sweeper."
LOCK = "8: All under the lock; during the call everything of the core reverts."

MUTANTS = [
    change(
        "relief-that-releases-nothing",
        "8: MM_after < MM_before.",
        TRADING,
        "        released == 0\n        or lost >",
        "        lost >",
        f"{RELIEVE}requirement_on_its_floor__releases_nothing_and_reverts",
    ),
    change(
        "relief-beyond-its-cost",
        "8: equity_after ≥ equity_before − (λ_a + φ_a) · (MM_before − MM_after).",
        TRADING,
        "        or lost > convert(unsafe_mul(rule.cost, released), int256)\n",
        "",
        f"{RELIEVE}beyond_the_rule__reverts",
    ),
    change(
        "relief-with-another-penalty",
        "8: equity_after ≥ equity_before − (λ_a + φ_a) · (MM_before − MM_after).",
        TRADING,
        "    penalty: uint256 = unsafe_mul(rule.penalty, released) // _WAD\n",
        "    penalty: uint256 = unsafe_mul(2 * rule.penalty, released) // _WAD\n",
        f"{RELIEVE}within_the_rule__releases_and_pays_the_penalty",
    ),
    change(
        "rule-match-past-the-target",
        "8: equity_after ≤ B · MM_after.",
        TRADING,
        "        or (left > convert(unsafe_mul(rule.target, after.mm), int256) and"
        " (after.mm != 0 or before.mm != before.floor))\n",
        "",
        f"{MATCH}beyond_the_target__reverts",
    ),
    change(
        "relief-by-anybody",
        BY_THE_CORE,
        TRADING,
        "    if msg.sender != roles.AUCTION:\n        refusal.refuse(refusal.NOT_THE_AUCTION)\n",
        "",
        f"{RELIEVE}by_anybody_but_the_auction__reverts",
    ),
    change(
        "match-that-turns-a-position-round",
        MATCHED,
        TRADING,
        "        if unsafe_mul(unsafe_add(convert(spot, int256), sides[0].size), terms.size) > 0:\n"
        "            refusal.refuse(refusal.BEYOND_THE_RULE)\n",
        "",
        "tests/attacks/test_matching.py::test_match__of_more_than_there_is__makes_no_bet_for_the_account",
    ),
    change(
        "match-at-a-venue-that-is-none",
        MATCHED,
        MATCHING,
        '    assert staticcall sightings.CLEARINGHOUSE.is_venue(exchange), "auction: not a venue"\n',
        "",
        f"{MATCH}at_a_venue_that_is_none__reverts",
    ),
    change(
        "match-of-a-healthy-account",
        MATCHED,
        MATCHING,
        "    assert len(sight.refusal) == 0, sight.refusal\n",
        "",
        f"{MATCH}healthy_account__reverts",
    ),
    change(
        "match-of-next-to-nothing",
        MATCHED,
        MATCHING,
        '        assert released >= sight.assessment.floor // bidding.LEAST, "auction: nothing matched"\n',
        "        pass\n",
        f"{MATCH}next_to_nothing__reverts",
    ),
    change(
        "match-at-another-price",
        MATCHED,
        MATCHING,
        "        fill.order.price,\n        fee,\n",
        "        fill.order.price + 10**18,\n        fee,\n",
        f"{MATCH}order_at_the_index__relieves_the_account",
    ),
    change(
        "fill-of-a-match-by-anybody",
        MATCHED,
        "Auction.vy",
        '    assert msg.sender == self, "auction: not itself"\n    return matching',
        "    return matching",
        "tests/unit/auction/test_match.py::test_try_fill__by_anybody__reverts",
    ),
    change(
        "order-booked-by-anybody",
        MATCHED,
        "Exchange.vy",
        '    assert msg.sender == auction, "exchange: not the auction"\n',
        "",
        "tests/unit/exchange/test_book.py::test_book__by_anybody_else__reverts",
    ),
    change(
        "standing-bid-without-its-margin",
        POSTED,
        STANDING,
        "    assert cash >= needed and cash <= _LOW_128,",
        "    assert cash <= _LOW_128,",
        f"{POST}one_wei_too_little_behind_it__reverts",
    ),
    change(
        "standing-bid-below-the-least-requirement",
        POSTED,
        STANDING,
        "rounding.ceil_udiv(max(capacity, least) *",
        "rounding.ceil_udiv(capacity *",
        f"{POST}least_requirement_of_the_markets_above_its_capacity__wants_cash_for_that",
    ),
    change(
        "standing-bid-without-a-minimum",
        POSTED,
        STANDING,
        "    assert minimum != 0 and minimum <= capacity and",
        "    assert minimum <= capacity and",
        f"{POST}out_of_range__reverts",
    ),
    change(
        "standing-bid-of-17-markets",
        POSTED,
        STANDING,
        "    assert markets <= _LOW_64 and account_words.count(markets) <= _MAX_HELD,",
        "    assert markets <= _LOW_64,",
        f"{POST}out_of_range__reverts",
    ),
    change(
        "standing-bid-of-cash-owed-in-a-batch",
        POSTED,
        STANDING,
        "    payer: IRiskEngine.Assessment = staticcall sightings.CLEARINGHOUSE.assess(taker)\n",
        "",
        "tests/attacks/test_standing.py::test_book__filled_and_emptied_in_a_batch__keeps_the_honest_bid",
    ),
    change(
        "standing-bid-at-a-tick-out-of-reach",
        POSTED,
        STANDING,
        "    assert tick <= _TICKS and tick * 100 <= (curve >> _LAST_LAMBDA_AT) & (2**16 - 1),",
        "    assert tick <= _TICKS,",
        "tests/attacks/test_standing.py::"
        "test_book__filled_with_bids_at_ticks_that_are_never_reached__keeps_the_honest_one",
    ),
    change(
        "standing-bid-back-at-once",
        POSTED,
        STANDING,
        '    assert block.timestamp >= (self.details[id] >> 160) + _STAY, "auction: posted lately"\n',
        "",
        f"{REMOVE}within_ten_minutes__reverts",
    ),
    change(
        "standing-bid-removed-by-a-stranger",
        POSTED,
        "Auction.vy",
        '    assert taker != 0, "auction: no standing bid"\n    self._check_allowed(taker)\n',
        '    assert taker != 0, "auction: no standing bid"\n',
        f"{REMOVE}of_another__reverts",
    ),
    change(
        "standing-bid-that-displaces-its-equal",
        POSTED,
        STANDING,
        '    assert capacity > least >> 32, "auction: book is full"\n',
        "",
        f"{POST}book_full__only_who_offers_more_gets_in",
    ),
    change(
        "standing-bid-of-a-stranger",
        POSTED,
        "Auction.vy",
        "    self._check_allowed(taker)\n    id: uint256 = standing.post(",
        "    id: uint256 = standing.post(",
        f"{POST}not_the_takers__reverts",
    ),
    change(
        "sweep-of-nine",
        SWEPT,
        STANDING,
        '    assert most <= _MAX_SWEPT, "auction: too many to sweep"\n',
        "",
        f"{SWEEP}more_than_eight__reverts",
    ),
    change(
        "sweep-of-more-than-wanted",
        SWEPT,
        STANDING,
        "        if best == _PLACES or tried == most:\n",
        "        if best == _PLACES:\n",
        f"{SWEEP}as_many_as_wanted",
    ),
    change(
        "tick-not-reached",
        SWEPT,
        STANDING,
        "        if word == 0 or word >= lowest or word >> _TICK_AT > reached:\n",
        "        if word == 0 or word >= lowest:\n",
        f"{SWEEP}tick_not_reached__reverts",
    ),
    Mutant(
        "highest-tick-first",
        SWEPT,
        (
            Edit(
                STANDING,
                "word == 0 or word >= lowest or word",
                "word == 0 or max_value(uint256) - word >= lowest or word",
            ),
            Edit(STANDING, "        lowest = word\n", "        lowest = max_value(uint256) - word\n"),
        ),
        (f"{SWEEP}lowest_tick_first_then_the_oldest",),
    ),
    Mutant(
        "newest-first",
        SWEPT,
        (
            Edit(
                STANDING,
                "word == 0 or word >= lowest or word",
                "word == 0 or word ^ (_LOW_32 << _ID_AT) >= lowest or word",
            ),
            Edit(STANDING, "        lowest = word\n", "        lowest = word ^ (_LOW_32 << _ID_AT)\n"),
        ),
        (f"{SWEEP}lowest_tick_first_then_the_oldest",),
    ),
    change(
        "swept-at-the-runs-lambda",
        SWEPT,
        STANDING,
        "        victim.lambda_now = (word >> _TICK_AT) * _PERCENT\n",
        "",
        f"{SWEEP}lowest_tick_first_then_the_oldest",
    ),
    change(
        "swept-beyond-its-capacity",
        SWEPT,
        STANDING,
        "        asked: uint256 = min(_WAD, rounding.ceil_udiv(capacity * _WAD, weight))\n",
        "        asked: uint256 = _WAD\n",
        f"{SWEEP}small_bid__takes_what_it_has_and_leaves_the_book",
    ),
    Mutant(
        "swept-below-its-minimum",
        PASSED,
        (
            Edit(
                STANDING,
                "        if offer.fraction == 0 or offer.fraction * weight // _WAD < least:\n",
                "        if offer.fraction == 0:\n",
            ),
            Edit(STANDING, "    if left < minimum:\n", "    if left == 0:\n"),
        ),
        (f"{SWEEP}left_with_less_than_its_minimum__leaves_the_book",),
    ),
    change(
        "swept-into-a-market-not-accepted",
        PASSED,
        STANDING,
        "        if held & ~(word >> _MARKETS_AT) != 0 or self",
        "        if self",
        f"{SWEEP}market_not_accepted__is_passed_over",
    ),
    change(
        "swept-at-an-interval-not-accepted",
        PASSED,
        STANDING,
        "        if width > ((word >> _INTERVAL_AT) & _LOW_32) * sight.assessment.mm:\n            continue\n",
        "",
        f"{SWEEP}interval_too_wide__is_passed_over",
    ),
    change(
        "sweep-stopped-by-one-that-is-passed-over",
        PASSED,
        STANDING,
        "_WAD < least:\n            continue\n        tried += 1\n",
        "_WAD < least:\n            break\n        tried += 1\n",
        "tests/attacks/test_sweeps.py::test_sweep__past_bids_that_can_take_nothing__finds_the_honest_one",
    ),
    change(
        "bid-without-margin-stays",
        PASSED,
        STANDING,
        "            self._take_off(id)\n            self._forfeit(id)\n",
        "            self._forfeit(id)\n",
        f"{SWEEP}bid_without_margin__loses_its_bond_to_the_sweeper_and_leaves_the_book",
    ),
    change(
        "bid-without-margin-pays-nobody",
        PASSED,
        STANDING,
        "            self._take_off(id)\n            self._forfeit(id)\n",
        "            self._take_off(id)\n",
        f"{SWEEP}bid_without_margin__loses_its_bond_to_the_sweeper_and_leaves_the_book",
    ),
    change(
        "bond-lost-for-want-of-gas",
        PASSED,
        STANDING,
        "    return success, not success and answer == reason\n",
        "    return success, not success\n",
        f"{SWEEP}bid_that_fails_otherwise__keeps_its_bond_and_its_place",
    ),
    change(
        "bond-that-leaves-a-loss",
        PASSED,
        STANDING,
        "    if assessment.equity >= convert(_BOND + assessment.down, int256):\n",
        "    if True:\n",
        f"{SWEEP}bid_that_cannot_pay_its_bond__leaves_no_loss",
    ),
    change(
        "account-in-a-batch-judged",
        LOCK,
        "modules/views.vy",
        "    margin.check_alone(account)\n",
        "",
        f"{BATCH}in_the_middle__nobody_may_judge_sell_or_batch_its_accounts",
    ),
    Mutant(
        "account-in-a-batch-sold",
        LOCK,
        (
            Edit("modules/views.vy", "    margin.check_alone(account)\n", ""),
            Edit("modules/slicing.vy", "    margin.check_alone(account)\n", "    margin.check_alone(0)\n"),
        ),
        (f"{BATCH}in_the_middle__nobody_may_judge_sell_or_batch_its_accounts",),
    ),
    change(
        "deposit-without-a-lock",
        LOCK,
        "Clearinghouse.vy",
        "@external\ndef deposit(",
        "@external\n@reentrant\ndef deposit(",
        f"{TOKENS}token_that_calls_back__finds_every_door_locked",
    ),
    Mutant(
        "withdrawal-paid-before-it-is-written",
        "8: Victim state is written before.",
        (
            Edit("Clearinghouse.vy", "@external\ndef withdraw(", "@external\n@reentrant\ndef withdraw("),
            Edit("Clearinghouse.vy", "    door.push(door.QUOTE, to, paid)\n", ""),
            Edit(
                "Clearinghouse.vy",
                "    money.held = unsafe_sub(money.held, leaves)\n",
                "    door.push(door.QUOTE, to, paid)\n    money.held = unsafe_sub(money.held, leaves)\n",
            ),
        ),
        (f"{TOKENS}withdraw__account_is_written_before_the_token_is_called",),
    ),
]
