"""What it is deployed with, `list_spot`, `set_venue`, `set_settings`: the owner's, each with its bounds."""

from __future__ import annotations

from dataclasses import replace

import ape
import pytest

from keeper.model.words import Settings
from tests.unit.system import BTC, ETH, LINK, SETTINGS, SOL, WAD, wad

NOBODY = "0x" + "00" * 20
NOT_OWNER = "ownable: caller is not the owner"


@pytest.fixture
def bare(deploy, quote):
    """A Clearinghouse that lists nothing."""
    return deploy(quote)


def test_deployment__names_auction_vault_and_batch_for_good(bare, auctioneer, vault_wallet, batcher):
    named = (auctioneer.address, vault_wallet.address, batcher.address)
    assert (bare.auction(), bare.vault(), bare.batch()) == named
    (log,) = bare.creation_metadata.receipt.decode_logs(bare.Wired)
    assert (log.auction, log.vault, log.batch) == named


@pytest.mark.parametrize("named", [(0, 1, 2), (1, 0, 2), (1, 2, 0), (1, 1, 2), (1, 2, 1), (2, 1, 1)])
def test_deployment__somebody_missing_or_twice__is_refused(load, owner, quote, risk_engine, accounts, named):
    addresses = [accounts[number].address if number else NOBODY for number in named]
    with ape.reverts("clearinghouse: zero address"):
        owner.deploy(load("Clearinghouse"), quote, risk_engine, SETTINGS.pack(), *addresses)


def test_list_spot__gives_the_market_its_token_and_logs_it(bare, owner, btc):
    receipt = bare.list_spot(BTC, btc, sender=owner)
    assert bare.spot_token(BTC) == btc.address
    (log,) = receipt.decode_logs(bare.SpotListed)
    assert (log.market, log.token, log.decimals) == (BTC, btc.address, 8)


@pytest.mark.parametrize("market", [4, 64, 2**256 - 1])
def test_list_spot__market_that_is_not_there__reverts(bare, owner, btc, market):
    with ape.reverts("clearinghouse: no spot market"):
        bare.list_spot(market, btc, sender=owner)


@pytest.mark.parametrize("market", [SOL, LINK])
def test_list_spot__market_that_allows_no_spot__reverts(bare, owner, btc, market):
    with ape.reverts("clearinghouse: no spot market"):
        bare.list_spot(market, btc, sender=owner)
    assert bare.spot_token(market) == NOBODY


def test_list_spot__second_token__reverts(bare, owner, eth, btc):
    bare.list_spot(BTC, btc, sender=owner)
    with ape.reverts("clearinghouse: already listed"):
        bare.list_spot(BTC, eth, sender=owner)
    assert bare.spot_token(BTC) == btc.address


def test_list_spot__token_of_another_market__reverts(bare, owner, btc):
    bare.list_spot(BTC, btc, sender=owner)
    with ape.reverts("clearinghouse: token in use"):
        bare.list_spot(ETH, btc, sender=owner)


def test_list_spot__quote_token__reverts(bare, owner, quote):
    with ape.reverts("clearinghouse: token in use"):
        bare.list_spot(ETH, quote, sender=owner)


def test_list_spot__token_of_more_than_18_decimals__reverts(bare, load, owner):
    token = owner.deploy(load("testing/TestToken"), "Fine", "FINE", 19)
    with ape.reverts("clearinghouse: token decimals"):
        bare.list_spot(ETH, token, sender=owner)
    assert bare.spot_token(ETH) == NOBODY


def test_set_venue__allows_and_revokes_and_logs_it(bare, owner, venue):
    for allowed in (True, False):
        receipt = bare.set_venue(venue, allowed, sender=owner)
        assert bare.is_venue(venue) is allowed
        (log,) = receipt.decode_logs(bare.VenueSet)
        assert (log.venue, log.allowed) == (venue.address, allowed)


def test_set_settings__replaces_the_word_and_logs_it(bare, owner):
    settings = replace(SETTINGS, band=100).pack()
    receipt = bare.set_settings(settings, sender=owner)
    assert bare.settings() == settings
    (log,) = receipt.decode_logs(bare.SettingsSet)
    assert log.settings == settings


def test_set_settings__band__binds_the_next_trade(house, owner, venue, alice, bob):
    house.clearinghouse.set_settings(replace(SETTINGS, band=100).pack(), sender=owner)
    with house.refuses("clearinghouse: price outside the band", alice, bob):
        house.clearinghouse.trade(ETH, alice, bob, WAD, wad(1616) + 1, 0, 0, sender=venue)
    house.clearinghouse.trade(ETH, alice, bob, WAD, wad(1616), 0, 0, sender=venue)


EDGES = Settings(kink=1, at_kink=0, at_full=0, reserve=10_000, band=1, max_fee=10_000)
OTHER_EDGES = Settings(kink=9_999, at_kink=2**32 - 1, at_full=2**32 - 1, reserve=0, band=9_999, max_fee=0)


@pytest.mark.parametrize("settings", [EDGES, OTHER_EDGES])
def test_set_settings__at_the_edges__is_allowed(bare, owner, settings):
    bare.set_settings(settings.pack(), sender=owner)
    assert bare.settings() == settings.pack()


WRONG = {
    "kink at 0": SETTINGS.pack() & ~0xFFFF,
    "kink at 1": SETTINGS.pack() & ~0xFFFF | 10_000,
    "falling rate": replace(SETTINGS, at_kink=SETTINGS.at_full + 1).pack() if SETTINGS.at_full < 2**32 - 1 else 0,
    "reserve above all": SETTINGS.pack() & ~(0xFFFF << 80) | 10_001 << 80,
    "no band": SETTINGS.pack() & ~(0xFFFF << 96),
    "band down to nothing": SETTINGS.pack() & ~(0xFFFF << 96) | 10_000 << 96,
    "fee above all": SETTINGS.pack() & ~(0xFFFF << 112) | 10_001 << 112,
    "a bit above": SETTINGS.pack() | 1 << 160,
    "the highest bit": SETTINGS.pack() | 1 << 255,
}


@pytest.mark.parametrize("word", WRONG.values(), ids=WRONG.keys())
def test_set_settings__out_of_range__reverts(bare, owner, word):
    with ape.reverts("clearinghouse: settings out of range"):
        bare.set_settings(word, sender=owner)
    assert bare.settings() == SETTINGS.pack()


def test_deployment__settings_out_of_range__is_refused(load, owner, quote, risk_engine, accounts):
    with ape.reverts("clearinghouse: settings out of range"):
        owner.deploy(load("Clearinghouse"), quote, risk_engine, 0, *accounts[1:4])


def test_deployment__starts_with_nothing_lent(bare, quote, risk_engine, owner):
    assert (bare.totals(), bare.custody()) == (0, 0)
    assert bare.indices() & (1 << 160) - 1 == WAD << 80 | WAD
    assert bare.indices() >> 192 == 0
    assert (bare.quote_token(), bare.risk_engine(), bare.owner()) == (
        quote.address,
        risk_engine.address,
        owner.address,
    )


@pytest.mark.parametrize("stranger", ["attacker", "venue", "auctioneer", "guardian"])
def test_admin__by_anybody_but_the_owner__reverts(bare, wallets, eth, stranger):
    sender = wallets[stranger]
    before = bare.settings()
    with ape.reverts(NOT_OWNER):
        bare.list_spot(ETH, eth, sender=sender)
    with ape.reverts(NOT_OWNER):
        bare.set_venue(sender, True, sender=sender)
    with ape.reverts(NOT_OWNER):
        bare.set_settings(replace(SETTINGS, band=1).pack(), sender=sender)
    assert (bare.spot_token(ETH), bare.is_venue(sender), bare.settings()) == (NOBODY, False, before)


def test_ownership__passes_in_two_steps(bare, owner, guardian, attacker):
    bare.transfer_ownership(guardian, sender=owner)
    assert bare.owner() == owner.address
    with ape.reverts("ownable_2step: caller is not the new owner"):
        bare.accept_ownership(sender=attacker)
    bare.accept_ownership(sender=guardian)
    assert bare.owner() == guardian.address
