from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from eth_account import Account

from keeper.cli.common import account_name, account_of
from keeper.config import Config, ConfigError
from keeper.config.schema import FeesSection, KeySection
from keeper.execution import fees
from keeper.execution.calls import bid_call, open_call
from keeper.execution.lock import HeldError, KeyLock
from keeper.execution.signers import DrySigner, load_key, signers_of
from keeper.watch.health import Health
from scripts._deployment import kept

GWEI = 10**9
SECRET = "0x" + "07" * 32
CHAIN = {"chain": {"deployment": "d", "endpoints": ["ws://127.0.0.1:1"]}}
SECTION = FeesSection(max_fee_gwei=Decimal(100), tip_gwei=Decimal(2), bump_percent=15)


def test_key_lock__held__second_refused_until_it_is_let_go(tmp_path: Path) -> None:
    with KeyLock(tmp_path, "0xAb"):
        with pytest.raises(HeldError, match=r"keeper-0xab\.lock: held by process \d+ on "):
            KeyLock(tmp_path, "0xaB").__enter__()
        with KeyLock(tmp_path, "0xcd"):
            pass
    with KeyLock(tmp_path, "0xab"):
        pass


def test_load_key__from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", SECRET)
    assert load_key(KeySection(key_env="SOME_KEY"), "signer").address == Account.from_key(SECRET).address


def test_load_key__not_a_key__refused_without_quoting_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPER_KEY", "0xfeedbeef")
    with pytest.raises(ConfigError) as caught:
        load_key(KeySection(), "signer")
    assert str(caught.value) == "signer.key_env: KEEPER_KEY does not hold a private key of 32 bytes"
    assert "feedbeef" not in repr(caught.value.__cause__)


def test_load_key__keystore__opened_with_its_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(Account.encrypt(SECRET, "open", kdf="pbkdf2", iterations=2)))
    section = KeySection(keystore=path, password_env="P")
    monkeypatch.delenv("P", raising=False)
    with pytest.raises(ConfigError, match=r"signer\.password_env: the environment has no P"):
        load_key(section, "signer")
    monkeypatch.setenv("P", "wrong")
    with pytest.raises(ConfigError, match=r"signer\.keystore: .*key\.json: wrong password, or not a keystore"):
        load_key(section, "signer")
    monkeypatch.setenv("P", "open")
    assert load_key(section, "signer").address == Account.from_key(SECRET).address


def test_signers_of__opens_with_a_key_of_its_own__two_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPER_KEY", SECRET)
    monkeypatch.setenv("OTHER", "0x" + "08" * 32)
    one = signers_of(Config.model_validate(CHAIN))
    assert one[0] is one[1]
    two = signers_of(Config.model_validate(CHAIN | {"signer": {"opens": {"key_env": "OTHER"}}}))
    assert two[0].address == one[0].address != two[1].address


def test_signers_of__dry_run__never_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPER_KEY", SECRET)
    for signer in signers_of(Config.model_validate(CHAIN | {"signer": {"dry_run": True}})):
        assert isinstance(signer, DrySigner)
        assert signer.address == Account.from_key(SECRET).address
        assert signer.sign({"nonce": 0}) is None
    monkeypatch.delenv("KEEPER_KEY")
    with pytest.raises(ConfigError, match=r"taker\.owner: a dry run without a key needs the address"):
        signers_of(Config.model_validate(CHAIN | {"signer": {"dry_run": True}}))


@pytest.mark.parametrize(
    ("base_fee", "expected"),
    [
        (10 * GWEI, fees.Fees(22 * GWEI, 2 * GWEI)),
        (60 * GWEI, fees.Fees(100 * GWEI, 2 * GWEI)),
        (99 * GWEI, fees.Fees(100 * GWEI, 1 * GWEI)),
        (100 * GWEI, fees.Fees(100 * GWEI, 0)),
        (100 * GWEI + 1, None),
        (0, fees.Fees(2 * GWEI, 2 * GWEI)),
    ],
)
def test_first__base_fee__within_the_cap(base_fee: int, expected: fees.Fees | None) -> None:
    assert fees.first(SECTION, base_fee) == expected


@pytest.mark.parametrize(
    ("old", "base_fee", "expected"),
    [
        (fees.Fees(20 * GWEI, 2 * GWEI), 9 * GWEI, fees.Fees(23 * GWEI, 2_300_000_000)),
        (fees.Fees(20 * GWEI, 2 * GWEI), 30 * GWEI, fees.Fees(62_300_000_000, 2_300_000_000)),
        (fees.Fees(86 * GWEI, 2 * GWEI), 60 * GWEI, fees.Fees(100 * GWEI, 2_300_000_000)),
        (fees.Fees(87 * GWEI, 2 * GWEI), 60 * GWEI, None),
        (fees.Fees(20 * GWEI, 0), 9 * GWEI, fees.Fees(23 * GWEI, 2 * GWEI)),
    ],
)
def test_raised__old_fees__up_by_what_nodes_ask_or_not_at_all(
    old: fees.Fees, base_fee: int, expected: fees.Fees | None
) -> None:
    assert fees.raised(SECTION, old, base_fee) == expected


def test_calls__as_the_abi_has_them() -> None:
    from web3 import Web3

    auction = Web3().eth.contract(abi=kept.made("Auction").abi)
    lots = [(1 << 96, 10**18, -5, 6, 7, 8, 9), (2 << 96, 1, 2**200, 0, 0, 2**64 - 1, 2**256 - 1)]
    assert "0x" + open_call([1 << 96, 2 << 96]).hex() == auction.encode_abi("open", [[1 << 96, 2 << 96]])
    assert "0x" + bid_call(3 << 96, lots).hex() == auction.encode_abi("bid", [3 << 96, lots])


@pytest.mark.parametrize(
    "text", ["0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "0x70997970c51812dc3a010c7d01b50e0d17dc79c8:0"]
)
def test_account_of__names_of_one_account__the_same(text: str) -> None:
    account = 0x70997970C51812DC3A010C7D01B50E0D17DC79C8 << 96
    assert account_of(text) == account_of(str(account)) == account_of(hex(account)) == account
    assert account_of(account_name(account | 77)) == account | 77


def test_health__head_too_long_ago__not_well() -> None:
    now = [100.0]
    health = Health(quiet_after=10, clock=lambda: now[0])
    assert [problem.detail for problem in health.problems] == ["no head yet"]
    health.handled(7)
    report = health.report()
    assert (report["ok"], report["problems"], report["head"], report["failing"]) == (True, [], 7, {})
    now[0] = 111.0
    assert [problem.detail for problem in health.problems] == ["no head handled for 11 s"]
    health.failed("no endpoint")
    assert [problem.detail for problem in health.problems] == ["no endpoint", "no head handled for 11 s"]
    health.handled(8)
    assert health.problems == []
