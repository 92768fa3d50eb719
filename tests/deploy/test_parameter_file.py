"""The reviewed parameter file: every mistake is named by file, key path, what is wrong and what is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keeper.model.words import Curve, Risk, Settings, Terms
from keeper.model.words import Parameters as MarketWord
from scripts._deployment import Refused, load_parameters

FILE = Path("deployments/parameters/local.json")
DELETE = object()


def edited(folder: Path, *edits: tuple[str, Any]) -> Path:
    content = json.loads(FILE.read_text())
    for path, value in edits:
        *sections, key = (int(part) if part.isdigit() else part for part in path.split("."))
        part = content
        for section in sections:
            part = part[section]
        if value is DELETE:
            del part[key]
        else:
            part[key] = value
    file = folder / "local.json"
    file.write_text(json.dumps(content))
    return file


def test_load_parameters__reviewed_file__exact_words() -> None:
    parameters = load_parameters(FILE)
    risk = Risk.unpack(parameters.risk.word())
    assert (risk.kappa, risk.iota, risk.min_requirement) == (2_500, 15_000, 2_000)
    assert [risk.rho_at(0, j) for j in range(8)] == [100, 84, 83, 76, 57, 69, 80, 76]
    assert risk.rho_at(6, 7) == 78
    assert Settings.unpack(parameters.settings.word()) == Settings(8_000, 60_000_000, 10**9, 1_000, 500, 10)
    assert Terms.unpack(parameters.auction.terms_word()) == Terms(14_000, 500, 300, 300, 50 * 10**18)
    assert Curve.unpack(parameters.auction.curve_word()) == Curve(((0, 0), (60, 3_500), (300, 7_000)))
    words = [MarketWord.unpack(market.word()) for market in parameters.markets]
    assert [(word.s, word.u, word.g, word.bucket, word.flags) for word in words] == [
        (4_600, 470, 1_400, 1, 7),
        (3_250, 400, 1_350, 0, 7),
        (5_860, 3_200, 1_750, 2, 3),
        (5_210, 2_810, 1_750, 7, 3),
    ]
    assert {(word.s_target, word.u_target, word.g_target, word.cap, word.ramp_end) for word in words} == {(0,) * 5}


@pytest.mark.parametrize("place", range(4))
def test_load_parameters__g_of_the_reviewed_file__leaves_room_for_a_cap_of_a_hundredth_of_the_depth(
    tmp_path: Path, place: int
) -> None:
    reviewed = load_parameters(FILE).markets[place]
    assert reviewed.depth
    cap = reviewed.depth // 100
    market = load_parameters(edited(tmp_path, (f"markets.{place}.cap", cap))).markets[place]
    assert MarketWord.unpack(market.word()).cap == cap
    with pytest.raises(Refused):
        load_parameters(edited(tmp_path, (f"markets.{place}.cap", cap + reviewed.depth // 10**5)))


def test_load_parameters__depth_that_nobody_knows__is_held_against_no_cap(tmp_path: Path) -> None:
    file = edited(tmp_path, ("markets.0.cap", 10**9), ("markets.0.depth", None))
    assert load_parameters(file).markets[0].cap == 10**9


def impossible_correlations() -> list[list[str]]:
    """0 and 1 move together, 1 and 2 too, but 0 and 2 do not."""
    rho = [["1" if i == j else "0" for j in range(8)] for i in range(8)]
    for i, j in ((0, 1), (1, 2)):
        rho[i][j] = rho[j][i] = "0.9"
    return rho


def too_many_markets() -> list[dict[str, Any]]:
    """Each as the first but for its symbol."""
    first = json.loads(FILE.read_text())["markets"][0]
    return [{**first, "symbol": f"m{number}"} for number in range(65)]


def markets_with_tokens(number: int) -> list[dict[str, Any]]:
    """So many with a token, and a 17th and more without."""
    return [
        {**market, **({} if place < number else {"token": None, "token_decimals": None})}
        for place, market in enumerate(too_many_markets()[:20])
    ]


def test_load_parameters__as_many_tokens_as_a_shutdown_bears__taken(tmp_path: Path) -> None:
    markets = load_parameters(edited(tmp_path, ("markets", markets_with_tokens(16)))).markets
    assert sum(market.token is not None for market in markets) == 16


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (
            [("risk.kapa", "0.25")],
            "risk.kapa: unknown key; allowed here: calibrator, iota, kappa, min_requirement, rho; did you mean kappa?",
        ),
        (
            [("markets.1.leverage", 5)],
            "markets[1].leverage: unknown key; allowed here: basis, bucket, cap, depth, deviation, feed, "
            "feed_decimals, g, heartbeat, perp, s, symbol, token, token_decimals, u",
        ),
        ([("risk.kappa", DELETE)], "risk.kappa: missing"),
        (
            [("risk.rho.0.1", "1.01")],
            "risk.rho[0][1]: a correlation of 101% is impossible here: allowed are 0% to 100%",
        ),
        (
            [("risk.rho.0.1", "-0.5")],
            "risk.rho[0][1]: a correlation of -50% is impossible here: allowed are 0% to 100%",
        ),
        ([("risk.rho.0.1", "0.845")], "risk.rho[0][1]: 0.845 is finer than the contract's steps of 0.01"),
        (
            [("risk.rho.0.1", "0.5")],
            "risk.rho: asymmetric: [1][0] is 84% and [0][1] is 50%: both must be the same",
        ),
        ([("risk.rho.2.2", "0.99")], "risk.rho: [2][2] is 99%: a bucket's correlation with itself is 100%"),
        ([("risk.rho", [["1"]])], "risk.rho: 1 rows of 1 entries: 8 rows of 8 are right"),
        (
            [("risk.rho", impossible_correlations())],
            "risk.rho: not positive semidefinite: lowest eigenvalue -0.2728, most of it in buckets 0, 1, 2; "
            "such correlations cannot all hold at once, and a portfolio would have a negative variance",
        ),
        ([("risk.kappa", "0.04")], "risk.kappa: 0.04 is out of range: allowed are 0.05 to 1"),
        ([("risk.kappa", 0.25)], 'risk.kappa: 0.25 must be a decimal in quotes, such as "0.5"'),
        ([("risk.kappa", "quarter")], 'risk.kappa: "quarter" is no decimal number'),
        ([("risk.kappa", "NaN")], 'risk.kappa: "NaN" is no decimal number'),
        ([("markets.0.s", "0.65536")], "markets[0].s: 0.65536 is out of range: allowed are 0.00001 to 0.65535"),
        ([("markets.0.s", "0")], "markets[0].s: 0 is out of range: allowed are 0.00001 to 0.65535"),
        ([("markets.2.u", "0.7")], "markets[2].u: 0.7 is out of range: allowed are 0 to 0.65535"),
        ([("markets.3.cap", -1)], "markets[3].cap: -1: input should be greater than or equal to 0"),
        ([("markets.3.cap", "5")], "markets[3].cap: '5': input should be a valid integer"),
        ([("markets.3.g", "1")], "markets[3].g: 1 is out of range: allowed are 0 to 0.65535"),
        ([("markets.3.g", "0.000001")], "markets[3].g: 0.000001 is finer than the contract's steps of 0.00001"),
        ([("markets.0.depth", DELETE)], "markets[0].depth: missing"),
        ([("markets.0.depth", 0)], "markets[0].depth: 0: input should be greater than or equal to 1"),
        (
            [("markets.1.basis", "0.01351")],
            "markets[1]: g 0.0135 is below 0.01351: basis 0.01351 and 0 for a cap of 0 over a depth of 2000000000",
        ),
        (
            [("markets.0.cap", 10_000_001)],
            "markets[0]: g 0.014 is below 0.01401: basis 0.004 and 0.01001 for a cap of 10000001 "
            "over a depth of 1000000000",
        ),
        (
            [("auction.target", "1.6")],
            "auction.target 1.6 is above risk.iota 1.5: the target must be at most iota",
        ),
        ([("auction.penalty", "0.4")], "auction: penalty 0.4 is not below target - 1 = 0.4"),
        (
            [("auction.curve.2.discount", "0.3")],
            "auction.curve: discount 0.3 comes after 0.35: the curve must not fall",
        ),
        (
            [("auction.curve.2.seconds", 60)],
            "auction.curve: 60 s comes after 60 s: times must rise strictly",
        ),
        (
            [("settings.rate_at_full", "0.05")],
            "settings: rate_at_full 0.05 is below rate_at_kink 0.06: rates must not fall with utilisation",
        ),
        (
            [("exchange.taker_fee", "0.002")],
            "exchange: a fee of 0.002 is above settings.highest_fee 0.001",
        ),
        ([("oracle.fast_life", 14)], "oracle: price_age 15 is above fast_life 14"),
        (
            [("oracle.ramp_seconds", 2_592_001)],
            "oracle.ramp_seconds: 2592001: input should be less than or equal to 2592000",
        ),
        ([("risk.calibrator", "local")], 'risk.calibrator: a calibrator must be an address or null, not "local"'),
        ([("risk.calibrator", DELETE)], "risk.calibrator: missing"),
        (
            [("risk.min_requirement", "167772.16")],
            "risk.min_requirement: 167772.16 is out of range: allowed are 0.01 to 167772.15",
        ),
        ([("signers.threshold", 9)], "signers.threshold: 9: input should be less than or equal to 7"),
        ([("oracle.tau", 241)], "oracle.tau: 241: input should be less than or equal to 240"),
        ([("oracle.tau", "60")], "oracle.tau: '60': input should be a valid integer"),
        (
            [("signers.threshold", 2)],
            "signers: threshold 2 is even: only an odd number of reports has a median report",
        ),
        ([("signers.threshold", 5)], "signers: threshold 5 is above the number of signers, 4"),
        ([("markets.1.symbol", "eth")], "markets: eth is there 2 times: once is right"),
        (
            [("markets.0.feed", "0xabc")],
            'markets[0].feed: 0xabc is neither "local" nor an address in checksum case',
        ),
        (
            [("markets.0.token", None)],
            "markets[0]: token and token_decimals go together: both null, or neither",
        ),
        (
            [("markets.2.perp", False)],
            "markets[2]: neither a perp nor a token: nothing could be held in this market",
        ),
        ([("markets.0.heartbeat", 0)], "markets[0]: heartbeat is 0: a feed needs one of at least 1 second"),
        ([("markets", too_many_markets())], "markets: 65 entries: at most 64 allowed"),
        (
            [("markets", markets_with_tokens(17))],
            "markets: 17 of them have a token: at most 16 may, or the protocol could never be shut down",
        ),
        ([("markets", [])], "markets: 0 entries: at least 1 allowed"),
        ([("markets", DELETE)], "markets: missing"),
        ([("markets", {"eth": {}})], "markets: an object of 1 keys: input should be a valid list"),
        (
            [("markets.0", "e" * 500)],
            f"markets[0]: '{'e' * 58}…: input should be an object with the keys of this section",
        ),
    ],
)
def test_load_parameters__mistake__named_with_what_is_right(tmp_path: Path, edits: list[Any], message: str) -> None:
    file = edited(tmp_path, *edits)
    with pytest.raises(Refused) as refusal:
        load_parameters(file)
    assert str(refusal.value) == f"{file}: {message}"


def test_load_parameters__several_mistakes__a_line_each(tmp_path: Path) -> None:
    file = edited(tmp_path, ("risk.kappa", "2"), ("vault.symbol", "TOOLONG"))
    with pytest.raises(Refused) as refusal:
        load_parameters(file)
    assert str(refusal.value).splitlines() == [
        f"{file}: risk.kappa: 2 is out of range: allowed are 0.05 to 1",
        f"{file}: vault.symbol: 'TOOLONG': string should have at most 5 characters",
    ]


def test_load_parameters__no_json__line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "local.json"
    file.write_text('{\n  "risk": }')
    with pytest.raises(Refused) as refusal:
        load_parameters(file)
    assert str(refusal.value) == f"{file}:2:11: not JSON: Expecting value"


def test_load_parameters__key_twice__refused(tmp_path: Path) -> None:
    file = tmp_path / "local.json"
    file.write_text('{"risk": {"kappa": "0.25", "kappa": "0.5"}}')
    with pytest.raises(Refused) as refusal:
        load_parameters(file)
    assert str(refusal.value) == f"{file}: kappa: the key is there twice"


def test_load_parameters__no_file__refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        load_parameters(tmp_path / "mainnet.json")
    assert str(refusal.value) == f"{tmp_path / 'mainnet.json'}: there is no such parameter file"
