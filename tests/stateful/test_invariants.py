"""The invariants of the design's section 12 over a few episodes: every act by every role, in bad weather and good.

All tests look at the same episodes. An act that breaks an invariant, or in which contracts and model differ, is noted
and undone: so each test shows what its invariant notices by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.model.chain import use_own_cache
from tests.model.operations import KINDS
from tests.model.revm import fresh_chain
from tests.stateful.episode import MORE_KINDS, Episode
from tests.stateful.invariants import Broken
from tests.stateful.record import Record

SEEDS = (1, 6, 17, 23)
STEPS = 1_400
LEAST_OF_EACH = {1: 9_000, 2: 200, 3: 2_500, 4: 400, 5: 20, 6: 50, 7: 2_500, 8: 2_500, 9: 100, 10: 150}
"""How often an invariant must have been looked at."""


@dataclass
class Walked:
    """What the episodes did, and what did not hold in them."""

    record: Record = field(default_factory=Record)
    broken: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def walked() -> Iterator[Walked]:
    """The episodes, each to its end or to what is wrong."""
    use_own_cache()
    found = Walked()
    for seed in SEEDS:
        with fresh_chain():
            episode = Episode(seed, STEPS, goes_on=True)
            where = f"seed {seed}, episode of {STEPS} steps {sorted(episode.tempers)}"
            try:
                episode.walk()
            except AssertionError as error:
                episode.world.wrong.append(error)
            for error in episode.world.wrong:
                (found.broken if isinstance(error, Broken) else found.differences).append(f"{error} ({where})")
            found.record.add(Record.of(episode))
    print("\n".join(found.record.table()))
    yield found


@pytest.mark.parametrize("number", range(1, 11))
def test_invariant__over_all_acts__holds(walked, number):
    assert [what for what in walked.broken if what.startswith(f"{number} ")][:3] == []


def test_contracts__over_all_acts__do_what_the_model_does(walked):
    assert walked.differences[:3] == []


def test_checks__of_every_invariant__were_made(walked):
    made = dict.fromkeys(LEAST_OF_EACH, 0)
    for name, count in walked.record.checks.items():
        made[int(name.split()[0])] += count
    assert {number: made[number] for number, least in LEAST_OF_EACH.items() if made[number] < least} == {}


def test_acts__of_every_kind__were_tried(walked):
    record = walked.record
    assert record.acts >= 5_000
    assert [kind for kind in KINDS if record.done[kind] + record.refused[kind] < 20] == []
    assert record.refused["probe"] >= 20
    assert set(MORE_KINDS) - set(record.done | record.refused) <= {"adversary", "split", "leave", "match"}
    assert record.done["shut_down"] >= 1


def test_reasons__most_of_them__were_given(walked):
    assert len(walked.record.reasons) >= 140
