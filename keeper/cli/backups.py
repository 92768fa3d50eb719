"""`keeper backup` and `keeper restore`: copies of the store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from keeper.cli.common import DEFAULT_CONFIG, ConfigOption, JsonOption, emit, errors, fail, mended, out, progress
from keeper.config import load_config
from keeper.store.backup import Contents, Loss, back_up, contents_of, loss, nobody_running, put_back

ForceOption = typer.Option("--force", help="Even so.")


def summary(contents: Contents) -> dict[str, Any]:
    """What a copy holds."""
    newest = contents.newest
    return {
        "file": str(contents.path),
        "bytes": contents.bytes,
        "schema": contents.version,
        "decisions": len(contents.decisions),
        "transactions": len(contents.transactions),
        "pending": len(contents.pending),
        "newest": None if newest is None else datetime.fromtimestamp(newest, UTC).isoformat(),
    }


def _words(told: dict[str, Any]) -> str:
    newest = f", the newest of {told['newest']}" if told["newest"] else ""
    return (
        f"{told['decisions']} decisions and {told['transactions']} transactions{newest}; {told['pending']} pending; "
        f"schema {told['schema']}, {told['bytes']:,} bytes"
    )


def backup(
    file: Annotated[Path, typer.Argument(help="Where to.")],
    config: ConfigOption = DEFAULT_CONFIG,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy the store, journal and snapshots, to one file, and check the copy. A keeper may go on working meanwhile.

    Examples:

        keeper backup keeper-$(date +%F).sqlite

        keeper backup /backups/keeper.sqlite --force --json
    """
    with mended(config), progress() as shown:
        task = shown.add_task("copying", total=None)
        made = back_up(
            load_config(config).store.path,
            file,
            force=force,
            progress=lambda _, left, total: shown.update(task, total=total, completed=total - left),
        )
    told = summary(made)
    if as_json:
        emit(told)
    else:
        out.print(f"{file}: {_words(told)}", soft_wrap=True)


def restore(
    file: Annotated[Path, typer.Argument(help="A copy that `keeper backup` made.")],
    config: ConfigOption = DEFAULT_CONFIG,
    force: Annotated[bool, typer.Option("--force", help="Even if the journal forgets what was sent since.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a copy of the store back, once checked. Refused while a keeper runs; the former store is kept beside it.

    What was signed after the copy was made may still be mined, and a restored journal does not know of it: if there is
    such a thing in the store that would be replaced, only --force restores. Nonces are then taken from the chain.

    Examples:

        keeper restore keeper-2026-01-31.sqlite
    """
    with mended(config):
        store = load_config(config).store.path
        if file.resolve() == store.resolve():
            fail(f"{file}: is the store itself", 1)
        with nobody_running(store.parent):
            copy = contents_of(file)
            lost = loss(store, copy)
            if lost and not force:
                fail(refusal(lost), 1)
            if lost:
                errors.print(f"warning: {warning(lost)}", style="yellow", soft_wrap=True)
            aside = put_back(store, copy)
    told = {**summary(copy), "store": str(store), "former": None if aside is None else str(aside)}
    if as_json:
        emit(told)
        return
    kept = "" if aside is None else f"; the former store is kept as {aside}"
    out.print(f"{store}: {_words(told)}{kept}", soft_wrap=True)
    out.print("before `keeper run`: `keeper doctor`, which says whether transactions of the key are still pending")


def warning(lost: Loss) -> str:
    """What is forgotten, and why that is dangerous."""
    what = (
        f"the store cannot be read ({lost.unreadable}), so whatever was sent since the copy was made"
        if lost.unreadable
        else f"{lost.decisions} decisions ({lost.pending} still pending) and {lost.transactions} transactions"
    )
    return (
        f"{what} will not be in the journal: what of it is still to be mined may be done a second time, at the cost of "
        "double spends; wait until the key has no pending transactions before you run a keeper"
    )


def refusal(lost: Loss) -> str:
    """The same as a refusal."""
    return f"not restored: {warning(lost)}. --force restores all the same"
