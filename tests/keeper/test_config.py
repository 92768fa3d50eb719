from __future__ import annotations

import json
from pathlib import Path

import pytest

from keeper.config import Config, ConfigError, load_config, load_deployment

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
    for section in ("sight", "bid", "fees", "watch", "taker"):
        assert getattr(example, section) == getattr(plain, section), section
    assert example.store.snapshot_blocks == plain.store.snapshot_blocks


def test_load_config__relative_paths__are_the_file_s(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, MINIMAL + '[signer]\nkeystore = "keys/k.json"\n'))
    assert config.chain.deployment == tmp_path / "d.json"
    assert config.store.path == tmp_path / "keeper.sqlite"
    assert config.signer.keystore == tmp_path / "keys" / "k.json"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[bid]\nmodle = 1\n", ":5: bid.modle: unknown key; did you mean 'model'? allowed: allow, cost_slack_bps,"),
        ("[bid]\nmin_profit = -1\n", ":5: bid.min_profit: Input should be greater than or equal to 0 (given: -1)"),
        ("[watch]\nlog_level = 'loud'\n", ":5: watch.log_level: Input should be 'debug', 'info', 'warning' or 'error'"),
        ("[fees]\nmax_fee_gwei = 1\ntip_gwei = 2\n", ":4: fees: tip_gwei (2) must not be above max_fee_gwei (1)"),
        ("[taker]\nowner = '0x12'\n", ":5: taker.owner: must be an address: 0x and 40 hexadecimal digits, not zero"),
        ("[signer]\nkey_env = 'A'\nkeystore = 'b'\n", ":4: signer: give key_env or keystore, not both"),
        ("[signer.opens]\nkey = '0x1'\n", ":5: signer.opens.key: unknown key; did you mean 'key_env'?"),
        ("[mood]\n", ":4: mood: unknown key; allowed: bid, book, chain, fees, sight, signer, store, taker, watch"),
    ],
)
def test_load_config__mistake__names_file_line_key_and_what_is_allowed(tmp_path: Path, text: str, told: str) -> None:
    assert f"{tmp_path / 'keeper.toml'}{told}" in refusal(tmp_path, MINIMAL + text)


def test_load_config__several_mistakes__all_told(tmp_path: Path) -> None:
    told = refusal(tmp_path, '[chain]\nendpoints = ["localhost"]\n[bid]\nlots = 17\n')
    assert "chain.deployment: is required" in told
    assert ":2: chain.endpoints: 'localhost': must start with one of http://, https://, ws://, wss://" in told
    assert ":4: bid.lots: Input should be less than or equal to 16 (given: 17)" in told


def test_load_config__no_toml__says_where(tmp_path: Path) -> None:
    assert "not valid TOML" in refusal(tmp_path, "[chain\n")
    assert "line 1" in refusal(tmp_path, "[chain\n")


def test_load_config__no_file__says_which(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read: No such file"):
        load_config(tmp_path / "nowhere.toml")


def test_load_deployment__contract_missing__named(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    contract = {"address": "0x" + "11" * 20}
    body = {"network": "n", "chain_id": 1, "block": 0, "contracts": {"Auction": contract, "RiskEngine": contract}}
    path.write_text(json.dumps(body))
    with pytest.raises(ConfigError, match=r"d\.json: .*contracts: missing Clearinghouse"):
        load_deployment(path)


def test_load_deployment__not_json__says_line(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text('{\n"a": }')
    with pytest.raises(ConfigError, match=r"d\.json:2: not valid JSON"):
        load_deployment(path)
