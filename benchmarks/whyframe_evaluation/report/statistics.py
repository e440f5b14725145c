"""What stands in a cell of the table: a value over pictures with its bootstrap interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Cell", "category_cell", "mean_cell"]

DRAWS, SEED = 2000, 0


@dataclass(frozen=True)
class Cell:
    """A value over pictures, with its 95 % bootstrap interval and count.

    Attributes:
        mean: the value.
        low: the interval's lower end.
        high: its upper end.
        count: of pictures.
        note: what else belongs to the value, such as a chosen threshold.
    """

    mean: float
    low: float
    high: float
    count: int
    note: str = ""


def mean_cell(values: Sequence[float], note: str = "") -> Cell | None:
    """The mean over pictures; None of none."""
    return category_cell(values, [""] * len(values), note)


def category_cell(values: Sequence[float], categories: Sequence[str], note: str = "") -> Cell | None:
    """The mean of each category's mean (as in Eq. 10), pictures drawn anew for the interval.

    Args:
        values: one a picture.
        categories: of each picture; a category of which a draw has no picture does not count in that draw.
        note: for the cell.

    Returns:
        None where there are no values.
    """
    if not values:
        return None
    sample = np.asarray(values, np.float64)
    names, member = np.unique(categories, return_inverse=True)
    belongs = np.eye(len(names))[member]
    draws = np.random.default_rng(SEED).integers(0, len(sample), (DRAWS, len(sample)))
    weights = np.stack([np.bincount(draw, minlength=len(sample)) for draw in draws])
    low, high = np.percentile(_means(weights, sample, belongs), [2.5, 97.5])
    mean = _means(np.ones((1, len(sample))), sample, belongs)[0]
    return Cell(float(mean), float(low), float(high), len(sample), note)


def _means(
    weights: NDArray[np.number], sample: NDArray[np.float64], belongs: NDArray[np.float64]
) -> NDArray[np.float64]:
    """D x n weights, n values, n x k membership: the D means over categories of the weighted means in each."""
    count = weights @ belongs
    means = np.divide(
        weights @ (sample[:, None] * belongs), count, out=np.zeros(count.shape), where=count > 0
    )
    return means.sum(axis=1) / (count > 0).sum(axis=1)
