"""`keeper init`: a commented configuration."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from keeper.cli.common import DEFAULT_CONFIG, fail, mended, out
from keeper.config import Config, ConfigError, load_config, load_deployment
from keeper.config.schema import ENV_NAME

EXAMPLE = Path(__file__).parents[2] / "docs" / "keeper.example.toml"
"""The one source of what is written; the documentation shows the same file."""
ENTRY = re.compile(r"^(?P<off># ?)?(?P<key>\w+)(?P<gap>\s*=\s*)(?P<rest>.*)$")
TAIL = re.compile(r"(?<=[\"\]\w])\s+# .*$")
KEY = re.compile(r"(0[xX])?[0-9a-fA-F]{64}")

LOCAL = "local"
"""In the name of networks that are somebody's own."""

Answers = dict[tuple[str, str], Any]


def answered(text: str, answers: Answers) -> str:
    """The example with these values in place of its own; None takes a setting out. Comments stay."""
    lines, section, left = [], "", dict(answers)
    for line in text.splitlines():
        entry = ENTRY.match(line)
        if line.startswith("["):
            section = line.strip("[] ")
        elif entry and not section.startswith("#") and (section, entry["key"]) in left:
            value = left.pop((section, entry["key"]))
            tail = TAIL.search(entry["rest"])
            comment = f" {tail[0].strip()}" if tail else ""
            if value is None:
                line = line if entry["off"] else f"# {line}"
            else:
                line = f"{entry['key']} = {toml(value)}{comment}"
        lines.append(line)
    assert not left, f"the example has no {left}"
    return "\n".join(lines) + "\n"


def toml(value: Any) -> str:
    """A value as it stands in the file."""
    if isinstance(value, list):
        return f"[{', '.join(toml(part) for part in value)}]"
    # A TOML string is a JSON string as far as these characters go.
    return json.dumps(value, ensure_ascii=False)


def ask(given: str | None, option: str, question: str, default: str | None = None) -> str:
    """What was given as an option, or else the answer of whoever sits there; without either, the default."""
    if given is not None:
        return given
    if sys.stdin.isatty():
        return str(typer.prompt(question, default=default))
    if default is None:
        fail(f"{option} is required where nobody can be asked", 2)
    return default


def beside(config: Path, path: Path) -> str:
    """A path as the file names it: relative to its directory where that is near."""
    base, target = config.resolve().parent, path.resolve()
    near = os.path.relpath(target, base)
    return near if near.count("..") <= 2 else str(target)


def key_answers(config: Path, key_env: str | None, keystore: Path | None, password_env: str) -> Answers:
    """The [signer] section; ends with a refusal where a key itself was given."""
    if key_env is not None and KEY.fullmatch(key_env):
        fail("--key-env: that looks like a key: give the name of the environment variable that holds it", 2)
    if keystore is not None:
        if key_env is not None:
            fail("--key-env and --keystore: give one of them", 2)
        return {
            ("signer", "key_env"): None,
            ("signer", "keystore"): beside(config, keystore),
            ("signer", "password_env"): password_env,
        }
    name = ask(key_env, "--key-env", "Environment variable with the private key (its name)", "KEEPER_KEY")
    if KEY.fullmatch(name):
        fail("that looks like a key: give the name of the environment variable that holds it", 2)
    if not ENV_NAME.fullmatch(name):
        fail(f"--key-env: {name!r} is no name of an environment variable", 2)
    return {("signer", "key_env"): name}


def put(config: Path, text: str, *, force: bool) -> Config:
    """Write the file once it is known to be right: a wrong one is never left behind."""
    part = config.with_name(f".{config.name}.part")
    try:
        config.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        made = load_config(part)
        if force:
            part.replace(config)
        else:
            # Fails if it is there by now, where a rename would not.
            os.link(part, config)
    except ConfigError as error:
        fail(str(error).replace(str(part), str(config)), 2)
    except FileExistsError:
        fail(f"{config}: exists already; --force replaces it", 1)
    except OSError as error:
        fail(f"{config}: {error.strerror}", 1)
    finally:
        part.unlink(missing_ok=True)
    return made


def init(
    config: Annotated[
        Path, typer.Option("--config", "-c", help="The file to write.", envvar="KEEPER_CONFIG")
    ] = DEFAULT_CONFIG,
    deployment: Annotated[str | None, typer.Option(help="The deployment file, as `ape run deploy` wrote it.")] = None,
    endpoint: Annotated[
        list[str] | None,
        typer.Option(help="ws(s):// or http(s)://; repeat it for more. ${NAME} is taken from the environment."),
    ] = None,
    key_env: Annotated[str | None, typer.Option(help="Name of the environment variable with the key.")] = None,
    keystore: Annotated[Path | None, typer.Option(help="An encrypted keystore instead.")] = None,
    password_env: Annotated[str, typer.Option(help="Name of the variable with its password.")] = "KEEPER_PASSWORD",  # noqa: S107 - the variable's name
    owner: Annotated[str | None, typer.Option(help="Owner of the taker's account, if the key is its operator.")] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Serve metrics and /health there.")] = None,
    notify: Annotated[
        list[str] | None, typer.Option(help="Name of a variable with an address that Apprise sends to; repeatable.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write a commented configuration. What is not given is asked for, or stays at its default. No key is ever written.

    Examples:

        keeper init

        keeper init --deployment deployments/ethereum-mainnet-node.json --endpoint 'wss://one.example/${ONE_KEY}'
        --endpoint http://127.0.0.1:8545 --keystore key.json --metrics-port 9464
    """
    if config.exists() and not force:
        fail(f"{config}: exists already; --force replaces it", 1)
    record = Path(ask(deployment, "--deployment", "Deployment file"))
    endpoints = endpoint or ask(None, "--endpoint", "Endpoints, with spaces between them").split()
    answers: Answers = {("chain", "deployment"): beside(config, record), ("chain", "endpoints"): endpoints}
    answers |= key_answers(config, key_env, keystore, password_env)
    if owner is not None:
        answers["taker", "owner"] = owner
    if metrics_port is not None:
        answers["watch", "metrics_port"] = metrics_port
    if notify:
        answers["watch", "notify"] = notify
    with mended(config):
        if LOCAL in load_deployment(record).network:
            # Its blocks come when there is something in them, and its clock is its own.
            answers |= {("watch", "head_age_seconds"): 0.0, ("watch", "clock_seconds"): 86_400.0}
    made = put(config, answered(EXAMPLE.read_text(encoding="utf-8"), answers), force=force)
    out.print(f"written: {config}", soft_wrap=True)
    for line in following(config, made):
        out.print(line, markup=False, soft_wrap=True)


def following(path: Path, config: Config) -> list[str]:
    """What to do next."""
    given = "" if path == DEFAULT_CONFIG else f" --config {path}"
    name = config.signer.key_env or "KEEPER_KEY"
    key = (
        f"put the keystore's password into the environment: {config.signer.password_env}"
        if config.signer.keystore is not None
        else f"put the key into the environment: {name} (or use an encrypted keystore: --keystore)"
    )
    again = [] if len(config.chain.endpoints) > 1 else ["name a second endpoint of another provider in [chain]"]
    steps = [
        key,
        *again,
        f"keeper doctor{given}             # what is still wrong, and what to do about it",
        f"keeper run --dry-run{given}      # decides and says it, signs nothing",
        f"keeper run{given}",
    ]
    return ["next:", *(f"  {number}. {step}" for number, step in enumerate(steps, 1))]
