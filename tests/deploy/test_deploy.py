"""Deploying: what it does, that it goes on where it stopped, and what it refuses before it sends anything."""

from __future__ import annotations

import pytest

from scripts._deployment import Refused, configure, deploy, load_parameters
from scripts._deployment.deploying import GROUP
from scripts._deployment.record import CONTRACTS, Record, is_local
from tests.deploy.conftest import load


def refusal(act, *arguments) -> str:
    """What a refused act says."""
    with pytest.raises(Refused) as refused:
        act(*arguments)
    return str(refused.value)


def test_deploy__blank_network__contracts_wired_and_recorded(blank, chain, owner) -> None:
    before = chain.blocks.height
    done = blank.deploy()

    record = blank.record
    assert list(record.contracts) == list(CONTRACTS)
    assert (record.network, record.chain_id, record.block) == ("ethereum:local:test", chain.chain_id, before + 1)
    assert record.markets == []
    house, auction, vault = (record.address(name) for name in ("Clearinghouse", "Auction", "InsuranceVault"))
    assert blank.at("Clearinghouse").auction() == auction
    assert blank.at("Clearinghouse").vault() == vault
    assert blank.at("Lens").vault() == vault
    assert blank.at("InsuranceVault").clearinghouse() == house
    assert blank.at("RiskEngine").owner() == owner
    assert [line.split()[0] for line in done] == [
        "quote",
        "RiskEngine",
        "RiskEngine.set_risk:",
        "Clearinghouse",
        "Auction",
        "InsuranceVault",
        "Batch",
        "Exchange",
        "Lens",
    ]


def test_deploy__again__nothing_changes(site, chain) -> None:
    before, file = chain.blocks.height, site.path.read_text()
    assert site.deploy() == []
    assert chain.blocks.height == before
    assert site.path.read_text() == file


def stop_at(blank, name) -> Record:
    """Deploy, interrupted before `name` is deployed; returns what the file says then."""

    def failing(wanted):
        if wanted == name:
            raise KeyboardInterrupt
        return load(wanted)

    with pytest.raises(KeyboardInterrupt):
        deploy(failing, blank.owner, load_parameters(blank.file), blank.file, blank.path)
    assert name not in blank.record.contracts
    return blank.record


@pytest.mark.parametrize("stopped_at", ["Clearinghouse", "Exchange", "Lens"])
def test_deploy__interrupted__goes_on_with_what_is_there(blank, stopped_at) -> None:
    half = stop_at(blank, stopped_at)
    done = blank.deploy()
    assert done[0].startswith(f"{stopped_at} deployed to ")
    assert {name: blank.record.address(name) for name in half.contracts} == {
        name: half.address(name) for name in half.contracts
    }
    assert blank.deploy() == []


@pytest.mark.parametrize("stopped_at", ["Auction", "Batch"])
def test_deploy__interrupted_in_a_group__deploys_the_group_anew(blank, stopped_at) -> None:
    half = stop_at(blank, stopped_at)
    done = blank.deploy()
    there = [name for name in GROUP if name in half.contracts]
    assert done[0] == f"{', '.join(there)}: without the others of their group, deployed anew"
    assert blank.record.address("RiskEngine") == half.address("RiskEngine")
    assert blank.record.address("Clearinghouse") != half.address("Clearinghouse")
    assert blank.at("Clearinghouse").vault() == blank.record.address("InsuranceVault")
    assert blank.deploy() == []


def test_deploy__other_transaction_in_between__refused_and_deployed_anew(blank, owner, stranger) -> None:
    def busy(name):
        if name == "Auction":
            owner.transfer(stranger, 1)
        return load(name)

    said = refusal(deploy, busy, blank.owner, load_parameters(blank.file), blank.file, blank.path)
    assert "another transaction of" in said and said.startswith("Auction: deployed to ")
    blank.deploy()
    assert blank.at("Clearinghouse").auction() == blank.record.address("Auction")


def test_deploy__file_of_local_chain_that_is_gone__starts_anew(site) -> None:
    old = site.record
    site.edit_record(genesis="0x" + "11" * 32)
    done = site.deploy()
    assert done[0] == f"{site.path} was of a local chain that is gone: started anew"
    assert set(site.record.contracts) == set(CONTRACTS)
    assert site.record.address("Lens") != old.address("Lens")


def test_deploy__local_file_and_none_of_its_contracts_is_there__starts_anew(site) -> None:
    nowhere = "0x000000000000000000000000000000000000dEaD"
    contracts = site.record.contracts
    site.edit_record(contracts={name: c.model_copy(update={"address": nowhere}) for name, c in contracts.items()})
    done = site.deploy()
    assert done[0] == f"{site.path} was of a local chain that is gone: started anew"
    assert nowhere not in {contract.address for contract in site.record.contracts.values()}


def test_deploy__file_of_other_chain_with_same_id__refused(site, monkeypatch, chain) -> None:
    monkeypatch.setattr("scripts._deployment.record.is_local", lambda provider: False)
    monkeypatch.setattr("scripts._deployment.deploying.check_local_parts", lambda *arguments: None)
    right = site.record.genesis
    wrong = "0x" + "11" * 32
    site.edit_record(genesis=wrong)
    before = chain.blocks.height
    assert refusal(site.deploy) == (
        f"{site.path}: genesis is {wrong}, the connected chain's is {right}: "
        "the file is of another chain with the same id"
    )
    assert chain.blocks.height == before


def test_deploy__file_of_other_chain_id__refused(site, chain) -> None:
    site.edit_record(chain_id=10)
    before = chain.blocks.height
    assert refusal(site.deploy) == f"{site.path}: chain_id is 10, the connected network's is {chain.chain_id}"
    assert chain.blocks.height == before


def test_deploy__address_without_code__refused(site, chain) -> None:
    contracts = site.record.contracts
    nowhere = "0x000000000000000000000000000000000000dEaD"
    contracts["Exchange"] = contracts["Exchange"].model_copy(update={"address": nowhere})
    site.edit_record(contracts=contracts)
    before = chain.blocks.height
    assert refusal(site.deploy) == f"{site.path}: Exchange at {nowhere} has no code on this chain"
    assert chain.blocks.height == before


def test_deploy__other_code_at_address__refused(site, chain) -> None:
    contracts = site.record.contracts
    found, said, address = contracts["Lens"].code_hash, contracts["Auction"].code_hash, contracts["Lens"].address
    contracts["Lens"] = contracts["Lens"].model_copy(update={"code_hash": said})
    site.edit_record(contracts=contracts)
    before = chain.blocks.height
    assert refusal(site.deploy) == (
        f"{site.path}: Lens at {address} has code {found}, the file says {said}: another contract is there"
    )
    assert chain.blocks.height == before


def test_deploy__wired_to_another_contract__refused(site, chain) -> None:
    """A second Auction on the same Clearinghouse has the same code, and is still not the one that is wired."""
    record = site.record
    parameters = load_parameters(site.file)
    second = site.owner.deploy(load("Auction"), record.address("Clearinghouse"), *parameters.auction.words())
    entry = record.contracts["Auction"].model_copy(update={"address": second.address})
    contracts = {**record.contracts, "Auction": entry}
    site.edit_record(contracts=contracts)
    before = chain.blocks.height
    assert refusal(site.deploy) == (
        f"{site.path}: Clearinghouse at {record.address('Clearinghouse')} is wired to a different contract: "
        f"its auction is {record.address('Auction')}, the file says {second.address}"
    )
    assert chain.blocks.height == before


def test_deploy__wired_to_contract_the_file_lacks__refused(site, chain) -> None:
    record = site.record
    auction = record.contracts.pop("Auction")
    record.save(site.path)
    before = chain.blocks.height
    assert refusal(site.deploy) == (
        f"{site.path}: Clearinghouse at {record.address('Clearinghouse')} is wired to a different contract: "
        f"its auction is {auction.address}, the file says nothing"
    )
    assert chain.blocks.height == before


def test_deploy__test_tokens_on_a_network_that_is_not_local__refused(blank, monkeypatch, chain) -> None:
    monkeypatch.setattr("scripts._deployment.deploying.is_local", lambda provider: False)
    before = chain.blocks.height
    assert refusal(blank.deploy) == (
        f"{blank.file}: quote.token, markets[0].token, markets[0].feed, markets[1].token, markets[1].feed, "
        f'markets[2].feed, markets[3].feed: "local" is for local networks only; chain {chain.chain_id} needs addresses'
    )
    assert chain.blocks.height == before
    assert not blank.path.exists()


def test_deploy__file_that_is_none__refused(blank) -> None:
    blank.path.write_text('{"network": "ethereum:local:test"}')
    assert refusal(blank.deploy) == (
        f"{blank.path}: chain_id: Field required; a deployment file is written by deploy alone"
    )


def test_deploy__by_somebody_else__owned_by_them(site, stranger, chain) -> None:
    """What somebody else deployed on top of the owner's RiskEngine is not the owner's to configure."""
    record = site.record
    contracts = {name: record.contracts[name] for name in ("RiskEngine",)}
    site.edit_record(contracts=contracts, markets=[])
    site.deploy(stranger)
    assert site.at("Clearinghouse").owner() == stranger
    assert refusal(configure, load, site.owner, load_parameters(site.file), site.file, site.path) == (
        f"Clearinghouse at {site.record.address('Clearinghouse')} is owned by {stranger}, not by {site.owner}: "
        "only its owner may configure it"
    )


def test_is_local__test_chain__true(chain) -> None:
    assert is_local(chain.provider)
