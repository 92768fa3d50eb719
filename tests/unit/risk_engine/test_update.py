"""`update`: medians of a round, and what a later one does to price, basis and funding."""

from __future__ import annotations

import pytest

from keeper.publish.reports import Entry, encode_price
from tests.unit.risk_engine.conftest import (
    DELISTED,
    FED,
    FEEDLESS,
    NOBODY,
    ONE_SOURCE,
    OTHER,
    PARAMETERS,
    PRICE_AGE,
    ROUND,
)
from tests.unit.system import HEARTBEAT, ORACLE, WAD

BASIS_RATE, BASIS_WINDOW, FUNDING_PERIOD = ORACLE[7:10]
DAY = 86_400


def price_of(word):
    return word.mantissa << word.exponent


def test_update__by_anyone__moves_the_prices(desk, begin, attacker):
    reports = desk.reports(begin, [Entry(FEEDLESS, 3 * WAD, 7, -9), Entry(FED, 2 * WAD)])
    desk.at(begin)
    desk.engine.update(reports, sender=attacker)
    word = desk.word(FEEDLESS)
    assert (price_of(word), word.confidence, word.time) == (3 * WAD, 7, begin)
    assert price_of(desk.word(FED)) == 2 * WAD


def test_update__logs_words_in_rising_order_of_market(desk, begin):
    receipt = desk.publish(begin, [Entry(market, (market + 1) * WAD) for market in (OTHER, FED, FEEDLESS)])
    (event,) = receipt.events
    assert event.event_name == "PricesUpdated"
    assert (event.round, event.markets) == (begin // ROUND, 0b111)
    assert list(event.words) == [desk.engine.price_word(market) for market in (FED, FEEDLESS, OTHER)]


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_update__takes_the_median_of_each_field_by_itself(desk, begin, order):
    prices = [99 * WAD, 100 * WAD, 5_000 * WAD]
    confidences = [90, 3, 20]
    bases = [-40, 0, -300_000]
    lists = [[Entry(FEEDLESS, prices[i], confidences[i], bases[i])] for i in order]
    desk.publish(begin, *lists)
    word = desk.word(FEEDLESS)
    assert (price_of(word), word.confidence) == (100 * WAD, 20)
    # The basis moves toward the median, −40, by the share of the window that a first price counts for.
    assert word.basis == -(-(-40 * PRICE_AGE) // BASIS_WINDOW)


def test_update__five_signers__takes_the_third(desk, begin, accounts, owner):
    signers = list(accounts[10:15])
    desk.engine.set_signers([signer.address for signer in signers], 5, sender=owner)
    desk.signers = signers
    lists = [[Entry(FED, price * WAD)] for price in (7, 1, 9, 3, 5)]
    desk.publish(begin, *lists)
    assert price_of(desk.word()) == 5 * WAD


def test_update__one_signer__takes_its_word(desk, begin, signers, owner):
    desk.engine.set_signers([signers[2].address], 1, sender=owner)
    desk.at(begin)
    desk.engine.update([desk.sign(signers[2], begin, [Entry(FED, WAD)])], sender=owner)
    assert price_of(desk.word()) == WAD


@pytest.mark.parametrize(
    ("price", "mantissa", "exponent"),
    [
        (10**9, 10**9, 0),
        (2**48 - 1, 2**48 - 1, 0),
        (2**48, 2**47, 1),
        (2**48 + 1, 2**47, 1),
        (2**80 - 1, 2**48 - 1, 32),
        (2**80, 2**47, 33),
        (123_456_789_012_345_678_901, 123_456_789_012_345_678_901 >> 19, 19),
        (10**27, 10**27 >> 42, 42),
    ],
)
def test_update__price_of_more_than_48_bits__loses_the_low_ones(desk, begin, price, mantissa, exponent):
    desk.publish(begin, [Entry(FED, price)])
    word = desk.word()
    assert (word.mantissa, word.exponent) == (mantissa, exponent)


def test_update__mantissa_with_too_high_an_exponent__is_stored_with_the_lowest(desk, begin):
    payload = (10**6 | 20 << 48 | FED << 90).to_bytes(32, "big")
    desk.at(begin)
    desk.engine.update([desk.sign_payload(signer, begin, payload) for signer in desk.signers[:3]], sender=desk.owner)
    word = desk.word()
    assert (word.mantissa, word.exponent) == (10**6 << 20, 0)


@pytest.mark.parametrize("back", [0, ROUND])
def test_update__equal_or_earlier_round__leaves_all_as_it_is(desk, begin, back):
    desk.quote(begin + ROUND, 100)
    before = desk.words()
    receipt = desk.quote(begin + ROUND - back, 200, at=begin + ROUND + 1)
    assert desk.words() == before
    (event,) = receipt.events
    assert (event.markets, list(event.words)) == (0, [])


def test_update__one_market_of_two_is_newer__moves_the_other(desk, begin):
    desk.quote(begin + ROUND, 100)
    receipt = desk.publish(begin, [Entry(FED, WAD), Entry(FEEDLESS, WAD)], at=begin + ROUND + 1)
    assert price_of(desk.word(FED)) == 100 * WAD
    assert price_of(desk.word(FEEDLESS)) == WAD
    assert receipt.events[0].markets == 1 << FEEDLESS


def test_update__market_named_twice__counts_its_first_entry(desk, begin):
    desk.publish(begin, [Entry(FED, WAD), Entry(FED, 2 * WAD)])
    assert price_of(desk.word()) == WAD


def test_update__64_entries__fits(make_engine, desk, begin, owner):
    parameters = PARAMETERS[FEEDLESS].pack()
    for _ in range(64 - len(PARAMETERS)):
        desk.engine.add_market(parameters, NOBODY, 0, 0, sender=owner)
    desk.engine.set_parameters(DELISTED, parameters, sender=owner)
    begin += 2 * DAY
    desk.publish(begin, [Entry(market, (market + 1) * WAD) for market in range(64)])
    assert price_of(desk.word(63)) == 64 * WAD


# Basis


def test_update__basis__moves_no_faster_than_its_rate(desk, begin):
    desk.quote(begin, 100, basis=9_000)
    first = min(9_000 * PRICE_AGE // BASIS_WINDOW, BASIS_RATE * PRICE_AGE // 60)
    assert desk.word().basis == first == 250
    desk.quote(begin + 6, 100, basis=9_000)
    # 8,750 to go, 6 s of 300 s: 175; the rate allows 1,000 · 6 // 60 = 100.
    assert desk.word().basis == first + 100


def test_update__basis_near_its_target__moves_by_the_share_of_the_window_rounded_up(desk, begin):
    desk.quote(begin, 100, basis=1_000)
    assert desk.word().basis == 50
    desk.quote(begin + 4, 100, basis=-51)
    # 101 to go, 4 s of 300 s: 1.35.
    assert desk.word().basis == 48


def test_update__basis_after_an_outage__moves_as_for_one_heartbeat(desk, begin):
    desk.quote(begin, 100, basis=100)
    desk.quote(begin + DAY, 100, basis=100_000)
    assert desk.word().basis == 5 + BASIS_RATE * PRICE_AGE // 60


def test_update__basis_target_beyond_the_bound__counts_as_the_bound(desk, begin):
    # The bound is 10 · g = 1,000: 15 s of 300 s are 50, not the 250 of the rate.
    desk.quote(begin, 100, market=FEEDLESS, basis=-500_000)
    assert desk.word(FEEDLESS).basis == -50


def test_update__bound_lowered_below_the_basis__basis_falls_to_it(desk, begin, owner):
    desk.quote(begin, 100, basis=9_000)
    tight = PARAMETERS[FED].pack() & ~(0xFFFF << 32) | 3 << 32
    desk.engine.set_parameters(FED, tight, sender=owner)
    desk.quote(begin + ROUND, 100, basis=9_000)
    assert desk.word().basis == 30


# Funding


def accrued(index, basis, seconds):
    """Funding of some seconds in 1e-12 quote: basis · index, as far as 48 bits hold it, over the funding period."""
    mantissa, exponent = encode_price(index)
    index = mantissa << exponent
    return index * basis * seconds // (10**6 * FUNDING_PERIOD * 10**6)


def test_update__funding__accrues_at_the_price_and_basis_before(desk, begin):
    desk.quote(begin, 3_000, basis=9_000)
    desk.quote(begin + 10, 60_000, basis=-9_000)
    assert desk.word().funding == accrued(3_000 * WAD, 250, 10)


def test_update__first_price__accrues_nothing(desk, begin):
    desk.quote(begin, 3_000, basis=9_000)
    assert (desk.word().funding, desk.word().funding_lag) == (0, 0)


def test_update__funding_after_an_outage__counts_one_heartbeat(desk, begin):
    desk.quote(begin, 3_000, basis=9_000)
    desk.quote(begin + DAY, 3_000)
    assert desk.word().funding == accrued(3_000 * WAD, 250, PRICE_AGE)


def test_update__negative_basis__funding_is_negative_and_rounded_toward_zero(desk, begin):
    desk.quote(begin, 3_001, basis=-9_000)
    desk.quote(begin + 10, 3_001)
    assert desk.word().funding == -accrued(3_001 * WAD, 250, 10)
    assert 3_001 * WAD * 250 * 10 % (10**6 * FUNDING_PERIOD * 10**6) != 0


def test_update__time_without_a_basis__is_not_charged_when_one_comes(desk, begin):
    for number in range(4):
        desk.quote(begin + number * 10, 3_000)
    assert desk.word().funding_lag == 0
    desk.quote(begin + 40, 3_000, basis=9_000)
    basis = desk.word().basis
    desk.quote(begin + 42, 3_000, basis=9_000)
    assert desk.word().funding == accrued(3_000 * WAD, basis, 2)


def test_update__funding_too_small_to_show__waits_in_the_lag(desk, begin):
    # A price of 1e-5 and a basis of 1e-6: 1e13 · lag / 2.88e16 shows at a lag of 2,880 s.
    small = [Entry(FEEDLESS, 10**13, 0, 1)]
    desk.publish(begin, small)
    for number in (1, 2, 3):
        desk.publish(begin + number * 10, small)
        assert (desk.word(FEEDLESS).funding, desk.word(FEEDLESS).funding_lag) == (0, number * 10)
    # The price rises: all that waited counts at the price before this one, and then at the new one.
    desk.publish(begin + 40, [Entry(FEEDLESS, WAD, 0, 1)])
    assert (desk.word(FEEDLESS).funding, desk.word(FEEDLESS).funding_lag) == (0, 40)
    desk.publish(begin + 50, small)
    assert (desk.word(FEEDLESS).funding, desk.word(FEEDLESS).funding_lag) == (10**18 * 50 // (28_800 * 10**12), 0)


def test_update__no_slow_feed__widens_to_one_source(desk, begin):
    desk.quote(begin, 100, market=FEEDLESS, confidence=5)
    word = desk.word(FEEDLESS)
    assert (word.slow_for, word.gap, word.from_slow) == (0, 0, 0)
    assert desk.engine.price(FEEDLESS).up == ONE_SOURCE


def test_update__feed_of_the_market__says_until_when_it_counts(desk, begin):
    desk.push(100, begin - 40)
    desk.quote(begin, 100)
    assert desk.word().slow_for == HEARTBEAT - 40
