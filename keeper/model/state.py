"""State that can be taken back: tables and cells that write to one journal."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
P = ParamSpec("P")
R = TypeVar("R")

_ABSENT: Any = object()


class Refused(Exception):  # noqa: N818 - a refusal is an answer of the protocol, not an error of the program
    """An act was refused, with the contracts' revert string; nothing has changed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def require(holds: bool, reason: str) -> None:
    """Refuse with `reason` unless `holds`."""
    if not holds:
        raise Refused(reason)


class Journal:
    """What every write replaced, while anybody may still want it back."""

    def __init__(self) -> None:
        self._entries: list[tuple[Table[Any, Any], Any, Any]] = []
        self._open = 0

    def replaced(self, table: Table[Any, Any], key: Hashable, old: Any) -> None:
        """Note that `key` of `table` is about to lose `old`."""
        if self._open:
            self._entries.append((table, key, old))

    def begin(self) -> int:
        """Keep what is replaced from here on; the mark goes to `end` or `undo`."""
        self._open += 1
        return len(self._entries)

    def end(self, mark: int) -> None:
        """What was written since `mark` stays."""
        self._open -= 1
        if not self._open:
            self._entries.clear()

    def undo(self, mark: int) -> None:
        """All is again as it was at `mark`."""
        while len(self._entries) > mark:
            table, key, old = self._entries.pop()
            table.restore(key, old)
        self.end(mark)

    def touched(self, mark: int) -> set[tuple[str, Any]]:
        """Names of tables and the keys in them that were written since `mark`."""
        return {(table.name, key) for table, key, _ in self._entries[mark:]}


class Table(Generic[K, V]):
    """A mapping with a default for absent keys; values are immutable and are replaced whole."""

    def __init__(self, journal: Journal, name: str, default: V) -> None:
        self.name = name
        self.rows: dict[K, V] = {}
        self._journal = journal
        self._default = default

    def __getitem__(self, key: K) -> V:
        return self.rows.get(key, self._default)

    def __setitem__(self, key: K, value: V) -> None:
        self._journal.replaced(self, key, self.rows.get(key, _ABSENT))
        self.rows[key] = value

    def __iter__(self) -> Iterator[K]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def restore(self, key: K, old: Any) -> None:
        """Put back what the journal kept."""
        if old is _ABSENT:
            del self.rows[key]
        else:
            self.rows[key] = old


class Cell(Table[int, V]):
    """One journaled value."""

    @property
    def value(self) -> V:
        """What it holds."""
        return self[0]

    @value.setter
    def value(self, value: V) -> None:
        self[0] = value


class Journaled(Protocol):
    """Something whose acts share a journal."""

    journal: Journal


S = TypeVar("S", bound=Journaled)


def act(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """An act changes everything or, refused, nothing; acts may call acts."""

    @wraps(method)
    def whole(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        mark = self.journal.begin()
        try:
            result = method(self, *args, **kwargs)
        except BaseException:
            self.journal.undo(mark)
            raise
        self.journal.end(mark)
        return result

    return whole


@contextmanager
def trial(journal: Journal) -> Iterator[int]:
    """All that is done inside is taken back at the end; yields the journal's mark."""
    mark = journal.begin()
    try:
        yield mark
    finally:
        journal.undo(mark)
