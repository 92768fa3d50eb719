"""Reads a configuration file and says where it is wrong."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from keeper.config.schema import Config

DOTTED = re.compile(r"((?:chain|store|book|signer|taker|sight|bid|fees|watch)(?:\.[a-z_]+)+):? ?")


class ConfigError(Exception):
    """A mistake of the operator's, told with file, line and key."""


def load_config(path: Path) -> Config:
    """The configuration in `path`; relative paths in it are relative to its directory.

    Raises ConfigError naming the file, the line and key, and what would be allowed there.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        hint = "; `keeper init` writes one" if isinstance(error, FileNotFoundError) else ""
        raise ConfigError(f"{path}: cannot be read: {error.strerror}{hint}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: byte {error.start} is not UTF-8") from error
    raw = _parse(path, text)
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join(_describe(path, text, item) for item in error.errors())) from error
    return _anchored(config, path.resolve().parent)


def _parse(path: Path, text: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", str(error))
        line = (at[1] if at else None) or str(len(text.splitlines()))
        raise ConfigError(f"{path}:{line}: not valid TOML: {error}") from error


def located(path: Path, message: str) -> str:
    """A mistake told as `section.key: …` with the file and line of that key before it."""
    named = DOTTED.match(message)
    if named is None:
        return message
    try:
        line = _line_of(path.read_text(encoding="utf-8"), named[1].split("."))
    except (OSError, UnicodeDecodeError):
        line = None
    return f"{path}:{line}: {message}" if line else f"{path}: {message}"


def _describe(path: Path, text: str, error: Any) -> str:
    keys = [str(part) for part in error["loc"]]
    message = str(error["msg"]).removeprefix("Value error, ")
    if not keys and (named := DOTTED.match(message)):
        # Of the file as a whole: the setting that its words begin with.
        keys, message = named[1].split("."), message[named.end() :]
    line = _line_of(text, keys)
    where = f"{path}:{line}" if line else str(path)
    if error["type"] == "extra_forbidden":
        known = _fields_at(keys[:-1])
        near = difflib.get_close_matches(keys[-1], known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        message = f"unknown key; {hint}allowed: {', '.join(sorted(known))}"
    elif error["type"] == "missing":
        message = "is required"
    elif error["type"] != "value_error" and not isinstance(error["input"], dict | list):
        message += f" (given: {error['input']!r})"
    return f"{where}: {'.'.join(keys) or 'the file'}: {message}"


def _fields_at(keys: list[str]) -> list[str]:
    """The names allowed in the table at `keys`."""
    model: type[BaseModel] = Config
    for key in keys:
        annotation = model.model_fields[key].annotation
        options = [annotation, *getattr(annotation, "__args__", ())]
        model = next(option for option in options if isinstance(option, type) and issubclass(option, BaseModel))
    return list(model.model_fields)


def _line_of(text: str, keys: list[str]) -> int | None:
    """The line of the deepest of `keys` that stands in the file, counted from 1."""
    best: tuple[int, int] | None = None
    table: list[str] = []
    for number, row in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+([^\]]+)\]", row)
        entry = re.match(r"\s*([\w.\-\"']+)\s*=", row)
        if header:
            table = [part.strip(" \"'") for part in header[1].split(".")]
            found = table
        elif entry:
            found = table + [part.strip(" \"'") for part in entry[1].split(".")]
        else:
            continue
        if found == keys[: len(found)] and (best is None or len(found) > best[0]):
            best = (len(found), number)
    return best[1] if best else None


def _anchored(config: Config, base: Path) -> Config:
    """The same with every path absolute."""
    signer = config.signer
    if signer.keystore is not None:
        signer = signer.model_copy(update={"keystore": base / signer.keystore})
    if signer.opens is not None and signer.opens.keystore is not None:
        signer = signer.model_copy(
            update={"opens": signer.opens.model_copy(update={"keystore": base / signer.opens.keystore})}
        )
    orders = [source if "://" in source else str(base / source) for source in config.match.orders]
    return config.model_copy(
        update={
            "match": config.match.model_copy(update={"orders": orders}),
            "chain": config.chain.model_copy(update={"deployment": base / config.chain.deployment}),
            "watch": config.watch.model_copy(update={"kill_file": base / config.watch.kill_file}),
            "store": config.store.model_copy(update={"path": base / config.store.path}),
            "signer": signer,
        }
    )
