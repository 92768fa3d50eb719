"""What episodes did, added up, and kept in a file so that a run that was stopped goes on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.stateful.episode import ALL_KINDS, Episode
from tests.stateful.reasons import OUT_OF_REACH, known, never

COUNTS = ("done", "refused", "reasons", "checks", "traits", "tempers")


@dataclass
class Record:
    """How often everything came: acts by kind, reasons, checks, traits of acts, tempers of episodes."""

    episodes: int = 0
    steps: int = 0
    acts: int = 0
    seconds: float = 0
    """Of a processor."""
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    traits: Counter[str] = field(default_factory=Counter)
    tempers: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, episode: Episode, seconds: float = 0) -> Record:
        """What one episode did, and how long it took."""
        world = episode.world
        reasons: Counter[str] = Counter()
        for (reason, _), count in world.reasons.items():
            reasons[reason] += count
        for reason, count in world.skipped.items():
            reasons[reason] += count
        counts = (world.done, world.refused, reasons, world.checks, world.traits)
        return cls(1, episode.steps, world.acts, seconds, *map(Counter, counts), Counter(episode.tempers))

    def add(self, other: Record) -> None:
        """Another's too."""
        self.episodes += other.episodes
        self.steps += other.steps
        self.acts += other.acts
        self.seconds += other.seconds
        for name in COUNTS:
            getattr(self, name).update(getattr(other, name))

    def as_json(self) -> dict[str, Any]:
        """Plain."""
        return {name: dict(value) if name in COUNTS else value for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Record:
        """From `as_json`."""
        return cls(**{name: Counter(value) if name in COUNTS else value for name, value in plain.items()})

    @property
    def unmet(self) -> list[str]:
        """Reasons that should have come and did not."""
        return never(self.reasons)

    @property
    def undone(self) -> list[str]:
        """Kinds of acts that never succeeded; probes are there to be refused, the rest of these counts as others."""
        others = {"probe", "adversary", "split", "leave", "crowd", "drain", "slice"}
        return [kind for kind in dict.fromkeys(ALL_KINDS) if kind not in others and not self.done[kind]]

    def table(self) -> Iterator[str]:
        """Lines of a report."""
        rate = self.acts / max(self.seconds, 1e-9)
        yield f"{self.acts:,} acts in {self.steps:,} steps of {self.episodes:,} episodes"
        yield f"{self.seconds:,.0f} seconds of a processor, {rate:,.0f} acts in each"
        yield f"episodes: {', '.join(f'{name} {count}' for name, count in sorted(self.tempers.items()))}"
        yield f"\n{'act':20}{'done':>10}{'refused':>10}"
        for kind in sorted(self.done | self.refused):
            yield f"{kind:20}{self.done[kind]:10,}{self.refused[kind]:10,}"
        yield f"\n{'times':>10}  check"
        yield from (f"{count:10,}  {name}" for name, count in sorted(self.checks.items(), key=number_first))
        yield f"\n{'times':>10}  reason to refuse"
        yield from (f"{count:10,}  {reason}" for reason, count in sorted(self.reasons.items()))
        yield f"\n{len(self.reasons)} of {len(known())} reasons; out of reach:"
        yield from (f"    {reason}: {why}" for reason, why in sorted(OUT_OF_REACH.items()))
        yield f"never met: {', '.join(self.unmet) or 'none'}"
        yield f"never done: {', '.join(self.undone) or 'none'}"


def number_first(item: tuple[str, int]) -> tuple[int, str]:
    """Checks in the order of their invariants."""
    return int(item[0].split()[0]), item[0]


class Kept:
    """A file of finished episodes, a line each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.finished: dict[int, Record] = {}
        if path.is_file():
            for line in path.read_text().splitlines():
                told = json.loads(line)
                episode = told.pop("episode")
                self.finished[episode] = Record.from_json(told)

    def add(self, episode: int, record: Record) -> None:
        """One more is finished."""
        self.finished[episode] = record
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps({"episode": episode} | record.as_json()) + "\n")

    def together(self, episodes: int) -> Record:
        """The sum over the first so many."""
        total = Record()
        for episode in range(episodes):
            total.add(self.finished[episode])
        return total
