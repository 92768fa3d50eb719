from __future__ import annotations

import os
from pathlib import Path

import pytest

from keeper.book import native
from keeper.book.threads import LEAST, halves, spread


def test_kept__home_can_be_written__the_same_folder_every_time_and_nobody_elses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = Path(native._kept())
    assert folder == Path(native._kept())
    assert folder.parent == tmp_path / "plimsoll"
    assert folder.stat().st_mode & 0o077 == 0


def test_kept__nowhere_to_write__a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is run: a folder that others could have made is never taken."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/none")
    first, second = native._kept(), native._kept()
    assert first != second
    assert os.stat(first).st_mode & 0o077 == 0


def test_kept__folder_given__taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert native._kept() == str(tmp_path)


@pytest.mark.parametrize("count", [0, 1, LEAST - 1, LEAST, 10 * LEAST, 1_000_003])
def test_halves__any_count__every_place_once(count: int) -> None:
    parts = halves(count)
    assert [place for first, last in parts for place in range(first, last)] == list(range(count))
    assert spread(lambda first, last: last - first, parts) == [last - first for first, last in parts]
