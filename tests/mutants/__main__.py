"""`python -m tests.mutants [NAME ...]`: run mutants, all or those named, and say which are caught.

What came of one is kept until the contracts, its tests or what these share change.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from tests.mutants import generated, results, running
from tests.mutants.equivalent import EQUIVALENT
from tests.mutants.known import known
from tests.mutants.mutant import Mutant
from tests.mutants.results import Result

Run = Callable[[Mutant], Result]


def results_of(mutants: list[Mutant], run: Run, pool: Executor, *, anew: bool) -> Iterator[Result]:
    """What came of each, those that are known already first, unless all are to run anew."""
    waiting = {}
    for mutant in mutants:
        if not anew and (known := results.kept(mutant)) is not None:
            yield known
        else:
            waiting[pool.submit(run, mutant)] = mutant
    for done in as_completed(waiting):
        result = done.result()
        results.keep(waiting[done], result)
        yield result


def reported(mutants: list[Mutant], run: Run, pool: Executor, shown: dict[str, str], *, anew: bool) -> list[Result]:
    """Run them and print a line for each; those that survived."""
    survived = []
    for result in results_of(mutants, run, pool, anew=anew):
        said = "caught" if result.caught else "SURVIVED"
        print(f"{said:9}{result.seconds:6.0f} s  {shown[result.name]}  [{result.why}]", flush=True)
        if not result.caught:
            survived.append(result)
    return survived


def main() -> int:
    """Run them; the number of those that should have been caught."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help="only these, and anew; of those that nobody wrote, a part of what is printed"
    )
    parser.add_argument("-n", "--workers", type=int, default=2)
    parser.add_argument("--kind", choices=("rules", "generated"), help="only these")
    given = parser.parse_args()
    unexplained = 0
    with ProcessPoolExecutor(given.workers, mp_context=get_context("spawn")) as pool:
        if given.kind != "generated":
            mutants = [each for name, each in known().items() if not given.names or name in given.names]
            shown = {mutant.name: f"{mutant.name} ({mutant.sentence})" for mutant in mutants}
            survived = reported(mutants, running.rule, pool, shown, anew=bool(given.names))
            unexplained += len(survived)
            print(f"rules: caught {len(mutants) - len(survived)} of {len(mutants)}", flush=True)
        if given.kind != "rules":
            sites = [
                site
                for site in generated.chosen(pool)
                if not given.names or any(name in site.shown for name in given.names)
            ]
            shown = {site.key: site.shown for site in sites}
            survived = reported([site.mutant for site in sites], running.generated, pool, shown, anew=bool(given.names))
            explained = [result for result in survived if result.name in EQUIVALENT]
            unexplained += len(survived) - len(explained)
            print(
                f"generated: caught {len(sites) - len(survived)} of {len(sites)}, "
                f"{len(explained)} of the others change nothing that matters",
                flush=True,
            )
    return unexplained


if __name__ == "__main__":
    sys.exit(bool(main()))
