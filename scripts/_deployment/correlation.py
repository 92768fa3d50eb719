"""Whether a matrix of correlations is one: symmetric, with a unit diagonal, and positive semidefinite."""

from __future__ import annotations

import numpy as np

# Far above the rounding of 8 x 8 eigenvalues in doubles, far below what one step of 1% moves them by.
TOLERANCE = 1e-9


def check_correlations(rho: list[list[int]], size: int) -> None:
    """Raise ValueError, naming the entries, unless `rho` (percent) correlates `size` things."""
    if len(rho) != size or any(len(row) != size for row in rho):
        lengths = ", ".join(str(length) for length in sorted({len(row) for row in rho}))
        raise ValueError(f"{len(rho)} rows of {lengths} entries: {size} rows of {size} are right")
    for i, row in enumerate(rho):
        if row[i] != 100:
            raise ValueError(f"[{i}][{i}] is {row[i]}%: a bucket's correlation with itself is 100%")
        for j in range(i):
            if row[j] != rho[j][i]:
                raise ValueError(
                    f"asymmetric: [{i}][{j}] is {row[j]}% and [{j}][{i}] is {rho[j][i]}%: both must be the same"
                )
    values, vectors = np.linalg.eigh(np.array(rho, dtype=float) / 100)
    if values[0] < -TOLERANCE:
        buckets = ", ".join(str(b) for b in sorted(np.argsort(-np.abs(vectors[:, 0]))[:3]))
        raise ValueError(
            f"not positive semidefinite: lowest eigenvalue {values[0]:.4f}, most of it in buckets {buckets}; "
            "such correlations cannot all hold at once, and a portfolio would have a negative variance"
        )
