"""Faithfulness of several methods on the same images (section 4.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["min_max_over_methods"]


def min_max_over_methods(values: Mapping[str, Sequence[float]]) -> dict[str, NDArray[np.float64]]:
    """Each image's values scaled so that its worst method has 0 and its best 100, against outliers.

    Args:
        values: by method, one value for each image.

    Returns:
        By method, percent; NaN for an image that some method lacks or on which all methods are equal. The table
        of the first paper is the ``nanmean`` of each.
    """
    table = np.array([list(scores) for scores in values.values()], np.float64)
    low, high = table.min(axis=0), table.max(axis=0)  # NaN wherever one is NaN
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = 100 * (table - low) / (high - low)
    return dict(zip(values, scaled, strict=True))
