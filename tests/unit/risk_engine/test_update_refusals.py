"""`update`: reports that are refused, each leaving every price as it was."""

from __future__ import annotations

import pytest

from keeper.publish.reports import Entry, encode_payload
from tests.unit.risk_engine.conftest import DELISTED, FED, FEEDLESS, MAX_REPORT_AGE, NOBODY, OTHER, ROUND, UNKNOWN
from tests.unit.system import ORACLE, WAD

PRICE = 100 * WAD
LIST = [Entry(FED, PRICE), Entry(OTHER, PRICE)]


@pytest.fixture
def refuses(desk, begin):
    """A round was taken; the next one's reports, made by `make(desk, time)`, are refused with a message."""
    desk.publish(begin, LIST)

    def check(message, make, at=None):
        time = begin + ROUND
        reports = make(desk, time)
        desk.at(time if at is None else at)
        with desk.refused(message):
            desk.engine.update(reports, sender=desk.owner)

    return check


def by_all(desk, time, **domain):
    return [desk.sign(signer, time, LIST, **domain) for signer in desk.signers]


def with_prices(*prices):
    """Three reports of the first market at these prices."""
    return lambda desk, time: desk.reports(time, *([Entry(FED, price)] for price in prices))


def with_payload(payload):
    """Three reports whose payload is these bytes."""
    return lambda desk, time: [desk.sign_payload(signer, time, payload) for signer in desk.signers[:3]]


def with_last(**changes):
    """Two good reports and a third that is otherwise signed: by whom, over what, for where."""

    def make(desk, time):
        signer = changes.pop("signer", 2)
        last = desk.sign(desk.signers[signer], changes.pop("time", time), changes.pop("entries", LIST), **changes)
        return [*by_all(desk, time)[:2], last]

    return make


def forged(desk, time):
    reports = by_all(desk, time)[:3]
    return [*reports[:2], reports[2]._replace(payload=encode_payload([Entry(FED, 2 * PRICE), Entry(OTHER, PRICE)]))]


def raw_price(mantissa, exponent):
    """A payload with a price that no encoder would make."""
    return (mantissa | exponent << 48 | FED << 90).to_bytes(32, "big")


REFUSED = {
    "none": ("risk_engine: too few reports", lambda desk, time: []),
    "two": ("risk_engine: too few reports", lambda desk, time: by_all(desk, time)[:2]),
    "four": ("risk_engine: too many reports", lambda desk, time: by_all(desk, time)),
    "one signer twice": ("risk_engine: signer twice", with_last(signer=1)),
    "changed after signing": ("risk_engine: unknown signer", forged),
    "another chain": ("risk_engine: unknown signer", with_last(chain_id=1)),
    "another contract": ("risk_engine: unknown signer", with_last(engine=NOBODY)),
    "other lists": ("risk_engine: payload length", with_last(entries=LIST[:1])),
    "other markets": ("risk_engine: mixed markets", with_last(entries=[LIST[0], Entry(FEEDLESS, PRICE)])),
    "other order": ("risk_engine: mixed markets", with_last(entries=LIST[::-1])),
    "empty": ("risk_engine: payload length", with_payload(b"")),
    "odd length": ("risk_engine: payload length", with_payload(b"\0" * 33)),
    "market never added": ("risk_engine: unknown market", lambda d, t: d.reports(t, [Entry(UNKNOWN, PRICE)])),
    "market beyond all": ("risk_engine: unknown market", lambda d, t: d.reports(t, [Entry(255, PRICE)])),
    "market not listed": ("risk_engine: unknown market", lambda d, t: d.reports(t, [Entry(DELISTED, PRICE)])),
    "price zero": ("risk_engine: price out of bounds", with_payload(raw_price(0, 0))),
    "price too low": ("risk_engine: price out of bounds", with_payload(raw_price(10**9 - 1, 0))),
    "price too high": ("risk_engine: price out of bounds", with_payload(raw_price((10**27 >> 42) + 1, 42))),
    "highest exponent": ("risk_engine: price out of bounds", with_payload(raw_price(2**48 - 1, 63))),
}


@pytest.mark.parametrize(("message", "make"), REFUSED.values(), ids=REFUSED)
def test_update__reports_that_are_not_in_order__reverts(refuses, message, make):
    refuses(message, make)


@pytest.mark.parametrize("place", range(3))
def test_update__one_price_of_three_out_of_bounds__reverts(refuses, place):
    low = raw_price(1, 0)
    good = encode_payload([Entry(FED, PRICE)])
    refuses(
        "risk_engine: price out of bounds",
        lambda desk, time: [
            desk.sign_payload(signer, time, low if number == place else good)
            for number, signer in enumerate(desk.signers[:3])
        ],
    )


def test_update__signed_by_a_stranger__reverts(refuses, attacker):
    refuses(
        "risk_engine: unknown signer",
        lambda desk, time: [*by_all(desk, time)[:2], desk.sign(attacker, time, LIST)],
    )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda signature: b"",
        lambda signature: signature[:64],
        lambda signature: signature[:64] + b"\x00",
        lambda signature: signature[:64] + b"\x1d",
        lambda signature: b"\0" * 65,
        lambda signature: b"\xff" * 64 + b"\x1b",
    ],
    ids=["none", "short", "v 0", "v 29", "zeros", "off the curve"],
)
def test_update__signature_that_is_none__reverts(refuses, spoil):
    def make(desk, time):
        reports = by_all(desk, time)[:3]
        return [*reports[:2], reports[2]._replace(signature=spoil(reports[2].signature))]

    refuses("risk_engine: unknown signer", make)


def test_update__former_signer__reverts(refuses, desk, guardian):
    desk.engine.set_signers([guardian, *desk.signers[:2], desk.signers[3]], 3, sender=desk.owner)
    refuses("risk_engine: unknown signer", lambda desk, time: by_all(desk, time)[:3])


def test_update__malleable_signature_of_the_same_signer__reverts(refuses):
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

    def make(desk, time):
        first, second, _ = by_all(desk, time)[:3]
        r, s, v = second.signature[:32], int.from_bytes(second.signature[32:64], "big"), second.signature[64]
        twin = r + (order - s).to_bytes(32, "big") + bytes([55 - v])
        return [first, second, second._replace(signature=twin)]

    refuses("risk_engine: signer twice", make)


def test_update__round_relabelled__reverts(refuses):
    def make(desk, time):
        reports = by_all(desk, time)[:3]
        return [report._replace(round=report.round - 1) for report in reports]

    refuses("risk_engine: unknown signer", make)


def test_update__rounds_differ__reverts(refuses):
    def make(desk, time):
        reports = by_all(desk, time)[:3]
        return [*reports[:2], desk.sign(desk.signers[2], time - ROUND, LIST)]

    refuses("risk_engine: mixed rounds", make)


def test_update__round_of_the_next_second__reverts(refuses, begin):
    refuses("risk_engine: report from the future", lambda desk, time: by_all(desk, time)[:3], at=begin + ROUND - 1)


def test_update__round_that_overflows__reverts(refuses):
    def make(desk, time):
        return [report._replace(round=2**255) for report in by_all(desk, time)[:3]]

    refuses("risk_engine: report from the future", make)


def test_update__a_second_past_its_age__reverts(refuses, begin):
    late = begin + ROUND + MAX_REPORT_AGE + 1
    refuses("risk_engine: report too old", lambda desk, time: by_all(desk, time)[:3], at=late)


def test_update__at_its_last_second__moves_the_price(desk, begin):
    desk.publish(begin, [Entry(FED, PRICE)], at=begin + MAX_REPORT_AGE)
    assert desk.word().time == begin


def test_update__before_there_are_signers__reverts(load, owner, desk, begin):
    bare = owner.deploy(load("RiskEngine"), ORACLE, NOBODY, 0)
    reports = desk.reports(begin, LIST)
    desk.at(begin)
    with desk.refused("risk_engine: too few reports"):
        bare.update([], sender=owner)
    with desk.refused("risk_engine: too many reports"):
        bare.update(reports, sender=owner)
