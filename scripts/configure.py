"""Set a deployed network's parameters: `ape run configure --network ecosystem:network:provider`."""

from pathlib import Path

import click
from ape.api import ProviderAPI
from ape.cli import ConnectedProviderCommand

from scripts._deployment import configure, load_parameters, record_path
from scripts._deployment.command import fresh, options, say, sender


@click.command(cls=ConnectedProviderCommand)
@options
def cli(provider: ProviderAPI, alias: str | None, parameters_path: Path, folder: Path, yes: bool) -> None:
    """Bring the network to what its parameter file says. Run again, it changes nothing and says so."""
    account = sender(alias, provider, yes)
    path = record_path(provider, folder)
    _, done = configure(fresh(), account, load_parameters(parameters_path), parameters_path, path)
    say(done, path)
