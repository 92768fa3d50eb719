"""`keeper history` and `keeper export`: what the journal holds."""

from __future__ import annotations

import csv
import json
import re
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO

import typer
from sqlalchemy import Engine

from keeper.cli.common import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    account_name,
    account_of,
    emit,
    fail,
    mended,
    money,
    out,
    progress,
    show,
)
from keeper.config import load_config
from keeper.decide.rivals import LABELS
from keeper.execution.decisions import KINDS, OPEN
from keeper.store.database import StoreError, attach, reader_of
from keeper.store.history import STATES, Wanted, count_of, each_of, rows_of, sales_of, transactions_of
from keeper.store.opportunities import labels_of, opportunities_of
from keeper.store.upgrade import VERSION

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
What = Literal["decisions", "transactions", "sales", "opportunities"]
Format = Literal["csv", "json"]


def since_of(text: str | None) -> int | None:
    """Chain seconds from `2h`, `7d`, a date or time (UTC), or seconds since 1970."""
    if text is None:
        return None
    if match := re.fullmatch(r"(\d+)([smhdw])", text):
        return int(time.time()) - int(match[1]) * UNITS[match[2]]
    if text.isdigit():
        return int(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is none of: 90m, 12h, 7d, 2026-01-31, 2026-01-31T12:00") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def wanted_of(
    kind: str | None, state: str | None, account: str | None, since: str | None, limit: int | None = None
) -> Wanted:
    """The filters as options give them; an address alone is an owner."""
    after = since_of(since)
    if account is not None and re.fullmatch(r"0[xX][0-9a-fA-F]{40}", account):
        return Wanted(kind, state, None, int(account, 16), after, limit)
    return Wanted(kind, state, None if account is None else account_of(account), None, after, limit)


def one_of(allowed: tuple[str, ...], text: str | None) -> str | None:
    """The text, if it is allowed."""
    if text is not None and text not in allowed:
        raise typer.BadParameter(f"{text!r} is none of: {', '.join(allowed)}")
    return text


KindOption = Annotated[
    str | None, typer.Option(help=f"One of {', '.join(KINDS)}.", callback=lambda text: one_of(KINDS, text))
]
StateOption = Annotated[
    str | None, typer.Option(help=f"One of {', '.join(STATES)}.", callback=lambda text: one_of(STATES, text))
]
AccountOption = Annotated[str | None, typer.Option(help="An account, or an address for all of that owner's.")]
SinceOption = Annotated[str | None, typer.Option(help="90m, 12h, 7d, or a date or time (UTC).")]


def journal_of(config: Path) -> Engine:
    """For reading, beside a keeper or without one. StoreError where there is none."""
    path = load_config(config).store.path
    if not path.is_file():
        raise StoreError(f"{path}: no store yet: `keeper run` makes it")
    if attach(path) is None:
        raise StoreError(f"{path}: not of schema {VERSION}: `keeper run` upgrades one that is older")
    return reader_of(path)


def history(
    config: ConfigOption = DEFAULT_CONFIG,
    kind: KindOption = None,
    state: StateOption = None,
    account: AccountOption = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """List what the keeper decided and what became of it, the newest first: from its journal, while it runs or not.

    `gain` is what a bid bought below its value less the fee paid, once its receipt is read; unwinding is not in it.

    Examples:

        keeper history --config keeper.toml

        keeper history --kind bid --state reverted --since 7d

        keeper history --account 0x70997970C51812dc3A010C7d01b50e0d17dc79C8:0 --json
    """
    wanted = wanted_of(kind, state, account, since, limit)
    with mended(config):
        engine = journal_of(config)
        rows, total = rows_of(engine, wanted), count_of(engine, wanted)
    if as_json:
        emit({"total": total, "rows": rows})
        return
    names = ("time (UTC)", "kind", "outcome", "accounts", "block", "gas", "fee", "expected", "gain", "hash", "reason")
    show(names, [_cells(row) for row in rows], title=f"{total} decisions", words=("kind", "outcome", "hash", "reason"))
    if total > len(rows):
        out.print(f"{total - len(rows)} more; --limit shows them")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    accounts = row["accounts"]
    first = account_name(int(accounts[0], 16)) if accounts else "–"
    return (
        datetime.fromtimestamp(row["time"], UTC).strftime("%Y-%m-%d %H:%M:%S"),
        row["kind"],
        row["state"],
        first if len(accounts) < 2 else f"{first} +{len(accounts) - 1}",
        "–" if row["mined_block"] is None else str(row["mined_block"]),
        "–" if row["gas_used"] is None else f"{row['gas_used']:,}",
        "–" if row["fee_native"] is None else f"{float(row['fee_native']):.6f}",
        money(float(row["expected_profit"])) if row["kind"] != OPEN else "–",
        "–" if row["gain"] is None else money(float(row["gain"])),
        row["hash"] or "–",
        row["reason"],
    )


def opportunities(
    config: ConfigOption = DEFAULT_CONFIG,
    label: Annotated[
        str | None,
        typer.Option(help=f"One of {', '.join(LABELS)}.", callback=lambda text: one_of(tuple(LABELS), text)),
    ] = None,
    account: AccountOption = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """List what others took, with the reason why it was not this keeper's: what it knew before, and what it did.

    `seen` is how many blocks before the sale the account was first seen under the line, and how long after the head's
    arrival; `discount` is what the lot came below its value.

    Examples:

        keeper opportunities --since 7d

        keeper opportunities --label late --json
    """
    wanted = wanted_of(None, None, account, since, limit)
    with mended(config):
        engine = journal_of(config)
        rows, labels = list(opportunities_of(engine, wanted, label)), labels_of(engine, wanted)
    if as_json:
        emit({"labels": labels, "rows": rows})
        return
    names = ("time (UTC)", "block", "account", "why", "fraction", "λ", "discount", "seen", "sent in")
    show(names, [_missed(row) for row in rows], title="taken by others", words=("account", "why", "seen"))
    for name, count in labels.most_common():
        out.print(f"{count} {name}: {LABELS[name]}")


def _missed(row: dict[str, Any]) -> tuple[str, ...]:
    seen = "–"
    if row["seen_block"] is not None:
        seen = f"{row['blocks_seen_before']} blocks before, after {1_000 * row['seen_seconds']:.0f} ms"
    return (
        datetime.fromtimestamp(row["time"], UTC).strftime("%Y-%m-%d %H:%M:%S"),
        str(row["block"]),
        account_name(int(row["account"], 16)),
        row["label"],
        f"{float(row['fraction']):.4f}",
        f"{float(row['lambda']):.4f}",
        money(float(row["discount"])),
        seen,
        "–" if row["sent_block"] is None else str(row["sent_block"]),
    )


def export(
    config: ConfigOption = DEFAULT_CONFIG,
    what: Annotated[
        What, typer.Option(help="Decisions, every transaction, every lot bought, or what others took.")
    ] = "decisions",
    form: Annotated[Format, typer.Option("--format", help="CSV, or one JSON object a line.")] = "csv",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; without it, stdout.")] = None,
    kind: KindOption = None,
    state: StateOption = None,
    account: AccountOption = None,
    since: SinceOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write the journal out for accounting, the oldest first: amounts exact, in quote units or the chain's own coin.

    Examples:

        keeper export --since 2026-01-01 --output decisions.csv

        keeper export --what sales --format json | jq .discount
    """
    wanted = wanted_of(kind, state, account, since)
    with mended(config):
        engine = journal_of(config)
        rows = {
            "decisions": each_of,
            "transactions": transactions_of,
            "sales": sales_of,
            "opportunities": opportunities_of,
        }[what](engine, wanted)
        if output is None:
            write(rows, sys.stdout, form)
            return
        if output.exists() and not force:
            fail(f"{output}: exists already; --force replaces it", 1)
        try:
            with output.open("w", encoding="utf-8", newline="") as file, progress() as shown:
                total = count_of(engine, wanted) if what == "decisions" else None
                written = write(shown.track(rows, total=total, description="exporting"), file, form)
        except OSError as error:
            fail(f"{output}: {error.strerror}", 1)
    out.print(f"{written} {what} in {output}", soft_wrap=True)


def write(rows: Iterator[dict[str, Any]] | Any, file: TextIO, form: Format) -> int:
    """The rows as CSV or JSON lines; how many there were."""
    written = 0
    table: Any = None
    for row in rows:
        written += 1
        if form == "json":
            file.write(json.dumps(row) + "\n")
            continue
        flat = {name: " ".join(cell) if isinstance(cell, list) else cell for name, cell in row.items()}
        if table is None:
            table = csv.DictWriter(file, list(flat), lineterminator="\n")
            table.writeheader()
        table.writerow(flat)
    return written
