"""Section 7, trading: each rule taken away."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant, change

FILL = "tests/unit/exchange/test_fill.py::test_fill__"
NONCE = "tests/unit/exchange/test_fill_nonce.py::test_fill__"
SIGNATURE = "tests/unit/exchange/test_fill_signature.py::test_fill__"
CROSS = "tests/unit/exchange/test_cross.py::test_cross__"
CANCEL = "tests/unit/exchange/test_cancel.py::test_"
MARGIN_TESTS = "tests/unit/clearinghouse/test_trade_margin.py::test_trade__"
EXCHANGE = "Exchange.vy"
ORDERS = "modules/orders.vy"
MARGIN = "modules/margin.vy"
TRADING = "modules/trading.vy"
ORDER = (
    "7: Orders are signed by wallets: account, market, signed size, limit price, fee limit, expiry, nonce, "
    "reduce-only, optional taker."
)
SIGNED = "7: Signature by ecrecover first, then EIP-1271 by static call with bounded gas."
CROSSED = "7: cross (two signed orders, at the mid of their limits)."
MEETS = "7: After a fill, fees included, each side must meet IM, or have MM lower."
NO_WORSE = (
    "7: equity_after ≥ equity_before − clamp(h, 0, 1) · (MM_before − MM_after) [crossing with oneself at the edge]."
)

MUTANTS = [
    change(
        "order-that-nobody-signed",
        ORDER,
        EXCHANGE,
        '    assert orders._is_signed(clearinghouse, order.account, digest, signature), "exchange: bad signature"\n',
        "",
        f"{SIGNATURE}signed_by_a_stranger__reverts",
    ),
    change(
        "order-at-any-fee",
        ORDER,
        EXCHANGE,
        '    assert fee <= order.max_fee, "exchange: fee above limit"\n',
        "",
        f"{FILL}fee_above_the_orders_limit__reverts",
    ),
    change(
        "taker-at-any-fee",
        ORDER,
        EXCHANGE,
        '    assert taker_bps <= max_fee, "exchange: fee above limit"\n',
        "",
        f"{FILL}fee_above_the_takers_limit__reverts",
    ),
    change(
        "order-for-ever",
        ORDER,
        EXCHANGE,
        '    assert block.timestamp <= order.expiry, "exchange: order expired"\n',
        "",
        f"{FILL}a_second_after_expiry__reverts",
    ),
    change(
        "order-that-ends-a-second-early",
        ORDER,
        EXCHANGE,
        "    assert block.timestamp <= order.expiry",
        "    assert block.timestamp < order.expiry",
        f"{FILL}at_the_second_of_expiry__fills",
    ),
    change(
        "order-for-any-taker",
        ORDER,
        EXCHANGE,
        '    assert order.taker == 0 or order.taker == counterparty, "exchange: wrong taker"\n',
        "",
        f"{FILL}named_taker__fills_for_that_account_only",
    ),
    change(
        "reduce-only-that-adds",
        ORDER,
        EXCHANGE,
        '        assert self._reduces(order.account, order.market, order.size > 0, amount), "exchange: reduce only"\n',
        "        pass\n",
        "tests/unit/exchange/test_fill_reduce_only.py::test_fill__reduce_only_away_from_zero__reverts",
    ),
    change(
        "reduce-only-through-zero",
        ORDER,
        EXCHANGE,
        "(size < 0) == buys and amount <= convert(abs(size), uint256)",
        "(size < 0) == buys",
        "tests/unit/exchange/test_fill_reduce_only.py::test_fill__reduce_only_through_zero__reverts",
    ),
    change(
        "wallet-asked-before-its-key",
        SIGNED,
        ORDERS,
        "    if signer != empty(address):\n",
        "    if signer != empty(address) and not owner.is_contract:\n",
        f"{SIGNATURE}key_with_code_that_says_no__fills_by_its_key",
    ),
    change(
        "wallet-asked-with-all-gas",
        SIGNED,
        ORDERS,
        "        gas=SIGNATURE_GAS,\n",
        "",
        f"{SIGNATURE}contract_wallet_that_burns_gas__costs_no_more_than_its_bound",
    ),
    Mutant(
        "wallet-that-may-act",
        SIGNED,
        (
            Edit(ORDERS, "        is_static_call=True,\n", ""),
            Edit(ORDERS, "@internal\n@view\ndef _is_signed(", "@internal\ndef _is_signed("),
        ),
        (f"{SIGNATURE}contract_wallet_that_acts_elsewhere__cannot",),
    ),
    change(
        "wallet-that-says-anything",
        SIGNED,
        ORDERS,
        "    return success and len(answer) == 32 and convert(answer, bytes32) == VALID_SIGNATURE\n",
        "    return success\n",
        f"{SIGNATURE}contract_wallet_that_does_not_say_yes__reverts",
    ),
    change(
        "recovered-to-nobody",
        SIGNED,
        ORDERS,
        "    if signer != empty(address):\n",
        "    if True:\n",
        f"{SIGNATURE}unrecoverable_signature_of_an_account_without_owner__reverts",
    ),
    change(
        "fill-for-another",
        "7: fill (caller is taker).",
        EXCHANGE,
        '    assert staticcall clearinghouse.is_allowed(taker, msg.sender), "exchange: not allowed"\n',
        "",
        f"{FILL}for_another_wallets_account__reverts",
    ),
    change(
        "cross-at-one-limit",
        CROSSED,
        EXCHANGE,
        "    price: uint256 = (buy + sell) // 2\n",
        "    price: uint256 = buy\n",
        f"{CROSS}limits_that_overlap__trades_at_the_mid",
    ),
    change(
        "cross-of-limits-apart",
        CROSSED,
        EXCHANGE,
        '    assert buy >= sell, "exchange: prices do not cross"\n',
        "",
        f"{CROSS}limits_apart__reverts",
    ),
    change(
        "cross-of-one-side",
        CROSSED,
        EXCHANGE,
        "    assert a.market == b.market and (a.size > 0) != (b.size > 0),",
        "    assert a.market == b.market,",
        f"{CROSS}two_buys__reverts",
    ),
    change(
        "cross-of-two-markets",
        CROSSED,
        EXCHANGE,
        "    assert a.market == b.market and (a.size > 0) != (b.size > 0),",
        "    assert (a.size > 0) != (b.size > 0),",
        f"{CROSS}one_side_or_two_markets__reverts",
    ),
    change(
        "filled-without-end",
        "7: Partial fills kept by order hash.",
        EXCHANGE,
        "    assert amount <= size and filled <= size - amount,",
        "    assert amount <= size,",
        f"{FILL}replayed_when_filled__reverts",
    ),
    change(
        "filled-and-forgotten",
        "7: Partial fills kept by order hash.",
        EXCHANGE,
        "[order.nonce & 255] = (filled + amount) |",
        "[order.nonce & 255] = amount |",
        f"{FILL}in_parts__adds_up_in_the_slot",
    ),
    change(
        "another-order-of-the-same-nonce",
        "7: Partial fills kept by order hash.",
        EXCHANGE,
        '        assert word >> 192 == tag, "exchange: nonce used"\n',
        "",
        f"{NONCE}same_nonce_another_order__reverts",
    ),
    change(
        "cancelled-order-filled",
        "7: Cancel one or all below a nonce.",
        EXCHANGE,
        '        assert filled != CANCELLED, "exchange: order cancelled"\n',
        "        if filled == CANCELLED:\n            filled = 0\n            tag = word >> 192\n",
        f"{CANCEL}cancel__untouched_order__can_not_be_filled",
    ),
    change(
        "order-below-the-lowest-nonce-filled",
        "7: Cancel one or all below a nonce.",
        EXCHANGE,
        "    assert order.nonce >= self.lowest_nonce[order.account] and order.nonce >= nonce,",
        "    assert order.nonce >= nonce,",
        f"{CANCEL}cancel_below__lower_nonces__can_not_be_filled",
    ),
    change(
        "order-of-a-slot-taken-over",
        "7: Cancel one or all below a nonce.",
        EXCHANGE,
        "    assert order.nonce >= self.lowest_nonce[order.account] and order.nonce >= nonce,",
        "    assert order.nonce >= self.lowest_nonce[order.account],",
        f"{NONCE}nonce_256_later__takes_the_slot_over",
    ),
    change(
        "lowest-nonce-goes-down",
        "7: Cancel one or all below a nonce.",
        EXCHANGE,
        '    assert nonce >= self.lowest_nonce[account], "exchange: nonce below the lowest"\n',
        "",
        f"{CANCEL}cancel_below__down_or_beyond__reverts",
    ),
    change(
        "cancelled-by-a-stranger",
        "7: Cancel one or all below a nonce.",
        EXCHANGE,
        '    assert staticcall clearinghouse.is_allowed(account, msg.sender), "exchange: not allowed"\n'
        '    assert nonce < NONCES, "exchange: order out of range"\n',
        '    assert nonce < NONCES, "exchange: order out of range"\n',
        f"{CANCEL}cancel__by_a_stranger__reverts",
    ),
    change(
        "fill-that-fails-undoes-the-batch",
        "7: In a batch a fill that fails is skipped.",
        "Batch.vy",
        "        filled, reason = raw_call(step.target, step.data, max_outsize=256, revert_on_failure=False)\n",
        "        reason = raw_call(step.target, step.data, max_outsize=256)\n        filled = True\n",
        "tests/unit/batch/test_batch.py::test_batch__fill_that_the_venue_refuses__is_left_out",
    ),
    change(
        "rule-price-outside-the-band",
        "7: Prices outside a band round the index are refused.",
        TRADING,
        "        refusal.refuse(refusal.PRICE_OUTSIDE_THE_BAND)\n",
        "        pass\n",
        "tests/unit/clearinghouse/test_trade.py::test_trade__at_the_edges_of_the_band__is_allowed_and_a_wei_further_refused",
    ),
    change(
        "price-below-the-band",
        "7: Prices outside a band round the index are refused.",
        TRADING,
        " or terms.price < unsafe_sub(quoted.index, band):\n",
        ":\n",
        "tests/unit/clearinghouse/test_trade.py::test_trade__at_the_edges_of_the_band__is_allowed_and_a_wei_further_refused",
    ),
    change(
        "fill-without-initial-margin",
        MEETS,
        TRADING,
        "    elif not margin.has_initial(after):\n"
        "        margin.check_relief(money, side.account, side.header, side.market, side.position, after)\n",
        "",
        f"{MARGIN_TESTS}without_initial_margin__reverts",
    ),
    change(
        "taker-is-not-tested",
        MEETS,
        TRADING,
        "    else:\n        self._test(money, sides[0], after[0], True)\n",
        "",
        f"{MARGIN_TESTS}below_initial_margin__may_not_add",
    ),
    change(
        "maker-is-not-tested",
        MEETS,
        TRADING,
        "    self._test(money, sides[1], after[1], not rule.relief)\n",
        "",
        f"{MARGIN_TESTS}in_breach__as_maker_is_held_to_the_same",
    ),
    change(
        "fee-that-is-not-counted",
        MEETS,
        TRADING,
        "        change=unsafe_sub(0, convert(fee, int256)),\n",
        "        change=0,\n",
        f"{MARGIN_TESTS}fee_that_eats_the_margin__reverts",
    ),
    change(
        "relief-that-relieves-nothing",
        MEETS,
        MARGIN,
        "    if after.mm >= before.mm or after.im > before.im:\n",
        "    if after.mm > before.mm or after.im > before.im:\n",
        f"{MARGIN_TESTS}below_initial_margin__may_not_trade_for_nothing",
    ),
    change(
        "adds-a-market-in-breach",
        "7: After a fill, fees included, each side must meet IM, or have MM lower.",
        MARGIN,
        "    if ((header >> 128) | (header >> 192)) & (1 << market) == 0:\n        self.check_breach(before)\n",
        "",
        f"{MARGIN_TESTS}in_breach__may_not_add_a_market_even_as_a_hedge",
    ),
    change(
        "rule-relief-at-any-cost",
        NO_WORSE,
        MARGIN,
        "    return lost <= unsafe_mul(health, unsafe_sub(mm, convert(after.mm, int256)))\n",
        "    return True\n",
        f"{MARGIN_TESTS}in_breach__may_reduce_at_a_cost_within_its_health",
    ),
    change(
        "insolvent-may-lose-more",
        NO_WORSE,
        MARGIN,
        "    health: int256 = min(unsafe_mul(max(own, 0), _WAD) // mm, _WAD)\n",
        "    health: int256 = min(unsafe_mul(max(own, own // -9), _WAD) // mm, _WAD)\n",
        f"{MARGIN_TESTS}insolvent__may_not_lose_a_wei_more",
    ),
    change(
        "relief-at-more-than-it-releases",
        NO_WORSE,
        MARGIN,
        "    health: int256 = min(unsafe_mul(max(own, 0), _WAD) // mm, _WAD)\n",
        "    health: int256 = unsafe_mul(max(own, 0), _WAD) // mm\n",
        f"{MARGIN_TESTS}below_initial_margin__may_cost_no_more_than_it_releases",
    ),
    change(
        "rule-batch-at-any-cost",
        NO_WORSE,
        "Batch.vy",
        "        enough = (net_before - net) * _WAD <= most and (before.equity - after.equity) * _WAD <= most\n",
        "        pass\n",
        "tests/attacks/test_batch.py::test_batch__unwound_below_initial_margin__takes_no_more_than_health_allows",
    ),
    change(
        "batch-pays-out-claims-it-settled",
        NO_WORSE,
        "Batch.vy",
        "        enough = (net_before - net) * _WAD <= most and (before.equity - after.equity) * _WAD <= most\n",
        "        enough = (net_before - net) * _WAD <= most\n",
        "tests/attacks/test_gains.py::test_batch__that_settles_claims__cannot_pay_them_out_below_margin",
    ),
    Mutant(
        "batch-judged-at-prices-it-brought",
        NO_WORSE,
        (
            Edit(
                "Batch.vy",
                "    words: DynArray[uint256, 32]\n",
                "    words: DynArray[uint256, 32]\n    as_it_was: IRiskEngine.Assessment\n",
            ),
            Edit(
                "Batch.vy",
                "        before.append(book)\n",
                "        book.as_it_was = staticcall _CLEARINGHOUSE.assess(account)\n        before.append(book)\n",
            ),
            Edit(
                "Batch.vy",
                "staticcall _RISK.assess(book.cash, book.maps, book.words)",
                "book.as_it_was",
            ),
        ),
        ("tests/attacks/test_gains.py::test_batch__that_brings_a_better_price__keeps_no_worse_one_to_compare_with",),
    ),
]
