"""The owner's functions: what they set and log, and what they refuse."""

from __future__ import annotations

import ape
import pytest

from keeper.model.words import PAIRS, Parameters, Risk, SlowFeed
from keeper.publish.reports import Entry
from tests.unit.risk_engine.conftest import DELISTED, FED, FEEDLESS, NOBODY, PARAMETERS, ROUND, UNKNOWN
from tests.unit.system import HEARTBEAT, ORACLE, RISK, WAD

QUOTE = 2**256 - 1
GOOD = Parameters(1, 0, 0, bucket=7, flags=0).pack()
RANGE = "risk_engine: parameters out of range"


def set_bits(word, offset, number):
    return word | number << offset


NO_MARKET = {
    "no systematic volatility": Parameters(0, 1, 1, bucket=0, flags=7).pack(),
    "nothing at all": 0,
    "bucket 8": set_bits(GOOD & ~(255 << 200), 200, 8),
    "bucket 128": set_bits(GOOD, 200, 128),
    "flag 8": set_bits(GOOD, 208, 8),
    "flag 128": set_bits(GOOD, 208, 128),
    "target of s": set_bits(GOOD, 48, 1),
    "target of g": set_bits(GOOD, 95, 1),
    "ramp start": set_bits(GOOD, 96, 1),
    "ramp end": set_bits(GOOD, 159, 1),
    "time of a calibration": set_bits(GOOD, 216, 1),
    "flag 16": set_bits(GOOD, 208, 16),
    "flag 32": set_bits(GOOD, 208, 32),
    "top bit": set_bits(GOOD, 255, 1),
}


def state_of(engine):
    return (
        engine.market_count(),
        [engine.parameters(market) for market in range(6)],
        [engine.slow_feed(market) for market in range(6)],
        engine.slow_feed(QUOTE),
        engine.risk(),
        tuple(engine.risk_ramp()),
        engine.calibrator(),
        list(engine.signers()),
        engine.threshold(),
        engine.owner(),
        engine.pending_owner(),
    )


@pytest.fixture
def refused(engine):
    """What happens within reverts with a message and leaves all that is set as it was."""

    class Refused:
        def __init__(self, message):
            self.reverts = ape.reverts(message)

        def __enter__(self):
            self.before = state_of(engine)
            self.reverts.__enter__()

        def __exit__(self, *error):
            caught = self.reverts.__exit__(*error)
            assert state_of(engine) == self.before
            return caught

    return Refused


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("add_market", (GOOD, NOBODY, 0, 0)),
        ("set_parameters", (FED, GOOD)),
        ("set_slow_feed", (FED, NOBODY, 0, 0)),
        ("set_risk", (RISK.pack(),)),
        ("set_signers", ([f"0x{1:040x}"], 1)),
        ("set_calibrator", (f"0x{1:040x}",)),
        ("transfer_ownership", (f"0x{1:040x}",)),
    ],
)
def test_admin__outsider__reverts(engine, attacker, refused, function, arguments):
    with refused("ownable: caller is not the owner"):
        getattr(engine, function)(*arguments, sender=attacker)


def test_transfer_ownership__needs_the_new_owner_to_accept(engine, owner, guardian, attacker, refused):
    engine.transfer_ownership(guardian, sender=owner)
    assert engine.owner() == owner
    with refused("ownable_2step: caller is not the new owner"):
        engine.accept_ownership(sender=attacker)
    engine.accept_ownership(sender=guardian)
    assert engine.owner() == guardian
    engine.set_risk(RISK.pack(), sender=guardian)
    with refused("ownable: caller is not the owner"):
        engine.set_risk(RISK.pack(), sender=owner)


def test_renounce_ownership__is_not_there(engine):
    assert not hasattr(engine, "renounce_ownership")


# Markets


def test_add_market__is_numbered_logged_and_kept(engine, owner, slow_feeds):
    feed = slow_feeds[FED]
    market = len(PARAMETERS)
    assert engine.add_market.call(GOOD, feed, 100, 7, sender=owner) == market
    receipt = engine.add_market(GOOD, feed, 100, 7, sender=owner)
    assert engine.market_count() == market + 1
    assert engine.parameters(market) == GOOD
    word = SlowFeed(int(feed.address, 16), 100, 7, 8).pack()
    assert engine.slow_feed(market) == word
    added, fed = receipt.events
    assert (added.event_name, added.market, added.parameters) == ("MarketSet", market, GOOD)
    assert (fed.event_name, fed.market, fed.feed) == ("SlowFeedSet", market, word)


def test_add_market__without_a_feed__has_none(engine, owner):
    engine.add_market(GOOD, NOBODY, 100, 7, sender=owner)
    assert engine.slow_feed(len(PARAMETERS)) == 0


def test_add_market__65th__reverts(engine, owner, refused):
    for _ in range(64 - len(PARAMETERS)):
        engine.add_market(GOOD, NOBODY, 0, 0, sender=owner)
    assert engine.parameters(63) == GOOD
    with refused("risk_engine: too many markets"):
        engine.add_market(GOOD, NOBODY, 0, 0, sender=owner)


@pytest.mark.parametrize("word", NO_MARKET.values(), ids=NO_MARKET)
def test_add_market__parameters_that_no_market_has__reverts(engine, owner, refused, word):
    with refused(RANGE):
        engine.add_market(word, NOBODY, 0, 0, sender=owner)


@pytest.mark.parametrize("word", NO_MARKET.values(), ids=NO_MARKET)
def test_set_parameters__that_no_market_has__reverts(engine, owner, refused, word):
    with refused(RANGE):
        engine.set_parameters(FED, word, sender=owner)


def test_set_parameters__highest_of_each__is_kept_and_logged(engine, owner):
    word = Parameters(65_535, 65_535, 65_535, cap=2**40 - 1, bucket=0, flags=7).pack()
    receipt = engine.set_parameters(FED, word, sender=owner)
    assert engine.parameters(FED) == word
    (event,) = receipt.events
    assert (event.event_name, event.market, event.parameters) == ("MarketSet", FED, word)


@pytest.mark.parametrize("market", [len(PARAMETERS), 64, 2**256 - 1])
def test_set_parameters__market_that_is_not_there__reverts(engine, owner, refused, market):
    with refused("risk_engine: unknown market"):
        engine.set_parameters(market, GOOD, sender=owner)


def test_set_parameters__listed_again__takes_prices(engine, owner, desk, begin):
    engine.set_parameters(DELISTED, PARAMETERS[FED].pack(), sender=owner)
    desk.quote(begin, 100, market=DELISTED)
    assert desk.word(DELISTED).time == begin


# Slow feeds

NO_FEED = "risk_engine: feed out of range"


@pytest.mark.parametrize(("heartbeat", "deviation"), [(0, 0), (2**24, 0), (2**256 - 1, 0), (1, 2**16), (1, 2**256 - 1)])
def test_set_slow_feed__times_that_do_not_fit__reverts(engine, owner, refused, slow_feeds, heartbeat, deviation):
    with refused(NO_FEED):
        engine.set_slow_feed(FED, slow_feeds[FED], heartbeat, deviation, sender=owner)


@pytest.mark.parametrize("decimals", [19, 2**255])
def test_set_slow_feed__too_many_decimals__reverts(engine, owner, refused, strange, decimals):
    strange.set_decimals(decimals, sender=owner)
    with refused(NO_FEED if decimals < 256 else None):
        engine.set_slow_feed(FED, strange, HEARTBEAT, 0, sender=owner)


def test_set_slow_feed__no_contract__reverts(engine, owner, refused, attacker):
    with refused(None):
        engine.set_slow_feed(FED, attacker, HEARTBEAT, 0, sender=owner)


@pytest.mark.parametrize("market", [len(PARAMETERS), UNKNOWN, 64, QUOTE - 1])
def test_set_slow_feed__market_that_is_not_there__reverts(engine, owner, refused, slow_feeds, market):
    with refused("risk_engine: unknown market"):
        engine.set_slow_feed(market, slow_feeds[FED], HEARTBEAT, 0, sender=owner)


@pytest.mark.parametrize("market", [FEEDLESS, QUOTE])
def test_set_slow_feed__highest_of_each__is_kept_logged_and_removed(engine, owner, strange, market):
    receipt = engine.set_slow_feed(market, strange, 2**24 - 1, 2**16 - 1, sender=owner)
    word = SlowFeed(int(strange.address, 16), 2**24 - 1, 2**16 - 1, 18).pack()
    assert engine.slow_feed(market) == word
    (event,) = receipt.events
    assert (event.event_name, event.market, event.feed) == ("SlowFeedSet", market, word)
    engine.set_slow_feed(market, NOBODY, 1, 1, sender=owner)
    assert engine.slow_feed(market) == 0


# Risk


def risk(rho=0, kappa=500, iota=10_000, minimum=1):
    return rho | kappa << 196 | iota << 210 | minimum << 226


@pytest.mark.parametrize(
    "word",
    {
        "kappa too low": risk(kappa=499),
        "kappa too high": risk(kappa=10_001),
        "iota too low": risk(iota=9_999),
        "no minimum": risk(minimum=0),
        "a ramp": risk() | 1 << 250,
        "above the word": risk() | 1 << 255,
        "nothing": 0,
        "first correlation": risk(rho=101),
        "a middle one": risk(rho=127 << 7 * 13),
        "last correlation": risk(rho=101 << 7 * 27),
    }.values(),
)
def test_set_risk__out_of_range__reverts(engine, owner, refused, word):
    with refused("risk_engine: risk out of range"):
        engine.set_risk(word, sender=owner)


@pytest.mark.parametrize(
    "word",
    [
        risk(),
        Risk((99,) * len(PAIRS), 10_000, 65_535, 2**24 - 1).pack(),
        risk(rho=100 << 7 * 27, kappa=10_000) - (1 << 7 * 27),
    ],
)
def test_set_risk__lowest_and_highest__is_kept_and_logged(engine, owner, word):
    receipt = engine.set_risk(word, sender=owner)
    assert engine.risk() == word
    (event,) = receipt.events
    assert (event.event_name, event.risk, event.target, event.times) == ("RiskSet", word, 0, 0)


# Buckets 0, 1 and 2: two that both go with a third, but not with each other. And two that are one.
@pytest.mark.parametrize("rho", [90 | 90 << 7 * 7, 90 | 90 << 7, 100 << 7 * 27])
def test_set_risk__correlations_that_cannot_hold_at_once__reverts(engine, owner, refused, rho):
    with refused("risk_engine: impossible correlations"):
        engine.set_risk(risk(rho=rho), sender=owner)


# Signers


@pytest.fixture
def wallets(accounts):
    return [account.address for account in accounts[:17]]


@pytest.mark.parametrize(
    ("places", "threshold"),
    {
        "none": ([], 0),
        "threshold of none": ([], 1),
        "threshold zero": ([0], 0),
        "even threshold": ([0, 1, 2], 2),
        "threshold above all": ([0, 1], 3),
        "one twice": ([0, 1, 0], 1),
        "a zero address": ([0, None, 1], 1),
        "threshold 9": (list(range(9)), 9),
        "huge threshold": ([0], 2**256 - 1),
    }.values(),
)
def test_set_signers__out_of_range__reverts(engine, owner, refused, wallets, places, threshold):
    signers = [NOBODY if place is None else wallets[place] for place in places]
    with refused("risk_engine: signers out of range"):
        engine.set_signers(signers, threshold, sender=owner)


def test_set_signers__16_and_7_of_them__are_kept_and_logged(engine, owner, wallets):
    receipt = engine.set_signers(wallets[:16], 7, sender=owner)
    assert list(engine.signers()) == wallets[:16]
    assert engine.threshold() == 7
    (event,) = receipt.events
    assert (event.event_name, list(event.signers), event.threshold) == ("SignersSet", wallets[:16], 7)


@pytest.mark.parametrize("market", [FED, QUOTE])
def test_set_signers_and_feed__each__leaves_what_is_kept_beside_it(engine, owner, slow_feeds, wallets, market):
    engine.set_signers(wallets[:3], 1, sender=owner)
    feed = engine.slow_feed(market)
    engine.set_slow_feed(market, slow_feeds[FED], 100, 7, sender=owner)
    assert engine.threshold() == 1
    engine.set_signers(wallets[:5], 5, sender=owner)
    assert engine.slow_feed(market) == SlowFeed(int(slow_feeds[FED].address, 16), 100, 7, 8).pack() != feed


def test_set_signers__some_of_the_old_in_new_places__each_counts_once(desk, begin, owner, signers):
    desk.engine.set_signers([signer.address for signer in (signers[3], signers[0], signers[2])], 3, sender=owner)
    entries = [Entry(FED, WAD)]
    reports = [desk.sign(signer, begin, entries) for signer in (signers[0], signers[2], signers[3])]
    desk.at(begin)
    desk.engine.update(reports, sender=owner)
    assert desk.word().time == begin
    later = begin + ROUND
    reports = [desk.sign(signer, later, entries) for signer in (signers[0], signers[2], signers[1])]
    desk.at(later)
    with desk.refused("risk_engine: unknown signer"):
        desk.engine.update(reports, sender=owner)


# The constructor

NAMES = (
    *("round_seconds", "max_report_age", "price_age", "fast_life", "tau", "one_source", "dead"),
    *("basis_rate", "basis_window", "funding_period", "ramp"),
)
NO_ORACLE = [
    ("round_seconds", 0),
    ("round_seconds", ORACLE[1] + 1),
    ("max_report_age", ORACLE[0] - 1),
    ("max_report_age", ORACLE[3] + 1),
    ("max_report_age", 2**256 - 1),
    ("price_age", 0),
    ("price_age", ORACLE[3] + 1),
    ("fast_life", ORACLE[2] - 1),
    ("fast_life", 256),
    ("tau", 0),
    ("tau", 241),
    ("one_source", ORACLE[6] + 1),
    ("dead", ORACLE[5] - 1),
    ("dead", 2**16),
    ("basis_rate", 2**19),
    ("basis_window", 0),
    ("basis_window", 86_401),
    ("funding_period", 0),
    ("funding_period", 31_536_001),
    ("ramp", 2_592_001),
]


def changed(name, number):
    return tuple(number if name == each else old for each, old in zip(NAMES, ORACLE, strict=True))


@pytest.mark.parametrize(("name", "number"), NO_ORACLE)
def test_constructor__constants_out_of_range__reverts(load, owner, name, number):
    with ape.reverts("risk_engine: oracle out of range"):
        owner.deploy(load("RiskEngine"), changed(name, number), NOBODY, 0)


@pytest.mark.parametrize(
    ("name", "number"),
    [("fast_life", 255), ("tau", 1), ("tau", 240), ("dead", 2**16 - 1), ("price_age", ORACLE[3]), ("ramp", 2_592_000)],
)
def test_constructor__constants_at_their_ends__are_kept(load, owner, name, number):
    oracle = changed(name, number)
    assert tuple(owner.deploy(load("RiskEngine"), oracle, NOBODY, 0).oracle()) == oracle


def test_constructor__deployer_owns_it_and_nothing_is_set(load, owner):
    engine = owner.deploy(load("RiskEngine"), ORACLE, NOBODY, 0)
    assert state_of(engine) == (0, [0] * 6, [0] * 6, 0, 0, (0, 0), NOBODY, [], 0, owner.address, NOBODY)
    assert tuple(engine.oracle()) == ORACLE
    assert engine.eip712Domain()[1:5] == ("Plimsoll", "1", owner.provider.chain_id, engine.address)


def test_constructor__quote_feed__is_kept_and_logged(load, owner, slow_feeds):
    feed = slow_feeds[FED]
    engine = owner.deploy(load("RiskEngine"), ORACLE, feed, HEARTBEAT)
    word = SlowFeed(int(feed.address, 16), HEARTBEAT, 0, 8).pack()
    assert engine.slow_feed(QUOTE) == word
    (event,) = engine.SlowFeedSet
    assert (event.market, event.feed) == (QUOTE, word)


@pytest.mark.parametrize("heartbeat", [0, 2**24])
def test_constructor__quote_feed_out_of_range__reverts(load, owner, slow_feeds, heartbeat):
    with ape.reverts(NO_FEED):
        owner.deploy(load("RiskEngine"), ORACLE, slow_feeds[FED], heartbeat)


def test_engine__fits_below_the_limit_of_code(engine, owner):
    assert len(owner.provider.get_code(engine.address)) < 24_576
