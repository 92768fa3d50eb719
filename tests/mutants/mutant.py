"""A mutant: the contracts without one rule of the specification, and the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Edit:
    """A text of one source file, to be found there exactly once, and what stands in its place."""

    file: str
    """Below contracts/."""
    old: str
    new: str

    def apply(self, contracts: Path) -> None:
        """Change the file. ValueError where the text is missing or stands more than once."""
        path = contracts / self.file
        text = path.read_text()
        if (count := text.count(self.old)) != 1:
            raise ValueError(f"{self.file}: {self.old!r} stands there {count} times, not once")
        path.write_text(text.replace(self.old, self.new))


@dataclass(frozen=True)
class Replacement:
    """A place of one source file, and what stands in its place."""

    file: str
    """Below contracts/."""
    start: int
    end: int
    new: str

    def apply(self, contracts: Path) -> None:
        """Change the file."""
        path = contracts / self.file
        text = path.read_text()
        path.write_text(text[: self.start] + self.new + text[self.end :])


@dataclass(frozen=True)
class Mutant:
    """Edits that together take one rule away."""

    name: str
    """Unique, such as `slice-past-the-target`."""
    sentence: str
    """The section and the sentence of the specification that it breaks, as `8: goes no further than the target`."""
    edits: tuple[Edit | Replacement, ...]
    killers: tuple[str, ...]
    """Tests that must fail on it, as pytest names them."""
    gains: bool = False
    """Its killer is an attack, which must fail by what the attacker gained, not merely fail."""

    def apply(self, contracts: Path) -> None:
        """Make a tree of contracts this mutant."""
        for edit in self.edits:
            edit.apply(contracts)


def change(name: str, sentence: str, file: str, old: str, new: str, *killers: str) -> Mutant:
    """A mutant of one edit."""
    return Mutant(name, sentence, (Edit(file, old, new),), killers)
