"""End a network's protocol for good, a step a run: `ape run shut_down --network ecosystem:network:provider`."""

from pathlib import Path

import click
from ape.api import ProviderAPI
from ape.cli import ConnectedProviderCommand

from scripts._deployment import record_path, shut_down
from scripts._deployment.command import fresh, options, sender


@click.command(cls=ConnectedProviderCommand)
@options
def cli(provider: ProviderAPI, alias: str | None, parameters_path: Path, folder: Path, yes: bool) -> None:
    """Give up every market, shut down, wind up: one step a run, and each says the next. There is no way back."""
    account = sender(alias, provider, yes)
    _, done = shut_down(fresh(), account, record_path(provider, folder))
    for line in done:
        click.echo(line)
