"""Configuring: the network becomes what the file says, nothing more is sent, and what cannot be is refused first."""

from __future__ import annotations

import json

import pytest

from keeper.model.words import Risk, SlowFeed, Terms
from scripts._deployment import Refused, load_parameters


def refusal(site, chain, account=None) -> str:
    """What a refused configuration says; and that it sent nothing and wrote nothing."""
    before, file = chain.blocks.height, site.path.read_text() if site.path.exists() else None
    with pytest.raises(Refused) as refused:
        site.configure(account)
    assert chain.blocks.height == before
    assert (site.path.read_text() if site.path.exists() else None) == file
    return str(refused.value)


def test_configure__deployed_network__is_what_the_file_says(site) -> None:
    parameters = load_parameters(site.file)
    engine, house, exchange = (site.at(name) for name in ("RiskEngine", "Clearinghouse", "Exchange"))
    assert list(engine.signers()) == parameters.signers.addresses
    assert engine.threshold() == 3
    assert engine.risk() == parameters.risk.word()
    assert engine.market_count() == 4
    assert house.settings() == parameters.settings.word()
    assert (exchange.taker_bps(), exchange.maker_bps()) == (3, 0)
    assert house.is_venue(exchange.address)
    entries = site.record.markets
    assert [(entry.id, entry.symbol, entry.token_decimals) for entry in entries] == [
        (0, "eth", 18),
        (1, "btc", 8),
        (2, "sol", None),
        (3, "link", None),
    ]
    for entry, market in zip(entries, parameters.markets, strict=True):
        assert engine.parameters(entry.id) == market.word()
        feed = SlowFeed.unpack(engine.slow_feed(entry.id))
        assert (feed.address, feed.heartbeat, feed.deviation, feed.decimals) == (int(entry.feed, 16), 3_600, 500, 8)
        assert int(house.spot_token(entry.id), 16) == int(entry.token or "0", 16)


def test_configure__again__nothing_changes(site, chain) -> None:
    site.configure()  # the record now names this test's own parameter file
    before, file = chain.blocks.height, site.path.read_text()
    assert site.configure() == []
    assert chain.blocks.height == before
    assert site.path.read_text() == file


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        ({"risk__kappa": "0.5"}, "RiskEngine.set_risk: correlations, kappa, iota, minimum"),
        ({"settings__kink": "0.9"}, "Clearinghouse.set_settings: rate curve, reserve, price band, highest fee"),
        ({"exchange__taker_fee": "0.0005"}, "Exchange.set_fees: taker 5 bps, maker 0 bps"),
        ({"auction__penalty": "0.06"}, "Auction.set_terms: target, penalty, backstop, grace, opener's cap"),
        (
            {"auction__curve__1__discount": "0.4"},
            "Auction.add_curve: a new curve, for runs that start from now on",
        ),
        ({"signers__threshold": 1}, "RiskEngine.set_signers: 1 of 4"),
        ({"markets__1__s": "0.04"}, "RiskEngine.set_parameters: 1 btc"),
        ({"markets__1__s": "0.05"}, "RiskEngine.set_parameters: 1 btc"),
        ({"risk__min_requirement": "30"}, "RiskEngine.set_risk: correlations, kappa, iota, minimum"),
        (
            {"risk__calibrator": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"},
            "RiskEngine.set_calibrator: 0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        ),
        ({"markets__1__cap": 5_000_000}, "RiskEngine.set_parameters: 1 btc"),
        ({"markets__2__heartbeat": 60}, "RiskEngine.set_slow_feed: 2 sol"),
        ({"markets__3__feed": None, "markets__3__heartbeat": 0}, "RiskEngine.set_slow_feed: 3 link"),
    ],
)
def test_configure__one_value_changed__one_transaction(site, chain, edit, line) -> None:
    site.edit_parameters(**edit)
    before = chain.blocks.height
    assert site.configure() == [line]
    assert chain.blocks.height == before + 1
    assert site.configure() == []


def test_configure__signers_in_another_order__nothing_changes(site) -> None:
    addresses = json.loads(site.file.read_text())["signers"]["addresses"]
    site.edit_parameters(signers__addresses=addresses[::-1])
    assert site.configure() == []


def test_configure__market_being_retired__is_left_at_that(site) -> None:
    site.at("RiskEngine").retire(2, sender=site.owner)
    assert site.configure() == []


def test_configure__venue_revoked__allowed_again(site) -> None:
    house, exchange = site.at("Clearinghouse"), site.at("Exchange")
    house.set_venue(exchange.address, False, sender=site.owner)
    assert site.configure() == ["Clearinghouse.set_venue: the Exchange may bring trades"]
    assert house.is_venue(exchange.address)


@pytest.mark.parametrize(
    ("iota", "target", "first"), [("1.3", "1.2", "Auction.set_terms"), ("1.8", "1.7", "RiskEngine.set_risk")]
)
def test_configure__iota_and_target_move_together__in_the_order_that_holds(site, iota, target, first) -> None:
    site.edit_parameters(risk__iota=iota, auction__target=target)
    done = site.configure()
    assert len(done) == 2
    assert done[0].startswith(first)
    engine, auction = site.at("RiskEngine"), site.at("Auction")
    assert Risk.unpack(engine.risk()).iota == int(float(iota) * 10_000)
    assert Terms.unpack(auction.terms()).target == int(float(target) * 10_000)


def test_configure__market_appended__added_alone(site) -> None:
    markets = json.loads(site.file.read_text())["markets"]
    avax = {**markets[2], "symbol": "avax", "s": "0.0577"}
    site.edit_parameters(markets=[*markets, avax])
    done = site.configure()
    assert [line.split(" deployed")[0] for line in done] == ["avax feed", "RiskEngine.add_market: 4 avax"]
    assert site.record.markets[4].symbol == "avax"
    assert site.configure() == []


def test_configure__interrupted_between_markets__goes_on(blank, monkeypatch) -> None:
    from scripts._deployment import configuring

    real = configuring._set_market

    def failing(session, place, market):
        if place == 2:
            raise KeyboardInterrupt
        real(session, place, market)

    blank.deploy()
    monkeypatch.setattr(configuring, "_set_market", failing)
    with pytest.raises(KeyboardInterrupt):
        blank.configure()
    monkeypatch.undo()
    assert blank.at("RiskEngine").market_count() == 2
    assert [line.split(" deployed")[0] for line in blank.configure()] == [
        "sol feed",
        "RiskEngine.add_market: 2 sol",
        "link feed",
        "RiskEngine.add_market: 3 link",
    ]


def test_configure__refused_on_chain__said_with_the_contracts_reason(site) -> None:
    content = json.loads(site.file.read_text())
    taken = {**content["markets"][0], "symbol": "copy", "token": site.record.quote.token, "token_decimals": 6}
    site.edit_parameters(markets=[*content["markets"], taken])
    with pytest.raises(Refused) as refused:
        site.configure()
    assert str(refused.value) == "Clearinghouse.list_spot was refused on chain: clearinghouse: token in use"


def test_configure__no_deployment_file__refused(blank, chain) -> None:
    assert refusal(blank, chain) == f"{blank.path}: there is no such deployment file: run deploy first"


def test_configure__local_chain_that_is_gone__refused(site, chain) -> None:
    site.edit_record(genesis="0x" + "11" * 32)
    assert refusal(site, chain) == (
        f"{site.path}: is of a local chain that is gone: run deploy first, or deploy --configure"
    )


def test_configure__unfinished_deployment__refused(site, chain) -> None:
    contracts = site.record.contracts
    del contracts["Exchange"], contracts["Lens"]
    site.edit_record(contracts=contracts)
    assert refusal(site, chain) == (
        f"{site.path}: the deployment is unfinished, without Exchange, Lens: run deploy again"
    )


def test_configure__by_who_does_not_own_it__refused(site, chain, stranger) -> None:
    engine = site.record.address("RiskEngine")
    assert refusal(site, chain, stranger) == (
        f"RiskEngine at {engine} is owned by {site.owner}, not by {stranger}: only its owner may configure it"
    )


def test_configure__one_contract_given_away__refused(site, chain, stranger) -> None:
    exchange = site.at("Exchange")
    exchange.transfer_ownership(stranger, sender=site.owner)
    exchange.accept_ownership(sender=stranger)
    assert refusal(site, chain) == (
        f"Exchange at {exchange.address} is owned by {stranger}, not by {site.owner}: only its owner may configure it"
    )


def test_configure__oracle_constant_differs__refused(site, chain) -> None:
    site.edit_parameters(oracle__tau=120)
    assert refusal(site, chain) == (
        f"{site.file}: oracle.tau: the file makes it 120, the deployed RiskEngine has 60 for good: "
        "a change needs a new deployment"
    )


def test_configure__file_lacks_a_market_that_is_on_chain__refused(site, chain) -> None:
    site.edit_parameters(markets=json.loads(site.file.read_text())["markets"][:3])
    assert refusal(site, chain) == (
        f"{site.file}: markets[3]: missing: market 3 (link) is on chain, and a market cannot be taken away"
    )


def test_configure__markets_in_another_order__refused(site, chain) -> None:
    markets = json.loads(site.file.read_text())["markets"]
    site.edit_parameters(markets=[markets[1], markets[0], *markets[2:]])
    assert refusal(site, chain) == (
        f"{site.file}: markets[0].symbol: btc, but market 0 on chain is eth: "
        "the order of markets cannot change, new ones go last"
    )


def test_configure__another_token_for_a_listed_market__refused(site, chain) -> None:
    other = site.record.quote.token
    listed = site.record.markets[0].token
    site.edit_parameters(markets__0__token=other)
    assert refusal(site, chain) == (
        f"{site.file}: markets[0].token: {other}, but the token on chain is {listed} for good"
    )


def test_configure__wrong_file__refused_before_the_network_is_asked(site, chain) -> None:
    site.edit_parameters(risk__kappa="2")
    assert refusal(site, chain) == f"{site.file}: risk.kappa: 2 is out of range: allowed are 0.05 to 1"
