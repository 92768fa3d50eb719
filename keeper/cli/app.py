"""The command and its subcommands."""

from __future__ import annotations

import typer

from keeper.cli.auctions import auctions
from keeper.cli.backups import backup, restore
from keeper.cli.doctor import doctor
from keeper.cli.hand import bid, quote_account
from keeper.cli.init import init
from keeper.cli.kill import kill, resume
from keeper.cli.positions import positions
from keeper.cli.run import run
from keeper.cli.scan import scan
from keeper.cli.stored import export, history, opportunities
from keeper.cli.why import why

app = typer.Typer(
    name="keeper",
    help="Keeps accounts above the line: mirrors the protocol, sights breaches, bids, and tells why.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)
COMMANDS = (
    *(init, doctor, run, scan, why, auctions, positions, history, opportunities, export),
    *(backup, restore, kill, resume, bid),
)
for command in COMMANDS:
    app.command()(command)
app.command("quote")(quote_account)
