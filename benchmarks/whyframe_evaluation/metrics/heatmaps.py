"""Heatmaps and regions of their pixels: scaling to [0, 1], and the largest connected component."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Heatmap", "Region", "largest_component", "unit_range"]

Heatmap = NDArray[np.floating]
"""H x W scores of any range; a larger score means a more important pixel."""

Region = NDArray[np.bool_]
"""H x W bool; true for the pixels that belong to the region."""


def unit_range(heatmap: Heatmap) -> NDArray[np.float64]:
    """Return ``(heatmap - min) / (max - min)``.

    Args:
        heatmap: Scores of any shape and range.

    Returns:
        float64 in [0, 1], of the same shape; zeros where all scores are equal.
    """
    wide = np.asarray(heatmap, np.float64)
    low, high = wide.min(), wide.max()
    return (wide - low) / (high - low) if high > low else np.zeros_like(wide)


def largest_component(region: Region) -> Region:
    """Return the 8-connected component with the most pixels; of equally large components, the first in reading order.

    Args:
        region: H x W bool.

    Returns:
        H x W bool; no pixel where ``region`` is empty.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8)
    if count == 1:
        return np.zeros_like(region, bool)
    return labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
