"""Deploy the contracts on a network: `ape run deploy --network ecosystem:network:provider`."""

from pathlib import Path

import click
from ape.api import ProviderAPI
from ape.cli import ConnectedProviderCommand

from scripts._deployment import configure, deploy, load_parameters, record_path
from scripts._deployment.command import fresh, options, say, sender


@click.command(cls=ConnectedProviderCommand)
@click.option("--configure", "also", is_flag=True, help="Configure too: for a chain that ends with the command.")
@options
def cli(provider: ProviderAPI, also: bool, alias: str | None, parameters_path: Path, folder: Path, yes: bool) -> None:
    """Deploy what the network lacks. Run again, it goes on where it stopped, or changes nothing and says so."""
    account = sender(alias, provider, yes)
    parameters, path, load = load_parameters(parameters_path), record_path(provider, folder), fresh()
    _, done = deploy(load, account, parameters, parameters_path, path)
    if also:
        done += configure(load, account, parameters, parameters_path, path)[1]
    say(done, path)
