"""Bootstrap intervals: the mean over images, over categories, and of paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["RESAMPLES", "Estimate", "bootstrap_mean", "paired_difference"]

RESAMPLES = 10_000
"""Default number of bootstrap resamples."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % percentile bootstrap interval.

    Attributes:
        mean: The mean; NaN where `count` is 0.
        low: Lower end of the interval.
        high: Upper end of the interval.
        count: Number of values.
        note: Remark shown beside the value, such as a threshold that was chosen for it.
    """

    mean: float
    low: float
    high: float
    count: int
    note: str = ""


def bootstrap_mean(
    values: ArrayLike,
    categories: Sequence[str] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    note: str = "",
) -> Estimate:
    """Return the mean of values that were measured on independent images, with its interval.

    Args:
        values: One value per image; NaN values are left out.
        categories: Category of each image. With categories the estimate is the mean of the categories' means
            (Fu et al. 2022, Eq. 10); a category that a resample does not contain does not count in that resample.
        resamples: Number of bootstrap resamples.
        seed: Seed of the resampling.
        note: Stored in the estimate.

    Returns:
        The estimate. The interval of a single value is that value.
    """
    sample = np.asarray(values, np.float64)
    valid = ~np.isnan(sample)
    membership = _membership(np.asarray([""] * len(sample) if categories is None else categories)[valid])
    sample = sample[valid]
    if not len(sample):
        return Estimate(np.nan, np.nan, np.nan, 0, note)
    mean = float(_mean(sample, *membership, axis=0))
    low, high = (mean, mean) if len(sample) == 1 else _interval(sample, membership, resamples, seed)
    return Estimate(mean, low, high, len(sample), note)


def paired_difference(ours: ArrayLike, theirs: ArrayLike, **options: Any) -> Estimate:
    """Return the mean of ours minus theirs over the same images, with its interval.

    Args:
        ours: One value per image.
        theirs: One value per image, in the same order. Images where either value is NaN are left out.
        **options: As for `bootstrap_mean`.
    """
    return bootstrap_mean(np.asarray(ours, float) - np.asarray(theirs, float), **options)


def _interval(
    sample: NDArray[np.float64], membership: list[NDArray[np.float64]], resamples: int, seed: int
) -> tuple[float, float]:
    from scipy.stats import bootstrap  # costs half a second to import

    result = bootstrap(
        (sample, *membership),
        _mean,
        n_resamples=resamples,
        paired=True,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _membership(categories: NDArray[np.str_]) -> list[NDArray[np.float64]]:
    """Return an indicator array for each category; an empty list where there are fewer than two categories."""
    names = np.unique(categories)
    return [] if len(names) < 2 else [(categories == name).astype(np.float64) for name in names]


def _mean(sample: NDArray[np.float64], *membership: NDArray[np.float64], axis: int) -> Any:
    if not membership:
        return sample.mean(axis=axis)
    counts = np.stack([inside.sum(axis=axis) for inside in membership])
    sums = np.stack([(sample * inside).sum(axis=axis) for inside in membership])
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
    return means.sum(axis=0) / (counts > 0).sum(axis=0)
