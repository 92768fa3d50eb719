"""Functions with unchecked arithmetic that no case of unchecked.py runs: the bound that makes each safe, and what
shows it."""

BITS = "it is meant to wrap, or works on bits: proven on the bytecode"
PLACE = "tests/proofs/test_bytecode.py"

TOLD = {
    ("Clearinghouse.vy", "deposit"): (
        "tokens held (128 bits) and an amount of at most 1e30 (`_cash_wad`); `words` refuses what 128 bits do not hold",
        "tests/unit/clearinghouse/test_deposit.py",
    ),
    ("Clearinghouse.vy", "deposit_spot"): (
        "a balance and an amount of at most 1e33 each; their total is of 2^223 such amounts before it wraps",
        "tests/unit/clearinghouse/test_deposit_spot.py",
    ),
    ("Clearinghouse.vy", "withdraw"): (
        "what is paid is at most the amount (`leaving`: a rate of 1 at most) and at most what is held, both compared "
        "before",
        "tests/proofs/test_trades.py",
    ),
    ("Clearinghouse.vy", "withdraw_spot"): (
        "the balance is compared before, and a total holds it",
        "tests/unit/clearinghouse/test_withdraw_spot.py",
    ),
    ("Clearinghouse.vy", "_cash_wad"): ("the amount is compared with 1e30 // scale before", "the line before it"),
    ("Clearinghouse.vy", "_spot_wad"): ("the amount is compared with 1e33 // scale before", "the line before it"),
    ("RiskEngine.vy", "update"): (
        "a round is compared with now // seconds before it is multiplied; a place is below 64; a basis of 20 bits "
        "less 2^19",
        "tests/unit/risk_engine/test_update.py",
    ),
    ("RiskEngine.vy", "_log_prices"): ("a map that is not empty, less 1", "tests/unit/risk_engine/test_update.py"),
    ("account.vy", "lowest"): (BITS, PLACE),
    ("account.vy", "count"): (BITS, PLACE),
    ("door.vy", "pull"): (
        "a token's balance and an amount of at most 1e33 units; a token that says more than 2^255 lies of itself alone",
        "tests/unit/clearinghouse/test_tokens.py",
    ),
    ("door.vy", "_scale_of"): ("decimals are compared with 18 before", "the line before it"),
    ("interest.vy", "set_settings"): (
        "meant: 0 less 1 is above every bound",
        "tests/unit/clearinghouse/test_admin.py",
    ),
    ("ledger.vy", "write_position"): (
        "a map of 64 bits is moved up by 192: its 64 bits end at 256",
        PLACE,
    ),
    ("limits.vy", "pause"): ("a time of 32 bits or now, and some days", "by its mask"),
    ("losses.vy", "change_entries"): (
        "the sum of the auction's own entries, each at most 2^130, and 2^127 once: a change takes back what was added",
        "tests/model/test_operations.py",
    ),
    ("parameters.vy", "check_risk"): ("7 times a number below 28", "by its loop's bound"),
    ("parameters.vy", "add"): ("a count below 64", "the line before it"),
    ("parameters.vy", "calibrate"): ("a time of 32 bits and a day", "by its mask"),
    ("parameters.vy", "_begin_ramp"): ("now and at most 30 days (`prices.__init__`)", "by its constructor"),
    ("parameters.vy", "set_risk"): ("now and at most 30 days (`prices.__init__`)", "by its constructor"),
    ("reports.vy", "set_signers"): ("a place among 16", "by its loop's bound"),
    ("reports.vy", "_price"): (
        "meant: a price below the lowest wraps to one above the highest",
        "tests/unit/risk_engine/test_update.py",
    ),
    ("reports.vy", "_median"): ("a place that is not 0, less 1", "the line before it"),
    ("requirement.vy", "_form"): (
        "16 markets' |S| is at most 2.1e34 in sum, so squares and pairs are within its square and Q below 5e74",
        "tests/proofs/test_contract_forms.py",
    ),
    ("retirement.vy", "see"): (
        "a price of 111 bits for at most 255 s, added for less than 2^32 s; the clock never goes back",
        "tests/model/test_retired.py",
    ),
    ("retirement.vy", "average"): ("a time of 32 bits and an hour", "by its mask"),
    ("settling.vy", "_is_solvent"): (
        "cash within 2^208 and a worth within 2^156 (`value_of`)",
        "tests/proofs/test_unchecked.py",
    ),
    ("slicing.vy", "_slice"): (
        "what auction and vault hand over are parts of an account's equity and requirement, or a standing bid's cash: "
        "2^150 and less; a reserve of 128 bits, and `words` refuses what those do not hold",
        "tests/model/test_operations.py",
    ),
    ("slicing.vy", "_move_markets"): ("a map that is not empty, less 1", "the line before it"),
    ("slow_feed.vy", "look"): (
        "a time until now and 24 bits; an answer of at most 1e40 times at most 1e18: 2^193",
        "tests/unit/risk_engine/test_update_slow_feed.py",
    ),
    ("slow_feed.vy", "look_in_quote"): (
        "at most 1e58 times 1e18 (`look`): 2^253",
        "tests/unit/risk_engine/test_update_slow_feed.py",
    ),
    ("trading.vy", "_run"): (
        "sizes of 1e33 and prices of 2e27 (`_checked`), fees within a bound, Σ|size| holds both old sizes, "
        "requirements fall",
        "tests/model/test_operations.py",
    ),
}
