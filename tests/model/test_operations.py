"""Random operations over all acts: contracts and model change the same words, and refuse for the same reason."""

from __future__ import annotations

import pytest

from tests.model.chain import use_own_cache
from tests.model.operations import KINDS, Operations
from tests.model.revm import fresh_chain
from tests.model.totals import Totals, all_together
from tests.model.world import World

SEEDS = (101, 202, 303, 404)
OPERATIONS = 6_700
"""A seed; 20,000 in all and each kind 500 times, with something to spare."""
COMPARE_EVERY = 1_300
MUST_HAPPEN = (
    "bid: insolvent account",
    "bid: vault pays the taker",
    "bid: pays a penalty",
    "bid: share to its opener",
    "bid: clipped",
    "bid: whole account",
    "bid: ends the run",
    "bid: run goes on",
    "batch: several steps",
    "trade: relief below the initial margin",
    "trade: profit left unsettled",
    "trade: loss left unsettled",
    "match: several orders",
    "match: order skipped",
    "match: pays a penalty",
    "match: run ends",
    "sweep: several bids",
    "sweep: bid is full",
    "sweep: bid goes on",
    "sweep: bid without margin",
)
"""What only a walk that comes far brings about, each at least once in all the walks together."""


def walked(seed: int) -> World:
    """The world after a walk in which contracts and model agreed at every step."""
    with fresh_chain():
        walk = Operations(seed)
        for operation in range(OPERATIONS):
            try:
                walk.step()
                if operation % COMPARE_EVERY == 0:
                    walk.world.compare_all()
            except AssertionError as error:
                raise AssertionError(f"seed {seed}, operation {operation}: {error}") from error
        walk.world.compare_all()
    return walk.world


def table(counted: Totals) -> str:
    """How often each kind of act and each reason occurred."""
    lines = [f"{kind:18}{counted.done[kind]:8}{counted.refused[kind]:8}" for kind in KINDS]
    lines += [f"{count:8}  {trait}" for trait, count in counted.traits.most_common()]
    lines += [f"{count:8}  {kind}: {reason}" for (reason, kind), count in counted.reasons.most_common()]
    return "\n".join([f"{'act':18}{'done':>8}{'refused':>8}", *lines])


@pytest.mark.parametrize("seed", SEEDS)
def test_operations__random_walks__contracts_equal_the_model_to_the_wei(seed, walks_folder):
    """Each walk does something of everything; what is asked of all together, the last one to end asserts."""
    use_own_cache()
    counted = Totals()
    counted.add(walked(seed))
    print(f"\nseed {seed}\n{table(counted)}")
    assert counted.acts >= OPERATIONS
    assert counted.refused.total() >= counted.acts // 10
    assert [kind for kind in KINDS if counted.done[kind] + counted.refused[kind] < 100] == []
    assert counted.different_reasons >= 50
    if (totals := all_together(walks_folder, seed, SEEDS, counted)) is None:
        return
    print(f"\nseeds {SEEDS}\n{table(totals)}")
    assert totals.acts >= 20_000
    assert [kind for kind in KINDS if totals.done[kind] + totals.refused[kind] < 500] == []
    assert [trait for trait in MUST_HAPPEN if not totals.traits[trait]] == []
