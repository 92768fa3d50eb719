from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keeper.cli.run import services_of
from keeper.config import Config, ConfigError, load_config, load_deployment, located, schema
from keeper.decide import offer
from keeper.decide.models import bid_model
from keeper.execution.signers import signers_of

EXAMPLE = Path(__file__).parents[2] / "docs" / "keeper.example.toml"
MINIMAL = '[chain]\ndeployment = "d.json"\nendpoints = ["ws://127.0.0.1:1"]\n'


def written(directory: Path, text: str) -> Path:
    path = directory / "keeper.toml"
    path.write_text(text)
    return path


def refusal(directory: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(written(directory, text))
    return str(caught.value)


def test_load_config__example__says_the_defaults() -> None:
    example = load_config(EXAMPLE)
    plain = Config.model_validate({"chain": {"deployment": "d", "endpoints": ["ws://127.0.0.1:8545"]}})
    for section in ("sight", "bid", "fees", "taker"):
        assert getattr(example, section) == getattr(plain, section), section
    assert example.watch.kill_file == EXAMPLE.parent / plain.watch.kill_file
    assert example.watch.model_copy(update={"kill_file": plain.watch.kill_file}) == plain.watch
    assert example.store.snapshot_blocks == plain.store.snapshot_blocks


ORDERS = "[match]\norders = ['o.json', 'http://h/o']\n"


def test_load_config__relative_paths__are_the_file_s(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, MINIMAL + '[signer]\nkeystore = "keys/k.json"\n' + ORDERS))
    assert config.chain.deployment == tmp_path / "d.json"
    assert config.store.path == tmp_path / "keeper.sqlite"
    assert config.signer.keystore == tmp_path / "keys" / "k.json"
    assert config.match.orders == [str(tmp_path / "o.json"), "http://h/o"]


KEYSTORE = "[signer]\nkeystore = 'nowhere.json'\n"
MISTAKES = [
    ("[bid]\nmodle = 1\n", ":5: bid.modle: unknown key; did you mean 'model'? allowed: allow, cost_slack_bps,"),
    ("[bid]\nmin_profit = -1\n", ":5: bid.min_profit: Input should be greater than or equal to 0 (given: -1)"),
    ("[watch]\nlog_level = 'loud'\n", ":5: watch.log_level: Input should be 'debug', 'info', 'warning' or 'error'"),
    ("[fees]\nmax_fee_gwei = 1\ntip_gwei = 2\n", ":4: fees: tip_gwei (2) must not be above max_fee_gwei (1)"),
    ("[taker]\nowner = '0x12'\n", ":5: taker.owner: must be an address: 0x and 40 hexadecimal digits, not zero"),
    ("[taker]\nsub = -1\n", ":5: taker.sub: Input should be greater than or equal to 0 (given: -1)"),
    ("[signer]\nkey_env = 'A'\nkeystore = 'b'\n", ":4: signer: give key_env or keystore, not both"),
    ("[signer.opens]\nkey = '0x1'\n", ":5: signer.opens.key: unknown key; did you mean 'key_env'?"),
    ("[mood]\n", ":4: mood: unknown key; allowed: bid, "),
    ("[bid]\nlots = 17\n", ":5: bid.lots: Input should be less than or equal to 16 (given: 17)"),
    ("[bid]\nlots = true\n", ":5: bid.lots: Input should be a valid integer (given: True)"),
    ("[bid]\nlots = '3'\n", ":5: bid.lots: Input should be a valid integer (given: '3')"),
    ("[sight]\nenabled = 'yes'\n", ":5: sight.enabled: Input should be a valid boolean (given: 'yes')"),
    ("[sight]\nresight = 1.5\n", ":5: sight.resight: Input should be less than or equal to 0.9 (given: 1.5)"),
    ("[bid]\nmarkets = []\n", ":5: bid.markets: List should have at least 1 item after validation, not 0"),
    ("[bid]\nmarkets = [64]\n", ":5: bid.markets.0: Input should be less than 64 (given: 64)"),
    ("[bid]\nallow = ['me']\n", ":5: bid.allow: 'me': must be an account's number, decimal or 0x…, or an owner's"),
    ("[bid]\nallow = ['0x5']\ndeny = ['5']\n", ":4: bid: 0x5 is in allow and in deny: nothing would be bid for it"),
    (
        f"[bid]\nallow = ['{7 << 96}']\ndeny = ['0x7']\n",
        f":4: bid: {7 << 96} is in allow and in deny: nothing would be bid for it; take it out of one",
    ),
    (
        "[fees]\nmax_gas = 3_000_000\n",
        ": bid.lots: 16 lots need 5,330,000 of gas, fees.max_gas is 3,000,000: set bid.lots to 8 or less, or",
    ),
    (
        "[bid]\nlots = 10\n[fees]\nmax_gas = 3_000_000\n",
        ":5: bid.lots: 10 lots need 3,500,000 of gas, fees.max_gas is 3,000,000: set bid.lots to 8 or less",
    ),
    (
        "[signer.opens]\nkey_env = 'B'\n[sight]\nenabled = false\n",
        ":4: signer.opens: a key for sightings, and sight.enabled is false: take one of them out",
    ),
    ("[watch]\nmetrics_port = 70000\n", ":5: watch.metrics_port: Input should be less than or equal to 65535"),
    ("[watch]\nnotify = ['json://h/secret']\n", ":5: watch.notify: must name environment variables that hold the"),
    ("[match]\norders = ['ftp://h/o']\n", ":5: match.orders: 'ftp://h/o': must be a file, or start with http:// or"),
    ("[match]\norders = ['http:///o']\n", ":5: match.orders: 'http:///o': must be an address such as wss://host"),
    ("[sweep]\nmax_cost = -1\n", ":5: sweep.max_cost: Input should be greater than or equal to 0 (given: -1)"),
    ("[store]\npath = 5\n", ":5: store.path: Input is not a valid path"),
    ("[fees]\nmax_gas = 1\n", ":5: fees.max_gas: Input should be greater than or equal to 500000 (given: 1)"),
]


@pytest.mark.parametrize(("text", "told"), MISTAKES)
def test_load_config__mistake__names_file_line_key_and_what_is_allowed(tmp_path: Path, text: str, told: str) -> None:
    said = refusal(tmp_path, MINIMAL + text)
    assert f"{tmp_path / 'keeper.toml'}{told}" in said
    assert "\n" not in said
    assert "secret" not in said


ENDPOINTS = [
    ("'localhost'", "'localhost': must start with one of http://, https://, ws://, wss://, ipc://"),
    ("'ws://'", "'ws://': must be an address such as wss://host:8546/path"),
    ("'ws://h:99999'", "'ws://h:99999': port out of range 0-65535"),
    ("'ws://h:x'", "'ws://h:x': port could not be cast to integer value as 'x'"),
    ("'ws://a b'", "'ws://a b': must be an address such as wss://host:8546/path"),
    ("'ws://h', 'ws://h/'", "'ws://h/': is there twice; a second endpoint helps only if it is another"),
    ("'ws://h/${NO_SUCH_VARIABLE}'", "the environment has no NO_SUCH_VARIABLE"),
    ("", "List should have at least 1 item after validation, not 0"),
]


@pytest.mark.parametrize(("given", "told"), ENDPOINTS)
def test_load_config__endpoint_will_not_do__says_which_and_why(tmp_path: Path, given: str, told: str) -> None:
    said = refusal(tmp_path, f'[chain]\ndeployment = "d.json"\nendpoints = [{given}]\n')
    assert said == f"{tmp_path / 'keeper.toml'}:3: chain.endpoints: {told}"


def test_load_config__endpoint_names_a_variable__its_value_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONE_KEY", "abc")
    text = '[chain]\ndeployment = "d.json"\nendpoints = ["wss://h/${ONE_KEY}"]\n'
    assert load_config(written(tmp_path, text)).chain.endpoints == ["wss://h/abc"]


def test_config__limits_of_gas__those_that_bids_are_made_with() -> None:
    assert (schema.LEAST_GAS_BID, schema.LEAST_GAS_LOT) == (offer.GAS_BID, offer.GAS_LOT + offer.GAS_LOT_MARKET)


NOT_THERE = [
    ("[signer]\nkey_env = 'NO_SUCH_VARIABLE'\n", ":5: signer.key_env: the environment has no NO_SUCH_VARIABLE"),
    ("[signer]\nkey_env = 'NO_KEY'\n", ":5: signer.key_env: NO_KEY does not hold a private key of 32 bytes"),
    (KEYSTORE, ":4: signer.password_env: the environment has no KEEPER_PASSWORD"),
    (KEYSTORE + "password_env = 'NO_KEY'\n", ":5: signer.keystore: {here}/nowhere.json: No such file or directory"),
    ("[signer]\nkeystore = 'text'\npassword_env = 'NO_KEY'\n", ":5: signer.keystore: {here}/text: wrong password, or"),
    ("[watch]\nnotify = ['NO_SUCH_VARIABLE']\n", ":5: watch.notify: the environment has no NO_SUCH_VARIABLE"),
    ("[watch]\nnotify = ['NO_KEY']\n", ":5: watch.notify: NO_KEY holds no address that Apprise knows"),
    ("[bid]\nmodel = 'luck'\n", ":5: bid.model: 'luck' is unknown; allowed: hazard, target_lambda, threshold"),
]


@pytest.mark.parametrize(("text", "told"), NOT_THERE)
def test_config__names_what_is_not_there__file_line_and_key_and_never_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    monkeypatch.setenv("NO_KEY", "my-own-password")
    monkeypatch.delenv("KEEPER_PASSWORD", raising=False)
    (tmp_path / "text").write_text("no keystore")
    path = written(tmp_path, MINIMAL + text)
    config = load_config(path)
    with pytest.raises(ConfigError) as caught:
        bid_model(config.bid)
        services_of(config.watch)
        signers_of(config)
    said = located(path, str(caught.value))
    assert said.startswith(f"{path}{told.format(here=tmp_path)}")
    assert "my-own-password" not in said


BROKEN = [
    (b"[chain\n", ":1: not valid TOML: Expected ']' at the end of a table declaration (at line 1, column 7)"),
    (b"[chain]\npoll = \n", ":2: not valid TOML: Invalid value (at line 2, column 8)"),
    (b"[chain]\n[chain]\n", ":2: not valid TOML: Cannot declare ('chain',) twice (at line 2, column 7)"),
    (b"[chain]\n\nx = [1,", ":3: not valid TOML: Invalid value (at end of document)"),
    (b"a = '\xff'", ": not valid TOML: byte 5 is not UTF-8"),
]


@pytest.mark.parametrize(("content", "told"), BROKEN)
def test_load_config__no_toml__says_where(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "keeper.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value) == f"{path}{told}"


def test_load_config__several_mistakes__all_told(tmp_path: Path) -> None:
    told = refusal(tmp_path, '[chain]\nendpoints = ["localhost"]\n[bid]\nlots = 17\n')
    assert "chain.deployment: is required" in told
    assert ":2: chain.endpoints: 'localhost': must start with one of http://, https://, ws://, wss://, ipc://" in told
    assert ":4: bid.lots: Input should be less than or equal to 16 (given: 17)" in told


def test_load_config__no_file__says_which(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read: No such file or directory; `keeper init`"):
        load_config(tmp_path / "nowhere.toml")


def test_load_deployment__contract_missing__named(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    contract = {"address": "0x" + "11" * 20}
    body = {"network": "n", "chain_id": 1, "block": 0, "contracts": {"Auction": contract, "RiskEngine": contract}}
    path.write_text(json.dumps(body))
    with pytest.raises(ConfigError, match=r"d\.json: .*contracts: missing Clearinghouse"):
        load_deployment(path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"chain_id": "one"}, "chain_id: Input should be a valid integer"),
        ({"contracts": {"Auction": {"address": "0x12"}}}, "contracts.Auction.address: Unknown format '0x12'"),
        ({"block": -1}, "block: Input should be greater than or equal to 0"),
        (None, "the file: Input should be a valid dictionary"),
    ],
)
def test_load_deployment__mistake__names_file_and_key(tmp_path: Path, change: dict[str, Any] | None, told: str) -> None:
    path = tmp_path / "d.json"
    body = {"network": "n", "chain_id": 1, "block": 0, "contracts": {}}
    path.write_text(json.dumps([] if change is None else {**body, **change}))
    with pytest.raises(ConfigError) as caught:
        load_deployment(path)
    assert f"{path}: {told}" in str(caught.value)


def test_load_deployment__not_there__named_with_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^chain\.deployment: .*/d\.json cannot be read: No such file"):
        load_deployment(tmp_path / "d.json")


def test_load_deployment__not_json__says_line(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text('{\n"a": }')
    with pytest.raises(ConfigError, match=r"d\.json:2: not valid JSON"):
        load_deployment(path)
