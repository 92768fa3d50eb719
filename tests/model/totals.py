"""What several walks did, added up across the processes that walk: whoever ends last has them all."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Totals:
    """How often each kind of act was done or refused, each trait occurred, and each reason was given for a kind."""

    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    traits: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def acts(self) -> int:
        """All that were tried."""
        return self.done.total() + self.refused.total()

    @property
    def different_reasons(self) -> int:
        """How many reasons there were, whatever they were given for."""
        return len({reason for reason, _ in self.reasons})

    def add(self, other: Any) -> None:
        """Another walk's counts too."""
        for name in ("done", "refused", "traits", "reasons"):
            getattr(self, name).update(getattr(other, name))

    def as_json(self) -> str:
        """For another process."""
        plain = {name: dict(getattr(self, name)) for name in ("done", "refused", "traits")}
        return json.dumps(plain | {"reasons": [[*key, count] for key, count in self.reasons.items()]})

    @classmethod
    def from_json(cls, text: str) -> Totals:
        """What another process counted."""
        told = json.loads(text)
        reasons = Counter({(reason, kind): count for reason, kind, count in told.pop("reasons")})
        return cls(**{name: Counter(counts) for name, counts in told.items()}, reasons=reasons)


def all_together(folder: Path, seed: int, seeds: tuple[int, ...], counted: Totals) -> Totals | None:
    """
    Leave one walk's counts in the run's folder; the totals if those of all seeds are there.

    Each process writes before it looks: of several the last to write finds all, and two may, which does no harm.
    """
    unfinished = folder / f"{seed}.{os.getpid()}"
    unfinished.write_text(counted.as_json())
    unfinished.replace(folder / f"{seed}.json")
    files = [folder / f"{each}.json" for each in seeds]
    if not all(file.is_file() for file in files):
        return None
    together = Totals()
    for file in files:
        together.add(Totals.from_json(file.read_text()))
    return together
