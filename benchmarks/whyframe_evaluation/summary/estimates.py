"""Means over images with their bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence

from whyframe_training.statistics import Estimate, bootstrap_mean

__all__ = ["RESAMPLES", "estimate"]

RESAMPLES = 2_000
"""Number of bootstrap resamples of a table's value; a table has hundreds of values."""


def estimate(
    values: Sequence[float], categories: Sequence[str] | None = None, note: str = ""
) -> Estimate | None:
    """Return the mean over images, or over the categories' means (Fu et al. 2022, Eq. 10).

    Args:
        values: One value per image.
        categories: Category of each image; None for the plain mean.
        note: Remark for the table, such as a chosen threshold.

    Returns:
        The estimate, or None where there are no values.
    """
    return bootstrap_mean(values, categories, resamples=RESAMPLES, note=note) if len(values) else None
