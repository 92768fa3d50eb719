"""Episodes of a run: each from its own seed, so that any of them can be walked again alone."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from scripts._deployment.kept import whole
from tests.model.chain import use_own_cache
from tests.model.revm import fresh_chain
from tests.stateful.episode import Episode
from tests.stateful.record import Record

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".build" / "fuzz"
STEPS = 2_000
"""Of an episode."""


def sources() -> str:
    """A sum over contracts, models and tests: what a finished episode is worth anything for."""
    digest = hashlib.sha256(whole().encode())
    for folder in ("keeper/model", "tests/model", "tests/stateful"):
        for path in sorted((ROOT / folder).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def seed_of(seed: int, number: int) -> int:
    """An episode's own seed."""
    return seed * 10**6 + number


def walked(seed: int, number: int, skipped: frozenset[int] = frozenset()) -> tuple[Episode, Exception | None]:
    """An episode, and what went wrong in it."""
    use_own_cache()
    with fresh_chain():
        episode = Episode(seed_of(seed, number), STEPS)
        try:
            episode.walk(skipped)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what the run looked for
            return episode, error
    return episode, None


def told(seed: int, number: int) -> tuple[int, Record | None, str]:
    """An episode for another process: what it did, or how it failed."""
    started = time.process_time()
    episode, error = walked(seed, number)
    if error is None:
        return number, Record.of(episode, time.process_time() - started), ""
    recent = "\n".join(f"    {act[:400]}" for act in episode.world.recent)
    again = f"python -m tests.stateful --seed {seed} --episode {number}"
    what = f"{type(error).__name__}: {str(error)[:2_000]}"
    where = f"seed {seed}, episode {number} {sorted(episode.tempers)}, step {episode.place}"
    return number, None, f"{where}\n{recent}\n{what}\nagain: {again}"
