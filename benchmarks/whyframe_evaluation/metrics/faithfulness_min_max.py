"""Faithfulness of several methods on the same images, min-max normalised (Fu et al. 2022, section 4.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["min_max_over_methods"]


def min_max_over_methods(values: Mapping[str, Sequence[float]]) -> dict[str, NDArray[np.float64]]:
    """Scale the values of each image over the methods, so that an outlier has no more weight than another image.

    ``100 * (v - min) / (max - min)``, with the minimum and the maximum over the methods. Higher is better: the best
    method of an image has 100 there, and the worst has 0. The mean over the images depends on the methods compared.

    Args:
        values: Faithfulness by method name: N values, one per image, in the same order for all methods.

    Returns:
        N percentages by method name, float64. NaN for an image on which a method has NaN or all methods are equal.
    """
    table = np.array([list(scores) for scores in values.values()], np.float64)
    low, high = table.min(axis=0), table.max(axis=0)  # NaN where any value is NaN
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = 100 * (table - low) / (high - low)
    return dict(zip(values, scaled, strict=True))
