"""parameters.vy: correlations are taken if and only if they are positive definite."""

from __future__ import annotations

import secrets
from random import Random

import boa
import numpy as np

from keeper.model.words import BUCKETS, PAIRS, Risk
from tests.unit.system import RISK

FACE = """
from contracts.modules import parameters

@external
@pure
def check_risk(risk: uint256):
    parameters.check_risk(risk)

@external
@pure
def correlation(risk: uint256, low: uint256, high: uint256) -> uint256:
    return parameters.correlation(risk, low, high)
"""


def lowest_eigenvalue(rho):
    matrix = np.eye(BUCKETS)
    for (i, j), place in PAIRS.items():
        matrix[i, j] = matrix[j, i] = rho[place] / 100
    return np.linalg.eigvalsh(matrix)[0]


def test_correlation__every_pair__is_the_words():
    face = boa.loads(FACE)
    risk = Risk(tuple(range(28)), 500, 10_000, 1)
    assert [face.correlation(risk.pack(), i, j) for i, j in PAIRS] == [risk.rho_at(i, j) for i, j in PAIRS]


def test_check_risk__random_correlations__takes_those_of_a_positive_matrix():
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    random = Random(seed)
    face = boa.loads(FACE)
    seen = {True: 0, False: 0}
    while min(seen.values()) < 10:
        spread = random.choice([5, 10, 20, 40])
        middle = random.randint(10, 90)
        rho = tuple(min(100, max(0, random.randint(middle - spread, middle + spread))) for _ in PAIRS)
        lowest = lowest_eigenvalue(rho)
        if abs(lowest) < 1e-4:
            continue
        possible = bool(lowest > 0)
        seen[possible] += 1
        if seen[possible] > 10:
            continue
        word = Risk(rho, 500, 10_000, 1).pack()
        if possible:
            face.check_risk(word)
        else:
            with boa.reverts("risk_engine: impossible correlations"):
                face.check_risk(word)


def test_check_risk__defaults__are_taken():
    assert lowest_eigenvalue(RISK.rho) > 0.05
    boa.loads(FACE).check_risk(RISK.pack())
