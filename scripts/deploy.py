"""Deploy the contracts on a network and wire them: `ape run deploy --network ecosystem:network:provider`."""

from pathlib import Path

import ape
import click
from ape.api import ProviderAPI
from ape.cli import ConnectedProviderCommand

from scripts._deployment import configure, deploy, load_parameters, record_path
from scripts._deployment.command import options, say, sender


@click.command(cls=ConnectedProviderCommand)
@click.option("--configure", "also", is_flag=True, help="Configure too: for chains that end with the command.")
@options
def cli(provider: ProviderAPI, also: bool, alias: str | None, parameters_path: Path, yes: bool) -> None:
    """Deploy what the network lacks. Run again, it goes on where it stopped, or changes nothing and says so."""
    account = sender(alias, provider, yes)
    parameters = load_parameters(parameters_path)
    # Ape's cache does not see that an import changed: never deploy what the sources no longer say.
    ape.project.load_contracts(use_cache=False)
    _, done = deploy(ape.project, account, parameters, parameters_path)
    if also:
        done += configure(ape.project, account, parameters, parameters_path)[1]
    say(done, record_path(provider))
