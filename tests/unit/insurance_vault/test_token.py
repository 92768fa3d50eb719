"""The share as a token, and what of it nobody can call."""

from __future__ import annotations

import ape
import pytest

from tests.unit.insurance_vault.conftest import SHARE
from tests.unit.system import UNITS, WAD


def test_token__metadata__is_what_it_was_deployed_with(vault, quote, clearinghouse, system):
    assert (vault.name(), vault.symbol(), vault.decimals()) == ("Plimsoll insurance", "pINS", 12)
    assert (vault.asset(), vault.clearinghouse()) == (quote, clearinghouse)
    assert vault.account() == system.account(vault)


@pytest.mark.parametrize(
    "name",
    ["burn", "burn_from", "set_minter", "is_minter", "owner", "transfer_ownership", "renounce_ownership", "pause"],
)
def test_token__admin_surface_of_the_module__is_not_there(vault, name):
    assert name not in {method.name for method in vault.contract_type.methods}


def test_token__mint__is_the_vaults_and_pays_for_itself(vault):
    assert [method.selector for method in vault.contract_type.methods if method.name == "mint"] == [
        "mint(uint256,address)"
    ]


def test_token__transfer_from__needs_an_allowance(insurance, vault, lender, attacker):
    insurance.deposit(lender, UNITS)
    with insurance.refused("erc20: insufficient allowance", lender, attacker):
        vault.transferFrom(lender, attacker, 1, sender=attacker)
    vault.approve(attacker, 5, sender=lender)
    vault.transferFrom(lender, attacker, 5, sender=attacker)
    assert vault.balanceOf(attacker) == 5


def test_token__transfer_of_more_than_owned__reverts(insurance, vault, lender, attacker):
    insurance.deposit(lender, UNITS)
    with insurance.refused("erc20: transfer amount exceeds balance", lender, attacker):
        vault.transfer(attacker, SHARE + 1, sender=lender)


def test_account__cannot_be_moved_past_the_vault(insurance, clearinghouse, lender, attacker):
    insurance.deposit(lender, UNITS)
    before = insurance.state(lender, attacker)
    with ape.reverts("clearinghouse: not allowed"):
        clearinghouse.withdraw(insurance.account, 1, attacker, sender=attacker)
    assert insurance.state(lender, attacker) == before


def test_account__cannot_be_sliced_past_the_auction(insurance, clearinghouse, system, lender, attacker):
    insurance.deposit(lender, UNITS)
    before = insurance.state(lender, attacker)
    account = system.account(attacker)
    with ape.reverts("clearinghouse: not the auction"):
        clearinghouse.slice(insurance.account, account, WAD, 0, 0, account, 0, sender=attacker)
    assert insurance.state(lender, attacker) == before
