"""Structured logs: JSON lines on stderr, without what is secret in addresses of endpoints and services."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
HIDDEN = "…"
SHORTEST = 8
"""Characters of a path or query that may be a key; shorter ones are names, as /ws."""

_secrets: set[str] = set()


def keep_secret(urls: Iterable[str]) -> None:
    """Have keys in these addresses left out of logs and error messages from now on."""
    for url in urls:
        parts = urlsplit(url)
        found = (parts.username, parts.password, parts.path.strip("/"), parts.query)
        _secrets.update(part for part in found if part and len(part) >= SHORTEST)


def redacted(text: str) -> str:
    """The text without what is to be kept secret."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _redact(_: Any, __: str, event: Any) -> Any:
    if not _secrets:
        return event
    return {key: redacted(value) if isinstance(value, str) else value for key, value in event.items()}


def set_up_logs(level: str) -> None:
    """Send everything, other libraries' warnings too, to stderr as one JSON object a line."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, _redact, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _redact,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(LEVELS[level], logging.WARNING), force=True)
    # Apprise logs the addresses it sends to, and what it could not: the notifier says it without them.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
