"""One process a key: a lock that the system lets go of when its holder is gone, and that says who holds it."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import IO


class HeldError(Exception):
    """Another process has the key."""


class FileLock:
    """Held from entering until leaving; the file stays, as removing it would let two processes hold one name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def __enter__(self) -> FileLock:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            raise HeldError(f"{self._path}: held by {holder}") from None
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def holder_of(directory: Path, address: str) -> str | None:
    """Who holds a sender's lock, or None if it is free; nothing is changed."""
    path = directory / f"keeper-{address.lower()}.lock"
    try:
        with path.open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return path.read_text(encoding="utf-8").strip() or "another process"
    return None


class KeyLock(FileLock):
    """The lock of one sender in a store's directory."""

    def __init__(self, directory: Path, address: str) -> None:
        super().__init__(directory / f"keeper-{address.lower()}.lock")
