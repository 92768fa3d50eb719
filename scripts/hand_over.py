"""Give a network's contracts to a timelock: `ape run hand_over --network ecosystem:network:provider`."""

from pathlib import Path

import click
from ape.api import ProviderAPI
from ape.cli import ConnectedProviderCommand

from scripts._deployment import hand_over, record_path
from scripts._deployment.command import fresh, options, say, sender


@click.command(cls=ConnectedProviderCommand)
@click.option("--delay", type=click.IntRange(0, 30 * 86_400), default=172_800, show_default=True, help="Seconds.")
@click.option("--proposer", "proposers", multiple=True, required=True, help="Who may schedule and cancel; several.")
@click.option("--executor", "executors", multiple=True, required=True, help="Who may carry out; the zero address: all.")
@options
def cli(
    provider: ProviderAPI,
    delay: int,
    proposers: tuple[str, ...],
    executors: tuple[str, ...],
    alias: str | None,
    parameters_path: Path,
    folder: Path,
    yes: bool,
) -> None:
    """Name a timelock the owner of all contracts. Run again after its delay, it accepts; then it changes nothing."""
    account = sender(alias, provider, yes)
    path = record_path(provider, folder)
    _, done = hand_over(fresh(), account, delay, proposers, executors, path)
    say(done, path)
