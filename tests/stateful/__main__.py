"""`python -m tests.stateful --steps N --seed S`: a long random walk through the protocol; see docs/fuzzing.md.

A run that is stopped goes on where it was when it is started again; contracts or tests that changed begin another.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.stateful.campaign import FOLDER, ROOT, STEPS, sources, told, walked
from tests.stateful.record import Kept, Record

BAR = 40
CHAINS = 40
"""Episodes that a process walks."""
RESULT = "## Result of the last long run"
ALL_OF_IT = 1_000_000
"""Steps from which on everything must have come."""


def show(done: int, of: int, acts: int, started: float, failed: int) -> None:
    """The bar, on a terminal or as a line now and then."""
    full = BAR * done // of
    rate = acts / max(1e-9, time.monotonic() - started)
    line = f"[{'#' * full}{'.' * (BAR - full)}] {done}/{of} episodes, {acts:,} acts, {rate:,.0f}/s, {failed} failed"
    if sys.stderr.isatty():
        print(f"\r{line}", end="" if done < of else "\n", file=sys.stderr, flush=True)
    elif done == of or done % max(1, of // 20) == 0:
        print(line, file=sys.stderr, flush=True)


def walk(seed: int, numbers: Sequence[int], workers: int) -> Iterator[tuple[int, Record | None, str]]:
    """Episodes as they end: number, record, failure.

    Spawned, as a forked process keeps what it was. After a few dozen chains processes are replaced, all at once: a pool
    that replaces them one by one may wait for ever (a fault of the executor in Python 3.11).
    """
    context = multiprocessing.get_context("spawn")
    some = CHAINS * workers
    for first in range(0, len(numbers), some):
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            for future in as_completed([pool.submit(told, seed, number) for number in numbers[first : first + some]]):
                yield future.result()


def run(seed: int, steps: int, workers: int, page: Path | None) -> int:
    """All episodes that are not finished yet; 0 if nothing failed and everything came. A page is given the result."""
    path = FOLDER / f"{seed}-{sources()}.jsonl"
    kept, episodes = Kept(path), -(-steps // STEPS)
    missing = [number for number in range(episodes) if number not in kept.finished]
    print(
        f"seed {seed}: {episodes} episodes of {STEPS:,} steps, {len(missing)} to do; kept in {path.relative_to(ROOT)}"
    )
    started, acts, failures = time.monotonic(), 0, []
    for number, record, failure in walk(seed, missing, workers):
        if record is None:
            failures.append(failure)
            print(f"\n{failure}\n", flush=True)
        else:
            kept.add(number, record)
            acts += record.acts
        done = len(kept.finished) + len(failures)
        show(min(done, episodes), episodes, acts, started, len(failures))
    if failures:
        print(f"{len(failures)} episodes failed")
        return 1
    total = kept.together(episodes)
    print("\n".join(total.table()))
    if page:
        keep(page, f"`make fuzz STEPS={steps} SEED={seed}`, no episode failed.\n\n```text\n" + "\n".join(total.table()))
    return int(bool(total.unmet or total.undone)) if steps >= ALL_OF_IT else 0


def keep(page: Path, result: str) -> None:
    """Put a run's result at the end of a page, where the last one was."""
    text = page.read_text()
    page.write_text(text[: text.index(RESULT) + len(RESULT)] + f"\n\n{result}\n```\n")


def replay(seed: int, number: int, shrink: bool) -> int:
    """One episode again; shrunk, only those steps that its failure needs."""
    episode, error = walked(seed, number)
    if error is None:
        print("\n".join(Record.of(episode).table()))
        return 0
    print(told(seed, number)[2])
    if shrink:
        last, name = episode.place, getattr(error, "name", type(error).__name__)
        skipped = set(range(last + 1, STEPS))
        size = max(1, last // 2)
        while size:
            for start in range(0, last, size):
                more = set(range(start, min(start + size, last))) - skipped
                if more:
                    _, found = walked(seed, number, frozenset(skipped | more))
                    if found is not None and getattr(found, "name", type(found).__name__) == name:
                        skipped |= more
            print(f"{STEPS - len(skipped)} steps left", flush=True)
            size //= 2
        episode, error = walked(seed, number, frozenset(skipped))
        print("\n".join(episode.world.recent), f"\n{error}")
        print(f"steps {sorted(set(range(STEPS)) - skipped)}")
    return 1


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.stateful", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--episode", type=int, help="this one alone, again")
    parser.add_argument("--record", type=Path, help="a page that gets the result, as docs/fuzzing.md")
    parser.add_argument("--shrink", action="store_true", help="and leave out what its failure does not need")
    told_ = parser.parse_args()
    if told_.episode is not None:
        return replay(told_.seed, told_.episode, told_.shrink)
    return run(told_.seed, told_.steps, told_.workers, told_.record)


if __name__ == "__main__":
    sys.exit(main())
