"""The kill switch: a file that stops all sending while it is there, whoever made it."""

from __future__ import annotations

from pathlib import Path

import structlog

from keeper.watch import metrics

log = structlog.get_logger(__name__)

SIGHTING = ("open", "refresh")
"""Kinds of decision: to sight, and to make sightings possible."""


class KillSwitch:
    """Asked before anything is signed or sent, each time anew."""

    def __init__(self, path: Path, *, spares_sightings: bool = False) -> None:
        self.path = path
        self._spares = spares_sightings
        self._signalled = ""

    @property
    def reason(self) -> str:
        """Why it is on; empty while it is off. A file that cannot be looked at counts as one that is there."""
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace").strip()
        except FileNotFoundError:
            found = self._signalled
        except OSError as error:
            found = f"{self.path}: {error.strerror}"
        else:
            found = text.splitlines()[0] if text else f"{self.path} is there"
        metrics.KILLED.set(bool(found))
        return found

    def stops(self, kind: str) -> str:
        """Why nothing of this kind may be signed or sent now; empty if it may."""
        if self._spares and kind in SIGHTING:
            return ""
        return self.reason

    def turn_on(self, reason: str) -> None:
        """From now on, and in the next process too, until the file is taken away."""
        self._signalled = reason
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(f"{reason}\n", encoding="utf-8")
        except OSError as error:
            log.error("kill switch: no file could be written; on until the process ends", error=str(error))
            return
        self._signalled = ""
        log.warning("kill switch on", reason=reason, file=str(self.path))

    def turn_off(self) -> bool:
        """Take the file away; whether there was one."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        return True
