"""Reading a parameter file: every mistake is named by file, key path, what is wrong and what is right."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from scripts._deployment.parameters import Parameters
from scripts._deployment.refusal import Refused

LONGEST = 60
"""Characters of a wrong value that a message shows."""


def load_parameters(path: Path) -> Parameters:
    """Read and check a parameter file; Refused with one line for each mistake."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_no_key_twice)
    except FileNotFoundError:
        raise Refused(f"{path}: there is no such parameter file") from None
    except json.JSONDecodeError as error:
        raise Refused(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except ValueError as error:
        raise Refused(f"{path}: {error}") from None
    try:
        return Parameters.model_validate(content)
    except ValidationError as error:
        raise Refused("\n".join(f"{path}: {_line(mistake)}" for mistake in error.errors())) from None


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f"{key}: the key is there twice")
        content[key] = value
    return content


def _line(mistake: Any) -> str:
    where = _dotted(mistake["loc"])
    prefix = f"{where}: " if where else ""
    if mistake["type"] == "extra_forbidden":
        keys = _keys_beside(mistake["loc"])
        close = difflib.get_close_matches(str(mistake["loc"][-1]), keys, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        return f"{prefix}unknown key; allowed here: {', '.join(keys)}{hint}"
    if mistake["type"] == "missing":
        return f"{prefix}missing"
    if mistake["type"] == "value_error":
        return f"{prefix}{mistake['ctx']['error']}"
    if mistake["type"] in ("too_long", "too_short"):
        return f"{prefix}{_count(mistake)}"
    if mistake["type"] == "model_type":
        return f"{prefix}{_shown(mistake['input'])}: input should be an object with the keys of this section"
    message = str(mistake["msg"])
    return f"{prefix}{_shown(mistake['input'])}: {message[0].lower()}{message[1:]}"


def _count(mistake: Any) -> str:
    """How many entries a list has and may have."""
    context = mistake["ctx"]
    bound = f"at most {context['max_length']}" if "max_length" in context else f"at least {context['min_length']}"
    found = len(mistake["input"])
    return f"{found} {'entry' if found == 1 else 'entries'}: {bound} allowed"


def _shown(value: Any) -> str:
    """A value in a line: what is long is cut, of what has parts the kind is told."""
    if isinstance(value, list | dict):
        return f"a list of {len(value)}" if isinstance(value, list) else f"an object of {len(value)} keys"
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _dotted(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _keys_beside(loc: tuple[int | str, ...]) -> list[str]:
    section: type[BaseModel] = Parameters
    for part in loc[:-1]:
        if isinstance(part, str):
            section = _section(section.model_fields[part].annotation)
    return sorted(section.model_fields)


def _section(annotation: Any) -> type[BaseModel]:
    """The section within an annotation: itself, or what a list is of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return _section(get_args(annotation)[0])
