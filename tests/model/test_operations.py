"""Random operations over all acts: contracts and model change the same words, and refuse for the same reason."""

from __future__ import annotations

import pytest

from tests.model.chain import use_own_cache
from tests.model.operations import KINDS, Operations
from tests.model.revm import fresh_chain

SEEDS = (101, 202, 303, 404)
OPERATIONS = 5_400
"""A seed; 20,000 in all and each kind 500 times, with something to spare."""
COMPARE_EVERY = 1_300


@pytest.fixture(scope="module", autouse=True)
def compiled():
    use_own_cache()


def table(walk: Operations) -> str:
    """How often each kind of act and each reason occurred."""
    world = walk.world
    lines = [f"{kind:18}{world.done[kind]:8}{world.refused[kind]:8}" for kind in KINDS]
    lines += [f"{count:8}  {reason}" for reason, count in world.traits.most_common()]
    lines += [f"{count:8}  {kind}: {reason}" for (reason, kind), count in world.reasons.most_common()]
    return "\n".join([f"{'act':18}{'done':>8}{'refused':>8}", *lines])


@pytest.mark.parametrize("seed", SEEDS)
def test_operations__random_walk__contracts_equal_the_model_to_the_wei(seed):
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
    print(f"\nseed {seed}\n{table(walk)}")
    world = walk.world
    refused = sum(world.refused.values())
    assert refused >= (refused + sum(world.done.values())) // 10
    for kind in KINDS:
        assert world.done[kind] + world.refused[kind] >= 500 // len(SEEDS), kind
