"""Section 9, the insurance vault: each rule taken away."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant, change

PRICE = "tests/unit/insurance_vault/test_share_price.py::test_"
REQUEST = "tests/unit/insurance_vault/test_request.py::test_request__"
VAULT = "InsuranceVault.vy"
BACKING = "modules/backing.vy"
ASSETS = (
    "9: Its assets are its account's cash less the entries of 6 (never below 0; deposits count without that deduction)."
)
LEAVING = "9: A request to leave is irrevocable and waits a cooldown."
SMALLER = (
    "9: It is paid the smaller of its value at request and at payment [staggered requests; leaving before a known "
    "loss]."
)
BOTH = (
    "    return min(self._to_assets(shares, backing.net(), False), "
    "backing.scaled(shares, asked.value, asked.shares, False))"
)
NOW, THEN = "self._to_shares(assets, backing.net(), True)", "backing.scaled(assets, asked.shares, asked.value, True)"
INFLATION = "9: Protected against first-depositor inflation and donations."

MUTANTS = [
    change(
        "assets-with-known-losses",
        ASSETS,
        BACKING,
        "    return (wad - min(wad, staticcall CLEARINGHOUSE.entries())) // _SCALE\n",
        "    return wad // _SCALE\n",
        f"{PRICE}share_price__loss_sighted_but_not_sold__is_borne_by_who_leaves_and_by_who_enters",
    ),
    change(
        "assets-below-0",
        ASSETS,
        BACKING,
        "(wad - min(wad, staticcall CLEARINGHOUSE.entries()))",
        "(wad - staticcall CLEARINGHOUSE.entries())",
        f"{PRICE}share_price__loss_above_all_assets__leaves_nothing_to_leave_with",
    ),
    change(
        "known-loss-bought-at-a-discount",
        ASSETS,
        VAULT,
        "    return max(backing.gross(), self._supply() // _LEAST_PRICE)\n",
        "    return max(backing.net(), self._supply() // _LEAST_PRICE)\n",
        f"{PRICE}share_price__loss_sighted_but_not_sold__is_borne_by_who_leaves_and_by_who_enters",
    ),
    change(
        "shares-rounded-up",
        "9: ERC-4626 over the quote token.",
        VAULT,
        "    shares: uint256 = self._to_shares(assets, total, False)\n",
        "    shares: uint256 = self._to_shares(assets, total, True)\n",
        "tests/unit/insurance_vault/test_deposit.py::test_deposit__price_not_round__rounds_shares_down",
    ),
    change(
        "cost-of-shares-rounded-down",
        "9: ERC-4626 over the quote token.",
        VAULT,
        "    assets: uint256 = self._to_assets(shares, total, True)\n",
        "    assets: uint256 = self._to_assets(shares, total, False)\n",
        "tests/unit/insurance_vault/test_deposit.py::test_mint__exact_shares__takes_assets_rounded_up",
    ),
    change(
        "more-shares-than-allowed",
        "9: ERC-4626 over the quote token.",
        VAULT,
        '        assert shares <= erc20.allowance[owner][msg.sender], "vault: not enough allowance"\n'
        "        erc20._spend_allowance(owner, msg.sender, shares)\n",
        "        pass\n",
        f"{REQUEST}of_another_above_the_allowance__reverts",
    ),
    change(
        "vaults-account-sliced-by-anybody",
        "9: Covers shortfalls only for the auction.",
        "modules/slicing.vy",
        "    if msg.sender != roles.AUCTION:\n        refusal.refuse(refusal.NOT_THE_AUCTION)\n",
        "    if msg.sender != roles.AUCTION and account != roles.vault_account():\n"
        "        refusal.refuse(refusal.NOT_THE_AUCTION)\n",
        "tests/unit/insurance_vault/test_token.py::test_account__cannot_be_sliced_past_the_auction",
    ),
    change(
        "leaving-without-a-cooldown",
        LEAVING,
        VAULT,
        '    assert asked.shares != 0 and block.timestamp >= asked.ready, "vault: not ready"\n',
        '    assert asked.shares != 0, "vault: not ready"\n',
        f"{REQUEST}a_second_too_early__is_not_ready",
    ),
    change(
        "leaving-without-a-request",
        LEAVING,
        VAULT,
        '    assert asked.shares != 0 and block.timestamp >= asked.ready, "vault: not ready"\n',
        '    assert block.timestamp >= asked.ready, "vault: not ready"\n',
        f"{REQUEST}none__is_not_ready",
    ),
    change(
        "request-made-anew",
        LEAVING,
        VAULT,
        '    assert self._requests[owner].shares == 0, "vault: request stands"\n',
        "",
        f"{REQUEST}while_one_stands__reverts",
    ),
    Mutant(
        "requested-shares-that-move",
        LEAVING,
        (
            Edit(VAULT, "    erc20._transfer(owner, self, shares)\n", ""),
            Edit(VAULT, "    erc20._burn(self, burned)\n", "    erc20._burn(owner, burned)\n"),
        ),
        (f"{REQUEST}shares_in_it__cannot_be_moved",),
    ),
    change(
        "paid-its-value-of-now",
        SMALLER,
        VAULT,
        BOTH,
        "    return self._to_assets(shares, backing.net(), False)",
        f"{REQUEST}gains_while_it_waits__are_not_its_own",
    ),
    change(
        "paid-its-value-of-then",
        SMALLER,
        VAULT,
        BOTH,
        "    return backing.scaled(shares, asked.value, asked.shares, False)",
        f"{PRICE}request__loss_while_it_waits__is_borne_with_the_others",
    ),
    change(
        "withdrawn-at-its-value-of-then",
        SMALLER,
        VAULT,
        f"        {NOW}, {THEN}",
        f"        0, {THEN}",
        f"{PRICE}withdraw__after_a_loss__burns_shares_at_what_they_are_worth",
    ),
    change(
        "withdrawn-at-its-value-of-now",
        SMALLER,
        VAULT,
        f"        {NOW}, {THEN}",
        f"        {NOW}, 0",
        "tests/unit/insurance_vault/test_withdraw.py::"
        "test_withdraw__after_gains__burns_shares_at_their_value_when_requested",
    ),
    change(
        "redeemed-for-others-while-losses-are-known",
        SMALLER,
        VAULT,
        "        assets >= asked.value or msg.sender == owner or staticcall backing.CLEARINGHOUSE.entries() == 0\n",
        "        True\n",
        "tests/attacks/test_vault_shares.py::test_vault__others_paid_out_at_the_worst_moment__leave_nothing_behind",
    ),
    change(
        "no-virtual-shares",
        INFLATION,
        VAULT,
        "_VIRTUAL_SHARES: constant(uint256) = 10**6\n",
        "_VIRTUAL_SHARES: constant(uint256) = 1\n",
        "tests/attacks/test_vault_shares.py::test_vault__first_holder_gives_to_it__gains_nothing_of_later_ones",
        f"{PRICE}share_price__first_depositor_inflates_it__gains_nothing",
    ),
    Mutant(
        "donations-count",
        INFLATION,
        (
            Edit(
                BACKING,
                "from ..interfaces import IClearinghouse\n",
                "from ethereum.ercs import IERC20\nfrom ..interfaces import IClearinghouse\n",
            ),
            Edit(
                BACKING,
                "    return self._wad() // _SCALE\n",
                "    given: uint256 = staticcall IERC20(staticcall CLEARINGHOUSE.quote_token()).balanceOf(self)\n"
                "    return self._wad() // _SCALE + given\n",
            ),
        ),
        (f"{PRICE}share_price__tokens_sent_to_the_vault__count_for_nothing",),
    ),
    change(
        "emptied-vault-that-multiplies-its-shares",
        INFLATION,
        VAULT,
        "    return max(backing.gross(), self._supply() // _LEAST_PRICE)\n",
        "    return backing.gross()\n",
        "tests/attacks/test_gains.py::test_vault__emptied_a_dozen_times__takes_deposits_still",
    ),
    change(
        "caps-of-a-full-vault",
        "9: The sum of caps scales with its assets.",
        "modules/limits.vy",
        "    if target != 0:\n",
        "    if target == 1:\n",
        "tests/unit/clearinghouse/test_limits.py::test_cap__vault_half_filled__counts_half",
    ),
    change(
        "caps-above-those-set",
        "9: The sum of caps scales with its assets.",
        "modules/limits.vy",
        "min(_WAD, unsafe_mul(own, _WAD) // target)",
        "(unsafe_mul(own, _WAD) // target)",
        "tests/unit/clearinghouse/test_limits.py::test_cap__vault_more_than_filled__counts_no_more",
    ),
]
