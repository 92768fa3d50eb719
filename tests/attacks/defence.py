"""What makes a test an attack: the defence that stops it, and the gain that shows it when the defence is gone.

An attack is carried out in the same way against the contracts as they are and against a mutant without its defence.
`no_gain` fails when the attacker ends with more than it began with: never on the first, always on the second, which
`make mutants` runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, Phase, currently_in_test_context, settings, target

from tests.mutants.mutant import Edit, Mutant

Test = TypeVar("Test", bound=Callable[..., object])
ATTACKS: dict[str, Mutant] = {}
"""By the mutant's name, once the modules with the attacks are imported."""

search = settings(
    max_examples=int(os.environ.get("PLIMSOLL_EXAMPLES", "25")),
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate, Phase.target),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""How hypothesis looks for the amounts, times and orders of an attack: towards more gain, alike in every run.

Where the defence is gone `make mutants` looks for longer: what it tries depends on which modules are imported, too.
"""


class Gained(AssertionError):  # noqa: N818 - said of an attacker
    """An attack paid."""


def defence(name: str, sentence: str, *edits: Edit) -> Callable[[Test], Test]:
    """Name the attack's mutant: the sentence of the specification that stops it, and the edits that take it away."""

    def register(test: Test) -> Test:
        node = f"{test.__module__.replace('.', '/')}.py::{test.__name__}"
        assert name not in ATTACKS, f"two attacks are named {name}"
        ATTACKS[name] = Mutant(name, sentence, edits, (node,), gains=True)
        return test

    return register


def no_gain(gain: float, dust: float = 1e-6, unit: str = "quote") -> None:
    """The attacker's gain, over all its accounts and wallets, is no more than dust of rounding."""
    if currently_in_test_context():
        target(float(gain))
    if not gain <= dust:
        raise Gained(f"the attacker gained {gain:.9f} {unit}")
