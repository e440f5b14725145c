"""Rank correlation of two maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-4
"""Largest absolute difference at which two maps count as equal where one of them is constant."""


def rank_correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Return Spearman's rank correlation of two maps of the same shape.

    A constant map has no ranks. Where a map is constant, return 1 if the two maps are equal within `TOLERANCE`, and
    0 if they are not.
    """
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float(np.allclose(a, b, atol=TOLERANCE))
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the rank of each value; equal values get the mean of their ranks."""
    _, inverse, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse.ravel()]
