"""Section 6, cash and interest: each rule taken away."""

from __future__ import annotations

from tests.mutants.mutant import change

INTEREST = "tests/unit/clearinghouse/test_interest.py::test_"
EXIT = "tests/unit/clearinghouse/test_exit.py::test_"
SLICE = "tests/unit/clearinghouse/test_slice.py::test_slice__"
ENTRIES = "tests/unit/auction/test_entries.py::test_"
CASH = "modules/interest.vy"
LOSSES = "modules/losses.vy"
KNOWN = "6: A sighting writes max(0, −(equity + W⁺)) of each account it lists (healthy ones 0, slices scale it)."
LEAVES = "6: Cash leaves at max(0, 1 − D / (Σ positive cash − vault cash)), D = max(0, Σ entries − vault assets)."
IDENTITY = "6: Quote tokens held = Σ cash − Σ cost, up to rounding dust that only ever grows in the protocol's favour."
USED = "6: U = clamp(1 − tokens held / Σ positive cash, 0, 1), 0 where there is none."

MUTANTS = [
    change(
        "utilisation-below-0",
        USED,
        CASH,
        "    if money.held >= cash:\n",
        "    if money.held == cash:\n",
        f"{INTEREST}interest__more_held_than_anybody_owns__costs_and_earns_nothing",
    ),
    change(
        "utilisation-rounded-up",
        USED,
        CASH,
        "unsafe_mul(unsafe_sub(cash, money.held), _RATE) // cash",
        "(unsafe_mul(unsafe_sub(cash, money.held), _RATE) + cash - 1) // cash",
        "tests/model/test_operations.py::test_operations__random_walks__contracts_equal_the_model_to_the_wei[101]",
    ),
    change(
        "no-kink",
        "6: Kinked borrow rate; supply rate = borrow rate · U · (1 − reserve).",
        CASH,
        "    if used <= kink:\n",
        "    if True:\n",
        f"{INTEREST}interest__above_the_kink__is_steeper",
    ),
    change(
        "lenders-get-the-reserve",
        "6: Kinked borrow rate; supply rate = borrow rate · U · (1 − reserve).",
        CASH,
        "    passed_on: uint256 = unsafe_sub(_BPS, (settings >> 80) & _LOW_16)\n",
        "    passed_on: uint256 = _BPS\n",
        f"{INTEREST}interest__below_the_kink__is_in_proportion",
    ),
    change(
        "reserve-that-is-nobodys",
        "6: The rest of what borrowers pay is the vault's.",
        CASH,
        "        if earned > passed_on:\n",
        "        if earned > passed_on and earned == 0:\n",
        f"{INTEREST}interest__what_borrowers_pay__is_what_lenders_and_the_vault_get",
    ),
    change(
        "reserve-collected-twice",
        "6: The rest of what borrowers pay is the vault's.",
        "Clearinghouse.vy",
        "        money.reserve = 0\n",
        "",
        f"{INTEREST}collect__moves_the_reserve_to_the_vault",
    ),
    change(
        "loss-that-nobody-books",
        "6: Losses that nobody could pay lower the supply index in the act that books them.",
        "modules/slicing.vy",
        "    if paid < rest:\n        after = interest.share_loss(after, account, unsafe_sub(rest, paid))\n",
        "",
        f"{SLICE}more_than_the_vault_has__is_shared_by_all_cash",
    ),
    change(
        "index-below-its-floor",
        "6: Not below a floor.",
        CASH,
        "    if after.supply < _FLOOR:\n",
        "    if after.supply == 0:\n",
        f"{SLICE}loss_that_leaves_next_to_nothing__reverts",
    ),
    change(
        "entry-without-the-interval",
        KNOWN,
        "modules/sightings.vy",
        "    return convert(max(0, -(assessment.equity + convert(assessment.up, int256))), uint256)\n",
        "    return convert(max(0, -assessment.equity), uint256)\n",
        f"{ENTRIES}open__insolvent_within_the_interval__enters_nothing",
    ),
    change(
        "entry-that-outlives-a-recovery",
        KNOWN,
        "Auction.vy",
        "            run = clock.ended(run)\n        change +=",
        "            run = clock.ended(run)\n            known = sightings.entries[account]\n        change +=",
        f"{ENTRIES}open__recovered__takes_it_back",
    ),
    change(
        "entry-that-a-slice-leaves-whole",
        KNOWN,
        "modules/taking.vy",
        "    if known != 0:\n        known -= known * offer.fraction // _WAD\n",
        "",
        f"{ENTRIES}bid__part__leaves_the_rest_of_the_loss",
    ),
    change(
        "entries-by-anybody",
        KNOWN,
        LOSSES,
        "    if msg.sender != roles.AUCTION:\n        refusal.refuse(refusal.NOT_THE_AUCTION)\n",
        "",
        f"{EXIT}change_entries__by_anybody_but_the_auction__reverts",
    ),
    change(
        "first-out-is-whole",
        LEAVES,
        LOSSES,
        "    return unsafe_mul(amount, self.rate(money)) // _WAD\n",
        "    return amount\n",
        f"{EXIT}withdraw__while_a_loss_is_known__pays_the_rate_and_leaves_the_rest_to_the_vault",
    ),
    change(
        "vault-counts-as-lender",
        LEAVES,
        LOSSES,
        "    others: uint256 = unsafe_sub(lent, min(own, lent))\n",
        "    others: uint256 = lent\n",
        f"{EXIT}exit_rate__falls_to_what_the_others_will_have",
    ),
    change(
        "vault-covers-nothing",
        LEAVES,
        LOSSES,
        "    covered: uint256 = unsafe_add(own, money.reserve)\n",
        "    covered: uint256 = 0\n",
        f"{EXIT}exit_rate__losses_the_vault_covers__is_one",
    ),
    change(
        "exit-rate-below-0",
        LEAVES,
        LOSSES,
        "    if short >= others:\n        return 0\n",
        "",
        f"{EXIT}exit_rate__losses_beyond_all_cash__is_nothing",
    ),
    change(
        "exit-rate-rounded-up",
        LEAVES,
        LOSSES,
        "rounding.ceil_udiv(unsafe_mul(short, _WAD), others)",
        "unsafe_mul(short, _WAD) // others",
        f"{EXIT}exit_rate__falls_to_what_the_others_will_have",
    ),
    change(
        "borrowed-cash-leaves-whole",
        "6: [First out is whole, last pays all.]",
        LOSSES,
        "    if account == roles.vault_account() or msg.sender == roles.AUCTION:\n",
        "    if (\n        account == roles.vault_account()\n        or msg.sender == roles.AUCTION\n"
        "        or ledger.cash_at(account, money.supply, money.borrow) <= 0\n    ):\n",
        f"{EXIT}withdraw__borrowed_while_a_loss_is_known__leaves_at_the_rate_too",
    ),
    change(
        "what-leaving-costs-is-nobodys",
        "6: The difference going to the vault.",
        "Clearinghouse.vy",
        "    money.reserve = unsafe_add(money.reserve, unsafe_sub(wad, leaves))\n",
        "",
        f"{EXIT}withdraw__while_a_loss_is_known__pays_the_rate_and_leaves_the_rest_to_the_vault",
    ),
    change(
        "rate-changed-by-cash-made-for-a-moment",
        "6: The rate does not change by exits.",
        LOSSES,
        "        lent = min(lent, unsafe_sub(interest.first, 1))\n",
        "        pass\n",
        "tests/attacks/test_leaving.py::test_leave__among_cash_made_in_the_same_transaction__bears_the_loss",
        "tests/attacks/test_leaving.py::test_leave__as_a_loan_that_lent_cash_pays_back__bears_the_loss",
    ),
    change(
        "cash-owned-rounded-up",
        IDENTITY,
        CASH,
        "        owned: uint256 = unsafe_mul(convert(cash, uint256), WAD) // money.supply\n",
        "        owned: uint256 = rounding.ceil_udiv(unsafe_mul(convert(cash, uint256), WAD), money.supply)\n",
        f"{INTEREST}rounding__of_an_accounts_cash__is_against_it",
    ),
    change(
        "cash-owed-rounded-down",
        IDENTITY,
        CASH,
        "rounding.ceil_udiv(unsafe_mul(convert(unsafe_sub(0, cash), uint256), WAD), money.borrow)",
        "unsafe_mul(convert(unsafe_sub(0, cash), uint256), WAD) // money.borrow",
        f"{INTEREST}rounding__of_an_accounts_debt__is_against_it",
    ),
    change(
        "debt-shown-rounded-down",
        IDENTITY,
        CASH,
        "        return unsafe_sub(0, convert(unsafe_add(owed, _UP) // WAD, int256))\n",
        "        return unsafe_sub(0, convert(owed // WAD, int256))\n",
        f"{INTEREST}rounding__of_an_accounts_debt__is_against_it",
    ),
    change(
        "borrow-index-rounded-down",
        IDENTITY,
        CASH,
        "unsafe_add(owed, _RATE_YEAR - 1) // _RATE_YEAR",
        "owed // _RATE_YEAR",
        "tests/model/test_operations.py::test_operations__random_walks__contracts_equal_the_model_to_the_wei[101]",
    ),
    change(
        "tokens-held-that-left",
        IDENTITY,
        "Clearinghouse.vy",
        "    money.held = unsafe_sub(money.held, leaves)\n",
        "",
        "tests/unit/clearinghouse/test_withdraw.py::test_withdraw__any__takes_from_totals_and_tokens_held",
    ),
    change(
        "fees-that-nobody-gets",
        IDENTITY,
        "modules/trading.vy",
        "    money.reserve = unsafe_add(money.reserve, unsafe_add(terms.taker_fee, terms.maker_fee))\n",
        "",
        "tests/unit/clearinghouse/test_trade.py::test_trade__with_fees__pays_the_vault",
    ),
    change(
        "more-tokens-than-there-are",
        IDENTITY,
        "Clearinghouse.vy",
        "    if money.held < leaves:\n        refusal.refuse(refusal.NOT_ENOUGH_TOKENS)\n",
        "",
        "tests/unit/clearinghouse/test_withdraw.py::test_withdraw__more_than_is_held__reverts",
    ),
]
