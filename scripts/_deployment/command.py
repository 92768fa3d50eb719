"""What the commands share: options, the account that sends, and how results are printed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import click
from ape import accounts
from ape.api import AccountAPI, ProviderAPI

from scripts._deployment.compiled import contract
from scripts._deployment.record import DEPLOYMENTS, is_local
from scripts._deployment.refusal import Refused
from scripts._deployment.session import Loader

DEFAULT_PARAMETERS = Path("deployments/parameters/local.json")


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that sends transactions."""
    for option in (
        click.option("--yes", is_flag=True, help="Sign without asking at each transaction."),
        click.option("--account", "alias", help="Ape's alias of the sender; on local networks the first test account."),
        click.option(
            "--deployments",
            "folder",
            type=click.Path(path_type=Path, file_okay=False),
            default=DEPLOYMENTS,
            show_default=True,
            help="Where the network's deployment file is, or is written.",
        ),
        click.option(
            "--parameters",
            "parameters_path",
            type=click.Path(path_type=Path, dir_okay=False),
            default=DEFAULT_PARAMETERS,
            show_default=True,
            help="The network's reviewed parameter file.",
        ),
    ):
        command = option(command)
    return command


def sender(alias: str | None, provider: ProviderAPI, yes: bool) -> AccountAPI:
    """The account that sends."""
    if alias is None:
        if not is_local(provider):
            raise Refused(f"--account is needed on chain {provider.chain_id}: one of {', '.join(accounts.aliases)}")
        return accounts.test_accounts[0]
    if alias not in accounts.aliases:
        raise Refused(f"--account {alias}: no such account; there are: {', '.join(accounts.aliases) or 'none'}")
    account = accounts.load(alias)
    if yes:
        account.set_autosign(True)
    return account


def fresh() -> Loader:
    """A loader of what is deployed, from the sources of now: Ape's cache does not see changed imports."""
    return cache(contract)


def say(done: list[str], path: Path) -> None:
    """Print what was done."""
    for line in done:
        click.echo(line)
    click.echo(
        f"{len(done)} changes, recorded in {path}" if done else f"nothing to change: the network is as {path} says"
    )
